// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/look/image.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/// Larger files are not analysed as a whole; no program or library is that large.
#define IMAGE_MAX ((off_t)4 << 30)
/// What holds the headers of an ELF file.
#define HEAD_SIZE ((size_t)65536)

/// Which file, and which content: whatever is written or replaced has another time of change, which
/// nobody can set. No bytes are unused.
struct image_key {
    uint64_t dev, ino, size, seconds, nanoseconds;
};

struct image_store {
    GHashTable *images; ///< struct image_key → struct image
};

static unsigned hash_key(gconstpointer pointer)
{
    const struct image_key *key = pointer;
    uint64_t mixed = key->ino * UINT64_C(0x9e3779b97f4a7c15) ^ key->dev ^ key->size << 1 ^
                     key->nanoseconds << 3 ^ key->seconds;
    return (unsigned)(mixed >> 32 ^ mixed);
}

static gboolean equal_keys(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(struct image_key)) == 0;
}

static void free_image(void *pointer)
{
    struct image *image = pointer;
    find_result_clear(&image->sites);
    g_free(image->name);
    g_free(image);
}

struct image_store *image_store_new(void)
{
    struct image_store *store = g_new0(struct image_store, 1);
    store->images = g_hash_table_new_full(hash_key, equal_keys, g_free, free_image);
    return store;
}

void image_store_free(struct image_store *store)
{
    if (store != NULL) {
        g_hash_table_unref(store->images);
        g_free(store);
    }
}

/// Where a file that was shortened while it was mapped is left.
static sigjmp_buf shortened;

static void on_bus(int signal)
{
    siglongjmp(shortened, signal);
}

/// Analyses the mapped file. False where it was shortened meanwhile, which must not end the tracer;
/// what the analysis had of memory then is lost.
static bool find_in_mapping(const uint8_t *bytes, size_t size, struct find_result *ret)
{
    const struct sigaction action = {.sa_handler = on_bus};
    struct sigaction before;
    sigaction(SIGBUS, &action, &before);
    bool is_whole = sigsetjmp(shortened, 1) == 0;
    if (is_whole) {
        find_in_file(bytes, size, ret);
    }
    sigaction(SIGBUS, &before, NULL);
    return is_whole;
}

static bool is_elf(const uint8_t *bytes, size_t size)
{
    struct elf_file file;
    if (!elf_parse(bytes, size, &file)) {
        return false;
    }
    elf_clear(&file);
    return true;
}

static void analyse(int fd, size_t size, struct image *image)
{
    g_autofree uint8_t *head = g_malloc(HEAD_SIZE);
    ssize_t got = pread(fd, head, HEAD_SIZE, 0);
    if (got <= 0 || !is_elf(head, (size_t)got)) {
        return;
    }
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes != MAP_FAILED) {
        image->is_elf = find_in_mapping(bytes, size, &image->sites);
        munmap(bytes, size);
    }
}

struct image *image_store_get(struct image_store *store, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > IMAGE_MAX) {
        return NULL;
    }
    struct image_key key = {st.st_dev, st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_ctim.tv_sec,
                            (uint64_t)st.st_ctim.tv_nsec};
    struct image *image = g_hash_table_lookup(store->images, &key);
    if (image == NULL) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
        image = g_new0(struct image, 1);
        image->name = g_file_read_link(link, NULL);
        analyse(fd, key.size, image);
        g_hash_table_insert(store->images, g_memdup2(&key, sizeof key), image);
    }
    return image;
}

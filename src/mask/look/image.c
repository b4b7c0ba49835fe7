// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/look/image.h"

#include "mask/look/sites.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/// Larger files are not analysed as a whole; no program or library is that large.
#define IMAGE_MAX ((off_t)4 << 30)
/// What holds the headers of an ELF file.
#define HEAD_SIZE ((size_t)65536)

/// Smaller files are analysed faster than an entry of the cache is written safely.
#define WORTH_KEEPING ((size_t)1 << 20)

struct image_store {
    GHashTable *images; ///< struct sites_key → struct image
    bool uses_disk;
};

static unsigned hash_key(gconstpointer pointer)
{
    const struct sites_key *key = pointer;
    uint64_t mixed = key->ino * UINT64_C(0x9e3779b97f4a7c15) ^ key->dev ^ key->size << 1 ^
                     key->nanoseconds << 3 ^ key->seconds;
    return (unsigned)(mixed >> 32 ^ mixed);
}

static gboolean equal_keys(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(struct sites_key)) == 0;
}

static void free_image(void *pointer)
{
    struct image *image = pointer;
    find_result_clear(&image->sites);
    g_free(image->name);
    g_free(image);
}

struct image_store *image_store_new(bool uses_disk)
{
    struct image_store *store = g_new0(struct image_store, 1);
    store->images = g_hash_table_new_full(hash_key, equal_keys, g_free, free_image);
    store->uses_disk = uses_disk;
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

/// Only such files are worth an entry on disk whose owner is trusted with that.
static bool is_kept(const struct image_store *store, const struct stat *st)
{
    return store->uses_disk && (st->st_uid == 0 || st->st_uid == geteuid()) &&
           (st->st_mode & 022) == 0;
}

static void analyse_mapped(int fd, size_t size, struct image *image)
{
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        image->is_elf = false;
        return;
    }
    image->is_elf = find_in_mapping(bytes, size, &image->sites);
    munmap(bytes, size);
}

static void analyse(int fd, bool is_kept, const struct sites_key *key, struct image *image)
{
    image->is_elf = is_kept && sites_load(key, &image->sites);
    g_autofree uint8_t *head = g_malloc(HEAD_SIZE);
    ssize_t got = image->is_elf ? 0 : pread(fd, head, HEAD_SIZE, 0);
    if (got <= 0 || !is_elf(head, (size_t)got)) {
        return;
    }
    analyse_mapped(fd, key->size, image);
    if (image->is_elf && is_kept && key->size >= WORTH_KEEPING) {
        sites_save(key, &image->sites);
    }
}

struct image *image_store_get(struct image_store *store, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > IMAGE_MAX) {
        return NULL;
    }
    struct sites_key key = {st.st_dev, st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_ctim.tv_sec,
                            (uint64_t)st.st_ctim.tv_nsec};
    struct image *image = g_hash_table_lookup(store->images, &key);
    if (image == NULL) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
        image = g_new0(struct image, 1);
        image->name = g_file_read_link(link, NULL);
        analyse(fd, is_kept(store, &st), &key, image);
        g_hash_table_insert(store->images, g_memdup2(&key, sizeof key), image);
    }
    return image;
}

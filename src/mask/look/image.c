// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/look/image.h"

#include "mask/look/sites.h"

#include <sys/stat.h>
#include <unistd.h>

/// Larger files are not analysed as a whole; no program or library is that large.
#define IMAGE_MAX ((off_t)4 << 30)
/// What holds the headers and the build id of an ELF file.
#define HEAD_SIZE ((size_t)65536)

/// Smaller files are analysed faster than an entry of the cache is written safely.
#define WORTH_KEEPING ((size_t)1 << 20)

struct key {
    uint64_t dev, ino, size, seconds, nanoseconds;
};

struct image_store {
    GHashTable *images; ///< struct key → struct image
    bool uses_disk;
};

static unsigned hash_key(gconstpointer pointer)
{
    const struct key *key = pointer;
    uint64_t mixed = key->ino * UINT64_C(0x9e3779b97f4a7c15) ^ key->dev ^ key->size << 1 ^
                     key->nanoseconds << 3 ^ key->seconds;
    return (unsigned)(mixed >> 32 ^ mixed);
}

static gboolean equal_keys(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(struct key)) == 0;
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

/// Reads up to `size` bytes from the beginning. Not mmap: a file that somebody shortens meanwhile
/// must not end the tracer.
static uint8_t *read_start(int fd, size_t size, size_t *ret_got)
{
    uint8_t *bytes = g_try_malloc(size > 0 ? size : 1);
    size_t done = 0;
    while (bytes != NULL && done < size) {
        ssize_t got = pread(fd, bytes + done, size - done, (off_t)done);
        if (got <= 0) {
            break;
        }
        done += (size_t)got;
    }
    *ret_got = done;
    return bytes;
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

static void analyse(const struct image_store *store, int fd, size_t size, struct image *image)
{
    size_t got;
    g_autofree uint8_t *head = read_start(fd, MIN(size, HEAD_SIZE), &got);
    if (head == NULL || !is_elf(head, got)) {
        return;
    }
    image->is_elf = true;
    g_autofree char *id = elf_find_build_id(head, got);
    if (store->uses_disk && id != NULL && sites_load(id, size, &image->sites)) {
        return;
    }
    g_autofree uint8_t *bytes = read_start(fd, size, &got);
    if (bytes == NULL) {
        image->is_elf = false;
        return;
    }
    find_in_file(bytes, got, &image->sites);
    if (store->uses_disk && id != NULL && got >= WORTH_KEEPING) {
        sites_save(id, size, &image->sites);
    }
}

struct image *image_store_get(struct image_store *store, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > IMAGE_MAX) {
        return NULL;
    }
    struct key key = {st.st_dev, st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
                      (uint64_t)st.st_mtim.tv_nsec};
    struct image *image = g_hash_table_lookup(store->images, &key);
    if (image == NULL) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
        image = g_new0(struct image, 1);
        image->name = g_file_read_link(link, NULL);
        analyse(store, fd, (size_t)st.st_size, image);
        g_hash_table_insert(store->images, g_memdup2(&key, sizeof key), image);
    }
    return image;
}

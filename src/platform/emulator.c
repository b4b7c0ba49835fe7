// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/emulator.h"

#include "base/auto.h"
#include "base/text.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// What QEMU prints with --version, one literal of its source (system/vl.c, version()).
#define NEEDLE "QEMU emulator version "

/// As libvirt names the file of what it asked a program (virQEMUCapsNewCache, virFileCache).
#define CAPABILITIES "var/cache/libvirt/qemu/capabilities"

#define SECTIONS_MAX 256
#define SEARCH_MAX   ((off_t)64 << 20)
#define CHUNK        ((size_t)256 << 10)
#define OVERLAP      ((off_t)(sizeof(NEEDLE) + 32))

/// Where distributions put it. The last two are often links or scripts, of which libvirt knows.
static const char *const programs[] = {
    "/usr/bin/qemu-system-x86_64",
    "/usr/libexec/qemu-kvm",
    "/usr/bin/qemu-kvm",
    "/usr/bin/kvm",
};

/// Links are followed: the program is only read.
static int open_program(const root_dir *root, const char *path, struct stat *ret_stat)
{
    g_autofree char *whole = g_strconcat(root->path, path, NULL);
    int fd = *path == '/' ? open(whole, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (fd >= 0 && (fstat(fd, ret_stat) != 0 || !S_ISREG(ret_stat->st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

char *emulator_get_stamp(const root_dir *root, const char *path)
{
    struct stat st;
    g_autofree char *whole = g_strconcat(root->path, path, NULL);
    bool is_there = *path == '/' && stat(whole, &st) == 0 && S_ISREG(st.st_mode);
    return !is_there ? NULL
                     : g_strdup_printf("%lld.%09ld-%lld-%llu", (long long)st.st_ctim.tv_sec,
                                       st.st_ctim.tv_nsec, (long long)st.st_size,
                                       (unsigned long long)st.st_ino);
}

const char *emulator_find(const root_dir *root)
{
    for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autofree char *stamp = emulator_get_stamp(root, programs[i]);
        if (stamp != NULL) {
            return programs[i];
        }
    }
    return NULL;
}

/// The number in the first element of this name; 0 where there is none. libvirt writes the file.
static guint64 get_number(const char *xml, const char *element)
{
    g_autofree char *tag = g_strdup_printf("<%s>", element);
    const char *found = strstr(xml, tag);
    return found != NULL ? g_ascii_strtoull(found + strlen(tag), NULL, 10) : 0;
}

/// What libvirt keeps of the program, if it is about the program as it is.
static unsigned read_capabilities(const root_dir *root, const char *path, time_t changed)
{
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, path, -1);
    g_autofree char *target = g_strdup_printf(CAPABILITIES "/%s.xml", sum);
    g_auto(root_file) file = {0};
    if (root_load(root, target, &file, NULL) != 0 || !file.exists ||
        root_file_check_owner(root, target, &file, NULL) != 0 ||
        get_number(file.bytes, "qemuctime") != (guint64)changed) {
        return 0;
    }
    return (unsigned)MIN(get_number(file.bytes, "version"), G_MAXUINT32);
}

static bool read_at(int fd, void *to, size_t len, off_t at)
{
    return at >= 0 && pread(fd, to, len, at) == (ssize_t)len;
}

/// Where the program's constants stand; the whole file where it has no sections.
static void find_constants(int fd, off_t size, off_t *ret_start, off_t *ret_end)
{
    Elf64_Ehdr header;
    g_autofree Elf64_Shdr *sections = g_new0(Elf64_Shdr, SECTIONS_MAX);
    *ret_start = 0;
    *ret_end = size;
    if (!read_at(fd, &header, sizeof(header), 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_shentsize != sizeof(Elf64_Shdr) ||
        header.e_shnum > SECTIONS_MAX || header.e_shstrndx >= header.e_shnum ||
        !read_at(fd, sections, header.e_shnum * sizeof(Elf64_Shdr), (off_t)header.e_shoff)) {
        return;
    }
    off_t names = (off_t)sections[header.e_shstrndx].sh_offset;
    for (size_t i = 0; i < header.e_shnum; i++) {
        char name[sizeof(".rodata")];
        guint64 start = sections[i].sh_offset, len = sections[i].sh_size;
        if (read_at(fd, name, sizeof(name), names + sections[i].sh_name) &&
            memcmp(name, ".rodata", sizeof(name)) == 0 && start <= (guint64)size &&
            len <= (guint64)size - start) {
            *ret_start = (off_t)start;
            *ret_end = (off_t)(start + len);
        }
    }
}

/// The version that stands from `at` to `end`; 0 where there is none.
static unsigned search(int fd, off_t at, off_t end)
{
    g_autofree char *chunk = g_malloc(CHUNK + 1);
    // A version that a chunk cuts in two stands whole in the next.
    for (; at < end; at += (off_t)CHUNK - OVERLAP) {
        ssize_t len = pread(fd, chunk, MIN(CHUNK, (size_t)(end - at)), at);
        if (len <= 0) {
            return 0;
        }
        chunk[len] = '\0';
        const char *found = memmem(chunk, (size_t)len, NEEDLE, strlen(NEEDLE));
        if (found != NULL && (found - chunk < len - OVERLAP || at + len >= end)) {
            return text_parse_version(found + strlen(NEEDLE));
        }
    }
    return 0;
}

/// It stands about half-way (at 0.48 in 7.2, 0.53 in 10.0): what comes before is looked at last. So
/// a hook that cannot remember what it found pays a tenth of a millisecond at each start.
static unsigned search_constants(int fd, off_t size)
{
    off_t start, end;
    find_constants(fd, size, &start, &end);
    end = MIN(end, start + SEARCH_MAX);
    off_t middle = start + (end - start) / 5 * 2;
    unsigned version = search(fd, middle, end);
    return version != 0 ? version : search(fd, start, MIN(middle + OVERLAP, end));
}

unsigned emulator_read_version(const root_dir *root, const char *path)
{
    struct stat st;
    autoclose int fd = open_program(root, path, &st);
    if (fd < 0) {
        return 0;
    }
    unsigned version = read_capabilities(root, path, st.st_ctim.tv_sec);
    return version != 0 ? version : search_constants(fd, st.st_size);
}

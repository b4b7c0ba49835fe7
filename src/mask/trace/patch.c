// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/patch.h"

#include "base/auto.h"
#include "mask/look/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/// So much of a mapping is compared with the file that it is said to map.
#define SAMPLE 256

/// So many undecided places are reported, and remembered so as not to be reported twice.
#define REPORTS_MAX 1000

static void patch_one(struct tracer *tracer, struct task *task, uint64_t addr)
{
    if (space_patch(task->space, task->tid, addr)) {
        tracer->counts.replaced++;
    } else {
        task_report(tracer,
                    "process %d: the CPUID instruction at 0x%" PRIx64
                    " cannot be replaced (memory that is shared or read-only): it shows the "
                    "real CPU",
                    task->tid, addr);
    }
}

static void report_undecided(struct tracer *tracer, const char *what, uint64_t at)
{
    if (tracer->counts.undecided >= REPORTS_MAX) {
        return;
    }
    g_autofree char *line = g_strdup_printf("%s at 0x%" PRIx64, what, at);
    if (!g_hash_table_add(tracer->reported, g_strdup(line))) {
        return; // a page that is written again and again is told of once
    }
    if (++tracer->counts.undecided == REPORTS_MAX) {
        task_report(tracer, "so many places cannot be decided that no more are told of");
    }
    task_report(tracer, "%s: data or a CPUID instruction, which cannot be decided: left as it is",
                line);
}

void patch_report_closed(const struct tracer *tracer, const struct task *task)
{
    bool is_refused = memory_is_open(task->tid) || errno == EACCES || errno == EPERM;
    const char *why = is_refused ? "it asked for that, by PR_SET_DUMPABLE" : g_strerror(errno);
    if (g_hash_table_add(tracer->reported, g_strdup("closed"))) {
        task_report(tracer,
                    "process %d cannot be looked into (%s): code that is not known yet shows it "
                    "the real CPU",
                    task->tid, why);
    }
}

bool patch_is_needed(const struct tracer *tracer, const struct task *task)
{
    return !tracer->options.is_faulting || !task->space->is_64;
}

void patch_image(struct tracer *tracer, struct task *task, struct image *image, uint64_t start,
                 uint64_t length, uint64_t offset)
{
    if (!patch_is_needed(tracer, task)) {
        return;
    }
    for (unsigned i = 0; i < image->sites.code->len; i++) {
        uint64_t site = g_array_index(image->sites.code, uint64_t, i);
        if (site >= offset && site - offset + CPUID_LENGTH <= length) {
            patch_one(tracer, task, start + (site - offset));
        }
    }
    for (unsigned i = 0; i < image->sites.undecided->len && !image->is_reported; i++) {
        report_undecided(tracer, image->name != NULL ? image->name : "a file",
                         g_array_index(image->sites.undecided, uint64_t, i));
    }
    image->is_reported = true;
}

struct walk {
    struct tracer *tracer;
    struct task *task;
    uint64_t entry;      ///< where an instruction is known to begin, UINT64_MAX: nowhere
    uint64_t start, end; ///< only what begins within is replaced
};

static void patch_bytes(void *data, uint64_t addr, const uint8_t *bytes, size_t size)
{
    struct walk *walk = data;
    struct find_result found;
    bool has_entry = walk->entry >= addr && walk->entry - addr < size;
    find_in_memory(bytes, size, walk->task->space->is_64, has_entry ? walk->entry - addr : SIZE_MAX,
                   &found);
    for (unsigned i = 0; i < found.code->len; i++) {
        uint64_t site = addr + g_array_index(found.code, uint64_t, i);
        if (site >= walk->start && site < walk->end) {
            patch_one(walk->tracer, walk->task, site);
        }
    }
    for (unsigned i = 0; i < found.undecided->len; i++) {
        uint64_t site = addr + g_array_index(found.undecided, uint64_t, i);
        if (site >= walk->start && site < walk->end) {
            g_autofree char *what = g_strdup_printf("process %d: memory", walk->task->tid);
            report_undecided(walk->tracer, what, site);
        }
    }
    find_result_clear(&found);
}

static void patch_memory(struct tracer *tracer, struct task *task, uint64_t start, uint64_t end,
                         bool is_touched_only)
{
    struct walk walk = {tracer, task, UINT64_MAX, start, end};
    memory_each_run(task->tid, start, end, is_touched_only, patch_bytes, &walk);
}

void patch_page(struct tracer *tracer, struct task *task, uint64_t page, uint64_t entry)
{
    // An instruction that begins on the last byte before, or on this page's last byte, is its own.
    struct walk walk = {tracer, task, entry, page - 1, page + MEMORY_PAGE};
    uint8_t bytes[3 * MEMORY_PAGE];
    // Code goes on into the neighbours, which say what the edges of this page mean.
    uint64_t start = page - MEMORY_PAGE;
    size_t got = memory_read(task->tid, start, bytes, sizeof bytes);
    if (got <= MEMORY_PAGE) {
        start = page;
        got = memory_read(task->tid, start, bytes, (size_t)2 * MEMORY_PAGE);
    }
    patch_bytes(&walk, start, bytes, got);
}

struct image *patch_get_image(struct tracer *tracer, const struct task *task, int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd/%d", task->tid, fd);
    autoclose int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct image *image = file >= 0 ? image_store_get(tracer->images, file) : NULL;
    return image != NULL && image->is_elf ? image : NULL;
}

/// True if the mapping begins with what the file has at that place: the path may since name
/// another file.
static bool is_same(pid_t pid, const struct mapping *mapping, int fd)
{
    uint8_t there[SAMPLE], here[SAMPLE];
    ssize_t got = pread(fd, here, sizeof here, (off_t)mapping->offset);
    return got > 0 && memory_read(pid, mapping->start, there, (size_t)got) == (size_t)got &&
           memcmp(here, there, (size_t)got) == 0;
}

/// Opens what has the mapping's name, if that is the mapped file still. The program chose the name,
/// and may have put anything there: it is looked at before it is opened.
static int open_named(pid_t pid, const struct mapping *mapping)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/root%s", pid, mapping->path);
    autoclose int there = open(path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (there < 0 || fstat(there, &st) != 0 || !S_ISREG(st.st_mode) ||
        st.st_ino != mapping->inode) {
        return -1;
    }
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", there);
    return open(link, O_RDONLY | O_CLOEXEC);
}

/// Opens the file of a mapping. -1 where it is not to be had. Root, and who may restore processes,
/// has it from the kernel, whatever its name is now.
static int open_mapped(pid_t pid, const struct mapping *mapping)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid,
                                            mapping->map_start, mapping->map_end);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        fd = open_named(pid, mapping);
    }
    return fd >= 0 && is_same(pid, mapping, fd) ? auto_steal(&fd) : -1;
}

/// Patches by the file. False where there is no such file, or no ELF file.
static bool patch_by_file(struct tracer *tracer, struct task *task, const struct mapping *mapping)
{
    autoclose int fd = mapping->path[0] == '/' ? open_mapped(task->tid, mapping) : -1;
    struct image *image = fd >= 0 ? image_store_get(tracer->images, fd) : NULL;
    if (image == NULL || !image->is_elf) {
        return false;
    }
    patch_image(tracer, task, image, mapping->start, mapping->end - mapping->start,
                mapping->offset);
    return true;
}

/// The vDSO ends within a page, of which the rest is zero: no other memory of a program is known to
/// be unused. Returns its last bytes' place, 0 where it is filled.
static uint64_t find_spare(const uint8_t *bytes, size_t size, uint64_t start)
{
    static const uint8_t zeros[SPACE_SPARE];
    bool is_free =
        size >= sizeof zeros && memcmp(bytes + size - sizeof zeros, zeros, sizeof zeros) == 0;
    return is_free ? start + size - sizeof zeros : 0;
}

/// The vDSO is an ELF file in memory. It has what else is needed of it: an instruction that makes a
/// system call, and unused bytes.
static void patch_vdso(struct tracer *tracer, struct task *task, const struct mapping *mapping)
{
    static const uint8_t call_bytes[][2] = {{0xcd, 0x80}, {0x0f, 0x05}}; // int 0x80, syscall
    size_t size = mapping->end - mapping->start;
    g_autofree uint8_t *bytes = g_malloc0(size);
    size_t got = memory_read(task->tid, mapping->start, bytes, size);
    struct image image = {.name = mapping->path, .is_elf = true};
    find_in_file(bytes, got, &image.sites);
    patch_image(tracer, task, &image, mapping->start, got, 0);
    find_result_clear(&image.sites);
    const uint8_t *hit = memmem(bytes, got, call_bytes[task->space->is_64], sizeof call_bytes[0]);
    task->space->syscall_at = hit != NULL ? mapping->start + (uint64_t)(hit - bytes) : 0;
    task->space->spare_at = find_spare(bytes, got, mapping->start);
}

static void patch_mapping(struct tracer *tracer, struct task *task, const struct mapping *mapping)
{
    bool is_anonymous = mapping->inode == 0;
    if ((mapping->prot & PROT_EXEC) == 0 || strcmp(mapping->path, "[vsyscall]") == 0) {
        return;
    }
    if (strcmp(mapping->path, "[vdso]") == 0) {
        patch_vdso(tracer, task, mapping);
    } else if (patch_is_needed(tracer, task) &&
               (is_anonymous || !patch_by_file(tracer, task, mapping))) {
        patch_memory(tracer, task, mapping->start, mapping->end, is_anonymous);
    }
}

void patch_program(struct tracer *tracer, struct task *task)
{
    g_autoptr(GArray) maps = memory_read_maps(task->tid, 0, UINT64_MAX);
    if (maps->len == 0 && !memory_is_open(task->tid)) {
        patch_report_closed(tracer, task);
    }
    for (unsigned i = 0; i < maps->len; i++) {
        patch_mapping(tracer, task, &g_array_index(maps, struct mapping, i));
    }
}

void patch_range(struct tracer *tracer, struct task *task, uint64_t start, uint64_t end)
{
    g_autoptr(GArray) maps = memory_read_maps(task->tid, start, end);
    if (maps->len == 0 && !memory_is_open(task->tid)) {
        patch_report_closed(tracer, task);
    }
    for (unsigned i = 0; i < maps->len; i++) {
        struct mapping mapping = g_array_index(maps, struct mapping, i);
        uint64_t cut = start > mapping.start ? start - mapping.start : 0;
        mapping.start += cut;
        mapping.offset += cut;
        mapping.end = MIN(mapping.end, end);
        patch_mapping(tracer, task, &mapping);
    }
}

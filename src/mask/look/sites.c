// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/look/sites.h"

#include "base/auto.h"
#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// Changes whenever the analysis does: older entries are then not read any more.
#define SITES_MAGIC "cpulift-sites/2"
#define SITES_MAX   ((size_t)1 << 20)

/// The cache folder, made where it is missing; NULL where it is not ours alone to write.
static char *get_folder(void)
{
    g_autofree char *folder = g_build_filename(g_get_user_cache_dir(), "cpulift", NULL);
    struct stat st;
    if (g_mkdir_with_parents(folder, 0700) != 0 || lstat(folder, &st) != 0 ||
        !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
        return NULL;
    }
    return g_steal_pointer(&folder);
}

static char *get_path(const char *build_id)
{
    g_autofree char *folder = get_folder();
    g_autofree char *name = g_strdup_printf("%s.sites", build_id);
    return folder != NULL ? g_build_filename(folder, name, NULL) : NULL;
}

static void format_list(GString *text, char kind, const GArray *offsets)
{
    for (unsigned i = 0; i < offsets->len; i++) {
        g_string_append_printf(text, "%c %" PRIu64 "\n", kind, g_array_index(offsets, uint64_t, i));
    }
}

char *sites_format(uint64_t file_size, const struct find_result *result)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%s %" PRIu64 " %zu\n", SITES_MAGIC, file_size, result->rejected);
    format_list(text, 'c', result->code);
    format_list(text, 'u', result->undecided);
    g_string_append(text, "end\n"); // a file that was cut off is no answer
    return g_string_free(text, FALSE);
}

static bool parse_line(const char *line, uint64_t file_size, struct find_result *result)
{
    GArray *list = line[0] == 'c' ? result->code : line[0] == 'u' ? result->undecided : NULL;
    uint64_t offset;
    if (list == NULL || line[1] != ' ' || file_size < 2 ||
        !text_to_uint(line + 2, file_size - 2, &offset) ||
        (list->len > 0 && g_array_index(list, uint64_t, list->len - 1) >= offset)) {
        return false;
    }
    g_array_append_val(list, offset);
    return true;
}

bool sites_parse(const char *text, uint64_t file_size, struct find_result *ret)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_auto(GStrv) head = g_strsplit(lines[0] != NULL ? lines[0] : "", " ", -1);
    uint64_t size, rejected;
    if (g_strv_length(head) != 3 || strcmp(head[0], SITES_MAGIC) != 0 ||
        !text_to_uint(head[1], G_MAXUINT64, &size) || size != file_size ||
        !text_to_uint(head[2], SIZE_MAX, &rejected)) {
        return false;
    }
    struct find_result result = {g_array_new(FALSE, FALSE, sizeof(uint64_t)),
                                 g_array_new(FALSE, FALSE, sizeof(uint64_t)), rejected};
    unsigned n = 1;
    while (lines[n] != NULL && parse_line(lines[n], file_size, &result)) {
        n++;
    }
    if (lines[n] == NULL || strcmp(lines[n], "end") != 0) {
        find_result_clear(&result);
        return false;
    }
    *ret = result;
    return true;
}

static char *load_text(const char *path)
{
    autoclose int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0) {
        return NULL;
    }
    g_autofree char *text = NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        (st.st_mode & 022) == 0 && (size_t)st.st_size <= SITES_MAX) {
        text = g_malloc0((size_t)st.st_size + 1);
        if (read(fd, text, (size_t)st.st_size) != st.st_size) {
            g_clear_pointer(&text, g_free);
        }
    }
    return g_steal_pointer(&text);
}

bool sites_load(const char *build_id, uint64_t file_size, struct find_result *ret)
{
    g_autofree char *path = get_path(build_id);
    g_autofree char *text = path != NULL ? load_text(path) : NULL;
    return text != NULL && sites_parse(text, file_size, ret);
}

void sites_save(const char *build_id, uint64_t file_size, const struct find_result *result)
{
    g_autofree char *path = get_path(build_id);
    if (path != NULL) {
        g_autofree char *text = sites_format(file_size, result);
        g_autoptr(cpulift_error) err = NULL;
        file_save(path, text, strlen(text), 0600, &err);
    }
}

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
#define SITES_MAGIC "cpulift-sites/3"
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

static char *get_path(const struct sites_key *key)
{
    g_autofree char *folder = get_folder();
    g_autofree char *name = g_strdup_printf("%" PRIx64 "-%" PRIx64 ".sites", key->dev, key->ino);
    return folder != NULL ? g_build_filename(folder, name, NULL) : NULL;
}

static void format_list(GString *text, char kind, const GArray *offsets)
{
    for (unsigned i = 0; i < offsets->len; i++) {
        g_string_append_printf(text, "%c %" PRIu64 "\n", kind, g_array_index(offsets, uint64_t, i));
    }
}

/// The first line, but for the number at its end; the caller's.
static char *format_head(const struct sites_key *key)
{
    return g_strdup_printf(SITES_MAGIC " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                                       " ",
                           key->dev, key->ino, key->size, key->seconds, key->nanoseconds);
}

char *sites_format(const struct sites_key *key, const struct find_result *result)
{
    g_autofree char *head = format_head(key);
    GString *text = g_string_new(head);
    g_string_append_printf(text, "%zu\n", result->rejected);
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

bool sites_parse(const char *text, const struct sites_key *key, struct find_result *ret)
{
    g_autofree char *head = format_head(key);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    uint64_t rejected;
    if (lines[0] == NULL || !g_str_has_prefix(lines[0], head) ||
        !text_to_uint(lines[0] + strlen(head), SIZE_MAX, &rejected)) {
        return false;
    }
    struct find_result result = {g_array_new(FALSE, FALSE, sizeof(uint64_t)),
                                 g_array_new(FALSE, FALSE, sizeof(uint64_t)), rejected};
    unsigned n = 1;
    while (lines[n] != NULL && parse_line(lines[n], key->size, &result)) {
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

bool sites_load(const struct sites_key *key, struct find_result *ret)
{
    g_autofree char *path = get_path(key);
    g_autofree char *text = path != NULL ? load_text(path) : NULL;
    return text != NULL && sites_parse(text, key, ret);
}

void sites_save(const struct sites_key *key, const struct find_result *result)
{
    g_autofree char *path = get_path(key);
    if (path != NULL) {
        g_autofree char *text = sites_format(key, result);
        g_autoptr(cpulift_error) err = NULL;
        file_save(path, text, strlen(text), 0600, &err);
    }
}

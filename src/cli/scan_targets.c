// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/scan_targets.h"

#include "base/text.h"

#include <string.h>

static void free_target(void *data)
{
    struct scan_target *target = data;
    g_free(target->name);
    g_free(target->uri);
    g_free(target);
}

GPtrArray *scan_targets_new(void)
{
    return g_ptr_array_new_with_free_func(free_target);
}

void scan_targets_add(GPtrArray *targets, const char *name, const char *uri)
{
    struct scan_target *target = g_new0(struct scan_target, 1);
    target->name = g_strdup(name);
    target->uri = g_strdup(uri);
    g_ptr_array_add(targets, target);
}

/// The words up to a comment.
static GPtrArray *split(const char *line)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    g_auto(GStrv) parts = g_strsplit_set(line, " \t\r", -1);
    for (char **part = parts; *part != NULL && (*part)[0] != '#'; part++) {
        if ((*part)[0] != '\0') {
            g_ptr_array_add(words, g_strdup(*part));
        }
    }
    return words;
}

static int parse_line(GPtrArray *targets, const char *line, const char *where, size_t number,
                      cpulift_error **err)
{
    g_autoptr(GPtrArray) words = split(line);
    if (words->len == 0) {
        return 0;
    }
    const char *uri = words->pdata[words->len - 1];
    const char *name = words->len == 2 ? words->pdata[0] : NULL;
    if (words->len > 2 || strstr(uri, ":/") == NULL || (name != NULL && !text_is_name(name))) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s', line %zu: expected 'URI' or 'NAME URI', found '%.200s'",
                                 where, number, line);
    }
    scan_targets_add(targets, name, uri);
    return 0;
}

int scan_targets_parse(GPtrArray *targets, const char *text, const char *where, cpulift_error **err)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    int rc = 0;
    for (size_t i = 0; rc == 0 && lines[i] != NULL; i++) {
        rc = parse_line(targets, lines[i], where, i + 1, err);
    }
    return rc;
}

const char *scan_targets_to_string(const struct scan_target *target)
{
    if (target->name != NULL) {
        return target->name;
    }
    return target->uri != NULL ? target->uri : "this machine";
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/protection_compare.h"

#include "base/text.h"
#include "core/plan_warnings.h"
#include "core/protection_remedy.h"

#include <string.h>

/// The files of the guest's kernel, and others that a host suffers from: sorted, borrowed.
static GPtrArray *collect_files(const struct protection_comparison *c, const json_t *guest)
{
    GPtrArray *files = g_ptr_array_new();
    const char *file;
    const json_t *text;
    json_object_foreach ((json_t *)guest, file, text) {
        g_ptr_array_add(files, (void *)file);
    }
    for (size_t i = 0; i < c->hosts->len; i++) {
        const struct protection_hosts *of = c->hosts->pdata[i];
        json_object_foreach (of->texts, file, text) {
            bool is_safe = g_strcmp0(json_string_value(text), "Not affected") == 0;
            if (!is_safe && !g_ptr_array_find_with_equal_func(files, file, g_str_equal, NULL)) {
                g_ptr_array_add(files, (void *)file);
            }
        }
    }
    g_ptr_array_sort(files, text_compare);
    return files;
}

/// True where the same is said of both hosts.
static bool is_alike(const struct protection_hosts *a, const struct protection_hosts *b,
                     const char *file)
{
    const char *one = a->texts != NULL ? json_get_string(a->texts, file) : NULL;
    const char *other = b->texts != NULL ? json_get_string(b->texts, file) : NULL;
    return a->source == b->source && g_strcmp0(one, other) == 0;
}

/// The hosts that say what the `first` says, if it is the first that says it.
static GPtrArray *find_alike(const struct protection_comparison *c, size_t first, const char *file)
{
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < c->hosts->len; i++) {
        const struct protection_hosts *of = c->hosts->pdata[i];
        if (!is_alike(of, c->hosts->pdata[first], file)) {
            continue;
        }
        if (i < first) {
            break;
        }
        for (size_t n = 0; n < of->names->len; n++) {
            g_ptr_array_add(names, of->names->pdata[n]);
        }
    }
    g_ptr_array_sort(names, text_compare);
    return names;
}

static json_t *format_hosts(const struct protection_comparison *c, const json_t *guest,
                            const char *file)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->hosts->len; i++) {
        const struct protection_hosts *of = c->hosts->pdata[i];
        g_autoptr(GPtrArray) names = find_alike(c, i, file);
        if (names->len == 0) { // told with an earlier one
            continue;
        }
        enum protection_verdict verdict = protection_judge_hosts(of, file, guest);
        json_t *item = json_pack(
            "{s:s, s:s, s:o, s:I}", "source", protection_source_to_string(of->source), "verdict",
            protection_verdict_to_string(verdict), "hosts",
            json_new_strings((const char *const *)names->pdata, MIN(names->len, PLAN_HOSTS_MAX)),
            "host_count", (json_int_t)names->len);
        const char *text = of->texts != NULL ? json_get_string(of->texts, file) : NULL;
        if (text != NULL) {
            json_object_set_new(item, "text", json_string(text));
        }
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *format_file(struct protection_comparison *c, const json_t *guest, const char *file,
                           enum protection_verdict *worst)
{
    enum protection_verdict verdict = protection_judge_all(c, file, guest);
    *worst = MAX(*worst, verdict);
    json_t *item =
        json_pack("{s:s, s:s, s:o}", "name", file, "verdict", protection_verdict_to_string(verdict),
                  "hosts", format_hosts(c, guest, file));
    if (json_get_string(guest, file) != NULL) {
        json_object_set_new(item, "guest", json_string(json_get_string(guest, file)));
    }
    json_t *models = verdict == PROTECTION_WRONG ? protection_find_models(c, file) : NULL;
    bool is_of_features = verdict == PROTECTION_WORSE || verdict == PROTECTION_SLOWER ||
                          (models != NULL && json_array_size(models) == 0);
    json_t *remedy = is_of_features ? protection_find_remedy(c, file, verdict) : NULL;
    if (remedy != NULL) {
        json_object_set_new(item, "remedy", remedy);
    }
    if (models != NULL) {
        json_object_set_new(item, "models", models);
    }
    return item;
}

json_t *protection_compare(const struct protection_question *q, const json_t *guest, bool is_booted)
{
    struct protection_comparison c = {
        .q = q,
        .hosts = protection_find_hosts(q->map, q->plan, q->hosts, q->kernel),
        .shown = protection_get_shown(q),
        .features = protection_get_features(q),
    };
    enum protection_verdict worst = PROTECTION_SLOWER;
    json_t *list = json_array();
    g_autoptr(GPtrArray) files = collect_files(&c, guest);
    for (size_t i = 0; i < files->len; i++) {
        json_array_append_new(list, format_file(&c, guest, files->pdata[i], &worst));
    }
    json_t *document =
        json_pack("{s:s, s:s, s:s*, s:s, s:s, s:s, s:o}", "schema", PROTECTION_SCHEMA, "pool",
                  q->plan->pool, "model", q->plan->cpu->model, "kernel",
                  protection_get_name(q->kernel), "source", is_booted ? "booted" : "predicted",
                  "verdict", protection_verdict_to_string(worst), "vulnerabilities", list);
    g_ptr_array_unref(c.hosts);
    if (c.models != NULL) {
        g_array_unref(c.models);
    }
    return document;
}

bool protection_is_bad(const json_t *document)
{
    const char *verdict = json_get_string(document, "verdict");
    return g_strcmp0(verdict, protection_verdict_to_string(PROTECTION_WRONG)) == 0 ||
           g_strcmp0(verdict, protection_verdict_to_string(PROTECTION_WORSE)) == 0;
}

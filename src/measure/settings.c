// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/settings.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <limits.h>
#include <string.h>

enum { THREADS_MAX = 1024, RUNS_MAX = 10000, TIMEOUT_MAX = 86400, MEMORY_MAX = 1 << 20 };

static void free_definition(void *item)
{
    bench_definition *d = item;
    g_free(d->name);
    g_free(d->argument);
    g_free(d->document);
    g_free(d);
}

static void free_workload(void *item)
{
    workload_free(item);
}

bench_settings *settings_new(void)
{
    bench_settings *s = g_new0(bench_settings, 1);
    *s = (bench_settings){
        .runs = 5,
        .timeout = 1800,
        .memory = 2048,
        .definitions = g_ptr_array_new_with_free_func(free_definition),
        .workloads = g_ptr_array_new_with_free_func(free_workload),
    };
    return s;
}

void settings_free(bench_settings *s)
{
    if (s != NULL) {
        g_ptr_array_unref(s->definitions);
        g_ptr_array_unref(s->workloads);
        g_free(s->uri);
        g_free(s->kernel);
        g_free(s);
    }
}

static int add(bench_settings *s, char *name, const char *argument, const char *document,
               cpulift_error **err)
{
    g_autofree char *owned = name;
    if (!text_is_name(name)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' cannot name a definition: letters, digits and . _ - : @ + "
                                 "only; rename the file",
                                 name);
    }
    for (unsigned i = 0; i < s->definitions->len; i++) {
        const bench_definition *other = s->definitions->pdata[i];
        if (strcmp(other->name, name) == 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "two definitions would be called '%s'; name each once", name);
        }
    }
    bench_definition *d = g_new0(bench_definition, 1);
    d->name = g_steal_pointer(&owned);
    d->argument = g_strdup(argument);
    d->document = g_strdup(document);
    g_ptr_array_add(s->definitions, d);
    return 0;
}

/// A plan is called what it is (tuned, default, paper), anything else as its file.
static char *name_document(const char *path, const char *text)
{
    g_autoptr(json_t) json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *variant = json_get_string(json, "variant");
    if (variant != NULL && text_is_name(variant)) {
        return g_strdup(variant);
    }
    char *name = g_path_get_basename(path);
    char *dot = strrchr(name, '.');
    if (dot != NULL && dot != name) {
        *dot = '\0';
    }
    return name;
}

int settings_add_definition(bench_settings *s, const char *argument, cpulift_error **err)
{
    bool is_path = strchr(argument, '/') != NULL || g_str_has_suffix(argument, ".json") ||
                   g_str_has_suffix(argument, ".xml");
    if (!is_path) {
        return add(s, g_strdup(argument), argument, NULL, err);
    }
    g_autofree char *text = NULL;
    int rc = file_load(argument, FILE_DOCUMENT_MAX, &text, NULL, err);
    return rc == 0 ? add(s, name_document(argument, text), argument, text, err) : rc;
}

int settings_add_document(bench_settings *s, const char *name, const char *document,
                          cpulift_error **err)
{
    return add(s, g_strdup(name), name, document, err);
}

static bool has_vcpus(const bench_settings *s, size_t count, unsigned value)
{
    bool has = false;
    for (size_t i = 0; i < count; i++) {
        has = has || s->vcpus[i] == value;
    }
    return has;
}

int settings_set_vcpus(bench_settings *s, const char *list, cpulift_error **err)
{
    g_auto(GStrv) words = g_strsplit(list, ",", 0);
    size_t count = g_strv_length(words);
    for (size_t i = 0; i < count; i++) {
        guint64 value;
        if (count > SETTINGS_VCPUS_MAX || !text_to_uint(words[i], THREADS_MAX, &value) ||
            value == 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s' is no list of CPU counts; write it as 1,2,4", list);
        }
        if (has_vcpus(s, i, (unsigned)value)) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s' names a count of CPUs twice; name each once", list);
        }
        s->vcpus[i] = (unsigned)value;
    }
    s->vcpu_count = count;
    return count > 0 ? 0
                     : cpulift_error_set(err, CPULIFT_EINPUT, "the list of CPU counts is empty");
}

static bool has_workload(const bench_settings *s, const char *name)
{
    bool has = false;
    for (unsigned i = 0; i < s->workloads->len; i++) {
        has = has || strcmp(((const bench_workload *)s->workloads->pdata[i])->name, name) == 0;
    }
    return has;
}

int settings_add_workload(bench_settings *s, bench_workload *w, cpulift_error **err)
{
    g_autofree char *name = g_strdup(w->name);
    for (unsigned i = 2; w->command != NULL && has_workload(s, w->name); i++) {
        g_free(w->name);
        w->name = g_strdup_printf("%s-%u", name, i);
    }
    if (has_workload(s, w->name)) {
        workload_free(w);
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is named twice; name it once", name);
    }
    g_ptr_array_add(s->workloads, w);
    return 0;
}

int settings_check(const bench_settings *s, cpulift_error **err)
{
    const struct {
        const char *what;
        unsigned value, max;
    } numbers[] = {
        {"runs", s->runs, RUNS_MAX},
        {"timeout", s->timeout, TIMEOUT_MAX},
        {"memory", s->memory, MEMORY_MAX},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (numbers[i].value == 0 || numbers[i].value > numbers[i].max) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' must be from 1 to %u",
                                     numbers[i].what, numbers[i].max);
        }
    }
    return 0;
}

static void set_string(json_t *json, const char *key, const char *value)
{
    if (value != NULL) {
        json_object_set_new(json, key, json_string(value));
    }
}

static json_t *definition_to_json(const bench_definition *d)
{
    json_t *json = json_object();
    set_string(json, "name", d->name);
    set_string(json, "argument", d->argument);
    set_string(json, "document", d->document);
    return json;
}

json_t *settings_to_json(const bench_settings *s)
{
    json_t *json = json_object(), *vcpus = json_array();
    json_t *definitions = json_array(), *workloads = json_array();
    for (size_t i = 0; i < s->vcpu_count; i++) {
        json_array_append_new(vcpus, json_integer(s->vcpus[i]));
    }
    for (unsigned i = 0; i < s->definitions->len; i++) {
        json_array_append_new(definitions, definition_to_json(s->definitions->pdata[i]));
    }
    for (unsigned i = 0; i < s->workloads->len; i++) {
        json_array_append_new(workloads, workload_to_json(s->workloads->pdata[i]));
    }
    json_object_set_new(json, "in", json_string(s->is_guest ? "guest" : "process"));
    json_object_set_new(json, "allow_tcg", json_boolean(s->allow_tcg));
    json_object_set_new(json, "runs", json_integer(s->runs));
    json_object_set_new(json, "timeout", json_integer(s->timeout));
    json_object_set_new(json, "memory", json_integer(s->memory));
    set_string(json, "uri", s->uri);
    set_string(json, "kernel", s->kernel);
    json_object_set_new(json, "vcpus", vcpus);
    json_object_set_new(json, "definitions", definitions);
    json_object_set_new(json, "workloads", workloads);
    return json;
}

static int fail(const char *key, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_EINPUT, "the settings have no proper \"%s\"", key);
}

static int read_vcpus(const json_t *json, bench_settings *s, cpulift_error **err)
{
    const json_t *list = json_object_get(json, "vcpus");
    size_t count = json_array_size(list);
    if (count == 0 || count > SETTINGS_VCPUS_MAX) {
        return fail("vcpus", err);
    }
    for (size_t i = 0; i < count; i++) {
        json_int_t value = json_integer_value(json_array_get(list, i));
        if (value <= 0 || value > THREADS_MAX || has_vcpus(s, i, (unsigned)value)) {
            return fail("vcpus", err);
        }
        s->vcpus[i] = (unsigned)value;
    }
    s->vcpu_count = count;
    return 0;
}

static int read_lists(const json_t *json, bench_settings *s, cpulift_error **err)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(json, "definitions"), i, item) {
        const char *name = json_get_string(item, "name");
        const char *argument = json_get_string(item, "argument");
        if (name == NULL || argument == NULL) {
            return fail("definitions", err);
        }
        int rc = add(s, g_strdup(name), argument, json_get_string(item, "document"), err);
        if (rc != 0) {
            return rc;
        }
    }
    json_array_foreach (json_object_get(json, "workloads"), i, item) {
        bench_workload *w = NULL;
        int rc = workload_from_json(item, &w, err);
        rc = rc == 0 ? settings_add_workload(s, w, err) : rc;
        if (rc != 0) {
            return rc;
        }
    }
    return s->definitions->len > 0 && s->workloads->len > 0
               ? 0
               : fail("definitions\", \"workloads", err);
}

static unsigned read_number(const json_t *json, const char *key)
{
    guint64 value = json_get_uint(json, key, 0);
    return value <= UINT_MAX ? (unsigned)value : 0;
}

int settings_from_json(const json_t *json, bench_settings **ret_settings, cpulift_error **err)
{
    g_autoptr(bench_settings) s = settings_new();
    const char *in = json_get_string(json, "in");
    s->is_guest = in != NULL && strcmp(in, "guest") == 0;
    s->allow_tcg = json_is_true(json_object_get(json, "allow_tcg"));
    s->runs = read_number(json, "runs");
    s->timeout = read_number(json, "timeout");
    s->memory = read_number(json, "memory");
    s->uri = g_strdup(json_get_string(json, "uri"));
    s->kernel = g_strdup(json_get_string(json, "kernel"));
    if (in == NULL || (!s->is_guest && strcmp(in, "process") != 0)) {
        return fail("in", err);
    }
    int rc = settings_check(s, err);
    rc = rc == 0 ? read_vcpus(json, s, err) : rc;
    rc = rc == 0 ? read_lists(json, s, err) : rc;
    if (rc == 0) {
        *ret_settings = g_steal_pointer(&s);
    }
    return rc;
}

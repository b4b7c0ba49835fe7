// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/samples.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

#define VCPUS_MAX  4096
#define RUNS_MAX   100000
#define FIGURE_MAX 1e100

void sample_free(bench_sample *sample)
{
    if (sample != NULL) {
        g_free(sample->workload);
        g_free(sample->cpu);
        g_free(sample->accelerator);
        g_free(sample->reason);
        json_decref(sample->result);
        g_free(sample);
    }
}

static void free_item(void *item)
{
    sample_free(item);
}

bench_samples *samples_new(json_t *machine, json_t *settings)
{
    bench_samples *s = g_new0(bench_samples, 1);
    s->machine = machine;
    s->settings = settings;
    s->list = g_ptr_array_new_with_free_func(free_item);
    return s;
}

void samples_free(bench_samples *s)
{
    if (s != NULL) {
        json_decref(s->machine);
        json_decref(s->settings);
        g_ptr_array_unref(s->list);
        g_free(s);
    }
}

static int fail(const char *name, size_t index, const char *what, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': sample %zu %s", name, index + 1, what);
}

/// Units go into programs for gnuplot: nothing there but what a unit needs.
static bool is_unit(const char *unit)
{
    size_t len = unit != NULL ? strlen(unit) : 0;
    return len > 0 && len <= 32 &&
           strspn(unit, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/%^._- ") ==
               len;
}

static bool is_figure(const json_t *figure)
{
    const json_t *value = json_object_get(figure, "value");
    // The middle of two numbers that are near the largest one is none.
    return json_is_number(value) && fabs(json_number_value(value)) <= FIGURE_MAX &&
           is_unit(json_get_string(figure, "unit"));
}

/// Every figure of a sample that counts must be a number with a unit, or the report would be about
/// something else.
static bool has_good_figures(json_t *result)
{
    json_t *figures = json_object_get(result, "figures");
    const char *key;
    json_t *figure;
    json_object_foreach (figures, key, figure) {
        if (!is_figure(figure) || !text_is_name(key)) {
            return false;
        }
    }
    return json_object_size(figures) > 0;
}

static int check_item(const json_t *item, const char *name, size_t index, cpulift_error **err)
{
    const char *workload = json_get_string(item, "workload");
    const char *cpu = json_get_string(item, "cpu");
    if (workload == NULL || cpu == NULL || !text_is_name(workload) || !text_is_name(cpu)) {
        return fail(name, index, "has no proper \"workload\" and \"cpu\"", err);
    }
    guint64 vcpus = json_get_uint(item, "vcpus", 0);
    if (vcpus == 0 || vcpus > VCPUS_MAX || json_get_uint(item, "run", RUNS_MAX + 1) > RUNS_MAX) {
        return fail(name, index, "has no proper \"vcpus\" and \"run\"", err);
    }
    const char *accelerator = json_get_string(item, "accelerator");
    if (accelerator != NULL && !text_is_name(accelerator)) {
        return fail(name, index, "has no proper \"accelerator\"", err);
    }
    const char *status = json_get_string(item, "status");
    bool is_ok = status != NULL && strcmp(status, "ok") == 0;
    if (!is_ok && (status == NULL || strcmp(status, "failed") != 0)) {
        return fail(name, index, "has a \"status\" that is neither ok nor failed", err);
    }
    if (is_ok && !has_good_figures(json_object_get(item, "result"))) {
        return fail(name, index, "is ok but its \"figures\" are not numbers with units", err);
    }
    return 0;
}

static bench_sample *new_from_item(json_t *item)
{
    bench_sample *s = g_new0(bench_sample, 1);
    const char *accelerator = json_get_string(item, "accelerator");
    const char *reason = json_get_string(item, "reason");
    bool is_ok = strcmp(json_get_string(item, "status"), "ok") == 0;
    s->workload = g_strdup(json_get_string(item, "workload"));
    s->cpu = g_strdup(json_get_string(item, "cpu"));
    s->vcpus = (unsigned)json_get_uint(item, "vcpus", 1);
    s->run = (unsigned)json_get_uint(item, "run", 0);
    s->is_oversubscribed = json_is_true(json_object_get(item, "oversubscribed"));
    s->accelerator = g_strdup(accelerator != NULL ? accelerator : "none");
    s->reason = is_ok ? NULL : g_strdup(reason != NULL ? reason : "not said");
    s->result = json_incref(json_object_get(item, "result"));
    return s;
}

/// What makes a sample another one than the others; the caller's.
static char *format_key(const bench_sample *s)
{
    return g_strdup_printf("%s %s %u %u", s->workload, s->cpu, s->vcpus, s->run);
}

static int parse_list(const json_t *list, const char *name, bench_samples *s, cpulift_error **err)
{
    if (!json_is_array(list)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' has no list of \"samples\"", name);
    }
    g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        int rc = check_item(item, name, i, err);
        if (rc != 0) {
            return rc;
        }
        bench_sample *sample = new_from_item(item);
        g_ptr_array_add(s->list, sample);
        if (!g_hash_table_add(keys, format_key(sample))) {
            return fail(name, i, "is there twice: same workload, CPU and run", err);
        }
    }
    return 0;
}

int samples_parse(const char *text, size_t len, const char *name, bench_samples **ret_samples,
                  cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    int rc = json_parse_document(text, len, name, SAMPLES_SCHEMA, &json, err);
    if (rc != 0) {
        return rc;
    }
    json_t *machine = json_object_get(json, "machine"),
           *settings = json_object_get(json, "settings");
    if (!json_is_object(machine) || !json_is_object(settings)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' does not say the \"machine\" and the \"settings\"", name);
    }
    g_autoptr(bench_samples) s = samples_new(json_incref(machine), json_incref(settings));
    rc = parse_list(json_object_get(json, "samples"), name, s, err);
    if (rc == 0) {
        *ret_samples = g_steal_pointer(&s);
    }
    return rc;
}

int samples_load(const char *path, bench_samples **ret_samples, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len;
    int rc = file_load(path, FILE_DOCUMENT_MAX, &text, &len, err);
    return rc == 0 ? samples_parse(text, len, path, ret_samples, err) : rc;
}

static json_t *item_from_sample(const bench_sample *s)
{
    json_t *item = json_object();
    json_object_set_new(item, "workload", json_string(s->workload));
    json_object_set_new(item, "cpu", json_string(s->cpu));
    json_object_set_new(item, "vcpus", json_integer(s->vcpus));
    json_object_set_new(item, "run", json_integer(s->run));
    json_object_set_new(item, "oversubscribed", json_boolean(s->is_oversubscribed));
    json_object_set_new(item, "accelerator", json_string(s->accelerator));
    json_object_set_new(item, "status", json_string(s->reason == NULL ? "ok" : "failed"));
    if (s->reason != NULL) {
        json_object_set_new(item, "reason", json_string(s->reason));
    }
    if (s->result != NULL) {
        json_object_set(item, "result", s->result);
    }
    return item;
}

char *samples_format(const bench_samples *s)
{
    g_autoptr(json_t) json = json_object();
    json_t *list = json_array();
    for (unsigned i = 0; i < s->list->len; i++) {
        json_array_append_new(list, item_from_sample(s->list->pdata[i]));
    }
    json_object_set_new(json, "schema", json_string(SAMPLES_SCHEMA));
    json_object_set(json, "machine", s->machine);
    json_object_set(json, "settings", s->settings);
    json_object_set_new(json, "samples", list);
    return json_format_document(json);
}

int samples_save(const bench_samples *s, const char *path, cpulift_error **err)
{
    g_autofree char *text = samples_format(s);
    return file_save(path, text, strlen(text), 0644, err);
}

const bench_sample *samples_find(const bench_samples *s, const char *workload, const char *cpu,
                                 unsigned vcpus, unsigned run)
{
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *item = s->list->pdata[i];
        if (item->run == run && item->vcpus == vcpus && strcmp(item->cpu, cpu) == 0 &&
            strcmp(item->workload, workload) == 0) {
            return item;
        }
    }
    return NULL;
}

bool sample_get_figure(const bench_sample *s, const char *name, double *ret_value,
                       const char **ret_unit)
{
    const json_t *figures = json_object_get(s->result, "figures");
    const json_t *figure = json_object_get(figures, name);
    if (!is_figure(figure)) {
        return false;
    }
    *ret_value = json_number_value(json_object_get(figure, "value"));
    if (ret_unit != NULL) {
        *ret_unit = json_get_string(figure, "unit");
    }
    return true;
}

bool sample_is_usable(const bench_sample *s)
{
    return s->reason == NULL && s->run > 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/settings.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "core/cpu_words.h"
#include "core/plan.h"
#include "core/variant.h"

#include <string.h>

enum {
    THREADS_MAX = 1024,
    COUNTS_MAX = 16,
    DEFINITIONS_MAX = 1000, // each is held against each
    RUNS_MAX = 10000,
    TIMEOUT_MAX = 86400,
    MEMORY_MAX = 1 << 20
};

#define DEFINITION(member) RECORD_AT(bench_definition, member)
#define SETTINGS(member)   RECORD_AT(bench_settings, member)

static const char *const places[] = {"process", "guest", NULL};
static const record_row count_row = {.kind = &record_uint, .min = 1, .max = THREADS_MAX};
static const record_row variable_row = {.kind = &record_string, .flags = RECORD_TEXT};

RECORD_ITEM(definition_record, bench_definition,
            {"name", &record_name, DEFINITION(name), RECORD_REQUIRED,
             .meaning = "in samples and figures"},
            {"argument", &record_string, DEFINITION(argument), RECORD_REQUIRED | RECORD_TEXT,
             .min = 1, .meaning = "what was asked for: a model, `host`, `bare`, or a path"},
            {"document", &record_string, DEFINITION(document), RECORD_TEXT,
             .meaning = "the text of a plan or XML"},
            {"dropped", &record_string, DEFINITION(dropped), RECORD_TEXT, .min = 1,
             .meaning = "what `run` said of features that this machine lacks and it left out"})

const struct record settings_record = {
    RECORD_ROWS(
        {"in", &record_word, SETTINGS(is_guest), RECORD_REQUIRED, .words = places},
        {"drop_missing", &record_bool, SETTINGS(drop_missing),
         .meaning = "features that this machine lacks are left out"},
        {"allow_tcg", &record_bool, SETTINGS(allow_tcg), RECORD_ALWAYS,
         .meaning = "emulated guests are timed, too"},
        {"runs", &record_uint, SETTINGS(runs), RECORD_REQUIRED, .min = 1, .max = RUNS_MAX,
         .meaning = "that count, after one warm-up"},
        {"timeout", &record_uint, SETTINGS(timeout), RECORD_REQUIRED, .min = 1, .max = TIMEOUT_MAX,
         .meaning = "seconds for one sample"},
        {"memory", &record_uint, SETTINGS(memory), RECORD_REQUIRED, .min = 1, .max = MEMORY_MAX,
         .meaning = "MiB of a guest"},
        {"uri", &record_string, SETTINGS(uri), .min = 1, .meaning = "libvirt's; absent: chosen"},
        {"kernel", &record_string, SETTINGS(kernel), RECORD_TEXT, .min = 1,
         .meaning = "a guest's; absent: chosen"},
        {"vcpus", &record_json, SETTINGS(vcpus), RECORD_REQUIRED, .min = 1, .max = COUNTS_MAX,
         .each = &count_row, .meaning = "numbers of CPUs, each once"},
        {"definitions", &record_list, SETTINGS(definitions), RECORD_REQUIRED, .min = 1,
         .max = DEFINITIONS_MAX, .record = &definition_record,
         .meaning = "that the workloads run under"},
        {"workloads", &record_list, SETTINGS(workloads), RECORD_REQUIRED, .min = 1,
         .record = &workload_record},
        {"environment_removed", &record_json, SETTINGS(environment_removed), .each = &variable_row,
         .meaning = "variables that steer libraries, which the workloads do not get"}),
    .size = sizeof(bench_settings),
};

bench_settings *settings_new(void)
{
    bench_settings *s = record_new(&settings_record);
    s->runs = 6; // the fewest that have an interval: STATS_COUNT_MIN
    s->timeout = 1800;
    s->memory = 2048;
    return s;
}

void settings_free(bench_settings *s)
{
    record_free(&settings_record, s);
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
    bench_definition *d = g_new0(bench_definition, 1);
    d->name = g_steal_pointer(&owned);
    d->argument = g_strdup(argument);
    d->document = g_strdup(document);
    g_ptr_array_add(s->definitions, d);
    return 0;
}

static bool is_xml(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '<';
}

/// A plan is called what it is (tuned, or a word of core/variant), XML as its file. Both must say
/// what they give.
static int name_document(const char *path, const char *text, char **ret_name, cpulift_error **err)
{
    g_autoptr(cpulift_plan) plan = NULL;
    if (!is_xml(text)) {
        TRY(plan_parse(text, strlen(text), path, &plan, err));
        const struct variant *variant = variant_find(plan->variant);
        *ret_name = g_strdup(variant != NULL ? variant->word : plan->variant);
        return 0;
    }
    g_autoptr(cpulift_cpu) cpu = NULL;
    TRY(cpu_parse(text, strlen(text), path, &cpu, err));
    TRY(cpu_check_said(cpu, path, err));
    char *name = g_path_get_basename(path);
    char *dot = strrchr(name, '.');
    if (dot != NULL && dot != name) {
        *dot = '\0';
    }
    *ret_name = name;
    return 0;
}

/// "Haswell,+aes" as a document, which `run` and guests take alike, called Haswell+aes. Like a
/// model alone it does not bind: what the machine lacks is left out. A model alone is just its
/// name.
static int add_words(bench_settings *s, const char *text, const catalog *map, cpulift_error **err)
{
    g_autoptr(cpulift_cpu) cpu = NULL;
    g_autofree char *words = NULL;
    TRY(cpu_words_parse(text, map, &words, &cpu, err));
    if (strcmp(words, cpu->model) == 0) {
        return add(s, g_strdup(words), words, NULL, err);
    }
    cpu->check = g_strdup("none");
    g_autofree char *document = cpu_format(cpu, 0);
    g_auto(GStrv) parts = g_strsplit(words, ",", -1);
    return add(s, g_strjoinv("", parts), words, document, err);
}

int settings_add_definition(bench_settings *s, const char *argument, cpulift_error **err)
{
    bool is_path = strchr(argument, '/') != NULL || g_str_has_suffix(argument, ".json") ||
                   g_str_has_suffix(argument, ".xml");
    if (!is_path) {
        const struct variant *variant = variant_find(argument);
        const char *word = variant != NULL ? variant->word : argument;
        g_autoptr(catalog) map = NULL; // where there is none `run` says so, which "bare" is without
        return catalog_load(NULL, &map, NULL) == 0 && cpu_words_is(word, map)
                   ? add_words(s, word, map, err)
                   : add(s, g_strdup(word), word, NULL, err);
    }
    g_autofree char *text = NULL, *name = NULL;
    TRY(file_load(argument, FILE_DOCUMENT_MAX, &text, NULL, err));
    TRY(name_document(argument, text, &name, err));
    return add(s, g_steal_pointer(&name), argument, text, err);
}

int settings_add_document(bench_settings *s, const char *name, const char *document,
                          cpulift_error **err)
{
    return add(s, g_strdup(name), name, document, err);
}

int settings_set_vcpus(bench_settings *s, const char *list, cpulift_error **err)
{
    g_auto(GStrv) words = g_strsplit(list, ",", 0);
    json_decref(s->vcpus);
    s->vcpus = json_array();
    for (char **word = words; *word != NULL; word++) {
        guint64 value;
        if (!text_to_uint(*word, THREADS_MAX, &value) || value == 0) {
            return cpulift_error_set(
                err, CPULIFT_EINPUT,
                "'%s' is no list of CPU counts from 1 to %d; write it as 1,2,4", list, THREADS_MAX);
        }
        json_array_append_new(s->vcpus, json_integer((json_int_t)value));
    }
    return 0;
}

/// Of definitions or workloads: both begin with their names.
static bool has_name(const GPtrArray *items, const char *name)
{
    bool has = false;
    for (unsigned i = 0; i < items->len; i++) {
        has = has || strcmp(*(char *const *)items->pdata[i], name) == 0;
    }
    return has;
}

void settings_add_workload(bench_settings *s, bench_workload *w)
{
    g_autofree char *name = g_strdup(w->name);
    for (unsigned i = 2; w->command != NULL && has_name(s->workloads, w->name); i++) {
        g_free(w->name);
        w->name = g_strdup_printf("%s-%u", name, i);
    }
    g_ptr_array_add(s->workloads, w);
}

/// The items of a list are told apart by their names, or are themselves names: counts of CPUs.
static int check_once(const json_t *json, const char *document, const char *key,
                      cpulift_error **err)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(json, key), i, item) {
        const json_t *name = json_object_get(item, "name");
        char *text = json_dumps(name != NULL ? name : item, JSON_ENCODE_ANY);
        if (!g_hash_table_add(seen, text)) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s': \"%s\" has %s twice; name each once", document, key,
                                     text);
        }
    }
    return 0;
}

/// A place reads it when its turn comes: after hours, perhaps.
static int check_document(const bench_definition *d, const char *name, cpulift_error **err)
{
    const char *text = d->document;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(cpulift_cpu) cpu = NULL;
    if (text == NULL) {
        return 0;
    }
    int rc = is_xml(text) ? cpu_parse(text, strlen(text), d->argument, &cpu, err)
                          : plan_parse(text, strlen(text), d->argument, &plan, err);
    return rc == 0 ? 0 : cpulift_error_prefix(err, rc, "'%s': definition %s", name, d->name);
}

int settings_check(const bench_settings *s, const char *name, cpulift_error **err)
{
    g_autoptr(json_t) json = record_format(&settings_record, s, NULL);
    TRY(record_parse(&settings_record, json, name, NULL, NULL, err));
    TRY(check_once(json, name, "vcpus", err));
    TRY(check_once(json, name, "definitions", err));
    TRY(check_once(json, name, "workloads", err));
    for (unsigned i = 0; i < s->definitions->len; i++) {
        TRY(check_document(s->definitions->pdata[i], name, err));
    }
    for (unsigned i = 0; i < s->workloads->len; i++) {
        const bench_workload *w = s->workloads->pdata[i];
        if (w->command == NULL && workload_find_kind(w->name) == NULL) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s': the settings name an unknown workload '%s'", name,
                                     w->name);
        }
    }
    return 0;
}

const char *settings_explain(const char *cpu)
{
    static const struct {
        const char *name, *meaning;
    } others[] = {
        {"bare", "the program alone, without cpulift run"},
        {"host", "all that the processor has"},
        {"tuned", "planned for this machine"},
    };
    const struct variant *variant = variant_find(cpu);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        if (strcmp(others[i].name, cpu) == 0) {
            return others[i].meaning;
        }
    }
    return variant != NULL ? variant->meaning : NULL;
}

static char *read_model(const bench_definition *d)
{
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(cpulift_cpu) cpu = NULL;
    if (d->document == NULL) {
        const struct variant *variant = variant_find(d->argument);
        return g_strdup(variant != NULL ? variant->model : d->argument);
    }
    size_t len = strlen(d->document);
    if (is_xml(d->document)) {
        return cpu_parse(d->document, len, d->argument, &cpu, NULL) == 0 ? g_strdup(cpu->model)
                                                                         : NULL;
    }
    return plan_parse(d->document, len, d->argument, &plan, NULL) == 0 ? g_strdup(plan->cpu->model)
                                                                       : NULL;
}

char *settings_find_model(const bench_settings *s, const char *cpu)
{
    for (unsigned i = 0; i < s->definitions->len; i++) {
        const bench_definition *d = s->definitions->pdata[i];
        if (strcmp(d->name, cpu) == 0) {
            return read_model(d);
        }
    }
    return NULL;
}

static bool has_count(const bench_settings *s, unsigned vcpus)
{
    size_t i;
    const json_t *count;
    json_array_foreach (s->vcpus, i, count) {
        if (json_integer_value(count) == vcpus) {
            return true;
        }
    }
    return false;
}

const char *settings_find_stranger(const bench_settings *s, const char *workload, const char *cpu,
                                   unsigned vcpus, unsigned run)
{
    return !has_name(s->workloads, workload) ? "workload"
           : !has_name(s->definitions, cpu)  ? "cpu"
           : !has_count(s, vcpus)            ? "vcpus"
           : run > s->runs                   ? "run"
                                             : NULL;
}

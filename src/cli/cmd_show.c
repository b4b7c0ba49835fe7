// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/show_changes.h"
#include "cli/table.h"

#include <string.h>

static struct {
    gboolean xml, json;
} options;

static const GOptionEntry entries[] = {
    {"xml", 0, 0, G_OPTION_ARG_NONE, &options.xml, "print the <cpu> element of a plan", NULL},
    {0},
};

#define MODELS_IN_ROW 4
#define WANTS_IN_ROW  6
/// Hosts with newer QEMUs know hundreds of models.
#define BLOCKED_ROWS 8
#define USABLE_MAX   24

static void add_row(table *t, const char *what, const char *value)
{
    const char *const cells[] = {what, value};
    if (value != NULL && *value != '\0') {
        table_add(t, cells);
    }
}

static void add_list(table *t, const char *what, const json_t *object, const char *key)
{
    g_autofree char *joined = document_join_strings(json_object_get(object, key));
    add_row(t, what, joined);
}

/// How many features `names` lists, and each group of them in a row of its own.
static void add_features(table *t, const catalog *map, const json_t *names)
{
    g_autofree char *count = g_strdup_printf("%zu", json_array_size(names));
    add_row(t, "features", count);
    g_auto(GStrv) groups = document_join_groups(map, names);
    for (enum feature_group group = 0; group < GROUP_COUNT; group++) {
        g_autofree char *what = g_strconcat("  ", group_to_string(group), NULL);
        add_row(t, what, groups[group]);
    }
}

static void add_signature(table *t, const char *what, const json_t *json_signature)
{
    if (json_signature != NULL) {
        g_autofree char *text = g_strdup_printf("family %d model %d stepping %d",
                                                (int)json_get_uint(json_signature, "family", 0),
                                                (int)json_get_uint(json_signature, "model", 0),
                                                (int)json_get_uint(json_signature, "stepping", 0));
        add_row(t, what, text);
    }
}

static void add_width(table *t, const json_t *object)
{
    guint64 bits = json_get_uint(object, "phys_bits", 0);
    if (bits != 0) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT " bits", bits);
        add_row(t, "physical addresses", text);
    }
}

static void append_table(GString *out, table *t)
{
    g_autofree char *text = table_format(t);
    g_string_append(out, text);
}

static void append_warnings(GString *out, const json_t *document)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(document, "warnings"), i, item) {
        const char *text = json_get_string(item, "text");
        g_string_append_printf(out, "%swarning: %s\n", i == 0 ? "\n" : "", text ? text : "");
    }
}

static void append_kinds(GString *out, const json_t *document)
{
    static const char *const headers[] = {">HOSTS", "FIRST",           "CPU",
                                          "QEMU",   "BEYOND THE POOL", NULL};
    g_autoptr(table) t = table_new(headers);
    size_t i;
    const json_t *kind;
    json_array_foreach (json_object_get(document, "kinds"), i, kind) {
        const json_t *hosts = json_object_get(kind, "hosts");
        g_autofree char *count = g_strdup_printf("%zu", json_array_size(hosts));
        g_autofree char *extra = document_join_strings(json_object_get(kind, "extra"));
        const char *const cells[] = {count, json_string_value(json_array_get(hosts, 0)),
                                     json_get_string(kind, "cpu"), json_get_string(kind, "qemu"),
                                     extra};
        table_add(t, cells);
    }
    if (i > 0) {
        g_string_append_c(out, '\n');
        append_table(out, t);
    }
}

/// What stood against the other models, those of one reason in a row, the first of them by name.
static void add_other_models(table *t, const json_t *choice)
{
    const char *what = "other models";
    size_t i, n;
    const json_t *item, *name;
    json_array_foreach (json_object_get(choice, "others"), i, item) {
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        json_array_foreach (json_object_get(item, "models"), n, name) {
            g_ptr_array_add(names, (char *)json_string_value(name));
        }
        g_autofree char *some =
            text_join_some((const char *const *)names->pdata, names->len, MODELS_IN_ROW);
        g_autofree char *text = g_strdup_printf("%s: %s", json_get_string(item, "against"), some);
        add_row(t, what, text);
        what = "";
    }
}

static void show_plan(GString *out, const catalog *map, const struct document *document)
{
    static const char *const headers[] = {"PLAN", "", NULL};
    const cpulift_plan *plan = document->plan;
    g_autoptr(table) t = table_new(headers);
    g_autofree char *guests = g_strdup_printf("%s on %s", plan->virt, plan->machine);
    const json_t *next = json_object_get(plan->document, "next_level");
    add_row(t, "pool", plan->pool);
    add_row(t, "variant", plan->variant);
    add_row(t, "guests", guests);
    add_row(t, "model", plan->cpu->model);
    add_row(t, "vendor", plan->cpu->vendor);
    add_row(t, "level", json_get_string(plan->document, "level"));
    add_list(t, "to the next level", next, "missing");
    add_signature(t, "signature", json_object_get(plan->document, "signature"));
    add_other_models(t, json_object_get(plan->document, "model_choice"));
    add_width(t, plan->document);
    add_features(t, map, json_object_get(plan->document, "features"));
    add_list(t, "disabled", json_object_get(plan->document, "definition"), "disable");
    add_list(t, "left-out hosts", plan->document, "left_out_hosts");
    append_table(out, t);
    append_kinds(out, plan->document);
    append_warnings(out, plan->document);
}

/// The x86-64 level that guests of this host reach, and what the next one lacks.
static void add_level(table *t, const catalog *map, const feature_set *features)
{
    feature_set missing = {0};
    unsigned level = catalog_compute_level(map, features, &missing);
    g_autofree char *text =
        level == 0 ? g_strdup("below x86-64-v1") : g_strdup_printf("x86-64-v%u", level);
    g_autoptr(json_t) names = host_format_features(&missing, map);
    g_autofree char *joined = document_join_strings(names);
    add_row(t, "level", text);
    add_row(t, "to the next level", joined);
}

/// Of many, those that begin alike up to the first '-' ("EPYC-Rome-v2") are told together: "EPYC
/// (9)".
static void add_usable(table *t, const json_t *guest)
{
    const json_t *models = json_object_get(guest, "usable_models");
    size_t i, of_family = 0, count = json_array_size(models);
    if (count <= USABLE_MAX) {
        add_list(t, "usable models", guest, "usable_models");
        return;
    }
    g_autoptr(GPtrArray) families = g_ptr_array_new_with_free_func(g_free);
    const json_t *model;
    json_array_foreach (models, i, model) {
        const char *name = json_string_value(model);
        const char *next = json_string_value(json_array_get(models, i + 1));
        size_t len = strcspn(name, "-");
        of_family++;
        if (next == NULL || strcspn(next, "-") != len || strncmp(name, next, len) != 0) {
            g_ptr_array_add(families, of_family == 1 ? g_strdup(name)
                                                     : g_strdup_printf("%.*s (%zu)", (int)len, name,
                                                                       of_family));
            of_family = 0;
        }
    }
    g_autofree char *joined =
        text_join_some((const char *const *)families->pdata, families->len, USABLE_MAX);
    g_autofree char *text = g_strdup_printf("%zu: %s; --json has them all", count, joined);
    add_row(t, "usable models", text);
}

/// Models that cannot run here for the same reason.
struct blocked {
    char *want; ///< what is missing, between blanks
    GPtrArray *models;
};

static void free_blocked(void *data)
{
    struct blocked *blocked = data;
    g_free(blocked->want);
    g_ptr_array_unref(blocked->models);
    g_free(blocked);
}

static gboolean has_want(const void *blocked, const void *want)
{
    return strcmp(((const struct blocked *)blocked)->want, want) == 0;
}

/// The reason with most models first.
static int compare_blocked(const void *a, const void *b)
{
    const struct blocked *const *x = a, *const *y = b;
    int more = (int)(*y)->models->len - (int)(*x)->models->len;
    return more != 0 ? more : strcmp((*x)->want, (*y)->want);
}

static GPtrArray *group_blocked(const json_t *models)
{
    GPtrArray *groups = g_ptr_array_new_with_free_func(free_blocked);
    const char *model;
    const json_t *features;
    json_object_foreach ((json_t *)models, model, features) {
        guint at = groups->len;
        g_autofree char *want = document_join_strings(features);
        if (!g_ptr_array_find_with_equal_func(groups, want, has_want, &at)) {
            struct blocked *blocked = g_new0(struct blocked, 1);
            *blocked = (struct blocked){g_steal_pointer(&want), g_ptr_array_new()};
            g_ptr_array_add(groups, blocked);
            at = groups->len - 1;
        }
        g_ptr_array_add(((struct blocked *)groups->pdata[at])->models, (char *)model);
    }
    g_ptr_array_sort(groups, compare_blocked);
    return groups;
}

/// "Haswell, Skylake-Client and 7 more, for want of rtm". The caller frees it.
static char *format_blocked(const struct blocked *blocked)
{
    g_auto(GStrv) wants = g_strsplit(blocked->want, " ", -1);
    g_autofree char *models = text_join_some((const char *const *)blocked->models->pdata,
                                             blocked->models->len, MODELS_IN_ROW);
    g_autofree char *want =
        text_join_some((const char *const *)wants, g_strv_length(wants), WANTS_IN_ROW);
    return *blocked->want != '\0' ? g_strdup_printf("%s, for want of %s", models, want)
                                  : g_strdup(models);
}

/// How many models cannot run here, and why: a row for each reason, those with most models first.
static void add_blocked(table *t, const json_t *models)
{
    g_autoptr(GPtrArray) groups = group_blocked(models);
    size_t told = 0, count = json_object_size(models);
    g_autofree char *total = g_strdup_printf("%zu", count);
    add_row(t, "blocked models", groups->len > 0 ? total : NULL);
    for (size_t i = 0; i < MIN(groups->len, BLOCKED_ROWS); i++) {
        const struct blocked *blocked = groups->pdata[i];
        g_autofree char *what = g_strdup_printf("  %u", blocked->models->len);
        g_autofree char *text = format_blocked(blocked);
        add_row(t, what, text);
        told += blocked->models->len;
    }
    g_autofree char *rest = g_strdup_printf("  %zu", count - told);
    add_row(t, rest, told < count ? "for other reasons; --json has them all" : NULL);
}

static void append_guest(GString *out, const catalog *map, const json_t *guest,
                         const feature_set *features)
{
    static const char *const headers[] = {"GUESTS", "", NULL};
    g_autoptr(table) t = table_new(headers);
    g_autofree char *what = g_strdup_printf("%s on %s", json_get_string(guest, "virt"),
                                            json_get_string(guest, "machine"));
    add_row(t, "", what);
    add_row(t, "canonical machine", json_get_string(guest, "canonical_machine"));
    add_level(t, map, features);
    add_features(t, map, json_object_get(guest, "features"));
    add_list(t, "libvirt only", guest, "libvirt_only");
    add_list(t, "QEMU only", guest, "qemu_only");
    add_list(t, "not migratable", guest, "not_migratable");
    add_list(t, "unknown here", guest, "unknown");
    add_usable(t, guest);
    add_blocked(t, json_object_get(guest, "blocked_models"));
    add_width(t, guest);
    g_string_append_c(out, '\n');
    append_table(out, t);
}

/// Any other document of ours: its top-level members, as far as they are text, numbers or lists of
/// text.
static void show_members(GString *out, const catalog *map, const struct document *document)
{
    (void)map;
    static const char *const headers[] = {"MEMBER", "VALUE", NULL};
    g_autoptr(table) t = table_new(headers);
    const char *key;
    json_t *value;
    json_object_foreach (document->json, key, value) {
        if (json_is_array(value) && json_is_string(json_array_get(value, 0))) {
            add_list(t, key, document->json, key);
        } else {
            g_autofree char *text = json_is_string(value) ? g_strdup(json_string_value(value))
                                                          : json_format_line(value);
            add_row(t, key, g_strchomp(text));
        }
    }
    append_table(out, t);
}

static void add_size(table *t, struct host_size size)
{
    g_autofree char *cpus = g_strdup_printf("%u", size.cpus);
    g_autofree char *memory = g_strdup_printf("%" G_GUINT64_FORMAT " MiB", size.memory / 1024);
    add_row(t, "logical CPUs", size.cpus != 0 ? cpus : NULL);
    add_row(t, "memory", size.memory != 0 ? memory : NULL);
}

static void show_host(GString *out, const catalog *map, const struct document *document)
{
    static const char *const headers[] = {"HOST", "", NULL};
    const json_t *cpu = json_object_get(document->json, "cpu");
    const json_t *versions = json_object_get(document->json, "versions");
    g_autoptr(table) t = table_new(headers);
    add_row(t, "name", document->host->name);
    add_row(t, "architecture", document->host->arch);
    add_row(t, "vendor", document->host->vendor);
    add_row(t, "CPU like", document->host->model_name);
    add_signature(t, "signature", json_get_uint(cpu, "family", 0) != 0 ? cpu : NULL);
    add_width(t, cpu);
    add_row(t, "libvirt", json_get_string(versions, "libvirt"));
    add_row(t, "QEMU", json_get_string(versions, "qemu"));
    add_row(t, "kernel", json_get_string(versions, "kernel"));
    add_size(t, document->host->size);
    append_table(out, t);
    size_t i;
    const json_t *guest;
    json_array_foreach (json_object_get(document->json, "guests"), i, guest) {
        const struct host_guest *parsed = document->host->guests->pdata[i];
        append_guest(out, map, guest, &parsed->features);
    }
}

static void show_changeset(GString *out, const catalog *map, const struct document *document)
{
    (void)map;
    g_autofree char *text = show_changes(document->json);
    g_string_append(out, text);
}

static const struct {
    const char *kind;
    void (*show)(GString *out, const catalog *map, const struct document *document);
} views[] = {
    {"cpulift.changeset", show_changeset},
    {"cpulift.host", show_host},
    {"cpulift.plan", show_plan},
};

static char *format(const catalog *map, const struct document *document)
{
    if (options.json) {
        return json_format_document(document->json);
    }
    void (*show)(GString *, const catalog *, const struct document *) = show_members;
    for (size_t i = 0; i < G_N_ELEMENTS(views) && !document->is_silent; i++) {
        show = strcmp(views[i].kind, document->kind) == 0 ? views[i].show : show;
    }
    GString *out = g_string_new(NULL);
    show(out, map, document);
    return g_string_free(out, FALSE);
}

static int run(char **paths, size_t count)
{
    (void)count;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    DOCUMENT_AUTO document = {0};
    if (catalog_load(NULL, &map, &err) != 0 || document_load(paths[0], map, &document, &err) != 0) {
        return command_fail(&err);
    }
    if (options.json && (options.xml || document.json == NULL)) {
        return options.xml
                   ? command_usage("show", "--xml and --json exclude each other")
                   : command_usage("show", "'%s' is XML: it is not printed as JSON", paths[0]);
    }
    const cpulift_cpu *cpu = document.plan != NULL ? document.plan->cpu : document.cpu;
    if (options.xml || document.json == NULL) {
        if (cpu == NULL) {
            return command_usage("show", "'%s' is no plan: only a plan has a <cpu> element",
                                 paths[0]);
        }
        g_autofree char *element = cpu_format(cpu, 0);
        g_autofree char *line = g_strconcat(element, "\n", NULL);
        return command_finish(NULL, line, EXIT_YES);
    }
    g_autofree char *text = format(map, &document);
    return command_say(text, options.json, EXIT_YES);
}

const struct command show_command = {
    .name = "show",
    .arguments = "FILE",
    .description = "Prints one of our documents as tables; --xml prints a plan's <cpu> element.",
    .options = entries,
    .json = &options.json,
    .min = 1,
    .max = 1,
    .usage = "one document is needed",
    .run = run,
};

// SPDX-License-Identifier: LGPL-2.1-or-later
/// apply and rollback of persistent definitions through libvirt; `cpulift apply --connect` and
/// `cpulift rollback --connect` execute the program that has them.
#include "base/json.h"
#include "cli/commands.h"
#include "cli/domains.h"
#include "cli/undone.h"
#include "core/domain.h"
#include "core/plan.h"
#include "platform/diff.h"

#include <stdio.h>
#include <string.h>

#define CONNECT_MS 20000

static struct {
    char *root, *uri, *pattern;
    gboolean commit, json;
} options = {.root = (char *)"/"};

static const GOptionEntry entries[] = {
    {"root", 0, 0, G_OPTION_ARG_FILENAME, &options.root, "the folder below which state is kept",
     "DIR"},
    {"connect", 'c', 0, G_OPTION_ARG_STRING, &options.uri, "the libvirt", "URI"},
    {"domains", 0, 0, G_OPTION_ARG_STRING, &options.pattern, "only guests of these names",
     "PATTERN"},
    {"commit", 0, 0, G_OPTION_ARG_NONE, &options.commit, "make the change", NULL},
    {0},
};

/// One definition and what becomes of it.
struct edit {
    struct definition *definition;
    char *after;
    char *note; ///< a warning, or NULL
};

static void edit_free(void *data)
{
    struct edit *edit = data;
    g_free(edit->after);
    g_free(edit->note);
    g_free(edit);
}

/// True when both say the same of the CPU: libvirt keeps the element's children in an order of its
/// own.
static bool has_same_cpu(const char *a, const char *b)
{
    g_autoptr(cpulift_cpu) cpu_a = NULL;
    g_autoptr(cpulift_cpu) cpu_b = NULL;
    if (cpu_parse(a, strlen(a), "before", &cpu_a, NULL) != 0 ||
        cpu_parse(b, strlen(b), "after", &cpu_b, NULL) != 0) {
        return false;
    }
    g_autofree char *text_a = cpu_format(cpu_a, 0);
    g_autofree char *text_b = cpu_format(cpu_b, 0);
    return strcmp(text_a, text_b) == 0;
}

static int add_edit(struct definition *definition, const cpulift_plan *plan, GPtrArray *edits,
                    cpulift_error **err)
{
    const struct domain_options how = {.virt = plan->virt, .machine = plan->machine};
    struct domain_changes changes;
    g_autoptr(domain_document) document = NULL;
    g_autofree char *after = NULL;
    size_t len = 0;
    TRY(domain_parse(definition->xml, strlen(definition->xml), definition->name, &document, err));
    TRY(domain_rewrite(document, plan->cpu, &how, &after, &len, &changes, err));
    if (!changes.is_changed || has_same_cpu(definition->xml, after)) {
        return 0;
    }
    struct edit *edit = g_new0(struct edit, 1);
    edit->definition = definition;
    edit->after = g_steal_pointer(&after);
    edit->note = g_strdup(
        (changes.warnings & DOMAIN_OWN_CPU) != 0 ? domain_warning_to_string(DOMAIN_OWN_CPU) : NULL);
    g_ptr_array_add(edits, edit);
    return 0;
}

/// Remembers all, then defines one after the other; each is atomic in libvirt.
static int define_all(const virt_conn *conn, const root_dir *root, const GPtrArray *edits,
                      cpulift_error **err)
{
    g_autoptr(json_t) document = NULL;
    TRY(domains_load(root, &document, err));
    for (size_t i = 0; i < edits->len; i++) {
        const struct edit *edit = g_ptr_array_index(edits, i);
        domains_add(document, options.uri, edit->definition);
    }
    TRY(domains_save(root, document, err));
    for (size_t i = 0; i < edits->len; i++) {
        const struct edit *edit = g_ptr_array_index(edits, i);
        TRY(definitions_write(conn, edit->definition->uuid, edit->definition->xml, edit->after,
                              err));
    }
    return 0;
}

static char *format_edits(const GPtrArray *edits)
{
    g_autoptr(json_t) list = json_array();
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < edits->len; i++) {
        const struct edit *edit = g_ptr_array_index(edits, i);
        const struct definition *d = edit->definition;
        g_autofree char *name = g_strdup_printf("%s.xml", d->name);
        diff_format(out, name, d->xml, strlen(d->xml), edit->after, strlen(edit->after));
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s, s:s}", "name", d->name, "uuid",
                                              d->uuid, "active", d->is_active, "before", d->xml,
                                              "after", edit->after));
    }
    if (options.json) {
        g_string_free(out, TRUE);
        g_autoptr(json_t) document =
            json_pack("{s:s, s:s, s:s, s:b, s:O}", "schema", DOMAINS_SCHEMA, "platform", "libvirt",
                      "uri", options.uri, "committed", options.commit, "domains", list);
        return json_format_document(document);
    }
    g_string_append_printf(out, "%u %s of %s %s\n", edits->len,
                           edits->len == 1 ? "definition" : "definitions", options.uri,
                           options.commit ? "changed" : "would change");
    for (size_t i = 0; i < edits->len; i++) {
        const struct edit *edit = g_ptr_array_index(edits, i);
        g_string_append_printf(out, "  - %s: %s%s%s\n", edit->definition->name,
                               edit->definition->is_active
                                   ? "runs; gets it when it is stopped and started"
                                   : "gets it when it is started",
                               edit->note != NULL ? "; " : "", edit->note ? edit->note : "");
    }
    g_string_append(
        out, options.commit || edits->len == 0 ? "" : "Nothing was changed; --commit does it.\n");
    return g_string_free(out, FALSE);
}

static int apply(const char *plan_path, char **ret_text, cpulift_error **err)
{
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(root_dir) root = NULL;
    g_autoptr(virt_conn) conn = NULL;
    g_autoptr(GPtrArray) definitions = NULL;
    g_autoptr(GPtrArray) edits = g_ptr_array_new_with_free_func(edit_free);
    TRY(plan_load(plan_path, &plan, err));
    TRY(root_open(options.root, &root, err));
    TRY(conn_open(options.uri, CONN_FULL, CONNECT_MS, &conn, err));
    TRY(definitions_read(conn, options.pattern, &definitions, err));
    for (size_t i = 0; i < definitions->len; i++) {
        TRY(add_edit(g_ptr_array_index(definitions, i), plan, edits, err));
    }
    TRY(options.commit && edits->len > 0 ? define_all(conn, root, edits, err) : 0);
    *ret_text = format_edits(edits);
    return 0;
}

static int run_apply(char **arguments, size_t count)
{
    (void)count;
    if (options.uri == NULL) {
        return command_usage("apply", "--connect is needed");
    }
    g_autofree char *text = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (apply(arguments[0], &text, &err) != 0) {
        return command_fail(&err);
    }
    return command_finish(NULL, text, EXIT_YES);
}

/// A text that is no domain differs in more than its <cpu>.
static bool differ_in_cpu_only(const char *a, const char *b)
{
    g_autoptr(domain_document) first = NULL;
    g_autoptr(domain_document) second = NULL;
    return domain_parse(a, strlen(a), NULL, &first, NULL) == 0 &&
           domain_parse(b, strlen(b), NULL, &second, NULL) == 0 &&
           domain_differs_in_cpu_only(first, second);
}

/// Undoes one remembered definition, or says what would be done.
static int restore(const virt_conn *conn, const json_t *remembered, struct undone *undone,
                   cpulift_error **err)
{
    const char *before = json_get_string(remembered, "before");
    const char *uuid = json_get_string(remembered, "uuid");
    const char *name = json_get_string(remembered, "name");
    g_autoptr(virt_definition) now = NULL;
    int rc = definitions_find(conn, uuid, &now, err);
    if (rc == CPULIFT_EMISSING) {
        cpulift_error_clear(err);
        g_ptr_array_add(undone->actions, g_strdup_printf("%s: no longer there", name));
        return 0;
    }
    TRY(rc); // libvirt could not say: what is remembered of it must not be forgotten
    if (!differ_in_cpu_only(now->xml, before)) {
        return cpulift_error_set(err, CPULIFT_ECONFLICT,
                                 "the definition of '%s' was changed after cpulift changed it: put "
                                 "its <cpu> back by hand; " DOMAINS_TARGET " has it",
                                 now->name);
    }
    bool is_same = strcmp(now->xml, before) == 0;
    g_autofree char *file = g_strdup_printf("%s.xml", now->name);
    diff_format(undone->diff, file, now->xml, strlen(now->xml), before, strlen(before));
    TRY(options.commit && !is_same ? definitions_write(conn, uuid, now->xml, before, err) : 0);
    g_ptr_array_add(undone->actions,
                    g_strdup_printf("%s: %s", name, is_same ? "unchanged" : "restored"));
    return 0;
}

static int rollback_all(const virt_conn *conn, json_t *document, struct undone *undone,
                        cpulift_error **err)
{
    json_t *domains = json_object_get(document, "domains");
    for (size_t i = json_array_size(domains); i-- > 0;) {
        const json_t *remembered = json_array_get(domains, i);
        if (g_strcmp0(json_get_string(remembered, "uri"), options.uri) == 0) {
            TRY(restore(conn, remembered, undone, err));
            json_array_remove(domains, i);
        }
    }
    return 0;
}

static int rollback(struct undone *undone, cpulift_error **err)
{
    g_autoptr(root_dir) root = NULL;
    g_autoptr(virt_conn) conn = NULL;
    g_autoptr(json_t) document = NULL;
    TRY(root_open(options.root, &root, err));
    TRY(domains_load(root, &document, err));
    TRY(conn_open(options.uri, CONN_FULL, CONNECT_MS, &conn, err));
    int rc = rollback_all(conn, document, undone, err);
    // What was restored before a failure is forgotten all the same.
    int saved = options.commit ? domains_save(root, document, err) : 0;
    return rc != 0 ? rc : saved;
}

static int run_rollback(char **arguments, size_t count)
{
    (void)arguments;
    (void)count;
    if (options.uri == NULL) {
        return command_usage("rollback", "--connect is needed");
    }
    g_autoptr(GPtrArray) actions = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) diff = g_string_new(NULL);
    g_autoptr(cpulift_error) err = NULL;
    struct undone undone = {actions, diff, "", options.commit};
    if (rollback(&undone, &err) != 0) {
        return command_fail(&err);
    }
    g_autofree char *text = undone_format(&undone, options.json);
    return command_finish(NULL, text, EXIT_YES);
}

const struct command apply_command = {
    .name = "apply",
    .arguments = "PLAN",
    .description = "As 'cpulift apply --platform libvirt --connect URI'.",
    .options = entries,
    .json = &options.json,
    .min = 1,
    .max = 1,
    .usage = "one plan is needed",
    .run = run_apply,
};

const struct command rollback_command = {
    .name = "rollback",
    .arguments = "",
    .description = "As 'cpulift rollback --connect URI'.",
    .options = entries,
    .json = &options.json,
    .run = run_rollback,
};

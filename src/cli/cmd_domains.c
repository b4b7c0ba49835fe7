// SPDX-License-Identifier: LGPL-2.1-or-later
/// apply and rollback of persistent definitions through libvirt; `cpulift apply --connect` and
/// `cpulift rollback --connect` execute the program that has them.
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/undone.h"
#include "core/domain_restore.h"
#include "core/guest.h"
#include "core/losses.h"
#include "platform/diff.h"
#include "platform/domains.h"
#include "virt/definitions.h"

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

/// `qemu` is the version that starts the guest, 0 where it is not known.
static int add_edit(const struct definition *definition, const cpulift_plan *plan, unsigned qemu,
                    domain_edits *edits, cpulift_error **err)
{
    const struct domain_options how = {.virt = plan->virt, .machine = plan->machine};
    struct domain_changes changes;
    g_autoptr(domain_document) document = NULL;
    g_autofree char *after = NULL;
    size_t len = 0;
    TRY(domain_parse(definition->xml, strlen(definition->xml), definition->name, &document, err));
    const struct domain_guest guest = guest_read(document);
    g_autoptr(cpulift_cpu) cpu = guest_define(plan, &guest, guest_choose_qemu(plan, qemu));
    TRY(domain_rewrite(document, cpu, &how, &after, &len, &changes, err));
    if (!changes.is_changed || has_same_cpu(definition->xml, after)) {
        return 0;
    }
    const struct losses_asker asker = {.subject = "the guest"};
    bool has_own_cpu = (changes.warnings & DOMAIN_OWN_CPU) != 0;
    struct domain_edit *edit = domain_edits_add(edits);
    edit->name = g_strdup(definition->name);
    edit->uuid = g_strdup(definition->uuid);
    edit->is_active = definition->is_active;
    edit->before = g_strdup(definition->xml);
    edit->after = g_steal_pointer(&after);
    edit->note = has_own_cpu ? domain_warning_to_string(DOMAIN_OWN_CPU) : NULL;
    losses_add_domain(edit->losses, &asker, document, plan, cpu);
    return 0;
}

/// Remembers all, then defines one after the other; each is atomic in libvirt.
static int define_all(const virt_conn *conn, const root_dir *root, const domain_edits *edits,
                      cpulift_error **err)
{
    g_autoptr(domains_kept) kept = NULL;
    TRY(domains_load(root, &kept, err));
    for (size_t i = 0; i < edits->edits->len; i++) {
        domains_add(kept, edits->uri, g_ptr_array_index(edits->edits, i));
    }
    TRY(domains_save(root, kept, err));
    for (size_t i = 0; i < edits->edits->len; i++) {
        const struct domain_edit *edit = g_ptr_array_index(edits->edits, i);
        TRY(definitions_write(conn, edit->uuid, edit->before, edit->after, err));
    }
    return 0;
}

/// The guests that each sentence is about, by name; the sentences in the order in which they come.
static void warn_losses(const domain_edits *edits)
{
    g_autoptr(GHashTable) guests =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    g_autoptr(GPtrArray) sentences = g_ptr_array_new();
    for (size_t i = 0; i < edits->edits->len; i++) {
        const struct domain_edit *edit = g_ptr_array_index(edits->edits, i);
        for (size_t l = 0; l < edit->losses->len; l++) {
            char *loss = g_ptr_array_index(edit->losses, l);
            GPtrArray *names = g_hash_table_lookup(guests, loss);
            if (names == NULL) {
                names = g_ptr_array_new();
                g_hash_table_insert(guests, loss, names);
                g_ptr_array_add(sentences, loss);
            }
            g_ptr_array_add(names, edit->name);
        }
    }
    for (size_t i = 0; i < sentences->len; i++) {
        const GPtrArray *names = g_hash_table_lookup(guests, sentences->pdata[i]);
        g_autofree char *list = text_join_some((const char *const *)names->pdata, names->len, 3);
        command_warn("%s: %s", list, (const char *)sentences->pdata[i]);
    }
}

static char *format_edits(const domain_edits *edits)
{
    if (options.json) {
        g_autoptr(json_t) document = record_format(&domain_edits_record, edits, NULL);
        return json_format_document(document);
    }
    GString *out = g_string_new(NULL), *list = g_string_new(NULL);
    for (size_t i = 0; i < edits->edits->len; i++) {
        const struct domain_edit *edit = g_ptr_array_index(edits->edits, i);
        g_autofree char *name = g_strdup_printf("%s.xml", edit->name);
        diff_format(out, name, edit->before, strlen(edit->before), edit->after,
                    strlen(edit->after));
        g_string_append_printf(list, "  - %s: %s%s%s\n", edit->name,
                               edit->is_active ? "runs; gets it when it is stopped and started"
                                               : "gets it when it is started",
                               edit->note != NULL ? "; " : "", edit->note ? edit->note : "");
    }
    unsigned count = edits->edits->len;
    g_string_append_printf(
        out, "%u %s of %s %s\n%s%s", count, count == 1 ? "definition" : "definitions", edits->uri,
        edits->is_committed ? "changed" : "would change", list->str,
        edits->is_committed || count == 0 ? "" : "Nothing was changed; --commit does it.\n");
    g_string_free(list, TRUE);
    return g_string_free(out, FALSE);
}

static int apply(const char *plan_path, char **ret_text, cpulift_error **err)
{
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(root_dir) root = NULL;
    g_autoptr(virt_conn) conn = NULL;
    g_autoptr(GPtrArray) definitions = NULL;
    g_autoptr(domain_edits) edits = domain_edits_new(options.uri, options.commit);
    TRY(plan_load(plan_path, &plan, err));
    TRY(plan_check_promise(plan, plan_path, err));
    TRY(root_open(options.root, &root, err));
    TRY(conn_open(options.uri, CONN_FULL, CONNECT_MS, &conn, err));
    TRY(definitions_read(conn, options.pattern, &definitions, err));
    unsigned qemu = conn_get_qemu(conn);
    for (size_t i = 0; i < definitions->len; i++) {
        TRY(add_edit(g_ptr_array_index(definitions, i), plan, qemu, edits, err));
    }
    TRY(options.commit && edits->edits->len > 0 ? define_all(conn, root, edits, err) : 0);
    warn_losses(edits);
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
    return command_say(text, options.json, EXIT_YES);
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
static int restore(const virt_conn *conn, const struct domain_kept *kept, struct undone *undone,
                   cpulift_error **err)
{
    const char *before = kept->before;
    g_autoptr(virt_definition) now = NULL;
    int rc = definitions_find(conn, kept->uuid, &now, err);
    if (rc == CPULIFT_EMISSING) {
        cpulift_error_clear(err);
        g_ptr_array_add(undone->actions, g_strdup_printf("%s: no longer there", kept->name));
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
    TRY(options.commit && !is_same ? definitions_write(conn, kept->uuid, now->xml, before, err)
                                   : 0);
    g_ptr_array_add(undone->actions,
                    g_strdup_printf("%s: %s", kept->name, is_same ? "unchanged" : "restored"));
    return 0;
}

static int rollback_all(const virt_conn *conn, domains_kept *kept, struct undone *undone,
                        cpulift_error **err)
{
    for (guint i = kept->domains->len; i-- > 0;) {
        const struct domain_kept *domain = g_ptr_array_index(kept->domains, i);
        if (strcmp(domain->uri, options.uri) == 0) {
            TRY(restore(conn, domain, undone, err));
            g_ptr_array_remove_index(kept->domains, i);
        }
    }
    return 0;
}

static int rollback(struct undone *undone, cpulift_error **err)
{
    g_autoptr(root_dir) root = NULL;
    g_autoptr(virt_conn) conn = NULL;
    g_autoptr(domains_kept) kept = NULL;
    TRY(root_open(options.root, &root, err));
    TRY(domains_load(root, &kept, err));
    TRY(conn_open(options.uri, CONN_FULL, CONNECT_MS, &conn, err));
    int rc = rollback_all(conn, kept, undone, err);
    // What was restored before a failure is forgotten all the same.
    int saved = options.commit ? domains_save(root, kept, err) : 0;
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
    return command_say(text, options.json, EXIT_YES);
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

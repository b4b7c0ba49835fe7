// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/prove_security.h"

#include "base/file.h"
#include "base/json.h"
#include "base/programs.h"
#include "base/text.h"
#include "cli/protection_table.h"
#include "cli/table.h"
#include "core/sysfs.h"
#include "core/variant.h"
#include "probe/statement.h"
#include "store/places.h"
#include "virt/kernel.h"

#include <string.h>
#include <unistd.h>

#define MSR_MODULE "arch/x86/kernel/msr.ko"

/// This machine in place of hosts' documents. A document has guests, of which nothing is needed
/// here.
static int add_this_machine(const struct prove_security *how, inventory *hosts, cpulift_error **err)
{
    const char *name = g_get_host_name();
    g_autoptr(cpulift_host) host = host_new(text_is_name(name) ? name : "this-machine");
    host->arch = g_strdup("x86_64");
    TRY(sysfs_load("/", host, err));
    host_add_guest(host, how->plan->virt, how->plan->machine);
    g_autoptr(json_t) json = host_format(host, how->map);
    g_autofree char *text = json_format_line(json);
    return inventory_add_text(hosts, text, strlen(text), host->name, err);
}

static int load_hosts(const struct prove_security *how, inventory *hosts, cpulift_error **err)
{
    TRY(how->place_count > 0 ? places_load(hosts, how->places, how->place_count, err)
                             : add_this_machine(how, hosts, err));
    inventory_sort(hosts);
    return 0;
}

/// A console with nothing in it that moves a terminal.
static int save_console(const probe_run *run, const char *path, cpulift_error **err)
{
    g_autofree char *text = g_strndup(run->text != NULL ? run->text : "", run->len);
    text_make_lines_printable(text);
    return file_save(path, text, strlen(text), 0600, err);
}

/// Where a guest that failed leaves its console; " (…)" for a sentence. The caller frees it.
static char *keep_console(const probe_run *run)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "cpulift-console-XXXXXX", NULL);
    int fd = run->len > 0 ? g_mkstemp(path) : -1;
    if (fd < 0) {
        return g_strdup("");
    }
    close(fd);
    return save_console(run, path, NULL) == 0
               ? g_strdup_printf(" (its console is kept in '%s')", path)
               : g_strdup("");
}

/// Sentences that go into the document.
struct account {
    const struct prove_security *how;
    json_t *document; ///< NULL: not there yet
    GPtrArray *reasons, *notes;
    char *through;
};

static void G_GNUC_PRINTF(2, 3) add(GPtrArray *sentences, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sentence = g_strdup_vprintf(format, args);
    va_end(args);
    text_make_printable(sentence);
    g_ptr_array_add(sentences, sentence);
}

/// What the guest said; NULL: nothing, and why is told.
static statement *hear(struct account *of, const char *cpu, const probe_run *run, bool is_kept)
{
    g_autoptr(statement) said = NULL;
    g_autoptr(cpulift_error) why = NULL;
    if (run->refusal != NULL) {
        add(of->reasons, "the %s CPU was refused: %s", cpu, run->refusal);
        return NULL;
    }
    if (statement_parse(run->text != NULL ? run->text : "", run->len, &said, &why) == 0) {
        return g_steal_pointer(&said);
    }
    g_autofree char *where = is_kept ? g_strdup("") : keep_console(run);
    add(of->reasons, "the guest with the %s CPU: %s%s%s%s", cpu, run->hang != NULL ? run->hang : "",
        run->hang != NULL ? "; " : "", why->message, where);
    return NULL;
}

static json_t *format_msrs(const statement *said)
{
    json_t *msrs = json_object();
    for (guint i = 0; i < said->msrs->len; i++) {
        const struct probe_msr *msr = &g_array_index(said->msrs, struct probe_msr, i);
        g_autofree char *index = g_strdup_printf("%08x", msr->index);
        g_autofree char *value = g_strdup_printf("%08x%08x", msr->high, msr->low);
        json_object_set_new(msrs, index, json_string(value));
    }
    return msrs;
}

static const struct probe_msr *find_msr(const statement *said, uint32_t index)
{
    for (guint i = 0; i < said->msrs->len; i++) {
        const struct probe_msr *msr = &g_array_index(said->msrs, struct probe_msr, i);
        if (msr->index == index) {
            return msr;
        }
    }
    return NULL;
}

/// Whether the guest reads the feature's bits in a register that it has read; true of others.
static bool is_as_planned(const statement *said, const struct catalog_feature *feature,
                          bool is_planned)
{
    bool is_same = true;
    for (size_t b = 0; b < feature->bit_count; b++) {
        const struct feature_bit *bit = &feature->bits[b];
        const struct probe_msr *msr = bit->is_msr ? find_msr(said, bit->leaf) : NULL;
        if (msr != NULL) {
            bool is_read = (msr->low & bit->regs[0]) == bit->regs[0] &&
                           (msr->high & bit->regs[3]) == bit->regs[3];
            is_same = is_same && is_read == is_planned;
        }
    }
    return is_same;
}

/// The registers that hold features, against the plan's.
static void compare_msrs(struct account *of, const statement *said)
{
    const struct prove_security *how = of->how;
    if (strcmp(how->start.virt, "kvm") != 0) {
        add(of->notes, "emulated guests have no IA32_ARCH_CAPABILITIES and its like: what hangs on "
                       "these registers may be another under KVM");
        return;
    }
    if (said->msrs->len == 0) {
        add(of->notes, "registers (MSRs) were not read: the kernel's msr module is not in "
                       "lib/modules beside it");
        return;
    }
    for (size_t id = 0; id < catalog_feature_count(how->map); id++) {
        const struct catalog_feature *feature = catalog_get_feature(how->map, id);
        bool is_planned = g_strv_contains((const char *const *)how->plan->features, feature->name);
        if (!is_as_planned(said, feature, is_planned)) {
            add(of->reasons, "the guest's register %s %s, and the plan %s",
                is_planned ? "lacks" : "has", feature->name, is_planned ? "has it" : "does not");
        }
    }
}

/// Boots one guest; *ret_said is NULL where it said nothing.
static int boot(struct account *of, const struct start_options *start, const char *cpu,
                const char *console, statement **ret_said, cpulift_error **err)
{
    g_autoptr(probe_run) run = NULL;
    TRY((of->how->is_direct ? start_direct : start_domain)(of->how->plan, start, &run, err));
    TRY(console != NULL ? save_console(run, console, err) : 0);
    *ret_said = hear(of, cpu, run, console != NULL);
    g_free(of->through);
    of->through = g_strdup(run->through);
    return 0;
}

static json_t *compare(const struct prove_security *how, const inventory *hosts,
                       const statement *said)
{
    const protection_kernel *kernel = said != NULL ? protection_find_kernel(said->release) : NULL;
    for (size_t i = 0; kernel == NULL || (said == NULL && protection_get_kernel_name(i) != NULL);
         i++) {
        kernel = protection_find_kernel(protection_get_kernel_name(i));
    }
    g_autoptr(json_t) nothing = json_object();
    const struct protection_question question = {how->map, how->plan, hosts, kernel};
    json_t *document =
        protection_compare(&question, said != NULL ? said->vulnerabilities : nothing, true);
    json_object_del(document, "kernel"); // its name, as far as it is one that is known
    json_object_set_new(document, "kernel", said != NULL ? json_string(said->release) : NULL);
    return document;
}

/// What guests with another CPU say, to hold the plan's against: not what the plan could do about
/// it.
static json_t *format_before(const struct prove_security *how, const inventory *hosts,
                             const statement *said)
{
    g_autoptr(json_t) all = compare(how, hosts, said);
    json_t *list = json_array();
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(all, "vulnerabilities"), i, item) {
        json_array_append_new(list,
                              json_pack("{s:O, s:O, s:O*}", "name", json_object_get(item, "name"),
                                        "verdict", json_object_get(item, "verdict"), "guest",
                                        json_object_get(item, "guest")));
    }
    return json_pack("{s:s, s:o}", "cpu", how->against, "vulnerabilities", list);
}

static int boot_all(struct account *of, const inventory *hosts, cpulift_error **err)
{
    const struct prove_security *how = of->how;
    g_autofree char *image = NULL, *init = NULL;
    g_autoptr(statement) said = NULL, before = NULL;
    TRY(kernel_find(how->kernel, &image, err));
    TRY(programs_find("cpulift-kernel-init", &init, err));
    g_autofree char *module = kernel_find_module(image, MSR_MODULE);
    const struct start_kernel kernel = {image, init, module};
    struct start_options start = how->start;
    start.kernel = &kernel;
    TRY(boot(of, &start, how->plan->variant, how->console, &said, err));
    of->document = compare(how, hosts, said);
    if (said != NULL && start.cpu == NULL) {
        compare_msrs(of, said);
    }
    if (said != NULL && said->msrs->len > 0) {
        json_object_set_new(of->document, "msrs", format_msrs(said));
    }
    if (how->against == NULL) {
        return 0;
    }
    g_autoptr(cpulift_cpu) cpu = variant_define(variant_find(how->against));
    start.cpu = cpu;
    TRY(boot(of, &start, how->against, NULL, &before, err));
    json_object_set_new(of->document, "before", format_before(how, hosts, before));
    return 0;
}

static void finish(struct account *of)
{
    json_object_set_new(of->document, "virt", json_string(of->how->start.virt));
    json_object_set_new(of->document, "machine", json_string(of->how->start.machine));
    json_object_set_new(of->document, "through", json_string(of->through));
    const GPtrArray *const lists[] = {of->reasons, of->notes};
    static const char *const keys[] = {"reasons", "notes"};
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        json_object_set_new(of->document, keys[i],
                            json_new_strings((const char *const *)lists[i]->pdata, lists[i]->len));
    }
}

int prove_security(const struct prove_security *how, json_t **ret_document, bool *ret_safe,
                   cpulift_error **err)
{
    g_autoptr(inventory) hosts = inventory_new(how->map);
    TRY(load_hosts(how, hosts, err));
    struct account of = {.how = how,
                         .reasons = g_ptr_array_new_with_free_func(g_free),
                         .notes = g_ptr_array_new_with_free_func(g_free)};
    int rc = boot_all(&of, hosts, err);
    if (rc == 0) {
        finish(&of);
        *ret_safe = of.reasons->len == 0 && !protection_is_bad(of.document);
        *ret_document = of.document;
    } else {
        json_decref(of.document);
    }
    g_ptr_array_unref(of.reasons);
    g_ptr_array_unref(of.notes);
    g_free(of.through);
    return rc;
}

static void append_sentences(GString *text, const char *title, const json_t *sentences)
{
    size_t i;
    const json_t *sentence;
    json_array_foreach (sentences, i, sentence) {
        g_autofree char *line = g_strdup_printf("%-5s %s", title, json_string_value(sentence));
        table_append_line(text, line, 6);
    }
}

/// The other CPU's guest beside the plan's.
static char *format_change(const json_t *document, const json_t *before)
{
    g_autofree char *old = g_strdup_printf("WITH THE %s CPU", json_get_string(before, "cpu"));
    const char *const headers[] = {"VULNERABILITY",   old,       "VERDICT",
                                   "WITH THE PLAN'S", "VERDICT", NULL};
    g_autoptr(table) t = table_new(headers);
    size_t i, j;
    const json_t *was, *is;
    json_array_foreach (json_object_get(before, "vulnerabilities"), i, was) {
        json_array_foreach (json_object_get(document, "vulnerabilities"), j, is) {
            if (strcmp(json_get_string(was, "name"), json_get_string(is, "name")) != 0) {
                continue;
            }
            const char *one = json_get_string(was, "guest"), *other = json_get_string(is, "guest");
            const char *const cells[] = {
                json_get_string(is, "name"), one != NULL ? one : "not known",
                json_get_string(was, "verdict"), other != NULL ? other : "not known",
                json_get_string(is, "verdict")};
            table_add(t, cells);
        }
    }
    return table_format(t);
}

const char *prove_security_answer(const json_t *document, bool is_safe)
{
    bool is_open = g_strcmp0(json_get_string(document, "verdict"), "unknown") == 0;
    return protection_is_bad(document) ? "NOT AS SAFE AS ITS HOSTS"
           : !is_safe                  ? "NOT PROVED"
           : is_open                   ? "AS SAFE AS ITS HOSTS, AS FAR AS THEY SAY"
                                       : "AS SAFE AS ITS HOSTS";
}

char *prove_security_format(const json_t *document, bool is_safe)
{
    GString *text = g_string_new(NULL);
    const char *kernel = json_get_string(document, "kernel");
    const json_t *before = json_object_get(document, "before");
    g_string_append_printf(
        text, "%s: pool '%s', model %s on %s, machine %s, through %s, kernel %s\n",
        prove_security_answer(document, is_safe), json_get_string(document, "pool"),
        json_get_string(document, "model"), json_get_string(document, "virt"),
        json_get_string(document, "machine"), json_get_string(document, "through"),
        kernel != NULL ? kernel : "not known");
    append_sentences(text, "why", json_object_get(document, "reasons"));
    append_sentences(text, "note", json_object_get(document, "notes"));
    g_autofree char *rows = protection_table_format(document);
    g_string_append_printf(text, "\n%s", rows);
    if (before != NULL) {
        g_autofree char *change = format_change(document, before);
        g_string_append_printf(text, "\n%s", change);
    }
    return g_string_free(text, FALSE);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/file.h"
#include "base/text.h"
#include "base/xml.h"
#include "core/catalog.h"
#include "core/guest.h"
#include "hook/hook.h"
#include "hook/qemu.h"
#include "hook/trace.h"

#include <stdio.h>
#include <string.h>

/// Adds what this guest's topology and PMU bring on this node. Where its QEMU is not known, the
/// guest may have what a newer one sets: an older one refuses it by itself.
static int add_own(const catalog *map, const cpulift_plan *plan, const domain_document *document,
                   feature_set *may, cpulift_error **err)
{
    const struct domain_guest guest = guest_read(document);
    g_autofree char *node = hook_path("/");
    unsigned qemu = guest_choose_qemu(plan, qemu_find(plan, document, node));
    g_autoptr(cpulift_cpu) cpu = guest_define(plan, &guest, qemu != 0 ? qemu : GUEST_QEMU_BREAK);
    for (size_t i = 0; i < cpu->feature_count; i++) {
        const struct cpu_feature *feature = &cpu->features[i];
        if (feature->policy == CPU_REQUIRE && guest_find_feature(feature->name) != NULL) {
            TRY(catalog_add_feature(map, feature->name, "plan", may, err));
        }
    }
    return 0;
}

/// The features of the guest's definition that no plan of this pool promises, as "a, b and 3 more";
/// NULL when there is none.
static int find_outside(const cpulift_cpu *cpu, const cpulift_plan *plan,
                        const domain_document *document, char **ret_names, cpulift_error **err)
{
    g_autoptr(catalog) map = NULL;
    feature_set has = {0}, may = {0};
    TRY(catalog_load(NULL, &map, err));
    TRY(cpu_expand(cpu, map, &has, err));
    for (size_t i = 0; i < plan->feature_count; i++) {
        TRY(catalog_add_feature(map, plan->features[i], "plan", &may, err));
    }
    TRY(add_own(map, plan, document, &may, err));
    feature_set outside = feature_set_subtract(has, may);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    feature_set_foreach (id, &outside) {
        g_ptr_array_add(names, catalog_get_feature(map, id)->name);
    }
    *ret_names =
        names->len > 0 ? text_join_some((const char *const *)names->pdata, names->len, 8) : NULL;
    return 0;
}

/// *ret_why is NULL when the guest may start.
static int judge(const char *xml, size_t len, const char *guest, const cpulift_plan *plan,
                 char **ret_why, cpulift_error **err)
{
    *ret_why = NULL;
    g_autoptr(domain_document) document = NULL;
    g_autoptr(cpulift_cpu) cpu = NULL;
    TRY(domain_parse(xml, len, "domain", &document, err));
    const xmlNode *node = xml_find_child(xmlDocGetRootElement(document->tree), "cpu");
    if (node == NULL) {
        return 0; // QEMU's default, which every host has
    }
    TRY(cpu_parse_node(node, guest, &cpu, err));
    if (cpu->mode != NULL && strcmp(cpu->mode, "custom") != 0) {
        *ret_why = g_strdup_printf("its CPU is %s, which no other host can promise", cpu->mode);
        return 0;
    }
    if (cpu->model == NULL) {
        return 0;
    }
    g_autofree char *names = NULL;
    TRY(find_outside(cpu, plan, document, &names, err));
    if (names != NULL) {
        *ret_why = g_strdup_printf("its CPU has features outside the pool's plan: %s", names);
    } else if (plan->phys_bits != 0 && cpu->phys_bits > plan->phys_bits) {
        *ret_why = g_strdup_printf("its physical addresses have %u bits, and the pool's hosts %u",
                                   cpu->phys_bits, plan->phys_bits);
    }
    return 0;
}

/// A guard that cannot judge lets pass and leaves a trace, unless it was told to be strict.
static int judge_input(const char *guest, bool *ret_is_strict, char **ret_why, cpulift_error **err)
{
    g_autofree char *path = hook_path("/etc/cpulift/plan.json");
    g_autofree char *xml = NULL;
    size_t len = 0;
    g_autoptr(cpulift_plan) plan = NULL;
    TRY(hook_load_plan(path, &plan, ret_is_strict, err));
    if (*ret_is_strict) {
        trace_be_strict(1);
    }
    TRY(file_load("-", FILE_DOCUMENT_MAX, &xml, &len, err));
    return hook_is_wanted(plan, guest) ? judge(xml, len, guest, plan, ret_why, err) : 0;
}

int hook_guard(int argc, char **argv)
{
    if (argc < 6 || strcmp(argv[4], "prepare") != 0 || strcmp(argv[5], "begin") != 0) {
        return 0;
    }
    g_autofree char *trace = hook_path("/var/lib/cpulift/hook.log");
    trace_set_file(trace, "guard");
    trace_watch(5, 0);
    g_autofree char *why = NULL;
    g_autoptr(cpulift_error) err = NULL;
    bool is_strict = false;
    if (judge_input(argv[3], &is_strict, &why, &err) != 0) {
        trace_write(argv[3], err->message);
        why = is_strict ? g_strdup(err->message) : NULL;
    }
    if (why != NULL) {
        g_autofree char *line = g_strdup_printf("cpulift: '%s' is stopped: %s", argv[3], why);
        text_make_printable(line);
        fprintf(stderr, "%s\n", line);
        return 1;
    }
    return 0;
}

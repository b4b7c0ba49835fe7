// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/file.h"
#include "base/text.h"
#include "base/xml.h"
#include "core/compare.h"
#include "core/guest.h"
#include "hook/hook.h"
#include "hook/qemu.h"
#include "hook/trace.h"

#include <string.h>

/// So many features stand in a line.
#define NAMES_MAX 8

/// Adds what this guest's own configuration brings on this node. Where its QEMU is not known, the
/// guest may have what a newer one sets: an older one refuses it by itself.
static void add_own(const cpulift_plan *plan, const struct domain_guest *guest, unsigned qemu,
                    compare_side *pool)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    size_t count = 0;
    const struct guest_feature *rows = guest_list_features(&count);
    for (size_t i = 0; i < count; i++) {
        if ((qemu == 0 || qemu >= rows[i].since_qemu) &&
            guest_sees(plan, guest, &rows[i], plan->cpu->vendor)) {
            g_ptr_array_add(names, (char *)rows[i].name);
        }
    }
    record_merge_strings(&pool->features, names);
}

/// One thing in which the guest goes beyond the pool, but its features; NULL: it does not. A width
/// that the plan does not know stops none.
static char *describe(const struct compare_difference *one, const cpulift_plan *plan)
{
    bool is_width = strcmp(one->what, "physical address bits") == 0;
    if (!one->is_beyond || (is_width && plan->phys_bits == 0 && one->b == NULL)) {
        return NULL;
    }
    return is_width
               ? g_strdup_printf("its physical addresses have %s bits, and the pool's hosts %u",
                                 one->a, MAX(plan->phys_bits, plan->cpu->phys_bits))
               : g_strdup_printf("its %s is %s, and the pool's %s", one->what, one->a, one->b);
}

/// Why the pool's hosts cannot promise this guest; NULL: they can. The features come first.
static char *find_why(const GPtrArray *differences, const cpulift_plan *plan)
{
    g_autoptr(GString) names = g_string_new(NULL);
    g_autofree char *why = NULL;
    for (size_t i = 0; i < differences->len; i++) {
        const struct compare_difference *one = differences->pdata[i];
        if (!compare_is_of_features(one)) {
            why = why != NULL ? why : describe(one, plan);
        } else if (one->is_beyond) {
            g_string_append_printf(names, "%s%s", names->len > 0 ? " " : "", one->a);
        }
    }
    if (names->len == 0) {
        return g_steal_pointer(&why);
    }
    g_auto(GStrv) list = g_strsplit(names->str, " ", -1);
    g_autofree char *joined =
        text_join_some((const char *const *)list, g_strv_length(list), NAMES_MAX);
    return g_strdup_printf("its CPU has features outside the pool's plan: %s", joined);
}

/// True where what `a` says of each feature `b` says too.
static bool stands_in(const cpulift_cpu *a, const cpulift_cpu *b)
{
    for (size_t i = 0; i < a->feature_count; i++) {
        const struct cpu_feature *said = cpu_find_feature(b, a->features[i].name);
        if (said == NULL || cpu_is_off(said->policy) != cpu_is_off(a->features[i].policy)) {
            return false;
        }
    }
    return true;
}

/// True where the definition is the plan's for this guest, as most are: the CPU map, dozens of
/// files, would say nothing new.
static bool is_planned(const cpulift_cpu *cpu, const cpulift_cpu *planned)
{
    return cpu_is_binding(cpu) && g_strcmp0(cpu->model, planned->model) == 0 &&
           g_strcmp0(cpu->vendor, planned->vendor) == 0 && cpu->phys_bits == planned->phys_bits &&
           stands_in(cpu, planned) && stands_in(planned, cpu);
}

static int compare(const cpulift_cpu *cpu, const cpulift_plan *plan,
                   const domain_document *document, char **ret_why, cpulift_error **err)
{
    const struct domain_guest shape = guest_read(document);
    g_autofree char *node = hook_path("/");
    unsigned qemu = guest_choose_qemu(plan, qemu_find(plan, document, node));
    g_autoptr(cpulift_cpu) planned = guest_define(plan, &shape, qemu);
    if (is_planned(cpu, planned)) {
        return 0;
    }
    g_autoptr(catalog) map = NULL;
    g_auto(compare_side) guest = {0}, pool = {0};
    g_autofree char *virt = xml_get_attribute(xmlDocGetRootElement(document->tree), "type");
    TRY(catalog_load(NULL, &map, err));
    // Where libvirt holds QEMU to the definition, QEMU adds nothing to it.
    const char *unasked = cpu_is_binding(cpu) ? NULL : virt;
    TRY(compare_take_cpu(cpu, document->guest, unasked, NULL, map, &guest, err));
    compare_take_plan(plan, map, &pool);
    add_own(plan, &shape, qemu, &pool);
    g_autoptr(GPtrArray) differences = compare_sides(&guest, &pool);
    *ret_why = find_why(differences, plan);
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
    if (domain_has_own_cpu(document)) {
        *ret_why = g_strdup("its <qemu:commandline> has a -cpu, which no plan and no libvirt holds "
                            "to anything: take it out");
        return 0;
    }
    const xmlNode *node = xml_find_child(xmlDocGetRootElement(document->tree), "cpu");
    if (node == NULL) {
        return 0; // QEMU's default, which every host has
    }
    TRY(cpu_parse_node(node, guest, &cpu, err));
    if (cpu->mode != NULL && strcmp(cpu->mode, "custom") != 0) {
        *ret_why =
            plan->guests.is_respectful
                ? NULL
                : g_strdup_printf("its CPU is %s, which no other host can promise", cpu->mode);
        return 0;
    }
    const char *dependence = cpu->model != NULL ? cpu_find_dependence(cpu) : NULL;
    if (dependence != NULL) {
        *ret_why = g_strdup_printf("its CPU depends on its host (%s), which no other host can "
                                   "promise",
                                   dependence);
        return 0;
    }
    return cpu->model != NULL ? compare(cpu, plan, document, ret_why, err) : 0;
}

static int judge_input(const char *guest, char **ret_why, cpulift_error **err)
{
    g_autofree char *path = hook_path("/etc/cpulift/plan.json");
    g_autofree char *xml = NULL;
    size_t len = 0;
    g_autoptr(cpulift_plan) plan = NULL;
    TRY(hook_load_plan(path, &plan, err));
    TRY(file_load("-", FILE_DOCUMENT_MAX, &xml, &len, err));
    return hook_is_wanted(plan, guest) ? judge(xml, len, guest, plan, ret_why, err) : 0;
}

int hook_guard(char **args, size_t count)
{
    (void)count;
    g_autofree char *why = NULL;
    g_autoptr(cpulift_error) err = NULL;
    const char *guest = args[1];
    if (judge_input(guest, &why, &err) != 0) {
        return trace_fail(guest, err->message);
    }
    return why != NULL ? trace_stop(guest, why) : 0;
}

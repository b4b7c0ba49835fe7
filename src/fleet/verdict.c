// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/verdict.h"

#include "core/machine.h"

#include <string.h>

#define VERDICT(member) RECORD_AT(struct fleet_verdict, member)

static void verdict_free(void *item);

const struct record fleet_verdict_record = {
    RECORD_ROWS(
        {"name", &record_string, VERDICT(name), RECORD_REQUIRED},
        {"host", &record_name, VERDICT(host), RECORD_REQUIRED},
        {"verdict", &record_string, VERDICT(verdict), RECORD_REQUIRED,
         .meaning = "`tuned`; `stale`: a power cycle brings the plan's CPU; `foreign`: it has more "
                    "than the plan; `own`: its owner's, or the plan does not mean it; `unknown`"},
        {"missing", &record_strings, VERDICT(missing), RECORD_ALWAYS,
         .meaning = "features of the plan that it has not"},
        {"extra", &record_strings, VERDICT(extra), RECORD_ALWAYS,
         .meaning = "features that it has beyond the plan"},
        {"why", &record_string, VERDICT(why), .meaning = "what the lists do not say"}),
    .size = sizeof(struct fleet_verdict),
    .destroy = verdict_free,
};

static void verdict_free(void *item)
{
    record_free(&fleet_verdict_record, item);
}

/// Sorted names of `a` that `b` lacks, but for what QEMU sets by topology, which every guest sees
/// alike and which only some QEMUs tell. The caller's.
static char **subtract(char *const *a, char *const *b)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    char **list = NULL;
    for (; *a != NULL; a++) {
        const struct guest_feature *of = guest_find_feature(*a);
        bool is_set = of != NULL && of->cause == GUEST_SOCKET;
        if (!is_set && !g_strv_contains((const char *const *)b, *a)) {
            g_ptr_array_add(names, *a);
        }
    }
    record_merge_strings(&list, names);
    return list != NULL ? list : g_new0(char *, 1);
}

char *fleet_verdict_find_owner(const fleet_guest *guest, const cpulift_plan *plan)
{
    const char *mode = guest->cpu != NULL && guest->has_own_mode ? guest->cpu->mode : NULL;
    return guest->why != NULL                     ? NULL
           : !plan_means_guest(plan, guest->name) ? g_strdup("the plan does not mean it")
           : guest->has_own_cpu                   ? g_strdup("-cpu on QEMU's own command line")
           : mode != NULL                         ? g_strdup(mode)
           : strcmp(guest->virt, plan->virt) != 0 ||
                   g_strcmp0(machine_find_kind(guest->machine), plan->machine) != 0
               ? g_strdup_printf("the plan is for %s on %s", plan->virt, plan->machine)
               : NULL;
}

/// What differs beside features; NULL: nothing. The caller's.
static char *find_other(const cpulift_cpu *has, const cpulift_cpu *wants)
{
    return g_strcmp0(has->model, wants->model) != 0
               ? g_strdup_printf("model %s, and the plan's is %s", has->model, wants->model)
           : has->phys_bits != wants->phys_bits
               ? g_strdup_printf("width %u, and the plan's is %u", has->phys_bits, wants->phys_bits)
               : NULL;
}

static const char *judge(const fleet_guest *guest, const cpulift_plan *plan, const catalog *map,
                         struct fleet_verdict *verdict)
{
    g_auto(compare_side) has = {0}, wants = {0};
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpulift_cpu) planned = guest_define(plan, &guest->shape, 0);
    if (fleet_guest_take(guest, map, &has, &err) != 0 ||
        compare_take_cpu(planned, plan->pool, NULL, plan->machine, map, &wants, &err) != 0) {
        verdict->why = g_strdup(err->message);
        return "unknown";
    }
    g_strfreev(verdict->missing);
    g_strfreev(verdict->extra);
    verdict->missing = subtract(wants.features, has.features);
    verdict->extra = subtract(has.features, wants.features);
    verdict->why = find_other(guest->cpu, planned);
    bool is_wider = plan->phys_bits != 0 && guest->cpu->phys_bits > plan->phys_bits;
    bool is_foreign = *verdict->extra != NULL || is_wider;
    bool is_stale = *verdict->missing != NULL || verdict->why != NULL;
    return is_foreign ? "foreign" : is_stale ? "stale" : "tuned";
}

struct fleet_verdict *fleet_verdict_find(const fleet_guest *guest, const cpulift_plan *plan,
                                         const catalog *map)
{
    struct fleet_verdict *verdict = record_new(&fleet_verdict_record);
    *verdict = (struct fleet_verdict){.name = g_strdup(guest->name),
                                      .host = g_strdup(guest->host),
                                      .why = fleet_verdict_find_owner(guest, plan),
                                      .missing = g_new0(char *, 1),
                                      .extra = g_new0(char *, 1)};
    verdict->verdict = g_strdup(verdict->why != NULL ? "own" : judge(guest, plan, map, verdict));
    return verdict;
}

struct fleet_verdict *fleet_verdict_copy(const struct fleet_verdict *verdict,
                                         const fleet_guest *guest)
{
    struct fleet_verdict *copy = record_new(&fleet_verdict_record);
    *copy = (struct fleet_verdict){.name = g_strdup(guest->name),
                                   .host = g_strdup(guest->host),
                                   .verdict = g_strdup(verdict->verdict),
                                   .why = g_strdup(verdict->why),
                                   .missing = g_strdupv(verdict->missing),
                                   .extra = g_strdupv(verdict->extra)};
    return copy;
}

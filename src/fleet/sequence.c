// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/sequence.h"

#include "fleet/scheme.h"

#include <string.h>

#define STEP(member)     RECORD_AT(struct fleet_step, member)
#define SEQUENCE(member) RECORD_AT(fleet_sequence, member)

/// So many states are looked at.
#define BUDGET 50000

RECORD_ITEM(
    step_record, struct fleet_step,
    {"what", &record_string, STEP(what), RECORD_REQUIRED,
     .meaning = "`update`, `join`, `leave`: of hosts, one after the other; `power cycle`: of "
                "guests, before the next step; `plan`: the new one comes into force"},
    {"names", &record_strings, STEP(names), RECORD_REQUIRED})

const struct record fleet_sequence_record = {
    RECORD_ROWS({"found", &record_word, SEQUENCE(found), RECORD_ALWAYS, .words = order_words,
                 .meaning = "`yes`, `no`: there is none, or `not found`: not every one was tried"},
                {"steps", &record_list, SEQUENCE(steps), .record = &step_record,
                 .meaning = "with the power cycles without which somebody strands"},
                {"stopped", &record_strings, SEQUENCE(stopped), RECORD_ALWAYS,
                 .meaning = "guests that cannot leave their hosts even now: they are stopped when "
                            "these change"},
                {"stranded", &record_strings, SEQUENCE(stranded), RECORD_ALWAYS,
                 .meaning = "guests each of which strands in every order"},
                {"poorer", &record_strings, SEQUENCE(poorer), RECORD_ALWAYS,
                 .meaning = "hosts that cannot give the plan in the end: guests that have its CPU "
                            "cannot go there"}),
    .size = sizeof(fleet_sequence),
};

/// What is told from the search's steps.
struct telling {
    const fleet_scheme *scheme;
    fleet_sequence *sequence;
    size_t *next;     ///< of each group: the first of its hosts that no step has
    const char *last; ///< what the last step is, if more hosts may take it; NULL: none
};

/// The problem of these bands (`count` of them from the first on).
static enum order_answer solve(const fleet_scheme *scheme, size_t first, size_t count,
                               GArray **ret_steps)
{
    g_autofree struct order_guests *guests = g_new0(struct order_guests, count);
    for (size_t i = 0; i < count; i++) {
        const struct scheme_band *band = scheme->bands->pdata[first + i];
        guests[i].weight = band->names->len;
        memcpy(guests[i].exists, band->exists, sizeof band->exists);
        for (size_t s = 0; s < ORDER_STATUSES; s++) {
            for (size_t side = 0; side < ORDER_SIDES; side++) {
                guests[i].can[s][side] = fleet_scheme_get_can(scheme, band, s, side);
            }
        }
    }
    const struct order_problem problem = {(const struct order_group *)(void *)scheme->groups->data,
                                          guests, scheme->groups->len, count,
                                          scheme->of->is_other_plan};
    return order_find(&problem, BUDGET, ret_steps);
}

static void add_step(const struct telling *telling, const char *what, char **names)
{
    struct fleet_step *step = record_new(&step_record);
    *step = (struct fleet_step){g_strdup(what), names};
    g_ptr_array_add(telling->sequence->steps, step);
}

/// The hosts that take the step; more of those that took the last one, if nothing came between.
static void add_hosts(struct telling *telling, const struct order_step *step)
{
    const GPtrArray *hosts = telling->scheme->hosts->pdata[step->group];
    const struct order_group *group =
        &g_array_index(telling->scheme->groups, struct order_group, step->group);
    const char *what = !group->is_there[ORDER_OLD]   ? "join"
                       : !group->is_there[ORDER_NEW] ? "leave"
                                                     : "update";
    GPtrArray *names = g_ptr_array_new();
    if (telling->last != NULL && strcmp(telling->last, what) == 0) {
        guint end = telling->sequence->steps->len - 1;
        const struct fleet_step *before = telling->sequence->steps->pdata[end];
        for (char **name = before->names; *name != NULL; name++) {
            g_ptr_array_add(names, g_strdup(*name));
        }
        g_ptr_array_remove_index(telling->sequence->steps, end);
    }
    for (size_t i = 0; i < step->hosts; i++) {
        g_ptr_array_add(names, g_strdup(hosts->pdata[telling->next[step->group]++]));
    }
    g_ptr_array_add(names, NULL);
    add_step(telling, what, (char **)g_ptr_array_free(names, FALSE));
    telling->last = what;
}

/// The guests that have another status from this step on; `before` NULL: from the beginning.
static void add_cycles(struct telling *telling, const struct order_step *step,
                       const struct order_step *before)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    char **list = NULL;
    for (size_t k = 0; k < telling->scheme->bands->len; k++) {
        const struct scheme_band *band = telling->scheme->bands->pdata[k];
        enum order_status was = before != NULL ? before->statuses[k] : ORDER_AS_IS;
        for (size_t i = 0; step->statuses[k] != was && i < band->names->len; i++) {
            g_ptr_array_add(names, band->names->pdata[i]);
        }
    }
    if (names->len > 0) {
        record_merge_strings(&list, names);
        add_step(telling, "power cycle", list);
        telling->last = NULL;
    }
}

static void tell(const fleet_scheme *scheme, const GArray *steps, fleet_sequence *sequence)
{
    g_autofree size_t *next = g_new0(size_t, scheme->groups->len);
    struct telling telling = {scheme, sequence, next, NULL};
    for (size_t i = 0; i < steps->len; i++) {
        const struct order_step *step = &g_array_index(steps, struct order_step, i);
        if (i > 0 && step->group == ORDER_PLAN) {
            add_step(&telling, "plan", g_new0(char *, 1));
            telling.last = NULL;
        } else if (i > 0) {
            add_hosts(&telling, step);
        }
        add_cycles(&telling, step, i > 0 ? &g_array_index(steps, struct order_step, i - 1) : NULL);
    }
}

/// The guests that alone would strand in each order, where there is none for all.
static void blame(const fleet_scheme *scheme, fleet_sequence *sequence)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    bool is_asked = sequence->found == ORDER_NONE;
    for (size_t k = 0; is_asked && k < scheme->bands->len; k++) {
        const struct scheme_band *band = scheme->bands->pdata[k];
        g_autoptr(GArray) steps = NULL;
        bool strands = solve(scheme, k, 1, &steps) == ORDER_NONE;
        for (size_t i = 0; strands && i < band->names->len; i++) {
            g_ptr_array_add(names, band->names->pdata[i]);
        }
    }
    record_merge_strings(&sequence->stranded, names);
}

fleet_sequence *fleet_sequence_find(const struct fleet_rehearsal *rehearsal)
{
    g_autoptr(fleet_scheme) scheme = fleet_scheme_new(rehearsal);
    fleet_sequence *sequence = record_new(&fleet_sequence_record);
    g_autoptr(GArray) steps = NULL;
    sequence->steps = g_ptr_array_new_with_free_func(step_record_free);
    sequence->found = solve(scheme, 0, scheme->bands->len, &steps);
    if (steps != NULL) {
        tell(scheme, steps, sequence);
    }
    blame(scheme, sequence);
    record_merge_strings(&sequence->stopped, scheme->stopped);
    record_merge_strings(&sequence->poorer, scheme->poorer);
    return sequence;
}

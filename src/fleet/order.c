// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/order.h"

#include <string.h>

/// A group of more hosts behaves as one of so many: what decides is only whether none, one or more
/// of either side are left.
#define COUNT_MAX 4

/// Hosts enough that a guest can leave one.
#define ENOUGH 2

#define BIT(status) ((guint8)(1U << (status)))

const char *const order_words[] = {
    [ORDER_UNKNOWN] = "not found",
    [ORDER_FOUND] = "yes",
    [ORDER_NONE] = "no",
    NULL,
};

/// How far things are.
struct state {
    const struct state *from; ///< NULL: the first
    size_t step;              ///< that led here
    size_t depth, number;     ///< so many steps, and so many states came before
    guint64 cost;
    guint8 *levels;   ///< of each group so many hosts have changed; last: the new plan is in force
    guint8 *statuses; ///< of each kind of guests those that it may have by now, as bits; one
                      ///< allocation with `levels`
};

struct search {
    const struct order_problem *problem;
    GPtrArray *states; ///< struct state *, all that were reached
    GHashTable *seen;  ///< their bytes
    GSequence *open;   ///< those to look at, the best first; borrowed
    bool is_hasty;     ///< the best is who is nearest to the end, whatever it costs
};

static void state_free(void *data)
{
    struct state *state = data;
    g_free(state->levels);
    g_free(state);
}

static size_t get_count(const struct order_group *group)
{
    return MIN(group->count, COUNT_MAX);
}

/// Whether guests of this kind and status can leave any host that they are on.
static bool is_alive(const struct order_problem *problem, const guint8 *levels, size_t kind,
                     size_t status)
{
    const struct order_guests *guests = &problem->guests[kind];
    size_t count = 0;
    for (size_t g = 0; guests->exists[status] && g < problem->group_count; g++) {
        const struct order_group *group = &problem->groups[g];
        size_t changed = levels[g], rest = get_count(group) - changed;
        count += group->is_there[ORDER_OLD] && guests->can[status][ORDER_OLD][g] ? rest : 0;
        count += group->is_there[ORDER_NEW] && guests->can[status][ORDER_NEW][g] ? changed : 0;
    }
    return count >= ENOUGH;
}

/// What a power cycle gives while this plan is in force.
static bool is_given(size_t status, bool has_new_plan)
{
    return status != ORDER_AS_IS && (status >= ORDER_BY_NEW_PLAN) == has_new_plan;
}

/// Leaves of each guest's statuses those in which it can go on, and adds those that a power cycle
/// gives; false: some guests strand.
static bool settle(const struct order_problem *problem, struct state *state)
{
    bool has_new_plan = state->levels[problem->group_count] != 0;
    state->cost = 0;
    for (size_t k = 0; k < problem->guest_count; k++) {
        guint8 left = 0, given = 0;
        for (size_t s = 0; s < ORDER_STATUSES; s++) {
            guint8 bit = is_alive(problem, state->levels, k, s) ? BIT(s) : 0;
            left |= state->statuses[k] & bit;
            given |= is_given(s, has_new_plan) ? bit : 0;
        }
        if (left == 0) {
            return false;
        }
        state->statuses[k] = left | given;
        state->cost += (left & BIT(ORDER_AS_IS)) != 0 ? 0 : problem->guests[k].weight;
    }
    return true;
}

/// The fewest power cycles, then who is nearest to the end, then who came first; the second before
/// the first where `data`, a bool, is true.
static int compare_states(const void *a, const void *b, void *data)
{
    const struct state *sa = a, *sb = b;
    const bool *is_hasty = data;
    int by_cost = sa->cost != sb->cost ? (sa->cost < sb->cost ? -1 : 1) : 0;
    int by_depth = sa->depth != sb->depth ? (sa->depth > sb->depth ? -1 : 1) : 0;
    int first = *is_hasty ? by_depth : by_cost, second = *is_hasty ? by_cost : by_depth;
    return first != 0 ? first : second != 0 ? second : sa->number < sb->number ? -1 : 1;
}

/// Another state with the same bytes, not yet among them.
static struct state *state_new(const struct order_problem *problem, const struct state *from)
{
    struct state *state = g_new0(struct state, 1);
    state->levels = g_new0(guint8, problem->group_count + 1 + problem->guest_count);
    state->statuses = state->levels + problem->group_count + 1;
    if (from != NULL) {
        memcpy(state->levels, from->levels, problem->group_count + 1 + problem->guest_count);
        state->from = from;
        state->depth = from->depth + 1;
    }
    return state;
}

/// Takes the state over if nobody strands there and it is new.
static void add_state(struct search *search, struct state *state)
{
    size_t size = search->problem->group_count + 1 + search->problem->guest_count;
    if (!settle(search->problem, state)) {
        state_free(state);
        return;
    }
    GBytes *bytes = g_bytes_new(state->levels, size);
    if (!g_hash_table_add(search->seen, bytes)) {
        state_free(state);
        return;
    }
    state->number = search->states->len;
    g_ptr_array_add(search->states, state);
    g_sequence_insert_sorted(search->open, state, compare_states, &search->is_hasty);
}

/// A new plan is for hosts that can give it in the end: of those none may be left that cannot yet.
static bool can_plan(const struct order_problem *problem, const guint8 *levels)
{
    for (size_t g = 0; g < problem->group_count; g++) {
        const struct order_group *group = &problem->groups[g];
        bool is_left = group->is_there[ORDER_OLD] && levels[g] < get_count(group);
        bool will = !group->is_there[ORDER_NEW] || group->gives[ORDER_NEW];
        if (!group->stays && is_left && will && !group->gives[ORDER_OLD]) {
            return false;
        }
    }
    return true;
}

/// What can be done next: the plan first.
static void expand(struct search *search, const struct state *from)
{
    const struct order_problem *problem = search->problem;
    if (problem->has_plan && from->levels[problem->group_count] == 0 &&
        can_plan(problem, from->levels)) {
        struct state *state = state_new(problem, from);
        state->levels[problem->group_count] = 1;
        state->step = ORDER_PLAN;
        add_state(search, state);
    }
    for (size_t g = 0; g < problem->group_count; g++) {
        const struct order_group *group = &problem->groups[g];
        if (!group->stays && from->levels[g] < get_count(group)) {
            struct state *state = state_new(problem, from);
            state->levels[g]++;
            state->step = g;
            add_state(search, state);
        }
    }
}

static size_t count_steps(const struct order_problem *problem)
{
    size_t count = problem->has_plan;
    for (size_t g = 0; g < problem->group_count; g++) {
        count += problem->groups[g].stays ? 0 : get_count(&problem->groups[g]);
    }
    return count;
}

/// So many hosts of a group of `count` a step up from this level stands for.
static size_t count_hosts(size_t count, size_t level)
{
    return count > COUNT_MAX && level == 1 ? count - COUNT_MAX + 1 : 1;
}

static void step_clear(void *data)
{
    g_free(((struct order_step *)data)->statuses);
}

/// One kind of guests along the path: so many power cycles at least from each moment on, by the
/// status at that moment.
struct way {
    const struct order_problem *problem;
    const GPtrArray *path; ///< const struct state *
    size_t kind;
    guint *needs; ///< moments × statuses
};

#define NEVER (G_MAXUINT / 2)

static bool lives(const struct way *way, size_t moment, size_t status)
{
    const struct state *state = way->path->pdata[moment];
    return is_alive(way->problem, state->levels, way->kind, status);
}

/// The power cycles from a moment on if the guests go from it as `to`, by one where it is not what
/// they were.
static guint get_need(const struct way *way, size_t moment, size_t status, size_t to)
{
    const struct state *state = way->path->pdata[moment];
    bool has_new_plan = state->levels[way->problem->group_count] != 0;
    bool can = to == status || (is_given(to, has_new_plan) && lives(way, moment, to));
    return can && lives(way, moment + 1, to)
               ? way->needs[(moment + 1) * ORDER_STATUSES + to] + (to != status)
               : NEVER;
}

/// What they go on as: as they are, if that costs no more.
static size_t find_next(const struct way *way, size_t moment, size_t status, guint *ret_need)
{
    size_t next = status;
    *ret_need = get_need(way, moment, status, status);
    for (size_t to = 0; to < ORDER_STATUSES; to++) {
        guint need = get_need(way, moment, status, to);
        next = need < *ret_need ? to : next;
        *ret_need = MIN(*ret_need, need);
    }
    return next;
}

/// Power cycles as few and as late as may be.
static void choose(const struct way *way, GArray *steps)
{
    size_t last = way->path->len - 1, status = ORDER_AS_IS;
    for (size_t moment = last; moment-- > 0;) {
        for (size_t s = 0; s < ORDER_STATUSES; s++) {
            (void)find_next(way, moment, s, &way->needs[moment * ORDER_STATUSES + s]);
        }
    }
    for (size_t moment = 0; moment <= last; moment++) {
        guint need = 0;
        status = moment < last ? find_next(way, moment, status, &need) : status;
        g_array_index(steps, struct order_step, moment).statuses[way->kind] =
            (enum order_status)status;
    }
}

static GArray *list_steps(const struct order_problem *problem, const struct state *last)
{
    g_autoptr(GPtrArray) path = g_ptr_array_new();
    GArray *steps = g_array_new(FALSE, TRUE, sizeof(struct order_step));
    g_array_set_clear_func(steps, step_clear);
    for (const struct state *state = last; state != NULL; state = state->from) {
        g_ptr_array_insert(path, 0, (void *)state);
    }
    for (size_t i = 0; i < path->len; i++) {
        const struct state *state = path->pdata[i];
        struct order_step step = {.group = state->step,
                                  .statuses = g_new0(enum order_status, problem->guest_count)};
        if (i > 0 && state->step != ORDER_PLAN) {
            step.hosts =
                count_hosts(problem->groups[state->step].count, state->from->levels[state->step]);
        }
        g_array_append_val(steps, step);
    }
    for (size_t k = 0; k < problem->guest_count; k++) {
        g_autofree guint *needs = g_new0(guint, path->len * ORDER_STATUSES);
        const struct way way = {problem, path, k, needs};
        choose(&way, steps);
    }
    return steps;
}

/// Goes from the best state to those that it leads to; NULL: to the end none does, or not within
/// `budget`.
static const struct state *go(struct search *search, size_t budget)
{
    size_t depth = count_steps(search->problem);
    while (!g_sequence_is_empty(search->open) && search->states->len <= budget) {
        GSequenceIter *first = g_sequence_get_begin_iter(search->open);
        const struct state *state = g_sequence_get(first);
        if (state->depth == depth) {
            return state;
        }
        g_sequence_remove(first);
        expand(search, state);
    }
    return NULL;
}

static enum order_answer find(const struct order_problem *problem, size_t budget, bool is_hasty,
                              GArray **ret_steps)
{
    g_autoptr(GPtrArray) states = g_ptr_array_new_with_free_func(state_free);
    g_autoptr(GHashTable) seen =
        g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
    g_autoptr(GSequence) open = g_sequence_new(NULL);
    struct search search = {problem, states, seen, open, is_hasty};
    struct state *first = state_new(problem, NULL);
    memset(first->statuses, BIT(ORDER_AS_IS), problem->guest_count);
    add_state(&search, first);
    const struct state *last = go(&search, budget);
    *ret_steps = last != NULL ? list_steps(problem, last) : NULL;
    return last != NULL ? ORDER_FOUND : g_sequence_is_empty(open) ? ORDER_NONE : ORDER_UNKNOWN;
}

enum order_answer order_find(const struct order_problem *problem, size_t budget, GArray **ret_steps)
{
    enum order_answer answer = find(problem, budget, false, ret_steps);
    return answer == ORDER_UNKNOWN ? find(problem, budget, true, ret_steps) : answer;
}

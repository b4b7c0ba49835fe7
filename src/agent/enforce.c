// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/enforce.h"

#include "agent/say.h"
#include "agent/tool.h"
#include "base/json.h"

/// Definitions come several at once.
#define SOON_MS 2000

/// From one run to the next at least: somebody else may undo each.
#define PAUSE_SECONDS 30

/// So many of them at most until one that failed is tried again: twice as many after each further
/// one. What is new waits for one alone.
#define PAUSES_MAX 10u

/// So long one may take, with thousands of definitions.
#define APPLY_SECONDS 600

/// What apply ends with where some guests cannot take the plan.
#define STATUS_SOME 3

struct enforce {
    const agent_settings *settings;
    const plans *plans;
    const host_watch *host;
    tool *apply;
    guint soon, pause;
    unsigned left, failed; ///< of the pauses until it is tried again, and how many there were
    bool is_asked;         ///< again, after this run and one pause
    char *fault;           ///< of the last run; NULL: none
    guint64 runs, changes;
};

static void start(enforce *self);

static gboolean start_soon(void *data)
{
    enforce *self = data;
    self->soon = 0;
    start(self);
    return G_SOURCE_REMOVE;
}

static gboolean end_pause(void *data)
{
    enforce *self = data;
    if (!self->is_asked && self->left > 0 && --self->left > 0) {
        return G_SOURCE_CONTINUE;
    }
    // What was in its way, as an administrator's rollback, may go without a word.
    bool is_due = self->is_asked || self->fault != NULL;
    self->pause = 0;
    self->is_asked = false;
    if (is_due) {
        enforce_soon(self);
    }
    return G_SOURCE_REMOVE;
}

static void take_fault(enforce *self, const char *why)
{
    if (why != NULL && g_strcmp0(self->fault, why) != 0) {
        say(SAY_WARNING, "definitions are not changed: %s", why);
    }
    g_free(self->fault);
    self->fault = g_strdup(why);
}

static bool is_well(int status)
{
    return status == 0 || status == STATUS_SOME;
}

/// What apply says that it did: cpulift.changeset/1.
static void take_report(enforce *self, const char *output, size_t len)
{
    g_autoptr(json_t) report = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (json_parse_text(output, len, "apply", &report, &err) != 0) {
        take_fault(self, err->message);
        return;
    }
    size_t changes = json_array_size(json_object_get(report, "changes"));
    self->runs++;
    self->changes += changes;
    if (changes > 0) {
        say(SAY_NOTICE, "the plan's CPU was put into %zu %s; 'cpulift rollback' undoes it", changes,
            changes == 1 ? "definition" : "definitions");
    }
    take_fault(self, NULL);
}

static void done(void *data, int status, const char *output, size_t len, const char *why)
{
    (void)status;
    enforce *self = data;
    if (why != NULL) {
        take_fault(self, why);
    } else {
        take_report(self, output, len);
    }
    g_clear_pointer(&self->apply, tool_free);
    self->pause = g_timeout_add_seconds(PAUSE_SECONDS, end_pause, self);
    self->failed = self->fault == NULL ? 0 : CLAMP(self->failed * 2, 1, PAUSES_MAX);
    self->left = self->failed;
}

static void add_each(GPtrArray *words, const char *option, char *const *values)
{
    for (; values != NULL && *values != NULL; values++) {
        g_ptr_array_add(words, (char *)option);
        g_ptr_array_add(words, *values);
    }
}

/// A definition that this host cannot give would keep its guest from starting.
static const char *find_obstacle(const enforce *self)
{
    const struct host_state host = host_watch_get(self->host);
    return plans_get(self->plans).plan == NULL   ? "no plan is in force"
           : plans_get_path(self->plans) == NULL ? "the disk did not take the plan in force"
           : !host.is_judged       ? "this host has not been held against the plan yet"
           : host.can != FLEET_YES ? "this host is not known to give what the plan needs"
                                   : NULL;
}

static void start(enforce *self)
{
    const struct plans_state plan = plans_get(self->plans);
    const char *obstacle = find_obstacle(self);
    const struct tool_calls calls = {done, is_well, self};
    if (obstacle != NULL) {
        take_fault(self, obstacle);
        return;
    }
    const char *const fixed[] = {
        "cpulift-platform",
        "apply",
        plans_get_path(self->plans),
        "--platform",
        "libvirt",
        "--connect",
        self->settings->agent_connect,
        "--root",
        self->settings->agent_root,
        "--json",
        "--commit",
    };
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        g_ptr_array_add(words, (char *)fixed[i]);
    }
    add_each(words, "--only", plan.plan->guests.only);
    add_each(words, "--skip", plan.plan->guests.skip);
    if (plan.plan->guests.is_respectful) {
        g_ptr_array_add(words, (char *)"--respect");
    }
    g_ptr_array_add(words, NULL);
    self->apply = tool_start((const char *const *)words->pdata, APPLY_SECONDS, &calls);
}

enforce *enforce_new(const agent_settings *settings, const plans *plans_in_force,
                     const host_watch *host)
{
    if (settings->agent_enforce == 0) {
        return NULL;
    }
    enforce *self = g_new0(enforce, 1);
    self->settings = settings;
    self->plans = plans_in_force;
    self->host = host;
    return self;
}

void enforce_soon(enforce *self)
{
    if (self == NULL) {
        return;
    }
    if (self->apply != NULL || self->pause != 0) {
        self->is_asked = true;
    } else if (self->soon == 0) {
        self->soon = g_timeout_add(SOON_MS, start_soon, self);
    }
}

struct enforce_state enforce_get(const enforce *self)
{
    return (struct enforce_state){self->fault, self->runs, self->changes};
}

static void remove_timer(guint timer)
{
    if (timer != 0) {
        g_source_remove(timer);
    }
}

void enforce_free(enforce *self)
{
    if (self != NULL) {
        tool_free(self->apply);
        remove_timer(self->soon);
        remove_timer(self->pause);
        g_free(self->fault);
        g_free(self);
    }
}

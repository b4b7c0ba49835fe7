// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/numbers.h"

#include "base/metrics.h"
#include "config.h"
#include "fleet/export.h"

/// A family of one sample without a label.
static void add_one(GString *out, const char *name, const char *type, const char *help,
                    double number)
{
    metrics_add_family(out, name, type, help);
    metrics_add(out, name, NULL, NULL, number);
}

static void add_agent(GString *out, const agent *self)
{
    metrics_add_family(out, "cpulift_agent_info", "gauge", "The agent's version.");
    metrics_add(out, "cpulift_agent_info", "version", CPULIFT_VERSION, 1);
    add_one(out, "cpulift_agent_start_seconds", "gauge", "When the agent was started, since 1970.",
            (double)self->started);
}

static void add_plan(GString *out, const struct plans_state *plan)
{
    metrics_add_family(out, "cpulift_agent_plan_in_force", "gauge", "1: a plan is in force.");
    metrics_add(out, "cpulift_agent_plan_in_force", plan->plan != NULL ? "digest" : NULL,
                plan->digest, plan->plan != NULL);
    add_one(out, "cpulift_agent_plan_current", "gauge",
            "1: it is what its source has now; 0: the last good one, or none.",
            plan->fault == NULL);
    add_one(out, "cpulift_agent_plan_faults_total", "counter",
            "Times that the source had no plan that could be taken.", (double)plan->faults);
    if (plan->plan != NULL) {
        add_one(out, "cpulift_agent_plan_taken_seconds", "gauge",
                "When this agent took the plan in force, since 1970.", (double)plan->since);
    }
}

static void add_libvirt(GString *out, const struct guests_state *state)
{
    add_one(out, "cpulift_agent_libvirt_up", "gauge", "1: libvirt answers.", state->fault == NULL);
    add_one(out, "cpulift_agent_libvirt_losses_total", "counter",
            "Times that libvirt ended, or did not answer.", (double)state->downs);
    add_one(out, "cpulift_agent_events_total", "counter",
            "Starts, stops and changes of definitions that libvirt told of.",
            (double)state->events);
    add_one(out, "cpulift_agent_overruns_total", "counter",
            "Times that so much happened that some of it was passed over.",
            (double)state->overruns);
    add_one(out, "cpulift_agent_waiting", "gauge", "What still is to be asked of libvirt.",
            state->waiting);
}

static void add_host(GString *out, const struct host_state *host)
{
    add_one(out, "cpulift_agent_scan_up", "gauge", "1: the last scan of this host succeeded.",
            host->fault == NULL && host->scans > 0);
    add_one(out, "cpulift_agent_scans_total", "counter", "Scans of this host that succeeded.",
            (double)host->scans);
    if (host->scans > 0) {
        add_one(out, "cpulift_agent_scan_seconds", "gauge",
                "When the last of them ended, since 1970.", (double)host->scanned);
    }
    if (host->is_judged) {
        metrics_add_family(out, "cpulift_host_gives_plan", "gauge",
                           "1: whether this host gives what the plan needs.");
        for (enum fleet_can can = FLEET_YES; can <= FLEET_NO; can++) {
            metrics_add(out, "cpulift_host_gives_plan", "can", fleet_can_to_string(can),
                        can == host->can);
        }
    }
    if (host->exposed != NULL) {
        metrics_add_family(out, "cpulift_host_vulnerable", "gauge",
                           "1: the kernel calls this host vulnerable to it.");
        for (char *const *name = host->exposed; *name != NULL; name++) {
            metrics_add(out, "cpulift_host_vulnerable", "vulnerability", *name, 1);
        }
    }
}

static void add_enforce(GString *out, const struct enforce_state *state)
{
    add_one(out, "cpulift_agent_enforce_up", "gauge",
            "1: definitions were held against the plan, and changed where they could be.",
            state->fault == NULL && state->runs > 0);
    add_one(out, "cpulift_agent_enforce_changes_total", "counter",
            "Definitions into which the plan's CPU was put.", (double)state->changes);
}

static void add_ledger(GString *out, const struct ledger_counts *rows)
{
    add_one(out, "cpulift_agent_ledger_up", "gauge", "1: the disk takes rows of the ledger.",
            rows->fault == NULL);
    add_one(out, "cpulift_agent_ledger_rows", "gauge", "Rows in the ledger.", (double)rows->rows);
    add_one(out, "cpulift_agent_ledger_pending", "gauge", "Rows that are not on the disk yet.",
            (double)rows->pending);
    add_one(out, "cpulift_agent_ledger_pruned_total", "counter",
            "Rows that went since there is a ledger, being old.", (double)rows->pruned);
    add_one(out, "cpulift_agent_ledger_lost_total", "counter",
            "Rows that went unwritten, being too many for memory.", (double)rows->lost);
}

static void add_guests(GString *out, const agent *self)
{
    size_t count = 0;
    const char *const *verdicts = fleet_export_list_verdicts(&count);
    metrics_add_family(out, FLEET_EXPORT_GUESTS, "gauge", FLEET_EXPORT_GUESTS_HELP);
    for (size_t i = 0; i < count; i++) {
        guint64 running = 0;
        if (ledger_count_guests(self->ledger, verdicts[i], &running, NULL) == 0) {
            metrics_add(out, FLEET_EXPORT_GUESTS, "verdict", verdicts[i], (double)running);
        }
    }
}

static void add_requests(GString *out, const agent_server *server)
{
    guint64 good = 0, refused = 0, failed = 0;
    server_count(server, &good, &refused, &failed);
    const char *name = "cpulift_agent_requests_total";
    metrics_add_family(out, name, "counter", "HTTP requests by how they were answered.");
    metrics_add(out, name, "answer", "good", (double)good);
    metrics_add(out, name, "answer", "refused", (double)refused);
    metrics_add(out, name, "answer", "failed", (double)failed);
}

char *numbers_format(const agent *self)
{
    GString *out = g_string_new(NULL);
    const struct plans_state plan = plans_get(self->plans);
    const struct guests_state state = guests_get(self->guests);
    add_agent(out, self);
    add_plan(out, &plan);
    plans_measure(self->plans, out);
    add_libvirt(out, &state);
    add_guests(out, self);
    const struct host_state host = host_watch_get(self->host);
    add_host(out, &host);
    if (self->enforce != NULL) {
        const struct enforce_state state_of = enforce_get(self->enforce);
        add_enforce(out, &state_of);
    }
    const struct ledger_counts rows = ledger_count(self->ledger);
    add_ledger(out, &rows);
    add_requests(out, self->server);
    return g_string_free(out, FALSE);
}

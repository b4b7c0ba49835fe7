// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/agent.h"

#include "agent/plans.h"
#include "agent/say.h"
#include "agent/server.h"
#include "base/metrics.h"
#include "config.h"

#include <errno.h>

struct agent {
    const agent_settings *settings;
    plans *plans;
    agent_server *server;
    gint64 started; ///< seconds since 1970
};

static void add_plan(GString *out, const struct plans_state *plan)
{
    metrics_add_family(out, "cpulift_agent_plan_in_force", "gauge", "1: a plan is in force.");
    metrics_add(out, "cpulift_agent_plan_in_force", plan->plan != NULL ? "digest" : NULL,
                plan->digest, plan->plan != NULL);
    metrics_add_family(out, "cpulift_agent_plan_current", "gauge",
                       "1: it is what its source has now; 0: the last good one, or none.");
    metrics_add(out, "cpulift_agent_plan_current", NULL, NULL, plan->fault == NULL);
    metrics_add_family(out, "cpulift_agent_plan_faults_total", "counter",
                       "Times that the source had no plan that could be taken.");
    metrics_add(out, "cpulift_agent_plan_faults_total", NULL, NULL, (double)plan->faults);
    if (plan->plan != NULL) {
        metrics_add_family(out, "cpulift_agent_plan_taken_seconds", "gauge",
                           "When this agent took the plan in force, since 1970.");
        metrics_add(out, "cpulift_agent_plan_taken_seconds", NULL, NULL, (double)plan->since);
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

static void answer_metrics(void *data, server_get *get, const void *request,
                           struct server_answer *answer)
{
    (void)get;
    (void)request;
    const agent *self = data;
    const struct plans_state plan = plans_get(self->plans);
    GString *out = g_string_new(NULL);
    metrics_add_family(out, "cpulift_agent_info", "gauge", "The agent's version.");
    metrics_add(out, "cpulift_agent_info", "version", CPULIFT_VERSION, 1);
    metrics_add_family(out, "cpulift_agent_start_seconds", "gauge",
                       "When the agent was started, since 1970.");
    metrics_add(out, "cpulift_agent_start_seconds", NULL, NULL, (double)self->started);
    add_plan(out, &plan);
    plans_measure(self->plans, out);
    add_requests(out, self->server);
    *answer = (struct server_answer){200, "text/plain; version=0.0.4; charset=utf-8",
                                     g_string_free(out, FALSE)};
}

static void answer_health(void *data, server_get *get, const void *request,
                          struct server_answer *answer)
{
    (void)get;
    (void)request;
    const agent *self = data;
    const struct plans_state plan = plans_get(self->plans);
    const char *why = plan.plan == NULL ? "no plan is in force" : NULL;
    GString *out = g_string_new(why != NULL ? why : "ok");
    if (plan.fault != NULL) {
        g_string_append_printf(out, "\nthe plan is not current: %s", plan.fault);
    }
    g_string_append_c(out, '\n');
    *answer = (struct server_answer){why == NULL ? 200 : 503, "text/plain; charset=utf-8",
                                     g_string_free(out, FALSE)};
}

static const struct server_route routes[] = {
    {"/healthz", NULL, answer_health},
    {"/metrics", NULL, answer_metrics},
    {0},
};

static void plan_changed(void *data)
{
    (void)data;
}

static int start(agent *self, cpulift_error **err)
{
    const agent_settings *settings = self->settings;
    if (g_mkdir_with_parents(settings->agent_state, 0750) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make the folder '%s': %s",
                                 settings->agent_state, g_strerror(errno));
    }
    TRY(plans_open(settings, plan_changed, self, &self->plans, err));
    TRY(server_open(settings, routes, self, &self->server, err));
    return 0;
}

int agent_start(const agent_settings *settings, agent **ret_agent, cpulift_error **err)
{
    g_autoptr(agent) self = g_new0(agent, 1);
    self->settings = settings;
    self->started = g_get_real_time() / G_USEC_PER_SEC;
    TRY(start(self, err));
    *ret_agent = g_steal_pointer(&self);
    return 0;
}

void agent_stop(agent *self)
{
    if (self != NULL) {
        server_close(self->server);
        plans_close(self->plans);
        g_free(self);
    }
}

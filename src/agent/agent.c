// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/agent.h"

#include "agent/answers.h"
#include "agent/say.h"
#include "base/file.h"
#include "virt/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/// From one look at whether libvirt still answers to the next; nothing else runs by the clock.
#define TICK_SECONDS 90

/// For 'systemctl status', and its watchdog.
static void tell_systemd(const agent *self)
{
    const struct plans_state plan = plans_get(self->plans);
    const struct guests_state state = guests_get(self->guests);
    (void)sd_notifyf(
        0, "WATCHDOG=1\nSTATUS=%s; %s%s", state.fault != NULL ? "libvirt is not heard" : "watching",
        plan.plan != NULL ? "plan " : "no plan is in force", plan.plan != NULL ? plan.digest : "");
}

static void plan_changed(void *data)
{
    agent *self = data;
    guests_judge(self->guests);
    host_watch_judge(self->host);
    tell_systemd(self);
}

/// libvirt is there, for the first time or again: it, or QEMU, may have been updated.
static void libvirt_is_up(void *data)
{
    agent *self = data;
    if (self->host != NULL) { // else it begins with a scan
        host_watch_scan(self->host);
    }
    tell_systemd(self);
}

static void hold_definitions(void *data)
{
    enforce_soon(((agent *)data)->enforce);
}

static void host_changed(void *data, const char *how, const char *why)
{
    guests_note(((agent *)data)->guests, "host", how, why);
}

static gboolean tick(void *data)
{
    agent *self = data;
    guests_ping(self->guests);
    tell_systemd(self);
    return G_SOURCE_CONTINUE;
}

/// One folder, one agent, and nobody else writes there: the lock goes with the descriptor.
static int lock_folder(agent *self, const char *folder, cpulift_error **err)
{
    struct stat st;
    TRY(file_make_folder(folder, 0750, err));
    self->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self->lock >= 0 && fstat(self->lock, &st) == 0 &&
        flock(self->lock, LOCK_EX | LOCK_NB) == 0) {
        return file_check_owner(st.st_uid, st.st_mode, folder, err);
    }
    return errno == EWOULDBLOCK
               ? cpulift_error_set(err, CPULIFT_ECONFLICT,
                                   "another cpuliftd has '%s'; give each a folder of its own",
                                   folder)
               : cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot use the folder '%s': %s", folder,
                                   g_strerror(errno));
}

static int open_ledger(agent *self, cpulift_error **err)
{
    const agent_settings *settings = self->settings;
    const struct ledger_limits limits = {settings->ledger_days, settings->ledger_rows};
    g_autofree char *path = g_build_filename(settings->agent_state, "ledger.db", NULL);
    return ledger_open(path, &limits, &self->ledger, err);
}

static int start(agent *self, cpulift_error **err)
{
    const agent_settings *settings = self->settings;
    TRY(lock_folder(self, settings->agent_state, err));
    TRY(catalog_load(NULL, &self->map, err));
    TRY(plans_open(settings, plan_changed, self, &self->plans, err));
    TRY(open_ledger(self, err));
    conn_be_quiet();
    const struct guests_needs of_guests = {.settings = settings,
                                           .plans = self->plans,
                                           .ledger = self->ledger,
                                           .map = self->map,
                                           .up = libvirt_is_up,
                                           .defined = hold_definitions,
                                           .data = self};
    const struct host_needs of_host = {settings,     self->plans,      self->map,
                                       host_changed, hold_definitions, self};
    self->guests = guests_open(&of_guests);
    self->host = host_watch_new(&of_host);
    self->enforce = enforce_new(settings, self->plans, self->host);
    self->tick = g_timeout_add_seconds(TICK_SECONDS, tick, self);
    return server_open(settings, answers_routes, self, &self->server, err);
}

int agent_start(const agent_settings *settings, agent **ret_agent, cpulift_error **err)
{
    g_autoptr(agent) self = g_new0(agent, 1);
    // Two threads do not need heaps of their own.
    (void)mallopt(M_ARENA_MAX, 1);
    self->settings = settings;
    self->lock = -1;
    self->started = g_get_real_time() / G_USEC_PER_SEC;
    TRY(start(self, err));
    *ret_agent = g_steal_pointer(&self);
    return 0;
}

void agent_stop(agent *self)
{
    if (self == NULL) {
        return;
    }
    if (self->tick != 0) {
        g_source_remove(self->tick);
    }
    server_close(self->server);
    enforce_free(self->enforce);
    host_watch_free(self->host);
    guests_close(self->guests);
    plans_close(self->plans);
    ledger_close(self->ledger);
    catalog_free(self->map);
    if (self->lock >= 0) {
        close(self->lock);
    }
    g_free(self);
}

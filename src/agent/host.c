// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/host.h"

#include "agent/files.h"
#include "agent/say.h"
#include "agent/tool.h"
#include "base/file.h"
#include "base/json.h"
#include "core/sysfs.h"
#include "fleet/drift.h"

#include <stdlib.h>
#include <string.h>

/// So long a scan may take: libvirt asks a QEMU that it does not know yet for seconds.
#define SCAN_SECONDS 120
#define SCAN_TIMEOUT "110"

/// After a scan that failed: at first, and at most.
#define RETRY_SECONDS     60
#define RETRY_SECONDS_MAX 3600

/// An installation takes a while from the first file to the last.
#define SETTLE_MS 5000

/// What else than QEMU decides on what guests get; what is not there may come.
static const char *const paths[] = {
    "/usr/sbin/libvirtd",
    "/usr/sbin/virtqemud",
    "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so",
    "/usr/lib64/libvirt/connection-driver/libvirt_driver_qemu.so",
    "/usr/share/libvirt/cpu_map/index.xml",
};

struct host_watch {
    struct host_needs needs;
    char *path; ///< of the last good scan
    tool *scan;
    files *watch;
    char **watched; ///< the emulators that it watches
    guint retry, later;
    unsigned retry_seconds;
    bool is_due; ///< another scan is wanted after this one
    char *fault, *because;
    gint64 scanned;
    guint64 scans;
    bool is_judged;
    enum fleet_can can;
    char **exposed;
};

static void remove_timer(guint *timer)
{
    if (*timer != 0) {
        g_source_remove(*timer);
        *timer = 0;
    }
}

static void add_path(GPtrArray *list, const char *path)
{
    if (path != NULL && *path == '/' &&
        !g_ptr_array_find_with_equal_func(list, path, g_str_equal, NULL)) {
        g_ptr_array_add(list, g_strdup(path));
    }
}

static void files_changed(void *data)
{
    say(SAY_NOTICE, "files of QEMU or libvirt have changed: this host is scanned again");
    host_watch_scan(data);
}

/// The emulators of this host and what belongs to libvirt.
static void watch_files(host_watch *self, const cpulift_host *host)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        add_path(list, paths[i]);
    }
    for (size_t i = 0; host != NULL && i < host->guests->len; i++) {
        add_path(list, ((const struct host_guest *)host->guests->pdata[i])->emulator);
    }
    g_ptr_array_add(list, NULL);
    char **names = (char **)list->pdata;
    if (self->watched != NULL &&
        g_strv_equal((const char *const *)self->watched, (const char *const *)names)) {
        return;
    }
    g_clear_pointer(&self->watch, files_free);
    g_strfreev(self->watched);
    self->watched = g_strdupv(names);
    self->watch = files_watch((const char *const *)names, SETTLE_MS, files_changed, self);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/// Names of what the kernel says the CPU is open to.
static char **list_exposed(const cpulift_host *host)
{
    GPtrArray *names = g_ptr_array_new();
    const char *name;
    json_t *value;
    json_object_foreach (host->vulnerabilities, name, value) {
        const char *said = json_string_value(value);
        if (said != NULL && g_str_has_prefix(said, "Vulnerable")) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static void judge(host_watch *self, const cpulift_host *host)
{
    const struct plans_state plan = plans_get(self->needs.plans);
    g_autoptr(fleet_cell) cell = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (plan.plan == NULL || fleet_drift_find(plan.plan, host, self->needs.map, &cell, &err) != 0) {
        self->is_judged = false;
        if (err != NULL) {
            say(SAY_WARNING, "this host cannot be held against the plan: %s", err->message);
        }
        return;
    }
    g_autofree char *because = fleet_cell_format_because(cell);
    bool is_other =
        !self->is_judged || self->can != cell->can || g_strcmp0(self->because, because) != 0;
    bool was_well = !self->is_judged || self->can == FLEET_YES;
    self->is_judged = true;
    self->can = cell->can;
    g_free(self->because);
    self->because = g_steal_pointer(&because);
    // That it is well is told only to who was told otherwise.
    if (is_other && !(was_well && cell->can == FLEET_YES)) {
        const char *how = cell->can == FLEET_YES ? "gives the plan" : "does not give the plan";
        say(cell->can == FLEET_YES ? SAY_NOTICE : SAY_WARNING, "this host %s%s%s", how,
            *self->because != '\0' ? ": " : "", self->because);
        self->needs.changed(self->needs.data, how, *self->because != '\0' ? self->because : NULL);
    }
    self->needs.judged(self->needs.data);
}

/// What the scan before said; NULL: there was none that can be read.
static cpulift_host *load_host(const host_watch *self)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    cpulift_host *host = NULL;
    return host_watch_load(self, &text, &len, NULL) == 0 &&
                   host_parse(text, len, self->path, self->needs.map, &host, NULL) == 0
               ? host
               : NULL;
}

/// Tells in what it differs from the scan before, for guests of the plan.
static void tell_change(const host_watch *self, const cpulift_host *host)
{
    const struct plans_state plan = plans_get(self->needs.plans);
    g_autoptr(cpulift_host) before = load_host(self);
    g_autofree char *change = before != NULL && plan.plan != NULL
                                  ? fleet_drift_describe(before, host, plan.plan, self->needs.map)
                                  : NULL;
    if (change != NULL) {
        say(SAY_NOTICE, "this host has changed: %s", change);
        self->needs.changed(self->needs.data, "changed", change);
    }
}

/// The agent stands on its host, which a scan cannot tell by every URI of libvirt: the document
/// with what this kernel says, the caller's; *ret_text NULL: it has that, or this kernel says
/// nothing.
static int add_kernel(const host_watch *self, cpulift_host *host, char **ret_text,
                      cpulift_error **err)
{
    g_autoptr(cpulift_error) why = NULL;
    *ret_text = NULL;
    if (host->vulnerabilities != NULL) {
        return 0;
    }
    int rc = sysfs_load("/", host, &why);
    if (rc != 0) {
        return rc == CPULIFT_ESYSTEM ? cpulift_error_set(err, rc, "%s", why->message) : 0;
    }
    g_autoptr(json_t) json = host_format(host, self->needs.map);
    *ret_text = json_format_document(json);
    return 0;
}

static int take(host_watch *self, const char *scanned, size_t scanned_len, cpulift_error **err)
{
    g_autoptr(cpulift_host) host = NULL;
    TRY(host_parse(scanned, scanned_len, "scan", self->needs.map, &host, err));
    g_autofree char *whole = NULL;
    TRY(add_kernel(self, host, &whole, err));
    const char *text = whole != NULL ? whole : scanned;
    size_t len = whole != NULL ? strlen(whole) : scanned_len;
    tell_change(self, host);
    TRY(file_save(self->path, text, len, 0640, err));
    self->scanned = g_get_real_time() / G_USEC_PER_SEC;
    self->scans++;
    g_strfreev(self->exposed);
    self->exposed = list_exposed(host);
    plans_publish(self->needs.plans, text, len);
    judge(self, host);
    watch_files(self, host);
    return 0;
}

static gboolean scan_later(void *data)
{
    host_watch *self = data;
    self->later = 0;
    host_watch_scan(self);
    return G_SOURCE_REMOVE;
}

static gboolean scan_again(void *data)
{
    host_watch *self = data;
    self->retry = 0;
    host_watch_scan(self);
    return G_SOURCE_REMOVE;
}

static void take_fault(host_watch *self, const char *why)
{
    if (g_strcmp0(self->fault, why) != 0) {
        say(SAY_WARNING, "this host cannot be scanned: %s", why);
    }
    g_free(self->fault);
    self->fault = g_strdup(why);
    if (self->retry == 0) {
        self->retry = g_timeout_add_seconds(self->retry_seconds, scan_again, self);
        self->retry_seconds = MIN(2 * self->retry_seconds, RETRY_SECONDS_MAX);
    }
}

static void done(void *data, int status, const char *output, size_t len, const char *why)
{
    (void)status;
    host_watch *self = data;
    g_autoptr(cpulift_error) err = NULL;
    if (why == NULL && take(self, output, len, &err) != 0) {
        why = err->message;
    }
    if (why != NULL) {
        take_fault(self, why);
    } else {
        g_clear_pointer(&self->fault, g_free);
        self->retry_seconds = RETRY_SECONDS;
    }
    g_clear_pointer(&self->scan, tool_free);
    if (self->is_due) {
        self->is_due = false;
        self->later = g_idle_add(scan_later, self);
    }
}

static bool is_well(int status)
{
    return status == 0;
}

host_watch *host_watch_new(const struct host_needs *needs)
{
    host_watch *self = g_new0(host_watch, 1);
    self->needs = *needs;
    self->path = g_build_filename(needs->settings->agent_state, "host.json", NULL);
    self->retry_seconds = RETRY_SECONDS;
    watch_files(self, NULL);
    host_watch_scan(self);
    return self;
}

void host_watch_scan(host_watch *self)
{
    const char *const argv[] = {
        "cpulift-virt", "scan",       "-c", self->needs.settings->agent_connect,
        "--timeout",    SCAN_TIMEOUT, NULL};
    const struct tool_calls calls = {done, is_well, self};
    if (self->scan != NULL) {
        self->is_due = true;
        return;
    }
    remove_timer(&self->retry);
    self->scan = tool_start(argv, SCAN_SECONDS, &calls);
}

void host_watch_judge(host_watch *self)
{
    g_autoptr(cpulift_host) host = load_host(self);
    if (self->scans > 0 && host != NULL) {
        judge(self, host);
    }
}

struct host_state host_watch_get(const host_watch *self)
{
    return (struct host_state){.fault = self->fault,
                               .scanned = self->scanned,
                               .scans = self->scans,
                               .is_judged = self->is_judged,
                               .can = self->can,
                               .because = self->because,
                               .exposed = self->exposed};
}

int host_watch_load(const host_watch *self, char **ret_text, size_t *ret_len, cpulift_error **err)
{
    enum file_kind kind = FILE_NONE;
    TRY(file_find_kind(self->path, &kind, err));
    if (kind == FILE_NONE) {
        return cpulift_error_set(err, CPULIFT_EMISSING, "this host has not been scanned yet%s%s",
                                 self->fault != NULL ? ": " : "",
                                 self->fault != NULL ? self->fault : "");
    }
    return file_load_at_once(self->path, FILE_DOCUMENT_MAX, ret_text, ret_len, err);
}

void host_watch_free(host_watch *self)
{
    if (self != NULL) {
        tool_free(self->scan);
        files_free(self->watch);
        remove_timer(&self->retry);
        remove_timer(&self->later);
        g_strfreev(self->watched);
        g_strfreev(self->exposed);
        g_free(self->path);
        g_free(self->fault);
        g_free(self->because);
        g_free(self);
    }
}

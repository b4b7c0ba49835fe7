// SPDX-License-Identifier: LGPL-2.1-or-later
/// This host as 'cpulift scan' sees it: scanned when the agent starts, when libvirt comes back and
/// when the files of QEMU, of libvirt or of its CPU map become others. A kernel and its microcode
/// become others by a boot, after which the agent starts.
#pragma once

#include "agent/plans.h"
#include "agent/settings.h"
#include "core/catalog.h"
#include "fleet/cell.h"
#include "store/ledger.h"

typedef struct host_watch host_watch;

/// What it goes by, which outlives it.
struct host_needs {
    const agent_settings *settings;
    plans *plans; ///< the host's document goes where the plan comes from
    const catalog *map;

    /// A scan differs from the one before, and in what; or whether the host can give the plan did.
    void (*changed)(void *data, const char *how, const char *why);
    void (*judged)(void *data); ///< it was held against the plan
    void *data;
};

struct host_state {
    const char *fault;    ///< why the last scan failed; NULL: it did not, or there was none
    gint64 scanned;       ///< when the last good one ended, in seconds since 1970
    guint64 scans;        ///< good ones
    bool is_judged;       ///< there is a plan and a scan:
    enum fleet_can can;   ///< whether the host gives what the plan needs,
    const char *because;  ///< and why not, "" where it does
    char *const *exposed; ///< vulnerabilities of the CPU that the kernel calls "Vulnerable"
};

/// Begins with a scan; the caller's.
host_watch *host_watch_new(const struct host_needs *needs);

/// Scans, once more after a scan that is under way.
void host_watch_scan(host_watch *self);

/// Holds the last scan against the plan that is in force now.
void host_watch_judge(host_watch *self);

struct host_state host_watch_get(const host_watch *self);

/// The document of the last good scan, the caller's; CPULIFT_EMISSING: there was none.
int host_watch_load(const host_watch *self, char **ret_text, size_t *ret_len, cpulift_error **err);

void host_watch_free(host_watch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(host_watch, host_watch_free)

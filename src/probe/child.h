// SPDX-License-Identifier: LGPL-2.1-or-later
/// A child process that talks to libvirt about one probe guest, with a deadline, as a daemon that
/// hangs cannot be interrupted otherwise. It sends its probe_run as JSON. Whatever becomes of it,
/// no guest is left behind.
#pragma once

#include "probe/run.h"
#include "probe/scene.h"
#include "probe/wording.h"
#include "virt/conn.h"

#define CHILD_URIS_MAX 2

struct child_work {
    const cpulift_plan *plan;
    const struct start_options *options;
    const char *uris[CHILD_URIS_MAX]; ///< where the guest may be; NULL: as conn_open chooses
    size_t uri_count;
    int (*act)(struct child_work *work); ///< in the child: fills `run`, or returns an error's code

    struct scene scene;     ///< made by child_run()
    struct wording wording; ///< what is started, once the child knows where
    gint64 end;             ///< likewise: the monotonic time in microseconds at which to give up
    probe_run *run;         ///< likewise: the result
    cpulift_error *err;     ///< or this
};

/// Makes the scene, runs work->act in a child, and clears away what it left. The calling program
/// must not have started threads. *ret_run is the caller's.
int child_run(struct child_work *work, probe_run **ret_run, cpulift_error **err);

/// For the child: chooses work->wording for the QEMUs of these connections, and says so in the run.
void child_choose_wording(struct child_work *work, virt_conn *const *conns, size_t count);

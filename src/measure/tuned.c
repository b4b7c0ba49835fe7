// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/tuned.h"

#include "base/programs.h"
#include "measure/process.h"
#include "measure/silicon.h"

#include <glib/gstdio.h>
#include <unistd.h>

enum { STEP_TIMEOUT = 120 };

/// Runs `cpulift ARGUMENTS…`; *ret_output is its standard output.
static int run(const char *first, const char *second, char **ret_output, cpulift_error **err)
{
    g_autofree char *program = NULL;
    g_auto(process_outcome) p = {0};
    TRY(programs_find("cpulift", &program, err));
    char *argv[] = {program, (char *)first, (char *)second, NULL};
    const struct process_options options = {.argv = argv, .timeout = STEP_TIMEOUT};
    TRY(process_run(&options, &p, err));
    if (p.status != 0) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "no tuned CPU: 'cpulift %s' ended with %d (%s); give a plan with "
                                 "--cpu PLAN.json",
                                 first, p.status, p.complaint);
    }
    *ret_output = g_steal_pointer(&p.output);
    return 0;
}

int tuned_compute(bool is_guest, char **ret_plan, cpulift_error **err)
{
    if (!is_guest) {
        return silicon_compute(ret_plan, err);
    }
    g_autofree char *host = NULL, *path = NULL;
    TRY(run("scan", NULL, &host, err));
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("cpulift-XXXXXX.json", &path, &error);
    int rc = fd >= 0 && g_file_set_contents(path, host, -1, &error)
                 ? run("plan", path, ret_plan, err)
                 : cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot keep the host document: %s",
                                     error->message);
    if (fd >= 0) {
        close(fd);
        g_unlink(path);
    }
    return rc;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/orphans.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURN_US 50000

/// A daemon was started by a process that made a session and went: it is in a session that is
/// neither ours nor its own.
static bool is_ended_daemon(const char *stat, pid_t pid)
{
    char state = 0;
    int parent = 0, group = 0, session = 0;
    const char *rest = strrchr(stat, ')');
    return rest != NULL && sscanf(rest, ") %c %d %d %d", &state, &parent, &group, &session) == 4 &&
           state == 'Z' && parent == getpid() && session != pid && session != getsid(0);
}

static void collect_once(void)
{
    g_autoptr(GDir) folder = g_dir_open("/proc", 0, NULL);
    const char *name;
    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
        if (!g_ascii_isdigit(name[0])) {
            continue;
        }
        g_autofree char *path = g_build_filename("/proc", name, "stat", NULL);
        g_autofree char *stat = NULL;
        pid_t pid = (pid_t)strtol(name, NULL, 10);
        if (g_file_get_contents(path, &stat, NULL, NULL) && is_ended_daemon(stat, pid)) {
            waitpid(pid, NULL, WNOHANG);
        }
    }
}

static void *collect_always(void *data)
{
    for (;;) {
        collect_once();
        g_usleep(TURN_US);
    }
    return data;
}

void orphans_collect(void)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) == 0) {
        g_thread_unref(g_thread_new("orphans", collect_always, NULL));
    }
}

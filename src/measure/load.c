// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/load.h"

#include <unistd.h>

/// The first line of /proc/stat, proc(5): user nice system idle iowait irq softirq steal, in ticks.
enum { IDLE = 3, IOWAIT = 4, TIMES = 8 };

struct ticks {
    guint64 all, idle;
};

static gboolean read_ticks(struct ticks *ret_ticks)
{
    g_autofree char *text = NULL;
    guint64 times[TIMES];
    if (!g_file_get_contents("/proc/stat", &text, NULL, NULL) || !g_str_has_prefix(text, "cpu ")) {
        return FALSE;
    }
    char *at = text + 4;
    *ret_ticks = (struct ticks){0};
    for (size_t i = 0; i < TIMES; i++) {
        times[i] = g_ascii_strtoull(at, &at, 10);
        ret_ticks->all += times[i];
    }
    ret_ticks->idle = times[IDLE] + times[IOWAIT];
    return TRUE;
}

gint64 load_read(void)
{
    struct ticks first, last;
    if (!read_ticks(&first)) {
        return -1;
    }
    g_usleep((gulong)LOAD_MS * 1000);
    if (!read_ticks(&last) || last.all <= first.all || last.idle < first.idle) {
        return -1;
    }
    double busy = 1 - (double)(last.idle - first.idle) / (double)(last.all - first.all);
    return (gint64)(MAX(busy, 0) * 100 * (double)sysconf(_SC_NPROCESSORS_ONLN) + 0.5);
}

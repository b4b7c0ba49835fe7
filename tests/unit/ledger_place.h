// SPDX-License-Identifier: LGPL-2.1-or-later
/// The ledger of a test, in a folder of its own.
#pragma once

#include "store/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <glib/gstdio.h>

static char *folder, *path;

/// 0, or what makes the test fail.
static int make_place(void)
{
    folder = g_dir_make_tmp("cpulift-ledger-XXXXXX", NULL);
    path = g_build_filename(folder, "ledger.db", NULL);
    return folder == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *file = g_strconcat(path, suffixes[i], NULL);
        (void)g_unlink(file);
    }
    int rc = g_rmdir(folder);
    g_clear_pointer(&folder, g_free);
    g_clear_pointer(&path, g_free);
    return rc;
}

static ledger *open_ledger(const struct ledger_limits *limits)
{
    ledger *opened = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (ledger_open(path, limits, &opened, &err) != 0) {
        fail_msg("%s", err->message);
    }
    return opened;
}

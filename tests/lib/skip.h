// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// Ends a test that this machine cannot run, and says what it lacks (a format and its arguments).
/// To be used instead of cmocka's skip(), which prints "not ok": a failure to who reads TAP.
#define SKIP(...)                                                                                  \
    do {                                                                                           \
        print_message("# skipped: ");                                                              \
        print_message(__VA_ARGS__);                                                                \
        print_message("\n");                                                                       \
        return;                                                                                    \
    } while (0)

// SPDX-License-Identifier: LGPL-2.1-or-later
/// What else the machine does.
#pragma once

#include <glib.h>

/// Looks on for LOAD_MS. Returns how much CPU time the whole machine (hosts that steal it included)
/// spent meanwhile, in per cent of one CPU; -1: not known. Whoever asks sleeps, so it is others'.
gint64 load_read(void);

enum { LOAD_MS = 100 };

// SPDX-License-Identifier: LGPL-2.1-or-later
/// The environment that workloads run in: this one, without what steers libraries.
#pragma once

#include "base/auto.h"

#include <stdbool.h>

/// A copy of `environment` (NULL-terminated NAME=VALUE) without the variables that choose code
/// paths or thread counts inside libraries, and with LC_ALL=C. *ret_removed is a JSON list of the
/// names that were there and are left out. Both are the caller's.
char **environment_clean(char **environment, json_t **ret_removed);

/// True for a variable that is left out.
bool environment_is_steering(const char *name);

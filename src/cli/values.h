// SPDX-License-Identifier: LGPL-2.1-or-later
/// Values that options and arguments may have, for completion: rows of a command's table `values`.
#pragma once

#include "cli/command.h"

/// Names of libvirt's CPU map.
void values_add_features(const char *const *arguments, size_t count, GPtrArray *values);
void values_add_models(const char *const *arguments, size_t count, GPtrArray *values);

/// The hosts that the plan arguments[0] was made for.
void values_add_hosts(const char *const *arguments, size_t count, GPtrArray *values);

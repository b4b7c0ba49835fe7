// SPDX-License-Identifier: LGPL-2.1-or-later
/// Values that options and arguments may have, for completion: rows of a command's table `values`.
#pragma once

#include "cli/command.h"

/// Names of libvirt's CPU map; the models with the levels of x86-64 before them.
void values_add_features(const char *const *arguments, size_t count, GPtrArray *values);
void values_add_models(const char *const *arguments, size_t count, GPtrArray *values);

/// Whether the value of --cpu asks for a list of them.
bool values_is_help(const char *cpu);

/// Becomes `cpulift run --cpu help`, which prints it. Returns only on failure, with the exit
/// status.
int values_list_cpus(void);

/// The hosts that the plan arguments[0] was made for.
void values_add_hosts(const char *const *arguments, size_t count, GPtrArray *values);

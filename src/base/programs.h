// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where our own programs are, and the packages of others.
#pragma once

#include "base/error.h"

#include <stdbool.h>

/// The path of a program: in $CPULIFT_EXEC_PATH, beside this program, where `make install` puts our
/// helpers, then in PATH. *ret_path is the caller's. A missing one is an error that names what to
/// build or which package to install.
int programs_find(const char *name, char **ret_path, cpulift_error **err);

/// The program in row `index` of base/needs.def, and the first line that it prints as its version:
/// NULL where it is not there, or no figure depends on it. The caller frees both. False past the
/// end.
bool programs_read_version(size_t index, char **ret_program, char **ret_version);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// Where our own programs are, and the packages of others.
#pragma once

#include "base/error.h"

/// The path of a program: in $CPULIFT_EXEC_PATH, beside this program, where `make install` puts our
/// helpers, then in PATH. *ret_path is the caller's. A missing one is an error that names what to
/// build or which package to install.
int programs_find(const char *name, char **ret_path, cpulift_error **err);

/// The first line that `name --version` prints, or NULL where it is not there. The caller frees it.
char *programs_read_version(const char *name);

/// The name of `index` in the list of programs whose versions matter to a figure; NULL past the
/// end.
const char *programs_get_name(size_t index);

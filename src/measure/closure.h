// SPDX-License-Identifier: LGPL-2.1-or-later
/// Puts programs with all that they need to start into an archive.
#pragma once

#include "base/cpio.h"

/// Adds the program at `path`, its shared libraries and loader (as the loader itself lists them)
/// and a script's interpreter, each where it is here.
int closure_add_program(cpio *archive, const char *path, cpulift_error **err);

/// Adds every file below a folder, with the libraries that they need: what a program loads when it
/// runs. A folder that is not there is nothing.
int closure_add_folder(cpio *archive, const char *path, cpulift_error **err);

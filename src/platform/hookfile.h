// SPDX-License-Identifier: LGPL-2.1-or-later
/// The files by which platforms call cpulift-hook, as they stand on a node: whose they are, and
/// whether what they run is there.
#pragma once

#include "platform/root.h"

/// What a path of the program may be made of: it goes into shell and into Groovy, and these mean
/// nothing in either.
#define HOOKFILE_PATH_CHARS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "/._+-"

/// True for a file that `apply` wrote, of this version or an earlier one. That a file mentions
/// cpulift, or calls it, does not make it ours.
bool hookfile_is_ours(const struct root_file *file);

/// The program that a file of ours runs; NULL: it is none of ours, or does not say. The caller's.
char *hookfile_find_program(const struct root_file *file);

/// True for a script that calls 'cpulift rewrite': in a comment it only mentions it.
bool hookfile_calls_rewrite(const struct root_file *file);

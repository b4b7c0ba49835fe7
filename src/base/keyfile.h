// SPDX-License-Identifier: LGPL-2.1-or-later
/// Files of keys below groups in brackets, read strictly.
#pragma once

#include "base/error.h"

/// Parses `text`. What GKeyFile passes over without a word is refused: a key that stands twice in a
/// group, and, as a key like others, one of another language (`key[de]`). `name` stands in
/// messages, `kind` says what it should be ("policy file"). The caller's.
int keyfile_parse(const char *text, size_t len, const char *name, const char *kind,
                  GKeyFile **ret_file, cpulift_error **err);

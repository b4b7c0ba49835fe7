// SPDX-License-Identifier: LGPL-2.1-or-later
/// Java properties files, by the grammar of java.util.Properties.load(InputStream): ISO-8859-1,
/// escapes, continuation lines, the last of two equal keys counts. Edited in place: every byte that
/// is not the value of a changed key stays.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct properties properties;

/// Parses `bytes`. `name` stands in messages. A malformed \uXXXX is an error, as it is in Java.
int properties_parse(const char *bytes, size_t len, const char *name, properties **ret_properties,
                     cpulift_error **err);
void properties_free(properties *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(properties, properties_free)

/// The value of the key in UTF-8, borrowed until the next change, or NULL.
const char *properties_get(const properties *file, const char *key);

/// All keys, sorted, without repetition; borrowed strings, the array (NULL-terminated) is the
/// caller's.
const char **properties_list(const properties *file);

/// Gives the key this value (UTF-8): at its last definition, or on a new line at the end.
void properties_set(properties *file, const char *key, const char *value);

/// Hides, for people's eyes, the value of each key that is called as secrets are (passphrase,
/// secret, token …).
void properties_mask(properties *file);

/// The file's bytes, borrowed until the next change.
const char *properties_format(const properties *file, size_t *ret_len);

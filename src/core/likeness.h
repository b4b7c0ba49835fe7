// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a host document says apart from its host's name, its size and when it was scanned. Found
/// without a parse, so a guess: it is worth something only where it equals that of a document which
/// was parsed and is certain.
#pragma once

#include "core/host.h"

struct likeness {
    const char *before, *after; ///< the text up to the quote that opens the name, and from the one
                                ///< that closes it, without the date
    size_t before_len, after_len;
    guint hash;              ///< of both
    const char *name, *date; ///< in the text, not terminated; `date` NULL: none follows the name
    size_t name_len, date_len;
    struct host_size size; ///< cut out; 0: none follows the name
};

/// False where the text has no name. All pointers are into `text`, which ends with NUL at `len`, or
/// into `rest`, which is overwritten.
bool likeness_read(const char *text, size_t len, GString *rest, struct likeness *ret_like);

/// The places are beyond doubt: the name stands once, and nothing is escaped.
bool likeness_is_certain(const struct likeness *like);

/// For a GHashTable of struct likeness *.
guint likeness_hash(const void *like);
gboolean likeness_equal(const void *a, const void *b);

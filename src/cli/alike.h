// SPDX-License-Identifier: LGPL-2.1-or-later
/// Of a plan's losses and omissions those together of which the same is said.
#pragma once

#include <glib.h>
#include <jansson.h>

struct alike {
    const json_t *first;
    json_t *names; ///< the features of all
};

/// The members of a list, those together whose `keys` (NULL-terminated) are equal, in the order of
/// the first ones: struct alike *. The caller's; the list must outlive it.
GPtrArray *alike_list(const json_t *list, const char *const *keys);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// The guest that a lost or hung process may have left behind.
#pragma once

#include <stddef.h>

/// Destroys the domain of this name at each URI, in processes of their own with a deadline each:
/// the libvirt that hung once may hang again. What cannot be reached is left.
void leftover_destroy(const char *const *uris, size_t count, const char *name);

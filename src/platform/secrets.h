// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is shown of a file or a definition has no passwords.
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// The bytes, *len of them, a NUL behind, with *** for the passwords in URLs and, of a definition,
/// for what libvirt tells only to those who may know secrets and for what is handed to QEMU past
/// libvirt. The caller's; *len becomes theirs.
char *secrets_hide(const char *bytes, size_t *len, bool is_definition);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// A libvirt of a test's own: the definitions of two guests, in memory that outlives a killed
/// child.
#pragma once

#include "platform/change.h"

#define FAKE_URI "fake:///x"

/// Of the guest with this UUID, "a" or "b"; "" is one that is not there.
extern char (*fake_texts)[2048];

/// The next definition of this guest is not taken; 0: all are.
extern char *fake_refused;

/// Makes them anew. `step` is called before each change, and may be NULL.
void fake_set_up(void (*step)(void));

/// For stores_new().
int fake_open(const store_key *key, struct store **ret_store, cpulift_error **err);

/// The definition of a guest shall be `text`.
void fake_add(changeset *set, const char *uuid, const char *text);

/// A domain with this model and, around <cpu>, this text. The caller's.
char *fake_domain(const char *model, const char *rest);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a plan makes of the persistent definitions of a libvirt, guest by guest.
#pragma once

#include "platform/platform.h"
#include "virt/conn.h"

/// Adds to `set` each definition that the plan changes, of guests whose name fits `pattern` (NULL:
/// all) and that `how` means, and to `guests` a struct platform_guest for each of these; one that
/// cannot take the plan is only there, with the reason.
int guests_plan(const virt_conn *conn, const store_key *key, const cpulift_plan *plan,
                const struct platform_options *how, const char *pattern, changeset *set,
                GPtrArray *guests, cpulift_error **err);

/// Of how many libvirt does not say how they are defined.
size_t guests_count_unread(const GPtrArray *guests);

/// Notes of which guests what their store did not take: `changes` (struct change *) that have a
/// `why`. How many there are.
size_t guests_note_refused(const GPtrArray *guests, const GPtrArray *changes);

/// Says of what guests asked of their CPU and do not get, once for each sentence.
void guests_warn_losses(const GPtrArray *guests);

/// A line for each.
void guests_format(GString *out, const GPtrArray *guests);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a plan does to its guests' protection: what their kernel says of each vulnerability, what
/// the hosts say, and what costs the difference. Document schema cpulift.protection/1.
#pragma once

#include "core/protection_guest.h"

#define PROTECTION_SCHEMA "cpulift.protection/1"

/// The document. `guest` has the guest's texts, which were read in one where `is_booted`. The
/// caller's.
json_t *protection_compare(const struct protection_question *question, const json_t *guest,
                           bool is_booted);

/// True where guests are wrong about something, or worse off than a host.
bool protection_is_bad(const json_t *document);

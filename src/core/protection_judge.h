// SPDX-License-Identifier: LGPL-2.1-or-later
/// What becomes of a guest's belief beside a host's: the texts of one file of
/// /sys/devices/system/cpu/vulnerabilities, held against each other.
#pragma once

#include "base/json.h"

/// The best first: of several hosts the last counts.
enum protection_verdict {
    PROTECTION_SLOWER,  ///< the guest protects itself from what the host does not suffer from
    PROTECTION_SAME,    ///< as safe as the host, as far as the guest can be
    PROTECTION_UNKNOWN, ///< one of the two does not say
    PROTECTION_WORSE,   ///< the guest is open to what the host is protected from
    PROTECTION_WRONG,   ///< the guest does nothing against what the host suffers from
    PROTECTION_VERDICTS,
};

/// What is said of a host whose CPU has it, where its kernel was not asked what it does about it.
#define PROTECTION_AFFECTED "Affected"

/// The same where the CPU could say that it is immune, and guests are not shown whether it does.
#define PROTECTION_SUSPECTED "Affected, unless immune"

/// "slower" …
const char *protection_verdict_to_string(enum protection_verdict verdict);

/// Compares the texts of `file`. `guest` and `host` are objects of texts (as a host document's
/// "vulnerabilities"); NULL: not known.
enum protection_verdict protection_judge(const char *file, const json_t *guest, const json_t *host);

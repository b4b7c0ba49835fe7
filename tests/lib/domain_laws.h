// SPDX-License-Identifier: LGPL-2.1-or-later
/// What must hold for every domain that is rewritten, whatever it looks like.
#pragma once

#include "core/domain.h"

/// Rewrites `xml` and aborts with a message where a law is broken:
/// - before and after the first <cpu> below the root every byte is as it was;
/// - a parser sees the same document but for that element;
/// - in that element, the definition's attributes and children are there, once and nothing else of
///   their kind, and all others are still there, in order;
/// - doing it again changes nothing;
/// - an error comes with a message and leaves the results alone.
/// Returns what domain_rewrite() did.
int domain_laws_check(const char *xml, size_t len, const cpulift_cpu *cpu,
                      const struct domain_options *options);

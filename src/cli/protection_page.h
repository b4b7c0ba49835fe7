// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a plan does to its guests' protection, as a page: one file, nothing of the network.
#pragma once

#include "core/protection_compare.h"

/// A document of protection_compare(), with what `prove --security` adds. `answer` is a sentence.
/// The caller frees it.
char *protection_page_format(const json_t *document, const char *answer);

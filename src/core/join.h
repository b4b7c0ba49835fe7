// SPDX-License-Identifier: LGPL-2.1-or-later
/// Several documents of one host, in any order, in one file or many.
#pragma once

#include "core/import.h"

/// A text that an operator has, and what messages call it; both borrowed.
struct join_text {
    const char *text;
    size_t len;
    const char *name;
};

/// Adds to `host` what the texts say together. Each may hold several documents, one after the
/// other. What guests get is what domcapabilities say, narrowed by QEMU's reply where there is one
/// of the same virt type (options; each of them alone says it all). `virsh capabilities` beside
/// them gives the CPU's identity and width only.
int join_texts(const struct join_text *texts, size_t count, const catalog *map,
               const struct import_options *options, cpulift_host *host, cpulift_error **err);

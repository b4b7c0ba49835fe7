// SPDX-License-Identifier: LGPL-2.1-or-later
/// prove --security: guests boot a Linux kernel, and what it believes of its CPU is held against
/// what the hosts' kernels say of theirs.
#pragma once

#include "core/protection_compare.h"
#include "probe/start.h"

struct prove_security {
    const catalog *map;
    const cpulift_plan *plan;
    struct start_options start; ///< of the plan's guest; `kernel` is set here
    bool is_direct;
    const char *kernel;  ///< its file; NULL: this machine's own
    const char *against; ///< a name of core/variant.h, to boot too; NULL: none
    const char *console; ///< where the plan's guest's console is kept; NULL: only if it failed
    char *const *places; ///< the hosts' documents; none: this machine
    size_t place_count;
};

/// *ret_document, of schema cpulift.protection/1, is the caller's. A guest that is refused, hangs
/// or prints nonsense is an answer, which is no.
int prove_security(const struct prove_security *how, json_t **ret_document, bool *ret_safe,
                   cpulift_error **err);

/// The answer in a few words.
const char *prove_security_answer(const json_t *document, bool is_safe);

/// The document for people. The caller frees it.
char *prove_security_format(const json_t *document, bool is_safe);

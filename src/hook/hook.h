// SPDX-License-Identifier: LGPL-2.1-or-later
/// The roles of cpulift-hook: what the platforms call between making a guest's XML and giving it to
/// libvirt.
#pragma once

#include "core/domain.h"
#include "core/plan.h"

#include <stdbool.h>
#include <stddef.h>

/// $CPULIFT_ROOT + `path`: the tests' way to a node that is a folder. The caller frees it.
char *hook_path(const char *path);

/// Refuses the plan of `path` where keys stand below `root` and none of them sealed it.
int hook_check_seal(const cpulift_plan *plan, const char *path, const char *root,
                    cpulift_error **err);

/// The plan that the hooks of this node go by; refuses one that promises nothing binding, and one
/// without the seal that the node's keys ask for. A plan may be strict too (trace.h), even where
/// the rest of it is refused: hooks of an earlier version do not say it themselves.
int hook_load_plan(const char *path, cpulift_plan **ret_plan, cpulift_error **err);

/// True when the plan's patterns say that this guest is to be tuned.
bool hook_is_wanted(const cpulift_plan *plan, const char *guest);

/// Rewrites the domain by the plan; a guest that is not wanted comes back as it is.
int hook_rewrite(const cpulift_plan *plan, const domain_document *document, char **ret_text,
                 size_t *ret_len, cpulift_error **err);

/// Rewrites the domain in a file, which other processes see old or new, never half.
int hook_rewrite_file(const cpulift_plan *plan, const char *path, cpulift_error **err);

/// A role's work. `args` begin with the hook's own path; returns the status to end with.
typedef int hook_run(char **args, size_t count);

/// libvirt's qemu hook: reads the domain on standard input, 0 to let it start, 1 to stop it.
hook_run hook_guard;

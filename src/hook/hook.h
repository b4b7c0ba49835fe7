// SPDX-License-Identifier: LGPL-2.1-or-later
/// The roles of cpulift-hook: what the platforms call between making a guest's XML and giving it to
/// libvirt.
#pragma once

#include "core/domain.h"
#include "core/plan.h"

#include <stdbool.h>

/// $CPULIFT_ROOT + `path`: the tests' way to a node that is a folder. The caller frees it.
char *hook_path(const char *path);

/// The plan that the hooks of this node go by; refuses one that promises nothing binding.
/// *ret_is_strict is what it says of itself, even where the rest is refused: a guest that cannot be
/// tuned must not start.
int hook_load_plan(const char *path, cpulift_plan **ret_plan, bool *ret_is_strict,
                   cpulift_error **err);

/// True when the plan's patterns say that this guest is to be tuned.
bool hook_is_wanted(const cpulift_plan *plan, const char *guest);

/// Rewrites the domain by the plan; a guest that is not wanted comes back as it is.
int hook_rewrite(const cpulift_plan *plan, const domain_document *document, char **ret_text,
                 size_t *ret_len, cpulift_error **err);

/// Rewrites the domain in a file, which other processes see old or new, never half.
int hook_rewrite_file(const cpulift_plan *plan, const char *path, cpulift_error **err);

/// libvirt's qemu hook: reads the domain on standard input, 0 to let it start, 1 to stop it.
int hook_guard(int argc, char **argv);

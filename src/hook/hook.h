// SPDX-License-Identifier: LGPL-2.1-or-later
/// The roles of cpulift-hook: what the platforms call between making a guest's XML and giving it to
/// libvirt.
#pragma once

#include "core/plan.h"

#include <stdbool.h>

/// The plan that the hooks go by, and what `apply` wrote beside it.
struct hook_plan {
    cpulift_plan *plan;
    bool is_strict; ///< a guest that cannot be tuned must not start
};

/// $CPULIFT_ROOT + `path`: the tests' way to a node that is a folder. The caller frees it.
char *hook_path(const char *path);

int hook_load_plan(const char *path, struct hook_plan *ret_plan, cpulift_error **err);
void hook_plan_clear(struct hook_plan *plan);

/// The text of <name> below <domain>, "?" where there is none. The caller frees it.
char *hook_find_name(const char *xml, size_t len);

/// True when the plan's patterns say that this guest is to be tuned.
bool hook_is_wanted(const struct hook_plan *plan, const char *guest);

/// Rewrites the domain by the plan; a guest that is not wanted comes back as it is.
int hook_rewrite(const struct hook_plan *plan, const char *xml, size_t len, char **ret_text,
                 size_t *ret_len, cpulift_error **err);

/// Rewrites the domain in a file, which other processes see old or new, never half.
int hook_rewrite_file(const struct hook_plan *plan, const char *path, cpulift_error **err);

/// libvirt's qemu hook: reads the domain on standard input, 0 to let it start, 1 to stop it.
int hook_guard(int argc, char **argv);

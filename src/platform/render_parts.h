// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the renderers have in common; each is a file of its own.
#pragma once

#include "core/catalog.h"
#include "core/plan.h"

/// A plan on its way into a platform's words.
struct rendering {
    const cpulift_plan *plan;
    const catalog *map;
    GPtrArray *require;  ///< what the model does not give by itself: names, borrowed from the plan
    GPtrArray *disable;  ///< what it would give and the plan does not: likewise
    GString *out;        ///< the text
    GPtrArray *warnings; ///< strings: what the platform cannot say
    unsigned version;    ///< of the platform, as text_parse_version counts; 0: not said
};

/// Adds a line to the warnings.
void render_warn(const struct rendering *self, const char *format, ...) G_GNUC_PRINTF(2, 3);

/// All of `require`, each after `plus`, and `disable`, each after `minus`; `separator` between.
/// The caller's.
char *render_join(const struct rendering *self, const char *plus, const char *minus,
                  const char *separator);

int render_kubevirt(struct rendering *self, cpulift_error **err);
int render_nova(struct rendering *self, cpulift_error **err);
int render_ovirt(struct rendering *self, cpulift_error **err);
int render_proxmox(struct rendering *self, cpulift_error **err);

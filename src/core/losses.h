// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a guest, or the settings that guests are made by, asked of its CPU and a plan takes from it
/// or gives against its will: sentences without a full stop, one for each cause.
#pragma once

#include "core/domain.h"
#include "core/plan.h"

/// Who asked.
struct losses_asker {
    const char *subject; ///< how a sentence begins: "the guest"
    const char *escape;  ///< the option that leaves it alone, "--respect"; NULL: there is none
    const catalog *map;  ///< knows what a model gives; NULL: none at hand
    bool is_told_width;  ///< also of a width that the plan knows and does not state
    bool is_brief;       ///< nothing of a CPU without a model, as most guests of clouds have it
};

/// Adds what `own` asks for and a guest of the definition `cpu`, made of the plan, does not get.
void losses_add_cpu(GPtrArray *losses, const struct losses_asker *asker, const cpulift_cpu *own,
                    const cpulift_plan *plan, const cpulift_cpu *cpu);

/// The same of a domain that is rewritten to `cpu`: its first <cpu>, a second one, and what keeps
/// it from migrating whatever its CPU. A <cpu> that cannot be read is said to be so.
void losses_add_domain(GPtrArray *losses, const struct losses_asker *asker,
                       const domain_document *document, const cpulift_plan *plan,
                       const cpulift_cpu *cpu);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// Whether a guest can go to a host, live, as libvirt and QEMU there will judge it: the target
/// holds the CPU that the guest *has* against what it gives, as under check='full', whatever was
/// written.
#pragma once

#include "core/host.h"
#include "fleet/guest.h"

/// From better to worse for who wants to move it; what is not known is never a yes.
enum fleet_can { FLEET_YES, FLEET_UNKNOWN, FLEET_NO };

/// "yes", "unknown", "no".
const char *fleet_can_to_string(enum fleet_can can);

/// Any other word, and NULL, is unknown.
enum fleet_can fleet_can_from_string(const char *word);

/// One thing in the way, or that is not known.
struct fleet_obstacle {
    char *what;   ///< feature, model, width, machine, vendor, topology or libvirt
    char **names; ///< of it, or a sentence; NULL-terminated
};

/// What the target's own libvirt says to the CPU (virConnectCompareHypervisorCPU), which is no
/// verdict: it knows neither topology nor machine types.
struct fleet_opinion {
    enum fleet_can can;
    char *why; ///< in its words; NULL: it gives none
};

typedef struct fleet_cell {
    enum fleet_can can;
    GPtrArray *because;         ///< struct fleet_obstacle *; empty: it can
    struct fleet_opinion *said; ///< of the target's libvirt; NULL: it was not asked
} fleet_cell;

extern const struct record fleet_obstacle_record;

/// "feature: avx2 bmi1; topology: ht", "" where nothing does. The caller's.
char *fleet_cell_format_because(const fleet_cell *cell);

/// True where libvirt's opinion is a yes or a no, and not ours.
bool fleet_cell_is_disputed(const fleet_cell *cell);

/// Judges; `side` is what the guest has (fleet_guest_take), NULL: that is not known. The caller's.
fleet_cell *fleet_judge(const fleet_guest *guest, const compare_side *side,
                        const cpulift_host *target, const catalog *map);
void fleet_cell_free(fleet_cell *cell);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(fleet_cell, fleet_cell_free)

// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the rules of a cell (cell.c, words.c) go by.
#pragma once

#include "fleet/cell.h"

struct judging {
    const fleet_guest *guest;
    const cpulift_host *target;
    const struct host_guest *entry; ///< of the target, for the guest's virt type and machine
    const catalog *map;
    const compare_side *side; ///< the guest's; NULL: what it has is not known
    fleet_cell *cell;
};

/// Adds an obstacle of one name, or a sentence. Beside what stops it, what is not known says
/// nothing.
void judging_add(const struct judging *j, enum fleet_can can, const char *what, const char *format,
                 ...) G_GNUC_PRINTF(4, 5);

/// Adds one of names that are borrowed, in any order; none is nothing.
void judging_add_list(const struct judging *j, enum fleet_can can, const char *what,
                      const GPtrArray *list);

/// True where the target's QEMU gives the feature to a guest that names it.
bool judging_gives(const struct judging *j, const char *name);

/// As text_parse_version; NULL is 0: not known.
unsigned judging_parse_version(const char *version);

/// The rules of what the target's libvirt must understand and not refuse by itself.
void judge_width(const struct judging *j);
void judge_words(const struct judging *j);
void judge_forbidden(const struct judging *j);

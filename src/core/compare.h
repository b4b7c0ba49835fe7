// SPDX-License-Identifier: LGPL-2.1-or-later
/// The one comparison of CPUs: of definitions and of hosts, in all that they say.
#pragma once

#include "core/guest.h"
#include "core/host.h"

/// What a document says of a guest's CPU. All strings are borrowed from it, but `features`.
typedef struct compare_side {
    const cpulift_host *host; ///< NULL: a definition
    const struct host_guest *guest;
    const cpulift_cpu *cpu;           ///< NULL: a host
    char **features;                  ///< sorted names, also of those that no catalogue has; owned
    char **not_migratable;            ///< of a host; likewise
    const char *virt, *machine;       ///< NULL: not said
    unsigned family, model, stepping; ///< that a guest sees; family 0: not said
    enum guest_side qemu;             ///< of a plan: its hosts' QEMUs
    unsigned width_max; ///< of a plan: its hosts' smallest physical-address width; 0: not known
} compare_side;

/// In one thing they differ.
struct compare_difference {
    char *what;     ///< "features", "mitigations", "model", "physical address bits" …
    char *a, *b;    ///< for lists only what the other has not; NULL: not said, or nothing
    bool is_seen;   ///< a guest sees it
    bool is_beyond; ///< a guest of A has more than B gives
};

/// Of a list of differences in a document.
extern const struct record compare_difference_record;

/// A plan. `map` (NULL: none at hand) knows the model's signature where the plan does not say it.
void compare_take_plan(const cpulift_plan *plan, const catalog *map, compare_side *ret_side);

/// What this kind of guest gets on a host.
void compare_take_host(const cpulift_host *host, const struct host_guest *guest, const catalog *map,
                       compare_side *ret_side);

/// A definition; `name` stands in messages. Features that the map lacks count by name. `virt` and
/// `machine` are those of its domain, NULL where it stands alone; with `virt` it has also what QEMU
/// adds to its model and takes from it unasked. CPULIFT_EINPUT: what it gives depends on its host.
int compare_take_cpu(const cpulift_cpu *cpu, const char *name, const char *virt,
                     const char *machine, const catalog *map, compare_side *ret_side,
                     cpulift_error **err);

void compare_clear(compare_side *side);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(compare_side, compare_clear)

/// All in which they differ: struct compare_difference *, features first. Between a definition and
/// a host only what both are about. The caller unrefs.
GPtrArray *compare_sides(const compare_side *a, const compare_side *b);

/// Adds a difference of the caller's own; takes the strings over.
void compare_add(GPtrArray *differences, const char *what, char *a, char *b, bool is_seen);

/// An empty list of differences.
GPtrArray *compare_new(void);

/// True where it is one of features: a and b are names between blanks.
bool compare_is_of_features(const struct compare_difference *difference);

/// True where a guest sees one of them.
bool compare_is_seen(const GPtrArray *differences);

/// As a JSON list. The caller's.
json_t *compare_format(const GPtrArray *differences);

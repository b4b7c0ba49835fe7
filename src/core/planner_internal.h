// SPDX-License-Identifier: LGPL-2.1-or-later
/// The planner's working state, shared by its three files: selection, definition, report.
#pragma once

#include "core/planner.h"

struct planning {
    const inventory *inv;
    const catalog *map;
    const struct planner_options *options;
    const char *virt, *machine;
    const char *vendor;        ///< the pool's, NULL when mixed or not known
    const char *policy_vendor; ///< as policy wants it: POLICY_VENDOR_MIXED when mixed
    bool is_mixed_vendor;
    const struct host_guest **guests;        ///< one for each kind of the inventory, borrowed
    feature_set common;                      ///< what every host can give
    feature_set any;                         ///< what some host can give
    feature_set not_migratable;              ///< as the map or any host's libvirt says
    feature_set chosen;                      ///< the plan's features
    enum policy_reason reasons[FEATURE_MAX]; ///< for each of common
    int needs[FEATURE_MAX];                  ///< for POLICY_DEPENDENCY
    unsigned phys_bits;                      ///< the smallest; 0 if any is not known
    bool is_phys_bits_mixed;
};

/// Chooses the named model and writes the definition.
int planner_define(const struct planning *planning, cpulift_cpu **ret_cpu, cpulift_error **err);

/// The definition of these features on this model: every feature stated, none left to libvirt or
/// QEMU. The caller's.
cpulift_cpu *planner_new_definition(const catalog *map, const struct catalog_model *model,
                                    const feature_set *features, const char *virt);

/// What QEMU adds to or takes from every named model of a virt type, whatever the model says.
void planner_get_virt_changes(const catalog *map, const char *virt, feature_set *ret_adds,
                              feature_set *ret_drops);

/// The whole document. The caller's.
json_t *planner_report(const struct planning *planning, const cpulift_cpu *cpu);

/// The members that every plan has, of whatever variant. The caller's.
json_t *planner_new_document(const catalog *map, const struct planner_options *options,
                             const char *variant, const char *virt, const char *machine,
                             const cpulift_cpu *cpu, const feature_set *features);

/// The kinds that cannot give a feature, as indices. The caller unrefs.
GArray *planner_find_costs(const struct planning *planning, size_t id);

/// Names of hosts of these kinds: sorted, at most `most` (0: all); *ret_total is how many there
/// are. Unrefs nothing of the inventory; the caller frees the array only.
GPtrArray *planner_get_hosts(const struct planning *planning, const GArray *kinds, size_t most,
                             size_t *ret_total);

/// "a, b and 3 more": at most `most` of these kinds' hosts, for a sentence. The caller frees it.
char *planner_join_hosts(const struct planning *planning, const GArray *kinds, size_t most);

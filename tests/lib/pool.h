// SPDX-License-Identifier: LGPL-2.1-or-later
/// Pools for tests: hosts described in a line each, and the recorded machines.
#pragma once

#include "core/planner.h"

/// A host in a few words. What is not said: kvm guests on pc, vendor of the model.
struct pool_host {
    const char *name;
    const char *model; ///< its guests get what libvirt and QEMU put into this model under the virt
                       ///< type; NULL: only `more`
    const char *more;  ///< features beside, between blanks
    const char *less;  ///< and without these
    const char *virt;  ///< NULL: kvm
    const char *machine;       ///< NULL: pc
    const char *vendor;        ///< NULL: the model's; "": not known
    const char *arch;          ///< NULL: x86_64
    const char *libvirt;       ///< version, NULL: not known
    const char *qemu, *kernel; ///< likewise
    const char *unknown;       ///< names beside that no catalogue has, between blanks
    const char *known;         ///< models that its libvirt knows, between blanks; NULL: not known
    const char *usable;        ///< models that its guests can use; NULL: not known
    const char *stuck;         ///< features that its libvirt calls not migratable
    unsigned phys_bits;        ///< of its guests
};

/// The host's document, one line. The caller frees it.
char *pool_format_host(const struct pool_host *host);

/// These hosts, sorted. The caller frees it; ends the test where a document is refused.
inventory *pool_new(const struct pool_host *hosts, size_t count);

/// The plan of these hosts; NULL with *err where it is refused. The caller frees it.
cpulift_plan *pool_plan(const struct pool_host *hosts, size_t count,
                        const struct planner_options *options, cpulift_error **err);

/// The features between blanks; ends the test at an unknown one.
feature_set pool_get_features(const char *names);

/// The plan's features.
feature_set pool_get_planned(const cpulift_plan *plan);

/// The reason that the plan gives for leaving out `feature`, borrowed, or NULL.
const char *pool_get_reason(const cpulift_plan *plan, const char *feature);

/// The text of the plan's warning of this code, borrowed, or NULL.
const char *pool_get_warning(const cpulift_plan *plan, const char *code);

/// The policy of `feature` in the plan's definition, or -1 where it does not stand there.
int pool_get_policy(const cpulift_plan *plan, const char *feature);

/// One recorded machine: its document as `cpulift import` makes it from the host-model, and what
/// QEMU itself gave there.
struct pool_machine {
    char *name, *vendor;
    char *document;
    unsigned family, model, stepping; ///< of the CPU; the document does not say
    feature_set features;             ///< of the document
    feature_set expansion;
};

/// Every recorded machine, sorted by name; NULL where the recordings are absent. The caller unrefs.
GPtrArray *pool_load_machines(void);

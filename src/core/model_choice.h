// SPDX-License-Identifier: LGPL-2.1-or-later
/// Which named model a plan stands on. Guests pick code and protections by vendor, family and
/// model, so it is chosen by what its guest will do with it (docs/decisions/0007).
#pragma once

#include "core/pool.h"
#include "core/vulnerability.h"

/// What speaks against a model, the worst first; up to MODEL_CONTENTS it cannot be taken at all.
enum model_obstacle {
    MODEL_VENDOR,   ///< of another vendor than the hosts
    MODEL_UNKNOWN,  ///< a host's libvirt or QEMU does not have it
    MODEL_CONTENTS, ///< what QEMU puts into it is not known here
    MODEL_STRANGER, ///< no host is of its family and model, and of others one is
    MODEL_HIDES,    ///< its guests would not know of more vulnerabilities than others'
    MODEL_OBSOLETE, ///< 32-bit, or platforms refuse it
    MODEL_FARTHER,  ///< more features have to be stated one by one
    MODEL_OLDER,    ///< as near as others, but older, or later by name
    MODEL_TAKEN,    ///< nothing: it is the one
};

struct model_verdict {
    const struct catalog_model *model;
    enum model_obstacle obstacle;
    size_t kind;              ///< MODEL_UNKNOWN: the first kind of hosts that lacks it
    bool is_of_pool;          ///< a host is of its family and model
    bool is_narrow;           ///< 32-bit for a 64-bit guest
    bool is_obsolete;         ///< platforms refuse it
    vulnerability_set hidden; ///< what some host suffers from and its guests there would not know
    size_t differences;       ///< features that the definition must state beyond the model's own
};

/// One verdict for each model of the catalogue, by name. At most one is MODEL_TAKEN. The caller
/// unrefs.
GArray *model_choose(const cpulift_pool *pool, const feature_set *features);

/// The verdict on the model that is taken, borrowed; NULL where none can be.
const struct model_verdict *model_get_taken(const GArray *verdicts);

/// True for a model on which platforms do not start guests: core/tables/obsolete.def.
bool model_is_obsolete(const char *name);

/// True where libvirt and QEMU of this host know the model, usable as it is or not.
bool model_is_known_to(const struct catalog_model *model, const cpulift_host *host,
                       const struct host_guest *guest);

/// What this kind's CPU has and guests of these features on the model would not know of: what they
/// would believe if they saw its own signature, but not under the model's. Each kind is of its own
/// vendor; empty where that is not known.
vulnerability_set model_find_hidden(const cpulift_pool *pool, size_t kind,
                                    const struct catalog_model *model, const feature_set *features);

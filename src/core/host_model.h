// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a <cpu> element says that guests of a host get: libvirt's host-model, or one that stands
/// alone.
#pragma once

#include "core/cpu.h"
#include "core/host.h"

/// Gives `guest` the features of the element: those of the model, less what is disabled, and those
/// that are required. Names that the map lacks go to `unknown`. Where the map lacks the model (the
/// host's libvirt is newer), the richest of the guest's usable models stands in for it, or the
/// model that it is a version of: a lower bound, and the guest's `lower_bound` says so; where there
/// is none, that is an error, as is `optional` or `force`, which say nothing of the host. `name`
/// stands in messages; `libvirt`, the host's version, may be NULL.
int host_model_read(const cpulift_cpu *cpu, const char *name, const char *libvirt,
                    const catalog *map, struct host_guest *guest, cpulift_error **err);

/// How libvirt's host-model of a host says a feature that the host gives.
enum host_model_word {
    HOST_MODEL_IMPLIES, ///< its named model has it
    HOST_MODEL_NAMES,   ///< by its name, beside the model
    HOST_MODEL_UNSURE,
};

/// By the model that the document has, else by the one that libvirt would choose.
enum host_model_word host_model_find(const cpulift_host *host, const struct host_guest *guest,
                                     const catalog *map, size_t feature);

/// Why a host may give its guests more than its document says, and what to do about it; NULL where
/// it does not. The caller frees it.
char *host_model_describe_bound(const cpulift_host *host);

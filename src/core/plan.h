// SPDX-License-Identifier: LGPL-2.1-or-later
/// A plan: one definition for a pool, and why it is not richer. Document schema cpulift.plan/1.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "core/cpu.h"

#define PLAN_SCHEMA "cpulift.plan/1"

/// The plan of a pool of 100,000 hosts names each of them.
#define PLAN_FILE_MAX ((size_t)64 << 20)

/// A feature that follows from the guest's own configuration (core/guest.h).
struct plan_guest_feature {
    char *feature;
    char *cause;   ///< what decides: "topology", "pmu", "cpu-pm" or "model"
    bool is_given; ///< every host gives it to a guest that is configured for it
};

/// The members that everything but `plan` and `explain` needs. Reading one needs no catalogue.
typedef struct cpulift_plan {
    char *pool;
    char *variant;    ///< "tuned", or a name of core/variant.h
    char *virt;       ///< "kvm" or "qemu"
    char *machine;    ///< "pc" or "q35"
    cpulift_cpu *cpu; ///< the definition
    char **features;  ///< every feature a guest of this plan sees, sorted, NULL-terminated
                      ///< (libvirt's names)
    size_t feature_count;
    unsigned phys_bits;        ///< the pool's smallest physical-address width, 0 if not known
    GPtrArray *guest_features; ///< struct plan_guest_feature *; NULL: the plan does not say
    struct {
        char *min, *max;  ///< versions of QEMU among the hosts; NULL: none is known
        unsigned unknown; ///< so many hosts do not say theirs
    } qemu;
    struct {
        char **only, **skip; ///< patterns of guests' names; NULL or empty: no such rule
        bool is_strict;      ///< a guest that cannot be tuned must not start
        bool is_respectful;  ///< a guest that asks for a CPU mode of its own is left alone
    } guests;                ///< of the hooks' plan
    json_t *document;        ///< the whole document as it was read; owned
} cpulift_plan;

/// Of the document: what is written of a struct is the hooks' plan.
extern const struct record plan_record;

/// Parts of it.
extern const struct record plan_loss_record, plan_omitted_record;

/// Parses a plan document; `name` stands in messages. Unknown members are kept in `document` and
/// otherwise ignored.
int plan_parse(const char *text, size_t len, const char *name, cpulift_plan **ret_plan,
               cpulift_error **err);

/// As plan_parse, of JSON that is parsed already; keeps a reference to it.
int plan_from_json(json_t *json, const char *name, cpulift_plan **ret_plan, cpulift_error **err);

/// Reads and parses the plan at `path` ("-" is stdin).
int plan_load(const char *path, cpulift_plan **ret_plan, cpulift_error **err);

/// The width of a physical address where a definition states none.
#define PLAN_QEMU_WIDTH "QEMU's own (40 bits)"

/// The width of a physical address that guests of the plan can have on every host: as the
/// definition states it, or known without being stated; 0: not known.
unsigned plan_get_width(const cpulift_plan *plan);

/// A sentence without a full stop where a width is known and not stated; NULL else. The caller's.
char *plan_describe_width(const cpulift_plan *plan);

/// True where the guest of this name is one of those that the hooks' plan means.
bool plan_means_guest(const cpulift_plan *plan, const char *guest);

/// What changes guests goes only by a plan that keeps its promise: refuses a tuned one whose
/// definition lets libvirt start a guest with less. Plans of an untuned platform and of the paper's
/// promise nothing. `name` stands in messages.
int plan_check_promise(const cpulift_plan *plan, const char *name, cpulift_error **err);

void plan_free(cpulift_plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(cpulift_plan, plan_free)

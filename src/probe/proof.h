// SPDX-License-Identifier: LGPL-2.1-or-later
/// A proof: what a plan promises against what a guest read of its own CPU.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "core/plan.h"
#include "probe/run.h"
#include "probe/transcript.h"

#include <stdbool.h>

struct proof_difference {
    char *what, *expected, *found;
};

struct proof_note {
    char *what, *why;
};

/// vCPUs that are not like vCPU 0, and all in the same way.
struct proof_group {
    char *vcpus;                                  ///< in the order of their numbers: "1,4-7"
    GPtrArray *missing, *extra, *wrong, *faulted; ///< as the proof's own
    GPtrArray *unlike; ///< struct proof_difference *: vCPU 0's reading, and theirs
};

/// What a live migration did: probe/hops.h.
struct proof_hop {
    char *from, *to;
    gint64 downtime_ms; ///< -1: not known
    bool is_proved;     ///< the guest sees the plan's CPU there, and nothing changed
    GPtrArray *changed; ///< struct proof_difference *: before the first hop, and after this one
    GPtrArray *reasons; ///< why the answer is no, other than `changed`
    unsigned executed;  ///< instruction sets that ran there; in no document
};

typedef struct proof {
    char *pool, *variant;           ///< the plan's
    char *virt, *machine, *through; ///< the run's
    struct {
        char *cpulift, *kernel, *libvirt, *qemu;
    } versions;
    bool is_proved;
    probe_shape shape;   ///< the guest's
    unsigned read;       ///< vCPUs that told all of their CPUID
    GPtrArray *missing;  ///< names that the plan has and the guest does not see
    GPtrArray *extra;    ///< names that the guest sees and the plan does not have
    GPtrArray *wrong;    ///< struct proof_difference *
    GPtrArray *executed; ///< sets whose instruction ran and gave the right result
    GPtrArray *faulted;  ///< struct proof_note *: sets whose instruction did not
    GPtrArray *notes;    ///< struct proof_note *: differences that follow from something else
    GPtrArray *others;   ///< struct proof_group *; the lists above are about vCPU 0
    GPtrArray *reasons;  ///< why the answer is no, other than the lists above
    GPtrArray *hops;     ///< struct proof_hop *, NULL: not migrated
} proof;

/// Document schema cpulift.proof/1.
extern const struct record proof_record;

/// A proof of nothing yet: what the plan and the run say of themselves. The caller's.
proof *proof_new(const cpulift_plan *plan, const probe_run *run);

/// Compares. A feature of the plan that the catalogue does not know is an error (CPULIFT_EINPUT);
/// a transcript that makes no sense is a reason why the answer is no. *ret_proof is the caller's.
int proof_compute(const catalog *map, const cpulift_plan *plan, const probe_run *run,
                  proof **ret_proof, cpulift_error **err);

void proof_free(proof *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(proof, proof_free)

/// An empty array of struct proof_difference *. The caller's.
GPtrArray *proof_new_differences(void);

void proof_add_difference(GPtrArray *list, const char *what, const char *expected,
                          const char *found);

/// Appends to an array of struct proof_note *.
void proof_add_note(GPtrArray *notes, const char *what, const char *why);

/// A group of no vCPU with nothing in it. The caller adds it to `others`, or frees it.
struct proof_group *proof_new_group(void);
void proof_free_group(struct proof_group *group);

/// True where both groups say the same of their vCPUs.
bool proof_is_same_group(const struct proof_group *a, const struct proof_group *b);

/// The guest is to be migrated: the proof tells of hops, be it that there is none.
void proof_begin_hops(proof *result);

/// A hop with nothing in it, borrowed.
struct proof_hop *proof_add_hop(proof *result);

/// "eax", "ebx", "ecx", "edx".
const char *proof_reg_name(unsigned reg);

/// The sets of guest/sets.def that the plan announces, as the guest's command line names them:
/// "sse,sse2". The caller frees it.
char *proof_format_sets(const cpulift_plan *plan);

/// For people, ends with a newline. The caller frees it.
char *proof_format(const proof *result);

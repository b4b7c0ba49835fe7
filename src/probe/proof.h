// SPDX-License-Identifier: LGPL-2.1-or-later
/// A proof: what a plan promises against what a guest read of its own CPU. Document schema
/// cpulift.proof/1.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "core/plan.h"
#include "probe/run.h"
#include "probe/transcript.h"

#include <stdbool.h>

#define PROOF_SCHEMA "cpulift.proof/1"

struct proof_difference {
    char *what, *expected, *found;
};

struct proof_note {
    char *what, *why;
};

typedef struct proof {
    bool is_proved;
    GPtrArray *missing;  ///< names that the plan has and the guest does not see
    GPtrArray *extra;    ///< names that the guest sees and the plan does not have
    GArray *wrong;       ///< struct proof_difference
    GPtrArray *executed; ///< sets whose instruction ran and gave the right result
    GArray *faulted;     ///< struct proof_note: sets whose instruction did not
    GArray *notes;       ///< struct proof_note: differences that follow from something else
    GPtrArray *reasons;  ///< why the answer is no, other than the lists above
    GPtrArray *hops;     ///< struct proof_hop * (probe/hops.h), NULL: not migrated
} proof;

/// Compares. A feature of the plan that the catalogue does not know is an error (CPULIFT_EINPUT);
/// a transcript that makes no sense is a reason why the answer is no. *ret_proof is the caller's.
int proof_compute(const catalog *map, const cpulift_plan *plan, const probe_run *run,
                  proof **ret_proof, cpulift_error **err);

void proof_free(proof *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(proof, proof_free)

/// An empty array of struct proof_difference. The caller's.
GArray *proof_new_differences(void);

void proof_add_difference(GArray *list, const char *what, const char *expected, const char *found);

/// Appends to an array of struct proof_note.
void proof_add_note(GArray *notes, const char *what, const char *why);

/// "eax", "ebx", "ecx", "edx".
const char *proof_reg_name(unsigned reg);

/// The sets of guest/sets.def that the plan announces, as the guest's command line names them:
/// "sse,sse2". The caller frees it.
char *proof_format_sets(const cpulift_plan *plan);

/// The document. The caller's.
json_t *proof_to_json(const proof *result, const cpulift_plan *plan, const probe_run *run);

/// For people, ends with a newline. The caller frees it.
char *proof_format(const proof *result, const cpulift_plan *plan, const probe_run *run);

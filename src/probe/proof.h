// SPDX-License-Identifier: LGPL-2.1-or-later
/// A proof: what a plan promises against what a guest read of its own CPU. Document schema
/// cpulift.proof/1.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "core/plan.h"
#include "probe/transcript.h"

#include <stdbool.h>

#define PROOF_SCHEMA "cpulift.proof/1"

struct proof_difference {
    char *what, *expected, *found;
};

struct proof_note {
    char *what, *why;
};

/// How the probe guest was started and how it ended, as the starters report it.
typedef struct probe_run {
    char *virt, *machine;
    char *text; ///< what the guest printed
    size_t len;
    char *refusal;        ///< libvirt or QEMU would not start the definition: why; else NULL
    char *hang;           ///< the guest did not finish: what happened; else NULL
    char **unplanned;     ///< features that the running XML disables and the plan does not, or NULL
    char *through;        ///< how it was started, for people
    char *qemu, *libvirt; ///< versions, NULL where not known
} probe_run;

void probe_run_free(probe_run *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(probe_run, probe_run_free)

typedef struct proof {
    bool is_proved;
    GPtrArray *missing;  ///< names that the plan has and the guest does not see
    GPtrArray *extra;    ///< names that the guest sees and the plan does not have
    GArray *wrong;       ///< struct proof_difference
    GPtrArray *executed; ///< sets whose instruction ran and gave the right result
    GArray *faulted;     ///< struct proof_note: sets whose instruction did not
    GArray *notes;       ///< struct proof_note: differences that follow from something else
    GPtrArray *reasons;  ///< why the answer is no, other than the lists above
} proof;

/// Compares. A feature of the plan that the catalogue does not know is an error (CPULIFT_EINPUT);
/// a transcript that makes no sense is a reason why the answer is no. *ret_proof is the caller's.
int proof_compute(const catalog *map, const cpulift_plan *plan, const probe_run *run,
                  proof **ret_proof, cpulift_error **err);

void proof_free(proof *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(proof, proof_free)

/// The sets of guest/sets.def that the plan announces, as the guest's command line names them:
/// "sse,sse2". The caller frees it.
char *proof_format_sets(const cpulift_plan *plan);

/// The document. The caller's.
json_t *proof_to_json(const proof *result, const cpulift_plan *plan, const probe_run *run);

/// For people, ends with a newline. The caller frees it.
char *proof_format(const proof *result, const cpulift_plan *plan, const probe_run *run);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is in force below a root: the journal held against the files, the installed plan, and the
/// guests that hooks let start untuned.
#pragma once

#include "base/record.h"
#include "core/compare.h"
#include "platform/store.h"

struct state_plan {
    char *target, *pool, *variant, *virt, *model;
    unsigned features;
    char *qemu_min, *qemu_max; ///< of its hosts; NULL not known
};

/// The node's QEMU when the plan was applied, and now.
struct state_qemu {
    char *emulator, *applied;
    char *now; ///< NULL: it is gone or does not tell
};

/// The keys of which one must have sealed a plan.
struct state_seal {
    unsigned keys;
    unsigned key; ///< which of them sealed the installed one, from 1 on; 0: none
};

struct state_file {
    char *platform, *target, *state;
};

/// A guest's definition that cpulift changed.
struct state_definition {
    char *uri, *guest, *uuid, *state;
};

/// A start of a guest that a hook left alone.
struct state_untuned {
    char *time, *hook, *guest, *why;
};

typedef struct node_state {
    bool is_interrupted;     ///< an apply was killed
    struct state_plan *plan; ///< that the hooks go by; NULL: none is installed, or it is broken
    struct state_seal *seal; ///< NULL: none is asked for
    struct state_qemu *qemu; ///< NULL: apply did not record it
    GPtrArray *files;        ///< struct state_file *
    GPtrArray *definitions;  ///< struct state_definition *
    GPtrArray *unasked;      ///< char *: what cannot be read or asked, and why
    GPtrArray *untuned;      ///< struct state_untuned *
    GPtrArray *unjudged;     ///< likewise, that the guard let pass; NULL: none
    GPtrArray *stopped;      ///< likewise, that a strict hook stopped because it failed; NULL: none
    GPtrArray *notes;        ///< likewise, of guests that were tuned
    GPtrArray *differences;  ///< struct compare_difference *; NULL: held against no plan
} node_state;

extern const struct record state_record;

/// *ret_state is the caller's. What cannot be read or asked is no error, but stands in `unasked`.
/// `held` unless NULL: adds what guests see otherwise under the plan in force (`a`) than under this
/// one (`b`).
int state_read(struct stores *stores, const cpulift_plan *held, node_state **ret_state,
               cpulift_error **err);
void state_free(node_state *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(node_state, state_free)

/// False where guests see something else than under the plan that it was held against, a file or
/// definition is no longer as cpulift left it, or an apply was killed.
bool state_is_good(const node_state *state);

/// For people. The caller's.
char *state_format(const node_state *state);

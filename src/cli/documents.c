// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/documents.h"

#include "core/host.h"
#include "core/plan.h"
#include "measure/result.h"
#include "measure/samples.h"
#include "platform/change.h"
#include "platform/domains.h"
#include "platform/node.h"
#include "platform/state.h"
#include "probe/proof.h"

const struct record *const documents[] = {
    &changeset_record,
    &domain_edits_record,
    &domains_kept_record,
    &host_record,
    &node_record,
    &plan_record,
    &proof_record,
    &result_record,
    &samples_record,
    &state_record,
    NULL,
};

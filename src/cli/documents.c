// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/documents.h"

#include "cli/printed.h"
#include "core/host.h"
#include "core/plan.h"
#include "fleet/document.h"
#include "measure/result.h"
#include "measure/samples.h"
#include "platform/domains.h"
#include "platform/node.h"
#include "platform/platform.h"
#include "platform/state.h"
#include "probe/proof.h"
#include "store/rows.h"

const struct record *const documents[] = {
    &platform_applied_record,
    &printed_diff_record,
    &printed_doctor_record,
    &domains_kept_record,
    &printed_explanation_record,
    &ledger_guests_record,
    &host_record,
    &ledger_rows_record,
    &node_record,
    &plan_record,
    &printed_platforms_record,
    &proof_record,
    &printed_protection_record,
    &result_record,
    &printed_rollback_record,
    &samples_record,
    &state_record,
    &fleet_report_record,
    NULL,
};

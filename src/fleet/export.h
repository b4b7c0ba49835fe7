// SPDX-License-Identifier: LGPL-2.1-or-later
/// A fleet's report for monitoring.
#pragma once

#include "fleet/document.h"

/// The family of guests by verdict, wherever guests are counted.
#define FLEET_EXPORT_GUESTS      "cpulift_guests"
#define FLEET_EXPORT_GUESTS_HELP "Running guests by what their CPU is beside the plan's."

/// Its labels: every verdict.
const char *const *fleet_export_list_verdicts(size_t *ret_count);

/// In Prometheus' text format, for node_exporter's textfile collector. The caller's.
char *fleet_export_metrics(const fleet_report *report);

/// What a plugin of Nagios ends with.
enum fleet_alarm { FLEET_OK, FLEET_WARNING, FLEET_CRITICAL, FLEET_BLIND };

/// One line with performance data, as plugins of Nagios print it: critical where a guest has more
/// than the plan or cannot leave its host, or a host's find no room elsewhere; not known where
/// hosts did not answer; a warning where a guest is stale or not known, or no room was found. The
/// caller's.
char *fleet_export_nagios(const fleet_report *report, enum fleet_alarm *ret_alarm);

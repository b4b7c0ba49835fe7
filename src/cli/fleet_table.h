// SPDX-License-Identifier: LGPL-2.1-or-later
/// A fleet's report as tables, of guests and hosts that are alike together.
#pragma once

#include "fleet/document.h"

/// The caller's.
char *fleet_table_format(const fleet_report *report);

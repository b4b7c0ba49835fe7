// SPDX-License-Identifier: LGPL-2.1-or-later
/// A fleet's report as a page that needs nothing from outside.
#pragma once

#include "fleet/document.h"

/// The caller's.
char *fleet_page_format(const fleet_report *report);

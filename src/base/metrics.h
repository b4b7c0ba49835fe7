// SPDX-License-Identifier: LGPL-2.1-or-later
/// Numbers in Prometheus' text format.
#pragma once

#include <glib.h>

/// Begins a family of samples; `type` is "gauge" or "counter", `help` one line.
void metrics_add_family(GString *out, const char *name, const char *type, const char *help);

/// Adds a sample of the family with one label, whose value may be any text (NULL: no label).
void metrics_add(GString *out, const char *name, const char *label, const char *value,
                 double number);

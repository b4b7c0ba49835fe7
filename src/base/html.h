// SPDX-License-Identifier: LGPL-2.1-or-later
/// Pages for people: what comes from outside is escaped here.
#pragma once

#include <glib.h>

/// Appends, with every %s escaped.
void html_add(GString *page, const char *format, ...) G_GNUC_PRINTF(2, 3);

/// The template with each @NAME@ replaced by its value: values[i] is {NAME, value}. One pass: what
/// a value holds is not a template. The caller's.
char *html_fill(const char *template, const char *const (*values)[2], size_t count);

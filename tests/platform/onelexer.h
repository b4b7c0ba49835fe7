// SPDX-License-Identifier: LGPL-2.1-or-later
/// What OpenNebula makes of a settings file, by its own grammar: a model for tests, written from
/// flex's rules one by one and as slow as that.
#pragma once

#include <glib.h>
#include <stdbool.h>

/// The settings in force: name → their text in one form ("value" or "[A=value][B=value]"). False
/// where the parser stops; what stands before that is in *ret_settings all the same. The caller
/// unrefs it.
bool onelexer_read(const char *text, GHashTable **ret_settings);

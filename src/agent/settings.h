// SPDX-License-Identifier: LGPL-2.1-or-later
/// What cpuliftd is told, by a file of keys (agent/keys.def).
#pragma once

#include "base/error.h"

#define SETTINGS_PATH "/etc/cpulift/cpuliftd.conf"

typedef char *settings_text;
typedef char *settings_path;
typedef unsigned settings_number;
typedef unsigned settings_word; ///< which of the known words

/// A member for each key, `section_key`; strings are owned and never NULL.
typedef struct agent_settings {
#define KEY(section, key, kind, value, word, meaning) settings_##kind section##_##key;
#include "agent/keys.def"
#undef KEY
} agent_settings;

/// Reads the file at `path`; NULL: SETTINGS_PATH, and where there is none every key has its
/// default. A file that others may write, an unknown section or key, or a value that its kind
/// does not take, is refused. The caller's.
int settings_load(const char *path, agent_settings **ret_settings, cpulift_error **err);

/// The same of a text; `name` stands in messages.
int settings_parse(const char *text, size_t len, const char *name, agent_settings **ret_settings,
                   cpulift_error **err);

void settings_free(agent_settings *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(agent_settings, settings_free)

/// Every key with its default and meaning, as a file that says nothing new. The caller's.
char *settings_format_example(void);

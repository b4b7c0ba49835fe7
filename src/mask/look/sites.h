// SPDX-License-Identifier: LGPL-2.1-or-later
/// The cache on disk: what the analysis of a file found.
#pragma once

#include "mask/look/find.h"

/// Which file, and which content: whatever is written or replaced has another time of change, which
/// nobody can set. No bytes are unused.
struct sites_key {
    uint64_t dev, ino, size, seconds, nanoseconds;
};

/// Reads what is known of this file. False where nothing is, or where the cache cannot be trusted
/// (somebody else may write it) or understood.
bool sites_load(const struct sites_key *key, struct find_result *ret);

/// Remembers it. Failing is no error: it is found again next time.
void sites_save(const struct sites_key *key, const struct find_result *result);

/// The two as text, for the tests. sites_parse refuses what is of another file, and offsets that
/// are not ascending or not within it.
char *sites_format(const struct sites_key *key, const struct find_result *result);
bool sites_parse(const char *text, const struct sites_key *key, struct find_result *ret);

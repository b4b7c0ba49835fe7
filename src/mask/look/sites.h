// SPDX-License-Identifier: LGPL-2.1-or-later
/// The cache on disk: what the analysis of a file found, by its build id.
#pragma once

#include "mask/look/find.h"

/// Reads what is known of the file of this build id and size. False where nothing is, or where
/// the cache cannot be trusted (somebody else may write it) or understood.
bool sites_load(const char *build_id, uint64_t file_size, struct find_result *ret);

/// Remembers it. Failing is no error: it is found again next time.
void sites_save(const char *build_id, uint64_t file_size, const struct find_result *result);

/// The two as text, for the tests. sites_parse refuses offsets that are not ascending or not
/// within `file_size`.
char *sites_format(uint64_t file_size, const struct find_result *result);
bool sites_parse(const char *text, uint64_t file_size, struct find_result *ret);

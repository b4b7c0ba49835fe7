// SPDX-License-Identifier: LGPL-2.1-or-later
/// What an operator wants left out of a plan although every host has it, and what let in.
#pragma once

#include "base/record.h"
#include "core/catalog.h"

/// Why a feature that every host can give is not in the plan (core/tables/reasons.def).
enum policy_reason {
    POLICY_GIVEN, ///< it is in the plan
#define REASON(id, word, why, remedy, option, meaning) POLICY_##id,
#include "core/tables/reasons.def"
#undef REASON
};

struct policy_reason_text {
    const char *word;    ///< of documents
    const char *why;     ///< of messages
    const char *remedy;  ///< what brings the feature back; NULL: nothing does
    const char *option;  ///< to be given for each feature, at the remedy's end; NULL: none
    const char *meaning; ///< a sentence
};

struct policy {
    feature_set allow;
    feature_set deny;
    bool is_mitigations_required;
    bool is_mixed_vendor_allowed;
};

/// A plan's "policy"; record_at.data is the catalogue.
extern const struct record policy_record;

const char *policy_reason_to_string(enum policy_reason reason);

/// All reasons but POLICY_GIVEN, sorted by word: *ret_count rows.
const struct policy_reason_text *policy_list_reasons(size_t *ret_count);

/// The row of a word, or NULL: a plan may be another version's.
const struct policy_reason_text *policy_find_reason_text(const char *word);

/// Lets in what `name` stands for: a feature, all of a class ("nested", "tsx", "opt-in"), or all
/// that match a pattern ("avx512*"). Where none of that can be migrated, it is refused.
int policy_allow(struct policy *policy, const catalog *map, const char *name, cpulift_error **err);

/// Leaves out what `name` stands for, as for policy_allow.
int policy_deny(struct policy *policy, const catalog *map, const char *name, cpulift_error **err);

/// Reads an INI file: group [policy] with allow, deny (names between ';'), require-mitigations and
/// allow-mixed-vendor. Any other group or key is an error.
int policy_parse_file(struct policy *policy, const catalog *map, const char *text, size_t len,
                      const char *name, cpulift_error **err);

/// As policy_parse_file, of the file at `path`.
int policy_load(struct policy *policy, const catalog *map, const char *path, cpulift_error **err);

/// The "vendor" of a pool that mixes vendors.
#define POLICY_VENDOR_MIXED "mixed"

/// What policy makes of a feature that every host has. `vendor` is the pool's, NULL if not known.
enum policy_reason policy_find_reason(const struct policy *policy, const catalog *map,
                                      const char *vendor, size_t id);

/// The policy as a plan records it, and back (`name` stands in messages). The JSON is the caller's;
/// NULL is no policy.
json_t *policy_format(const struct policy *policy, const catalog *map);
int policy_parse(const json_t *json, const char *name, const catalog *map,
                 struct policy *ret_policy, cpulift_error **err);

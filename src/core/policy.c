// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy.h"

#include "base/file.h"
#include "base/json.h"
#include "base/keyfile.h"
#include "base/text.h"
#include "core/host.h"

#include <string.h>

#define POLICY_FILE_MAX ((size_t)128 << 10)
#define GROUP           "policy"

/// By policy_reason, less POLICY_GIVEN.
static const struct policy_reason_text reasons[] = {
#define REASON(id, word, why, remedy, option, meaning) {word, why, remedy, option, meaning},
#include "core/tables/reasons.def"
#undef REASON
};

static const enum policy_reason class_reasons[] = {
    [FEATURE_PLAIN] = POLICY_GIVEN,       [FEATURE_MITIGATION] = POLICY_GIVEN,
    [FEATURE_IMMUNITY] = POLICY_GIVEN,    [FEATURE_HAZARD] = POLICY_GIVEN,
    [FEATURE_NESTED] = POLICY_NESTED,     [FEATURE_TSX] = POLICY_TSX,
    [FEATURE_OPT_IN] = POLICY_OPT_IN,     [FEATURE_HYPERVISOR] = POLICY_GIVEN,
    [FEATURE_TOPOLOGY] = POLICY_TOPOLOGY,
};

/// The classes that an operator may name as a whole.
static const struct {
    const char *name;
    enum feature_class class;
} classes[] = {
    {"nested", FEATURE_NESTED},
    {"opt-in", FEATURE_OPT_IN},
    {"tsx", FEATURE_TSX},
};

const char *policy_reason_to_string(enum policy_reason reason)
{
    return reason == POLICY_GIVEN ? "given" : reasons[reason - 1].word;
}

const struct policy_reason_text *policy_list_reasons(size_t *ret_count)
{
    *ret_count = G_N_ELEMENTS(reasons);
    return reasons;
}

const struct policy_reason_text *policy_find_reason_text(const char *word)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (strcmp(reasons[i].word, word) == 0) {
            return &reasons[i];
        }
    }
    return NULL;
}

/// " (did you mean 'nested'?)", or "". The caller frees it.
static char *suggest_class(const char *word)
{
    const char *names[G_N_ELEMENTS(classes) + 1] = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
        names[i] = classes[i].name;
    }
    return text_suggest(word, names);
}

/// The features that a word of an operator's stands for: a class, a pattern, or one by name.
static int find_named(const catalog *map, const char *name, const char *where, feature_set *ret_set,
                      cpulift_error **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (strcmp(classes[i].name, name) == 0) {
            *ret_set = catalog_get_class(map, classes[i].class);
            return 0;
        }
    }
    if (strpbrk(name, "*?") == NULL) {
        g_autofree char *meant = suggest_class(name);
        return catalog_find_feature(map, name) >= 0 || *meant == '\0'
                   ? catalog_add_feature(map, name, where, ret_set, err)
                   : cpulift_error_set(err, CPULIFT_EINPUT,
                                       "unknown feature or class '%s' in '%s'%s", name, where,
                                       meant);
    }
    *ret_set = catalog_find_pattern(map, name);
    return !feature_set_is_empty(ret_set)
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "pattern '%s' in '%s' matches no feature; check it", name,
                                   where);
}

int policy_allow(struct policy *policy, const catalog *map, const char *name, cpulift_error **err)
{
    feature_set set = {0};
    TRY(find_named(map, name, "allow", &set, err));
    const struct catalog_feature *refused = NULL;
    feature_set given = set;
    feature_set_foreach (id, &set) {
        const struct catalog_feature *feature = catalog_get_feature(map, id);
        if (!feature->is_migratable || feature->class == FEATURE_TOPOLOGY) {
            refused = feature;
            feature_set_remove(&given, id);
        }
    }
    // A class or a pattern lets in what it can of what it names.
    if (feature_set_is_empty(&given) && refused != NULL) {
        return cpulift_error_set(
            err, CPULIFT_EREFUSED, "feature '%s' cannot be allowed: %s", refused->name,
            refused->is_migratable ? "QEMU sets it from the guest's topology"
                                   : "libvirt says that a guest with it cannot migrate");
    }
    policy->allow = feature_set_unite(policy->allow, given);
    return 0;
}

int policy_deny(struct policy *policy, const catalog *map, const char *name, cpulift_error **err)
{
    feature_set set = {0};
    TRY(find_named(map, name, "deny", &set, err));
    policy->deny = feature_set_unite(policy->deny, set);
    return 0;
}

/// A list of words, each added to the set at the row's place as the operator's would be.
static int add_word(const record_row *row, void *policy, const catalog *map, const char *word,
                    cpulift_error **err)
{
    return row->place == offsetof(struct policy, allow) ? policy_allow(policy, map, word, err)
                                                        : policy_deny(policy, map, word, err);
}

static int parse_words(const record_at *at, const record_row *row, const json_t *value, void *base,
                       cpulift_error **err)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    TRY(record_parse_strings(at, row, value, words, err));
    for (size_t i = 0; base != NULL && i < words->len; i++) {
        // A plan lists features one by one: one that another map had changes nothing here.
        if (catalog_find_feature(at->data, words->pdata[i]) >= 0) {
            TRY(add_word(row, base, at->data, words->pdata[i], err));
        }
    }
    return 0;
}

static json_t *format_set(const record_row *row, const void *base, const void *data)
{
    return host_format_features(record_get_place(row, base), data);
}

static const struct record_kind words = {"list of strings", parse_words, format_set, NULL};

#define POLICY(member) RECORD_AT(struct policy, member)

/// The keys of the file, too.
static const record_row rows[] = {
    {"allow", &words, POLICY(allow), .meaning = "let in"},
    {"deny", &words, POLICY(deny), .meaning = "left out"},
    {"allow-mixed-vendor", &record_bool, POLICY(is_mixed_vendor_allowed), RECORD_ALWAYS},
    {"require-mitigations", &record_bool, POLICY(is_mitigations_required), RECORD_ALWAYS},
    {0},
};

const struct record policy_record = {.rows = rows, .size = sizeof(struct policy)};

static int read_value(struct policy *policy, const catalog *map, GKeyFile *file,
                      const record_row *row, cpulift_error **err)
{
    g_autoptr(GError) error = NULL;
    if (row->kind == &record_bool) {
        bool *flag = record_get_place(row, policy);
        *flag = g_key_file_get_boolean(file, GROUP, row->key, &error);
        return error == NULL ? 0
                             : cpulift_error_set(err, CPULIFT_EINPUT,
                                                 "key '%s' is neither true nor false", row->key);
    }
    g_auto(GStrv) names = g_key_file_get_string_list(file, GROUP, row->key, NULL, &error);
    if (error != NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "key '%s': %s", row->key, error->message);
    }
    for (char **name = names; *name != NULL; name++) {
        TRY(add_word(row, policy, map, g_strstrip(*name), err));
    }
    return 0;
}

static int read_key(struct policy *policy, const catalog *map, GKeyFile *file, const char *key,
                    cpulift_error **err)
{
    for (const record_row *row = rows; row->key != NULL; row++) {
        if (strcmp(row->key, key) == 0) {
            return read_value(policy, map, file, row, err);
        }
    }
    const char *names[G_N_ELEMENTS(rows)] = {0}; // the last row ends them
    for (const record_row *row = rows; row->key != NULL; row++) {
        names[row - rows] = row->key;
    }
    g_autofree char *meant = text_suggest(key, names);
    return cpulift_error_set(
        err, CPULIFT_EINPUT,
        "unknown key '%s'; allow, deny, require-mitigations and allow-mixed-vendor are "
        "known%s",
        key, meant);
}

int policy_load(struct policy *policy, const catalog *map, const char *path, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    TRY(file_load(path, POLICY_FILE_MAX, &text, &len, err));
    return policy_parse_file(policy, map, text, len, path, err);
}

/// A file that was cut off, or never written, is no policy that asks for nothing.
static int check_says_something(char *const *keys, const char *name, cpulift_error **err)
{
    return keys != NULL && *keys != NULL
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s' is no policy file: it has no %s; leave --policy out where "
                                   "none is meant",
                                   name, keys == NULL ? "[" GROUP "]" : "key below [" GROUP "]");
}

int policy_parse_file(struct policy *policy, const catalog *map, const char *text, size_t len,
                      const char *name, cpulift_error **err)
{
    g_autoptr(GKeyFile) file = NULL;
    TRY(keyfile_parse(text, len, name, "policy file", &file, err));
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    for (char **group = groups; *group != NULL; group++) {
        if (strcmp(*group, GROUP) != 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s' has the unknown group '[%s]'; only [" GROUP "] is known",
                                     name, *group);
        }
    }
    g_auto(GStrv) keys = g_key_file_get_keys(file, GROUP, NULL, NULL);
    TRY(check_says_something(keys, name, err));
    for (char **key = keys; key != NULL && *key != NULL; key++) {
        int rc = read_key(policy, map, file, *key, err);
        if (rc != 0) {
            return cpulift_error_prefix(err, rc, "'%s'", name);
        }
    }
    return 0;
}

enum policy_reason policy_find_reason(const struct policy *policy, const catalog *map,
                                      const char *vendor, size_t id)
{
    const struct catalog_feature *feature = catalog_get_feature(map, id);
    if (!feature->is_migratable) {
        return POLICY_NOT_MIGRATABLE;
    }
    if (feature_set_has(&policy->deny, id)) {
        return POLICY_DENIED;
    }
    if (feature_set_has(&policy->allow, id)) {
        return POLICY_GIVEN;
    }
    // The arch-capabilities MSR is Intel's; elsewhere KVM makes it up, and newer QEMUs take it away
    // again.
    bool is_intel = vendor == NULL || strcmp(vendor, "Intel") == 0;
    if (!is_intel && strcmp(feature->name, "arch-capabilities") == 0) {
        return POLICY_EMULATED;
    }
    return class_reasons[feature->class];
}

json_t *policy_format(const struct policy *policy, const catalog *map)
{
    return record_format(&policy_record, policy, map);
}

int policy_parse(const json_t *json, const char *name, const catalog *map,
                 struct policy *ret_policy, cpulift_error **err)
{
    struct policy policy = {0};
    if (json != NULL) {
        TRY(record_parse(&policy_record, json, name, (void *)map, &policy, err));
    }
    *ret_policy = policy;
    return 0;
}

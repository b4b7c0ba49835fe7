// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/printed.h"

#include "core/compare.h"
#include "core/protection_compare.h"

#define DIFF(member)     RECORD_AT(struct printed_diff, member)
#define CHECK(member)    RECORD_AT(struct printed_check, member)
#define DOCTOR(member)   RECORD_AT(struct printed_doctor, member)
#define PLATFORM(member) RECORD_AT(struct printed_platform, member)
#define ROLLBACK(member) RECORD_AT(struct printed_rollback, member)
#define NAMES            &record_strings, .flags = RECORD_NAMES
#define MANY(part)       &record_list, .record = (part)

static const record_row name_row = {.kind = &record_name};
static const record_row string_row = {.kind = &record_string};
static const record_row index_row = {.kind = &record_uint};

const struct record printed_diff_record = {
    .schema = "cpulift.diff/1",
    RECORD_ROWS({"only_a", &record_json, DIFF(only_a), RECORD_REQUIRED, .each = &name_row,
                 .meaning = "features"},
                {"only_b", &record_json, DIFF(only_b), RECORD_REQUIRED, .each = &name_row,
                 .meaning = "features"},
                {"differences", &record_list, DIFF(differences), RECORD_REQUIRED,
                 .record = &compare_difference_record, .meaning = "all in which the two differ"}),
    .size = sizeof(struct printed_diff),
};

static const struct record packages_record = {
    RECORD_ROWS({"debian", &record_string, CHECK(debian)}, {"rpm", &record_string, CHECK(rpm)})};

RECORD_ITEM(check_record, struct printed_check,
            {"name", &record_string, CHECK(name), RECORD_REQUIRED},
            {"needed", &record_bool, CHECK(is_needed), RECORD_REQUIRED,
             .meaning = "by scan, plan or prove; else for `why` only"},
            {"state", &record_string, CHECK(state), RECORD_REQUIRED,
             .meaning = "`ok`; `missing`: it is needed; `absent`: it is not"},
            {"why", &record_string, CHECK(why), RECORD_REQUIRED, .meaning = "what it is for"},
            {"problem", &record_string, CHECK(problem), .meaning = "absent: none"},
            {"packages", &record_object, .record = &packages_record,
             .meaning = "those that end the problem; empty: none does"})

const struct record printed_doctor_record = {
    .schema = "cpulift.doctor/1",
    RECORD_ROWS({"well", &record_bool, DOCTOR(is_well), RECORD_REQUIRED,
                 .meaning = "nothing is missing that is needed"},
                {"checks", &record_list, DOCTOR(checks), RECORD_REQUIRED, .record = &check_record}),
    .size = sizeof(struct printed_doctor),
};

RECORD_ITEM(platform_record, struct printed_platform,
            {"platform", &record_name, PLATFORM(name), RECORD_REQUIRED,
             .meaning = "as `apply --platform` calls it"},
            {"title", &record_string, PLATFORM(title), RECORD_REQUIRED, .meaning = "for people"},
            {"version", &record_string, PLATFORM(version), RECORD_REQUIRED,
             .meaning = "as far as its files tell; empty: they do not"})

const struct record printed_platforms_record = {
    .schema = "cpulift.platforms/1",
    RECORD_ROWS({"platforms", &record_list, RECORD_AT(struct printed_platforms, platforms),
                 RECORD_REQUIRED, .record = &platform_record,
                 .meaning = "those of which the node has files"}),
    .size = sizeof(struct printed_platforms),
};

const struct record printed_rollback_record = {
    .schema = "cpulift.rollback/1",
    RECORD_ROWS({"done", &record_bool, ROLLBACK(is_done), RECORD_REQUIRED,
                 .meaning = "the change was made; else it would be"},
                {"diff", &record_string, ROLLBACK(diff), RECORD_REQUIRED | RECORD_TEXT,
                 .meaning = "from what is there now; bytes that are not UTF-8 are replaced"},
                {"actions", &record_array, ROLLBACK(actions), RECORD_REQUIRED,
                 .meaning =
                     "what becomes of each file or definition, newest change first; empty: there "
                     "is nothing to undo"}),
    .size = sizeof(struct printed_rollback),
};

static const char *const verdicts[] = {"slower", "same", "unknown", "worse", "wrong", NULL};
static const char *const sources[] = {"booted", "predicted", "scanned", "unknown", NULL};

static const struct record protection_remedy_record = {
    RECORD_ROWS({"features", NAMES, .meaning = "that guests do not see"},
                {"hosts", NAMES, .meaning = "that do not give them: the first 100 by name"},
                {"host_count", &record_uint, .meaning = "all of them"},
                {"given", &record_bool, RECORD_CHECKED, .meaning = "some host gives them"})};

static const struct record protection_hosts_record = {RECORD_ROWS(
    {"hosts", NAMES, .meaning = "of which this is said: the first 100 by name"},
    {"host_count", &record_uint, .meaning = "all of them"},
    {"source", &record_name, RECORD_CHECKED, .words = sources,
     .meaning =
         "`scanned`: their kernel said it; `predicted`: told from their CPU, as far as their "
         "guests see it; `unknown`: neither"},
    {"text", &record_string, .meaning = "absent: not known"},
    {"verdict", &record_name, RECORD_CHECKED, .words = verdicts})};

static const struct record protection_file_record = {RECORD_ROWS(
    {"name", &record_name, .meaning = "the file below `/sys/devices/system/cpu/vulnerabilities`"},
    {"guest", &record_string,
     .meaning = "what the guest's kernel says; absent: it has no such file"},
    {"hosts", MANY(&protection_hosts_record)},
    {"verdict", &record_name, RECORD_CHECKED, .words = verdicts,
     .meaning = "`wrong`: the guest does nothing against what a host suffers from; `worse`: it is "
                "open to what a host is protected from; `slower`: it protects itself from what no "
                "host suffers from; `same`; `unknown`: the guest or a host does not say"},
    {"models", NAMES, .meaning = "of `wrong`: models under which it would not be"},
    {"remedy", &record_json, .record = &protection_remedy_record,
     .meaning = "of `worse` and `slower`: what would end it; absent: not known"})};

static const struct record protection_old_record = {
    RECORD_ROWS({"name", &record_name, RECORD_CHECKED}, {"guest", &record_string, RECORD_CHECKED},
                {"verdict", &record_name, RECORD_CHECKED, .words = verdicts})};

static const struct record protection_before_record = {
    RECORD_ROWS({"cpu", &record_name, .meaning = "`default`, `paper` …"},
                {"vulnerabilities", MANY(&protection_old_record)})};

/// Made by core/protection_compare.c and cli/prove_security.c, so only described here.
const struct record printed_protection_record = {
    .schema = PROTECTION_SCHEMA,
    RECORD_ROWS(
        {"pool", &record_name, RECORD_CHECKED}, {"model", &record_string, RECORD_CHECKED},
        {"kernel", &record_name,
         .meaning = "the guests': Debian's Linux of this version, or the release of the one that "
                    "booted; absent: it said nothing"},
        {"source", &record_name, RECORD_CHECKED, .words = sources,
         .meaning = "`predicted`, or `booted`: a guest's kernel said it"},
        {"verdict", &record_name, RECORD_CHECKED, .words = verdicts,
         .meaning = "the worst of all: exit status 1 is `worse` and `wrong`, and `reasons`"},
        {"vulnerabilities", MANY(&protection_file_record)},
        {"virt", &record_name, .meaning = "of a guest that was booted, as all below"},
        {"machine", &record_name, RECORD_CHECKED},
        {"through", &record_string, .meaning = "as a proof's"},
        {"reasons", &record_json, RECORD_CHECKED, .each = &string_row,
         .meaning = "why the answer is no whatever the verdict: the guest was refused, hung "
                    "or printed nonsense, or reads other registers than planned"},
        {"notes", &record_json, RECORD_CHECKED, .each = &string_row,
         .meaning = "what is not known, and why"},
        {"msrs", &record_json, .flags = RECORD_MAP, .each = &string_row,
         .meaning = "register → value, hexadecimal, as the guest's kernel read them"},
        {"before", &record_json, .record = &protection_before_record,
         .meaning = "the same kernel with another CPU (`--in`)"}),
};

static const char *const answers[] = {"given",    "guest",    "hazard", "kinds",
                                      "left-out", "lost",     "member", "newcomer",
                                      "nowhere",  "of-guest", NULL};

/// An answer may hold others.
static const struct record answer_record;

/// Made of a plan's own entries, so only described here: decision 0009.
static const record_row answer_rows[] = {
    {"answer", &record_name, RECORD_CHECKED, .words = answers,
     .meaning = "of a feature `given`, `lost`, `left-out`, `hazard`, `of-guest` (it follows from "
                "the guest) or `nowhere`; of a host of the pool `member`, of new ones `newcomer`, "
                "of kinds that leave `kinds`; of a guest `guest`"},
    {"feature", &record_name, .meaning = "that was asked about"},
    {"host", &record_name, .meaning = "that was asked about, or the first of a new kind"},
    {"guest", &record_string, .meaning = "the file that was asked about"},
    {"hosts", NAMES, .meaning = "that cost the feature, leave or are new: the first 100 by name"},
    {"host_count", &record_uint, .meaning = "all of them"},
    {"kinds", &record_json, .each = &index_row, .meaning = "theirs, as the plan counts"},
    {"given_by", NAMES, .meaning = "hosts that give a lost feature: the first 100 by name"},
    {"giver_count", &record_uint, .meaning = "all of them"},
    {"policy", &record_name, .meaning = "as of the plan's `losses[]`"},
    {"reason", &record_name, .meaning = "as of the plan's `omitted[]`, as is the next"},
    {"needs", &record_name, RECORD_CHECKED},
    {"cause", &record_name, .meaning = "as of the plan's `guest_features[]`, as is the next"},
    {"given", &record_bool, RECORD_CHECKED},
    {"code", &record_name, .meaning = "as of the plan's `warnings[]`, as are the next two"},
    {"text", &record_string, RECORD_CHECKED},
    {"features", NAMES},
    {"without_it_the_pool_gains", NAMES, .meaning = "features, when the host leaves"},
    {"its_kind", &record_json, .record = &answer_record,
     .meaning = "an answer about its whole kind, where it is not the only one of it"},
    {"without_them_the_pool_gains", NAMES, .meaning = "features, when the kinds leave"},
    {"level", &record_name,
     .meaning = "the next level, where just these kinds keep the pool from it"},
    {"would_cost", NAMES, .meaning = "features that the pool loses when the new hosts join"},
    {"would_gain", NAMES, .meaning = "features that the guest gains under the plan"},
    {"would_lose", NAMES, .meaning = "features that it loses"},
    {"differences", MANY(&compare_difference_record),
     .meaning = "of new hosts: all that they cost, `a` what the plan has, `b` what they have; of "
                "a guest all in which its CPU and the plan's (`b`) differ"},
    {"losses", MANY(&plan_loss_record), .meaning = "of a whole pool: the plan's own"},
    {"omitted", MANY(&plan_omitted_record), .meaning = "likewise"},
    {"gains", MANY(&answer_record), .meaning = "of a whole pool: answers about kinds that leave"},
    {"answers", MANY(&answer_record), .meaning = "where more than one thing was asked about"},
    {0},
};

static const struct record answer_record = {.rows = answer_rows};

const struct record printed_explanation_record = {
    .schema = "cpulift.explanation/1",
    .rows = answer_rows,
};

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/prove_migrate.h"

#include "base/json.h"

#define MIGRATION_SCHEMA "cpulift.migration/1"

/// One stop of the journey.
struct stop {
    proof *result;
    char *change; ///< against the stop before, or NULL
};

struct journey {
    const cpulift_plan *plan;
    const migrate_run *run;
    struct stop stops[MIGRATE_STOPS];
    size_t count;
    bool is_proved;
};

static int judge(const catalog *map, struct journey *journey, cpulift_error **err)
{
    const migrate_run *run = journey->run;
    journey->is_proved = run->refusal == NULL;
    for (size_t i = 0; i < MIGRATE_STOPS && run->stops[i] != NULL; i++) {
        struct stop *stop = &journey->stops[i];
        int rc = proof_compute(map, journey->plan, run->stops[i], &stop->result, err);
        if (rc != 0) {
            return rc;
        }
        journey->count = i + 1;
        stop->change = i > 0 ? migrate_find_change(run->stops[i - 1], run->stops[i]) : NULL;
        journey->is_proved &= stop->result->is_proved && stop->change == NULL;
    }
    journey->is_proved &= journey->count == MIGRATE_STOPS;
    return 0;
}

/// Why a journey that went well promises nothing for the next one, or NULL.
static const char *find_weakness(const cpulift_cpu *cpu)
{
    bool is_optional = false;
    for (size_t i = 0; i < cpu->feature_count; i++) {
        is_optional |= cpu->features[i].policy == CPU_OPTIONAL;
    }
    return g_strcmp0(cpu->check, "full") != 0 || g_strcmp0(cpu->fallback, "forbid") != 0 ||
                   is_optional
               ? "this definition promises nothing: without check='full', or with "
                 "fallback='allow' or optional features, a host that lacks a feature starts the "
                 "guest without it, and libvirt says nothing"
               : NULL;
}

static char *format_text(const struct journey *journey)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < journey->count; i++) {
        const struct stop *stop = &journey->stops[i];
        const probe_run *at = journey->run->stops[i];
        g_autofree char *text = proof_format(stop->result, journey->plan, at);
        g_string_append_printf(out, "%s %s\n%s", i == 0 ? "started at" : "migrated live to",
                               at->through, text);
        if (i > 0) {
            g_string_append_printf(out, "since the stop before: %s\n",
                                   stop->change != NULL ? stop->change : "nothing changed");
        }
    }
    if (journey->run->refusal != NULL) {
        g_string_append_printf(out, "refused: %s\n", journey->run->refusal);
    }
    const char *weakness = find_weakness(journey->plan->cpu);
    if (weakness != NULL) {
        g_string_append_printf(out, "note: %s\n", weakness);
    }
    g_string_append(out, journey->is_proved ? "PROVED there and back\n" : "NOT PROVED\n");
    return g_string_free(out, FALSE);
}

static char *format_json(const struct journey *journey)
{
    json_t *stops = json_array();
    for (size_t i = 0; i < journey->count; i++) {
        const struct stop *stop = &journey->stops[i];
        const probe_run *at = journey->run->stops[i];
        json_array_append_new(stops, json_pack("{s:s, s:o, s:s?}", "uri", at->through, "proof",
                                               proof_to_json(stop->result, journey->plan, at),
                                               "change", stop->change));
    }
    g_autoptr(json_t) json =
        json_pack("{s:s, s:b, s:o, s:s?}", "schema", MIGRATION_SCHEMA, "proved", journey->is_proved,
                  "stops", stops, "refusal", journey->run->refusal);
    return json_format_document(json);
}

int prove_migrate(const cpulift_plan *plan, const catalog *map,
                  const struct migrate_options *options, bool as_json, char **ret_text,
                  bool *ret_is_proved, cpulift_error **err)
{
    g_autoptr(migrate_run) run = NULL;
    int rc = migrate_domain(plan, options, &run, err);
    if (rc != 0) {
        return rc;
    }
    struct journey journey = {.plan = plan, .run = run};
    rc = judge(map, &journey, err);
    if (rc == 0) {
        *ret_text = as_json ? format_json(&journey) : format_text(&journey);
        *ret_is_proved = journey.is_proved;
    }
    for (size_t i = 0; i < MIGRATE_STOPS; i++) {
        proof_free(journey.stops[i].result);
        g_free(journey.stops[i].change);
    }
    return rc;
}

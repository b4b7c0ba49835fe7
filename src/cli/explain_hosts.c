// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/explain_hosts.h"

#include "base/json.h"
#include "base/text.h"
#include "cli/table.h"
#include "core/plan_warnings.h"

#include <string.h>

/// So many kinds' leaving is told when nothing is named.
#define GAINS_MAX 20
/// So many hosts stand in a line.
#define HOSTS_IN_LINE 3

/// The hosts of the kinds that leave: the first by name, and how many.
static void set_hosts(json_t *answer, const explain *self, const bool *leaves)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    json_t *kinds = json_array();
    for (size_t k = 0; k < self->kinds->len; k++) {
        const struct explain_kind *kind = self->kinds->pdata[k];
        for (size_t h = 0; h < kind->hosts->len && leaves[k]; h++) {
            g_ptr_array_add(names, kind->hosts->pdata[h]);
        }
        if (leaves[k]) {
            json_array_append_new(kinds, json_integer((json_int_t)k));
        }
    }
    g_ptr_array_sort(names, text_compare);
    json_object_set_new(
        answer, "hosts",
        json_new_strings((const char *const *)names->pdata, MIN(names->len, PLAN_HOSTS_MAX)));
    json_object_set_new(answer, "host_count", json_integer(names->len));
    json_object_set_new(answer, "kinds", kinds);
}

/// What the leaving of these kinds gains.
static json_t *explain_leaving(const explain *self, const bool *leaves, const char *level)
{
    feature_set gain = explain_compute_gain(self, leaves);
    json_t *answer = json_pack("{s:s, s:o, s:s*}", "answer", "kinds", "without_them_the_pool_gains",
                               host_format_features(&gain, self->map), "level", level);
    set_hosts(answer, self, leaves);
    return answer;
}

json_t *explain_hosts_member(const explain *self, const char *name)
{
    int index = explain_find_kind(self, name);
    if (index < 0) {
        return NULL;
    }
    const struct explain_kind *kind = self->kinds->pdata[index];
    g_autofree bool *leaves = g_new0(bool, self->kinds->len);
    leaves[index] = kind->hosts->len == 1;
    feature_set gain = explain_compute_gain(self, leaves);
    json_t *answer = json_pack("{s:s, s:s, s:o}", "host", name, "answer", "member",
                               "without_it_the_pool_gains", host_format_features(&gain, self->map));
    if (!leaves[index]) {
        leaves[index] = true;
        json_object_set_new(answer, "its_kind", explain_leaving(self, leaves, NULL));
    }
    return answer;
}

/// The names in a difference's list of features.
static json_t *split(const char *names)
{
    g_auto(GStrv) list = g_strsplit(names, " ", -1);
    return json_new_strings((const char *const *)list, g_strv_length(list));
}

/// Of the differences the features that A has (or B, else), and all others.
static json_t *list_features(const GPtrArray *differences, bool is_a)
{
    json_t *features = json_array();
    for (size_t i = 0; i < differences->len; i++) {
        const struct compare_difference *one = differences->pdata[i];
        const char *names = is_a ? one->a : one->b;
        if (compare_is_of_features(one) && names != NULL) {
            g_autoptr(json_t) list = split(names);
            json_array_extend(features, list);
        }
    }
    return features;
}

void explain_hosts_newcomers(const explain *self, const cpulift_plan *plan, const inventory *inv,
                             json_t *answers)
{
    for (size_t k = 0; k < inv->kinds->len; k++) {
        const struct host_kind *kind = inv->kinds->pdata[k];
        g_autoptr(GPtrArray) costs = explain_newcomer(self, plan, inv, k);
        json_t *answer = json_pack("{s:s, s:s, s:o, s:o}", "host", kind->names->pdata[0], "answer",
                                   "newcomer", "would_cost", list_features(costs, true),
                                   "differences", compare_format(costs));
        if (kind->names->len > 1) {
            json_object_set_new(answer, "hosts",
                                json_new_strings((const char *const *)kind->names->pdata,
                                                 MIN(kind->names->len, PLAN_HOSTS_MAX)));
            json_object_set_new(answer, "host_count", json_integer(kind->names->len));
        }
        json_array_append_new(answers, answer);
    }
}

int explain_hosts_guest(const explain *self, const cpulift_plan *plan,
                        const struct document *document, const char *path, json_t **ret_answer,
                        cpulift_error **err)
{
    g_auto(compare_side) guest = {0}, planned = {0};
    TRY(document_take_side(document, path, self->map, NULL, NULL, &guest, err));
    compare_take_plan(plan, self->map, &planned);
    g_autoptr(GPtrArray) differences = compare_sides(&guest, &planned);
    *ret_answer =
        json_pack("{s:s, s:s, s:o, s:o, s:o}", "guest", path, "answer", "guest", "would_gain",
                  list_features(differences, false), "would_lose", list_features(differences, true),
                  "differences", compare_format(differences));
    return 0;
}

json_t *explain_hosts_gains(const explain *self, const cpulift_plan *plan)
{
    json_t *gains = json_array();
    size_t count = self->kinds->len;
    g_autoptr(GArray) gainers = explain_find_gainers(self);
    for (size_t i = 0; i < MIN(gainers->len, GAINS_MAX); i++) {
        g_autofree bool *leaves = g_new0(bool, count);
        leaves[g_array_index(gainers, size_t, i)] = true;
        json_array_append_new(gains, explain_leaving(self, leaves, NULL));
    }
    const char *next = json_get_string(json_object_get(plan->document, "next_level"), "level");
    g_autofree bool *leaves = g_new0(bool, count);
    if (next != NULL && explain_find_leavers(self, level_from_string(next), leaves)) {
        json_array_append_new(gains, explain_leaving(self, leaves, next));
    }
    return gains;
}

/// "a, b and 3 more"
static char *join_hosts(const json_t *answer)
{
    const json_t *hosts = json_object_get(answer, "hosts");
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    size_t i;
    const json_t *host;
    json_array_foreach (hosts, i, host) {
        g_ptr_array_add(names, (void *)json_string_value(host));
    }
    if (names->len == 0) {
        g_ptr_array_add(names, (void *)json_get_string(answer, "host"));
    }
    size_t total = MAX(names->len, json_get_uint(answer, "host_count", 0));
    return text_join_some((const char *const *)names->pdata, total, MIN(HOSTS_IN_LINE, names->len));
}

/// A line for each difference that is no list of features.
static void append_differences(GString *text, const json_t *answer)
{
    size_t i;
    const json_t *one;
    json_array_foreach (json_object_get(answer, "differences"), i, one) {
        const char *what = json_get_string(one, "what");
        const char *a = json_get_string(one, "a"), *b = json_get_string(one, "b");
        const struct compare_difference difference = {.what = (char *)what};
        if (!compare_is_of_features(&difference)) {
            g_autofree char *line = g_strdup_printf(
                "  %s: %s -> %s", what, a != NULL ? a : "not said", b != NULL ? b : "not said");
            table_append_line(text, line, 4);
        }
    }
}

/// "WHO DOES: features", or `nothing` where there is none.
static void append_line(GString *text, const char *who, const char *does, const json_t *features,
                        const char *nothing)
{
    g_autofree char *names = document_join_strings(features);
    g_autofree char *line = g_strdup_printf("%s %s:%s%s", who, does, *names != '\0' ? " " : "",
                                            *names != '\0' ? names : nothing);
    table_append_line(text, line, 2);
}

static void append_leaving(GString *text, const json_t *answer)
{
    guint64 count = json_get_uint(answer, "host_count", 0);
    const char *level = json_get_string(answer, "level");
    g_autofree char *hosts = join_hosts(answer);
    g_autofree char *who =
        g_strdup_printf("without host%s %s the pool", count == 1 ? "" : "s", hosts);
    g_autofree char *does = level != NULL ? g_strdup_printf("reaches %s and gains", level) : NULL;
    append_line(text, who, does != NULL ? does : "gains",
                json_object_get(answer, "without_them_the_pool_gains"), " nothing");
}

static void append_newcomer(GString *text, const json_t *answer)
{
    guint64 count = json_get_uint(answer, "host_count", 1);
    g_autofree char *hosts = join_hosts(answer);
    g_autofree char *who = g_strdup_printf("host%s %s", count == 1 ? "" : "s", hosts);
    const json_t *features = json_object_get(answer, "would_cost");
    append_line(text, who, "would cost", features, explain_hosts_is_cost(answer) ? "" : " nothing");
    append_differences(text, answer);
}

static void append_guest(GString *text, const json_t *answer)
{
    g_autofree char *who = g_strconcat("guest ", json_get_string(answer, "guest"), NULL);
    append_line(text, who, "would gain", json_object_get(answer, "would_gain"), " nothing");
    append_line(text, who, "would lose", json_object_get(answer, "would_lose"), " nothing");
    append_differences(text, answer);
}

static void append_member(GString *text, const json_t *answer)
{
    g_autofree char *who =
        g_strdup_printf("without host %s the pool", json_get_string(answer, "host"));
    append_line(text, who, "gains", json_object_get(answer, "without_it_the_pool_gains"),
                " nothing");
    if (json_object_get(answer, "its_kind") != NULL) {
        append_leaving(text, json_object_get(answer, "its_kind"));
    }
}

static const struct {
    const char *answer;
    void (*append)(GString *text, const json_t *answer);
} formats[] = {
    {"guest", append_guest},
    {"kinds", append_leaving},
    {"member", append_member},
    {"newcomer", append_newcomer},
};

char *explain_hosts_format(const json_t *answer)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (strcmp(formats[i].answer, json_get_string(answer, "answer")) == 0) {
            formats[i].append(text, answer);
        }
    }
    return g_string_free(text, FALSE);
}

bool explain_hosts_is_cost(const json_t *answer)
{
    bool is_newcomer = g_strcmp0(json_get_string(answer, "answer"), "newcomer") == 0;
    size_t i;
    const json_t *one;
    json_array_foreach (json_object_get(answer, "differences"), i, one) {
        if (is_newcomer || json_is_true(json_object_get(one, "beyond"))) {
            return true;
        }
    }
    return false;
}

char *explain_hosts_suggest(const explain *self, const char *what)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t k = 0; k < self->kinds->len; k++) {
        const struct explain_kind *kind = self->kinds->pdata[k];
        g_ptr_array_extend(names, kind->hosts, NULL, NULL);
    }
    for (size_t id = 0; id < catalog_feature_count(self->map); id++) {
        g_ptr_array_add(names, catalog_get_feature(self->map, id)->name);
    }
    g_ptr_array_add(names, NULL);
    return text_suggest(what, (const char *const *)names->pdata);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/explain.h"

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/table.h"
#include "cli/values.h"

#include <string.h>

static struct {
    gboolean json;
} options;

static const GOptionEntry entries[] = {
    {0},
};

#define EXPLAIN_SCHEMA "cpulift.explanation/1"

/// So many hosts' removal is tried when nothing is named: the hosts that cost the fewest others
/// come first.
#define GAINS_MAX 20
/// So many hosts stand in a row.
#define HOSTS_IN_ROW 3

static json_t *explain_feature(const explain *self, const cpulift_plan *plan, const char *feature)
{
    int id = catalog_find_feature(self->map, feature);
    const char *name = id >= 0 ? catalog_get_feature(self->map, (size_t)id)->name : feature;
    const json_t *loss = document_find_entry(plan->document, "losses", name);
    const json_t *omitted = document_find_entry(plan->document, "omitted", name);
    json_t *answer = json_pack("{s:s}", "feature", name);
    if (id >= 0 && feature_set_has(&self->features, (size_t)id)) {
        json_object_set_new(answer, "answer", json_string("given"));
    } else if (loss != NULL) {
        json_object_set_new(answer, "answer", json_string("lost"));
        json_object_update_missing(answer, (json_t *)loss);
    } else if (omitted != NULL) {
        json_object_set_new(answer, "answer", json_string("left-out"));
        json_object_update_missing(answer, (json_t *)omitted);
    } else {
        json_object_set_new(answer, "answer", json_string(id >= 0 ? "nowhere" : "unknown"));
    }
    return answer;
}

static const struct {
    const char *answer, *text;
} answers[] = {
    {"given", "in the plan: every host can give it"},
    {"lost", "not in the plan: some hosts cannot give it"},
    {"left-out", "left out: every host can give it"},
    {"nowhere", "no host of the pool can give it"},
    {"unknown", "no feature of this name is known"},
};

static void add_row(table *t, const char *what, const char *value)
{
    const char *const cells[] = {what, value};
    table_add(t, cells);
}

static char *format_feature(const json_t *answer)
{
    static const char *const headers[] = {"", "", NULL};
    g_autoptr(table) t = table_new(headers);
    add_row(t, "feature", json_get_string(answer, "feature"));
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        if (strcmp(answers[i].answer, json_get_string(answer, "answer")) == 0) {
            add_row(t, "answer", answers[i].text);
        }
    }
    if (json_object_get(answer, "hosts") != NULL) {
        g_autofree char *hosts = document_join_strings(json_object_get(answer, "hosts"));
        g_autofree char *cost =
            g_strdup_printf("%s%s (%" G_GUINT64_FORMAT ")", hosts,
                            json_get_uint(answer, "host_count", 0) >
                                    json_array_size(json_object_get(answer, "hosts"))
                                ? " …"
                                : "",
                            json_get_uint(answer, "host_count", 0));
        add_row(t, "cost by", cost);
    }
    const char *const keys[] = {"policy", "reason", "needs"};
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (json_get_string(answer, keys[i]) != NULL) {
            add_row(t, keys[i], json_get_string(answer, keys[i]));
        }
    }
    return table_format(t);
}

/// The answer for one host: its name, whether it is in the pool, and the features.
static json_t *explain_member(const explain *self, const char *name)
{
    feature_set gain;
    if (explain_compute_gain(self, name, &gain) != 0) {
        return NULL;
    }
    return json_pack("{s:s, s:s, s:o}", "host", name, "answer", "member",
                     "without_it_the_pool_gains", host_format_features(&gain, self->map));
}

static int explain_newcomer(const explain *self, const cpulift_plan *plan, const char *path,
                            json_t **ret_answer, cpulift_error **err)
{
    DOCUMENT_AUTO document = {0};
    TRY(document_load(path, self->map, &document, err));
    if (document.host == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is no host document", path);
    }
    feature_set cost;
    TRY(explain_compute_cost(self, plan, document.host, &cost, err));
    *ret_answer = json_pack("{s:s, s:s, s:o}", "host", document.host->name, "answer", "newcomer",
                            "would_cost", host_format_features(&cost, self->map));
    return 0;
}

static char *format_host(const json_t *answer)
{
    const json_t *cost = json_object_get(answer, "would_cost");
    const json_t *gain = json_object_get(answer, "without_it_the_pool_gains");
    g_autofree char *features = document_join_strings(cost != NULL ? cost : gain);
    const char *host = json_get_string(answer, "host");
    return g_strdup_printf(cost != NULL ? "host %s would cost: %s\n"
                                        : "without host %s the pool gains: %s\n",
                           host, *features != '\0' ? features : "nothing");
}

/// Hosts that stand alone in a loss: only their removal gains something.
static json_t *find_gains(const explain *self, const cpulift_plan *plan)
{
    json_t *gains = json_array();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    size_t i;
    const json_t *loss;
    json_array_foreach (json_object_get(plan->document, "losses"), i, loss) {
        const json_t *hosts = json_object_get(loss, "hosts");
        const char *host = json_string_value(json_array_get(hosts, 0));
        if (json_get_uint(loss, "host_count", 0) != 1 || host == NULL ||
            !g_hash_table_add(seen, (void *)host) || json_array_size(gains) >= GAINS_MAX) {
            continue;
        }
        json_t *answer = explain_member(self, host);
        if (answer != NULL &&
            json_array_size(json_object_get(answer, "without_it_the_pool_gains")) > 0) {
            json_array_append(gains, answer);
        }
        json_decref(answer);
    }
    return gains;
}

/// The members of `list` of which the same is said as of its `first`: their `keys` are equal.
static json_t *find_alike(const json_t *list, size_t first, const char *const *keys)
{
    json_t *names = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        bool is_alike = true;
        for (const char *const *key = keys; *key != NULL; key++) {
            const json_t *one = json_object_get(json_array_get(list, first), *key);
            const json_t *other = json_object_get(json_array_get(list, i), *key);
            is_alike = is_alike && (one == other || json_equal(one, other));
        }
        if (is_alike && i < first) { // it was told with an earlier one
            json_array_clear(names);
            return names;
        }
        if (is_alike) {
            json_array_append(names, json_object_get(json_array_get(list, i), "feature"));
        }
    }
    return names;
}

/// "a, b and 3 more (Nehalem)": the hosts that cost a loss, and what their CPUs are like.
static char *format_costs(const json_t *document, const json_t *loss)
{
    size_t i;
    const json_t *host, *index;
    g_autoptr(GPtrArray) names = g_ptr_array_new(), models = g_ptr_array_new();
    json_array_foreach (json_object_get(loss, "hosts"), i, host) {
        g_ptr_array_add(names, (void *)json_string_value(host));
    }
    json_array_foreach (json_object_get(loss, "kinds"), i, index) {
        const json_t *kinds = json_object_get(document, "kinds");
        const json_t *kind = json_array_get(kinds, (size_t)json_integer_value(index));
        const char *model = json_get_string(kind, "cpu");
        if (model != NULL && !g_ptr_array_find_with_equal_func(models, model, g_str_equal, NULL)) {
            g_ptr_array_add(models, (void *)model);
        }
    }
    size_t total = MAX(names->len, json_get_uint(loss, "host_count", 0));
    g_autofree char *hosts =
        text_join_some((const char *const *)names->pdata, total, MIN(HOSTS_IN_ROW, names->len));
    g_autofree char *of =
        text_join_some((const char *const *)models->pdata, models->len, HOSTS_IN_ROW);
    return models->len > 0 ? g_strdup_printf("%s (%s)", hosts, of) : g_steal_pointer(&hosts);
}

/// Who costs it, and a row for each group of what the same kinds cost.
static void add_loss(table *t, const catalog *map, const json_t *document, const json_t *loss,
                     const json_t *names)
{
    guint64 count = json_get_uint(loss, "host_count", 0);
    g_autofree char *hosts = format_costs(document, loss);
    g_autofree char *by =
        g_strdup_printf("by %" G_GUINT64_FORMAT " host%s", count, count == 1 ? "" : "s");
    add_row(t, by, hosts);
    for (enum feature_group group = 0; group < GROUP_COUNT; group++) {
        g_autofree char *what = g_strconcat("  ", group_to_string(group), NULL);
        g_autofree char *features = document_join_group(map, names, group);
        if (*features != '\0') {
            add_row(t, what, features);
        }
    }
}

static void append_losses(GString *text, const catalog *map, const json_t *document)
{
    static const char *const headers[] = {"LOST", "", NULL};
    static const char *const keys[] = {"kinds", NULL};
    g_autoptr(table) t = table_new(headers);
    const json_t *all = json_object_get(document, "losses");
    for (size_t i = 0; i < json_array_size(all); i++) {
        g_autoptr(json_t) names = find_alike(all, i, keys);
        if (json_array_size(names) > 0) {
            add_loss(t, map, document, json_array_get(all, i), names);
        }
    }
    g_autofree char *losses = table_format(t);
    g_string_append(text, json_array_size(all) > 0
                              ? losses
                              : "The pool loses no feature that any of its hosts has.\n");
}

static void append_omitted(GString *text, const json_t *document)
{
    static const char *const headers[] = {"BECAUSE", "NEEDS", "LEFT OUT", NULL};
    static const char *const keys[] = {"reason", "needs", NULL};
    g_autoptr(table) t = table_new(headers);
    size_t i;
    const json_t *item, *all = json_object_get(document, "omitted");
    json_array_foreach (all, i, item) {
        g_autoptr(json_t) names = find_alike(all, i, keys);
        g_autofree char *features = document_join_strings(names);
        const char *const cells[] = {json_get_string(item, "reason"),
                                     json_get_string(item, "needs"), features};
        if (*features != '\0') {
            table_add(t, cells);
        }
    }
    g_autofree char *omitted = table_format(t);
    if (i > 0) {
        g_string_append_printf(text, "\n%s", omitted);
    }
}

/// How far the pool comes, before why it comes no further.
static void append_level(GString *text, const cpulift_plan *plan)
{
    const char *const headers[] = {"POOL", plan->pool, NULL};
    const char *level = json_get_string(plan->document, "level");
    g_autoptr(table) t = table_new(headers);
    g_autofree char *missing = document_join_strings(
        json_object_get(json_object_get(plan->document, "next_level"), "missing"));
    add_row(t, "model", plan->cpu->model);
    add_row(t, "level", level != NULL ? level : "below x86-64-v1");
    if (*missing != '\0') {
        add_row(t, "to the next level", missing);
    }
    g_autofree char *head = table_format(t);
    g_string_append_printf(text, "%s\n", head);
}

static char *format_all(const catalog *map, const cpulift_plan *plan, const json_t *gains)
{
    GString *text = g_string_new(NULL);
    append_level(text, plan);
    append_losses(text, map, plan->document);
    append_omitted(text, plan->document);
    size_t i;
    const json_t *gain;
    json_array_foreach (gains, i, gain) {
        g_autofree char *line = format_host(gain);
        g_string_append_printf(text, "%s%s", i == 0 ? "\n" : "", line);
    }
    return g_string_free(text, FALSE);
}

static char *explain_all(const explain *self, const cpulift_plan *plan)
{
    g_autoptr(json_t) gains = find_gains(self, plan);
    if (!options.json) {
        return format_all(self->map, plan, gains);
    }
    g_autoptr(json_t) answer =
        json_pack("{s:s, s:O*, s:O*, s:O}", "schema", EXPLAIN_SCHEMA, "losses",
                  json_object_get(plan->document, "losses"), "omitted",
                  json_object_get(plan->document, "omitted"), "gains", gains);
    return json_format_document(answer);
}

/// `what` is a host of the pool, else a file with a host document, else a feature.
static int explain_one(const explain *self, const cpulift_plan *plan, const char *what,
                       char **ret_text, cpulift_error **err)
{
    g_autoptr(json_t) answer = g_utf8_validate(what, -1, NULL) ? explain_member(self, what) : NULL;
    bool is_feature = false;
    if (answer == NULL && catalog_find_feature(self->map, what) < 0 &&
        g_file_test(what, G_FILE_TEST_EXISTS)) {
        TRY(explain_newcomer(self, plan, what, &answer, err));
    }
    if (answer == NULL && text_is_name(what)) {
        is_feature = true;
        answer = explain_feature(self, plan, what);
    }
    if (answer == NULL || g_strcmp0(json_get_string(answer, "answer"), "unknown") == 0) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' is neither a host of pool '%s', nor a host document, nor a feature", what,
            plan->pool);
    }
    json_object_set_new(answer, "schema", json_string(EXPLAIN_SCHEMA));
    *ret_text = options.json ? json_format_document(answer)
                : is_feature ? format_feature(answer)
                             : format_host(answer);
    return 0;
}

static int run(char **arguments, size_t count)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(explain) self = NULL;
    g_autofree char *text = NULL;
    if (catalog_load(NULL, &map, &err) != 0 || plan_load(arguments[0], &plan, &err) != 0 ||
        explain_new(plan, map, &self, &err) != 0) {
        return command_fail(&err);
    }
    if (count == 2 && explain_one(self, plan, arguments[1], &text, &err) != 0) {
        return command_fail(&err);
    }
    if (count == 1) {
        text = explain_all(self, plan);
    }
    return command_finish(NULL, text, EXIT_YES);
}

static const struct command_values values[] = {
    {.kind = "FEATURE", .list = values_add_features},
    {.kind = "HOST", .list = values_add_hosts},
    {0},
};

const struct command explain_command = {
    .name = "explain",
    .arguments = "PLAN [FEATURE|HOST]",
    .description = "Says why guests do (not) get a feature: which hosts cost it; what the pool "
                   "gains without a "
                   "host of it; what a new host (a host document) would cost.",
    .options = entries,
    .json = &options.json,
    .min = 1,
    .max = 2,
    .usage = "a plan is needed, and at most one feature or host",
    .values = values,
    .run = run,
};

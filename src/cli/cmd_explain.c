// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/alike.h"
#include "cli/commands.h"
#include "cli/explain_hosts.h"
#include "cli/explain_security.h"
#include "cli/printed.h"
#include "cli/table.h"
#include "cli/values.h"
#include "core/plan_warnings.h"
#include "store/address.h"
#include "store/places.h"

#include <string.h>

static struct {
    gboolean json;
    gboolean is_security;
    char *kernel, *html;
} options;

static const GOptionEntry entries[] = {
    {"security", 0, 0, G_OPTION_ARG_NONE, &options.is_security,
     "what guests' kernels say of their CPU's vulnerabilities, beside what the hosts say", NULL},
    {"html", 0, 0, G_OPTION_ARG_FILENAME, &options.html, "with --security: write a page for people",
     "FILE"},
    {"kernel", 0, 0, G_OPTION_ARG_STRING, &options.kernel,
     "with --security: the guests' (the newest that is known)", "KERNEL"},
    {0},
};

/// So many hosts stand in a row.
#define HOSTS_IN_ROW 3

/// The warning of a hazard of this name, or NULL.
static const json_t *find_hazard(const json_t *document, const char *name)
{
    size_t i, f;
    const json_t *item, *feature;
    json_array_foreach (json_object_get(document, "warnings"), i, item) {
        json_array_foreach (json_object_get(item, "features"), f, feature) {
            if (strcmp(json_get_string(item, "code"), "hazard") == 0 &&
                strcmp(json_string_value(feature), name) == 0) {
                return item;
            }
        }
    }
    return NULL;
}

/// The hosts that give what others cost.
static void set_givers(json_t *answer, const explain *self, const json_t *loss)
{
    g_autofree bool *costs = g_new0(bool, self->kinds->len + 1);
    size_t i;
    const json_t *index;
    json_array_foreach (json_object_get(loss, "kinds"), i, index) {
        costs[MIN((size_t)json_integer_value(index), self->kinds->len)] = true;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t k = 0; k < self->kinds->len; k++) {
        const struct explain_kind *kind = self->kinds->pdata[k];
        for (size_t h = 0; h < kind->hosts->len && !costs[k]; h++) {
            g_ptr_array_add(names, kind->hosts->pdata[h]);
        }
    }
    g_ptr_array_sort(names, text_compare);
    json_object_set_new(
        answer, "given_by",
        json_new_strings((const char *const *)names->pdata, MIN(names->len, PLAN_HOSTS_MAX)));
    json_object_set_new(answer, "giver_count", json_integer(names->len));
}

static json_t *explain_feature(const explain *self, const cpulift_plan *plan, const char *feature)
{
    int id = catalog_find_feature(self->map, feature);
    const char *name = id >= 0 ? catalog_get_feature(self->map, (size_t)id)->name : feature;
    const json_t *loss = document_find_entry(plan->document, "losses", name);
    const json_t *omitted = document_find_entry(plan->document, "omitted", name);
    const json_t *of_guest = document_find_entry(plan->document, "guest_features", name);
    json_t *answer = json_pack("{s:s}", "feature", name);
    const json_t *hazard = find_hazard(plan->document, name);
    // By name: the plan may be of another map.
    if (g_strv_contains((const char *const *)plan->features, name)) {
        json_object_set_new(answer, "answer", json_string("given"));
    } else if (hazard != NULL) {
        json_object_set_new(answer, "answer", json_string("hazard"));
        json_object_update_missing(answer, (json_t *)hazard);
    } else if (loss != NULL) {
        json_object_set_new(answer, "answer", json_string("lost"));
        json_object_update_missing(answer, (json_t *)loss);
        set_givers(answer, self, loss);
    } else if (omitted != NULL) {
        json_object_set_new(answer, "answer", json_string("left-out"));
        json_object_update_missing(answer, (json_t *)omitted);
    } else {
        const char *otherwise = of_guest != NULL ? "of-guest" : id >= 0 ? "nowhere" : "unknown";
        json_object_set_new(answer, "answer", json_string(otherwise));
    }
    if (of_guest != NULL) {
        json_object_set(answer, "cause", json_object_get(of_guest, "cause"));
        json_object_set(answer, "given", json_object_get(of_guest, "given"));
    }
    return answer;
}

static const struct {
    const char *answer, *text;
} answer_texts[] = {
    {"given", "in the plan: every host can give it"},
    {"hazard", "not shown: some hosts announce that a protection does not hold there"},
    {"lost", "not in the plan: some hosts cannot give it"},
    {"left-out", "left out: every host can give it"},
    {"of-guest", "it follows from each guest's own configuration"},
    {"nowhere", "no host of the pool can give it"},
    {"unknown", "no feature of this name is known"},
};

static void add_row(table *t, const char *what, const char *value)
{
    const char *const cells[] = {what, value};
    table_add(t, cells);
}

/// "a, b and 3 more" of the answer's hosts. The caller frees it.
static char *join_some(const json_t *answer, const char *key, const char *count_key)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(answer, key), i, name) {
        g_ptr_array_add(names, (void *)json_string_value(name));
    }
    return text_join_some((const char *const *)names->pdata,
                          MAX(names->len, json_get_uint(answer, count_key, 0)),
                          MIN(HOSTS_IN_ROW, names->len));
}

/// What is said of a name that no catalogue here has: it cannot be planned, whoever gives it. The
/// caller frees it; NULL where the name is known.
static char *describe_unknown(const json_t *answer)
{
    if (g_strcmp0(json_get_string(answer, "reason"), "unknown") == 0) {
        return g_strdup("unknown here; given by every host");
    }
    if (g_strcmp0(json_get_string(answer, "policy"), "unknown") != 0) {
        return NULL;
    }
    g_autofree char *givers = join_some(answer, "given_by", "giver_count");
    g_autofree char *costs = join_some(answer, "hosts", "host_count");
    return g_strdup_printf("unknown here; given by %s, not by %s", givers, costs);
}

/// "a b … (7)"
static void add_hosts(table *t, const char *what, const json_t *answer, const char *key,
                      const char *count_key)
{
    const json_t *list = json_object_get(answer, key);
    guint64 count = json_get_uint(answer, count_key, 0);
    g_autofree char *hosts = document_join_strings(list);
    g_autofree char *text = g_strdup_printf("%s%s (%" G_GUINT64_FORMAT ")", hosts,
                                            count > json_array_size(list) ? " …" : "", count);
    if (list != NULL) {
        add_row(t, what, text);
    }
}

static void add_word(table *t, const json_t *answer, const char *key)
{
    if (json_get_string(answer, key) != NULL) {
        add_row(t, key, json_get_string(answer, key));
    }
}

/// A reason of the plan's, with what it means.
static void add_reason(table *t, const json_t *answer, const char *key)
{
    const char *word = json_get_string(answer, key);
    const struct policy_reason_text *reason = word != NULL ? policy_find_reason_text(word) : NULL;
    g_autofree char *text =
        reason != NULL ? g_strdup_printf("%s: %s", word, reason->meaning) : g_strdup(word);
    if (text != NULL) {
        add_row(t, key, text);
    }
}

static char *format_feature(const json_t *answer)
{
    static const char *const headers[] = {"", "", NULL};
    g_autoptr(table) t = table_new(headers);
    add_row(t, "feature", json_get_string(answer, "feature"));
    g_autofree char *unknown = describe_unknown(answer);
    for (size_t i = 0; i < G_N_ELEMENTS(answer_texts); i++) {
        if (strcmp(answer_texts[i].answer, json_get_string(answer, "answer")) == 0) {
            add_row(t, "answer", unknown != NULL ? unknown : answer_texts[i].text);
        }
    }
    bool is_hazard = strcmp(json_get_string(answer, "answer"), "hazard") == 0;
    add_hosts(t, is_hazard ? "announced by" : "cost by", answer, "hosts", "host_count");
    add_hosts(t, "given by", answer, "given_by", "giver_count");
    add_reason(t, answer, "policy");
    add_reason(t, answer, "reason");
    add_word(t, answer, "needs");
    add_word(t, answer, "cause");
    return table_format(t);
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
    g_auto(GStrv) groups = document_join_groups(map, names);
    for (enum feature_group group = 0; group < GROUP_COUNT; group++) {
        g_autofree char *what = g_strconcat("  ", group_to_string(group), NULL);
        if (*groups[group] != '\0') {
            add_row(t, what, groups[group]);
        }
    }
}

static void append_losses(GString *text, const catalog *map, const json_t *document)
{
    static const char *const headers[] = {"LOST", "", NULL};
    static const char *const keys[] = {"kinds", NULL};
    g_autoptr(table) t = table_new(headers);
    const json_t *all = json_object_get(document, "losses");
    g_autoptr(GPtrArray) alike = alike_list(all, keys);
    for (size_t i = 0; i < alike->len; i++) {
        const struct alike *one = alike->pdata[i];
        add_loss(t, map, document, one->first, one->names);
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
    g_autoptr(GPtrArray) alike = alike_list(json_object_get(document, "omitted"), keys);
    for (size_t i = 0; i < alike->len; i++) {
        const struct alike *one = alike->pdata[i];
        g_autofree char *features = document_join_strings(one->names);
        const char *const cells[] = {json_get_string(one->first, "reason"),
                                     json_get_string(one->first, "needs"), features};
        table_add(t, cells);
    }
    g_autofree char *omitted = table_format(t);
    if (alike->len > 0) {
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

/// Where guests of the pool cannot go, whatever the plan.
static void append_islands(GString *text, const json_t *document)
{
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(document, "warnings"), i, item) {
        if (g_strcmp0(json_get_string(item, "code"), "qemu-range") == 0) {
            g_string_append_c(text, '\n');
            table_append_line(text, json_get_string(item, "text"), 0);
        }
    }
}

static char *format_all(const catalog *map, const cpulift_plan *plan, const json_t *gains)
{
    GString *text = g_string_new(NULL);
    append_level(text, plan);
    append_losses(text, map, plan->document);
    append_omitted(text, plan->document);
    append_islands(text, plan->document);
    size_t i;
    const json_t *gain;
    json_array_foreach (gains, i, gain) {
        g_autofree char *line = explain_hosts_format(gain);
        g_string_append_printf(text, "%s%s", i == 0 ? "\n" : "", line);
    }
    return g_string_free(text, FALSE);
}

static char *explain_all(const explain *self, const cpulift_plan *plan)
{
    g_autoptr(json_t) gains = explain_hosts_gains(self, plan);
    if (!options.json) {
        return format_all(self->map, plan, gains);
    }
    g_autoptr(json_t) answer =
        json_pack("{s:s, s:O*, s:O*, s:O}", "schema", printed_explanation_record.schema, "losses",
                  json_object_get(plan->document, "losses"), "omitted",
                  json_object_get(plan->document, "omitted"), "gains", gains);
    return json_format_document(answer);
}

static int explain_file(const explain *self, const cpulift_plan *plan, const char *path,
                        inventory *inv, json_t *answers, cpulift_error **err)
{
    if (!document_is_xml(path)) {
        return places_load(inv, (char *const[]){(char *)path}, 1, err);
    }
    DOCUMENT_AUTO document = {0};
    json_t *answer = NULL;
    TRY(document_load(path, self->map, &document, err));
    TRY(explain_hosts_guest(self, plan, &document, path, &answer, err));
    json_array_append_new(answers, answer);
    return 0;
}

/// `what` is a host of the pool, else a file or a folder, else a feature. Host documents are added
/// to `inv`.
static int explain_one(const explain *self, const cpulift_plan *plan, const char *what,
                       inventory *inv, json_t *answers, cpulift_error **err)
{
    bool is_text = g_utf8_validate(what, -1, NULL);
    json_t *answer = is_text ? explain_hosts_member(self, what) : NULL;
    if (answer == NULL && catalog_find_feature(self->map, what) < 0 &&
        (strcmp(what, "-") == 0 || address_is(what) || g_file_test(what, G_FILE_TEST_EXISTS))) {
        return explain_file(self, plan, what, inv, answers, err);
    }
    if (answer == NULL && text_is_name(what)) {
        answer = explain_feature(self, plan, what);
    }
    if (answer == NULL || g_strcmp0(json_get_string(answer, "answer"), "unknown") == 0) {
        json_decref(answer);
        g_autofree char *meant = explain_hosts_suggest(self, what);
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' is neither a host of pool '%s', nor a host document, nor a feature%s", what,
            plan->pool, meant);
    }
    json_array_append_new(answers, answer);
    return 0;
}

static int explain_these(const explain *self, const cpulift_plan *plan, char **subjects,
                         size_t count, json_t *answers, cpulift_error **err)
{
    g_autoptr(inventory) inv = inventory_new(self->map);
    for (size_t i = 0; i < count; i++) {
        TRY(explain_one(self, plan, subjects[i], inv, answers, err));
    }
    inventory_sort(inv);
    explain_hosts_newcomers(self, plan, inv, answers);
    return 0;
}

/// One answer as it is, several as a list.
static char *format_answers(json_t *answers)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < json_array_size(answers) && !options.json; i++) {
        const json_t *answer = json_array_get(answers, i);
        bool is_feature = json_object_get(answer, "feature") != NULL;
        g_autofree char *one = is_feature ? format_feature(answer) : explain_hosts_format(answer);
        g_string_append(text, one);
    }
    if (!options.json) {
        return g_string_free(text, FALSE);
    }
    g_string_free(text, TRUE);
    g_autoptr(json_t) all = json_array_size(answers) == 1 ? json_incref(json_array_get(answers, 0))
                                                          : json_pack("{s:O}", "answers", answers);
    json_object_set_new(all, "schema", json_string(printed_explanation_record.schema));
    return json_format_document(all);
}

static int run(char **arguments, size_t count)
{
    if (options.is_security) {
        return explain_security_run(arguments, count, options.kernel, options.html, options.json);
    }
    if (options.kernel != NULL || options.html != NULL) {
        return command_usage("explain", "--kernel and --html are for --security");
    }
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(explain) self = NULL;
    g_autoptr(json_t) answers = json_array();
    if (catalog_load(NULL, &map, &err) != 0 || places_load_plan(arguments[0], &plan, &err) != 0 ||
        explain_new(plan, map, &self, &err) != 0 ||
        explain_these(self, plan, arguments + 1, count - 1, answers, &err) != 0) {
        return command_fail(&err);
    }
    bool is_cost = false;
    for (size_t i = 0; i < json_array_size(answers); i++) {
        is_cost = is_cost || explain_hosts_is_cost(json_array_get(answers, i));
    }
    g_autofree char *text = count == 1 ? explain_all(self, plan) : format_answers(answers);
    return command_say(text, options.json, is_cost ? EXIT_NO : EXIT_YES);
}

static const struct command_values values[] = {
    {.kind = "KERNEL", .list = explain_security_add_kernels, .is_in_help = true, .is_closed = true},
    {.kind = "FEATURE", .list = values_add_features},
    {.kind = "HOST", .list = values_add_hosts},
    {0},
};

const struct command explain_command = {
    .name = "explain",
    .arguments = "PLAN [FEATURE|HOST|FILE…]",
    .description =
        "Says why guests do (not) get a feature: which hosts cost it; what the pool gains without "
        "hosts of it; what new hosts (host documents, a folder of them, an address) would cost, "
        "and what the guest of a domain's XML would gain or lose: exit status 1 where something "
        "would be lost. With --security, what guests' kernels believe.",
    .options = entries,
    .json = &options.json,
    .min = 1,
    .max = COMMAND_MANY,
    .usage = "a plan is needed",
    .values = values,
    .run = run,
};

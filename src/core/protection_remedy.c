// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/protection_remedy.h"

#include "base/text.h"
#include "core/model_choice.h"
#include "core/plan_warnings.h"

#include <string.h>

enum protection_verdict protection_judge_hosts(const struct protection_hosts *of, const char *file,
                                               const json_t *guest)
{
    return protection_judge(file, guest, of->texts);
}

/// Over all hosts: the worst, and slower only where none needs what the guest does.
enum protection_verdict protection_judge_all(const struct protection_comparison *c,
                                             const char *file, const json_t *guest)
{
    enum protection_verdict verdict = c->hosts->len > 0 ? PROTECTION_SLOWER : PROTECTION_UNKNOWN;
    for (size_t i = 0; i < c->hosts->len; i++) {
        enum protection_verdict one = protection_judge_hosts(c->hosts->pdata[i], file, guest);
        verdict = MAX(verdict, one);
    }
    return verdict;
}

/// Another model with the plan's features.
struct alternative {
    const struct catalog_model *model;
    json_t *texts;
    bool is_stranger; ///< no host has its signature
    unsigned wrong, worse, unknown, slower;
};

static void free_alternative(void *data)
{
    json_decref(((struct alternative *)data)->texts);
}

static bool is_known(const struct protection_comparison *c, const struct catalog_model *model)
{
    bool is_known = true;
    for (size_t i = 0; i < c->hosts->len; i++) {
        const struct protection_hosts *of = c->hosts->pdata[i];
        is_known = is_known && (of->guest == NULL || model_is_known_to(model, of->host, of->guest));
    }
    return is_known;
}

/// One that guests of the plan could have instead: 64-bit, and of their vendor.
static bool is_candidate(const struct protection_comparison *c, const struct catalog_model *model)
{
    int lm = catalog_find_feature(c->q->map, "lm");
    return model->family != 0 && g_strcmp0(model->vendor, c->shown.vendor) == 0 &&
           !model_is_obsolete(model->name) && lm >= 0 &&
           feature_set_has(&model->features, (size_t)lm) && is_known(c, model);
}

static bool is_of_pool(const struct protection_comparison *c, const struct catalog_model *model)
{
    bool is_found = false;
    for (size_t i = 0; i < c->hosts->len; i++) {
        const struct protection_hosts *of = c->hosts->pdata[i];
        is_found = is_found || (of->host != NULL && of->host->family == model->family &&
                                of->host->model == model->model);
    }
    return is_found;
}

static void add_alternative(struct protection_comparison *c, const struct catalog_model *model)
{
    struct cpu_signature signature = {model->vendor, model->family, model->model, model->stepping};
    struct alternative other = {.model = model,
                                .is_stranger = !is_of_pool(c, model),
                                .texts = protection_predict_as(c->q, signature, &c->features)};
    const char *file;
    const json_t *text;
    json_object_foreach (other.texts, file, text) {
        enum protection_verdict verdict = protection_judge_all(c, file, other.texts);
        other.wrong += verdict == PROTECTION_WRONG;
        other.worse += verdict == PROTECTION_WORSE;
        other.unknown += verdict == PROTECTION_UNKNOWN;
        other.slower += verdict == PROTECTION_SLOWER;
    }
    g_array_append_val(c->models, other);
}

static void find_models(struct protection_comparison *c)
{
    if (c->models != NULL) {
        return;
    }
    c->models = g_array_new(FALSE, FALSE, sizeof(struct alternative));
    g_array_set_clear_func(c->models, free_alternative);
    for (size_t i = 0; i < catalog_model_count(c->q->map); i++) {
        if (is_candidate(c, catalog_get_model(c->q->map, i))) {
            add_alternative(c, catalog_get_model(c->q->map, i));
        }
    }
}

/// Less than 0: `a` is the better.
static int compare_alternatives(const struct alternative *a, const struct alternative *b)
{
    const unsigned of_a[] = {a->wrong, a->worse, a->is_stranger, a->unknown, a->slower};
    const unsigned of_b[] = {b->wrong, b->worse, b->is_stranger, b->unknown, b->slower};
    int order = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(of_a) && order == 0; i++) {
        order = (of_a[i] > of_b[i]) - (of_a[i] < of_b[i]);
    }
    return order;
}

/// The best of those under which guests are not wrong about this; NULL: none is.
static const struct alternative *find_best(const struct protection_comparison *c, const char *file)
{
    const struct alternative *best = NULL;
    for (size_t i = 0; i < c->models->len; i++) {
        const struct alternative *other = &g_array_index(c->models, struct alternative, i);
        if (protection_judge_all(c, file, other->texts) != PROTECTION_WRONG &&
            (best == NULL || compare_alternatives(other, best) < 0)) {
            best = other;
        }
    }
    return best;
}

static bool is_same_cpu(const struct catalog_model *a, const struct catalog_model *b)
{
    return a->family == b->family && a->model == b->model && a->stepping == b->stepping;
}

json_t *protection_find_models(struct protection_comparison *c, const char *file)
{
    find_models(c);
    json_t *names = json_array();
    const struct alternative *best = find_best(c, file);
    const struct catalog_model *last = NULL;
    for (size_t i = 0; best != NULL && i < c->models->len; i++) {
        const struct alternative *other = &g_array_index(c->models, struct alternative, i);
        if (compare_alternatives(other, best) == 0 &&
            protection_judge_all(c, file, other->texts) != PROTECTION_WRONG &&
            (last == NULL || !is_same_cpu(last, other->model))) {
            last = other->model;
            json_array_append_new(names, json_string(last->name));
        }
    }
    return names;
}

/// What could be shown besides, the likeliest first: features that go together.
static const struct {
    const char *features;
    const char *vendor; ///< NULL: any
} additions[] = {
    {"md-clear", "Intel"},
    {"fb-clear", "Intel"},
    {"md-clear flush-l1d", "Intel"},
    {"rfds-clear", "Intel"},
    {"spec-ctrl", "Intel"},
    {"ssbd", "Intel"},
    {"ibpb", NULL},
    {"amd-ssbd", NULL},
    {"virt-ssbd", NULL},
    {"ibpb-brtype", NULL},
    {"sbpb", NULL},
    {"rtm", "Intel"},
    {"tsx-ctrl", "Intel"},
    {"rdctl-no", "Intel"},
    {"mds-no", "Intel"},
    {"taa-no", "Intel"},
    {"ssb-no", "Intel"},
    {"pschange-mc-no", "Intel"},
    {"gds-no", "Intel"},
    {"rfds-no", "Intel"},
    {"its-no", "Intel"},
    {"fbsdp-no psdp-no sbdr-ssdp-no", "Intel"},
    {"amd-no-ssb", NULL},
    {"btc-no", NULL},
    {"srso-no", NULL},
    {"tsa-l1-no tsa-sq-no", NULL},
};

/// The features of these names, and the MSR of those that stand in one. False: one is not known.
static bool gather(const catalog *map, const char *names, feature_set *ret_set)
{
    g_auto(GStrv) all = g_strsplit(names, " ", -1);
    *ret_set = (feature_set){0};
    for (char **name = all; *name != NULL; name++) {
        int id = catalog_find_feature(map, *name);
        int msr = catalog_find_feature(map, "arch-capabilities");
        if (id < 0 || msr < 0) {
            return false;
        }
        const struct catalog_feature *feature = catalog_get_feature(map, (size_t)id);
        feature_set_add(ret_set, (size_t)id);
        if (feature->bit_count > 0 && feature->bits[0].is_msr) {
            feature_set_add(ret_set, (size_t)msr);
        }
    }
    return true;
}

/// Whether guests that saw these too would be as safe as their hosts and, where that is all that is
/// amiss, no slower.
static bool helps(const struct protection_comparison *c, const char *file,
                  enum protection_verdict now, const feature_set *more)
{
    feature_set all = feature_set_unite(c->features, *more);
    g_autoptr(json_t) texts = protection_predict_as(c->q, c->shown, &all);
    enum protection_verdict then = protection_judge_all(c, file, texts);
    return then == PROTECTION_SAME || (now > PROTECTION_SAME && then == PROTECTION_SLOWER);
}

/// The hosts that do not give all of these. The caller unrefs.
static GPtrArray *find_lacking(const struct protection_comparison *c, const feature_set *set,
                               bool *ret_is_given)
{
    GPtrArray *names = g_ptr_array_new();
    *ret_is_given = false;
    for (size_t i = 0; i < c->hosts->len; i++) {
        const struct protection_hosts *of = c->hosts->pdata[i];
        bool is_given = of->guest != NULL && feature_set_is_subset(set, &of->guest->features);
        *ret_is_given = *ret_is_given || is_given;
        for (size_t n = 0; n < of->names->len && of->guest != NULL && !is_given; n++) {
            g_ptr_array_add(names, of->names->pdata[n]);
        }
    }
    g_ptr_array_sort(names, text_compare);
    return names;
}

json_t *protection_find_remedy(const struct protection_comparison *c, const char *file,
                               enum protection_verdict verdict)
{
    json_t *best = NULL;
    bool is_best_given = false;
    for (size_t i = 0; i < G_N_ELEMENTS(additions) && !is_best_given; i++) {
        feature_set set;
        bool is_of =
            additions[i].vendor == NULL || g_strcmp0(additions[i].vendor, c->shown.vendor) == 0;
        if (!is_of || !gather(c->q->map, additions[i].features, &set) ||
            feature_set_is_subset(&set, &c->features) || !helps(c, file, verdict, &set)) {
            continue;
        }
        g_autoptr(GPtrArray) lacking = find_lacking(c, &set, &is_best_given);
        if (best == NULL || is_best_given) {
            feature_set missing = feature_set_subtract(set, c->features);
            json_decref(best);
            best = json_pack("{s:o, s:o, s:I, s:b}", "features",
                             host_format_features(&missing, c->q->map), "hosts",
                             json_new_strings((const char *const *)lacking->pdata,
                                              MIN(lacking->len, PLAN_HOSTS_MAX)),
                             "host_count", (json_int_t)lacking->len, "given", (int)is_best_given);
        }
    }
    return best;
}

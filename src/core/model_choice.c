// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/model_choice.h"

#include "base/text.h"

#include <string.h>

static const char *const obsolete[] = {
#define OBSOLETE(name) name,
#include "core/tables/obsolete.def"
#undef OBSOLETE
    NULL,
};

bool model_is_obsolete(const char *name)
{
    return g_strv_contains(obsolete, name);
}

/// A large pool asks for each model and kind.
static bool holds(char **sorted, const char *name)
{
    return bsearch(&name, (const void *)sorted, g_strv_length(sorted), sizeof(char *),
                   text_compare) != NULL;
}

static bool is_kvm(const cpulift_pool *pool)
{
    return strcmp(pool->virt, "kvm") == 0;
}

static feature_set get_contents(const struct catalog_model *model)
{
    return feature_set_unite(model->features, model->qemu_adds);
}

/// How many features must be stated because libvirt's or QEMU's idea of the model has another
/// opinion.
static size_t count_differences(const struct catalog_model *model, const feature_set *features)
{
    feature_set more = feature_set_subtract(*features, model->features);
    feature_set less = feature_set_subtract(get_contents(model), *features);
    return feature_set_count(&more) + feature_set_count(&less);
}

static bool has_lm(const catalog *map, const feature_set *set)
{
    int lm = catalog_find_feature(map, "lm");
    return lm >= 0 && feature_set_has(set, (size_t)lm);
}

/// A 32-bit CPU for guests of 64 bits.
static bool is_narrow(const catalog *map, const struct catalog_model *model,
                      const feature_set *features)
{
    return has_lm(map, features) && !has_lm(map, &model->features);
}

/// Platforms refuse it, or it is narrow.
static bool is_outdated(const catalog *map, const struct catalog_model *model,
                        const feature_set *features)
{
    return model_is_obsolete(model->name) || is_narrow(map, model, features);
}

/// That a model is not usable as it is does not matter: what is missing is disabled by name.
bool model_is_known_to(const struct catalog_model *model, const cpulift_host *host,
                       const struct host_guest *guest)
{
    if (host->libvirt_models != NULL && !holds(host->libvirt_models, model->name)) {
        return false;
    }
    // Only together do the two lists hold every model that this QEMU has.
    return guest->usable_models == NULL || guest->blocked_models == NULL ||
           holds(guest->usable_models, model->name) ||
           json_object_get(guest->blocked_models, model->name) != NULL;
}

/// What rules a model out, or MODEL_TAKEN.
static enum model_obstacle find_bar(const cpulift_pool *pool, const struct catalog_model *model,
                                    size_t *ret_kind)
{
    // Under KVM a guest sees the host's vendor whatever the model says; QEMU itself shows the
    // model's.
    if (is_kvm(pool) && model->vendor != NULL && g_strcmp0(model->vendor, pool->vendor) != 0) {
        return MODEL_VENDOR;
    }
    // A model that QEMU has and our table has not may hold anything; what is not disabled by name
    // then is an extra feature, and check='full' refuses.
    if (model->family == 0) {
        return MODEL_CONTENTS;
    }
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[k];
        if (!model_is_known_to(model, kind->host, pool->guests[k])) {
            *ret_kind = k;
            return MODEL_UNKNOWN;
        }
    }
    return MODEL_TAKEN;
}

static bool is_listed(const struct catalog_model *model, const struct cpu_signature *cpu)
{
    for (size_t i = 0; i < model->signature_count; i++) {
        const struct catalog_signature *of = &model->signatures[i];
        if (of->family == cpu->family && of->model == cpu->model &&
            (of->steppings >> (cpu->stepping & 31) & 1) != 0) {
            return true;
        }
    }
    return false;
}

/// A guest of the model sees this CPU, or one that libvirt counts to the same model.
static bool is_of(const struct catalog_model *model, const struct cpu_signature *cpu)
{
    struct cpu_signature shown = {NULL, model->family, model->model, model->stepping};
    return is_listed(model, &shown) ? is_listed(model, cpu)
                                    : shown.family == cpu->family && shown.model == cpu->model;
}

/// A guest of the model knows what it would know on one of the CPUs that libvirt counts to it.
/// QEMU's Icelake-Server has a Tremont's signature, and does not.
static bool is_truthful(const catalog *map, const struct catalog_model *model)
{
    struct cpu_signature shown = {model->vendor, model->family, model->model, model->stepping};
    vulnerability_set known = vulnerability_find(map, &shown, &model->features);
    for (size_t i = 0; i < model->signature_count; i++) {
        struct cpu_signature listed = {model->vendor, model->signatures[i].family,
                                       model->signatures[i].model, shown.stepping};
        if ((vulnerability_find(map, &listed, &model->features) & ~known) == 0) {
            return true;
        }
    }
    return false;
}

static const cpulift_host *get_host(const cpulift_pool *pool, size_t kind)
{
    return ((const struct host_kind *)pool->inv->kinds->pdata[kind])->host;
}

/// Whose CPU a guest of this kind sees under KVM. NULL is not known: a document that does not say
/// it is taken for one of the pool's, which a pool of several vendors has not.
static const char *get_vendor(const cpulift_pool *pool, size_t kind)
{
    const char *own = get_host(pool, kind)->vendor;
    return own != NULL ? own : pool->vendor;
}

static struct cpu_signature get_shown(const char *vendor, const struct catalog_model *model)
{
    return (struct cpu_signature){vendor, model->family, model->model, model->stepping};
}

/// In how many features the CPU of this kind and a guest of the model as it is differ.
static size_t count_distance(const struct catalog_model *model, const feature_set *features)
{
    feature_set contents = get_contents(model);
    feature_set more = feature_set_subtract(*features, contents);
    feature_set less = feature_set_subtract(contents, *features);
    return feature_set_count(&more) + feature_set_count(&less);
}

/// Whether a stands nearer to a CPU of this family (0: not known) than b. A family that libvirt has
/// no name for is nearer to the newest older one than to any before it, whatever a sandbox hides.
static bool is_nearer(const struct catalog_model *a, const struct catalog_model *b, unsigned family,
                      const feature_set *features)
{
    if (family != 0 && a->family != b->family) {
        return a->family > b->family;
    }
    size_t of_a = count_distance(a, features), of_b = count_distance(b, features);
    return of_a != of_b ? of_a < of_b : a->age > b->age;
}

/// The model of this vendor that is nearest to what the host is and gives: where libvirt has no
/// name for a CPU, it stands for its generation.
static const struct catalog_model *find_nearest(const cpulift_pool *pool, size_t kind)
{
    const catalog *map = pool->inv->map;
    const feature_set *features = &pool->guests[kind]->features;
    unsigned family = get_host(pool, kind)->family;
    const struct catalog_model *best = NULL;
    for (size_t i = 0; i < catalog_model_count(map); i++) {
        const struct catalog_model *model = catalog_get_model(map, i);
        if (model->family == 0 || (family != 0 && model->family > family) ||
            !is_truthful(map, model) || g_strcmp0(model->vendor, get_vendor(pool, kind)) != 0 ||
            is_outdated(map, model, features)) {
            continue;
        }
        best = best == NULL || is_nearer(model, best, family, features) ? model : best;
    }
    return best;
}

/// What CPUID says on this kind of hosts: read there, else of the model that libvirt calls it,
/// unless that is a narrow one, which libvirt takes where it finds nothing better.
static struct cpu_signature get_signature(const cpulift_pool *pool, size_t kind)
{
    const catalog *map = pool->inv->map;
    const cpulift_host *host = get_host(pool, kind);
    if (host->family != 0) {
        return (struct cpu_signature){get_vendor(pool, kind), host->family, host->model,
                                      host->stepping};
    }
    const struct catalog_model *named =
        host->model_name != NULL ? catalog_find_model(map, host->model_name) : NULL;
    if (named == NULL || named->family == 0 ||
        is_narrow(map, named, &pool->guests[kind]->features)) {
        named = find_nearest(pool, kind);
    }
    return named != NULL ? get_shown(get_vendor(pool, kind), named) : (struct cpu_signature){0};
}

/// Marks the models of this kind's generation; where none has its signature, those of the nearest.
static void mark_generation(const cpulift_pool *pool, size_t kind, bool *is_of_pool)
{
    const catalog *map = pool->inv->map;
    struct cpu_signature signature = get_signature(pool, kind);
    bool is_found = false;
    for (int round = 0; round < 2 && !is_found; round++) {
        for (size_t i = 0; i < catalog_model_count(map); i++) {
            const struct catalog_model *model = catalog_get_model(map, i);
            if (g_strcmp0(model->vendor, get_vendor(pool, kind)) == 0 && is_of(model, &signature)) {
                is_of_pool[i] = is_found = true;
            }
        }
        const struct catalog_model *nearest = is_found ? NULL : find_nearest(pool, kind);
        signature = nearest != NULL ? get_shown(get_vendor(pool, kind), nearest) : signature;
    }
}

static vulnerability_set find_suffered(const cpulift_pool *pool, size_t kind,
                                       const feature_set *features)
{
    struct cpu_signature signature = get_signature(pool, kind);
    return vulnerability_find(pool->inv->map, &signature, features);
}

/// What guests of the model would not know of, where they see this vendor.
static vulnerability_set hide(const cpulift_pool *pool, vulnerability_set suffered,
                              const char *vendor, const struct catalog_model *model,
                              const feature_set *features)
{
    struct cpu_signature shown = get_shown(vendor, model);
    return suffered & ~vulnerability_find(pool->inv->map, &shown, features);
}

vulnerability_set model_find_hidden(const cpulift_pool *pool, size_t kind,
                                    const struct catalog_model *model, const feature_set *features)
{
    return hide(pool, find_suffered(pool, kind, features), get_vendor(pool, kind), model, features);
}

/// What the CPUs of one vendor have.
struct suffering {
    const char *vendor; ///< borrowed
    vulnerability_set suffered;
};

static void add_suffering(GArray *by_vendor, const char *vendor, vulnerability_set suffered)
{
    for (size_t i = 0; i < by_vendor->len; i++) {
        struct suffering *of = &g_array_index(by_vendor, struct suffering, i);
        if (strcmp(of->vendor, vendor) == 0) {
            of->suffered |= suffered;
            return;
        }
    }
    struct suffering first = {vendor, suffered};
    g_array_append_val(by_vendor, first);
}

/// Marks the models of the pool's generations, and gathers what its CPUs have: struct suffering,
/// of each vendor one. Under TCG a guest's silicon is QEMU's: it is of no generation.
static GArray *survey(const cpulift_pool *pool, const feature_set *features, bool *is_of_pool)
{
    GArray *by_vendor = g_array_new(FALSE, FALSE, sizeof(struct suffering));
    for (size_t k = 0; k < pool->inv->kinds->len && is_kvm(pool); k++) {
        const char *vendor = get_vendor(pool, k);
        if (vendor != NULL) {
            mark_generation(pool, k, is_of_pool);
            add_suffering(by_vendor, vendor, find_suffered(pool, k, features));
        }
    }
    return by_vendor;
}

/// What can be said of each model alone.
static GArray *judge(const cpulift_pool *pool, const feature_set *features)
{
    const catalog *map = pool->inv->map;
    size_t count = catalog_model_count(map);
    g_autofree bool *is_of_pool = g_new0(bool, count);
    g_autoptr(GArray) by_vendor = survey(pool, features, is_of_pool);
    GArray *verdicts = g_array_new(FALSE, TRUE, sizeof(struct model_verdict));
    for (size_t i = 0; i < count; i++) {
        struct model_verdict verdict = {.model = catalog_get_model(map, i)};
        verdict.obstacle = find_bar(pool, verdict.model, &verdict.kind);
        verdict.is_of_pool = is_of_pool[i];
        verdict.is_narrow = is_narrow(map, verdict.model, features);
        verdict.is_obsolete = model_is_obsolete(verdict.model->name);
        for (size_t v = 0; v < by_vendor->len; v++) {
            const struct suffering *of = &g_array_index(by_vendor, struct suffering, v);
            verdict.hidden |= hide(pool, of->suffered, of->vendor, verdict.model, features);
        }
        verdict.differences = count_differences(verdict.model, features);
        g_array_append_val(verdicts, verdict);
    }
    return verdicts;
}

static bool is_stranger(const struct model_verdict *a, const struct model_verdict *b)
{
    return !a->is_of_pool && b->is_of_pool;
}

static bool hides_more(const struct model_verdict *a, const struct model_verdict *b)
{
    return __builtin_popcount(a->hidden) > __builtin_popcount(b->hidden);
}

static bool is_older(const struct model_verdict *a, const struct model_verdict *b)
{
    return a->model->age != b->model->age ? a->model->age < b->model->age
                                          : strcmp(a->model->name, b->model->name) > 0;
}

static bool is_narrower(const struct model_verdict *a, const struct model_verdict *b)
{
    return a->is_narrow && !b->is_narrow;
}

static bool is_obsolete(const struct model_verdict *a, const struct model_verdict *b)
{
    return a->is_obsolete && !b->is_obsolete;
}

static bool is_farther(const struct model_verdict *a, const struct model_verdict *b)
{
    return a->differences > b->differences;
}

/// One after the other: who is worse than any that is still there, goes.
static const struct {
    enum model_obstacle obstacle;
    bool (*is_worse)(const struct model_verdict *a, const struct model_verdict *b);
} rounds[] = {
    {MODEL_STRANGER, is_stranger}, {MODEL_OBSOLETE, is_narrower}, {MODEL_HIDES, hides_more},
    {MODEL_OBSOLETE, is_obsolete}, {MODEL_FARTHER, is_farther},   {MODEL_OLDER, is_older},
};

static void play(GPtrArray *left, size_t round)
{
    g_autoptr(GPtrArray) worse = g_ptr_array_new();
    for (size_t i = 0; i < left->len; i++) {
        for (size_t other = 0; other < left->len; other++) {
            if (rounds[round].is_worse(left->pdata[i], left->pdata[other])) {
                g_ptr_array_add(worse, left->pdata[i]);
                break;
            }
        }
    }
    for (size_t i = 0; i < worse->len; i++) {
        ((struct model_verdict *)worse->pdata[i])->obstacle = rounds[round].obstacle;
        g_ptr_array_remove(left, worse->pdata[i]);
    }
}

static int compare_names(const void *a, const void *b)
{
    const struct model_verdict *va = a, *vb = b;
    return strcmp(va->model->name, vb->model->name);
}

GArray *model_choose(const cpulift_pool *pool, const feature_set *features)
{
    GArray *verdicts = judge(pool, features);
    g_array_sort(verdicts, compare_names);
    g_autoptr(GPtrArray) left = g_ptr_array_new();
    for (size_t i = 0; i < verdicts->len; i++) {
        struct model_verdict *verdict = &g_array_index(verdicts, struct model_verdict, i);
        if (verdict->obstacle == MODEL_TAKEN) {
            g_ptr_array_add(left, verdict);
        }
    }
    for (size_t round = 0; round < G_N_ELEMENTS(rounds); round++) {
        play(left, round);
    }
    return verdicts;
}

const struct model_verdict *model_get_taken(const GArray *verdicts)
{
    for (size_t i = 0; i < verdicts->len; i++) {
        const struct model_verdict *verdict = &g_array_index(verdicts, struct model_verdict, i);
        if (verdict->obstacle == MODEL_TAKEN) {
            return verdict;
        }
    }
    return NULL;
}

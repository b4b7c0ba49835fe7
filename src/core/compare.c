// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/compare.h"

#include "base/json.h"
#include "base/text.h"
#include "core/planner_define.h"

#include <string.h>

#define DIFFERENCE(member) RECORD_AT(struct compare_difference, member)

static void difference_free(void *item);

const struct record compare_difference_record = {
    RECORD_ROWS(
        {"what", &record_string, DIFFERENCE(what), RECORD_REQUIRED},
        {"a", &record_string, DIFFERENCE(a),
         .meaning = "of features and other lists what only it has; absent: not said"},
        {"b", &record_string, DIFFERENCE(b)},
        {"seen", &record_bool, DIFFERENCE(is_seen), RECORD_ALWAYS, .meaning = "a guest sees it"},
        {"beyond", &record_bool, DIFFERENCE(is_beyond),
         .meaning = "a guest of `a` has more than `b` gives"}),
    .size = sizeof(struct compare_difference),
    .destroy = difference_free,
};

static void difference_free(void *item)
{
    record_free(&compare_difference_record, item);
}

GPtrArray *compare_new(void)
{
    return g_ptr_array_new_with_free_func(difference_free);
}

/// Takes the strings over.
static void add(GPtrArray *differences, struct compare_difference difference)
{
    g_ptr_array_add(differences, g_memdup2(&difference, sizeof difference));
}

void compare_add(GPtrArray *differences, const char *what, char *a, char *b, bool is_seen)
{
    add(differences, (struct compare_difference){g_strdup(what), a, b, is_seen, false});
}

static char **copy_sorted(const GPtrArray *names)
{
    char **sorted = NULL;
    record_merge_strings(&sorted, names);
    return sorted != NULL ? sorted : g_new0(char *, 1);
}

static char **list_features(const catalog *map, const feature_set *set, char *const *more)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    feature_set_foreach (id, set) {
        g_ptr_array_add(names, catalog_get_feature(map, id)->name);
    }
    for (; more != NULL && *more != NULL; more++) {
        g_ptr_array_add(names, *more);
    }
    return copy_sorted(names);
}

static void set_signature(compare_side *side, const catalog *map)
{
    const struct catalog_model *model =
        map != NULL && side->cpu->model != NULL ? catalog_find_model(map, side->cpu->model) : NULL;
    if (side->family == 0 && model != NULL) {
        side->family = model->family;
        side->model = model->model;
        side->stepping = model->stepping;
    }
}

void compare_take_plan(const cpulift_plan *plan, const catalog *map, compare_side *ret_side)
{
    const json_t *signature = json_object_get(plan->document, "signature");
    *ret_side = (compare_side){
        .cpu = plan->cpu,
        .features = g_strdupv(plan->features),
        .virt = plan->virt,
        .machine = plan->machine,
        .family = (unsigned)json_get_uint(signature, "family", 0),
        .model = (unsigned)json_get_uint(signature, "model", 0),
        .stepping = (unsigned)json_get_uint(signature, "stepping", 0),
        .width_max = plan->phys_bits,
        .qemu = guest_find_side(plan->qemu.min, plan->qemu.max),
    };
    qsort((void *)ret_side->features, plan->feature_count, sizeof(char *), text_compare);
    set_signature(ret_side, map);
}

void compare_take_host(const cpulift_host *host, const struct host_guest *guest, const catalog *map,
                       compare_side *ret_side)
{
    *ret_side = (compare_side){
        .host = host,
        .guest = guest,
        .features = list_features(map, &guest->features, guest->unknown),
        .not_migratable = list_features(map, &guest->not_migratable, NULL),
        .virt = guest->virt,
        .machine = guest->machine,
    };
}

/// What QEMU makes of a named model beyond what its definition states.
static feature_set add_unasked(const cpulift_cpu *cpu, const char *virt, const catalog *map,
                               feature_set features)
{
    const struct catalog_model *model =
        cpu->model != NULL ? catalog_find_model(map, cpu->model) : NULL;
    feature_set adds, drops, stated = {0};
    planner_get_virt_changes(map, virt, &adds, &drops);
    adds = model != NULL ? feature_set_unite(adds, model->qemu_adds) : adds;
    for (size_t i = 0; i < cpu->feature_count; i++) {
        int id = catalog_find_feature(map, cpu->features[i].name);
        if (id >= 0) {
            feature_set_add(&stated, (size_t)id);
        }
    }
    features = feature_set_subtract(features, feature_set_subtract(drops, stated));
    return feature_set_unite(features,
                             feature_set_subtract(feature_set_subtract(adds, drops), stated));
}

/// The definition without the features that the map lacks; those that it gives go to `unknown`,
/// borrowed. The caller's.
static cpulift_cpu *copy_known(const cpulift_cpu *cpu, const catalog *map, GPtrArray *unknown)
{
    cpulift_cpu *known = cpu_new();
    known->model = g_strdup(cpu->model);
    for (size_t i = 0; i < cpu->feature_count; i++) {
        const struct cpu_feature *feature = &cpu->features[i];
        if (catalog_find_feature(map, feature->name) >= 0) {
            cpu_add_feature(known, feature->name, feature->policy);
        } else if (!cpu_is_off(feature->policy)) {
            g_ptr_array_add(unknown, feature->name);
        }
    }
    return known;
}

int compare_take_cpu(const cpulift_cpu *cpu, const char *name, const char *virt,
                     const char *machine, const catalog *map, compare_side *ret_side,
                     cpulift_error **err)
{
    feature_set features = {0};
    TRY(cpu_check_said(cpu, name, err));
    g_autoptr(GPtrArray) unknown = g_ptr_array_new();
    g_autoptr(cpulift_cpu) known = copy_known(cpu, map, unknown);
    TRY(cpu_expand(known, map, &features, err));
    g_ptr_array_add(unknown, NULL);
    features = virt != NULL ? add_unasked(cpu, virt, map, features) : features;
    *ret_side = (compare_side){
        .cpu = cpu,
        .features = list_features(map, &features, (char *const *)unknown->pdata),
        .virt = virt,
        .machine = machine,
        .family = cpu->family,
        .model = cpu->model_number,
        .stepping = cpu->stepping,
    };
    set_signature(ret_side, map);
    return 0;
}

void compare_clear(compare_side *side)
{
    g_strfreev(side->features);
    g_strfreev(side->not_migratable);
    *side = (compare_side){0};
}

/// What `a` has and `b` has not, between blanks; NULL where that is nothing. Both are sorted; NULL
/// is not known. Only features of this kind (NULL: all).
static char *join_only(char *const *a, char *const *b, bool (*is_of)(const char *name))
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (; a != NULL && *a != NULL; a++) {
        while (b != NULL && *b != NULL && strcmp(*b, *a) < 0) {
            b++;
        }
        bool is_common = b != NULL && *b != NULL && strcmp(*b, *a) == 0;
        if (!is_common && (is_of == NULL || is_of(*a))) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", *a);
        }
    }
    return text->len > 0 ? g_strdup(text->str) : NULL;
}

static bool is_protection(const char *name)
{
    enum feature_class class = catalog_classify(name);
    return class == FEATURE_MITIGATION || class == FEATURE_IMMUNITY || class == FEATURE_HAZARD;
}

/// Whether the guest's own configuration decides on the feature, in this way.
static bool is_by(const char *name, enum guest_cause cause)
{
    const struct guest_feature *of = guest_find_feature(name);
    return of != NULL && of->cause == cause;
}

static bool is_by_topology(const char *name)
{
    return catalog_classify(name) == FEATURE_TOPOLOGY || is_by(name, GUEST_SOCKET);
}

static bool is_by_pmu(const char *name)
{
    return is_by(name, GUEST_PMU);
}

static bool is_by_cpu_pm(const char *name)
{
    return is_by(name, GUEST_CPU_PM);
}

static bool is_plain(const char *name)
{
    return !is_protection(name) && !is_by_topology(name) && !is_by_pmu(name) && !is_by_cpu_pm(name);
}

static const struct {
    const char *what;
    bool (*is_of)(const char *name);
} feature_rows[] = {
    {"features", is_plain},
    {"mitigations", is_protection},
    {"features by the guest's topology", is_by_topology},
    {"features by the guest's PMU", is_by_pmu},
    {"features by the guest's cpu-pm", is_by_cpu_pm},
};

bool compare_is_of_features(const struct compare_difference *difference)
{
    for (size_t i = 0; i < G_N_ELEMENTS(feature_rows); i++) {
        if (strcmp(feature_rows[i].what, difference->what) == 0) {
            return true;
        }
    }
    return false;
}

static void add_features(GPtrArray *differences, const compare_side *a, const compare_side *b)
{
    for (size_t i = 0; i < G_N_ELEMENTS(feature_rows); i++) {
        char *only_a = join_only(a->features, b->features, feature_rows[i].is_of);
        char *only_b = join_only(b->features, a->features, feature_rows[i].is_of);
        if (only_a != NULL || only_b != NULL) {
            add(differences, (struct compare_difference){g_strdup(feature_rows[i].what), only_a,
                                                         only_b, true, only_a != NULL});
        }
    }
}

static char *get_virt(const compare_side *side)
{
    return g_strdup(side->virt);
}

static char *get_machine(const compare_side *side)
{
    return g_strdup(side->machine);
}

static char *get_vendor(const compare_side *side)
{
    return g_strdup(side->cpu != NULL ? side->cpu->vendor : side->host->vendor);
}

static char *format_signature(unsigned family, unsigned model, unsigned stepping)
{
    return family != 0 ? g_strdup_printf("family %u model %u stepping %u", family, model, stepping)
                       : NULL;
}

static char *get_signature(const compare_side *side)
{
    return format_signature(side->family, side->model, side->stepping);
}

static unsigned get_bits(const compare_side *side)
{
    return side->cpu != NULL ? side->cpu->phys_bits : host_get_width(side->host, side->guest);
}

static char *get_width(const compare_side *side)
{
    unsigned bits = get_bits(side);
    return bits != 0 ? g_strdup_printf("%u", bits) : NULL;
}

static char *get_side(const compare_side *side)
{
    return g_strdup(guest_side_to_string(side->qemu));
}

static char *get_cpu(const compare_side *side)
{
    return format_signature(side->host->family, side->host->model, side->host->stepping);
}

static char *get_microcode(const compare_side *side)
{
    return side->host->microcode != 0 ? g_strdup_printf("%" G_GUINT64_FORMAT, side->host->microcode)
                                      : NULL;
}

/// Who can be asked, and when it counts.
enum {
    DEFINITIONS = 1, ///< two definitions
    HOSTS = 2,       ///< two hosts
    MIXED = 4,       ///< a definition that says it, and a host
    BOTH_SAY = 8,    ///< where one does not say, nothing is to be compared
    SEEN = 16,
};

/// Where a text stands: in what `owner` of a side points to, at `text`.
#define IN(side, type, member) .owner = offsetof(compare_side, side), .text = offsetof(type, member)
#define OF_CPU(member)         IN(cpu, cpulift_cpu, member)
#define OF_HOST(member)        IN(host, cpulift_host, member)
#define OF_GUEST(member)       IN(guest, struct host_guest, member)

static const struct row {
    const char *what;
    unsigned flags;
    char *(*get)(const compare_side *side); ///< NULL: it is a text
    size_t owner, text;
} rows[] = {
    {"virt type", DEFINITIONS | HOSTS | MIXED | BOTH_SAY | SEEN, .get = get_virt},
    {"machine type", DEFINITIONS | HOSTS | MIXED | BOTH_SAY | SEEN, .get = get_machine},
    {"model", DEFINITIONS | SEEN, OF_CPU(model)},
    {"vendor", DEFINITIONS | HOSTS | MIXED | SEEN, .get = get_vendor},
    {"vendor id", DEFINITIONS | SEEN, OF_CPU(vendor_id)},
    {"signature", DEFINITIONS | BOTH_SAY | SEEN, .get = get_signature},
    {"physical address bits", DEFINITIONS | HOSTS | MIXED | SEEN, .get = get_width},
    {"hosts' QEMU", DEFINITIONS | BOTH_SAY | SEEN, .get = get_side},
    {"check", DEFINITIONS, OF_CPU(check)},
    {"match", DEFINITIONS, OF_CPU(match)},
    {"fallback", DEFINITIONS, OF_CPU(fallback)},
    {"CPU", HOSTS, .get = get_cpu},
    {"CPU like", HOSTS, OF_HOST(model_name)},
    {"microcode", HOSTS, .get = get_microcode},
    {"libvirt", HOSTS, OF_HOST(libvirt_version)},
    {"QEMU", HOSTS, OF_HOST(qemu_version)},
    {"kernel", HOSTS, OF_HOST(kernel_version)},
    {"canonical machine", HOSTS, OF_GUEST(canonical_machine)},
};

/// What the side says of it, or NULL. The caller's.
static char *get(const struct row *row, const compare_side *side)
{
    if (row->get != NULL) {
        return row->get(side);
    }
    const char *const *owner = G_STRUCT_MEMBER_P(side, row->owner);
    return g_strdup(G_STRUCT_MEMBER(char *, *owner, row->text));
}

/// Whether a guest of A cannot be given by B what it has in this row.
static bool is_beyond(size_t row, const compare_side *a, const compare_side *b)
{
    g_autofree char *of_a = get_vendor(a), *of_b = get_vendor(b);
    unsigned width = b->width_max != 0 ? b->width_max : get_bits(b);
    return (rows[row].get == get_width && get_bits(a) > width) ||
           (rows[row].get == get_vendor && of_a != NULL && of_b != NULL);
}

static void add_rows(GPtrArray *differences, const compare_side *a, const compare_side *b)
{
    bool is_mixed = (a->cpu != NULL) != (b->cpu != NULL);
    unsigned pair = is_mixed ? MIXED : a->cpu != NULL ? DEFINITIONS : HOSTS;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if ((rows[i].flags & pair) == 0) {
            continue;
        }
        g_autofree char *said_a = get(&rows[i], a), *said_b = get(&rows[i], b);
        const char *defined = a->cpu != NULL ? said_a : said_b;
        bool is_unasked = (rows[i].flags & BOTH_SAY) != 0 && (said_a == NULL || said_b == NULL);
        if (is_unasked || (is_mixed && defined == NULL) || g_strcmp0(said_a, said_b) == 0) {
            continue;
        }
        add(differences,
            (struct compare_difference){g_strdup(rows[i].what), g_steal_pointer(&said_a),
                                        g_steal_pointer(&said_b), (rows[i].flags & SEEN) != 0,
                                        is_beyond(i, a, b)});
    }
}

static void add_list(GPtrArray *differences, const char *what, char *const *a, char *const *b)
{
    char *only_a = join_only(a, b, NULL), *only_b = join_only(b, a, NULL);
    if (only_a != NULL || only_b != NULL) {
        compare_add(differences, what, only_a, only_b, false);
    }
}

static void add_lists(GPtrArray *differences, const compare_side *a, const compare_side *b)
{
    add_list(differences, "not migratable", a->not_migratable, b->not_migratable);
    add_list(differences, "models usable as they are", a->guest->usable_models,
             b->guest->usable_models);
    add_list(differences, "models that libvirt knows", a->host->libvirt_models,
             b->host->libvirt_models);
    const host_machines *of_a = host_find_machines(a->host, a->guest->virt);
    const host_machines *of_b = host_find_machines(b->host, b->guest->virt);
    if (of_a != NULL && of_b != NULL) {
        add_list(differences, "machine types", of_a->names, of_b->names);
    }
}

GPtrArray *compare_sides(const compare_side *a, const compare_side *b)
{
    GPtrArray *differences = compare_new();
    add_features(differences, a, b);
    add_rows(differences, a, b);
    if (a->host != NULL && b->host != NULL) {
        add_lists(differences, a, b);
    }
    return differences;
}

bool compare_is_seen(const GPtrArray *differences)
{
    for (size_t i = 0; i < differences->len; i++) {
        if (((const struct compare_difference *)differences->pdata[i])->is_seen) {
            return true;
        }
    }
    return false;
}

json_t *compare_format(const GPtrArray *differences)
{
    json_t *list = json_array();
    for (size_t i = 0; i < differences->len; i++) {
        json_array_append_new(
            list, record_format(&compare_difference_record, differences->pdata[i], NULL));
    }
    return list;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/host_model.h"

#include <string.h>

/// What a host that can use the model can give in any case. libvirt's idea of a model may hold an
/// opt-in feature (mpx) that QEMU's has lost.
static feature_set get_certain(const catalog *map, const struct catalog_model *model)
{
    return feature_set_subtract(model->features, catalog_get_class(map, FEATURE_OPT_IN));
}

static bool is_richer(const catalog *map, const struct catalog_model *model,
                      const struct catalog_model *than)
{
    feature_set a = get_certain(map, model), b = get_certain(map, than);
    size_t count_a = feature_set_count(&a), count_b = feature_set_count(&b);
    return count_a != count_b ? count_a > count_b : model->age > than->age;
}

/// The richest model that is usable there and that the map has; NULL where there is none.
static const struct catalog_model *find_stand_in(const struct host_guest *guest, const catalog *map)
{
    const struct catalog_model *best = NULL;
    for (char **name = guest->usable_models; name != NULL && *name != NULL; name++) {
        const struct catalog_model *model = catalog_find_model(map, *name);
        if (model != NULL && (best == NULL || is_richer(map, model, best))) {
            best = model;
        }
    }
    return best;
}

/// SapphireRapids for SapphireRapids-v2, where the map has it; NULL where not.
static const struct catalog_model *find_unversioned(const char *name, const catalog *map)
{
    const char *version = g_strrstr(name, "-v");
    if (version == NULL || version[2] == '\0' ||
        version[2 + strspn(version + 2, "0123456789")] != '\0') {
        return NULL;
    }
    g_autofree char *base = g_strndup(name, (size_t)(version - name));
    return catalog_find_model(map, base);
}

/// What is sure of a host whose model the map lacks. Later versions of a model lost TSX to
/// microcode, and opt-in features; nothing else (libvirt 11.3's map, tests/newer/maps.py).
static int read_lower_bound(const cpulift_cpu *cpu, const char *name, const char *libvirt,
                            const catalog *map, struct host_guest *guest, cpulift_error **err)
{
    const struct catalog_model *usable = find_stand_in(guest, map);
    const struct catalog_model *model = usable != NULL ? usable : find_unversioned(cpu->model, map);
    g_autofree char *owner = libvirt != NULL ? g_strdup_printf("the host's libvirt %s", libvirt)
                                             : g_strdup("the host's libvirt");
    if (model == NULL) {
        g_autofree char *meant = catalog_suggest_model(map, cpu->model);
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s': unknown CPU model '%s' of %s, and no usable model that is "
                                 "known here is listed: " CATALOG_LACKS_IT "%s",
                                 name, cpu->model, owner, meant);
    }
    feature_set lost = usable != NULL ? (feature_set){0} : catalog_get_class(map, FEATURE_TSX);
    guest->features = feature_set_subtract(get_certain(map, model), lost);
    guest->lower_bound = g_strdup_printf(
        "model '%s' of %s is not in the older CPU map of the machine that read this: guests get at "
        "least what '%s' has and what is listed beside it",
        cpu->model, owner, model->name);
    return 0;
}

static int read_model(const cpulift_cpu *cpu, const char *name, const char *libvirt,
                      const catalog *map, struct host_guest *guest, cpulift_error **err)
{
    const struct catalog_model *model =
        cpu->model != NULL ? catalog_find_model(map, cpu->model) : NULL;
    if (cpu->model != NULL && model == NULL) {
        return read_lower_bound(cpu, name, libvirt, map, guest, err);
    }
    guest->features = model != NULL ? model->features : (feature_set){0};
    return 0;
}

/// A name that the map lacks is kept apart where it is given; that the host lacks it costs nothing.
static int read_feature(const struct cpu_feature *feature, const char *name, const catalog *map,
                        struct host_guest *guest, GPtrArray *unknown, cpulift_error **err)
{
    int id = catalog_find_installed(map, feature->name);
    bool is_given = feature->policy == CPU_REQUIRE;
    if (feature->policy == CPU_OPTIONAL || feature->policy == CPU_FORCE) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s': feature '%s' is %s, which does not say whether the host can give it; import "
            "'virsh domcapabilities'",
            name, feature->name, feature->policy == CPU_FORCE ? "forced" : "optional");
    }
    if (id < 0 && is_given) {
        g_ptr_array_add(unknown, feature->name);
    } else if (id >= 0 && is_given) {
        feature_set_add(&guest->features, (size_t)id);
    } else if (id >= 0) {
        feature_set_remove(&guest->features, (size_t)id);
    }
    return 0;
}

int host_model_read(const cpulift_cpu *cpu, const char *name, const char *libvirt,
                    const catalog *map, struct host_guest *guest, cpulift_error **err)
{
    g_autoptr(GPtrArray) unknown = g_ptr_array_new();
    TRY(read_model(cpu, name, libvirt, map, guest, err));
    for (size_t i = 0; i < cpu->feature_count; i++) {
        TRY(read_feature(&cpu->features[i], name, map, guest, unknown, err));
    }
    if (unknown->len > 0) {
        record_merge_strings(&guest->unknown, unknown);
    }
    return 0;
}

/// How far libvirt finds a model from what is to be said by it: 1 for each feature, and for every
/// second of those that have to be disabled 1 more than for the last. Source:
/// virCPUx86CompareCandidateFeatureList of libvirt 8.7 on, as it works (its loop ends halfway).
static size_t score(const feature_set *said, const struct catalog_model *model)
{
    feature_set lacks =
        feature_set_subtract(feature_set_unite(model->features, model->qemu_adds), *said);
    feature_set adds = feature_set_subtract(*said, model->features);
    size_t disabled = feature_set_count(&lacks), half = (disabled + 1) / 2;
    return feature_set_count(&adds) + disabled + half * (half + 1) / 2;
}

/// Under QEMU's own emulation the CPU is AMD's (the vendor of its `max`).
static bool is_candidate(const cpulift_host *host, const struct host_guest *guest,
                         const struct catalog_model *model)
{
    const char *vendor = strcmp(guest->virt, "kvm") == 0 ? host->vendor : "AMD";
    return (model->vendor == NULL || g_strcmp0(model->vendor, vendor) == 0) &&
           (host->libvirt_models == NULL ||
            g_strv_contains((const char *const *)host->libvirt_models, model->name));
}

/// Asks all models that libvirt may have chosen: those nearest to what is said.
static enum host_model_word guess(const cpulift_host *host, const struct host_guest *guest,
                                  const catalog *map, size_t feature)
{
    feature_set said = feature_set_unite(guest->features, guest->libvirt_only);
    enum host_model_word word = HOST_MODEL_UNSURE;
    size_t least = G_MAXSIZE;
    for (size_t i = 0; i < catalog_model_count(map); i++) {
        const struct catalog_model *model = catalog_get_model(map, i);
        size_t far = is_candidate(host, guest, model) ? score(&said, model) : G_MAXSIZE;
        enum host_model_word of =
            feature_set_has(&model->features, feature) ? HOST_MODEL_IMPLIES : HOST_MODEL_NAMES;
        word = far < least ? of : far == least && of != word ? HOST_MODEL_UNSURE : word;
        least = MIN(least, far);
    }
    return word;
}

enum host_model_word host_model_find(const cpulift_host *host, const struct host_guest *guest,
                                     const catalog *map, size_t feature)
{
    const char *name = guest->host_model;
    name = name == NULL && strcmp(guest->virt, "kvm") == 0 ? host->model_name : name;
    const struct catalog_model *model = name != NULL ? catalog_find_model(map, name) : NULL;
    return model != NULL
               ? feature_set_has(&model->features, feature) ? HOST_MODEL_IMPLIES : HOST_MODEL_NAMES
           : name != NULL || guest->lower_bound != NULL ? HOST_MODEL_UNSURE
                                                        : guess(host, guest, map, feature);
}

char *host_model_describe_bound(const cpulift_host *host)
{
    for (size_t i = 0; i < host->guests->len; i++) {
        const struct host_guest *guest = host->guests->pdata[i];
        if (guest->lower_bound != NULL) {
            return g_strdup_printf("%s; to plan all of it, copy the host's "
                                   "/usr/share/libvirt/cpu_map to the machine that reads it and "
                                   "name the copy in CPULIFT_CPU_MAP",
                                   guest->lower_bound);
        }
    }
    return NULL;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/catalog.h"

#include "base/text.h"
#include "core/catalog_internal.h"

#include <string.h>

static const struct {
    const char *alias, *name;
} aliases[] = {
#define ALIAS(alias, name) {alias, name},
#include "core/tables/aliases.def"
#undef ALIAS
};

static const struct {
    const char *pattern;
    enum feature_class class;
} classes[] = {
#define CLASS(pattern, class) {pattern, FEATURE_##class},
#include "core/tables/classes.def"
#undef CLASS
};

static const struct {
    const char *pattern, *needs;
} depends[] = {
#define NEEDS(pattern, needs) {pattern, needs},
#include "core/tables/depends.def"
#undef NEEDS
};

static const struct {
    unsigned level;
    const char *name;
} levels[] = {
#define LEVEL(level, name) {level, name},
#include "core/tables/levels.def"
#undef LEVEL
};

static const struct {
    const char *name;
    unsigned family, model, stepping;
    const char *adds; ///< names between blanks
} qemu_models[] = {
#define QEMU_MODEL(name, family, model, stepping, adds) {name, family, model, stepping, adds},
#include "core/tables/qemu_models.def"
#undef QEMU_MODEL
};

static const char *const properties[] = {
#define PROPERTY(pattern) pattern,
#include "core/tables/properties.def"
#undef PROPERTY
};

char *catalog_fold_name(const char *name)
{
    char *folded = g_ascii_strdown(name, -1);
    char *to = folded;
    for (const char *from = folded; *from != '\0'; from++) {
        if (strchr("-_.", *from) == NULL) {
            *to++ = *from;
        }
    }
    *to = '\0';
    return folded;
}

bool catalog_matches(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);
    if (pattern[0] == '*') {
        return g_str_has_suffix(name, pattern + 1);
    }
    if (len > 0 && pattern[len - 1] == '*') {
        return strncmp(pattern, name, len - 1) == 0;
    }
    return strcmp(pattern, name) == 0;
}

enum feature_class catalog_classify(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (catalog_matches(classes[i].pattern, name)) {
            return classes[i].class;
        }
    }
    return FEATURE_PLAIN;
}

/// MSRs and the feature without which they are not there. Source: Intel SDM vol. 4, table 2-2.
static const struct {
    uint32_t first, last;
    const char *carrier;
} msrs[] = {
    {0xcf, 0xcf, "core-capability"},
    {0x10a, 0x10a, "arch-capabilities"},
    {0x480, 0x493, "vmx"},
};

static void add_need(catalog *map, size_t id, const char *needed)
{
    int found = catalog_find_feature(map, needed);
    if (found >= 0) {
        feature_set_add(&map->needs[id], (size_t)found);
    }
}

static void link_carriers(catalog *map, size_t id)
{
    const struct catalog_feature *feature = catalog_get_feature(map, id);
    for (size_t bit = 0; bit < feature->bit_count; bit++) {
        for (size_t i = 0; i < G_N_ELEMENTS(msrs); i++) {
            uint32_t index = feature->bits[bit].leaf;
            if (feature->bits[bit].is_msr && msrs[i].first <= index && index <= msrs[i].last) {
                add_need(map, id, msrs[i].carrier);
            }
        }
    }
}

static void link_needs(catalog *map, size_t id)
{
    const char *name = catalog_get_feature(map, id)->name;
    for (size_t i = 0; i < G_N_ELEMENTS(depends); i++) {
        if (catalog_matches(depends[i].pattern, name)) {
            add_need(map, id, depends[i].needs);
        }
    }
    link_carriers(map, id);
}

int catalog_link_tables(catalog *map, cpulift_error **err)
{
    map->needs = g_new0(feature_set, map->features->len);
    for (size_t id = 0; id < map->features->len; id++) {
        struct catalog_feature *feature = map->features->pdata[id];
        feature->class = catalog_classify(feature->name);
        if (!g_hash_table_insert(map->ids, catalog_fold_name(feature->name),
                                 GSIZE_TO_POINTER(id + 1))) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "feature '%s' stands twice",
                                     feature->name);
        }
    }
    for (size_t id = 0; id < map->features->len; id++) {
        link_needs(map, id);
    }
    return 0;
}

int catalog_link_models(catalog *map, cpulift_error **err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(qemu_models); i++) {
        struct catalog_model *model = g_hash_table_lookup(map->model_names, qemu_models[i].name);
        if (model == NULL) {
            continue;
        }
        model->family = qemu_models[i].family;
        model->model = qemu_models[i].model;
        model->stepping = qemu_models[i].stepping;
        g_auto(GStrv) names = g_strsplit(qemu_models[i].adds, " ", -1);
        for (char **name = names; *name != NULL; name++) {
            if (**name != '\0') {
                TRY(catalog_add_feature(map, *name, model->name, &model->qemu_adds, err));
            }
        }
    }
    return 0;
}

size_t catalog_feature_count(const catalog *map)
{
    return map->features->len;
}

const struct catalog_feature *catalog_get_feature(const catalog *map, size_t id)
{
    return map->features->pdata[id];
}

static int find_folded(const catalog *map, const char *name)
{
    g_autofree char *folded = catalog_fold_name(name);
    return (int)GPOINTER_TO_SIZE(g_hash_table_lookup(map->ids, folded)) - 1;
}

int catalog_find_feature(const catalog *map, const char *name)
{
    int id = find_folded(map, name);
    for (size_t i = 0; i < G_N_ELEMENTS(aliases) && id < 0; i++) {
        if (g_ascii_strcasecmp(aliases[i].alias, name) == 0) {
            id = find_folded(map, aliases[i].name);
        }
    }
    return id;
}

int catalog_find_installed(const catalog *map, const char *name)
{
    int id = catalog_find_feature(map, name);
    return id >= 0 && catalog_get_feature(map, (size_t)id)->is_newer ? -1 : id;
}

feature_set catalog_get_newer(const catalog *map)
{
    feature_set set = {0};
    for (size_t id = 0; id < map->features->len; id++) {
        if (catalog_get_feature(map, id)->is_newer) {
            feature_set_add(&set, id);
        }
    }
    return set;
}

char *catalog_suggest_feature(const catalog *map, const char *name)
{
    g_autofree const char **names = g_new0(const char *, catalog_feature_count(map) + 1);
    for (size_t id = 0; id < catalog_feature_count(map); id++) {
        names[id] = catalog_get_feature(map, id)->name;
    }
    return text_suggest(name, names);
}

/// Of one of QEMU's versioned names, "Skylake-Server-v2", the model; NULL: it is none.
static const struct catalog_model *find_unversioned(const catalog *map, const char *name)
{
    size_t len = strlen(name), digits = len;
    while (digits > 0 && g_ascii_isdigit(name[digits - 1])) {
        digits--;
    }
    if (digits == len || digits < 2 || g_ascii_strncasecmp(&name[digits - 2], "-v", 2) != 0) {
        return NULL;
    }
    g_autofree char *model = g_strndup(name, digits - 2);
    return catalog_match_model(map, model);
}

char *catalog_suggest_model(const catalog *map, const char *name)
{
    const struct catalog_model *model = find_unversioned(map, name);
    if (model != NULL) {
        return g_strdup_printf(" (did you mean '%s'? versions of QEMU's models are not known)",
                               model->name);
    }
    g_autofree const char **names = g_new0(const char *, catalog_model_count(map) + 1);
    for (size_t i = 0; i < catalog_model_count(map); i++) {
        names[i] = catalog_get_model(map, i)->name;
    }
    return text_suggest(name, names);
}

int catalog_add_feature(const catalog *map, const char *name, const char *where, feature_set *set,
                        cpulift_error **err)
{
    int id = catalog_find_feature(map, name);
    if (id < 0) {
        g_autofree char *meant = catalog_suggest_feature(map, name);
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "unknown feature '%s' in '%s': " CATALOG_LACKS_IT "%s", name,
                                 where, meant);
    }
    feature_set_add(set, (size_t)id);
    return 0;
}

feature_set catalog_find_pattern(const catalog *map, const char *pattern)
{
    g_autofree char *folded = catalog_fold_name(pattern);
    feature_set set = {0};
    for (size_t id = 0; id < map->features->len; id++) {
        g_autofree char *name = catalog_fold_name(catalog_get_feature(map, id)->name);
        if (g_pattern_match_simple(folded, name)) {
            feature_set_add(&set, id);
        }
    }
    return set;
}

feature_set catalog_get_class(const catalog *map, enum feature_class class)
{
    feature_set set = {0};
    for (size_t id = 0; id < map->features->len; id++) {
        if (catalog_get_feature(map, id)->class == class) {
            feature_set_add(&set, id);
        }
    }
    return set;
}

feature_set catalog_get_migratable(const catalog *map)
{
    feature_set set = {0};
    for (size_t id = 0; id < map->features->len; id++) {
        if (catalog_get_feature(map, id)->is_migratable) {
            feature_set_add(&set, id);
        }
    }
    return set;
}

const struct catalog_model *catalog_find_model(const catalog *map, const char *name)
{
    return g_hash_table_lookup(map->model_names, name);
}

const struct catalog_model *catalog_find_version(const catalog *map, const char *name)
{
    const struct catalog_model *model = catalog_find_model(map, name);
    if (model != NULL || !g_str_has_suffix(name, "-v1")) {
        return model;
    }
    g_autofree char *base = g_strndup(name, strlen(name) - strlen("-v1"));
    return catalog_find_model(map, base);
}

const struct catalog_model *catalog_match_model(const catalog *map, const char *name)
{
    const struct catalog_model *model = catalog_find_model(map, name);
    for (size_t i = 0; i < map->models->len && model == NULL; i++) {
        const struct catalog_model *other = map->models->pdata[i];
        model = g_ascii_strcasecmp(other->name, name) == 0 ? other : NULL;
    }
    return model;
}

size_t catalog_model_count(const catalog *map)
{
    return map->models->len;
}

const struct catalog_model *catalog_get_model(const catalog *map, size_t index)
{
    return map->models->pdata[index];
}

const struct catalog_vendor *catalog_find_vendor(const catalog *map, const char *name_or_string)
{
    for (size_t i = 0; i < map->vendors->len; i++) {
        const struct catalog_vendor *vendor = map->vendors->pdata[i];
        if (strcmp(vendor->name, name_or_string) == 0 ||
            strcmp(vendor->string, name_or_string) == 0) {
            return vendor;
        }
    }
    return NULL;
}

bool catalog_has_vendor(const catalog *map, const char *name)
{
    const struct catalog_vendor *vendor = name != NULL ? catalog_find_vendor(map, name) : NULL;
    return vendor != NULL && strcmp(vendor->name, name) == 0;
}

feature_set catalog_find_unsupported(const catalog *map, feature_set set, int *ret_needs)
{
    feature_set unsupported = {0};
    bool again = true;
    while (again) {
        again = false;
        feature_set_foreach (id, &set) {
            feature_set missing = feature_set_subtract(map->needs[id], set);
            if (!feature_set_is_empty(&missing)) {
                feature_set_remove(&set, id);
                feature_set_add(&unsupported, id);
                again = true;
                if (ret_needs != NULL) {
                    ret_needs[id] = (int)feature_set_next(&missing, 0);
                }
            }
        }
    }
    return unsupported;
}

unsigned catalog_compute_level(const catalog *map, const feature_set *set, feature_set *ret_missing)
{
    for (size_t i = 0, level = 1; i < G_N_ELEMENTS(levels); level = levels[i].level) {
        feature_set missing = {0};
        for (; i < G_N_ELEMENTS(levels) && levels[i].level == level; i++) {
            int id = catalog_find_feature(map, levels[i].name);
            if (id >= 0 && !feature_set_has(set, (size_t)id)) {
                feature_set_add(&missing, (size_t)id);
            }
        }
        if (!feature_set_is_empty(&missing)) {
            if (ret_missing != NULL) {
                *ret_missing = missing;
            }
            return (unsigned)level - 1;
        }
        if (i == G_N_ELEMENTS(levels)) {
            break;
        }
    }
    if (ret_missing != NULL) {
        *ret_missing = (feature_set){0};
    }
    return levels[G_N_ELEMENTS(levels) - 1].level;
}

feature_set catalog_get_level(const catalog *map, unsigned level)
{
    feature_set set = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
        int id = levels[i].level <= level ? catalog_find_feature(map, levels[i].name) : -1;
        if (id >= 0) {
            feature_set_add(&set, (size_t)id);
        }
    }
    return set;
}

bool catalog_is_qemu_property(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(properties); i++) {
        if (catalog_matches(properties[i], name)) {
            return true;
        }
    }
    return false;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/plan_guest.h"

#include "base/json.h"
#include "base/text.h"
#include "core/guest.h"
#include "core/plan_warnings.h"

#include <string.h>

void plan_settle_model(const cpulift_pool *pool, const struct catalog_model *model,
                       struct selection *selection)
{
    feature_set holds = feature_set_unite(model->features, model->qemu_adds);
    size_t count = 0;
    const struct guest_feature *rows = guest_list_features(&count);
    for (size_t i = 0; i < count; i++) {
        int id = catalog_find_feature(pool->inv->map, rows[i].name);
        if (rows[i].cause == GUEST_MODEL && id >= 0 &&
            feature_set_has(&selection->chosen, (size_t)id) &&
            !feature_set_has(&holds, (size_t)id)) {
            feature_set_remove(&selection->chosen, (size_t)id);
            selection->reasons[id] = POLICY_GUEST;
        }
    }
}

/// Whose guests QEMU takes for AMD's: under KVM they see the hosts' vendor, else the model's;
/// qemu64, to which libvirt gives none, is AMD's in QEMU (builtin_x86_defs).
static bool is_amd(const cpulift_pool *pool, const struct catalog_model *model)
{
    const char *vendor = strcmp(pool->virt, "kvm") == 0       ? pool->vendor
                         : strcmp(model->name, "qemu64") == 0 ? "AMD"
                                                              : model->vendor;
    return g_strcmp0(vendor, "AMD") == 0 || g_strcmp0(vendor, "Hygon") == 0;
}

/// Whether a guest that is configured for the feature gets it.
static bool is_given(const cpulift_pool *pool, const struct guest_feature *feature, size_t id,
                     const struct selection *selection)
{
    switch (feature->cause) {
    case GUEST_SOCKET:
        return true; // QEMU sets it, on whatever host
    case GUEST_PMU:
    case GUEST_CPU_PM:
        return feature_set_has(&pool->common, id) && selection->reasons[id] == POLICY_GUEST;
    case GUEST_MODEL:
        return feature_set_has(&selection->chosen, id);
    }
    return false;
}

static json_t *format_features(const cpulift_pool *pool, const struct catalog_model *model,
                               const struct selection *selection)
{
    json_t *list = json_array();
    size_t count = 0;
    const struct guest_feature *rows = guest_list_features(&count);
    for (size_t i = 0; i < count; i++) {
        int id = catalog_find_feature(pool->inv->map, rows[i].name);
        bool is_there =
            id >= 0 && (rows[i].cause == GUEST_SOCKET || feature_set_has(&pool->any, (size_t)id));
        if (is_there && (!rows[i].is_amd_only || is_amd(pool, model))) {
            bool given = is_given(pool, &rows[i], (size_t)id, selection);
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:b}", "feature", rows[i].name, "cause",
                                            guest_cause_to_string(rows[i].cause), "given", given));
        }
    }
    return list;
}

/// The range of the hosts' QEMUs; `older` gets the kinds below GUEST_QEMU_BREAK.
static json_t *format_qemu(const cpulift_pool *pool, GArray *older, enum guest_side *ret_side)
{
    const char *min = NULL, *max = NULL;
    json_int_t unknown = 0;
    for (size_t k = 0; k < pool->inv->kinds->len; k++) {
        const struct host_kind *kind = pool->inv->kinds->pdata[k];
        const char *said = kind->host->qemu_version;
        unsigned version = said != NULL ? text_parse_version(said) : 0;
        if (version == 0) {
            unknown += kind->names->len;
            continue;
        }
        min = min == NULL || version < text_parse_version(min) ? said : min;
        max = max == NULL || version > text_parse_version(max) ? said : max;
        if (version < GUEST_QEMU_BREAK) {
            g_array_append_val(older, k);
        }
    }
    *ret_side = guest_find_side(min, max);
    json_t *json = json_pack("{s:s*, s:s*}", "min", min, "max", max);
    if (unknown > 0) {
        json_object_set_new(json, "unknown", json_integer(unknown));
    }
    return json;
}

void plan_add_guest(json_t *document, const cpulift_pool *pool, const struct catalog_model *model,
                    const struct selection *selection)
{
    g_autoptr(GArray) older = g_array_new(FALSE, FALSE, sizeof(size_t));
    enum guest_side side = GUEST_QEMU_UNKNOWN;
    json_object_set_new(document, "guest_features", format_features(pool, model, selection));
    json_object_set_new(document, "qemu", format_qemu(pool, older, &side));
    if (side == GUEST_QEMU_ACROSS) {
        plan_warn_qemu(json_object_get(document, "warnings"), pool, older);
    }
}

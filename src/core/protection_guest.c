// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/protection_guest.h"

#include <string.h>

/// What TCG shows of models that libvirt's map has no vendor of. Source: builtin_x86_defs of QEMU
/// 7.2's target/i386/cpu.c.
static const char *find_emulated_vendor(const struct catalog_model *model)
{
    static const char *const amd[] = {"athlon", "phenom", "qemu64", NULL};
    return model->vendor != NULL               ? model->vendor
           : g_strv_contains(amd, model->name) ? "AMD"
                                               : "Intel";
}

/// The vendor that all hosts are of; NULL: there is none.
static const char *find_common_vendor(const inventory *hosts)
{
    const char *vendor = NULL;
    for (size_t k = 0; k < hosts->kinds->len; k++) {
        const char *of = ((const struct host_kind *)hosts->kinds->pdata[k])->host->vendor;
        if (of == NULL || (vendor != NULL && strcmp(vendor, of) != 0)) {
            return NULL;
        }
        vendor = of;
    }
    return vendor;
}

/// Under KVM a guest sees its host's vendor, whatever the model's, and a plan says of which that
/// is.
static const char *find_vendor(const struct protection_question *q)
{
    const cpulift_cpu *cpu = q->plan->cpu;
    const struct catalog_model *model =
        cpu->model != NULL ? catalog_find_version(q->map, cpu->model) : NULL;
    if (strcmp(q->plan->virt, "qemu") == 0 && model != NULL) {
        return find_emulated_vendor(model);
    }
    return cpu->vendor != NULL                      ? cpu->vendor
           : model != NULL && model->vendor != NULL ? model->vendor
                                                    : find_common_vendor(q->hosts);
}

/// What QEMU shows for the plan's model.
struct cpu_signature protection_get_shown(const struct protection_question *q)
{
    const json_t *signature = json_object_get(q->plan->document, "signature");
    const char *name = q->plan->cpu->model;
    const struct catalog_model *model = name != NULL ? catalog_find_version(q->map, name) : NULL;
    const char *vendor = find_vendor(q);
    if (signature != NULL) {
        return (struct cpu_signature){vendor, (unsigned)json_get_uint(signature, "family", 0),
                                      (unsigned)json_get_uint(signature, "model", 0),
                                      (unsigned)json_get_uint(signature, "stepping", 0)};
    }
    return model != NULL
               ? (struct cpu_signature){vendor, model->family, model->model, model->stepping}
               : (struct cpu_signature){0};
}

/// The plan's; QEMU shows its hypervisor unless it is told not to.
feature_set protection_get_features(const struct protection_question *q)
{
    feature_set set = {0};
    for (char *const *name = q->plan->features; *name != NULL; name++) {
        int id = catalog_find_feature(q->map, *name);
        if (id >= 0) {
            feature_set_add(&set, (size_t)id);
        }
    }
    const struct cpu_feature *said = cpu_find_feature(q->plan->cpu, "hypervisor");
    int hypervisor = catalog_find_feature(q->map, "hypervisor");
    if (hypervisor >= 0 && (said == NULL || !cpu_is_off(said->policy))) {
        feature_set_add(&set, (size_t)hypervisor);
    }
    return set;
}

json_t *protection_predict_as(const struct protection_question *q, struct cpu_signature signature,
                              const feature_set *features)
{
    const struct protection_cpu cpu = {
        .signature = signature,
        .features = features,
        .is_guest = true,
        .is_emulated = strcmp(q->plan->virt, "qemu") == 0,
    };
    return protection_predict(q->map, &cpu, q->kernel);
}

int protection_predict_guest(const struct protection_question *q, json_t **ret_texts,
                             cpulift_error **err)
{
    feature_set features = protection_get_features(q);
    json_t *texts = protection_predict_as(q, protection_get_shown(q), &features);
    if (texts == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "what guests of pool '%s' believe is not known: neither its plan "
                                 "nor its hosts say of which vendor and family their CPU is; "
                                 "boot one with `prove --security`",
                                 q->plan->pool);
    }
    *ret_texts = texts;
    return 0;
}

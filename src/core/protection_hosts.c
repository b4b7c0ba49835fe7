// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/protection_hosts.h"

#include "base/text.h"
#include "core/protection_judge.h"

#include <string.h>

#define STEPPINGS 16

static const char *const sources[] = {
    [PROTECTION_SCANNED] = "scanned",
    [PROTECTION_PREDICTED] = "predicted",
    [PROTECTION_UNTOLD] = "unknown",
};

const char *protection_source_to_string(enum protection_source source)
{
    return sources[source];
}

static void free_hosts(void *data)
{
    struct protection_hosts *hosts = data;
    json_decref(hosts->texts);
    g_ptr_array_unref(hosts->names);
    g_free(hosts);
}

/// The model which libvirt calls it; NULL: it says none, or none of the map.
static const struct catalog_model *get_model(const catalog *map, const cpulift_host *host)
{
    return host->model_name != NULL ? catalog_find_model(map, host->model_name) : NULL;
}

static const char *get_vendor(const catalog *map, const cpulift_host *host)
{
    const struct catalog_model *model = get_model(map, host);
    return host->vendor != NULL || model == NULL ? host->vendor : model->vendor;
}

/// What a kernel takes every CPU for that does not say of itself that it is immune, by bits of an
/// MSR. Source: cpu_set_bug_bits() of Linux 6.12's arch/x86/kernel/cpu/common.c.
static const struct {
    const char *file;
    bool is_of_software; ///< the text says nothing of what the CPU announces
} doubtful[] = {
    {"itlb_multihit", true},      {"l1tf", true}, {"mds", false}, {"meltdown", true},
    {"spec_store_bypass", false},
};

/// `text` if it is certain, else what of it is.
static const char *doubt(const char *file, const char *text, bool is_immunity_told)
{
    bool is_affected = g_str_has_prefix(text, "Vulnerable") || strcmp(file, "itlb_multihit") == 0;
    if (strcmp(text, "Not affected") == 0) {
        return text;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(doubtful) && !is_immunity_told; i++) {
        if (strcmp(doubtful[i].file, file) == 0 && (is_affected || doubtful[i].is_of_software)) {
            return PROTECTION_SUSPECTED;
        }
    }
    return is_affected ? PROTECTION_AFFECTED : text;
}

/// A prediction without what no document tells: what a host does about what its CPU has is the
/// business of its microcode and kernel, and of how many threads it has nothing is known.
static char *drop_unknown(const char *text)
{
    static const char *const clauses[] = {"; SMT ", "; STIBP: "};
    g_autoptr(GString) kept = g_string_new(text);
    for (size_t i = 0; i < G_N_ELEMENTS(clauses); i++) {
        const char *at = strstr(kept->str, clauses[i]);
        if (at != NULL) {
            g_string_erase(kept, at - kept->str, (gssize)(1 + strcspn(at + 1, ";")));
        }
    }
    return g_strdup(kept->str);
}

static json_t *predict_one(const catalog *map, const struct protection_hosts *of,
                           struct cpu_signature signature, const protection_kernel *kernel)
{
    const cpulift_host *host = of->host;
    const protection_kernel *own =
        host->kernel_version != NULL ? protection_find_kernel(host->kernel_version) : NULL;
    feature_set features = of->guest->features;
    int hypervisor = catalog_find_feature(map, "hypervisor");
    if (hypervisor >= 0) { // it is shown to guests only
        feature_set_remove(&features, (size_t)hypervisor);
    }
    int msr = catalog_find_feature(map, "arch-capabilities");
    bool is_immunity_told = (msr >= 0 && feature_set_has(&features, (size_t)msr)) ||
                            g_strcmp0(signature.vendor, "Intel") != 0;
    const struct protection_cpu cpu = {
        .signature = signature, .features = &features, .has_threads = true};
    g_autoptr(json_t) texts = protection_predict(map, &cpu, own != NULL ? own : kernel);
    json_t *kept = texts != NULL ? json_object() : NULL;
    const char *file;
    const json_t *text;
    json_object_foreach (texts, file, text) {
        g_autofree char *said =
            drop_unknown(doubt(file, json_string_value(text), is_immunity_told));
        json_object_set_new(kept, file, json_string(said));
    }
    return kept;
}

/// Without what `other` has not, or says otherwise; NULL: nothing was told yet. Takes both.
static json_t *keep_common(json_t *texts, json_t *other)
{
    void *next = NULL;
    const char *file;
    json_t *text;
    if (texts == NULL) {
        return other;
    }
    json_object_foreach_safe(texts, next, file, text)
    {
        if (!json_equal(text, json_object_get(other, file))) {
            json_object_del(texts, file);
        }
    }
    json_decref(other);
    return texts;
}

/// By its own signature, else what is so of each that the model has which libvirt calls it: servers
/// and clients of a generation differ.
static json_t *predict(const catalog *map, const struct protection_hosts *of,
                       const protection_kernel *kernel)
{
    const cpulift_host *host = of->host;
    struct cpu_signature signature = {of->vendor, host->family, host->model, host->stepping};
    const struct catalog_model *model = get_model(map, host);
    if (host->family != 0) {
        return predict_one(map, of, signature, kernel);
    }
    json_t *texts = NULL;
    for (size_t i = 0; model != NULL && i < model->signature_count; i++) {
        const struct catalog_signature *one = &model->signatures[i];
        for (unsigned stepping = 0; stepping < STEPPINGS; stepping++) {
            signature = (struct cpu_signature){of->vendor, one->family, one->model, stepping};
            if ((one->steppings & 1U << stepping) != 0) {
                texts = keep_common(texts, predict_one(map, of, signature, kernel));
            }
        }
    }
    return texts;
}

static struct protection_hosts *new_hosts(const catalog *map, const cpulift_plan *plan,
                                          const struct host_kind *kind,
                                          const protection_kernel *kernel)
{
    struct protection_hosts *of = g_new0(struct protection_hosts, 1);
    of->host = kind->host;
    of->guest = host_find_guest(kind->host, plan->virt, plan->machine);
    of->names = g_ptr_array_ref(kind->names);
    of->vendor = get_vendor(map, kind->host);
    if (kind->host->vulnerabilities != NULL) {
        of->source = PROTECTION_SCANNED;
        of->texts = json_incref(kind->host->vulnerabilities);
    } else if (of->guest != NULL) {
        of->texts = predict(map, of, kernel);
        of->source = of->texts != NULL ? PROTECTION_PREDICTED : PROTECTION_UNTOLD;
    } else {
        of->source = PROTECTION_UNTOLD;
    }
    return of;
}

/// The plan's own hosts of which there is no document.
static GPtrArray *find_missing(const cpulift_plan *plan, const inventory *hosts)
{
    GPtrArray *names = g_ptr_array_new();
    size_t k, h;
    const json_t *kind, *name;
    json_array_foreach (json_object_get(plan->document, "kinds"), k, kind) {
        json_array_foreach (json_object_get(kind, "hosts"), h, name) {
            if (inventory_find(hosts, json_string_value(name)) == NULL) {
                g_ptr_array_add(names, (void *)json_string_value(name));
            }
        }
    }
    g_ptr_array_sort(names, text_compare);
    return names;
}

GPtrArray *protection_find_hosts(const catalog *map, const cpulift_plan *plan,
                                 const inventory *hosts, const protection_kernel *kernel)
{
    GPtrArray *all = g_ptr_array_new_with_free_func(free_hosts);
    for (size_t k = 0; k < hosts->kinds->len; k++) {
        g_ptr_array_add(all, new_hosts(map, plan, hosts->kinds->pdata[k], kernel));
    }
    g_autoptr(GPtrArray) missing = find_missing(plan, hosts);
    if (missing->len > 0) {
        struct protection_hosts *of = g_new0(struct protection_hosts, 1);
        of->source = PROTECTION_UNTOLD;
        of->names = g_ptr_array_ref(missing);
        g_ptr_array_add(all, of);
    }
    return all;
}

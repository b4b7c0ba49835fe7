// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/render.h"

#include "base/text.h"
#include "core/planner_define.h"
#include "platform/render_parts.h"

#include <string.h>

/// What the model gives under the plan's virt type without being asked.
struct contents {
    bool is_known;
    feature_set certain;  ///< given whoever starts the guest
    feature_set possible; ///< given by some release of libvirt or QEMU
};

static struct contents find_contents(const cpulift_plan *plan, const catalog *map)
{
    const struct catalog_model *model = catalog_find_model(map, plan->cpu->model);
    if (model == NULL) {
        return (struct contents){.is_known = false};
    }
    feature_set adds, drops;
    planner_get_virt_changes(map, plan->virt, &adds, &drops);
    feature_set features = feature_set_unite(model->features, adds);
    return (struct contents){
        .is_known = true,
        .certain = feature_set_subtract(features, drops),
        .possible =
            feature_set_unite(features, feature_set_unite(model->removed, model->qemu_adds)),
    };
}

/// Only what differs from the model: platforms check, report and store each name they are given.
static void add_differences(struct rendering *self)
{
    const cpulift_cpu *cpu = self->plan->cpu;
    struct contents contents = find_contents(self->plan, self->map);
    for (size_t i = 0; i < cpu->feature_count; i++) {
        const struct cpu_feature *feature = &cpu->features[i];
        int id = catalog_find_feature(self->map, feature->name);
        bool is_judged = contents.is_known && id >= 0;
        if (feature->policy == CPU_REQUIRE &&
            !(is_judged && feature_set_has(&contents.certain, (size_t)id))) {
            g_ptr_array_add(self->require, feature->name);
        }
        if (feature->policy == CPU_DISABLE &&
            (!is_judged || feature_set_has(&contents.possible, (size_t)id))) {
            g_ptr_array_add(self->disable, feature->name);
        }
    }
    if (!contents.is_known) {
        render_warn(self,
                    "the model '%s' is not in this libvirt's CPU map: all features are listed, "
                    "and not only those that differ from it",
                    cpu->model);
    }
}

void render_warn(const struct rendering *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(self->warnings, g_strdup_vprintf(format, args));
    va_end(args);
}

static void join(GString *out, const GPtrArray *names, const char *sign, const char *separator)
{
    for (size_t i = 0; i < names->len; i++) {
        g_string_append_printf(out, "%s%s%s", out->len > 0 ? separator : "", sign,
                               (const char *)g_ptr_array_index(names, i));
    }
}

char *render_join(const struct rendering *self, const char *plus, const char *minus,
                  const char *separator)
{
    GString *out = g_string_new(NULL);
    join(out, self->require, plus, separator);
    join(out, self->disable, minus, separator);
    return g_string_free(out, FALSE);
}

static const struct renderer {
    const char *name;
    int (*render)(struct rendering *self, cpulift_error **err);
    bool has_versions; ///< its words hang on the platform's version
} renderers[] = {
    {"kubevirt", render_kubevirt, false},
    {"nova", render_nova, true},
    {"ovirt", render_ovirt, false},
    {"proxmox", render_proxmox, false},
};

void render_list(GPtrArray *names)
{
    for (size_t i = 0; i < G_N_ELEMENTS(renderers); i++) {
        g_ptr_array_add(names, g_strdup(renderers[i].name));
    }
}

static const struct renderer *find_renderer(const char *platform)
{
    for (size_t i = 0; i < G_N_ELEMENTS(renderers); i++) {
        if (strcmp(renderers[i].name, platform) == 0) {
            return &renderers[i];
        }
    }
    g_assert_not_reached();
}

static int parse_version(const struct renderer *renderer, const char *version,
                         unsigned *ret_version, cpulift_error **err)
{
    *ret_version = version != NULL ? text_parse_version(version) : 0;
    if (version != NULL && !renderer->has_versions) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "--version: what is printed for '%s' is the same for all",
                                 renderer->name);
    }
    return 0;
}

int render_format(const cpulift_plan *plan, const catalog *map, const char *platform,
                  const char *version, GPtrArray *warnings, char **ret_text, cpulift_error **err)
{
    const struct renderer *renderer = find_renderer(platform);
    unsigned number = 0;
    TRY(parse_version(renderer, version, &number, err));
    g_autoptr(GPtrArray) require = g_ptr_array_new();
    g_autoptr(GPtrArray) disable = g_ptr_array_new();
    g_autoptr(GString) out = g_string_new(NULL);
    struct rendering self = {plan, map, require, disable, out, warnings, number};
    add_differences(&self);
    TRY(renderer->render(&self, err));
    *ret_text = g_string_free(g_steal_pointer(&out), FALSE);
    return 0;
}

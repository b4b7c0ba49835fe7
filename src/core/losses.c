// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/losses.h"

#include "base/text.h"
#include "base/xml.h"
#include "core/policy.h"

#include <string.h>

/// Why a plan has not what was asked for, beside the reasons of its own.
static const struct policy_reason_text
    cost = {.why = "not every host can give it",
            .remedy = "plan without the hosts that 'cpulift explain' names"},
    unsaid = {0}, given = {.remedy = "plan with", .option = " --deny "};

static const json_t *find_entry(const cpulift_plan *plan, const char *list, const char *feature)
{
    size_t i;
    const json_t *entry;
    json_array_foreach (json_object_get(plan->document, list), i, entry) {
        if (g_strcmp0(json_string_value(json_object_get(entry, "feature")), feature) == 0) {
            return entry;
        }
    }
    return NULL;
}

/// The hooks' plan has no reasons.
static const struct policy_reason_text *find_cause(const cpulift_plan *plan, const char *feature)
{
    const json_t *omitted = find_entry(plan, "omitted", feature);
    const char *reason = json_string_value(json_object_get(omitted, "reason"));
    const struct policy_reason_text *own = reason != NULL ? policy_find_reason_text(reason) : NULL;
    bool is_cost = own == NULL && find_entry(plan, "losses", feature) != NULL;
    return own != NULL ? own : is_cost ? &cost : &unsaid;
}

/// What the definition says; else what the plan's guests see.
static bool is_given(const cpulift_plan *plan, const cpulift_cpu *cpu, const char *name)
{
    const struct cpu_feature *said = cpu_find_feature(cpu, name);
    return said != NULL ? !cpu_is_off(said->policy)
                        : plan->features != NULL &&
                              g_strv_contains((const char *const *)plan->features, name);
}

static void add(GPtrArray *losses, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void add(GPtrArray *losses, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(losses, g_strdup_vprintf(format, args));
    va_end(args);
}

/// ": plan with --allow nested, or --respect".
static char *format_remedy(const struct losses_asker *asker, const GPtrArray *names,
                           const struct policy_reason_text *cause)
{
    GString *out = g_string_new(cause->remedy);
    for (size_t i = 0; cause->option != NULL && i < names->len; i++) {
        g_string_append_printf(out, "%s%s", cause->option,
                               (const char *)g_ptr_array_index(names, i));
    }
    if (asker->escape != NULL) {
        g_string_append_printf(out, cause->remedy != NULL ? ", or %s" : "%s keeps it",
                               asker->escape);
    }
    return g_string_free(g_string_prepend(out, out->len > 0 ? ": " : ""), FALSE);
}

static void add_features(GPtrArray *losses, const struct losses_asker *asker, const char *asks,
                         const GPtrArray *names, const struct policy_reason_text *cause)
{
    g_autofree char *list =
        text_join_some((const char *const *)names->pdata, names->len, names->len);
    g_autofree char *why = cause->why != NULL ? g_strdup_printf(" (%s)", cause->why) : g_strdup("");
    g_autofree char *remedy = format_remedy(asker, names, cause);
    add(losses, "%s %s %s, which the plan %s%s%s", asker->subject, asks, list,
        cause == &given ? "gives" : "leaves out", why, remedy);
}

/// Adds one sentence for what is missing of the same cause.
static void add_cause(GPtrArray *losses, const struct losses_asker *asker, const char *asks,
                      const GPtrArray *missing, const cpulift_plan *plan,
                      const struct policy_reason_text *cause)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < missing->len; i++) {
        if (find_cause(plan, g_ptr_array_index(missing, i)) == cause) {
            g_ptr_array_add(names, g_ptr_array_index(missing, i));
        }
    }
    if (names->len > 0) {
        add_features(losses, asker, asks, names, cause);
    }
}

static void add_causes(GPtrArray *losses, const struct losses_asker *asker, const char *asks,
                       const GPtrArray *missing, const cpulift_plan *plan)
{
    size_t count = 0;
    const struct policy_reason_text *reasons = policy_list_reasons(&count);
    for (size_t i = 0; i < count; i++) {
        add_cause(losses, asker, asks, missing, plan, &reasons[i]);
    }
    add_cause(losses, asker, asks, missing, plan, &cost);
    add_cause(losses, asker, asks, missing, plan, &unsaid);
}

/// libvirt takes the model of a custom CPU only.
static bool is_another_model(const cpulift_cpu *own, const cpulift_cpu *cpu)
{
    bool is_custom = own->mode == NULL || strcmp(own->mode, "custom") == 0;
    return is_custom && own->model != NULL && g_strcmp0(own->model, cpu->model) != 0;
}

/// What another model gives by itself.
static void add_of_model(GPtrArray *missing, const catalog *map, const cpulift_cpu *own,
                         const cpulift_plan *plan, const cpulift_cpu *cpu)
{
    const struct catalog_model *model =
        map != NULL && is_another_model(own, cpu) ? catalog_find_model(map, own->model) : NULL;
    if (model == NULL) {
        return;
    }
    feature_set_foreach (id, &model->features) {
        char *name = catalog_get_feature(map, id)->name;
        if (cpu_find_feature(own, name) == NULL && !is_given(plan, cpu, name)) {
            g_ptr_array_add(missing, name);
        }
    }
}

static void compare(GPtrArray *losses, const struct losses_asker *asker, const cpulift_cpu *own,
                    const cpulift_plan *plan, const cpulift_cpu *cpu)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new();
    g_autoptr(GPtrArray) unwanted = g_ptr_array_new();
    g_autoptr(GPtrArray) of_model = g_ptr_array_new();
    add_of_model(of_model, asker->map, own, plan, cpu);
    for (size_t i = 0; i < own->feature_count; i++) {
        const struct cpu_feature *asked = &own->features[i];
        if (is_given(plan, cpu, asked->name) == cpu_is_off(asked->policy)) {
            g_ptr_array_add(cpu_is_off(asked->policy) ? unwanted : missing, asked->name);
        }
    }
    add_causes(losses, asker, "asks for", missing, plan);
    add_causes(losses, asker, "asks by its model for", of_model, plan);
    if (unwanted->len > 0) {
        add_features(losses, asker, "disables", unwanted, &given);
    }
}

/// ": 'cpulift explain' says what that changes, --respect keeps it".
static char *format_hint(const struct losses_asker *asker, const cpulift_cpu *own)
{
    bool is_known = asker->map != NULL && catalog_find_model(asker->map, own->model) != NULL;
    const char *explain = is_known ? "" : "'cpulift explain' says what that changes";
    const char *escape = asker->escape != NULL ? asker->escape : "";
    return g_strdup_printf("%s%s%s%s%s", is_known && *escape == '\0' ? "" : ": ", explain,
                           *explain != '\0' && *escape != '\0' ? ", " : "", escape,
                           *escape != '\0' ? " keeps it" : "");
}

/// Model, vendor and what is shown of it, width.
static void compare_rest(GPtrArray *losses, const struct losses_asker *asker,
                         const cpulift_cpu *own, const cpulift_cpu *cpu)
{
    if (is_another_model(own, cpu)) {
        g_autofree char *hint = format_hint(asker, own);
        add(losses, "%s asks for model %s, and gets %s%s", asker->subject, own->model, cpu->model,
            hint);
    }
    if (own->vendor != NULL && cpu->vendor != NULL && strcmp(own->vendor, cpu->vendor) != 0) {
        add(losses, "%s asks for a CPU of %s, and gets one of %s", asker->subject, own->vendor,
            cpu->vendor);
    }
    if (own->vendor_id != NULL && g_strcmp0(own->vendor_id, cpu->vendor_id) != 0) {
        add(losses, "%s asks for the vendor id '%s', which a plan cannot give", asker->subject,
            own->vendor_id);
    }
    if (own->phys_bits != 0 && cpu->phys_bits != 0 && own->phys_bits != cpu->phys_bits) {
        add(losses, "%s asks for physical addresses of %u bits, and gets %u", asker->subject,
            own->phys_bits, cpu->phys_bits);
    }
}

void losses_add_cpu(GPtrArray *losses, const struct losses_asker *asker, const cpulift_cpu *own,
                    const cpulift_plan *plan, const cpulift_cpu *cpu)
{
    if (own->mode != NULL && strcmp(own->mode, "custom") != 0) {
        add(losses, "%s has a CPU of mode '%s': what that gave depends on the host", asker->subject,
            own->mode);
    } else if (g_strcmp0(own->match, "minimum") == 0) {
        add(losses, "%s has a CPU of match 'minimum': what that gave depends on the host",
            asker->subject);
    } else if (own->model == NULL && !asker->is_brief) {
        add(losses, "%s names no CPU model: what it had depends on its QEMU", asker->subject);
    }
    compare_rest(losses, asker, own, cpu);
    compare(losses, asker, own, plan, cpu);
}

/// A width that is the host's, or that but for a limit, is no number to compare.
static void add_host_width(GPtrArray *losses, const struct losses_asker *asker,
                           const xmlNode *element, const cpulift_cpu *cpu)
{
    const xmlNode *width = xml_find_child(element, "maxphysaddr");
    g_autofree char *mode = width != NULL ? xml_get_attribute(width, "mode") : NULL;
    if (g_strcmp0(mode, "passthrough") == 0 && cpu->phys_bits != 0) {
        add(losses, "%s has its host's width of physical addresses, and gets %u bits",
            asker->subject, cpu->phys_bits);
    }
}

/// A width that the plan knows and does not state, and the guest's own (`own` NULL: none) beside
/// it.
static void add_width(GPtrArray *losses, const struct losses_asker *asker, const cpulift_cpu *own,
                      const cpulift_plan *plan, const cpulift_cpu *cpu)
{
    unsigned width = plan_get_width(plan), asked = own != NULL ? own->phys_bits : 0;
    char *unstated = asked == 0 && asker->is_told_width ? plan_describe_width(plan) : NULL;
    if (unstated != NULL) {
        g_ptr_array_add(losses, unstated);
    }
    if (width != 0 && cpu->phys_bits == 0 && asked > width) {
        add(losses,
            "%s keeps its physical addresses of %u bits, and the plan's hosts have %u: it may not "
            "start or migrate everywhere; remove its <maxphysaddr>",
            asker->subject, asked, width);
    }
}

static bool is_on(const xmlNode *node)
{
    g_autofree char *state = node != NULL ? xml_get_attribute(node, "state") : NULL;
    return g_strcmp0(state, "on") == 0;
}

/// Such a guest cannot migrate. Source: kvm_arch_init_vcpu() in QEMU target/i386/kvm/kvm.c, which
/// blocks it where the TSC's frequency is not set by the user.
static void add_reenlightenment(GPtrArray *losses, const struct losses_asker *asker,
                                const xmlNode *root)
{
    const xmlNode *features = xml_find_child(root, "features");
    const xmlNode *hyperv = features != NULL ? xml_find_child(features, "hyperv") : NULL;
    const xmlNode *found = hyperv != NULL ? xml_find_child(hyperv, "reenlightenment") : NULL;
    if (is_on(found) && !domain_has_tsc_frequency(root)) {
        add(losses,
            "%s has Hyper-V's re-enlightenment without <timer name='tsc' frequency='…'/>: QEMU "
            "does not migrate it",
            asker->subject);
    }
}

void losses_add_domain(GPtrArray *losses, const struct losses_asker *asker,
                       const domain_document *document, const cpulift_plan *plan,
                       const cpulift_cpu *cpu)
{
    const xmlNode *root = xmlDocGetRootElement(document->tree);
    const xmlNode *element = xml_find_child(root, "cpu");
    g_autoptr(cpulift_cpu) own = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (element != NULL && cpu_parse_node(element, document->label, &own, &err) != 0) {
        add(losses, "what %s asked of its CPU cannot be read: %s", asker->subject, err->message);
    } else if (own != NULL) {
        losses_add_cpu(losses, asker, own, plan, cpu);
        add_host_width(losses, asker, element, cpu);
    }
    add_width(losses, asker, own, plan, cpu);
    if (element != NULL && xml_find_next(element, "cpu") != NULL) {
        add(losses, "%s has a second <cpu>: the first is replaced, the second kept",
            asker->subject);
    }
    add_reenlightenment(losses, asker, root);
}

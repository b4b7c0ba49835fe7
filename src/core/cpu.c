// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/cpu.h"

#include "base/record.h"
#include "base/text.h"
#include "base/xml.h"

#include <string.h>

static const char *const policy_names[] = {
    [CPU_REQUIRE] = "require", [CPU_DISABLE] = "disable", [CPU_OPTIONAL] = "optional",
    [CPU_FORCE] = "force",     [CPU_FORBID] = "forbid",
};

bool cpu_is_binding(const cpulift_cpu *cpu)
{
    return g_strcmp0(cpu->check, "full") == 0;
}

bool cpu_is_off(enum cpu_policy policy)
{
    return policy == CPU_DISABLE || policy == CPU_FORBID;
}

const struct cpu_feature *cpu_find_feature(const cpulift_cpu *cpu, const char *name)
{
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (strcmp(cpu->features[i].name, name) == 0) {
            return &cpu->features[i];
        }
    }
    return NULL;
}

/// A definition's lists are called as the policies.
static enum cpu_policy find_policy(const record_row *row)
{
    size_t i = 0;
    while (strcmp(policy_names[i], row->key) != 0) {
        i++;
    }
    return (enum cpu_policy)i;
}

static int parse_features(const record_at *at, const record_row *row, const json_t *value,
                          void *base, cpulift_error **err)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    TRY(record_parse_strings(at, row, value, names, err));
    for (size_t i = 0; base != NULL && i < names->len; i++) {
        cpu_add_feature(base, names->pdata[i], find_policy(row));
    }
    return 0;
}

static json_t *format_features(const record_row *row, const void *base, const void *data)
{
    (void)data;
    const cpulift_cpu *cpu = base;
    json_t *list = json_array();
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (cpu->features[i].policy == find_policy(row)) {
            json_array_append_new(list, json_string(cpu->features[i].name));
        }
    }
    return list;
}

/// The lists share the array: the first of them frees it.
static void clear_features(const record_row *row, void *base)
{
    (void)row;
    cpulift_cpu *cpu = base;
    for (size_t i = 0; i < cpu->feature_count; i++) {
        g_free(cpu->features[i].name);
    }
    g_clear_pointer(&cpu->features, g_free);
    cpu->feature_count = 0;
}

static const struct record_kind features = {"list of names", parse_features, format_features,
                                            clear_features};

#define CPU(member) RECORD_AT(cpulift_cpu, member)
#define LIST        &features, CPU(features), RECORD_NAMES, .max = FEATURE_MAX

/// libvirt's words (docs/formatdomain.html#cpu-model-and-topology); in a plan no others.
static const char *const modes[] = {"custom", "host-model", "host-passthrough", "maximum", NULL};
static const char *const matches[] = {"exact", "minimum", "strict", NULL};
static const char *const checks[] = {"none", "partial", "full", NULL};
static const char *const fallbacks[] = {"allow", "forbid", NULL};

/// The names stand first.
static const record_row rows[] = {
    {"mode", &record_name, CPU(mode), .words = modes},
    {"match", &record_name, CPU(match), .words = matches},
    {"check", &record_name, CPU(check), .words = checks,
     .meaning = "`full`: a host that cannot give exactly this "
                "is refused"},
    {"model", &record_name, CPU(model), RECORD_REQUIRED, .meaning = "libvirt's named model"},
    {"fallback", &record_name, CPU(fallback), .words = fallbacks},
    {"vendor", &record_name, CPU(vendor), .meaning = "libvirt's name"},
    {"phys_bits", &record_uint, CPU(phys_bits), .min = CPU_PHYS_BITS_MIN, .max = CPU_PHYS_BITS_MAX,
     .meaning = "`<maxphysaddr mode='emulate'>`"},
    {"require", LIST, .meaning = "features, in the element's order"},
    {"disable", LIST},
    {"optional", LIST},
    {0},
};

const struct record cpu_definition_record = {.rows = rows, .size = sizeof(cpulift_cpu)};

cpulift_cpu *cpu_new(void)
{
    return record_new(&cpu_definition_record);
}

void cpu_free(cpulift_cpu *cpu)
{
    if (cpu != NULL) {
        g_free(cpu->arch);
        g_free(cpu->vendor_id);
        record_free(&cpu_definition_record, cpu);
    }
}

cpulift_cpu *cpu_copy(const cpulift_cpu *cpu)
{
    cpulift_cpu *copy = g_memdup2(cpu, sizeof *cpu);
    copy->arch = g_strdup(cpu->arch);
    copy->vendor_id = g_strdup(cpu->vendor_id);
    for (const record_row *row = rows; row->kind == &record_name; row++) {
        char **place = record_get_place(row, copy);
        *place = g_strdup(*place);
    }
    copy->features = NULL;
    copy->feature_count = 0;
    for (size_t i = 0; i < cpu->feature_count; i++) {
        cpu_add_feature(copy, cpu->features[i].name, cpu->features[i].policy);
    }
    return copy;
}

void cpu_add_feature(cpulift_cpu *cpu, const char *name, enum cpu_policy policy)
{
    cpu->features = g_renew(struct cpu_feature, cpu->features, cpu->feature_count + 1);
    cpu->features[cpu->feature_count++] = (struct cpu_feature){g_strdup(name), policy};
}

static int parse_feature(cpulift_cpu *cpu, const xmlNode *node, const char *name,
                         cpulift_error **err)
{
    g_autofree char *feature = xml_get_attribute(node, "name");
    g_autofree char *policy = xml_get_attribute(node, "policy");
    if (feature == NULL || !text_is_name(feature)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': a <feature> has no usable name", name);
    }
    if (cpu->feature_count == FEATURE_MAX) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': <cpu> has more than %d features", name,
                                 FEATURE_MAX);
    }
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (strcmp(cpu->features[i].name, feature) == 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': feature '%s' stands twice", name,
                                     feature);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(policy_names); i++) {
        if (strcmp(policy != NULL ? policy : "require", policy_names[i]) == 0) {
            cpu_add_feature(cpu, feature, (enum cpu_policy)i);
            return 0;
        }
    }
    return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': feature '%s' has the unknown policy '%s'",
                             name, feature, policy);
}

static unsigned get_number(const xmlNode *node, const char *attribute, guint64 max)
{
    g_autofree char *text = xml_get_attribute(node, attribute);
    guint64 value = 0;
    return text != NULL && text_to_uint(text, max, &value) ? (unsigned)value : 0;
}

static void parse_model(cpulift_cpu *cpu, const xmlNode *node)
{
    xmlNode *model = xml_find_child(node, "model");
    if (model != NULL) {
        cpu->fallback = xml_get_attribute(model, "fallback");
        cpu->vendor_id = xml_get_attribute(model, "vendor_id");
        cpu->model = xml_get_text(model);
    }
    xmlNode *vendor = xml_find_child(node, "vendor");
    cpu->vendor = vendor != NULL ? xml_get_text(vendor) : NULL;
    xmlNode *arch = xml_find_child(node, "arch");
    cpu->arch = arch != NULL ? xml_get_text(arch) : NULL;
}

static void parse_numbers(cpulift_cpu *cpu, const xmlNode *node)
{
    xmlNode *signature = xml_find_child(node, "signature");
    if (signature != NULL) {
        cpu->family = get_number(signature, "family", CPU_SIGNATURE_MAX);
        cpu->model_number = get_number(signature, "model", CPU_SIGNATURE_MAX);
        cpu->stepping = get_number(signature, "stepping", CPU_SIGNATURE_MAX);
    }
    xmlNode *width = xml_find_child(node, "maxphysaddr");
    if (width != NULL) {
        unsigned bits = get_number(width, "bits", CPU_PHYS_BITS_MAX);
        cpu->phys_bits = bits >= CPU_PHYS_BITS_MIN ? bits : 0;
    }
}

static int check_name(const char *text, const char *name, cpulift_error **err)
{
    return text == NULL || text_is_name(text)
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s': <cpu> has '%s' where a name is expected", name, text);
}

/// All are words of libvirt's or names in its map.
static int check_names(const cpulift_cpu *cpu, const char *name, cpulift_error **err)
{
    for (const record_row *row = rows; row->kind == &record_name; row++) {
        TRY(check_name(*(char **)record_get_place(row, cpu), name, err));
    }
    return check_name(cpu->arch, name, err);
}

int cpu_parse_node(const struct _xmlNode *node, const char *name, cpulift_cpu **ret_cpu,
                   cpulift_error **err)
{
    g_autoptr(cpulift_cpu) cpu = cpu_new();
    cpu->mode = xml_get_attribute(node, "mode");
    cpu->match = xml_get_attribute(node, "match");
    cpu->check = xml_get_attribute(node, "check");
    parse_model(cpu, node);
    parse_numbers(cpu, node);
    TRY(check_names(cpu, name, err));
    for (xmlNode *f = xml_find_child(node, "feature"); f != NULL; f = xml_find_next(f, "feature")) {
        TRY(parse_feature(cpu, f, name, err));
    }
    *ret_cpu = g_steal_pointer(&cpu);
    return 0;
}

int cpu_parse(const char *text, size_t len, const char *name, cpulift_cpu **ret_cpu,
              cpulift_error **err)
{
    g_autoptr(xmlDoc) doc = NULL;
    TRY(xml_parse(text, len, name, &doc, err));
    xmlNode *node = xmlDocGetRootElement(doc);
    if (strcmp((const char *)node->name, "domain") == 0) {
        node = xml_find_child(node, "cpu");
    }
    if (node == NULL || strcmp((const char *)node->name, "cpu") != 0) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' holds no <cpu> element", name);
    }
    return cpu_parse_node(node, name, ret_cpu, err);
}

static void format_attribute(GString *out, const char *name, const char *value)
{
    if (value != NULL) {
        g_autofree char *escaped = g_markup_escape_text(value, -1);
        g_string_append_printf(out, " %s='%s'", name, escaped);
    }
}

static void format_text(GString *out, unsigned indent, const char *element, const char *text)
{
    if (text != NULL) {
        g_autofree char *escaped = g_markup_escape_text(text, -1);
        g_string_append_printf(out, "\n%*s<%s>%s</%s>", (int)indent + 2, "", element, escaped,
                               element);
    }
}

static void format_model(GString *out, unsigned indent, const cpulift_cpu *cpu)
{
    if (cpu->model != NULL) {
        g_autofree char *escaped = g_markup_escape_text(cpu->model, -1);
        g_string_append_printf(out, "\n%*s<model", (int)indent + 2, "");
        format_attribute(out, "fallback", cpu->fallback);
        format_attribute(out, "vendor_id", cpu->vendor_id);
        g_string_append_printf(out, ">%s</model>", escaped);
    }
}

char *cpu_format(const cpulift_cpu *cpu, unsigned indent)
{
    GString *out = g_string_new("<cpu");
    format_attribute(out, "mode", cpu->mode);
    format_attribute(out, "match", cpu->match);
    format_attribute(out, "check", cpu->check);
    g_string_append_c(out, '>');
    format_text(out, indent, "arch", cpu->arch);
    format_model(out, indent, cpu);
    format_text(out, indent, "vendor", cpu->vendor);
    if (cpu->family != 0) {
        g_string_append_printf(out, "\n%*s<signature family='%u' model='%u' stepping='%u'/>",
                               (int)indent + 2, "", cpu->family, cpu->model_number, cpu->stepping);
    }
    if (cpu->phys_bits != 0) {
        g_string_append_printf(out, "\n%*s<maxphysaddr mode='emulate' bits='%u'/>", (int)indent + 2,
                               "", cpu->phys_bits);
    }
    for (size_t i = 0; i < cpu->feature_count; i++) {
        g_string_append_printf(out, "\n%*s<feature", (int)indent + 2, "");
        format_attribute(out, "policy", policy_names[cpu->features[i].policy]);
        format_attribute(out, "name", cpu->features[i].name);
        g_string_append(out, "/>");
    }
    g_string_append_printf(out, "\n%*s</cpu>", (int)indent, "");
    return g_string_free(out, FALSE);
}

const char *cpu_find_dependence(const cpulift_cpu *cpu)
{
    if (cpu->mode != NULL && strcmp(cpu->mode, "custom") != 0) {
        return cpu->mode;
    }
    // libvirt's cpuUpdate() then requires whatever else the host has (src/cpu/cpu_x86.c).
    if (g_strcmp0(cpu->match, "minimum") == 0) {
        return "match='minimum'";
    }
    // A topology alone is no CPU either: what QEMU gives then hangs on its version and machine.
    return cpu->model == NULL && cpu->arch == NULL && cpu->feature_count == 0 ? "no model" : NULL;
}

int cpu_check_said(const cpulift_cpu *cpu, const char *name, cpulift_error **err)
{
    const char *dependence = cpu_find_dependence(cpu);
    return dependence == NULL
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "the CPU of '%s' depends on its host (%s): give the running "
                                   "guest's XML ('virsh dumpxml'), or a plan",
                                   name, dependence);
}

int cpu_expand(const cpulift_cpu *cpu, const catalog *map, feature_set *ret_set,
               cpulift_error **err)
{
    feature_set set = {0};
    if (cpu->model != NULL) {
        const struct catalog_model *model = catalog_find_model(map, cpu->model);
        if (model == NULL) {
            g_autofree char *meant = catalog_suggest_model(map, cpu->model);
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "unknown CPU model '%s': " CATALOG_LACKS_IT "%s", cpu->model,
                                     meant);
        }
        set = model->features;
    }
    for (size_t i = 0; i < cpu->feature_count; i++) {
        enum cpu_policy policy = cpu->features[i].policy;
        feature_set one = {0};
        TRY(catalog_add_feature(map, cpu->features[i].name, "<cpu>", &one, err));
        set = cpu_is_off(policy) ? feature_set_subtract(set, one) : feature_set_unite(set, one);
    }
    *ret_set = set;
    return 0;
}

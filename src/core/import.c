// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/import.h"

#include "base/json.h"
#include "base/text.h"
#include "base/xml.h"
#include "core/host_model.h"
#include "core/machine.h"

#include <string.h>

/// Adds an entry for this virt type and machine; a second one for the same is an error.
static int add_guest(cpulift_host *host, const char *virt, const char *machine, const char *name,
                     struct host_guest **ret_guest, cpulift_error **err)
{
    const char *kind = machine_find_kind(machine);
    if (!text_is_name(virt) || !text_is_name(machine)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' names no usable virt type and machine",
                                 name);
    }
    if (!g_strv_contains(machine_virts, virt)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' is of %s guests: only kvm and qemu are planned", name, virt);
    }
    if (host_find_guest(host, virt, kind) != NULL) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' describes %s guests on %s, as another file for host '%s' does", name, virt, kind,
            host->name);
    }
    *ret_guest = host_add_guest(host, virt, kind);
    if (strcmp(kind, machine) != 0) {
        (*ret_guest)->canonical_machine = g_strdup(machine);
    }
    return 0;
}

static void set_string(char **place, const char *value)
{
    if (value != NULL && *place == NULL) {
        *place = g_strdup(value);
    }
}

/// The child's text, or NULL. The caller frees it.
static char *get_child_text(const xmlNode *node, const char *child)
{
    xmlNode *found = xml_find_child(node, child);
    return found != NULL ? xml_get_text(found) : NULL;
}

static int check_arch(const char *arch, const char *name, cpulift_error **err)
{
    if (g_strcmp0(arch, "x86_64") == 0) {
        return 0;
    }
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s' is of architecture '%s': only x86_64 is planned", name,
                             arch != NULL ? arch : "");
}

static xmlNode *find_mode(const xmlNode *cpu, const char *mode)
{
    for (xmlNode *m = xml_find_child(cpu, "mode"); m != NULL; m = xml_find_next(m, "mode")) {
        g_autofree char *name = xml_get_attribute(m, "name");
        g_autofree char *supported = xml_get_attribute(m, "supported");
        if (g_strcmp0(name, mode) == 0 && g_strcmp0(supported, "yes") == 0) {
            return m;
        }
    }
    return NULL;
}

static json_t *read_blocking(const xmlNode *blockers)
{
    json_t *features = json_array();
    for (xmlNode *f = xml_find_child(blockers, "feature"); f != NULL;
         f = xml_find_next(f, "feature")) {
        g_autofree char *feature = xml_get_attribute(f, "name");
        if (feature != NULL && text_is_name(feature)) {
            json_array_append_new(features, json_string(feature));
        }
    }
    return features;
}

/// Why models are not usable, where libvirt says (10.3 on).
static void read_blockers(const xmlNode *custom, struct host_guest *guest)
{
    for (xmlNode *b = xml_find_child(custom, "blockers"); b != NULL;
         b = xml_find_next(b, "blockers")) {
        g_autofree char *model = xml_get_attribute(b, "model");
        if (model != NULL && text_is_name(model)) {
            guest->blocked_models =
                guest->blocked_models != NULL ? guest->blocked_models : json_object();
            json_object_set_new(guest->blocked_models, model, read_blocking(b));
        }
    }
}

/// The names of <mode name='custom'>: known, usable, and why the others are not.
static int read_models(const xmlNode *custom, const char *name, struct host_guest *guest,
                       cpulift_host *host, cpulift_error **err)
{
    g_autoptr(GPtrArray) known = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) usable = g_ptr_array_new_with_free_func(g_free);
    for (xmlNode *m = xml_find_child(custom, "model"); m != NULL; m = xml_find_next(m, "model")) {
        g_autofree char *model = xml_get_text(m);
        g_autofree char *is_usable = xml_get_attribute(m, "usable");
        if (!text_is_name(model)) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': '%s' is no model name", name,
                                     model);
        }
        if (g_strcmp0(is_usable, "yes") == 0) {
            g_ptr_array_add(usable, g_strdup(model));
        }
        g_ptr_array_add(known, g_steal_pointer(&model));
    }
    read_blockers(custom, guest);
    g_ptr_array_sort(known, text_compare);
    g_ptr_array_sort(usable, text_compare);
    g_ptr_array_add(known, NULL);
    g_ptr_array_add(usable, NULL);
    guest->usable_models = (char **)g_ptr_array_free(g_steal_pointer(&usable), FALSE);
    if (host->libvirt_models == NULL) {
        host->libvirt_models = (char **)g_ptr_array_free(g_steal_pointer(&known), FALSE);
    }
    return 0;
}

/// The host's width as libvirt tells it (9.3 on), or 0: more than the architecture has is a mock's.
static unsigned read_limit(const xmlNode *cpu)
{
    const xmlNode *width = xml_find_child(cpu, "maxphysaddr");
    g_autofree char *limit = width != NULL ? xml_get_attribute(width, "limit") : NULL;
    guint64 bits = 0;
    bool is_one =
        limit != NULL && text_to_uint(limit, CPU_PHYS_BITS_MAX, &bits) && bits >= CPU_PHYS_BITS_MIN;
    return is_one ? (unsigned)bits : 0;
}

/// The host-model of a domcapabilities' <cpu>; a host without one cannot say what a guest gets.
static int find_host_model(const xmlNode *cpu_node, const char *name,
                           const struct host_guest *guest, xmlNode **ret_mode,
                           cpulift_cpu **ret_cpu, cpulift_error **err)
{
    *ret_mode = cpu_node != NULL ? find_mode(cpu_node, "host-model") : NULL;
    if (*ret_mode == NULL) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' has no host-model for %s guests on %s: this host cannot say what a "
            "guest gets",
            name, guest->virt, guest->machine);
    }
    TRY(cpu_parse_node(*ret_mode, name, ret_cpu, err));
    return (*ret_cpu)->model != NULL
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT, "'%s': its host-model names no model",
                                   name);
}

/// What is listed without a word on models: where libvirt was asked to expand it, that is all.
static int read_listed(const cpulift_cpu *cpu, const char *name, const catalog *map,
                       struct host_guest *guest, cpulift_error **err)
{
    g_autoptr(cpulift_cpu) listed = cpu_copy(cpu);
    g_clear_pointer(&listed->model, g_free);
    return host_model_read(listed, name, NULL, map, guest, err);
}

static int read_host_model(const xmlNode *cpu_node, const char *name, const catalog *map,
                           unsigned flags, struct host_guest *guest, cpulift_host *host,
                           cpulift_error **err)
{
    xmlNode *mode = NULL;
    g_autoptr(cpulift_cpu) cpu = NULL;
    TRY(find_host_model(cpu_node, name, guest, &mode, &cpu, err));
    if ((flags & IMPORT_EXPANDED) != 0) {
        TRY(read_listed(cpu, name, map, guest, err));
    } else {
        TRY(host_model_read(cpu, name, host->libvirt_version, map, guest, err));
    }
    set_string(&guest->host_model, cpu->model);
    // QEMU itself has no vendor of its own: under TCG nothing is said about the host.
    if (strcmp(guest->virt, "kvm") == 0) {
        guest->phys_bits = read_limit(mode);
        set_string(&host->vendor, cpu->vendor);
        set_string(&host->model_name, cpu->model);
    }
    return 0;
}

unsigned import_find_flags(unsigned long version)
{
    return (version >= 12002000 ? IMPORT_EXPANDED : 0) |
           (version >= 12005000 ? IMPORT_SUPPORTED : 0);
}

int import_supported(const xmlNode *root, const char *name, const catalog *map,
                     struct host_guest *guest, cpulift_error **err)
{
    xmlNode *mode = NULL;
    g_autoptr(cpulift_cpu) cpu = NULL;
    g_autoptr(host_guest) all = host_guest_new();
    TRY(find_host_model(xml_find_child(root, "cpu"), name, guest, &mode, &cpu, err));
    TRY(read_listed(cpu, name, map, all, err));
    guest->possible = feature_set_subtract(all->features, guest->features);
    return 0;
}

int import_domcapabilities(const xmlNode *root, const char *name, const catalog *map,
                           unsigned flags, cpulift_host *host, cpulift_error **err)
{
    const xmlNode *cpu = xml_find_child(root, "cpu");
    g_autofree char *virt = get_child_text(root, "domain");
    g_autofree char *machine = get_child_text(root, "machine");
    g_autofree char *arch = get_child_text(root, "arch");
    if (cpu == NULL || virt == NULL || machine == NULL || arch == NULL) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' is no whole domcapabilities document: domain, machine, arch or cpu is "
            "missing",
            name);
    }
    set_string(&host->arch, arch);
    struct host_guest *guest = NULL;
    TRY(check_arch(arch, name, err));
    TRY(add_guest(host, virt, machine, name, &guest, err));
    g_autofree char *emulator = get_child_text(root, "path");
    guest->emulator =
        emulator != NULL && text_is_line(emulator) ? g_steal_pointer(&emulator) : NULL;
    const xmlNode *custom = find_mode(cpu, "custom");
    if (custom != NULL) {
        TRY(read_models(custom, name, guest, host, err));
    }
    return read_host_model(cpu, name, map, flags, guest, host, err);
}

/// One entry for each virt type and machine that the options name, with what `of` has.
static int add_guests(cpulift_host *host, const struct host_guest *of,
                      const struct import_options *options, const char *name, cpulift_error **err)
{
    const char *virt = options->virt != NULL ? options->virt : "kvm";
    const char *const asked[] = {options->machine, NULL};
    const char *const *machine = options->machine != NULL ? asked : machine_names;
    for (; *machine != NULL; machine++) {
        struct host_guest *guest = NULL;
        TRY(add_guest(host, virt, *machine, name, &guest, err));
        guest->features = of->features;
        guest->unknown = g_strdupv(of->unknown);
        guest->lower_bound = g_strdup(of->lower_bound);
    }
    return 0;
}

static void read_identity(const xmlNode *cpu_node, const cpulift_cpu *cpu, cpulift_host *host)
{
    if (cpu->family != 0) {
        host->family = cpu->family;
        host->model = cpu->model_number;
        host->stepping = cpu->stepping;
    }
    host->phys_bits = cpu->phys_bits != 0 ? cpu->phys_bits : host->phys_bits;
    set_string(&host->vendor, cpu->vendor);
    set_string(&host->model_name, cpu->model);
    const xmlNode *microcode = xml_find_child(cpu_node, "microcode");
    g_autofree char *version = microcode != NULL ? xml_get_attribute(microcode, "version") : NULL;
    if (version != NULL) {
        (void)text_to_uint(version, HOST_MICROCODE_MAX, &host->microcode);
    }
}

/// A description of silicon as a guest's features: KVM's own are added, since every guest has them.
static int add_silicon(const cpulift_cpu *cpu, const char *name, const catalog *map,
                       const struct import_options *options, cpulift_host *host,
                       cpulift_error **err)
{
    if (!options->is_silicon_trusted) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' describes the physical CPU, not what KVM gives a guest; "
                                 "import 'virsh domcapabilities' "
                                 "instead, or say --trust-silicon",
                                 name);
    }
    g_autoptr(host_guest) of = host_guest_new();
    TRY(host_model_read(cpu, name, host->libvirt_version, map, of, err));
    host->is_silicon = true;
    int hypervisor = catalog_find_feature(map, "hypervisor");
    if (hypervisor >= 0) {
        feature_set_add(&of->features, (size_t)hypervisor);
    }
    return add_guests(host, of, options, name, err);
}

static int read_host_cpu(const xmlNode *node, const char *name, cpulift_host *host,
                         cpulift_cpu **ret_cpu, cpulift_error **err)
{
    TRY(cpu_parse_node(node, name, ret_cpu, err));
    read_identity(node, *ret_cpu, host);
    set_string(&host->arch, (*ret_cpu)->arch);
    return 0;
}

int import_capabilities(const xmlNode *root, const char *name, const catalog *map,
                        const struct import_options *options, cpulift_host *host,
                        cpulift_error **err)
{
    const xmlNode *node = xml_find_child(root, "host");
    const xmlNode *cpu_node = node != NULL ? xml_find_child(node, "cpu") : NULL;
    if (cpu_node == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' describes no host CPU", name);
    }
    g_autoptr(cpulift_cpu) cpu = NULL;
    TRY(read_host_cpu(cpu_node, name, host, &cpu, err));
    TRY(check_arch(cpu->arch, name, err));
    import_node(root, host);
    return options != NULL ? add_silicon(cpu, name, map, options, host, err) : 0;
}

/// A bare <cpu>: with <arch> it is a physical CPU's description, else a definition as in
/// domcapabilities.
static int import_cpu(const xmlNode *node, const char *name, const catalog *map,
                      const struct import_options *options, cpulift_host *host, cpulift_error **err)
{
    g_autoptr(cpulift_cpu) cpu = NULL;
    TRY(read_host_cpu(node, name, host, &cpu, err));
    if (cpu->model == NULL) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' names no model, so what it gives is not known; import 'virsh domcapabilities'",
            name);
    }
    if (cpu->arch != NULL) {
        TRY(check_arch(cpu->arch, name, err));
        return add_silicon(cpu, name, map, options, host, err);
    }
    g_autoptr(host_guest) of = host_guest_new();
    TRY(host_model_read(cpu, name, host->libvirt_version, map, of, err));
    set_string(&host->arch, "x86_64");
    return add_guests(host, of, options, name, err);
}

/// QEMU's replies, one after the other: the expansion, and where it follows the list of named
/// models.
static int import_replies(const json_t *replies, const char *name, const catalog *map,
                          const struct import_options *options, cpulift_host *host,
                          cpulift_error **err)
{
    g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(host_guest) of = host_guest_new();
    const json_t *reply = json_array_get(replies, 0);
    size_t first = host->guests->len;
    TRY(import_expansion(reply, name, map, &of->features, unknown, err));
    if (unknown->len > 0) {
        record_merge_strings(&of->unknown, unknown);
    }
    TRY(add_guests(host, of, options, name, err));
    const json_t *definitions = json_object_get(json_array_get(replies, 1), "return");
    for (size_t g = first; definitions != NULL && g < host->guests->len; g++) {
        TRY(import_definitions(definitions, name, map, host->guests->pdata[g], err));
    }
    import_identity(import_find_model(reply), map, host);
    return 0;
}

static int import_xml(const char *text, size_t len, const char *name, const catalog *map,
                      const struct import_options *options, cpulift_host *host, cpulift_error **err)
{
    g_autoptr(xmlDoc) doc = NULL;
    TRY(xml_parse(text, len, name, &doc, err));
    const xmlNode *root = xmlDocGetRootElement(doc);
    const char *kind = (const char *)root->name;
    if (strcmp(kind, "domainCapabilities") == 0) {
        return import_domcapabilities(root, name, map, 0, host, err);
    }
    if (strcmp(kind, "capabilities") == 0) {
        return import_capabilities(root, name, map, options, host, err);
    }
    if (strcmp(kind, "cpu") == 0) {
        return import_cpu(root, name, map, options, host, err);
    }
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s' holds <%s>: none of domcapabilities, capabilities and <cpu>",
                             name, kind);
}

int import_text(const char *text, size_t len, const char *name, const catalog *map,
                const struct import_options *options, cpulift_host *host, cpulift_error **err)
{
    size_t start = 0;
    while (start < len && g_ascii_isspace(text[start])) {
        start++;
    }
    if (start == len || text[start] != '{') {
        return import_xml(text, len, name, map, options, host, err);
    }
    g_autoptr(json_t) replies = NULL;
    TRY(json_parse_sequence(text, len, name, &replies, err));
    return import_replies(replies, name, map, options, host, err);
}

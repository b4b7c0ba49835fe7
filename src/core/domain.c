// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/domain.h"

#include "base/file.h"
#include "base/xml.h"
#include "base/xmltext.h"
#include "core/domain_edit.h"
#include "core/domain_site.h"
#include "core/machine.h"

#include <string.h>

/// Roots of other documents that hold a domain; what to give us instead.
static const struct {
    const char *root, *advice;
} other_roots[] = {
    {"capabilities", "that is a host's description"},
    {"cpu", "that is a definition alone"},
    {"domainbackup", "give the domain's own XML (virsh dumpxml)"},
    {"domaincheckpoint", "give the domain's own XML (virsh dumpxml)"},
    {"domainsnapshot", "give the domain's own XML (virsh dumpxml), not a snapshot's"},
    {"domstatus", "that is libvirt's private state; give what virsh dumpxml prints"},
};

/// Encodings in which a byte below 0x80 is always that ASCII character, by prefix.
static const char *const ascii_supersets[] = {
    "ascii", "iso-8859-", "us-ascii", "utf-8", "windows-125",
};

static const char *const warnings[] = {
    "<qemu:commandline> has a -cpu of its own, which overrides the <cpu> element: the guest will "
    "not get the planned CPU; remove it",
    "the plan was made for another machine type, whose models may differ; make a plan with "
    "--machine for this one",
    "the plan was made for another virtualisation type: the guest may not start, or get another "
    "CPU",
    "the domain is a 32-bit one (arch='i686'), which may not see the 64-bit features of the plan",
    "<cache> or <maxphysaddr> with mode='passthrough' was left out, because libvirt refuses it "
    "beside a named model",
};

const char *domain_warning_to_string(enum domain_warning warning)
{
    size_t index = (size_t)__builtin_ctz(warning);
    return index < G_N_ELEMENTS(warnings) ? warnings[index] : "";
}

static int check_bytes(const char *xml, size_t len, const char *name, cpulift_error **err)
{
    if (len > FILE_DOCUMENT_MAX) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is larger than %zu bytes: no domain is",
                                 name, FILE_DOCUMENT_MAX);
    }
    if (len >= 2 && (memcmp(xml, "\xff\xfe", 2) == 0 || memcmp(xml, "\xfe\xff", 2) == 0 ||
                     xml[0] == '\0' || (xml[0] == '<' && xml[1] == '\0'))) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' is in UTF-16 or UTF-32, which cannot be edited in place; "
                                 "convert it to UTF-8",
                                 name);
    }
    if (memchr(xml, '\0', len) != NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is not valid XML: it has a NUL byte",
                                 name);
    }
    return 0;
}

int domain_parse(const char *xml, size_t len, const char *name, domain_document **ret_document,
                 cpulift_error **err)
{
    const char *label = name != NULL ? name : "?";
    g_autoptr(xmlDoc) tree = NULL;
    TRY(check_bytes(xml, len, label, err));
    TRY(xml_parse(xml, len, label, &tree, err));
    const xmlNode *node = xml_find_child(xmlDocGetRootElement(tree), "name");
    domain_document *document = g_new(domain_document, 1);
    *document = (domain_document){
        .xml = xml,
        .len = len,
        .tree = g_steal_pointer(&tree),
        .guest = node != NULL ? xml_get_text(node) : g_strdup("?"),
    };
    document->label = g_strdup(name != NULL ? name : document->guest);
    *ret_document = document;
    return 0;
}

void domain_free(domain_document *document)
{
    if (document != NULL) {
        xmlFreeDoc(document->tree);
        g_free(document->guest);
        g_free(document->label);
        g_free(document);
    }
}

static int check_encoding(const xmlDoc *doc, const char *name, cpulift_error **err)
{
    const char *encoding = (const char *)doc->encoding;
    if (encoding == NULL) {
        return 0;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(ascii_supersets); i++) {
        if (g_ascii_strncasecmp(encoding, ascii_supersets[i], strlen(ascii_supersets[i])) == 0) {
            return 0;
        }
    }
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s' declares the encoding '%s', which cannot be edited in place; "
                             "convert it to UTF-8",
                             name, encoding);
}

static int check_root(const xmlNode *root, const char *name, cpulift_error **err)
{
    const char *found = (const char *)root->name;
    if (strcmp(found, "domain") == 0 && root->ns == NULL) {
        return 0;
    }
    const char *advice = "give a domain's XML, as virsh dumpxml prints it";
    for (size_t i = 0; i < G_N_ELEMENTS(other_roots); i++) {
        if (strcmp(found, other_roots[i].root) == 0) {
            advice = other_roots[i].advice;
        }
    }
    return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' is no domain: its root is <%s>%s; %s", name,
                             found, root->ns != NULL ? " in a namespace" : "", advice);
}

static char *get_type_attribute(const xmlNode *root, const char *attribute)
{
    const xmlNode *os = xml_find_child(root, "os");
    const xmlNode *type = os != NULL ? xml_find_child(os, "type") : NULL;
    return type != NULL ? xml_get_attribute(type, attribute) : NULL;
}

static int check_arch(const xmlNode *root, const char *name, unsigned *warned, cpulift_error **err)
{
    g_autofree char *arch = get_type_attribute(root, "arch");
    if (g_strcmp0(arch, "i686") == 0) {
        *warned |= DOMAIN_I686;
    } else if (arch != NULL && strcmp(arch, "x86_64") != 0) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' is a domain of '%s': a plan is for x86_64 only", name, arch);
    }
    return 0;
}

static int check_virt(const xmlNode *root, const char *name, const struct domain_options *options,
                      unsigned *warned, cpulift_error **err)
{
    g_autofree char *type = xml_get_attribute(root, "type");
    if (g_strcmp0(type, "kvm") != 0 && g_strcmp0(type, "qemu") != 0) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' is a domain of type '%s': only those of QEMU (kvm, qemu) can "
            "take a plan",
            name, type != NULL ? type : "");
    }
    if (options->virt == NULL || strcmp(type, options->virt) == 0) {
        return 0;
    }
    *warned |= DOMAIN_VIRT;
    if (options->force) {
        return 0;
    }
    return cpulift_error_set(err, CPULIFT_EREFUSED,
                             "'%s' is a domain of type '%s' and the plan is for '%s', where other "
                             "features are possible; plan with --virt %s",
                             name, type, options->virt, type);
}

static void check_machine(const xmlNode *root, const struct domain_options *options,
                          unsigned *warned)
{
    g_autofree char *machine = get_type_attribute(root, "machine");
    if (options->machine != NULL && strcmp(machine_find_kind(machine), options->machine) != 0) {
        *warned |= DOMAIN_MACHINE;
    }
}

static bool is_of_qemu(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && node->ns != NULL &&
           strcmp((const char *)node->ns->href, DOMAIN_QEMU_NAMESPACE) == 0 &&
           strcmp((const char *)node->name, name) == 0;
}

bool domain_has_argument(const domain_document *document, bool (*fits)(const char *value))
{
    const xmlNode *root = xmlDocGetRootElement(document->tree);
    for (const xmlNode *node = root->children; node != NULL; node = node->next) {
        const xmlNode *arg = is_of_qemu(node, "commandline") ? node->children : NULL;
        for (; arg != NULL; arg = arg->next) {
            g_autofree char *value =
                is_of_qemu(arg, "arg") ? xml_get_attribute(arg, "value") : NULL;
            if (value != NULL && fits(value)) {
                return true;
            }
        }
    }
    return false;
}

bool domain_has_tsc_frequency(const xmlNode *root)
{
    const xmlNode *clock = xml_find_child(root, "clock");
    const xmlNode *timer = clock != NULL ? xml_find_child(clock, "timer") : NULL;
    for (; timer != NULL; timer = xml_find_next(timer, "timer")) {
        g_autofree char *name = xml_get_attribute(timer, "name");
        g_autofree char *frequency = xml_get_attribute(timer, "frequency");
        if (g_strcmp0(name, "tsc") == 0 && frequency != NULL) {
            return true;
        }
    }
    return false;
}

bool domain_has_own_mode(const domain_document *document)
{
    const xmlNode *cpu = xml_find_child(xmlDocGetRootElement(document->tree), "cpu");
    g_autofree char *mode = cpu != NULL ? xml_get_attribute(cpu, "mode") : NULL;
    return mode != NULL && strcmp(mode, "custom") != 0;
}

bool domain_is_cpu_option(const char *value)
{
    return strcmp(value, "-cpu") == 0 || strcmp(value, "--cpu") == 0 ||
           g_str_has_prefix(value, "cpu.") || strstr(value, "-cpu.") != NULL ||
           strstr(value, "-cpu,property=") != NULL;
}

bool domain_has_own_cpu(const domain_document *document)
{
    return domain_has_argument(document, domain_is_cpu_option);
}

/// A mode other than custom asks for a CPU by itself; a custom one (the default) by its model.
static bool asks_for_cpu(const xmlNode *cpu)
{
    g_autofree char *mode = xml_get_attribute(cpu, "mode");
    return (mode != NULL && strcmp(mode, "custom") != 0) || xml_find_child(cpu, "model") != NULL;
}

static bool is_custom(const cpulift_cpu *cpu)
{
    return cpu->mode == NULL || strcmp(cpu->mode, "custom") == 0;
}

/// libvirt takes <cache> and <maxphysaddr> of this mode only beside host-passthrough and maximum
/// (qemuValidateDomainDefCpu in its src/qemu/qemu_validate.c): the guest would not start.
static bool is_host_bound(const xmlNode *child)
{
    g_autofree char *mode = xml_get_attribute(child, "mode");
    return (xml_is_plain(child, "cache") || xml_is_plain(child, "maxphysaddr")) &&
           g_strcmp0(mode, "passthrough") == 0;
}

/// For each element child of <cpu> whether it goes; `count` entries. The caller frees it.
static bool *select_discarded(const xmlNode *node, size_t count, const cpulift_cpu *cpu,
                              unsigned *warned)
{
    bool *is_discarded = g_new0(bool, count + 1);
    size_t i = 0;
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type != XML_ELEMENT_NODE) {
            continue;
        }
        bool is_replaced = xml_is_plain(child, "model") || xml_is_plain(child, "vendor") ||
                           xml_is_plain(child, "feature") ||
                           (cpu->phys_bits > 0 && xml_is_plain(child, "maxphysaddr"));
        bool is_impossible = !is_replaced && is_custom(cpu) && is_host_bound(child);
        *warned |= is_impossible ? DOMAIN_DROPPED : 0;
        is_discarded[i++] = is_replaced || is_impossible;
    }
    return is_discarded;
}

/// Edits the element that is there. NULL if scanner and parser disagree.
static GString *replace(const domain_document *document, const struct domain_site *site,
                        const cpulift_cpu *cpu, const char *definition, unsigned *warned)
{
    g_autoptr(GArray) children = domain_find_children(document, site);
    if (children == NULL) {
        return NULL;
    }
    g_autofree bool *is_discarded = select_discarded(site->cpu, children->len, cpu, warned);
    struct domain_edit edit = {
        .text = document->xml,
        .len = document->len,
        .cpu = site->place,
        .children = children,
        .is_discarded = is_discarded,
    };
    return domain_edit_replace(&edit, definition);
}

static GString *insert(const char *xml, size_t len, const struct domain_site *site,
                       const char *definition)
{
    static const char empty[] = "<cpu/>";
    g_autoptr(GString) text = domain_edit_insert(xml, len, &site->place);
    size_t start = (size_t)(strstr(text->str + site->place.end, empty) - text->str);
    size_t end = start + strlen(empty);
    g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(struct xmltext_element));
    struct domain_edit edit = {
        .text = text->str,
        .len = text->len,
        .cpu = {.start = start, .name_len = 3, .open_end = end, .close_start = end, .end = end},
        .children = none,
    };
    return domain_edit_replace(&edit, definition);
}

/// Whether this document may be rewritten at all.
static int check_domain(const domain_document *document, const struct domain_options *options,
                        unsigned *warned, cpulift_error **err)
{
    const xmlNode *root = xmlDocGetRootElement(document->tree);
    TRY(check_encoding(document->tree, document->label, err));
    TRY(check_root(root, document->label, err));
    TRY(check_arch(root, document->label, warned, err));
    TRY(check_virt(root, document->label, options, warned, err));
    check_machine(root, options, warned);
    *warned |= domain_has_own_cpu(document) ? DOMAIN_OWN_CPU : 0;
    return 0;
}

/// A description of a physical CPU is no definition, and only ASCII is the same in all encodings.
static int check_definition(const cpulift_cpu *cpu, const char *definition, cpulift_error **err)
{
    if (cpu->arch != NULL || cpu->family != 0) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "the plan's <cpu> describes a physical CPU and is no definition; "
                                 "plan again");
    }
    if (!g_str_is_ascii(definition)) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "the plan's <cpu> has characters that no CPU's name has; plan "
                                 "again");
    }
    return 0;
}

int domain_rewrite(const domain_document *document, const cpulift_cpu *cpu,
                   const struct domain_options *options, char **ret_text, size_t *ret_len,
                   struct domain_changes *ret_changes, cpulift_error **err)
{
    const char *xml = document->xml;
    size_t len = document->len;
    struct domain_changes changes = {0};
    struct domain_site site = {0};
    g_autofree char *definition = cpu_format(cpu, 0);
    TRY(check_definition(cpu, definition, err));
    TRY(check_domain(document, options, &changes.warnings, err));
    TRY(domain_find_site(document, &site, err));
    changes.is_inserted = site.cpu == NULL;
    changes.is_respected = options->respect && site.cpu != NULL && asks_for_cpu(site.cpu);
    g_autoptr(GString) text = NULL;
    if (changes.is_respected) {
        text = g_string_new_len(xml, (gssize)len);
    } else if (site.cpu == NULL) {
        text = insert(xml, len, &site, definition);
    } else {
        text = replace(document, &site, cpu, definition, &changes.warnings);
    }
    if (text == NULL) {
        return domain_fail_scan(document, err);
    }
    changes.is_changed = text->len != len || memcmp(text->str, xml, len) != 0;
    *ret_changes = changes;
    *ret_len = text->len;
    *ret_text = g_string_free(g_steal_pointer(&text), FALSE);
    return 0;
}

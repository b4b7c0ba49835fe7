// SPDX-License-Identifier: LGPL-2.1-or-later
/// OpenNebula: its front-end, from which `onehost sync` carries drivers to the nodes.
///
/// kvmrc, which the node's scripts source first, gets one line that sources our include; that
/// defines a shell function `virsh` which has the XML of a new guest rewritten. The defaults in
/// vmm_exec_kvm.conf say what OpenNebula itself can say, for guests whose rewriting failed.
/// Sources: src/vmm_mad/remotes/kvm/deploy, src/vmm/LibVirtDriverKVM.cc,
/// src/im_mad/remotes/lib/kvm.rb of OpenNebula/one.
#include "base/file.h"
#include "base/text.h"
#include "base/xml.h"
#include "core/losses.h"
#include "platform/kvmrc.h"
#include "platform/onehosts.h"
#include "platform/onetemplate.h"
#include "platform/platform.h"

#include <string.h>

#define REMOTES     "var/lib/one/remotes"
#define KVMRC       REMOTES "/etc/vmm/kvm/kvmrc"
#define KVMRC_OLD   REMOTES "/vmm/kvm/kvmrc" ///< before 5.6
#define OUR_FOLDER  REMOTES "/cpulift"
#define DRIVER_CONF "etc/one/vmm_exec/vmm_exec_kvm.conf"
#define VERSION     REMOTES "/VERSION"

/// kvmrc is also read by dash, and, line by line, by Ruby, which takes every line with an equals
/// sign for a setting: hence neither an array nor such a sign. BASH_SOURCE is unset in dash.
#define INCLUDE                                                                                    \
    "if [ -r \"${BASH_SOURCE%/*}/%s/cpulift/kvmrc.bash\" ]; then . "                               \
    "\"${BASH_SOURCE%/*}/%s/cpulift/kvmrc.bash\"; fi\n"

static int detect(const root_dir *root, bool *ret_is, char **ret_version, cpulift_error **err)
{
    TRY(root_find(root, KVMRC, ret_is, err));
    TRY(*ret_is ? 0 : root_find(root, KVMRC_OLD, ret_is, err));
    return platform_read_version(root, VERSION, ret_version, err);
}

/// The line of kvmrc, which stands at `target`. The caller's.
static char *format_include(const char *target)
{
    GString *line = g_string_new(INCLUDE);
    g_string_replace(line, "%s", strcmp(target, KVMRC_OLD) == 0 ? "../.." : "../../..", 0);
    return g_string_free(line, FALSE);
}

static const char *find_fault(const char *target, const root_file *file)
{
    bool is_kvmrc = strcmp(target, KVMRC) == 0 || strcmp(target, KVMRC_OLD) == 0;
    g_autofree char *line = format_include(target);
    return is_kvmrc && file->exists && !kvmrc_runs(file->bytes, line)
               ? "the line that runs our include is not there, or does not run"
               : NULL;
}

/// A shell has one function of a name: ours would go, or an operator's, and nobody be told.
static int check_functions(const root_dir *root, const char *target, const char *text,
                           cpulift_error **err)
{
    static const char own[] = "^[ \\t]*(function[ \\t]+virsh\\b|virsh[ \\t]*\\()";
    return !g_regex_match_simple(own, text, G_REGEX_MULTILINE | G_REGEX_RAW, 0)
               ? 0
               : cpulift_error_set(err, CPULIFT_ECONFLICT,
                                   "'%s/%s' defines a function 'virsh', and so does ours: take it "
                                   "out, or use --channel native",
                                   root->path, target);
}

static int add_include(const root_dir *root, changeset *set, cpulift_error **err)
{
    bool is_new = false;
    TRY(root_find(root, KVMRC, &is_new, err));
    const char *target = is_new ? KVMRC : KVMRC_OLD;
    g_auto(root_file) file = {0};
    TRY(root_load(root, target, &file, err));
    if (!file.exists) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "'%s/%s' is not there: run this on the front-end, or name it with "
                                 "--root",
                                 root->path, KVMRC);
    }
    TRY(check_functions(root, target, file.bytes, err));
    g_autoptr(GString) text = g_string_new_len(file.bytes, (gssize)file.len);
    g_autofree char *line = format_include(target);
    kvmrc_add(text, line);
    return changeset_add_edit(set, root, target, &file, text->str, text->len, CHANGE_LINES, err);
}

static char *format_attribute(const cpulift_plan *plan, unsigned version)
{
    g_autofree char *features = platform_join_features(plan->cpu, CPU_REQUIRE, "", ",");
    bool has_features = version >= text_parse_version("6.8") && *features != '\0';
    return has_features ? g_strdup_printf("CPU_MODEL = [ MODEL = \"%s\", FEATURES = \"%s\" ]",
                                          plan->cpu->model, features)
                        : g_strdup_printf("CPU_MODEL = [ MODEL = \"%s\" ]", plan->cpu->model);
}

/// The CPU that OpenNebula makes of a CPU_MODEL. The caller's.
static cpulift_cpu *read_model(const onetemplate_attribute *model)
{
    cpulift_cpu *cpu = cpu_new();
    if (model->members == NULL) {
        return cpu; // no vector: OpenNebula finds nothing in it
    }
    const char *features = g_hash_table_lookup(model->members, "FEATURES");
    g_auto(GStrv) names = g_strsplit(features != NULL ? features : "", ",", -1);
    cpu->model = g_strdup(g_hash_table_lookup(model->members, "MODEL"));
    cpu->mode =
        g_strdup(cpu->model != NULL && g_str_has_prefix(cpu->model, "host-") ? cpu->model : NULL);
    for (char **name = names; *name != NULL; name++) {
        if (text_is_name(g_strstrip(*name))) {
            cpu_add_feature(cpu, *name, CPU_REQUIRE);
        }
    }
    return cpu;
}

/// RAW is a vector for one hypervisor, or the text itself: what OpenNebula puts before </domain>.
static const char *get_raw(const onetemplate_attribute *raw)
{
    const char *text =
        raw->members != NULL ? g_hash_table_lookup(raw->members, "DATA") : raw->value;
    return text != NULL ? text : "";
}

static void report_raw(const char *raw, struct platform_report *report)
{
    g_autofree char *xml =
        g_strdup_printf("<domain xmlns:qemu='" DOMAIN_QEMU_NAMESPACE "'>%s</domain>", raw);
    g_autoptr(domain_document) domain = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (domain_parse(xml, strlen(xml), "RAW in vmm_exec_kvm.conf", &domain, &err) != 0) {
        platform_say(report->losses, "what RAW adds to every domain cannot be read: %s",
                     err->message);
        return;
    }
    if (xml_find_child(xmlDocGetRootElement(domain->tree), "cpu") != NULL) {
        platform_say(
            report->losses,
            "RAW in vmm_exec_kvm.conf has a <cpu>, which counts no longer: it stands behind "
            "the one of CPU_MODEL, and libvirt takes the first");
    }
    if (domain_has_own_cpu(domain)) {
        platform_say(report->losses, "RAW in vmm_exec_kvm.conf: %s",
                     domain_warning_to_string(DOMAIN_OWN_CPU));
    }
}

/// Of the settings for all guests: a CPU_MODEL that is replaced, and what RAW adds to every domain.
static void report_losses(const GPtrArray *conf, const cpulift_plan *plan, const catalog *map,
                          struct platform_report *report)
{
    const onetemplate_attribute *model = onetemplate_find(conf, "CPU_MODEL");
    const onetemplate_attribute *raw = onetemplate_find(conf, "RAW");
    if (model != NULL) {
        const struct losses_asker asker = {.subject = "CPU_MODEL in vmm_exec_kvm.conf", .map = map};
        g_autoptr(cpulift_cpu) own = read_model(model);
        losses_add_cpu(report->losses, &asker, own, plan, plan->cpu);
    }
    if (raw != NULL) {
        report_raw(get_raw(raw), report);
    }
}

static int add_defaults(const root_dir *root, const cpulift_plan *plan,
                        const struct platform_options *options, unsigned version, changeset *set,
                        struct platform_report *report, cpulift_error **err)
{
    g_auto(root_file) file = {0};
    TRY(root_load(root, DRIVER_CONF, &file, err));
    if (!file.exists) {
        return 0;
    }
    g_autofree char *attribute = format_attribute(plan, version);
    g_autoptr(GString) text = g_string_new_len(file.bytes, (gssize)file.len);
    g_autoptr(GPtrArray) conf = NULL;
    TRY(onetemplate_parse(text, DRIVER_CONF, &conf, err));
    report_losses(conf, plan, options->map, report);
    TRY(onetemplate_set(text, DRIVER_CONF, "CPU_MODEL", attribute, err));
    return changeset_add_edit(set, root, DRIVER_CONF, &file, text->str, text->len, CHANGE_LINES,
                              err);
}

static void report_native(const cpulift_plan *plan, unsigned version,
                          struct platform_report *report)
{
    g_autofree char *attribute = format_attribute(plan, version);
    g_autofree char *disable = platform_join_features(plan->cpu, CPU_DISABLE, "", " ");
    platform_say(report->effects,
                 "a cluster's, host's or VM's own CPU_MODEL goes before vmm_exec_kvm.conf, MODEL "
                 "and FEATURES each on its own; for one cluster: onecluster update --append with "
                 "%s",
                 attribute);
    if (*disable != '\0') {
        platform_say(report->limits,
                     "natively no feature can be disabled, the include does it; missing: %s",
                     disable);
    }
    if (version < text_parse_version("6.8")) {
        platform_say(report->limits, "natively no FEATURES before 6.8, only the model");
    }
    if (version >= text_parse_version("7.0.1")) {
        platform_say(report->limits,
                     "a cluster's EVC_MODE overrides MODEL but not FEATURES: leave it empty or set "
                     "it to \"%s\"",
                     plan->cpu->model);
    }
    platform_say(report->limits, "natively no check='full': a host that lacks a feature starts "
                                 "guests without it; the include's XML has it");
}

static int add_remotes(const root_dir *root, const cpulift_plan *plan,
                       const struct platform_options *options, changeset *set, cpulift_error **err)
{
    TRY(platform_add_plan(set, root, OUR_FOLDER "/plan.json", plan, options, err));
    TRY(platform_add_data(set, root, OUR_FOLDER "/kvmrc.bash", "opennebula/kvmrc.bash", 0644,
                          options, err));
    return add_include(root, set, err);
}

static int check_inventory(const cpulift_plan *plan, const char *path,
                           struct platform_report *report, cpulift_error **err)
{
    g_autofree char *xml = NULL;
    size_t len = 0;
    if (path == NULL) {
        return 0;
    }
    TRY(file_load(path, FILE_DOCUMENT_MAX, &xml, &len, err));
    return onehosts_check(xml, len, path, plan, report->before, err);
}

static int plan(const root_dir *root, const cpulift_plan *plan,
                const struct platform_options *options, changeset *set,
                struct platform_report *report, cpulift_error **err)
{
    g_free(report->version);
    report->version = g_strdup(options->version);
    TRY(options->version == NULL ? platform_read_version(root, VERSION, &report->version, err) : 0);
    unsigned version = text_parse_version(report->version);
    if (version == 0) {
        return cpulift_error_set(
            err, CPULIFT_EMISSING,
            "'%s/%s' does not tell OpenNebula's version: say it with --version", root->path,
            VERSION);
    }
    TRY(check_inventory(plan, options->inventory, report, err));
    bool is_native_only = g_strcmp0(options->channel, "native") == 0;
    if (is_native_only) {
        platform_report_width(plan, "CPU_MODEL", report);
    } else {
        TRY(add_remotes(root, plan, options, set, err));
        platform_say(report->after, "as oneadmin: onehost sync --force (edits on the nodes alone "
                                    "are wiped by the next sync)");
        platform_say(report->before,
                     "install the package cpulift on every node: the include runs "
                     "%s there, and leaves guests untuned where it is missing",
                     options->hook);
        platform_say(report->effects, "include and plan: at the next deploy, once synchronised");
        platform_report_hook(options, "MODEL in CPU_MODEL of a VM, host or cluster", report);
        platform_say(report->limits, "the remotes are one for all clusters: a node with a plan of "
                                     "its own in /" PLATFORM_PLAN_TARGET " uses that");
    }
    if (version >= text_parse_version("5.4.13")) {
        TRY(add_defaults(root, plan, options, version, set, report, err));
        platform_say(report->after, "restart oned (systemctl restart opennebula): it reads "
                                    "vmm_exec_kvm.conf when it starts");
        report_native(plan, version, report);
    } else if (is_native_only) {
        return cpulift_error_set(err, CPULIFT_EREFUSED,
                                 "OpenNebula '%s' has no CPU_MODEL that works (5.4.13 is the first "
                                 "that does): use the include",
                                 report->version);
    }
    platform_say(report->effects, "running guests keep their CPU, in live migration too, until "
                                  "they are powered off and resumed");
    return 0;
}

const struct platform opennebula_platform = {
    .name = "opennebula",
    .title = "OpenNebula front-end",
    .channels = "include, native",
    .plan_target = OUR_FOLDER "/plan.json",
    .trace = "var/lib/one/cpulift-hook.log",
    .find_fault = find_fault,
    .detect = detect,
    .plan = plan,
};

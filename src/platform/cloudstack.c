// SPDX-License-Identifier: LGPL-2.1-or-later
/// Apache CloudStack: the agent on each KVM host.
///
/// Two channels. The agent's properties say what mode, model and features can say; the transformer
/// hook (an executable from 4.21, a Groovy object from 4.14) puts the whole definition in. Both are
/// written: where the hook fails open, the properties still hold.
/// Sources: LibvirtComputingResource.java (configure, createCpuMode), LibvirtKvmAgentHook.java,
/// RollingMaintenanceExecutorBase.java of apache/cloudstack.
#include "base/text.h"
#include "core/losses.h"
#include "platform/platform.h"
#include "platform/properties.h"

#include <string.h>

#define AGENT_FOLDER      "etc/cloudstack/agent"
#define AGENT_PROPERTIES  AGENT_FOLDER "/agent.properties"
#define VERSION_JARS      "usr/share/cloudstack-agent/lib"
#define VERSION_JAR_START "cloud-plugin-hypervisor-kvm-"

/// What a version can do, the newest first.
enum ability {
    HAS_MODE = 1 << 0,
    HAS_FEATURES = 1 << 1,
    HAS_DISABLE = 1 << 2,
    HAS_GROOVY = 1 << 3,
    HAS_EXECUTABLE = 1 << 4,
};

static const struct {
    const char *since;
    unsigned abilities;
} versions[] = {
    {"4.3", HAS_MODE},    {"4.5.1", HAS_FEATURES},  {"4.13", HAS_DISABLE},
    {"4.14", HAS_GROOVY}, {"4.21", HAS_EXECUTABLE},
};

static unsigned find_abilities(const char *version)
{
    unsigned abilities = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(versions); i++) {
        if (text_parse_version(version) >= text_parse_version(versions[i].since)) {
            abilities |= versions[i].abilities;
        }
    }
    return abilities;
}

/// The version stands in the name of the agent's KVM jar.
static int read_version(const root_dir *root, char **ret_version, cpulift_error **err)
{
    g_auto(GStrv) names = NULL;
    TRY(root_list(root, VERSION_JARS, &names, err));
    for (char **name = names; *name != NULL; name++) {
        if (g_str_has_prefix(*name, VERSION_JAR_START) && g_str_has_suffix(*name, ".jar")) {
            const char *start = *name + strlen(VERSION_JAR_START);
            *ret_version = g_strndup(start, strlen(start) - strlen(".jar"));
            return 0;
        }
    }
    *ret_version = g_strdup("");
    return 0;
}

static int detect(const root_dir *root, bool *ret_is, char **ret_version, cpulift_error **err)
{
    TRY(root_find(root, AGENT_PROPERTIES, ret_is, err));
    return read_version(root, ret_version, err);
}

static int find_version(const root_dir *root, const struct platform_options *options,
                        struct platform_report *report, cpulift_error **err)
{
    g_free(report->version);
    report->version = g_strdup(options->version);
    TRY(options->version == NULL ? read_version(root, &report->version, err) : 0);
    if (text_parse_version(report->version) == 0) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "'%s/%s' holds no %s*.jar that tells CloudStack's version: say it "
                                 "with --version",
                                 root->path, VERSION_JARS, VERSION_JAR_START);
    }
    if ((find_abilities(report->version) & HAS_MODE) == 0) {
        return cpulift_error_set(err, CPULIFT_EREFUSED,
                                 "CloudStack '%s' gives its guests no CPU whatever its settings "
                                 "(4.3 is the first that does): upgrade the agent",
                                 report->version);
    }
    return 0;
}

/// The value of guest.cpu.features: single blanks between names, nothing else; a blank at the end
/// would make a feature without a name, and every start fail.
static char *join_features(const cpulift_cpu *cpu, unsigned abilities)
{
    g_autofree char *require = platform_join_features(cpu, CPU_REQUIRE, "", " ");
    g_autofree char *disable = platform_join_features(cpu, CPU_DISABLE, "-", " ");
    if ((abilities & HAS_DISABLE) == 0 || *disable == '\0') {
        return g_steal_pointer(&require);
    }
    return *require == '\0' ? g_steal_pointer(&disable)
                            : g_strdup_printf("%s %s", require, disable);
}

/// Where the agent looks for what: its properties may name another folder or file.
static const struct place {
    const char *key, *otherwise;
} folder_place = {"agent.hooks.basedir", "/etc/cloudstack/agent/hooks"},
  groovy_place = {"agent.hooks.libvirt_vm_xml_transformer.script",
                  "libvirt-vm-xml-transformer.groovy"},
  shell_place = {"agent.hooks.libvirt_vm_xml_transformer.shell_script",
                 "libvirt-vm-xml-transformer.sh"},
  rolling_place = {"rolling.maintenance.hooks.dir", "/etc/cloudstack/agent/hooks.d"};

/// The value below the root, the caller's: as the journal names files, whatever slashes and dots a
/// path may have for Java.
static char *find_place(const properties *file, const struct place *place)
{
    const char *value = properties_get(file, place->key);
    value = value != NULL && *value != '\0' ? value : place->otherwise;
    g_auto(GStrv) parts = g_strsplit(value, "/", -1);
    GString *below = g_string_new(NULL);
    for (char **part = parts; *part != NULL; part++) {
        if (**part != '\0' && strcmp(*part, ".") != 0) {
            g_string_append_printf(below, "%s%s", below->len > 0 ? "/" : "", *part);
        }
    }
    return g_string_free(below, FALSE);
}

static int load_properties(const root_dir *root, properties **ret_file, cpulift_error **err)
{
    g_auto(root_file) bytes = {0};
    TRY(root_load(root, AGENT_PROPERTIES, &bytes, err));
    return properties_parse(bytes.exists ? bytes.bytes : "", bytes.len, AGENT_PROPERTIES, ret_file,
                            err);
}

/// What the agent's properties ask of the CPU. The caller's.
static cpulift_cpu *read_cpu(const properties *file)
{
    cpulift_cpu *cpu = cpu_new();
    const char *mode = properties_get(file, "guest.cpu.mode");
    const char *features = properties_get(file, "guest.cpu.features");
    cpu->mode = g_strdup(mode != NULL && *mode != '\0' ? mode : NULL);
    cpu->model = g_strdup(properties_get(file, "guest.cpu.model"));
    g_auto(GStrv) words = g_strsplit(features != NULL ? features : "", " ", -1);
    for (char **word = words; *word != NULL; word++) {
        bool is_off = **word == '-';
        if (text_is_name(*word + is_off)) {
            cpu_add_feature(cpu, *word + is_off, is_off ? CPU_DISABLE : CPU_REQUIRE);
        }
    }
    return cpu;
}

/// A version without a hook says no more than its properties do.
static int report_losses(const root_dir *root, const cpulift_plan *plan, const catalog *map,
                         unsigned abilities, struct platform_report *report, cpulift_error **err)
{
    g_autoptr(properties) file = NULL;
    TRY(load_properties(root, &file, err));
    g_autoptr(cpulift_cpu) own = read_cpu(file);
    const struct losses_asker asker = {.subject = "agent.properties", .map = map};
    if (own->mode != NULL) {
        losses_add_cpu(report->losses, &asker, own, plan, plan->cpu);
    }
    if ((abilities & (HAS_GROOVY | HAS_EXECUTABLE)) == 0) {
        platform_report_width(plan, "agent.properties", report);
    }
    return 0;
}

/// All keys at once: a file is changed once. Without a folder for rolling maintenance the agent
/// looks for no scripts.
static int add_properties(const root_dir *root, const cpulift_plan *plan,
                          const struct platform_options *options, unsigned abilities,
                          changeset *set, cpulift_error **err)
{
    g_autoptr(properties) file = NULL;
    TRY(load_properties(root, &file, err));
    g_autofree char *features = join_features(plan->cpu, abilities);
    const char *pairs[4][2] = {
        {"guest.cpu.mode", "custom"},
        {"guest.cpu.model", plan->cpu->model},
    };
    size_t count = 2;
    if ((abilities & HAS_FEATURES) != 0) {
        pairs[count][0] = "guest.cpu.features";
        pairs[count++][1] = *features != '\0' ? features : NULL;
    }
    // Empty is what a rollback leaves of our key once the agent has written the file itself.
    const char *rolling = properties_get(file, rolling_place.key);
    if (g_strcmp0(options->channel, "rolling") == 0 && (rolling == NULL || *rolling == '\0')) {
        pairs[count][0] = rolling_place.key;
        pairs[count++][1] = rolling_place.otherwise;
    }
    return changeset_add_properties(set, root, AGENT_PROPERTIES, (const char *const(*)[2])pairs,
                                    count, err);
}

static int add_rolling(const root_dir *root, const properties *file,
                       const struct platform_options *options, changeset *set, cpulift_error **err)
{
    static const char *const stages[] = {"PreFlight", "Maintenance"};
    g_autofree char *folder = find_place(file, &rolling_place);
    for (size_t i = 0; i < G_N_ELEMENTS(stages); i++) {
        g_autofree char *target = g_build_filename(folder, stages[i], NULL);
        g_autofree char *source = g_build_filename("cloudstack", stages[i], NULL);
        TRY(platform_add_data(set, root, target, source, 0755, options, err));
    }
    return 0;
}

/// The transformer's place, the caller's.
static char *find_transformer(const properties *file, const struct place *place)
{
    g_autofree char *folder = find_place(file, &folder_place);
    g_autofree char *name = find_place(file, place);
    return g_build_filename(folder, name, NULL);
}

/// An agent that runs executables runs a Groovy object before them all the same: where the agent
/// was upgraded, ours would start a second process for nothing.
static int add_hooks(const root_dir *root, const struct platform_options *options,
                     unsigned abilities, changeset *set, cpulift_error **err)
{
    g_autoptr(properties) file = NULL;
    TRY(load_properties(root, &file, err));
    bool is_executable = (abilities & HAS_EXECUTABLE) != 0;
    g_autofree char *groovy = find_transformer(file, &groovy_place);
    g_autofree char *shell = find_transformer(file, &shell_place);
    TRY(is_executable
            ? platform_add_hook(set, root, shell, "cloudstack", options, err)
            : platform_add_data(set, root, groovy, "cloudstack/libvirt-vm-xml-transformer.groovy",
                                0644, options, err));
    bool are_one = strcmp(groovy, shell) == 0;
    TRY(are_one ? 0 : platform_add_removal(set, root, is_executable ? groovy : shell, err));
    return g_strcmp0(options->channel, "rolling") == 0 ? add_rolling(root, file, options, set, err)
                                                       : 0;
}

/// What the hook does to single guests.
static void report_hook(const struct platform_options *options, struct platform_report *report)
{
    platform_say(report->effects, "hook and plan: read at every start of a guest, at once");
    if (text_parse_version(report->version) >= text_parse_version("4.20.1")) {
        platform_report_hook(options, "guest.cpu.mode, guest.cpu.model in a VM's details", report);
    } else {
        platform_report_hook(options, "while the agent runs with other properties", report);
    }
    platform_say(report->limits, "a VM that is unmanaged while it is stopped is defined in libvirt "
                                 "with the plan's CPU and keeps it: no rollback knows of it");
}

static void report_limits(const cpulift_plan *plan, unsigned abilities,
                          struct platform_report *report)
{
    bool has_hook = (abilities & (HAS_GROOVY | HAS_EXECUTABLE)) != 0;
    g_autofree char *disable = platform_join_features(plan->cpu, CPU_DISABLE, "", " ");
    platform_say(report->limits, "properties alone cannot say check='full' nor fallback='forbid'%s",
                 has_hook ? ": the hook does"
                          : ", and this version has no hook: a host that lacks "
                            "a feature starts guests without it, silently");
    if ((abilities & HAS_FEATURES) == 0) {
        platform_say(report->limits, "properties: no features before 4.5.1, only the model '%s'",
                     plan->cpu->model);
    } else if ((abilities & HAS_DISABLE) == 0 && *disable != '\0') {
        platform_say(report->limits, "properties: no disabled features before 4.13; missing: %s",
                     disable);
    }
    if (text_parse_version(report->version) < text_parse_version("4.21")) {
        platform_say(report->limits, "properties: system VMs get mode and model, but no features");
    }
}

static void report_steps(const struct platform_options *options, unsigned abilities,
                         struct platform_report *report)
{
    platform_say(report->before, "stop the agent (systemctl stop cloudstack-agent): it keeps the "
                                 "properties in memory and writes them back");
    platform_say(report->after, "start the agent (systemctl start cloudstack-agent); guests go on "
                                "running meanwhile");
    platform_say(report->after, "do the same on every host of the pool: HA restarts a guest with "
                                "the CPU of the host that it lands on");
    platform_say(report->effects, "properties: read once, when the agent starts");
    if ((abilities & (HAS_GROOVY | HAS_EXECUTABLE)) != 0) {
        report_hook(options, report);
    }
    platform_say(report->effects, "running guests keep their CPU, in live migration too, until "
                                  "they are stopped and started");
}

static int plan(const root_dir *root, const cpulift_plan *plan,
                const struct platform_options *options, changeset *set,
                struct platform_report *report, cpulift_error **err)
{
    TRY(find_version(root, options, report, err));
    unsigned abilities = find_abilities(report->version);
    TRY(add_properties(root, plan, options, abilities, set, err));
    if ((abilities & (HAS_GROOVY | HAS_EXECUTABLE)) != 0) {
        TRY(platform_add_plan(set, root, PLATFORM_PLAN_TARGET, plan, options, err));
        TRY(add_hooks(root, options, abilities, set, err));
    }
    TRY(report_losses(root, plan, options->map, abilities, report, err));
    report_limits(plan, abilities, report);
    report_steps(options, abilities, report);
    return 0;
}

const struct platform cloudstack_platform = {
    .name = "cloudstack",
    .title = "Apache CloudStack agent",
    .channels = "hook, rolling",
    .plan_target = PLATFORM_PLAN_TARGET,
    .trace = "var/lib/cpulift/hook.log",
    .detect = detect,
    .plan = plan,
};

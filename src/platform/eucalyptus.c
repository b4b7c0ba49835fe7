// SPDX-License-Identifier: LGPL-2.1-or-later
/// Eucalyptus: the node controller.
///
/// The usual channel is an nc-hook: the controller runs every executable in nc-hooks before it
/// reads instance-libvirt.xml for the last time (node/hooks.c, node/handlers.c). The other is the
/// stylesheet that makes that file (tools/libvirt.xsl), which is read anew for each guest.
#include "core/guest.h"
#include "platform/emulator.h"
#include "platform/node.h"
#include "platform/platform.h"

#include <string.h>

#define CONF_FOLDER "etc/eucalyptus"
#define CONF_FILE   CONF_FOLDER "/eucalyptus.conf"
#define HOOKS       CONF_FOLDER "/nc-hooks"
#define STYLESHEET  CONF_FOLDER "/libvirt.xsl"

static char *read_version(const root_dir *root)
{
    g_auto(root_file) file = {0};
    if (root_load(root, CONF_FOLDER "/eucalyptus-version", &file, NULL) != 0 || !file.exists) {
        return g_strdup("");
    }
    return g_strdup(g_strstrip(file.bytes));
}

static bool detect(const root_dir *root, char **ret_version)
{
    *ret_version = read_version(root);
    return root_has(root, STYLESHEET) && root_has(root, CONF_FILE);
}

/// The definition as XSLT puts it out, without its end tag, which the stylesheet has: the element's
/// own text is a valid template, since names in a plan hold no braces.
static char *format_begin(const cpulift_cpu *cpu)
{
    g_autofree char *element = cpu_format(cpu, 12);
    return g_strndup(element, strlen(element) - strlen("</cpu>"));
}

/// What guests of several cores need beside on the QEMU that is here, as a part of the stylesheet:
/// its <topology> has all cores in one socket. "" where that is nothing.
static char *format_cores(const root_dir *root, const cpulift_plan *plan)
{
    const char *emulator = emulator_find(root);
    g_autoptr(node_qemu) node = emulator != NULL ? node_look(root, emulator) : NULL;
    const struct domain_guest one = {.per_socket = 1}, many = {.per_socket = 2};
    unsigned qemu = guest_choose_qemu(plan, node_get_version(node));
    g_autoptr(cpulift_cpu) of_one = guest_define(plan, &one, qemu);
    g_autoptr(cpulift_cpu) of_many = guest_define(plan, &many, qemu);
    g_autofree char *usual = platform_join_features(of_one, CPU_REQUIRE, "", " ");
    g_auto(GStrv) names = g_strsplit(usual, " ", -1);
    GString *lines = g_string_new(NULL);
    for (size_t i = 0; i < of_many->feature_count; i++) {
        const struct cpu_feature *feature = &of_many->features[i];
        if (feature->policy == CPU_REQUIRE &&
            !g_strv_contains((const char *const *)names, feature->name)) {
            g_string_append_printf(lines, "<feature policy='require' name='%s'/>", feature->name);
        }
    }
    if (lines->len > 0) {
        g_string_prepend(lines, "<xsl:if test=\"/instance/cores &gt; 1\">");
        g_string_append(lines, "</xsl:if>");
    }
    return g_string_free(lines, FALSE);
}

/// The first place of `needle` that is not in a comment, or NULL. core/domain's way to the <cpu>
/// does not lead here: a stylesheet is no domain, its <cpu> stands as a literal deep in a template.
/// The vendor's files have comments with markup in them and no CDATA; what is edited is shown
/// first.
static char *find_markup(char *text, const char *needle)
{
    char *found = strstr(text, needle);
    for (char *open = strstr(text, "<!--"); open != NULL && found != NULL && open < found;
         open = strstr(open, "<!--")) {
        char *close = strstr(open, "-->");
        if (close == NULL) {
            return NULL;
        }
        found = close > found ? strstr(close, needle) : found;
        open = close;
    }
    return found;
}

/// 4.1 and later: the stylesheet's own <cpu> keeps its <topology>; the attribute for
/// USE_CPU_PASSTHROUGH goes, because attributes after children are an error in XSLT and
/// passthrough is what the plan replaces.
static int edit_element(GString *text, char *open, const char *ours, cpulift_error **err)
{
    char *close = strstr(open, "</cpu>");
    char *topology = strstr(open, "<topology>");
    if (close == NULL || topology == NULL || topology > close) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' has a <cpu> of a kind that is not known here: use the hook",
                                 STYLESHEET);
    }
    gssize at = open - text->str;
    g_string_erase(text, at, topology - open);
    g_string_insert(text, at, ours);
    return 0;
}

/// 3.4 to 4.0: there is no <cpu>; it goes behind <vcpu>.
static int insert_element(GString *text, const char *ours, cpulift_error **err)
{
    char *vcpu = find_markup(text->str, "</vcpu>");
    if (vcpu == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' has no </vcpu> behind which a <cpu> can go: use the hook",
                                 STYLESHEET);
    }
    g_autofree char *put = g_strdup_printf("\n            %s</cpu>", ours);
    g_string_insert(text, vcpu - text->str + (gssize)strlen("</vcpu>"), put);
    return 0;
}

static int add_stylesheet(const root_dir *root, const cpulift_plan *plan, changeset *set,
                          cpulift_error **err)
{
    g_auto(root_file) file = {0};
    TRY(root_load(root, STYLESHEET, &file, err));
    if (!file.exists) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "'%s/%s' is not there: is this a node controller, and $EUCALYPTUS "
                                 "the --root?",
                                 root->path, STYLESHEET);
    }
    g_autoptr(GString) text = g_string_new_len(file.bytes, (gssize)file.len);
    g_autofree char *begin = format_begin(plan->cpu);
    g_autofree char *cores = format_cores(root, plan);
    bool has_topology = strstr(text->str, "<topology>") != NULL; // 3.4 to 4.0: a socket each
    size_t tag = strcspn(begin, ">") + 1;
    g_autofree char *ours =
        g_strdup_printf("%.*s%s%s", (int)tag, begin, has_topology ? cores : "", begin + tag);
    if (strstr(text->str, ours) != NULL) {
        return 0;
    }
    char *tuned = find_markup(text->str, "<cpu mode=");
    char *open = find_markup(text->str, "<cpu>");
    if (tuned != NULL) {
        return cpulift_error_set(err, CPULIFT_ECONFLICT,
                                 "'%s/%s' has a <cpu mode=…> already: take it out first ('cpulift "
                                 "rollback' where cpulift put it in)",
                                 root->path, STYLESHEET);
    }
    TRY(open != NULL ? edit_element(text, open, ours, err) : insert_element(text, ours, err));
    return changeset_add_edit(set, root, STYLESHEET, &file, text->str, text->len, CHANGE_LINES,
                              err);
}

static int add_hook(const root_dir *root, const cpulift_plan *plan,
                    const struct platform_options *options, changeset *set,
                    struct platform_report *report, cpulift_error **err)
{
    if (!root_has(root, CONF_FOLDER)) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "'%s/%s' is not there: is this a node controller, and $EUCALYPTUS "
                                 "the --root?",
                                 root->path, CONF_FOLDER);
    }
    if (!root_has(root, HOOKS)) {
        platform_say(report->after, "restart the node controller once: it looks for its nc-hooks "
                                    "folder only when it starts");
    }
    TRY(platform_add_plan(set, root, PLATFORM_PLAN_TARGET, plan, options, err));
    return platform_add_hook(set, root, HOOKS "/cpulift", "eucalyptus", options, err);
}

static int plan(const root_dir *root, const cpulift_plan *plan,
                const struct platform_options *options, changeset *set,
                struct platform_report *report, cpulift_error **err)
{
    g_free(report->version);
    report->version = options->version != NULL ? g_strdup(options->version) : read_version(root);
    bool is_stylesheet = g_strcmp0(options->channel, "xsl") == 0;
    platform_say(report->effects, "read at every start of a guest: new starts are tuned at once");
    platform_say(report->effects, "running guests keep their CPU, in live migration too, until "
                                  "they are stopped and started; a reboot is not enough");
    if (is_stylesheet) {
        platform_say(report->limits, "the stylesheet tunes every guest: no patterns of names");
        platform_say(report->limits,
                     "the stylesheet is worded for the QEMU that is here now: after an upgrade "
                     "across %s roll back and apply again",
                     GUEST_QEMU_BREAK_TEXT);
        platform_say(report->limits, "USE_CPU_PASSTHROUGH no longer counts");
        platform_say(report->limits, "an upgrade of Eucalyptus may replace the stylesheet");
        return add_stylesheet(root, plan, set, err);
    }
    if (options->is_strict) {
        platform_say(report->effects, "--strict: a guest that cannot be tuned does not start");
    }
    return add_hook(root, plan, options, set, report, err);
}

const struct platform eucalyptus_platform = {
    .name = "eucalyptus",
    .title = "Eucalyptus node controller",
    .channels = "hook, xsl",
    .plan_target = PLATFORM_PLAN_TARGET,
    .trace = "var/log/eucalyptus/cpulift-hook.log",
    .detect = detect,
    .plan = plan,
};

// SPDX-License-Identifier: LGPL-2.1-or-later
/// Eucalyptus: the node controller.
///
/// The usual channel is an nc-hook: the controller runs every executable in nc-hooks before it
/// reads instance-libvirt.xml for the last time (node/hooks.c, node/handlers.c). The other is the
/// stylesheet that makes that file (tools/libvirt.xsl), which is read anew for each guest.
#include "core/guest.h"
#include "platform/emulator.h"
#include "platform/journal.h"
#include "platform/node.h"
#include "platform/platform.h"
#include "platform/stylesheet.h"

#include <string.h>

#define CONF_FOLDER "etc/eucalyptus"
#define CONF_FILE   CONF_FOLDER "/eucalyptus.conf"
#define HOOKS       CONF_FOLDER "/nc-hooks"
#define STYLESHEET  CONF_FOLDER "/libvirt.xsl"
#define VERSION     CONF_FOLDER "/eucalyptus-version"

static int detect(const root_dir *root, bool *ret_is, char **ret_version, cpulift_error **err)
{
    TRY(root_find(root, STYLESHEET, ret_is, err));
    TRY(*ret_is ? root_find(root, CONF_FILE, ret_is, err) : 0);
    return platform_read_version(root, VERSION, ret_version, err);
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

/// Whether an apply that the journal knows wrote what stands at the site, byte for byte: then
/// another may write over it.
static int find_ours(const root_dir *root, const char *text, const stylesheet_site *site,
                     bool *ret_is_ours, cpulift_error **err)
{
    g_autoptr(GPtrArray) sets = NULL;
    TRY(journal_load(root, &sets, err));
    *ret_is_ours = false;
    for (size_t s = 0; s < sets->len; s++) {
        const changeset *set = sets->pdata[s];
        for (size_t i = 0; i < set->changes->len; i++) {
            const struct change *change = set->changes->pdata[i];
            const struct root_file *after = &change->after;
            stylesheet_site there;
            *ret_is_ours |=
                strcmp(change->target, STYLESHEET) == 0 && after->exists &&
                stylesheet_find(after->bytes, after->len, STYLESHEET, &there, NULL) == 0 &&
                there.end - there.start == site->end - site->start &&
                memcmp(after->bytes + there.start, text + site->start, site->end - site->start) ==
                    0;
        }
    }
    return 0;
}

/// A <cpu> of the operator's own is not ours to replace. One that a rollback takes out meanwhile is
/// in no journal any more.
static int check_site(const root_dir *root, const struct root_file *file,
                      const stylesheet_site *site, cpulift_error **err)
{
    g_auto(root_file) again = {0};
    bool is_ours = false;
    TRY(find_ours(root, file->bytes, site, &is_ours, err));
    if (!site->has_cpu || site->is_vendors || is_ours) {
        return 0;
    }
    TRY(root_load(root, STYLESHEET, &again, err));
    if (!root_file_equal(&again, file)) {
        return change_refuse_changed(root, STYLESHEET, err);
    }
    return site->has_mode
               ? cpulift_error_set(err, CPULIFT_ECONFLICT,
                                   "'%s/%s' has a <cpu mode=…> already: take it out first "
                                   "('cpulift rollback' where cpulift put it in)",
                                   root->path, STYLESHEET)
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s/%s' has a <cpu> of a kind that is not known here: use the "
                                   "hook",
                                   root->path, STYLESHEET);
}

/// 4.1 and later: the stylesheet's own <cpu> keeps its <topology>; the attribute for
/// USE_CPU_PASSTHROUGH goes, because attributes after children are an error in XSLT and
/// passthrough is what the plan replaces. 3.4 to 4.0 have no <cpu>.
static char *format_site(const root_dir *root, const cpulift_plan *plan,
                         const stylesheet_site *site)
{
    g_autofree char *begin = format_begin(plan->cpu);
    // Without a topology each core has a socket.
    g_autofree char *cores = site->has_topology ? format_cores(root, plan) : g_strdup("");
    size_t tag = strcspn(begin, ">") + 1;
    return g_strdup_printf("%s%.*s%s%s%s", site->has_cpu ? "" : "\n            ", (int)tag, begin,
                           cores, begin + tag, site->has_cpu ? "" : "</cpu>");
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
    stylesheet_site site;
    TRY(stylesheet_find(file.bytes, file.len, STYLESHEET, &site, err));
    g_autofree char *ours = format_site(root, plan, &site);
    size_t len = site.end - site.start;
    if (strlen(ours) == len && memcmp(ours, file.bytes + site.start, len) == 0) {
        return 0;
    }
    TRY(check_site(root, &file, &site, err));
    g_autoptr(GString) text = g_string_new_len(file.bytes, (gssize)file.len);
    g_string_erase(text, (gssize)site.start, (gssize)len);
    g_string_insert(text, (gssize)site.start, ours);
    return changeset_add_edit(set, root, STYLESHEET, &file, text->str, text->len, CHANGE_LINES,
                              err);
}

static int add_hook(const root_dir *root, const cpulift_plan *plan,
                    const struct platform_options *options, changeset *set,
                    struct platform_report *report, cpulift_error **err)
{
    bool is_node = false, has_hooks = false;
    TRY(root_find(root, CONF_FOLDER, &is_node, err));
    TRY(root_find(root, HOOKS, &has_hooks, err));
    if (!is_node) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "'%s/%s' is not there: is this a node controller, and $EUCALYPTUS "
                                 "the --root?",
                                 root->path, CONF_FOLDER);
    }
    if (!has_hooks) {
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
    report->version = g_strdup(options->version);
    TRY(options->version == NULL ? platform_read_version(root, VERSION, &report->version, err) : 0);
    bool is_stylesheet = g_strcmp0(options->channel, "xsl") == 0;
    platform_say(report->effects, "read at every start of a guest: new starts are tuned at once");
    platform_say(report->effects, "running guests keep their CPU, in live migration too, until "
                                  "they are stopped and started; a reboot is not enough");
    if (is_stylesheet) {
        platform_say(report->limits,
                     "the stylesheet tunes every guest: no patterns of names and no --respect");
        platform_say(report->limits,
                     "the stylesheet is worded for the QEMU that is here now: after an upgrade "
                     "across %s apply again",
                     GUEST_QEMU_BREAK_TEXT);
        platform_say(report->limits, "USE_CPU_PASSTHROUGH no longer counts");
        platform_say(report->limits, "an upgrade of Eucalyptus may replace the stylesheet");
        return add_stylesheet(root, plan, set, err);
    }
    platform_report_hook(options, "all do, where eucalyptus.conf has USE_CPU_PASSTHROUGH", report);
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

// SPDX-License-Identifier: LGPL-2.1-or-later
/// Plain libvirt: a guard in /etc/libvirt/hooks/qemu.d (libvirt 6.5 and later) that can stop the
/// start, or the arrival, of a guest whose CPU is outside the plan. Persistent definitions are
/// libvirt's own and are changed through it (cli/guests), not in its files.
#include "base/text.h"
#include "platform/platform.h"

#include <string.h>

#define HOOKS "etc/libvirt/hooks"

/// The first that runs what stands in qemu.d (its NEWS, 6.5.0).
#define GUARD_SINCE "6.5"

/// 9.0.0 is libvirt.so.0.9000.0 (meson.build of libvirt: 1000 * major + minor, micro).
#define LIBRARY_START "libvirt.so.0."

/// The version that the library's name has; 0: it is another file's. At most G_MAXUINT32.
static unsigned parse_library(const char *name)
{
    guint64 release = 0, micro = 0;
    const char *numbers = g_str_has_prefix(name, LIBRARY_START) ? name + strlen(LIBRARY_START) : "";
    g_auto(GStrv) parts = g_strsplit(numbers, ".", -1);
    bool is_version = g_strv_length(parts) == 2 && text_to_uint(parts[0], 999999, &release) &&
                      text_to_uint(parts[1], 999, &micro);
    return is_version ? (unsigned)(release * 1000 + micro) : 0;
}

/// Of the newest library. "" where there is none. The caller's.
static int read_version(const root_dir *root, char **ret_version, cpulift_error **err)
{
    static const char *const folders[] = {"usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib"};
    unsigned newest = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_auto(GStrv) names = NULL;
        TRY(root_list(root, folders[i], &names, err));
        for (char **name = names; *name != NULL; name++) {
            newest = MAX(newest, parse_library(*name));
        }
    }
    *ret_version = newest == 0 ? g_strdup("")
                               : g_strdup_printf("%u.%u.%u", newest / 1000000, newest / 1000 % 1000,
                                                 newest % 1000);
    return 0;
}

static int detect(const root_dir *root, bool *ret_is, char **ret_version, cpulift_error **err)
{
    static const char *const signs[] = {"qemu.conf", "libvirtd.conf", "virtqemud.conf"};
    *ret_is = false;
    for (size_t i = 0; i < G_N_ELEMENTS(signs) && !*ret_is; i++) {
        g_autofree char *target = g_build_filename("etc/libvirt", signs[i], NULL);
        TRY(root_find(root, target, ret_is, err));
    }
    return read_version(root, ret_version, err);
}

/// Before GUARD_SINCE a guard would stand in its folder and stop nothing.
static int check_version(const root_dir *root, const struct platform_options *options,
                         struct platform_report *report, cpulift_error **err)
{
    g_free(report->version);
    report->version = g_strdup(options->version);
    TRY(options->version == NULL ? read_version(root, &report->version, err) : 0);
    unsigned version = text_parse_version(report->version);
    if (version == 0 && options->version != NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "--version '%s' is no version of libvirt: say it as 9.0.0",
                                 options->version);
    }
    if (g_strcmp0(options->channel, "guard") != 0) {
        return 0;
    }
    if (version == 0) {
        platform_say(report->before, "see that libvirt is " GUARD_SINCE
                                     " or newer (libvirtd --version), which its files do not tell: "
                                     "an older one passes the guard over");
        return 0;
    }
    return version >= text_parse_version(GUARD_SINCE)
               ? 0
               : cpulift_error_set(err, CPULIFT_EREFUSED,
                                   "libvirt '%s' runs no hooks in /" HOOKS "/qemu.d (" GUARD_SINCE
                                   " is the first that does), so a guard would stop nothing: "
                                   "upgrade it",
                                   report->version);
}

static int plan(const root_dir *root, const cpulift_plan *plan,
                const struct platform_options *options, changeset *set,
                struct platform_report *report, cpulift_error **err)
{
    TRY(check_version(root, options, report, err));
    TRY(platform_add_plan(set, root, PLATFORM_PLAN_TARGET, plan, options, err));
    if (g_strcmp0(options->channel, "guard") == 0) {
        TRY(platform_add_hook(set, root, HOOKS "/qemu.d/cpulift", "guard", options, err));
        platform_say(report->after, "if /etc/libvirt/hooks/qemu.d is new: systemctl restart "
                                    "libvirtd (or virtqemud); guests go on running");
        platform_say(report->effects, "guard: from the next start or incoming migration on, a "
                                      "guest whose CPU has a feature outside the plan is refused");
        if (options->is_strict) {
            platform_say(report->effects, "--strict: a guest that cannot be judged is refused too");
        }
        platform_say(report->effects,
                     options->is_respectful
                         ? "--respect: the guard lets guests of host-passthrough or host-model pass"
                         : "guard: so are guests of host-passthrough or host-model, which no other "
                           "host can promise; --respect leaves them alone");
    }
    platform_say(report->effects, "persistent definitions: changed with --connect and --domains; "
                                  "each takes effect when its guest is stopped and started");
    return 0;
}

const struct platform libvirt_platform = {
    .name = "libvirt",
    .title = "plain libvirt",
    .channels = "plan, guard",
    .plan_target = PLATFORM_PLAN_TARGET,
    .trace = "var/lib/cpulift/hook.log",
    .detect = detect,
    .plan = plan,
};

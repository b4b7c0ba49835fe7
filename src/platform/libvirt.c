// SPDX-License-Identifier: LGPL-2.1-or-later
/// Plain libvirt: a guard in /etc/libvirt/hooks/qemu.d (libvirt 6.5 and later) that can stop the
/// start, or the arrival, of a guest whose CPU is outside the plan. Persistent definitions are
/// libvirt's own and are changed through it (cli/guests), not in its files.
#include "platform/platform.h"

#define HOOKS "etc/libvirt/hooks"

static int detect(const root_dir *root, bool *ret_is, char **ret_version, cpulift_error **err)
{
    static const char *const signs[] = {"qemu.conf", "libvirtd.conf", "virtqemud.conf"};
    *ret_version = g_strdup("");
    *ret_is = false;
    for (size_t i = 0; i < G_N_ELEMENTS(signs) && !*ret_is; i++) {
        g_autofree char *target = g_build_filename("etc/libvirt", signs[i], NULL);
        TRY(root_find(root, target, ret_is, err));
    }
    return 0;
}

static int plan(const root_dir *root, const cpulift_plan *plan,
                const struct platform_options *options, changeset *set,
                struct platform_report *report, cpulift_error **err)
{
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

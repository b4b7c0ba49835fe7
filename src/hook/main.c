// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift-hook: runs inside every start of a guest. Installed hooks are one line, "#!… ROLE", so
/// the kernel calls: cpulift-hook ROLE SCRIPT ARGUMENT…
#include "base/file.h"
#include "hook/hook.h"
#include "hook/trace.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/// The agent leaves larger documents to itself, and no kernel passes a larger argument
/// (MAX_ARG_STRLEN).
#define CLOUDSTACK_MAX ((size_t)128 << 10)

/// So long may a start wait for a hung disk or file server; then the guest starts as it was made.
#define WATCHDOG_SECONDS 2

static int fail_open(const char *guest, const cpulift_error *err)
{
    trace_write(guest, err->message);
    return 1;
}

/// *ret_guest is set as soon as the guest's name is known, for the trace of what fails after it.
static int transform(const char *xml, char **ret_guest, cpulift_error **err)
{
    g_autofree char *path = hook_path("/etc/cpulift/plan.json");
    g_autofree char *text = NULL;
    size_t len = strlen(xml), text_len = 0;
    bool is_strict = false; // the agent starts the guest as it was whatever is said
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(domain_document) document = NULL;
    if (len > CLOUDSTACK_MAX) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "the document has more than 128 KiB");
    }
    TRY(domain_parse(xml, len, NULL, &document, err));
    *ret_guest = g_strdup(document->guest);
    TRY(hook_load_plan(path, &plan, &is_strict, err));
    TRY(hook_rewrite(plan, document, &text, &text_len, err));
    return file_write_fd(STDOUT_FILENO, "standard output", text, text_len, err);
}

/// CloudStack's transformer: argv = [path, "transform", XML]. Standard input is a pipe that never
/// closes, standard error is mixed into the answer: neither is touched. Status 0 makes the whole
/// output the domain, any other leaves the domain as it was.
static int run_cloudstack(int argc, char **argv)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *trace = hook_path("/var/lib/cpulift/hook.log");
    trace_set_file(trace, "cloudstack");
    // A library's warning among the answer would be the guest's definition.
    (void)!freopen("/dev/null", "w", stderr);
    trace_watch(WATCHDOG_SECONDS, 1);
    if (argc < 5 || strcmp(argv[3], "transform") != 0) {
        cpulift_error_set(&err, CPULIFT_EINPUT, "called without \"transform\" and a document");
        return fail_open("?", err);
    }
    g_autofree char *guest = NULL;
    return transform(argv[4], &guest, &err) == 0 ? 0 : fail_open(guest != NULL ? guest : "?", err);
}

/// `strict_status` stops the guest.
static int rewrite_file(const char *plan_path, const char *path, int strict_status,
                        bool *ret_is_strict, cpulift_error **err)
{
    g_autoptr(cpulift_plan) plan = NULL;
    TRY(hook_load_plan(plan_path, &plan, ret_is_strict, err));
    if (*ret_is_strict) {
        trace_be_strict(strict_status);
    }
    return hook_rewrite_file(plan, path, err);
}

/// Eucalyptus: argv = [EVENT, EUCA_HOME, INSTANCE_DIR]. Any status but 0 stops the guest.
static int run_eucalyptus(int argc, char **argv)
{
    if (argc < 6 || strcmp(argv[3], "euca-nc-pre-boot") != 0) {
        return 0;
    }
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *trace = g_build_filename(argv[4], "var/log/eucalyptus/cpulift-hook.log", NULL);
    g_autofree char *in_home = g_build_filename(argv[4], "etc/cpulift/plan.json", NULL);
    g_autofree char *plan = g_file_test(in_home, G_FILE_TEST_EXISTS)
                                ? g_steal_pointer(&in_home)
                                : hook_path("/etc/cpulift/plan.json");
    g_autofree char *file = g_build_filename(argv[5], "instance-libvirt.xml", NULL);
    bool is_strict = false;
    trace_set_file(trace, "eucalyptus");
    trace_watch(WATCHDOG_SECONDS, 0);
    if (rewrite_file(plan, file, 1, &is_strict, &err) == 0) {
        return 0;
    }
    g_autofree char *guest = g_path_get_basename(argv[5]);
    int status = fail_open(guest, err);
    return is_strict ? status : 0;
}

/// OpenNebula's include: argv = [PLAN, FILE]; the caller passes a failure over.
static int run_opennebula(int argc, char **argv)
{
    if (argc != 4) {
        return 1;
    }
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *trace = hook_path("/var/lib/one/cpulift-hook.log");
    bool is_strict = false;
    trace_set_file(trace, "opennebula");
    trace_watch(WATCHDOG_SECONDS, 1);
    if (rewrite_file(argv[2], argv[3], 2, &is_strict, &err) == 0) {
        return 0;
    }
    int status = fail_open(argv[3], err);
    return is_strict ? 2 : status;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *role;
        int (*run)(int argc, char **argv);
    } roles[] = {
        {"cloudstack", run_cloudstack},
        {"eucalyptus", run_eucalyptus},
        {"guard", hook_guard},
        {"opennebula", run_opennebula},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
        if (argc > 1 && strcmp(argv[1], roles[i].role) == 0) {
            return roles[i].run(argc, argv);
        }
    }
    fputs("cpulift-hook: is called by platforms only; see cpulift-hook(8)\n", stderr);
    return 1;
}

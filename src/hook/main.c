// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift-hook ROLE [strict] ARGUMENT…: runs inside every start of a guest, called by the hooks
/// that `apply` installs (data/hook.sh, data/opennebula/kvmrc.bash). With `strict` nothing that
/// fails lets a guest start, whatever became of the plan.
#include "base/file.h"
#include "config.h"
#include "hook/hook.h"
#include "hook/trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/// So much room the answer gets in the agent's pipe, which it reads only after the hook has ended:
/// of the usual 64 KiB a larger answer would wait for its reader for ever. No document that came as
/// an argument is larger (MAX_ARG_STRLEN).
#define ANSWER_ROOM (256 << 10)

/// *ret_guest is set as soon as the guest's name is known, for the trace of what fails after it.
static int transform(const char *xml, size_t len, char **ret_guest, cpulift_error **err)
{
    g_autofree char *path = hook_path("/etc/cpulift/plan.json");
    g_autofree char *text = NULL;
    size_t text_len = 0;
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(domain_document) document = NULL;
    TRY(domain_parse(xml, len, NULL, &document, err));
    *ret_guest = g_strdup(document->guest);
    TRY(hook_load_plan(path, &plan, err));
    TRY(hook_rewrite(plan, document, &text, &text_len, err));
    return file_write_fd(STDOUT_FILENO, "standard output", text, text_len, err);
}

/// CloudStack's transformer: args = [path, "transform", XML]; the Groovy object says "-" and gives
/// the document on standard input. In the agent's hands that is a pipe that never closes, and
/// standard error is mixed into the answer: neither is touched. Status 0 makes the whole output the
/// domain, any other leaves the domain as it was.
static int run_cloudstack(char **args, size_t count)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *given = NULL, *guest = NULL;
    if (count < 3 || strcmp(args[1], "transform") != 0) {
        return trace_fail("?", "called without \"transform\" and a document");
    }
    const char *xml = args[2];
    size_t len = strlen(xml);
    if (strcmp(xml, "-") == 0) {
        if (file_load("-", FILE_DOCUMENT_MAX, &given, &len, &err) != 0) {
            return trace_fail("?", err->message);
        }
        xml = given;
    }
    (void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, ANSWER_ROOM);
    return transform(xml, len, &guest, &err) == 0
               ? 0
               : trace_fail(guest != NULL ? guest : "?", err->message);
}

/// `home`, or NULL, is a root beside the node's own that may have keys.
static int rewrite_file(const char *plan_path, const char *home, const char *path,
                        cpulift_error **err)
{
    g_autoptr(cpulift_plan) plan = NULL;
    TRY(hook_load_plan(plan_path, &plan, err));
    TRY(home != NULL ? hook_check_seal(plan, plan_path, home, err) : 0);
    return hook_rewrite_file(plan, path, err);
}

/// Eucalyptus: args = [path, EVENT, EUCA_HOME, INSTANCE_DIR]. Any status but 0 stops the guest.
static int run_eucalyptus(char **args, size_t count)
{
    (void)count;
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *in_home = g_build_filename(args[2], "etc/cpulift/plan.json", NULL);
    g_autofree char *in_root = hook_path("/etc/cpulift/plan.json");
    g_autofree char *file = g_build_filename(args[3], "instance-libvirt.xml", NULL);
    g_autofree char *guest = g_path_get_basename(args[3]);
    enum file_kind kind = FILE_NONE;
    bool is_done = file_find_kind(in_home, &kind, &err) == 0 &&
                   rewrite_file(kind != FILE_NONE ? in_home : in_root, args[2], file, &err) == 0;
    return is_done ? 0 : trace_fail(guest, err->message);
}

/// OpenNebula's include: args = [PLAN, FILE]; the caller passes a failure over, but for 2.
static int run_opennebula(char **args, size_t count)
{
    if (count != 2) {
        return trace_fail("?", "called without a plan and a file");
    }
    g_autoptr(cpulift_error) err = NULL;
    return rewrite_file(args[0], NULL, args[1], &err) == 0 ? 0 : trace_fail(args[1], err->message);
}

/// The platforms, and what each makes of an answer.
static const struct role {
    struct trace_role ends;
    unsigned seconds;  ///< so long may a start wait for a hung disk or file server
    const char *trace; ///< below the root of the node, or below the argument `home`
    size_t home;
    const char *words[3]; ///< the arguments from the second on, or the third: of any other call
    size_t first_word;    ///< nothing is to be done
    size_t min;           ///< so many arguments a call has of which something is
    hook_run *run;
} roles[] = {
    {{"cloudstack", .leave = 1, .stop = 0, .is_answer = true},
     .seconds = 2,
     .trace = "/var/lib/cpulift/hook.log",
     .run = run_cloudstack},
    {{"eucalyptus", .leave = 0, .stop = 1},
     .seconds = 2,
     .trace = "var/log/eucalyptus/cpulift-hook.log",
     .home = 2,
     .words = {"euca-nc-pre-boot"},
     .first_word = 1,
     .min = 4,
     .run = run_eucalyptus},
    {{"guard", .leave = 0, .stop = 1},
     .seconds = 5,
     .trace = "/var/lib/cpulift/hook.log",
     .words = {"prepare", "begin"},
     .first_word = 2,
     .min = 4,
     .run = hook_guard},
    {{"opennebula", .leave = 1, .stop = 2},
     .seconds = 2,
     .trace = "/var/lib/one/cpulift-hook.log",
     .run = run_opennebula},
};

static const struct role *find_role(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
        if (strcmp(name, roles[i].ends.name) == 0) {
            return &roles[i];
        }
    }
    return NULL;
}

/// True for a call at the start of a guest: platforms call hooks for much else.
static bool is_start(const struct role *role, char **args, size_t count)
{
    bool is_meant = count >= role->min;
    for (size_t i = 0; is_meant && role->words[i] != NULL; i++) {
        is_meant = strcmp(args[role->first_word + i], role->words[i]) == 0;
    }
    return is_meant;
}

static int run(const struct role *role, char **args, size_t count)
{
    bool is_strict = count > 0 && strcmp(args[0], "strict") == 0;
    args += is_strict;
    count -= is_strict;
    if (!is_start(role, args, count)) {
        return 0;
    }
    g_autofree char *trace = role->home > 0 ? g_build_filename(args[role->home], role->trace, NULL)
                                            : hook_path(role->trace);
    trace_begin(&role->ends, trace);
    if (is_strict) {
        trace_be_strict();
    }
    if (role->ends.is_answer) {
        // A library's warning among the answer would be the guest's definition.
        (void)!freopen("/dev/null", "w", stderr);
    }
    trace_watch(role->seconds);
    return role->run(args, count);
}

int main(int argc, char **argv)
{
    const struct role *role = argc > 1 ? find_role(argv[1]) : NULL;
    if (role != NULL) {
        return run(role, argv + 2, (size_t)argc - 2);
    }
    // `status` asks whether the program answers.
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("cpulift-hook " CPULIFT_VERSION);
        return 0;
    }
    fputs("cpulift-hook: is called by platforms only; see cpulift-hook(8)\n", stderr);
    return 1;
}

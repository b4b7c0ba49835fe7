// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/hookcheck.h"

#include "base/auto.h"
#include "base/jobs.h"
#include "platform/followed.h"
#include "platform/hookfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// What stands there runs on other nodes.
#define REMOTES "var/lib/one/remotes/"

/// So long may the program take to say its version, on a node whose processors are all busy.
#define ANSWER_MS 5000

/// The work of jobs.h: `data` is the program's descriptor. What it prints, or nothing.
static char *ask(void *data, size_t index)
{
    (void)index;
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", *(const int *)data);
    char *argv[] = {path, (char *)"--version", NULL};
    char *environment[] = {(char *)"PATH=/usr/bin:/bin", NULL};
    g_autofree char *out = NULL, *err = NULL;
    int status = 0;
    bool has_run = g_spawn_sync(NULL, argv, environment, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL,
                                &out, &err, &status, NULL);
    return has_run && status == 0 ? g_steal_pointer(&out) : g_strdup("");
}

struct asking {
    int fd;
    bool has_answered;
};

static void take_answer(void *data, size_t index, enum jobs_end end, const char *text, size_t len)
{
    (void)index;
    (void)len;
    struct asking *asking = data;
    asking->has_answered = end == JOBS_DONE && g_str_has_prefix(text, "cpulift-hook ");
}

/// Runs what the descriptor has open, whatever its path leads to meanwhile.
static bool answers(int fd)
{
    struct asking asking = {.fd = fd};
    const struct jobs jobs = {
        .count = 1, .timeout_ms = ANSWER_MS, .data = &asking, .work = ask, .done = take_answer};
    // The program may be a script, whose interpreter opens it by its number.
    bool is_kept = fcntl(fd, F_SETFD, 0) == 0;
    if (is_kept) {
        jobs_run(&jobs);
    }
    return asking.has_answered;
}

/// `may_run`: it is this system's.
static const char *judge(const char *program, bool may_run)
{
    autoclose int fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return "cannot be read";
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0) {
        return "cannot be executed";
    }
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022) != 0) {
        return "may be changed by others";
    }
    return !may_run || answers(fd) ? NULL : "does not answer";
}

char *hookcheck_find_fault(const root_dir *root, const char *target, const root_file *file)
{
    g_autofree char *program = hookfile_find_program(file);
    if (program == NULL || g_str_has_prefix(target, REMOTES)) {
        return NULL;
    }
    if (followed_check_owner(root, target, file, NULL) != 0) {
        return g_strdup("may be changed by others");
    }
    g_autofree char *below = g_build_filename(root->path, program, NULL);
    bool is_here = strcmp(root->path, "/") == 0 || access(below, F_OK) != 0;
    const char *path = is_here ? program : below;
    const char *fault = access(path, F_OK) != 0 ? "is gone" : judge(path, is_here);
    return fault != NULL ? g_strdup_printf("its program %s %s", program, fault) : NULL;
}

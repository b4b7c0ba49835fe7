// SPDX-License-Identifier: LGPL-2.1-or-later
/// kill_at CALL[:ERRNO[+][@KIND]] PROGRAM ARGUMENT…: runs the program and kills it as it enters its
/// system call number CALL (0: never), which is then not made; with ERRNO that call fails with it
/// instead, with "+" all later ones of its kind, too; with KIND, a call's number in the kernel,
/// only such calls count. What is written to standard error, to a socket, and what wakes a thread
/// (eventfd), never fails, nor does an fcntl() that makes no descriptor. Its threads and children
/// count as it does, as long as they become no other program. Exit status 137 when it was killed,
/// else the program's; the last line of standard error says how many calls failed and were entered,
/// and which was the first that locks or changes a file. With "list" as CALL the line before it
/// names them all by their numbers.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASKS_MAX = 1 << 22 }; // pid_max of 64 bits

static struct {
    pid_t program;
    unsigned long at;             ///< the number of the call that fails, from 1; 0: none
    long error;                   ///< 0: the program is killed
    bool is_lasting, is_of_kind;  ///< the later ones of its kind fail, too; it is of this `kind`
    unsigned long long kind;      ///< of the call that has failed, too
    unsigned long counted;        ///< of the calls that `at` counts
    unsigned long failed;         ///< so many have
    unsigned long entered, first; ///< `first` 0: none changed a file
    FILE *list;                   ///< of their numbers; NULL: not asked for
    bool is_known[TASKS_MAX];     ///< by its id: it has had its first stop
} run;

static bool is_change(unsigned long long number)
{
    static const unsigned long long changes[] = {SYS_flock,    SYS_mkdirat,   SYS_mkdir,
                                                 SYS_renameat, SYS_renameat2, SYS_unlinkat,
                                                 SYS_fchmod,   SYS_fsync};
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        if (changes[i] == number) {
            return true;
        }
    }
    return false;
}

/// One register of a task that stands at a call.
static void set_register(pid_t task, size_t offset, unsigned long long value)
{
    ptrace(PTRACE_POKEUSER, task, offset, value);
}

/// The call that is entered is not made, and fails. brk() does so by leaving the end of the memory
/// where it is, as it does when it is asked where that is.
static void fail(pid_t task, const struct __ptrace_syscall_info *info)
{
    const size_t first = offsetof(struct user_regs_struct, rdi);
    const bool is_brk = info->entry.nr == SYS_brk;
    int status = 0;
    set_register(task, is_brk ? first : offsetof(struct user_regs_struct, orig_rax),
                 is_brk ? 0 : -1ULL);
    ptrace(PTRACE_SYSCALL, task, 0, 0);
    waitpid(task, &status, __WALL);
    set_register(task, is_brk ? first : offsetof(struct user_regs_struct, rax),
                 is_brk ? info->entry.args[0] : -(unsigned long long)run.error);
}

/// Whether what is written there is a word, a message or a wake-up, and no result.
static bool is_word(pid_t task, const struct __ptrace_syscall_info *info)
{
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/%d/fd/%d", task, (int)info->entry.args[0]);
    return info->entry.nr == SYS_write &&
           (info->entry.args[0] == STDERR_FILENO ||
            (readlink(path, target, sizeof target - 1) > 0 &&
             (strncmp(target, "socket:", 7) == 0 || strstr(target, "[eventfd]") != NULL)));
}

/// Whether an fcntl() makes no descriptor.
static bool is_setting(const struct __ptrace_syscall_info *info)
{
    return info->entry.nr == SYS_fcntl && info->entry.args[1] != F_DUPFD &&
           info->entry.args[1] != F_DUPFD_CLOEXEC;
}

/// Counts the call; true where it is to fail.
static bool is_meant(pid_t task, const struct __ptrace_syscall_info *info)
{
    bool is_counted = !run.is_of_kind || info->entry.nr == run.kind;
    run.counted += is_counted;
    bool is_next = run.failed > 0 ? run.is_lasting && info->entry.nr == run.kind
                                  : is_counted && run.counted == run.at;
    return is_next && (run.error == 0 || !(is_word(task, info) || is_setting(info)));
}

/// Counts a stop at a system call, and lets it fail where it is meant.
static void note(pid_t task)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, task, sizeof info, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY) {
        return;
    }
    run.entered++;
    if (run.list != NULL) {
        fprintf(run.list, "%llu ", (unsigned long long)info.entry.nr);
    }
    if (run.first == 0 && is_change(info.entry.nr)) {
        run.first = run.entered;
    }
    if (!is_meant(task, &info)) {
        return;
    }
    run.failed++;
    run.kind = info.entry.nr;
    if (run.error == 0) {
        kill(run.program, SIGKILL);
    } else {
        fail(task, &info);
    }
}

/// A task has stopped: it goes on, with its signal where it has one.
static void go_on(pid_t task, int status)
{
    const int event = status >> 16, number = WSTOPSIG(status);
    const bool is_new = task != run.program && !run.is_known[task];
    run.is_known[task] = true;
    if (event == PTRACE_EVENT_EXEC && task != run.program) {
        run.is_known[task] = false;
        ptrace(PTRACE_DETACH, task, 0, 0); // another program
        return;
    }
    if (event == 0 && number == (SIGTRAP | 0x80)) {
        note(task);
    }
    bool is_signal = event == 0 && number != (SIGTRAP | 0x80) && !(is_new && number == SIGSTOP);
    ptrace(PTRACE_SYSCALL, task, 0, is_signal ? number : 0);
}

/// Runs the program and what it leaves behind to their end. Its exit status, 137 for a killed one.
static int follow(void)
{
    int status = 0, of_program = 0;
    waitpid(run.program, &status, 0);
    ptrace(PTRACE_SETOPTIONS, run.program, 0,
           PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
               PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK);
    ptrace(PTRACE_SYSCALL, run.program, 0, 0);
    for (;;) {
        pid_t task = waitpid(-1, &status, __WALL);
        bool is_over = WIFEXITED(status) || WIFSIGNALED(status);
        if (task < 0) {
            return of_program;
        }
        if (!is_over) {
            go_on(task, status);
        } else if (task == run.program) {
            of_program = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        } else {
            run.is_known[task] = false;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("kill_at: CALL[:ERRNO[+][@KIND]]|list PROGRAM ARGUMENT...\n", stderr);
        return 64;
    }
    run.program = fork();
    if (run.program == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execv(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    char *end = NULL, *numbers = NULL;
    size_t len = 0;
    run.at = strtoul(argv[1], &end, 10);
    run.error = *end == ':' ? strtol(end + 1, &end, 10) : 0;
    run.is_lasting = *end == '+';
    end += run.is_lasting;
    run.is_of_kind = *end == '@';
    run.kind = run.is_of_kind ? strtoul(end + 1, NULL, 10) : 0;
    run.list = strcmp(argv[1], "list") == 0 ? open_memstream(&numbers, &len) : NULL;
    int status = follow();
    if (run.list != NULL) {
        fclose(run.list);
        fprintf(stderr, "%s\n", numbers);
        free(numbers);
    }
    fprintf(stderr, "failed %lu calls %lu first %lu\n", run.failed, run.entered, run.first);
    return status;
}

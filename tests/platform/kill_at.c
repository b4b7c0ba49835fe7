// SPDX-License-Identifier: LGPL-2.1-or-later
/// kill_at CALL[:ERRNO] PROGRAM ARGUMENT…: runs the program and kills it as it enters its system
/// call number CALL (0: never), which is then not made; with ERRNO that call fails with it instead.
/// Exit status 137 when it was killed, else the program's; the last line of standard error says how
/// many calls were entered, and which was the first that locks or changes a file. With "list" as
/// CALL the line before it names them all by their numbers.
#include <errno.h>
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

struct count {
    unsigned long entered, first; ///< `first` 0: none changed a file
    FILE *list;                   ///< of their numbers; NULL: not asked for
};

/// What is to happen, and when.
struct fault {
    unsigned long at; ///< the number of the call, from 1; 0: never
    long error;       ///< 0: the program is killed
};

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

/// The call that is entered is not made, and fails.
static void fail(pid_t child, long error)
{
    int status = 0;
    ptrace(PTRACE_POKEUSER, child, offsetof(struct user_regs_struct, orig_rax), -1L);
    ptrace(PTRACE_SYSCALL, child, 0, 0);
    waitpid(child, &status, 0);
    ptrace(PTRACE_POKEUSER, child, offsetof(struct user_regs_struct, rax), -error);
}

/// Counts a stop at a system call; true when it is the one that the fault is for.
static bool note(pid_t child, unsigned long at, struct count *count)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY) {
        return false;
    }
    count->entered++;
    if (count->list != NULL) {
        fprintf(count->list, "%llu ", (unsigned long long)info.entry.nr);
    }
    if (count->first == 0 && is_change(info.entry.nr)) {
        count->first = count->entered;
    }
    return count->entered == at;
}

/// Runs the child to its end. Its exit status, 137 for a killed one.
static int follow(pid_t child, const struct fault *fault, struct count *count)
{
    int status = 0, deliver = 0;
    waitpid(child, &status, 0);
    ptrace(PTRACE_SETOPTIONS, child, 0,
           PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC);
    for (;;) {
        ptrace(PTRACE_SYSCALL, child, 0, deliver);
        if (waitpid(child, &status, 0) != child || WIFEXITED(status) || WIFSIGNALED(status)) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        bool is_call = WSTOPSIG(status) == (SIGTRAP | 0x80), is_exec = status >> 16 != 0;
        deliver = is_call || is_exec ? 0 : WSTOPSIG(status);
        if (is_call && note(child, fault->at, count)) {
            if (fault->error == 0) {
                kill(child, SIGKILL);
            } else {
                fail(child, fault->error);
            }
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("kill_at: CALL[:ERRNO]|list PROGRAM ARGUMENT...\n", stderr);
        return 64;
    }
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execv(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    char *colon = NULL, *numbers = NULL;
    size_t len = 0;
    struct fault fault = {.at = strtoul(argv[1], &colon, 10)};
    fault.error = *colon == ':' ? strtol(colon + 1, NULL, 10) : 0;
    struct count count = {.list =
                              strcmp(argv[1], "list") == 0 ? open_memstream(&numbers, &len) : NULL};
    int status = follow(child, &fault, &count);
    if (count.list != NULL) {
        fclose(count.list);
        fprintf(stderr, "%s\n", numbers);
        free(numbers);
    }
    fprintf(stderr, "calls %lu first %lu\n", count.entered, count.first);
    return status;
}

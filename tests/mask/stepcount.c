// SPDX-License-Identifier: LGPL-2.1-or-later
/// Counts the CPUID instructions that a program executes, instruction by instruction: independent
/// of everything in src/mask. Prints the number; follows one thread.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static int is_at_cpuid(pid_t pid)
{
    struct user_regs_struct regs;
    uint8_t bytes[2] = {0};
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    struct iovec local = {bytes, 2}, remote = {(void *)regs.rip, 2};
    return process_vm_readv(pid, &local, 1, &remote, 1, 0) == 2 && bytes[0] == 0x0f &&
           bytes[1] == 0xa2;
}

int main(int argc, char **argv)
{
    pid_t pid = argc > 1 ? fork() : -1;
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    unsigned long count = 0;
    int status;
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        count += (unsigned long)is_at_cpuid(pid);
        ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    }
    printf("%lu\n", count);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

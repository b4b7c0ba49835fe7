// SPDX-License-Identifier: LGPL-2.1-or-later
/// A program for the tests of `run`: each mode executes CPUID in another way and exits with 0 if
/// all is as it would be on the CPU that it was told of first.
#include "victim.h"

#include <asm/prctl.h>
#include <cpuid.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void gap_cpuid(uint32_t leaf, uint32_t regs[4]);
extern const uint8_t gap_code_start[], gap_code_end[], gap_table[];
extern const uint64_t gap_offset;
extern char **environ;

/// What leaf 1 says of instructions, by a CPUID that the compiler made.
uint64_t read_features(void)
{
    uint32_t a, b, c, d;
    __cpuid(1, a, b, c, d);
    return (uint64_t)c << 32 | d;
}

/// The same by another function.
uint64_t features_by(cpuid_fn *function)
{
    uint32_t regs[4];
    function(1, regs);
    return (uint64_t)regs[2] << 32 | regs[3];
}

/// APIC ids follow the thread: leaf 1 has one, and a leaf beyond the highest is answered as the
/// highest, which may be 0xb.
static void stay_on_one_cpu(void)
{
    cpu_set_t allowed, one;
    CPU_ZERO(&one);
    REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &allowed)) {
            CPU_SET(i, &one);
        }
    }
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
}

static void mode_dump(char **args)
{
    (void)args;
    stay_on_one_cpu();
    static const uint32_t leaves[][2] = {{0, 0}, {1, 0}, {7, 0}, {0xd, 0}, {0x80000001, 0}};
    for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
        uint32_t r[4];
        __cpuid_count(leaves[i][0], leaves[i][1], r[0], r[1], r[2], r[3]);
        printf("%08x %08x %08x %08x %08x\n", leaves[i][0], r[0], r[1], r[2], r[3]);
    }
    printf("hwcap %lx hwcap2 %lx\n", getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
}

/// What stands in the place of a CPUID instruction.
static void mode_trap(char **args)
{
    (void)args;
    const uint8_t *at = (const uint8_t *)(uintptr_t)gap_cpuid + gap_offset;
    printf("%02x%02x\n", at[0], at[1]);
}

static void mode_gap(char **args)
{
    (void)args;
    static const uint8_t head[] = {0x6f, 0x0f, 0xa2, 0x8e, 0x9b, 0x06, 0x0f, 0xa2, 0x0f, 0xa2};
    REQUIRE(features_by(gap_cpuid) == read_features());
    REQUIRE(memcmp(gap_table + 72, head, sizeof head) == 0);
}

#define PREFIXED(prefixes, leaf, regs)                                                             \
    __asm__ volatile(".byte " prefixes ", 0x0f, 0xa2"                                              \
                     : "=a"((regs)[0]), "=b"((regs)[1]), "=c"((regs)[2]), "=d"((regs)[3])          \
                     : "0"(leaf), "2"(0))

/// Prefixes do not make another instruction of it.
static void mode_prefixed(char **args)
{
    (void)args;
    uint32_t plain[4], rex[4], size[4], many[4];
    __cpuid_count(1, 0, plain[0], plain[1], plain[2], plain[3]);
    PREFIXED("0x48", 1, rex);
    PREFIXED("0x66", 1, size);
    PREFIXED("0xf3, 0x2e, 0x67, 0x41", 1, many);
    REQUIRE(plain[0] == rex[0] && plain[2] == rex[2] && plain[3] == rex[3]);
    REQUIRE(plain[0] == size[0] && plain[2] == size[2] && plain[3] == size[3]);
    REQUIRE(plain[0] == many[0] && plain[2] == many[2] && plain[3] == many[3]);
}

static void *thread_main(void *expected)
{
    for (int i = 0; i < 20; i++) {
        REQUIRE(read_features() == *(uint64_t *)expected);
        sched_yield();
    }
    return NULL;
}

static void mode_threads(char **args)
{
    (void)args;
    uint64_t expected = read_features();
    for (int round = 0; round < 5; round++) {
        pthread_t threads[64];
        for (int i = 0; i < 64; i++) {
            REQUIRE(pthread_create(&threads[i], NULL, thread_main, &expected) == 0);
        }
        for (int i = 0; i < 64; i++) {
            REQUIRE(pthread_join(threads[i], NULL) == 0);
        }
    }
}

void require_exit(pid_t child, int expected)
{
    int status;
    REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == expected);
}

static void make_vfork(void)
{
    pid_t child = vfork();
    if (child == 0) {
        _exit(7);
    }
    require_exit(child, 7);
}

/// A child that asks not to be traced. *ret_flags: those of the call, afterwards.
static pid_t clone_untraced(bool is_new_call, uint64_t *ret_flags)
{
    const struct {
        uint64_t flags, members[10];
    } args = {CLONE_UNTRACED | (is_new_call ? 0 : SIGCHLD), {0, 0, 0, SIGCHLD}};
    volatile __typeof__(args) given = args;
    pid_t child = (pid_t)(is_new_call ? syscall(SYS_clone3, &given, 88)
                                      : syscall(SYS_clone, given.flags, 0, 0, 0, 0));
    *ret_flags = given.flags;
    return child;
}

/// Nothing is different for it, nor for the programs that it starts.
static void mode_untraced(char **args)
{
    (void)args;
    uint64_t expected = read_features(), flags;
    for (int i = 0; i < 4; i++) {
        pid_t child = clone_untraced(i % 2 == 0, &flags);
        if (child == 0 && i < 2) {
            _exit(read_features() == expected && features_by(gap_cpuid) == expected ? 5 : 6);
        }
        if (child == 0) {
            execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
        }
        require_exit(child, 5);
        REQUIRE((flags & CLONE_UNTRACED) != 0);
    }
}

/// CPUID cannot be made to fault, nor be shown as it is, by the program itself.
static void mode_switch(char **args)
{
    (void)args;
    uint64_t expected = read_features();
    REQUIRE(syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0) == 1);
    for (int i = 0; i < 2; i++) {
        REQUIRE(syscall(SYS_arch_prctl, ARCH_SET_CPUID, i) == -1 && errno == ENODEV);
        REQUIRE(read_features() == expected && syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0) == 1);
    }
}

static char program_word[] = "victim", gap_word[] = "gap";
static char *const gap_command[] = {program_word, gap_word, NULL};

static void mode_children(char **args)
{
    (void)args;
    uint64_t expected = read_features();
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(read_features() == expected && features_by(gap_cpuid) == expected ? 5 : 6);
        }
        require_exit(child, 5);
        make_vfork();
        REQUIRE(posix_spawn(&child, "/proc/self/exe", NULL, NULL, gap_command, environ) == 0);
        require_exit(child, 0);
    }
    REQUIRE(wait(NULL) == -1 && errno == ECHILD);
}

static void *exec_main(void *does_exec)
{
    if (does_exec != NULL) {
        execv("/proc/self/exe", gap_command);
    }
    pause();
    return NULL;
}

/// A thread that is not the first one starts another program.
static void mode_exec_thread(char **args)
{
    (void)args;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, exec_main, i == 3 ? &threads : NULL);
    }
    pause();
}

uint8_t *make_memory(int prot)
{
    uint8_t *memory = mmap(NULL, 3 * 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    return memory;
}

/// gap_cpuid as a compiler at run time would write it: the real instruction.
void write_code(uint8_t *at)
{
    static const uint8_t code[CODE_SIZE] = {0x53, 0x49, 0x89, 0xf0, 0x89, 0xf8, 0x31, 0xc9, 0x0f,
                                            0xa2, 0x41, 0x89, 0x00, 0x41, 0x89, 0x58, 0x04, 0x41,
                                            0x89, 0x48, 0x08, 0x41, 0x89, 0x50, 0x0c, 0x5b, 0xc3};
    memcpy(at, code, sizeof code);
}

cpuid_fn *to_function(uint8_t *code)
{
    cpuid_fn *function;
    memcpy(&function, &code, sizeof function);
    return function;
}

/// Code written, then made executable.
static void mode_jit(char **args)
{
    (void)args;
    uint8_t *memory = make_memory(PROT_READ | PROT_WRITE);
    write_code(memory + 100);
    REQUIRE(mprotect(memory, 3 * 4096, PROT_READ | PROT_EXEC) == 0);
    REQUIRE(features_by(to_function(memory + 100)) == read_features());
}

/// Code written into memory that is executable all the time, again and again, also across a page.
static void mode_jit_rwx(char **args)
{
    (void)args;
    uint8_t *memory = make_memory(PROT_READ | PROT_WRITE | PROT_EXEC);
    static const int places[] = {64, 4096 - 9, 2 * 4096 - 12, 64, 1024};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        write_code(memory + places[i]);
        REQUIRE(features_by(to_function(memory + places[i])) == read_features());
    }
}

/// Code that is executed elsewhere than where it was loaded.
static void mode_copy(char **args)
{
    (void)args;
    uint64_t expected = features_by(gap_cpuid);
    uint8_t *memory = make_memory(PROT_READ | PROT_WRITE);
    memcpy(memory + 160, gap_code_start, (size_t)(gap_code_end - gap_code_start));
    REQUIRE(mprotect(memory, 3 * 4096, PROT_READ | PROT_EXEC) == 0);
    REQUIRE(features_by(to_function(memory + 176)) == expected);
    uint8_t *moved = mremap(memory, 3 * 4096, 6 * 4096, MREMAP_MAYMOVE);
    REQUIRE(moved != MAP_FAILED && features_by(to_function(moved + 176)) == expected);
}

/// A sandbox that kills whoever uses the 32-bit interface: what CPUID is replaced by changes while
/// threads that are not in it execute it.
static void mode_seccomp(char **args)
{
    (void)args;
    uint64_t expected = read_features();
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, thread_main, &expected) == 0);
    }
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    REQUIRE(read_features() == expected && features_by(gap_cpuid) == expected);
    for (int i = 0; i < 8; i++) {
        REQUIRE(pthread_join(threads[i], NULL) == 0);
    }
    execv("/proc/self/exe", gap_command); // it stays sandboxed
}

/// The program's own int 0x80: getpid is 20 there.
static void mode_legacy(char **args)
{
    (void)args;
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "0"(20L) : "memory", "r8", "r9", "r10", "r11");
    REQUIRE(result == getpid());
}

static void mode_dlopen(char **args)
{
    uint64_t expected = read_features();
#ifdef VICTIM_STATIC
    REQUIRE(*args == NULL && expected != 0);
#else
    for (; *args != NULL; args++) {
        void *library = dlopen(*args, RTLD_NOW);
        REQUIRE(library != NULL);
        cpuid_fn *function;
        *(void **)&function = dlsym(library, "plug_cpuid");
        REQUIRE(function != NULL && features_by(function) == expected);
    }
#endif
}

/// Executes CPUID as often as it is told.
static void mode_count(char **args)
{
    for (int i = atoi(args[0]); i > 0; i--) {
        read_features();
    }
}

static void mode_environment(char **args)
{
    (void)args;
    printf("%d %d %d\n", getppid(), getsid(0) == getsid(getppid()), getpgrp() == getpid());
}

static const struct {
    const char *name;
    void (*run)(char **args);
} modes[] = {
    {"blocked", mode_blocked},
    {"children", mode_children},
    {"closed", mode_closed},
    {"copy", mode_copy},
    {"count", mode_count},
    {"dlopen", mode_dlopen},
    {"doubtful", mode_doubtful},
    {"dump", mode_dump},
    {"environment", mode_environment},
    {"exec-thread", mode_exec_thread},
    {"filled", mode_filled},
    {"gap", mode_gap},
    {"jit", mode_jit},
    {"jit-anew", mode_jit_anew},
    {"jit-rwx", mode_jit_rwx},
    {"kept", mode_kept},
    {"legacy", mode_legacy},
    {"once", mode_once},
    {"prefixed", mode_prefixed},
    {"sandbox", mode_sandbox},
    {"sandboxed", mode_sandboxed},
    {"seccomp", mode_seccomp},
    {"signals", mode_signals},
    {"switch", mode_switch},
    {"threads", mode_threads},
    {"trap", mode_trap},
    {"unmapped", mode_unmapped},
    {"untraced", mode_untraced},
    {"waiting", mode_waiting},
    {"written", mode_written},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, argv[1]) == 0) {
            modes[i].run(argv + 2);
            return 0;
        }
    }
    fputs("victim: unknown mode\n", stderr);
    return 64;
}

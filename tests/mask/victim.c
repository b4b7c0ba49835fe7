// SPDX-License-Identifier: LGPL-2.1-or-later
/// A program for the tests of `run`: each mode executes CPUID in another way and exits with 0 if
/// all is as it would be on the CPU that it was told of first.
#include "victim.h"

#include <cpuid.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
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

static volatile sig_atomic_t handled;
static sigjmp_buf back;
static volatile uintptr_t nowhere = 8;

static void handle(int signal, siginfo_t *info, void *context)
{
    (void)context;
    handled += signal == info->si_signo;
    if (signal != SIGTRAP) {
        siglongjmp(back, 1);
    }
}

/// The program's own traps reach its own handlers, and CPUID never does.
static void mode_signals(char **args)
{
    (void)args;
    static const int signals[] = {SIGILL, SIGSEGV, SIGTRAP};
    for (int i = 0; i < 3; i++) {
        struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
        REQUIRE(sigaction(signals[i], &action, NULL) == 0);
    }
    uint64_t expected = read_features();
    REQUIRE(handled == 0);
    if (sigsetjmp(back, 1) == 0) {
        __asm__ volatile("ud2");
    }
    if (sigsetjmp(back, 1) == 0) {
        *(volatile int *)nowhere = 1;
    }
    __asm__ volatile("int3");
    REQUIRE(handled == 3);
    REQUIRE(read_features() == expected && features_by(gap_cpuid) == expected);
    REQUIRE(handled == 3);
}

/// CPUID with all signals blocked leaves mask and handlers as they are.
static void mode_blocked(char **args)
{
    (void)args;
    sigset_t all, now;
    sigfillset(&all);
    signal(SIGILL, SIG_IGN);
    uint64_t expected = read_features();
    sigprocmask(SIG_SETMASK, &all, NULL);
    REQUIRE(read_features() == expected);
    sigprocmask(SIG_SETMASK, NULL, &now);
    REQUIRE(sigismember(&now, SIGILL) && sigismember(&now, SIGSEGV) && sigismember(&now, SIGTRAP));
    struct sigaction action;
    sigaction(SIGILL, NULL, &action);
    REQUIRE(action.sa_handler == SIG_IGN);
}

static void require_exit(pid_t child, int expected)
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

/// Executes CPUID where the trap may be a signal: SIGILL for CPUID replaced by ud2, SIGSEGV for the
/// first execution of a watched page.
static void trap_once(void)
{
    uint8_t *memory = make_memory(PROT_READ | PROT_WRITE | PROT_EXEC);
    write_code(memory + 64);
    REQUIRE(features_by(to_function(memory + 64)) == read_features());
    write_code(memory + 64);
    REQUIRE(features_by(to_function(memory + 64)) == read_features());
    REQUIRE(munmap(memory, 3 * 4096) == 0);
}

static const int trap_signals[] = {SIGILL, SIGSEGV};

/// Traps with the action and the mask given for both signals, and finds both as they were.
static void require_kept(void (*handler)(int), const sigset_t *blocked)
{
    struct sigaction actions[2], now;
    sigset_t mask;
    for (int i = 0; i < 2; i++) {
        actions[i] = (struct sigaction){.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
        sigaddset(&actions[i].sa_mask, SIGUSR2);
        REQUIRE(sigaction(trap_signals[i], &actions[i], NULL) == 0);
    }
    pthread_sigmask(SIG_SETMASK, blocked, NULL);
    trap_once();
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (int i = 0; i < 2; i++) {
        REQUIRE(sigaction(trap_signals[i], NULL, &now) == 0);
        REQUIRE(now.sa_handler == handler && (now.sa_flags & SA_ONSTACK) != 0);
        REQUIRE(sigismember(&now.sa_mask, SIGUSR2) && !sigismember(&now.sa_mask, SIGUSR1));
    }
    for (int signal = 1; signal < 32; signal++) {
        REQUIRE(signal == SIGKILL || signal == SIGSTOP ||
                sigismember(&mask, signal) == sigismember(blocked, signal));
    }
}

static void never(int signal)
{
    (void)signal;
    _exit(3);
}

static void *kept_main(void *unused)
{
    (void)unused;
    sigset_t all, none, both;
    sigfillset(&all);
    sigemptyset(&none);
    sigemptyset(&both);
    sigaddset(&both, SIGILL);
    sigaddset(&both, SIGSEGV);
    require_kept(never, &both);
    require_kept(never, &all);
    require_kept(never, &none);
    require_kept(SIG_IGN, &none);
    require_kept(SIG_IGN, &all);
    require_kept(SIG_DFL, &all);
    require_kept(SIG_DFL, &none);
    require_kept(never, &all);
    return NULL;
}

/// A child has its parent's actions, and its own from then on; what it starts has what is ignored.
static void require_inherited(char **args)
{
    pid_t child = fork();
    if (child == 0) {
        trap_once();
        struct sigaction action;
        REQUIRE(sigaction(SIGSEGV, NULL, &action) == 0 && action.sa_handler == never);
        kept_main(NULL);
        signal(SIGILL, SIG_IGN);
        signal(SIGSEGV, SIG_IGN);
        if (args[0] == NULL) {
            execl("/proc/self/exe", "victim", "kept", "ignored", NULL);
        }
        _exit(0);
    }
    require_exit(child, 0);
}

/// Whether a trap is a signal to the kernel or not, the program's actions and masks stay.
static void mode_kept(char **args)
{
    if (args[0] != NULL) {
        trap_once();
        for (int i = 0; i < 2; i++) {
            struct sigaction action;
            REQUIRE(sigaction(trap_signals[i], NULL, &action) == 0);
            REQUIRE(action.sa_handler == SIG_IGN);
        }
    }
    kept_main(NULL);
    require_inherited(args);
    pthread_t thread; // it has all signals blocked
    REQUIRE(pthread_create(&thread, NULL, kept_main, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

/// A handler for one time is gone after that, and CPUID does not bring it back.
static void mode_once(char **args)
{
    (void)args;
    sigset_t all;
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESETHAND};
    REQUIRE(sigaction(SIGILL, &action, NULL) == 0);
    trap_once();
    if (sigsetjmp(back, 1) == 0) {
        __asm__ volatile("ud2");
    }
    REQUIRE(handled == 1);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    trap_once();
    REQUIRE(sigaction(SIGILL, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
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

/// A sandbox that kills whoever uses the 32-bit interface.
static void mode_seccomp(char **args)
{
    (void)args;
    uint64_t expected = read_features();
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
    {"copy", mode_copy},
    {"count", mode_count},
    {"dlopen", mode_dlopen},
    {"dump", mode_dump},
    {"environment", mode_environment},
    {"exec-thread", mode_exec_thread},
    {"filled", mode_filled},
    {"filled-sandbox", mode_filled_sandbox},
    {"gap", mode_gap},
    {"jit", mode_jit},
    {"jit-anew", mode_jit_anew},
    {"jit-rwx", mode_jit_rwx},
    {"kept", mode_kept},
    {"legacy", mode_legacy},
    {"once", mode_once},
    {"seccomp", mode_seccomp},
    {"signals", mode_signals},
    {"threads", mode_threads},
    {"trap", mode_trap},
    {"unmapped", mode_unmapped},
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

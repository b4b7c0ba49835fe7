// SPDX-License-Identifier: LGPL-2.1-or-later
/// Modes of the victim: signals, which CPUID must not touch.
#include "victim.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

void gap_cpuid(uint32_t leaf, uint32_t regs[4]);

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
void mode_signals(char **args)
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
void mode_blocked(char **args)
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
    void (*const actions[])(int) = {never, SIG_IGN, SIG_DFL, never};
    for (int i = 0; i < 4; i++) {
        for (int mask = 0; mask < 8; mask++) { // either, both, none, of all signals or alone
            sigset_t blocked;
            ((mask & 4) != 0 ? sigfillset : sigemptyset)(&blocked);
            for (int k = 0; k < 2; k++) {
                ((mask & 1 << k) != 0 ? sigaddset : sigdelset)(&blocked, trap_signals[k]);
            }
            require_kept(actions[i], &blocked);
        }
    }
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
void mode_kept(char **args)
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
void mode_once(char **args)
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

/// Sends itself a signal that is blocked, and traps: it waits still, just once, with what was said.
static void require_waits(int signal, void (*handler)(int))
{
    const struct timespec now = {0};
    struct sigaction action = {.sa_handler = handler};
    sigset_t one, waiting;
    siginfo_t info;
    sigemptyset(&one);
    sigaddset(&one, signal);
    const union sigval said = {.sival_int = 77};
    REQUIRE(sigaction(signal, &action, NULL) == 0);
    REQUIRE(pthread_sigqueue(pthread_self(), signal, said) == 0);
    trap_once();
    REQUIRE(sigpending(&waiting) == 0 && sigismember(&waiting, signal));
    REQUIRE(sigtimedwait(&one, &info, &now) == signal);
    REQUIRE(info.si_code == SI_QUEUE && info.si_pid == getpid() && info.si_value.sival_int == 77);
    REQUIRE(sigtimedwait(&one, &info, &now) == -1);
}

/// A signal that waits, of which the kernel keeps no other for the thread, is not taken for
/// CPUID's.
void mode_waiting(char **args)
{
    (void)args;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (int i = 0; i < 2; i++) {
        require_waits(trap_signals[i], never);
        require_waits(trap_signals[i], SIG_IGN);
        require_waits(trap_signals[i], SIG_DFL);
    }
}

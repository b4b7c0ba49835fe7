// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/run.h"

#include "base/auto.h"
#include "base/file.h"
#include "mask/trace/filter.h"
#include "mask/trace/tracer.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// Where the tracer keeps its report while it closes everything that the program was given.
#define REPORT_FD 3
#define READY_FD  4

bool run_has_faulting(void)
{
    bool can = syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0) == 0;
    if (can) {
        syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1);
    }
    return can;
}

/// Closes all that was inherited: whoever waits for the end of a pipe must not wait for us.
static void keep_only(int report, int ready)
{
    int high_report = fcntl(report, F_DUPFD_CLOEXEC, 16);
    int high_ready = fcntl(ready, F_DUPFD_CLOEXEC, 16);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) {
        dup2(null, fd);
    }
    dup3(high_report, REPORT_FD, O_CLOEXEC);
    dup3(high_ready, READY_FD, O_CLOEXEC);
    syscall(SYS_close_range, READY_FD + 1, ~0U, 0);
}

static int make_cpuinfo(const char *text)
{
    autoclose int fd = text != NULL ? memfd_create("cpuinfo", MFD_CLOEXEC) : -1;
    g_autoptr(cpulift_error) err = NULL;
    bool is_whole = fd >= 0 && file_write_fd(fd, "cpuinfo", text, strlen(text), &err) == 0;
    return is_whole ? auto_steal(&fd) : -1;
}

/// The tracer goes on where the program would not be ended: nobody reads its messages, or it is the
/// tracer that reaches a limit, which is the program's alone.
static void outlive(void)
{
    static const int signals[] = {SIGPIPE, SIGXCPU, SIGXFSZ};
    static const __rlimit_resource_t limits[] = {RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE,
                                                 RLIMIT_NOFILE};
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        struct rlimit limit;
        if (getrlimit(limits[i], &limit) == 0) {
            limit.rlim_cur = limit.rlim_max;
            setrlimit(limits[i], &limit);
        }
    }
}

/// The tracer's process. Tells the program's process by one byte that it is traced, or why not by
/// an errno.
static void trace(const struct mask_table *table, const struct run_options *options, pid_t root,
                  int ready)
{
    setsid();
    prctl(PR_SET_NAME, "cpulift-tracer");
    keep_only(STDERR_FILENO, ready);
    for (int signal = 1; signal < SIGRTMIN; signal++) {
        sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    }
    outlive();
    struct tracer *tracer = tracer_new(table, &options->tracer, root);
    tracer->report_fd = REPORT_FD;
    tracer->cpuinfo_fd = make_cpuinfo(options->cpuinfo);
    unsigned char status = 0;
    if (ptrace(PTRACE_SEIZE, root, 0, tracer_ptrace_options) != 0) {
        status = (unsigned char)errno;
    }
    if (write(READY_FD, &status, 1) != 1 || status != 0) {
        _exit(1);
    }
    close(READY_FD);
    tracer_run(tracer);
    _exit(0);
}

/// Forks twice, so that the program never sees the tracer among its children.
static void fork_tracer(const struct mask_table *table, const struct run_options *options,
                        pid_t root, int ready)
{
    pid_t middle = fork();
    if (middle == 0) {
        if (fork() == 0) {
            trace(table, options, root, ready);
        }
        _exit(0);
    }
    while (middle > 0 && waitpid(middle, NULL, 0) < 0 && errno == EINTR) {
    }
}

static int start_tracer(const struct mask_table *table, const struct run_options *options,
                        cpulift_error **err)
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make a pipe: %s", g_strerror(errno));
    }
    // Where only descendants may be traced (Yama), this permits the other direction.
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    fork_tracer(table, options, getpid(), ready[1]);
    close(ready[1]);
    unsigned char status = EAGAIN;
    ssize_t got = TEMP_FAILURE_RETRY(read(ready[0], &status, 1));
    close(ready[0]);
    prctl(PR_SET_PTRACER, 0, 0, 0, 0);
    if (got == 1 && status == 0) {
        return 0;
    }
    return cpulift_error_set(err, CPULIFT_ESYSTEM,
                             "cannot trace the program: %s; it must not be traced already, and "
                             "containers must permit ptrace",
                             g_strerror(status));
}

/// One call by int 0x80: the tracer sees either it, knows by this that it can use that trap, and
/// answers 0; or the signal that it makes where the kernel has no 32-bit interface. No call works
/// yet by which the tracer could put back what that signal resets: we do. True if it was answered.
static bool make_trial(void)
{
    long nr = TRACER_TRIAL;
    struct sigaction action;
    sigset_t mask;
    sigaction(SIGSEGV, NULL, &action);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    __asm__ volatile("int $0x80"
                     : "+a"(nr)
                     :
                     : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
    sigaction(SIGSEGV, &action, NULL);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return nr == 0;
}

int run_trace(const struct mask_table *table, const struct run_options *options,
              cpulift_error **err)
{
    TRY(start_tracer(table, options, err));
    TRY(filter_install(options->cpuinfo != NULL, err));
    bool has_int80 = options->trap != RUN_TRAP_UD2 && make_trial();
    if (options->trap == RUN_TRAP_INT80 && !has_int80) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "trap 'int80': this kernel (or a container's filter) does not let "
                                 "64-bit programs make 32-bit system calls; use ud2 or auto");
    }
    return 0;
}

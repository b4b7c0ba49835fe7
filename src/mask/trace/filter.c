// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/filter.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/// A call and what in its argument makes it stop.
struct rule {
    uint32_t nr;
    uint32_t argument;    ///< which one
    uint32_t mask, value; ///< stops when (argument & mask) == value
    uint32_t reason;
};

/// Opening for writing, or of folders, is never /proc/cpuinfo.
#define OPEN_MASK (O_ACCMODE | O_DIRECTORY | O_CREAT | O_PATH)

static const struct rule rules[] = {
    {SYS_mmap, 2, PROT_EXEC, PROT_EXEC, FILTER_MAP},
    {SYS_mmap, 3, MAP_FIXED, MAP_FIXED, FILTER_MAP},
    {SYS_munmap, 0, 0, 0, FILTER_UNMAP},
    {SYS_mprotect, 2, PROT_EXEC, PROT_EXEC, FILTER_PROTECT},
    {SYS_pkey_mprotect, 2, PROT_EXEC, PROT_EXEC, FILTER_PROTECT},
    {SYS_mremap, 0, 0, 0, FILTER_REMAP},
    {SYS_seccomp, 0, 0xfffffffe, 0, FILTER_SECCOMP}, // SET_MODE_STRICT, SET_MODE_FILTER
    {SYS_prctl, 0, UINT32_MAX, PR_SET_SECCOMP, FILTER_SECCOMP},
    {SYS_rt_sigaction, 0, UINT32_MAX, SIGILL, FILTER_ACTION},
    {SYS_rt_sigaction, 0, UINT32_MAX, SIGSEGV, FILTER_ACTION},
    {SYS_rt_sigprocmask, 1, UINT32_MAX, 0, FILTER_PASS}, // nothing is set
    {SYS_rt_sigprocmask, 0, 0, 0, FILTER_BLOCK},
    {SYS_clone, 0, CLONE_UNTRACED, CLONE_UNTRACED, FILTER_CLONE},
    {SYS_clone3, 0, 0, 0, FILTER_CLONE}, // its flags are in memory
    {SYS_arch_prctl, 0, UINT32_MAX, ARCH_GET_CPUID, FILTER_MODE},
    {SYS_arch_prctl, 0, UINT32_MAX, ARCH_SET_CPUID, FILTER_MODE},
    {SYS_openat, 2, OPEN_MASK, O_RDONLY, FILTER_OPEN},
    {SYS_open, 1, OPEN_MASK, O_RDONLY, FILTER_OPEN},
};

#define LOAD(offset)     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset))
#define TRACE_ON(reason) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | (reason))
#define OFFSET_ARGUMENT(n)                                                                         \
    (uint32_t)(offsetof(struct seccomp_data, args) + (size_t)(n) * sizeof(uint64_t))

enum { HEAD = 4, PER_RULE = 6, RULES = sizeof rules / sizeof rules[0] };

static const struct sock_filter head[HEAD] = {
    LOAD(offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
    TRACE_ON(FILTER_LEGACY),
    LOAD(offsetof(struct seccomp_data, nr)),
};

static void fill_rule(struct sock_filter *at, const struct rule *rule)
{
    const struct sock_filter code[PER_RULE] = {
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->nr, 0, PER_RULE - 1),
        LOAD(OFFSET_ARGUMENT(rule->argument)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule->mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, rule->reason == FILTER_PASS ? SECCOMP_RET_ALLOW
                                                              : SECCOMP_RET_TRACE | rule->reason),
        LOAD(offsetof(struct seccomp_data, nr)), // for the rules that follow
    };
    memcpy(at, code, sizeof code);
}

enum { FILL_HEAD = FILTER_FILL_SIZE(0) - 1, PER_FILL = FILTER_FILL_SIZE(1) - FILTER_FILL_SIZE(0) };

/// BPF compares 32 bits at once: within one upper half the lower ones count, beyond that all of
/// them are taken.
static void fill_call(struct sock_filter *at, const struct filter_fill *call)
{
    const uint32_t first = (uint32_t)(call->first >> 32), last = (uint32_t)(call->last >> 32);
    const uint32_t low = first == last ? (uint32_t)call->first : 0;
    const uint32_t high = first == last ? (uint32_t)call->last : UINT32_MAX;
    const struct sock_filter code[PER_FILL] = {
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->nr, 0, PER_FILL - 1),
        LOAD(OFFSET_ARGUMENT(call->argument) + (uint32_t)sizeof(uint32_t)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 4),
        LOAD(OFFSET_ARGUMENT(call->argument)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, high, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, low, 0, 1),
        TRACE_ON(FILTER_FILL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    memcpy(at, code, sizeof code);
}

unsigned short filter_fill_make(const struct filter_fill *calls, size_t count,
                                struct sock_filter *ret_code)
{
    static const struct sock_filter begin[FILL_HEAD] = {
        LOAD(offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        LOAD(offsetof(struct seccomp_data, nr)),
    };
    memcpy(ret_code, begin, sizeof begin);
    for (size_t i = 0; i < count; i++) {
        fill_call(&ret_code[FILL_HEAD + i * PER_FILL], &calls[i]);
    }
    ret_code[FILL_HEAD + count * PER_FILL] =
        (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return (unsigned short)(FILL_HEAD + count * PER_FILL + 1);
}

int filter_install(bool is_open_seen, cpulift_error **err)
{
    struct sock_filter code[HEAD + RULES * PER_RULE + 1];
    unsigned short length = HEAD;
    memcpy(code, head, sizeof head);
    for (int i = 0; i < RULES; i++) {
        if (rules[i].reason != FILTER_OPEN || is_open_seen) {
            fill_rule(&code[length], &rules[i]);
            length = (unsigned short)(length + PER_RULE);
        }
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = length, .filter = code};
    // Without SPEC_ALLOW kernels before 5.16 switch store bypass off for the whole program, which
    // costs far more than 1 %. Without no_new_privs only root may install a filter.
    const unsigned flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0 ||
        (errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0)) {
        return 0;
    }
    return cpulift_error_set(err, CPULIFT_ESYSTEM,
                             "cannot install a seccomp filter: %s; the kernel needs "
                             "CONFIG_SECCOMP_FILTER, and containers must permit seccomp",
                             g_strerror(errno));
}

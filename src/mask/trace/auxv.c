// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/trace/auxv.h"

#include "mask/trace/memory.h"

#include <elf.h>
#include <string.h>

/// An environment larger than this is not walked through: execve permits 6 MiB by default.
#define WORDS_MAX ((size_t)1 << 21)

/// Source: Documentation/arch/x86/elf_auxvec.rst; arch/x86/include/uapi/asm/hwcap2.h.
#define HWCAP2_RING3MWAIT (1U << 0)
#define HWCAP2_FSGSBASE   (1U << 1)

struct stack {
    pid_t tid;
    uint64_t at;
    size_t width; ///< of a word: 8, or 4 in a 32-bit program
    bool is_bad;
};

static uint64_t take(struct stack *stack)
{
    uint64_t value = 0; // little-endian: a narrow word fills the low half
    stack->is_bad |= memory_read(stack->tid, stack->at, &value, stack->width) != stack->width;
    stack->at += stack->width;
    return stack->is_bad ? 0 : value;
}

/// Kernels before 4.19 named some CPUs here; the others say x86_64 (or i686).
static void adjust_platform(const struct task *task, uint64_t string)
{
    char now[8] = {0};
    static const char plain[] = "x86_64";
    if (task->space->is_64 && memory_read(task->tid, string, now, sizeof now - 1) > 0 &&
        strcmp(now, plain) != 0 && strlen(now) >= strlen(plain)) {
        memory_write(task->tid, string, plain, sizeof plain);
    }
}

static uint64_t compute_hwcap2(const struct tracer *tracer, uint64_t now)
{
    bool has_monitor = (mask_table_get(tracer->table, 1, 0, -1).ecx & (1U << 3)) != 0;
    bool has_fsgsbase = (mask_table_get(tracer->table, 7, 0, -1).ebx & 1U) != 0;
    now &= has_monitor ? ~UINT64_C(0) : ~(uint64_t)HWCAP2_RING3MWAIT;
    return now & (has_fsgsbase ? ~UINT64_C(0) : ~(uint64_t)HWCAP2_FSGSBASE);
}

static void adjust_entry(struct tracer *tracer, const struct task *task, uint64_t type,
                         uint64_t value, const struct stack *behind)
{
    uint64_t wanted = value;
    if (type == AT_HWCAP) {
        wanted = value & mask_table_get(tracer->table, 1, 0, -1).edx;
    } else if (type == AT_HWCAP2) {
        wanted = compute_hwcap2(tracer, value);
    } else if (type == AT_PLATFORM) {
        adjust_platform(task, value);
    }
    if (wanted != value) {
        memory_write(task->tid, behind->at - behind->width, &wanted, behind->width);
    }
}

void auxv_adjust(struct tracer *tracer, const struct task *task, uint64_t stack_at)
{
    struct stack stack = {.tid = task->tid, .at = stack_at, .width = task->space->is_64 ? 8 : 4};
    uint64_t argc = take(&stack);
    stack.at += (argc + 1) * stack.width;
    for (size_t i = 0; i < WORDS_MAX && take(&stack) != 0; i++) {
        // the environment
    }
    for (size_t i = 0; i < 64 && !stack.is_bad; i++) {
        uint64_t type = take(&stack), value = take(&stack);
        if (type == AT_NULL) {
            return;
        }
        adjust_entry(tracer, task, type, value, &stack);
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// One x86 instruction, as far as deciding about CPUID needs it. The only file that knows Zydis.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// CPUID is 0F A2 in every mode; prefixes do not change it.
#define CPUID_BYTE_0 0x0f
#define CPUID_BYTE_1 0xa2
#define CPUID_LENGTH 2

/// The longest instruction, in bytes.
#define DECODE_MAX 15

enum decode_flag {
    DECODE_CPUID = 1 << 0,
    DECODE_BARRIER = 1 << 1,     ///< never goes on to the next instruction: ret, jmp, ud2
    DECODE_PADDING = 1 << 2,     ///< fills gaps between functions: nop, int3, zeros
    DECODE_IMPLAUSIBLE = 1 << 3, ///< compilers and authors of user programs do not write this
    DECODE_SETS_LEAF = 1 << 4,   ///< writes eax as a whole
    DECODE_USES_ANSWER = 1 << 5, ///< reads eax, ebx, ecx or edx, saves one of them, or returns
};

struct decoded {
    uint8_t length; ///< 1 to 15
    uint8_t flags;  ///< enum decode_flag
    uint32_t reach; ///< how far away (bytes) its branch or its rip-relative operand points, or 0
};

/// How many of the bytes at `code` are prefixes that an instruction may have and CPUID takes no
/// notice of: all but lock.
size_t decode_prefixes(bool is_64, const uint8_t *code, size_t size);

/// The length of the instruction at `code`, 0 where there is none within `size` bytes.
size_t decode_length(bool is_64, const uint8_t *code, size_t size);

/// The same with its meaning. False where there is no instruction.
bool decode_full(bool is_64, const uint8_t *code, size_t size, struct decoded *ret);

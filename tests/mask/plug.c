// SPDX-License-Identifier: LGPL-2.1-or-later
/// A library that asks for the CPU when it is called.
#include <cpuid.h>
#include <stdint.h>

void plug_cpuid(uint32_t leaf, uint32_t regs[4]);

void plug_cpuid(uint32_t leaf, uint32_t regs[4])
{
    __cpuid(leaf, regs[0], regs[1], regs[2], regs[3]);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the CPU announces: every CPUID leaf, XCR0, and the registers that hold features.
#include "guest.h"

#define CPUID_CAP 64

struct registers {
    uint32_t eax, ebx, ecx, edx;
};

static struct registers cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct registers r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

/// How many subleaves a leaf has. Sources: Intel SDM volume 2, CPUID; AMD APM volume 3 appendix E.
enum subleaves {
    SUB_COUNT_EAX,  ///< subleaf 0 says in eax which is the last
    SUB_TYPE_EAX,   ///< until eax[4:0] is 0
    SUB_LEVEL_ECX,  ///< until ecx[15:8] is 0
    SUB_FIXED,      ///< as many as `cap`
    SUB_STATE_BITS, ///< 0, 1 and one for each bit of the states
};

static const struct {
    uint32_t leaf, cap;
    enum subleaves rule;
} subleaf_rules[] = {
    {0x00000004, 16, SUB_TYPE_EAX}, {0x00000007, 8, SUB_COUNT_EAX},
    {0x0000000b, 8, SUB_LEVEL_ECX}, {0x0000000d, 63, SUB_STATE_BITS},
    {0x0000000f, 2, SUB_FIXED},     {0x00000010, 4, SUB_FIXED},
    {0x00000012, 4, SUB_FIXED},     {0x00000014, 4, SUB_COUNT_EAX},
    {0x00000017, 8, SUB_COUNT_EAX}, {0x00000018, 16, SUB_COUNT_EAX},
    {0x0000001d, 4, SUB_COUNT_EAX}, {0x0000001e, 2, SUB_FIXED},
    {0x0000001f, 8, SUB_LEVEL_ECX}, {0x00000020, 4, SUB_COUNT_EAX},
    {0x00000023, 6, SUB_FIXED},     {0x00000024, 2, SUB_COUNT_EAX},
    {0x8000001d, 16, SUB_TYPE_EAX}, {0x80000020, 4, SUB_FIXED},
    {0x80000026, 8, SUB_LEVEL_ECX},
};

static void print_leaf(uint32_t leaf, uint32_t subleaf, struct registers r)
{
    guest_print("cpuid");
    const uint32_t words[] = {leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx};
    for (unsigned i = 0; i < 6; i++) {
        guest_print(" ");
        guest_print_hex(words[i]);
    }
    guest_print("\n");
}

static bool is_after_last(enum subleaves rule, uint32_t subleaf, uint32_t last, struct registers r)
{
    return (rule == SUB_COUNT_EAX && subleaf > last) ||
           (rule == SUB_TYPE_EAX && subleaf > 0 && (r.eax & 0x1f) == 0) ||
           (rule == SUB_LEVEL_ECX && subleaf > 0 && (r.ecx & 0xff00) == 0);
}

static void print_states(uint32_t leaf, struct registers first)
{
    struct registers second = cpuid(leaf, 1);
    print_leaf(leaf, 1, second);
    uint64_t bits = first.eax | second.ecx | ((uint64_t)(first.edx | second.edx) << 32);
    for (uint32_t subleaf = 2; subleaf < 63; subleaf++) {
        if ((uint32_t)(bits >> subleaf) & 1) {
            print_leaf(leaf, subleaf, cpuid(leaf, subleaf));
        }
    }
}

static void print_subleaves(uint32_t leaf, enum subleaves rule, uint32_t cap)
{
    struct registers first = cpuid(leaf, 0);
    print_leaf(leaf, 0, first);
    if (rule == SUB_STATE_BITS) {
        print_states(leaf, first);
        return;
    }
    for (uint32_t subleaf = 1; subleaf < cap; subleaf++) {
        struct registers r = cpuid(leaf, subleaf);
        if (is_after_last(rule, subleaf, first.eax, r)) {
            return;
        }
        print_leaf(leaf, subleaf, r);
    }
}

static void print_range(uint32_t first)
{
    uint32_t last = cpuid(first, 0).eax;
    if (last < first || last - first >= 0x100) { // no such range: other CPUs answer anything here
        return;
    }
    for (uint32_t leaf = first; leaf <= last && leaf - first < CPUID_CAP; leaf++) {
        enum subleaves rule = SUB_FIXED;
        uint32_t cap = 1;
        for (unsigned i = 0; i < sizeof(subleaf_rules) / sizeof(subleaf_rules[0]); i++) {
            if (subleaf_rules[i].leaf == leaf) {
                rule = subleaf_rules[i].rule;
                cap = subleaf_rules[i].cap;
            }
        }
        print_subleaves(leaf, rule, cap);
    }
}

/// Control register bits that an operating system sets for what the CPU announces.
/// Source: Intel SDM volume 3, 2.5.
static const struct {
    uint32_t leaf, reg, bit, cr4;
} cr4_rules[] = {
    {1, 3, 24, 1u << 9},  // fxsr: OSFXSR
    {1, 3, 25, 1u << 10}, // sse: OSXMMEXCPT
    {1, 2, 26, 1u << 18}, // xsave: OSXSAVE
    {7, 1, 0, 1u << 16},  // fsgsbase: FSGSBASE
    {7, 2, 3, 1u << 22},  // pku: PKE
};

static bool is_announced(uint32_t leaf, uint32_t reg, uint32_t bit)
{
    if (cpuid(0, 0).eax < leaf) {
        return false;
    }
    struct registers r = cpuid(leaf, 0);
    const uint32_t words[] = {r.eax, r.ebx, r.ecx, r.edx};
    return (words[reg] >> bit) & 1;
}

static unsigned long first_cr4; ///< as the firmware left it

static uint32_t enable_states(void)
{
    unsigned long cr0, cr4;
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    cr0 = (cr0 & ~(1ul << 2) & ~(1ul << 3)) | (1ul << 1) | (1ul << 5); // -EM -TS +MP +NE
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    first_cr4 = cr4;
    for (unsigned i = 0; i < sizeof(cr4_rules) / sizeof(cr4_rules[0]); i++) {
        if (is_announced(cr4_rules[i].leaf, cr4_rules[i].reg, cr4_rules[i].bit)) {
            cr4 |= cr4_rules[i].cr4;
        }
    }
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
    return 0;
}

static uint32_t disable_states(void)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(first_cr4));
    return 0;
}

static uint32_t set_states(void)
{
    struct registers states = cpuid(0xd, 0);
    __asm__ volatile("xsetbv" : : "a"(states.eax), "d"(states.edx), "c"(0));
    return 0;
}

static uint32_t reset_states(void)
{
    __asm__ volatile("xsetbv" : : "a"(1), "d"(0), "c"(0));
    return 0;
}

static void print_states_enabled(void)
{
    uint32_t low = 0, high = 0;
    if (is_announced(1, 2, 27)) {
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    }
    guest_print("xcr0 ");
    guest_print_hex(low);
    guest_print(" ");
    guest_print_hex(high);
    guest_print("\n");
}

/// Model-specific registers that hold features, and the CPUID bit that says they exist.
static const struct {
    uint32_t first, last, leaf, reg, bit;
} msr_rules[] = {
    {0x10a, 0x10a, 7, 3, 29}, // arch-capabilities
    {0xcf, 0xcf, 7, 3, 30},   // core-capability
    {0x480, 0x491, 1, 2, 5},  // vmx
};

static void print_msr(uint32_t index)
{
    guest_msr = index;
    probe_try(read_msr);
    guest_print("msr ");
    guest_print_hex(index);
    if (guest_fault >= 0) {
        guest_print(" fault ");
        guest_print_number((uint32_t)guest_fault);
    } else {
        guest_print(" ");
        guest_print_hex(guest_msr_low);
        guest_print(" ");
        guest_print_hex(guest_msr_high);
    }
    guest_print("\n");
}

static void print_msrs(void)
{
    for (unsigned i = 0; i < sizeof(msr_rules) / sizeof(msr_rules[0]); i++) {
        if (is_announced(msr_rules[i].leaf, msr_rules[i].reg, msr_rules[i].bit)) {
            for (uint32_t m = msr_rules[i].first; m <= msr_rules[i].last; m++) {
                print_msr(m);
            }
        }
    }
}

bool guest_has_apic(void)
{
    return is_announced(1, 3, 9);
}

uint32_t guest_get_number(void)
{
    return cpuid(1, 0).ebx >> 24;
}

void guest_enable_cpu(void)
{
    probe_try(enable_states);
    if (is_announced(1, 2, 27)) {
        probe_try(set_states);
    }
}

void guest_reset_cpu(void)
{
    if (is_announced(1, 2, 27)) {
        probe_try(reset_states);
    }
    probe_try(disable_states);
}

void guest_print_cpuid(void)
{
    static const uint32_t ranges[] = {0, 0x40000000, 0x40000100, 0x80000000, 0xc0000000};
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        print_range(ranges[i]);
    }
    guest_print("cpuid-end\n");
}

void guest_print_registers(void)
{
    print_states_enabled();
    print_msrs();
}

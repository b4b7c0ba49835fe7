// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/cpu/leaf.h"

#include <string.h>

/// Bits that leaf rules ask for by themselves. Source: Intel SDM vol. 2A, CPUID.
#define L1_ECX_MONITOR    (1U << 3)
#define L1_ECX_XSAVE      (1U << 26)
#define L1_ECX_OSXSAVE    (1U << 27)
#define L1_ECX_AVX        (1U << 28)
#define L1_ECX_HYPERVISOR (1U << 31)
#define L7_EBX_SGX        (1U << 2)
#define L7_EBX_MPX        (1U << 14)
#define L7_EBX_AVX512F    (1U << 16)
#define L7_EBX_INTEL_PT   (1U << 25)
#define L7_ECX_PKU        (1U << 3)
#define L7_ECX_OSPKE      (1U << 4)
#define L7_ECX_LA57       (1U << 16)
#define L7_EDX_AMX_TILE   (1U << 24)
#define LD1_EAX_XSAVES    (1U << 3)
#define X1_ECX_SVM        (1U << 2)
/// Bits of 0x80000001 edx that repeat leaf 1 edx on AMD (QEMU: CPUID_EXT2_AMD_ALIASES).
#define X1_EDX_ALIASES 0x0183f3ffU

struct query {
    const struct mask_table *table;
    uint32_t leaf, subleaf;
    int cpu;
};

typedef struct mask_regs (*rule_fn)(const struct query *query);

struct mask_regs mask_table_read_host(const struct mask_table *table, uint32_t leaf,
                                      uint32_t subleaf, int cpu)
{
    return table->read(table->data, leaf, subleaf, cpu);
}

static struct mask_regs read_host(const struct query *q)
{
    return mask_table_read_host(q->table, q->leaf, q->subleaf, q->cpu);
}

/// The definition's features in a leaf.
static struct mask_regs get_features(const struct mask_table *table, uint32_t leaf,
                                     uint32_t subleaf)
{
    for (unsigned i = 0; i < table->words->len; i++) {
        const struct feature_word *word = &g_array_index(table->words, struct feature_word, i);
        if (word->leaf == leaf && word->subleaf == subleaf) {
            return (struct mask_regs){word->bits[0], word->bits[1], word->bits[2], word->bits[3]};
        }
    }
    return (struct mask_regs){0};
}

static struct mask_regs rule_features(const struct query *q)
{
    return get_features(q->table, q->leaf, q->subleaf);
}

static struct mask_regs rule_level(const struct query *q)
{
    uint32_t words[3];
    memcpy(words, q->table->vendor, sizeof words);
    struct mask_regs regs = {q->table->level, words[0], words[2], words[1]};
    if (q->leaf == 0x80000000) {
        regs.eax = q->table->xlevel;
    }
    return regs;
}

static struct mask_regs rule_version(const struct query *q)
{
    struct mask_regs host = read_host(q), regs = rule_features(q);
    regs.eax = q->table->version;
    regs.ebx = host.ebx & 0xffffff00; // APIC id, CPUs and line size are the machine's; no brand id
    regs.ecx &= ~L1_ECX_OSXSAVE;
    if ((regs.ecx & L1_ECX_XSAVE) != 0) {
        regs.ecx |= host.ecx & L1_ECX_OSXSAVE; // follows the kernel, not the definition
    }
    return regs;
}

static struct mask_regs rule_monitor(const struct query *q)
{
    bool is_shown = (get_features(q->table, 1, 0).ecx & L1_ECX_MONITOR) != 0;
    return is_shown ? read_host(q) : (struct mask_regs){0};
}

/// The highest subleaf of leaf 7 in which the definition has a feature.
static uint32_t find_last_subleaf(const struct mask_table *table, uint32_t leaf)
{
    uint32_t last = 0;
    for (unsigned i = 0; i < table->words->len; i++) {
        const struct feature_word *word = &g_array_index(table->words, struct feature_word, i);
        last = word->leaf == leaf ? MAX(last, word->subleaf) : last;
    }
    return last;
}

static struct mask_regs rule_extended_features(const struct query *q)
{
    struct mask_regs regs = rule_features(q);
    if (q->subleaf == 0) {
        regs.eax = find_last_subleaf(q->table, q->leaf);
        regs.ecx &= ~L7_ECX_OSPKE;
        if ((regs.ecx & L7_ECX_PKU) != 0) {
            regs.ecx |= read_host(q).ecx & L7_ECX_OSPKE;
        }
    }
    return regs;
}

/// The XCR0 components that belong to the definition's features.
/// Source: Intel SDM vol. 1, 13.1 "XSAVE-supported features and state-component bitmaps".
static uint64_t get_components(const struct mask_table *table)
{
    struct mask_regs one = get_features(table, 1, 0), seven = get_features(table, 7, 0);
    const struct {
        bool is_there;
        uint64_t components;
    } owners[] = {
        {(one.ecx & L1_ECX_XSAVE) != 0, 0x3},   {(one.ecx & L1_ECX_AVX) != 0, 0x4},
        {(seven.ebx & L7_EBX_MPX) != 0, 0x18},  {(seven.ebx & L7_EBX_AVX512F) != 0, 0xe0},
        {(seven.ecx & L7_ECX_PKU) != 0, 0x200}, {(seven.edx & L7_EDX_AMX_TILE) != 0, 0x60000},
    };
    uint64_t components = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(owners); i++) {
        components |= owners[i].is_there ? owners[i].components : 0;
    }
    return components;
}

/// XCR0 itself is not hidden (XGETBV does not trap), so XSAVE of a program stores the real CPU's
/// components whatever is announced here. The sizes and offsets stay the real ones: a smaller
/// size would let the program reserve too little memory, and XSAVE overwrite what is behind it.
static struct mask_regs rule_xsave(const struct query *q)
{
    if ((get_features(q->table, 1, 0).ecx & L1_ECX_XSAVE) == 0) {
        return (struct mask_regs){0};
    }
    struct mask_regs regs = read_host(q), features = rule_features(q);
    uint64_t components = get_components(q->table);
    if (q->subleaf == 0) {
        regs.eax &= (uint32_t)components;
        regs.edx &= (uint32_t)(components >> 32);
    } else if (q->subleaf == 1) {
        bool has_xsaves = (features.eax & LD1_EAX_XSAVES) != 0;
        regs.eax = features.eax;
        regs.ecx = has_xsaves ? regs.ecx : 0;
        regs.edx = has_xsaves ? regs.edx : 0;
    }
    return regs;
}

/// A leaf that means something only with a feature of leaf 7: the real one, or nothing.
static struct mask_regs rule_with_feature(const struct query *q)
{
    struct mask_regs seven = get_features(q->table, 7, 0);
    bool is_shown = (q->leaf == 0x12 && (seven.ebx & L7_EBX_SGX) != 0) ||
                    (q->leaf == 0x14 && (seven.ebx & L7_EBX_INTEL_PT) != 0) ||
                    ((q->leaf == 0x1d || q->leaf == 0x1e) && (seven.edx & L7_EDX_AMX_TILE) != 0);
    return is_shown ? read_host(q) : (struct mask_regs){0};
}

static struct mask_regs rule_extended_version(const struct query *q)
{
    struct mask_regs regs = rule_features(q);
    regs.eax = q->table->version;
    if (q->table->is_amd) {
        regs.edx &= ~X1_EDX_ALIASES;
        regs.edx |= get_features(q->table, 1, 0).edx & X1_EDX_ALIASES;
    }
    return regs;
}

static struct mask_regs rule_brand(const struct query *q)
{
    struct mask_regs regs;
    memcpy(&regs, q->table->brand + sizeof regs * (q->leaf - 0x80000002), sizeof regs);
    return regs;
}

static struct mask_regs rule_address_sizes(const struct query *q)
{
    struct mask_regs host = read_host(q), regs = rule_features(q);
    uint32_t linear = (get_features(q->table, 7, 0).ecx & L7_ECX_LA57) != 0 ? 57 : 48;
    uint32_t physical = q->table->phys_bits != 0 ? q->table->phys_bits : host.eax & 0xff;
    regs.eax = linear << 8 | physical;
    regs.ecx = host.ecx & 0xffff; // how many cores: the machine's
    return regs;
}

static struct mask_regs rule_svm(const struct query *q)
{
    struct mask_regs regs = rule_features(q);
    if ((get_features(q->table, 0x80000001, 0).ecx & X1_ECX_SVM) == 0) {
        return (struct mask_regs){0};
    }
    regs.eax = 1;    // revision
    regs.ebx = 0x10; // address space ids, as QEMU
    return regs;
}

static struct mask_regs rule_hypervisor(const struct query *q)
{
    bool is_shown = (get_features(q->table, 1, 0).ecx & L1_ECX_HYPERVISOR) != 0;
    bool is_there = (mask_table_read_host(q->table, 1, 0, -1).ecx & L1_ECX_HYPERVISOR) != 0;
    return is_shown && is_there ? read_host(q) : (struct mask_regs){0};
}

/// Which rule makes which leaf. Leaves that are not named are 0, as QEMU has it: their contents
/// belong to features that no definition shows (performance counters, resource control, …).
/// Caches, TLBs and topology are the machine's own, because the program runs on that machine.
static const struct {
    uint32_t first, last;
    rule_fn compute;
} rules[] = {
    {0x00000000, 0x00000000, rule_level},
    {0x00000001, 0x00000001, rule_version},
    {0x00000002, 0x00000002, read_host},
    {0x00000004, 0x00000004, read_host},
    {0x00000005, 0x00000005, rule_monitor},
    {0x00000006, 0x00000006, rule_features},
    {0x00000007, 0x00000007, rule_extended_features},
    {0x0000000b, 0x0000000b, read_host},
    {0x0000000d, 0x0000000d, rule_xsave},
    {0x0000000f, 0x0000000f, rule_features},
    {0x00000012, 0x00000012, rule_with_feature},
    {0x00000014, 0x00000014, rule_with_feature},
    {0x0000001d, 0x0000001e, rule_with_feature},
    {0x0000001f, 0x0000001f, read_host},
    {0x00000024, 0x00000024, rule_features},
    {0x40000000, 0x4000ffff, rule_hypervisor},
    {0x80000000, 0x80000000, rule_level},
    {0x80000001, 0x80000001, rule_extended_version},
    {0x80000002, 0x80000004, rule_brand},
    {0x80000005, 0x80000006, read_host},
    {0x80000007, 0x80000007, rule_features},
    {0x80000008, 0x80000008, rule_address_sizes},
    {0x8000000a, 0x8000000a, rule_svm},
    {0x80000019, 0x80000019, read_host},
    {0x8000001d, 0x8000001e, read_host},
    {0x80000021, 0x80000021, rule_features},
    {0x80000026, 0x80000026, read_host},
    {0xc0000001, 0xc0000001, rule_features},
};

/// The answer for a leaf that is within the table's levels.
static struct mask_regs compute(const struct mask_table *table, uint32_t leaf, uint32_t subleaf,
                                int cpu)
{
    const struct query query = {table, leaf, subleaf, cpu};
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (leaf >= rules[i].first && leaf <= rules[i].last) {
            return rules[i].compute(&query);
        }
    }
    return (struct mask_regs){0};
}

/// The leaf that a number beyond the highest one stands for: Intel repeats the highest basic leaf,
/// AMD answers zeros. Source: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E.2.
static bool is_beyond(const struct mask_table *table, uint32_t leaf)
{
    if (leaf >= 0x80000000) {
        return leaf > table->xlevel && leaf < 0xc0000000;
    }
    return leaf > table->level && (leaf < 0x40000000 || leaf > 0x4000ffff);
}

/// Leaves that look at ecx. In all others it may hold anything.
/// Source: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E.
static bool has_subleaves(uint32_t leaf)
{
    static const uint32_t leaves[] = {
        0x04, 0x07, 0x0b, 0x0d, 0x0f, 0x10, 0x12, 0x14,       0x17,       0x18,
        0x1b, 0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24, 0x8000001d, 0x80000020, 0x80000026,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(leaves); i++) {
        if (leaves[i] == leaf) {
            return true;
        }
    }
    return false;
}

struct mask_regs mask_table_get(const struct mask_table *table, uint32_t leaf, uint32_t subleaf,
                                int cpu)
{
    if (table->is_host) {
        return mask_table_read_host(table, leaf, subleaf, cpu);
    }
    subleaf = has_subleaves(leaf) ? subleaf : 0;
    if (!is_beyond(table, leaf)) {
        return compute(table, leaf, subleaf, cpu);
    }
    return table->is_amd ? (struct mask_regs){0} : compute(table, table->level, subleaf, cpu);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// The answers, on a made-up CPU that has everything.
#include "mask/cpu/cpuinfo.h"
#include "mask/cpu/definition.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/// A CPU with all features, XCR0 0x2e7 and a state of 2696 bytes.
static struct mask_regs read_rich(void *data, uint32_t leaf, uint32_t subleaf, int cpu)
{
    (void)data;
    (void)subleaf;
    switch (leaf) {
    case 0:
        return (struct mask_regs){0x20, 0x756e6547, 0x6c65746e, 0x49656e69};
    case 1:
        return (struct mask_regs){0x806f8, 0x00080800 | (uint32_t)(cpu + 1) << 24, ~0U, ~0U};
    case 0xd:
        return subleaf == 0 ? (struct mask_regs){0x2e7, 2696, 2696, 0}
                            : (struct mask_regs){0x1f, 2696, 0x1800, 0};
    case 0x80000000:
        return (struct mask_regs){0x80000021, 0, 0, 0};
    case 0x80000008:
        return (struct mask_regs){0x3934, ~0U, 0x7001, 0};
    default:
        return (struct mask_regs){~0U, ~0U, ~0U, ~0U};
    }
}

/// A CPU with nothing.
static struct mask_regs read_poor(void *data, uint32_t leaf, uint32_t subleaf, int cpu)
{
    (void)data;
    (void)subleaf;
    (void)cpu;
    return (struct mask_regs){leaf == 0 ? 0x20 : leaf == 0x80000000 ? 0x80000021 : 0, 0, 0, 0};
}

static struct mask_table *make(const char *model, struct definition *definition)
{
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(definition_load(model, false, support_get_catalog(), definition, &err), 0);
    return mask_table_new(&definition->cpu, support_get_catalog(), read_rich, NULL);
}

static uint32_t get_register(const struct mask_regs *regs, int index)
{
    const uint32_t all[] = {regs->eax, regs->ebx, regs->ecx, regs->edx};
    return all[index];
}

/// Bits that follow the kernel or the vendor, not the definition.
static bool is_dynamic(const char *name)
{
    return strcmp(name, "osxsave") == 0 || strcmp(name, "ospke") == 0;
}

static void check_feature(const struct mask_table *table, const struct catalog_feature *feature,
                          bool is_wanted, const char *model)
{
    for (size_t i = 0; i < feature->bit_count; i++) {
        const struct feature_bit *bit = &feature->bits[i];
        // What programs are told not to ask for.
        uint32_t top = mask_table_get(table, bit->leaf & 0xf0000000, 0, 0).eax;
        bool is_answered = (top & 0xf0000000) == (bit->leaf & 0xf0000000) && bit->leaf <= top;
        if (bit->is_msr || (!is_answered && !is_wanted)) {
            continue;
        }
        struct mask_regs regs = mask_table_get(table, bit->leaf, bit->subleaf, 0);
        for (int reg = 0; reg < 4; reg++) {
            uint32_t got = get_register(&regs, reg) & bit->regs[reg];
            if (got != (is_wanted ? bit->regs[reg] : 0)) {
                fail_msg("%s: %s is %08x in leaf %08x, wanted: %d", model, feature->name, got,
                         bit->leaf, is_wanted);
            }
        }
    }
}

/// Every model shows each feature of the map exactly if it has it. (This CPU is an Intel: no bits
/// are repeated.)
static void test_every_model(void **state)
{
    (void)state;
    const catalog *map = support_get_catalog();
    for (size_t i = 0; i < catalog_model_count(map); i++) {
        const char *model = catalog_get_model(map, i)->name;
        struct definition definition;
        struct mask_table *table = make(model, &definition);
        for (size_t id = 0; id < catalog_feature_count(map); id++) {
            const struct catalog_feature *feature = catalog_get_feature(map, id);
            if (!is_dynamic(feature->name)) {
                check_feature(table, feature, feature_set_has(&definition.cpu.features, id), model);
            }
        }
        mask_table_free(table);
        definition_clear(&definition);
    }
}

static void test_signature(void **state)
{
    (void)state;
    struct definition definition;
    struct mask_table *table = make("Haswell-noTSX", &definition);
    assert_int_equal(mask_table_get(table, 1, 0, 0).eax, 0x306c1); // 6, 60, 1
    assert_int_equal(mask_table_get(table, 0, 0, 0).eax, 0xd);
    assert_int_equal(mask_table_get(table, 0x80000000, 0, 0).eax, 0x80000008);
    struct mask_regs brand = mask_table_get(table, 0x80000002, 0, 0);
    assert_memory_equal(&brand, "Intel Core Proce", 16);
    mask_table_free(table);
    definition_clear(&definition);
    assert_non_null(mask_signature_find("qemu64"));
    // The 2014 paper's default guest: family 6 under either vendor, which OpenBLAS takes for no
    // Opteron.
    table = make("2014", &definition);
    assert_int_equal(mask_table_get(table, 1, 0, 0).eax, 0x6d3);        // 6, 13, 3
    assert_int_equal(mask_table_get(table, 1, 0, 0).edx & 1U << 11, 0); // sep
    mask_table_free(table);
    definition_clear(&definition);
    assert_null(mask_signature_find("nosuch"));
}

/// The APIC id is that of the CPU on which the program runs.
static void test_per_cpu(void **state)
{
    (void)state;
    struct definition definition;
    struct mask_table *table = make("Nehalem", &definition);
    assert_int_equal(mask_table_get(table, 1, 0, 0).ebx >> 24, 1);
    assert_int_equal(mask_table_get(table, 1, 0, 5).ebx >> 24, 6);
    // Leaves without subleaves look at eax only.
    assert_int_equal(mask_table_get(table, 1, 77, 0).edx, mask_table_get(table, 1, 0, 0).edx);
    mask_table_free(table);
    definition_clear(&definition);
}

/// Components of what is hidden are not announced; sizes stay large enough for the real XCR0.
static void test_xsave(void **state)
{
    (void)state;
    struct definition definition;
    struct mask_table *table = make("Haswell-noTSX", &definition);
    struct mask_regs regs = mask_table_get(table, 0xd, 0, 0);
    assert_int_equal(regs.eax, 0x7);
    assert_int_equal(regs.ebx, 2696);
    assert_int_equal(mask_table_get(table, 0xd, 1, 0).eax, 0x1); // xsaveopt only
    assert_int_equal(mask_table_get(table, 0xd, 1, 0).ecx, 0);
    mask_table_free(table);
    definition_clear(&definition);
    table = make("Nehalem", &definition);
    assert_int_equal(mask_table_get(table, 0, 0, 0).eax, 0xb);
    assert_int_equal(mask_table_get(table, 1, 0, 0).ecx & 1U << 27, 0);
    mask_table_free(table);
    definition_clear(&definition);
}

/// Beyond the highest leaf Intel repeats the highest basic one, AMD says nothing.
static void test_beyond(void **state)
{
    (void)state;
    struct definition definition;
    struct mask_table *table = make("Nehalem", &definition);
    struct mask_regs last = mask_table_get(table, 0xb, 0, 0),
                     far = mask_table_get(table, 0x999, 0, 0);
    assert_memory_equal(&last, &far, sizeof last);
    mask_table_free(table);
    definition.cpu.vendor = "AuthenticAMD";
    table = mask_table_new(&definition.cpu, support_get_catalog(), read_rich, NULL);
    far = mask_table_get(table, 0x999, 0, 0);
    assert_int_equal(far.eax | far.ebx | far.ecx | far.edx, 0);
    // AMD repeats bits of leaf 1 edx.
    assert_int_not_equal(mask_table_get(table, 0x80000001, 0, 0).edx & 1U << 23, 0);
    mask_table_free(table);
    definition_clear(&definition);
}

static void test_lacking(void **state)
{
    (void)state;
    struct definition definition;
    g_autoptr(cpulift_error) err = NULL;
    mask_table_free(make("Haswell-noTSX", &definition));
    const catalog *map = support_get_catalog();
    assert_int_equal(definition_check(&definition, "x", map, read_rich, NULL, &err), 0);
    assert_int_not_equal(definition_check(&definition, "x", map, read_poor, NULL, &err), 0);
    assert_non_null(strstr(err->message, "avx2"));
    assert_null(strstr(err->message, "x2apic"));
    assert_null(strchr(err->message, '\n'));
    definition_clear(&definition);
}

/// Every name of the table of privileged features is sorted; those that the map knows are many.
static void test_privileged(void **state)
{
    (void)state;
    static const char *const names[] = {
#define MASK_PRIVILEGED(name) name,
#include "mask/cpu/tables/privileged.def"
    };
    size_t known = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        assert_true(i == 0 || strcmp(names[i - 1], names[i]) < 0);
        known += catalog_find_feature(support_get_catalog(), names[i]) >= 0;
    }
    assert_true(known > 60);
}

static void test_cpuinfo(void **state)
{
    (void)state;
    static const char real[] = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 143\n"
                               "model name\t: X\nflags\t\t: fpu nopl sse2 avx2 unheard_of pni\n\n";
    struct definition definition;
    struct mask_table *table = make("Nehalem", &definition);
    g_autofree char *text =
        cpuinfo_format(real, table, support_get_catalog(), &definition.cpu.features);
    assert_string_equal(text, "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 26\n"
                              "model name\t: Intel Core i7 9xx (Nehalem Class Core i7)\n"
                              "flags\t\t: fpu nopl sse2 pni\n\n");
    mask_table_free(table);
    definition_clear(&definition);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_model), cmocka_unit_test(test_signature),
        cmocka_unit_test(test_per_cpu),     cmocka_unit_test(test_xsave),
        cmocka_unit_test(test_beyond),      cmocka_unit_test(test_lacking),
        cmocka_unit_test(test_privileged),  cmocka_unit_test(test_cpuinfo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

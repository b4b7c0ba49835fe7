// SPDX-License-Identifier: LGPL-2.1-or-later
/// What kernels say of their CPU, without a boot. tests/security holds it against kernels.
#include "core/protection.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

struct guest {
    const char *vendor;
    unsigned family, model, stepping;
    const char *features; ///< between blanks; a guest's has "hypervisor"
    bool is_emulated, has_threads;
};

static json_t *predict(const struct guest *g, const char *kernel)
{
    const catalog *map = support_get_catalog();
    feature_set set = {0};
    g_auto(GStrv) names = g_strsplit(g->features, " ", -1);
    for (char **name = names; *name != NULL; name++) {
        int id = catalog_find_feature(map, *name);
        assert_true(id >= 0);
        feature_set_add(&set, (size_t)id);
    }
    const struct protection_cpu cpu = {
        .signature = {g->vendor, g->family, g->model, g->stepping},
        .features = &set,
        .is_guest = true,
        .is_emulated = g->is_emulated,
        .has_threads = g->has_threads,
    };
    return protection_predict(map, &cpu, protection_find_kernel(kernel));
}

#define EPYC_OF(features)                                                                          \
    {                                                                                              \
        "AMD", 23, 1, 2, features, false, false                                                    \
    }
#define SKYLAKE_OF(features)                                                                       \
    {                                                                                              \
        "Intel", 6, 85, 4, features, false, false                                                  \
    }
/// Worked out by hand from the kernels' sources.
static const struct {
    struct guest guest;
    const char *kernel, *file, *text;
} cases[] = {
    {SKYLAKE_OF("hypervisor"), "6.1", "retbleed", "Vulnerable"},
    {SKYLAKE_OF("hypervisor spec-ctrl"), "6.1", "retbleed", "Mitigation: IBRS"},
    {{"Intel", 6, 61, 2, "hypervisor spec-ctrl", false, false}, "6.1", "retbleed", "Not affected"},
    {SKYLAKE_OF("hypervisor"), "6.1", "mds",
     "Vulnerable: Clear CPU buffers attempted, no microcode; SMT Host state unknown"},
    {SKYLAKE_OF("hypervisor md-clear"), "6.12", "mds",
     "Mitigation: Clear CPU buffers; SMT Host state unknown"},
    // A bit of the MSR counts only where the MSR is announced.
    {SKYLAKE_OF("hypervisor mds-no"), "6.1", "mds",
     "Vulnerable: Clear CPU buffers attempted, no microcode; SMT Host state unknown"},
    {SKYLAKE_OF("hypervisor arch-capabilities mds-no"), "6.1", "mds", "Not affected"},
    {SKYLAKE_OF("hypervisor arch-capabilities rsba"), "6.1", "spectre_v2",
     "Mitigation: Retpolines; STIBP: disabled; RSB filling; PBRSB-eIBRS: Not affected; BHI: "
     "Retpoline"},
    {SKYLAKE_OF("hypervisor arch-capabilities ibrs-all spec-ctrl stibp"), "6.12", "spectre_v2",
     "Mitigation: Enhanced / Automatic IBRS; IBPB: conditional; PBRSB-eIBRS: SW sequence; "
     "BHI: SW loop, KVM: SW loop"},
    {SKYLAKE_OF("hypervisor avx rtm md-clear"), "6.1", "tsx_async_abort",
     "Mitigation: Clear CPU buffers; SMT Host state unknown"},
    {SKYLAKE_OF("hypervisor avx rtm arch-capabilities tsx-ctrl"), "6.1", "tsx_async_abort",
     "Mitigation: TSX disabled"},
    {SKYLAKE_OF("hypervisor avx"), "6.1", "gather_data_sampling",
     "Unknown: Dependent on hypervisor status"},
    // Without the hypervisor's bit the branch controls of microcode 1 are not used.
    {SKYLAKE_OF("spec-ctrl"), "6.1", "retbleed", "Vulnerable"},
    {SKYLAKE_OF("spec-ctrl"), "6.1", "vmscape", "Vulnerable"},
    {{"Intel", 6, 134, 0, "hypervisor arch-capabilities rfds-clear", false, false},
     "6.1",
     "reg_file_data_sampling",
     "Mitigation: Clear Register File"},
    {EPYC_OF("hypervisor"), "6.1", "spec_store_bypass", "Vulnerable"},
    {{"AMD", 23, 1, 2, "hypervisor", true, false},
     "6.1",
     "spec_store_bypass",
     "Mitigation: Speculative Store Bypass disabled via prctl"},
    {EPYC_OF("hypervisor"), "6.1", "spec_rstack_overflow", "Mitigation: safe RET, no microcode"},
    {EPYC_OF("hypervisor"), "6.12", "spec_rstack_overflow", "Vulnerable: Safe RET, no microcode"},
    {EPYC_OF("hypervisor ibpb"), "6.1", "spec_rstack_overflow", "Mitigation: SMT disabled"},
    {{"AMD", 23, 1, 2, "hypervisor ibpb amd-stibp", false, true},
     "6.1",
     "retbleed",
     "Mitigation: untrained return thunk; SMT enabled with STIBP protection"},
    {{"AMD", 15, 107, 1, "hypervisor", true, false}, "6.1", "spec_store_bypass", "Not affected"},
    {{"Intel", 6, 90, 0, "hypervisor", false, false}, "6.1", "spec_store_bypass", "Vulnerable"},
    {{"Intel", 6, 90, 0, "hypervisor", false, false}, "6.12", "spec_store_bypass", "Not affected"},
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(json_t) texts = predict(&cases[i].guest, cases[i].kernel);
        assert_string_equal(json_get_string(texts, cases[i].file), cases[i].text);
    }
}

static void test_strangers(void **state)
{
    (void)state;
    assert_null(predict(&(struct guest){"Zhaoxin", 7, 1, 1, "", false, false}, "6.1"));
    assert_null(predict(&(struct guest){NULL, 6, 85, 4, "", false, false}, "6.1"));
    assert_null(predict(&(struct guest){"Intel", 0, 0, 0, "", false, false}, "6.1"));
}

static void test_kernels(void **state)
{
    (void)state;
    assert_string_equal(protection_get_kernel_name(0), "6.1");
    assert_ptr_equal(protection_find_kernel("6.1.0-56-cloud-amd64"), protection_find_kernel("6.1"));
    assert_ptr_not_equal(protection_find_kernel("6.12.117+deb12-cloud-amd64"),
                         protection_find_kernel("6.1"));
    assert_null(protection_find_kernel("6.13"));
    assert_null(protection_find_kernel("6"));
    assert_null(protection_find_kernel(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_kernels),
    };
    return cmocka_run_group_tests_name("protection", tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// probe/proof: what is missing, extra, wrong, or follows from something else.
#include "base/json.h"
#include "fake_guest.h"
#include "probe/proof.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FEATURES  "cx8 fxsr lm mmx nx sse sse2 syscall"
#define SIGNATURE 0x000106a3 // Nehalem: family 6, model 26

static const catalog *map;

static cpulift_plan *make_plan(const char *features)
{
    g_auto(GStrv) names = g_strsplit(features, " ", -1);
    json_t *list = json_new_strings((const char *const *)names, g_strv_length(names));
    g_autoptr(json_t) json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:{s:s, s:s, s:s, s:i}}", "schema", PLAN_SCHEMA, "pool",
        "p", "variant", "tuned", "virt", "qemu", "machine", "pc", "features", list, "definition",
        "model", "Nehalem", "mode", "custom", "vendor", "Intel", "phys_bits", 40);
    cpulift_plan *made = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (plan_from_json(json, "test", &made, &err) != 0) {
        fail_msg("%s", err->message);
    }
    return made;
}

/// A guest, or one of its vCPUs, that shows these.
struct guest {
    const char *features, *vendor;
    uint32_t signature;
    unsigned width;
    const char *more; ///< further lines
};

static const struct guest good = {FEATURES, "GenuineIntel", SIGNATURE, 40, ""};

static const probe_shape one = {
    .vcpus = 1, .max = 1, .sockets = 1, .dies = 1, .cores = 1, .threads = 1};

/// The proof of a plan by a guest of `count` vCPUs.
static proof *prove_plan(const cpulift_plan *plan, const struct guest *vcpus, unsigned count,
                         const probe_shape *shape)
{
    g_autoptr(probe_run) run = probe_run_new();
    g_autofree char *sets = proof_format_sets(plan);
    GString *text = fake_guest_new();
    for (unsigned i = 0; i < count; i++) {
        if (i > 0) {
            fake_guest_add_vcpu(text, i);
        }
        g_string_append(text, vcpus[i].more);
        fake_guest_add_cpu(text, map, vcpus[i].features, vcpus[i].vendor, vcpus[i].signature,
                           vcpus[i].width);
        fake_guest_add_sets(text, sets);
    }
    fake_guest_finish(text, 1);
    run->shape = *shape;
    run->len = text->len;
    run->text = g_string_free(text, FALSE);
    proof *result = NULL;
    assert_int_equal(proof_compute(map, plan, run, &result, NULL), 0);
    return result;
}

/// The proof of a plan for FEATURES.
static proof *prove_vcpus(const struct guest *vcpus, unsigned count, const probe_shape *shape)
{
    g_autoptr(cpulift_plan) plan = make_plan(FEATURES);
    return prove_plan(plan, vcpus, count, shape);
}

static proof *prove(const struct guest *guest)
{
    return prove_vcpus(guest, 1, &one);
}

static void assert_names(GPtrArray *names, const char *expected)
{
    g_ptr_array_add(names, NULL);
    g_autofree char *joined = g_strjoinv(" ", (char **)names->pdata);
    assert_string_equal(joined, expected);
}

static void test_equal(void **state)
{
    (void)state;
    g_autoptr(proof) result = prove(&good);
    assert_true(result->is_proved);
    assert_names(result->executed, "cx8 fxsr mmx sse sse2");
}

static void test_missing_and_extra(void **state)
{
    (void)state;
    struct guest guest = good;
    guest.features = "cx8 fxsr lm mmx nx sse syscall avx2 pni";
    g_autoptr(proof) result = prove(&guest);
    assert_false(result->is_proved);
    assert_names(result->missing, "sse2");
    assert_names(result->extra, "avx2 pni");
}

static void test_nameless_bit(void **state)
{
    (void)state;
    struct guest guest = good;
    guest.more = "cpuid 00000007 00000001 80000000 00000000 00000000 00000000\n";
    g_autoptr(proof) result = prove(&guest);
    assert_false(result->is_proved);
    assert_names(result->extra, "cpuid-00000007-1-eax-31");
}

/// Bits that follow the guest's state are notes.
static void test_state(void **state)
{
    (void)state;
    struct guest guest = good;
    guest.features = FEATURES " osxsave ospke";
    g_autoptr(proof) result = prove(&guest);
    assert_true(result->is_proved);
    assert_int_equal(result->notes->len, 2);
}

#define WIDE FEATURES " ht"

/// What is to be seen where a socket has several CPUs, and only there.
static void test_topology(void **state)
{
    (void)state;
    static const struct {
        probe_shape shape;
        const char *features, *vendor, *missing, *extra;
        size_t notes;
    } cases[] = {
        {{2, 2, 1, 1, 2, 1, 0, false}, FEATURES " ht", "GenuineIntel", "", "", 1},
        {{2, 2, 1, 1, 1, 2, 0, false}, FEATURES " ht", "GenuineIntel", "", "", 1},
        {{2, 2, 1, 2, 1, 1, 0, false}, FEATURES " ht", "GenuineIntel", "", "", 1},
        {{2, 4, 1, 1, 4, 1, 0, false}, FEATURES " ht", "GenuineIntel", "", "", 1},
        {{2, 2, 1, 1, 2, 1, 0, false}, FEATURES, "GenuineIntel", "ht", "", 0},
        {{2, 2, 1, 1, 2, 1, 0, false},
         FEATURES " cmp_legacy ht",
         "GenuineIntel",
         "",
         "cmp_legacy",
         1},
        {{2, 2, 1, 1, 2, 1, 0, false}, FEATURES " cmp_legacy ht", "AuthenticAMD", "", "", 2},
        {{2, 2, 1, 1, 2, 1, 0, false}, FEATURES " ht", "AuthenticAMD", "cmp_legacy", "", 1},
        {{2, 2, 2, 1, 1, 1, 0, false}, FEATURES, "AuthenticAMD", "", "", 0},
        {{2, 2, 2, 1, 1, 1, 0, false},
         FEATURES " cmp_legacy ht",
         "AuthenticAMD",
         "",
         "cmp_legacy ht",
         0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct guest vcpus[] = {good, good};
        for (size_t n = 0; n < G_N_ELEMENTS(vcpus); n++) {
            vcpus[n].features = cases[i].features;
            vcpus[n].vendor = cases[i].vendor;
        }
        g_autoptr(proof) result = prove_vcpus(vcpus, 2, &cases[i].shape);
        assert_int_equal(result->notes->len, cases[i].notes);
        assert_names(result->missing, cases[i].missing);
        assert_names(result->extra, cases[i].extra);
    }
}

/// pdcm is to be seen where the pool's hosts give it and the guest has a PMU, and only there.
static void test_pmu(void **state)
{
    (void)state;
    static const struct {
        bool is_given;
        enum shape_pmu pmu;
        const char *features, *missing, *extra;
        size_t notes;
    } cases[] = {
        {true, SHAPE_PMU_ON, FEATURES " pdcm", "", "", 1},
        {true, SHAPE_PMU_ON, FEATURES, "pdcm", "", 0},
        {true, SHAPE_PMU_OFF, FEATURES " pdcm", "", "pdcm", 0},
        {true, SHAPE_PMU_UNSAID, FEATURES, "", "", 0},
        {false, SHAPE_PMU_ON, FEATURES, "", "", 0},
        {false, SHAPE_PMU_ON, FEATURES " pdcm", "", "pdcm", 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_plan) plan = make_plan(FEATURES);
        struct plan_guest_feature pdcm = {(char *)"pdcm", (char *)"pmu", cases[i].is_given};
        plan->guest_features = g_ptr_array_new();
        g_ptr_array_add(plan->guest_features, &pdcm);
        struct guest guest = good;
        guest.features = cases[i].features;
        probe_shape shape = one;
        shape.pmu = cases[i].pmu;
        g_autoptr(proof) result = prove_plan(plan, &guest, 1, &shape);
        assert_int_equal(result->notes->len, cases[i].notes);
        assert_names(result->missing, cases[i].missing);
        assert_names(result->extra, cases[i].extra);
    }
}

/// So is waitpkg where the guest has the host's power states.
static void test_cpu_pm(void **state)
{
    (void)state;
    for (unsigned seen = 0; seen <= 3; seen++) {
        g_autoptr(cpulift_plan) plan = make_plan(FEATURES);
        struct plan_guest_feature waitpkg = {(char *)"waitpkg", (char *)"cpu-pm", true};
        plan->guest_features = g_ptr_array_new();
        g_ptr_array_add(plan->guest_features, &waitpkg);
        struct guest guest = good;
        guest.features = (seen & 1) != 0 ? FEATURES " waitpkg" : FEATURES;
        probe_shape shape = one;
        shape.has_cpu_pm = (seen & 2) != 0;
        g_autoptr(proof) result = prove_plan(plan, &guest, 1, &shape);
        assert_names(result->missing, seen == 2 ? "waitpkg" : "");
        assert_names(result->extra, seen == 1 ? "waitpkg" : "");
    }
}

/// A plan of an elder version requires pdcm of every guest: one without a PMU does not see it.
static void test_pmu_of_elder(void **state)
{
    (void)state;
    g_autoptr(cpulift_plan) plan = make_plan(FEATURES " pdcm");
    struct guest guest = good;
    g_autoptr(proof) without = prove_plan(plan, &guest, 1, &one);
    assert_names(without->missing, "");
    assert_int_equal(without->notes->len, 1);
    guest.features = FEATURES " pdcm";
    probe_shape shape = one;
    shape.pmu = SHAPE_PMU_ON;
    g_autoptr(proof) with = prove_plan(plan, &guest, 1, &shape);
    assert_true(with->is_proved);
    assert_int_equal(with->notes->len, 0);
}

static const probe_shape four = {4, 4, 1, 1, 4, 1, 0, false};

static bool says(const proof *result, const char *line)
{
    g_autofree char *text = proof_format(result);
    g_autofree char *whole = g_strconcat("\n", line, "\n", NULL);
    return strstr(text, whole) != NULL;
}

/// vCPUs that differ in the same way stand together; what each has of its own is no difference.
static void test_others(void **state)
{
    (void)state;
    struct guest vcpus[] = {good, good, good, good};
    for (size_t i = 0; i < G_N_ELEMENTS(vcpus); i++) {
        vcpus[i].features = WIDE;
    }
    vcpus[1].more = "cpuid 0000000b 00000000 00000000 00000001 00000100 00000001\n";
    vcpus[0].more = vcpus[2].more = vcpus[3].more =
        "cpuid 0000000b 00000000 00000000 00000001 00000100 00000000\n";
    g_autoptr(proof) alike = prove_vcpus(vcpus, 4, &four);
    assert_true(alike->is_proved);
    assert_int_equal(alike->read, 4);
    assert_int_equal(alike->others->len, 0);
    assert_true(says(alike, "vcpus      4 of 4 read, sockets 1, cores 4, threads 1"));

    vcpus[1].features = vcpus[3].features = "cx8 fxsr ht lm mmx nx sse syscall avx2";
    vcpus[2].width = 46;
    g_autoptr(proof) result = prove_vcpus(vcpus, 4, &four);
    assert_false(result->is_proved);
    assert_int_equal(result->missing->len, 0);
    assert_int_equal(result->others->len, 2);
    const struct proof_group *first = result->others->pdata[0], *second = result->others->pdata[1];
    assert_string_equal(first->vcpus, "1,3");
    assert_string_equal(second->vcpus, "2");
    assert_true(says(result, "vCPU 1,3   missing sse2"));
    assert_true(says(result, "vCPU 1,3   extra avx2"));
    assert_true(says(result, "vCPU 2     wrong physical address bits: expected 40, found 46"));
    assert_true(says(result, "vCPU 2     cpuid 80000008 0 eax: 0000002e, and 00000028 on vCPU 0"));
    g_autoptr(json_t) json = record_format(&proof_record, result, NULL);
    const json_t *group = json_array_get(json_object_get(json, "others"), 0);
    assert_string_equal(json_get_string(group, "vcpus"), "1,3");
    assert_int_equal(json_get_uint(json, "vcpus_read", 0), 4);
    assert_int_equal(first->unlike->len, 2);
    assert_names(first->missing, "sse2");
    assert_int_equal(second->wrong->len, 1);
}

/// Registers that announce nothing may not differ either.
static void test_unlike(void **state)
{
    (void)state;
    struct guest vcpus[] = {good, good, good, good};
    for (size_t i = 0; i < G_N_ELEMENTS(vcpus); i++) {
        vcpus[i].features = WIDE;
        vcpus[i].more = "cpuid 00000004 00000000 0c000121 01c0003f 0000003f 00000001\n";
    }
    vcpus[1].more = vcpus[2].more = vcpus[3].more =
        "cpuid 00000004 00000000 0c000122 01c0003f 0000003f 00000001\n";
    g_autoptr(proof) result = prove_vcpus(vcpus, 4, &four);
    assert_false(result->is_proved);
    assert_int_equal(result->others->len, 1);
    assert_true(says(result, "vCPU 1-3   cpuid 00000004 0 eax: 0c000122, and 0c000121 on vCPU 0"));
}

static void test_vcpu_count(void **state)
{
    (void)state;
    struct guest vcpus[] = {good, good, good, good};
    for (size_t i = 0; i < G_N_ELEMENTS(vcpus); i++) {
        vcpus[i].features = WIDE;
    }
    g_autoptr(proof) few = prove_vcpus(vcpus, 1, &four);
    assert_false(few->is_proved);
    assert_names(few->reasons, "3 of 4 vCPUs did not come up");
    static const probe_shape two = {2, 4, 1, 1, 4, 1, 0, false};
    g_autoptr(proof) enough = prove_vcpus(vcpus, 2, &two);
    assert_true(enough->is_proved);
    g_autoptr(proof) many = prove_vcpus(vcpus, 3, &two);
    assert_false(many->is_proved);
    assert_names(many->reasons, "the guest has 3 vCPUs, and was started with 2");
}

static void test_wrong(void **state)
{
    (void)state;
    const struct guest guest = {FEATURES, "AuthenticAMD", 0x00060fb1, 46, ""};
    g_autoptr(proof) result = prove(&guest);
    assert_false(result->is_proved);
    assert_int_equal(result->wrong->len, 3);
    const struct proof_difference *row = result->wrong->pdata[2];
    assert_string_equal(row->what, "physical address bits");
    assert_string_equal(row->expected, "40");
    assert_string_equal(row->found, "46");
}

static proof *prove_run(probe_run *run, const char *features, int expected)
{
    g_autoptr(cpulift_plan) plan = make_plan(features);
    proof *result = NULL;
    assert_int_equal(proof_compute(map, plan, run, &result, NULL), expected);
    return result;
}

/// Refused, silent or stopped guests are answers, and the answer is no.
static void test_no_transcript(void **state)
{
    (void)state;
    static const char *const texts[] = {NULL, "", "hello\n", "cpulift-probe 2 record 1 bits 64\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(probe_run) run = probe_run_new();
        run->text = g_strdup(texts[i]);
        run->len = texts[i] == NULL ? 0 : strlen(texts[i]);
        g_autoptr(proof) result = prove_run(run, FEATURES, 0);
        assert_false(result->is_proved);
        assert_true(result->reasons->len > 0);
    }
    g_autoptr(probe_run) run = probe_run_new();
    run->refusal = g_strdup("no such model");
    g_autoptr(proof) result = prove_run(run, FEATURES, 0);
    assert_names(result->reasons, "the definition was refused: no such model");
}

/// A guest that stops after its CPUID still tells what is extra.
static void test_stopped_after_cpuid(void **state)
{
    (void)state;
    g_autoptr(probe_run) run = probe_run_new();
    run->shape = one;
    GString *text = fake_guest_new();
    fake_guest_add_cpu(text, map, FEATURES " avx", "GenuineIntel", SIGNATURE, 40);
    run->len = text->len;
    run->text = g_string_free(text, FALSE);
    run->hang = g_strdup("silent");
    g_autoptr(proof) result = prove_run(run, FEATURES, 0);
    assert_false(result->is_proved);
    assert_names(result->extra, "avx");
    assert_int_equal(result->faulted->len, 5);
}

static void test_unknown_feature(void **state)
{
    (void)state;
    g_autoptr(probe_run) run = probe_run_new();
    assert_null(prove_run(run, "sse nosuch", CPULIFT_EINPUT));
}

static const char *const set_names[] = {
#define PROBE_SET(id, name, expected, ...)   name,
#define PROBE_SET64(id, name, expected, ...) name,
#include "probe/guest/sets.def"
};

static void test_sets_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(set_names); i++) {
        int id = catalog_find_feature(map, set_names[i]);
        assert_true(id >= 0);
        assert_string_equal(catalog_get_feature(map, (size_t)id)->name, set_names[i]);
        assert_true(strlen(set_names[i]) <= TRANSCRIPT_NAME_MAX);
        assert_true(i == 0 || strcmp(set_names[i - 1], set_names[i]) < 0);
    }
}

static int get_map(void **state)
{
    (void)state;
    map = support_get_catalog();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),           cmocka_unit_test(test_missing_and_extra),
        cmocka_unit_test(test_nameless_bit),    cmocka_unit_test(test_state),
        cmocka_unit_test(test_wrong),           cmocka_unit_test(test_no_transcript),
        cmocka_unit_test(test_sets_table),      cmocka_unit_test(test_stopped_after_cpuid),
        cmocka_unit_test(test_unknown_feature), cmocka_unit_test(test_topology),
        cmocka_unit_test(test_others),          cmocka_unit_test(test_unlike),
        cmocka_unit_test(test_vcpu_count),      cmocka_unit_test(test_pmu),
        cmocka_unit_test(test_cpu_pm),          cmocka_unit_test(test_pmu_of_elder),
    };
    return cmocka_run_group_tests(tests, get_map, NULL);
}

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

/// The proof of a plan for FEATURES by a guest that shows these.
struct guest {
    const char *features, *vendor;
    uint32_t signature;
    unsigned width;
    const char *more; ///< further lines
};

static const struct guest good = {FEATURES, "GenuineIntel", SIGNATURE, 40, ""};

static proof *prove(const struct guest *guest)
{
    g_autoptr(cpulift_plan) plan = make_plan(FEATURES);
    g_autoptr(probe_run) run = probe_run_new();
    g_autofree char *sets = proof_format_sets(plan);
    GString *text = fake_guest_new();
    g_string_append(text, guest->more);
    fake_guest_add_cpu(text, map, guest->features, guest->vendor, guest->signature, guest->width);
    fake_guest_add_sets(text, sets);
    fake_guest_finish(text, 1);
    run->len = text->len;
    run->text = g_string_free(text, FALSE);
    proof *result = NULL;
    assert_int_equal(proof_compute(map, plan, run, &result, NULL), 0);
    return result;
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
    guest.features = FEATURES " ht osxsave ospke";
    g_autoptr(proof) result = prove(&guest);
    assert_true(result->is_proved);
    assert_int_equal(result->notes->len, 3);
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
    static const char *const texts[] = {NULL, "", "hello\n", "cpulift-probe 1 record 1 bits 64\n"};
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
        cmocka_unit_test(test_unknown_feature),
    };
    return cmocka_run_group_tests(tests, get_map, NULL);
}

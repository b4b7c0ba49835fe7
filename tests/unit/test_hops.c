// SPDX-License-Identifier: LGPL-2.1-or-later
/// probe/hops: what may differ between two records of one guest, and what a hop's end says.
#include "base/json.h"
#include "fake_guest.h"
#include "probe/difference.h"
#include "probe/hops.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FEATURES "cx8 fxsr lm mmx nx sse sse2 syscall"

static const catalog *map;

struct guest {
    unsigned number;
    const char *features, *more, *sets;
};

static const struct guest first = {1, FEATURES, "", "cx8,fxsr,mmx,sse,sse2"};

static char *format_guest(const struct guest *guest)
{
    GString *text = g_string_new(NULL);
    g_string_printf(text, "cpulift-probe 2 record %u bits 64\nvcpu 00000000\n%s", guest->number,
                    guest->more);
    fake_guest_add_cpu(text, map, guest->features, "GenuineIntel", 0x000106a3, 40);
    fake_guest_add_sets(text, guest->sets);
    fake_guest_finish(text, guest->number);
    return g_string_free(text, FALSE);
}

static transcript *make_record(const struct guest *guest)
{
    g_autofree char *text = format_guest(guest);
    transcript *record = NULL;
    assert_int_equal(transcript_parse(text, strlen(text), NULL, &record, NULL), 0);
    return record;
}

/// What changed from `before` to `after`: "what before after" of each, separated by commas.
static char *compare(const struct guest *before, const struct guest *after)
{
    g_autoptr(transcript) old = make_record(before);
    g_autoptr(transcript) new = make_record(after);
    GPtrArray *changed = proof_new_differences();
    difference_find_all(old, new, changed);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < changed->len; i++) {
        const struct proof_difference *row = changed->pdata[i];
        g_string_append_printf(text, "%s%s %s %s", i > 0 ? "," : "", row->what, row->expected,
                               row->found);
    }
    g_ptr_array_unref(changed);
    return g_string_free(text, FALSE);
}

static void test_records(void **state)
{
    (void)state;
    const struct {
        struct guest before, after;
        const char *changed;
    } cases[] = {
        {first, first, ""},
        {{1, FEATURES " avx2", "", first.sets},
         {9, FEATURES " avx2 osxsave ospke", "", first.sets},
         ""},
        {first,
         {2, FEATURES " avx osxsave", "", first.sets},
         "cpuid 00000001 0 ecx 00000000 18000000"},
        {{1, FEATURES " avx2", "", first.sets}, first, "cpuid 00000007 0 there not there"},
        {first, {2, FEATURES " avx2", "", first.sets}, "cpuid 00000007 0 not there there"},
        {{1, FEATURES, "msr 0000010a 00000001 80000000\n", ""},
         {2, FEATURES, "msr 0000010a fault 13\n", ""},
         "msr 0000010a 8000000000000001 not readable"},
        {{1, FEATURES, "", ""},
         {2, FEATURES, "msr 0000010a 00000000 00000000\n", ""},
         "msr 0000010a not there 0000000000000000"},
        {{1, FEATURES, "set sse ok\nset sse2 ok\nset mmx ok\n", ""},
         {2, FEATURES, "set sse fault 6\nset sse2 wrong 00000000\n", ""},
         "set sse right exception,set sse2 right wrong,set mmx right not tried"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *changed = compare(&cases[i].before, &cases[i].after);
        assert_string_equal(changed, cases[i].changed);
    }
}

static transcript *make_two(const char *more)
{
    g_autofree char *text = format_guest(&first);
    GString *two = g_string_new(text);
    g_string_truncate(two, (gsize)(strstr(two->str, "end 1") - two->str));
    fake_guest_add_vcpu(two, 1);
    g_string_append(two, more);
    fake_guest_add_cpu(two, map, FEATURES, "GenuineIntel", 0x000106a3, 40);
    fake_guest_finish(two, 1);
    transcript *record = NULL;
    assert_int_equal(transcript_parse(two->str, two->len, NULL, &record, NULL), 0);
    g_string_free(two, TRUE);
    return record;
}

/// Each vCPU is compared with itself, and what it has of its own may not change either.
static void test_vcpus(void **state)
{
    (void)state;
    g_autoptr(transcript) old =
        make_two("cpuid 0000000b 00000000 00000001 00000002 00000100 00000001\n");
    g_autoptr(transcript) new =
        make_two("cpuid 0000000b 00000000 00000001 00000002 00000100 00000002\n");
    g_autoptr(transcript) fewer = make_record(&first);
    GPtrArray *changed = proof_new_differences();
    difference_find_all(old, old, changed);
    assert_int_equal(changed->len, 0);
    difference_find_all(old, new, changed);
    difference_find_all(old, fewer, changed);
    assert_int_equal(changed->len, 2);
    const struct proof_difference *own = changed->pdata[0], *gone = changed->pdata[1];
    assert_string_equal(own->what, "vCPU 1 cpuid 0000000b 0 edx");
    assert_string_equal(gone->what, "vCPU 1");
    assert_string_equal(gone->found, "not there");
    g_ptr_array_unref(changed);
}

static void test_xcr0(void **state)
{
    (void)state;
    g_autoptr(transcript) old = make_record(&first);
    g_autoptr(transcript) new = make_record(&first);
    ((probe_vcpu *)new->vcpus->pdata[0])->xcr0 = UINT64_C(0x100000007);
    GPtrArray *changed = proof_new_differences();
    difference_find_all(old, new, changed);
    assert_int_equal(changed->len, 1);
    assert_string_equal(((const struct proof_difference *)changed->pdata[0])->found, "100000007");
    g_ptr_array_unref(changed);
}

static void print(probe_run *run, const struct guest *guest)
{
    run->text = format_guest(guest);
    run->len = strlen(run->text);
}

static cpulift_plan *make_plan(void)
{
    g_auto(GStrv) names = g_strsplit(FEATURES, " ", -1);
    json_t *list = json_new_strings((const char *const *)names, g_strv_length(names));
    g_autoptr(json_t) json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:{s:s, s:s}}", "schema", PLAN_SCHEMA, "pool",
                  "p", "variant", "tuned", "virt", "qemu", "machine", "pc", "features", list,
                  "definition", "model", "Nehalem", "mode", "custom");
    cpulift_plan *made = NULL;
    assert_int_equal(plan_from_json(json, "test", &made, NULL), 0);
    return made;
}

/// A guest that printed `first` on A; the caller adds hops.
static probe_run *make_run(void)
{
    probe_run *run = probe_run_new();
    run->shape = (probe_shape){1, 1, 1, 1, 1, 1, 0, false};
    run->virt = g_strdup("qemu");
    run->machine = g_strdup("pc");
    run->through = g_strdup("A");
    print(run, &first);
    return run;
}

static proof *judge(probe_run *run, bool is_binding)
{
    g_autoptr(cpulift_plan) plan = make_plan();
    proof *result = NULL;
    assert_int_equal(proof_compute(map, plan, run, &result, NULL), 0);
    assert_true(result->is_proved);
    assert_int_equal(hops_compute(map, plan, run, is_binding, result, NULL), 0);
    return result;
}

static const struct proof_hop *get_hop(const proof *result, guint i)
{
    assert_true(i < result->hops->len);
    return result->hops->pdata[i];
}

static void assert_reason(const struct proof_hop *hop, const char *expected)
{
    assert_false(hop->is_proved);
    for (guint i = 0; i < hop->reasons->len; i++) {
        if (strcmp(hop->reasons->pdata[i], expected) == 0) {
            return;
        }
    }
    fail_msg("no reason '%s'", expected);
}

static void test_there_and_back(void **state)
{
    (void)state;
    g_autoptr(probe_run) run = make_run();
    struct guest guest = first;
    for (unsigned i = 0; i < 2; i++) {
        struct probe_hop *hop = probe_run_add_hop(run, i == 0 ? "A" : "B", i == 0 ? "B" : "A");
        hop->downtime_ms = 12;
        guest.number += 3;
        print(hop->run, &guest);
    }
    g_autoptr(proof) result = judge(run, true);
    assert_true(result->is_proved);
    assert_int_equal(result->hops->len, 2);
    assert_true(get_hop(result, 1)->is_proved);
    g_autofree char *text = proof_format(result);
    assert_non_null(strstr(text, "hop        yes, A -> B: nothing changed, 5 sets executed, 12 ms "
                                 "downtime\n"));
    g_autoptr(json_t) json = record_format(&proof_record, result, NULL);
    const json_t *hop = json_array_get(json_object_get(json, "hops"), 1);
    assert_string_equal(json_get_string(hop, "from"), "B");
    assert_string_equal(json_get_string(hop, "verdict"), "yes");
    assert_int_equal(json_get_uint(hop, "downtime_ms", 0), 12);
}

static void test_changed(void **state)
{
    (void)state;
    g_autoptr(probe_run) run = make_run();
    print(probe_run_add_hop(run, "A", "B")->run,
          &(struct guest){2, "cx8 fxsr lm mmx nx sse syscall", "", first.sets});
    g_autoptr(proof) result = judge(run, true);
    assert_false(result->is_proved);
    assert_int_equal(get_hop(result, 0)->changed->len, 1);
    assert_reason(get_hop(result, 0), "against the plan, missing: sse2");
    assert_int_equal(result->notes->len, 0);
}

/// Refused, hung, silent, or started again instead of migrated: the answer is no, and says why.
static void test_no_record(void **state)
{
    (void)state;
    g_autoptr(probe_run) refused = make_run();
    probe_run_add_hop(refused, "A", "B")->run->refusal = g_strdup("missing features: aes");
    g_autoptr(proof) result = judge(refused, false);
    assert_reason(get_hop(result, 0), "the migration failed: missing features: aes");
    assert_int_equal(result->notes->len, 1); // the definition binds nobody

    g_autoptr(probe_run) hung = make_run();
    probe_run_add_hop(hung, "A", "B")->run->hang = g_strdup("out of time");
    g_autoptr(proof) second = judge(hung, true);
    assert_reason(get_hop(second, 0), "guest hung: out of time");

    g_autoptr(probe_run) silent = make_run();
    probe_run_add_hop(silent, "A", "B");
    g_autoptr(proof) third = judge(silent, true);
    assert_reason(get_hop(third, 0), "the guest printed nothing");

    g_autoptr(probe_run) anew = make_run();
    print(probe_run_add_hop(anew, "A", "B")->run, &first);
    g_autoptr(proof) fourth = judge(anew, true);
    assert_reason(get_hop(fourth, 0), "the guest began anew: this was no live migration");
}

/// What the child process sends arrives.
static void test_run_as_json(void **state)
{
    (void)state;
    g_autoptr(probe_run) run = make_run();
    struct probe_hop *hop = probe_run_add_hop(run, "A", "B");
    hop->run->refusal = g_strdup("no");
    hop->run->unplanned = g_strsplit("aes avx", " ", -1);
    g_autoptr(json_t) json = record_format(&probe_run_record, run, NULL);
    g_autoptr(probe_run) copy = probe_run_new();
    assert_int_equal(record_parse(&probe_run_record, json, "run", NULL, copy, NULL), 0);
    g_autoptr(json_t) again = record_format(&probe_run_record, copy, NULL);
    assert_true(json_equal(json, again));
    assert_string_equal(copy->text, run->text);
    const struct probe_hop *found = copy->hops->pdata[0];
    assert_string_equal(found->run->unplanned[1], "avx");
    assert_int_equal(found->downtime_ms, -1);
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
        cmocka_unit_test(test_records),        cmocka_unit_test(test_xcr0),
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_changed),
        cmocka_unit_test(test_no_record),      cmocka_unit_test(test_run_as_json),
        cmocka_unit_test(test_vcpus),
    };
    return cmocka_run_group_tests(tests, get_map, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// probe/transcript: what guests print, what hostile guests print.
#include "fake_guest.h"
#include "probe/transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BEGIN  "cpulift-probe 2 record 1 bits 64\n"
#define HEADER BEGIN "vcpu 00000000\n"

static const char body[] = "cpuid 00000001 00000000 000106a3 00000800 80982201 078bfbfd\n"
                           "cpuid 00000007 00000000 00000000 00000002 00000000 00000000\n"
                           "cpuid-end\n"
                           "xcr0 00000007 00000001\n"
                           "msr 0000010a 0000006b 00000000\n"
                           "msr 000000cf fault 13\n"
                           "set sse ok\n"
                           "set avx fault 6\n"
                           "set abm wrong 0000001f\n"
                           "set cx16 skipped\n";

static GString *make_whole(void)
{
    GString *text = fake_guest_new();
    g_string_append(text, body);
    fake_guest_add_vcpu(text, 0xfe);
    g_string_append(text, "cpuid 00000001 00000000 000106a3 01000800 80982201 078bfbfd\n"
                          "cpuid-end\n"
                          "xcr0 00000003 00000000\n");
    fake_guest_finish(text, 1);
    return text;
}

static void test_whole(void **state)
{
    (void)state;
    GString *text = make_whole();
    g_autoptr(transcript) record = NULL;
    size_t used = 0;
    assert_int_equal(transcript_parse(text->str, text->len, &used, &record, NULL), 0);
    assert_int_equal(used, text->len);
    assert_true(record->is_complete);
    assert_int_equal(record->bits, 64);
    assert_int_equal(transcript_count_read(record), 2);
    const probe_vcpu *vcpu = transcript_get_vcpu(record, 0);
    assert_int_equal(vcpu->xcr0, UINT64_C(0x100000007));
    assert_int_equal(transcript_find_leaf(vcpu, 7, 0)->regs[1], 2);
    assert_null(transcript_find_leaf(vcpu, 7, 1));
    assert_true(transcript_find_msr(vcpu, 0x10a)->is_readable);
    assert_int_equal(transcript_find_msr(vcpu, 0x10a)->low, 0x6b);
    assert_false(transcript_find_msr(vcpu, 0xcf)->is_readable);
    const struct probe_set *set = &g_array_index(vcpu->sets, struct probe_set, 1);
    assert_string_equal(set->name, "avx");
    assert_int_equal(set->outcome, PROBE_FAULT);
    assert_int_equal(set->value, 6);
    const probe_vcpu *other = transcript_get_vcpu(record, 1);
    assert_int_equal(other->id, 0xfe);
    assert_int_equal(other->xcr0, 3);
    assert_int_equal(transcript_find_leaf(other, 1, 0)->regs[1], 0x01000800);
    assert_null(transcript_find_leaf(other, 7, 0));
    assert_null(transcript_find_msr(other, 0x10a));
    assert_null(transcript_get_vcpu(record, 2));
    assert_true(transcript_has_end(text->str, text->len));
    g_string_free(text, TRUE);
}

/// Stopped at any byte: never whole, never an error once the header is there.
static void test_every_prefix(void **state)
{
    (void)state;
    GString *text = make_whole();
    for (size_t len = 0; len < text->len; len++) {
        g_autoptr(transcript) record = NULL;
        g_autoptr(cpulift_error) err = NULL;
        g_autofree char *part = g_memdup2(text->str, MAX(len, 1));
        int rc = transcript_parse(part, len, NULL, &record, &err);
        assert_int_equal(rc, len < strlen(BEGIN) ? CPULIFT_EINPUT : 0);
        assert_true(rc != 0 || !record->is_complete);
        assert_true(rc != 0 || transcript_count_read(record) <= record->vcpus->len);
        assert_false(transcript_has_end(part, len));
    }
    g_string_free(text, TRUE);
}

/// Any changed byte is noticed.
static void test_every_flip(void **state)
{
    (void)state;
    GString *text = make_whole();
    for (size_t i = 0; i < text->len; i++) {
        g_autoptr(transcript) record = NULL;
        text->str[i] ^= 1;
        int rc = transcript_parse(text->str, text->len, NULL, &record, NULL);
        assert_true(rc != 0 || !record->is_complete);
        text->str[i] ^= 1;
    }
    g_string_free(text, TRUE);
}

static void test_two_records(void **state)
{
    (void)state;
    GString *text = make_whole();
    GString *twice = g_string_new("SeaBIOS (version 1)\r\n");
    g_string_append_len(twice, text->str, (gssize)text->len);
    size_t first = twice->len, used = 0;
    g_string_append_len(twice, text->str, (gssize)text->len);
    g_autoptr(transcript) record = NULL, next = NULL;
    assert_int_equal(transcript_parse(twice->str, twice->len, &used, &record, NULL), 0);
    assert_int_equal(used, first);
    assert_int_equal(transcript_parse(twice->str + used, twice->len - used, NULL, &next, NULL), 0);
    assert_true(next->is_complete);
    g_string_free(text, TRUE);
    g_string_free(twice, TRUE);
}

static const char *const hostile[] = {
    "cpulift-probe 2 record x bits 64\n",
    "cpulift-probe 2 record 1 bits 16\n",
    "cpulift-probe 2 record 1\n",
    "cpulift-probe 2 record 99999999999 bits 64\n",
    HEADER "cpuid 1 0 0 0 0 0\n",
    HEADER "cpuid 00000001 00000000 000106a3 00000800 80982201\n",
    HEADER "cpuid 00000001 00000000 000106a3 00000800 80982201 078bfbfd 00000000\n",
    HEADER "cpuid 00000001 00000000 000106a3 00000800 80982201 078bfbfg\n",
    HEADER "cpuid 0000000100000000 000106a3 00000800 80982201 078bfbfd 0\n",
    HEADER "cpuid-end now\n",
    HEADER "xcr0 7\n",
    HEADER "msr 0000010a fault x\n",
    HEADER "msr 0000010a fault -1\n",
    HEADER "set\n",
    HEADER "set sse\n",
    HEADER "set sse maybe\n",
    HEADER "set sse ok ok\n",
    HEADER "set ../../etc ok\n",
    HEADER "set aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ok\n",
    HEADER "set sse fault\n",
    HEADER "panic\n",
    HEADER "end 1 1 00000000\n",
    HEADER "\n",
    HEADER " \n",
    HEADER "hello\n",
    BEGIN "cpuid-end\n",
    BEGIN "set sse ok\n",
    BEGIN "end 1 1 00000000\n",
    BEGIN "vcpu\n",
    BEGIN "vcpu 0\n",
    BEGIN "vcpu 00000000 00000000\n",
    BEGIN "vcpu 000000ff\n",
    BEGIN "vcpu ffffffff\n",
    HEADER "vcpu 00000001\n",                          // the first has not told its CPUID
    HEADER "cpuid-end\nvcpu 00000000\n",               // twice
    BEGIN "vcpu 00000002\ncpuid-end\nvcpu 00000001\n", // out of order
    HEADER "set sse\x1b[2J ok\n",
    HEADER
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
    "nothing of ours\n",
    "",
};

static void test_hostile(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++) {
        g_autoptr(transcript) record = NULL;
        g_autoptr(cpulift_error) err = NULL;
        int rc = transcript_parse(hostile[i], strlen(hostile[i]), NULL, &record, &err);
        assert_int_equal(rc, CPULIFT_EINPUT);
        assert_null(record);
        assert_null(strchr(err->message, '\n'));
    }
}

static void test_rows_are_capped(void **state)
{
    (void)state;
    GString *text = fake_guest_new();
    for (size_t i = 0; i <= TRANSCRIPT_ROWS_MAX; i++) {
        g_string_append(text, "set sse ok\n");
    }
    g_autoptr(transcript) record = NULL;
    assert_int_equal(transcript_parse(text->str, text->len, NULL, &record, NULL), CPULIFT_EINPUT);
    g_string_free(text, TRUE);
}

/// As many as there are numbers for; each has rows of its own, so that none takes another's.
static void test_most_vcpus(void **state)
{
    (void)state;
    GString *text = fake_guest_new();
    for (unsigned id = 0; id < TRANSCRIPT_VCPUS_MAX; id++) {
        if (id > 0) {
            fake_guest_add_vcpu(text, id);
        }
        g_string_append_printf(text,
                               "cpuid 00000001 00000000 00000000 %02x000000 00000000 00000000\n"
                               "cpuid-end\n",
                               id);
    }
    fake_guest_finish(text, 1);
    g_autoptr(transcript) record = NULL;
    assert_int_equal(transcript_parse(text->str, text->len, NULL, &record, NULL), 0);
    assert_true(record->is_complete);
    assert_int_equal(transcript_count_read(record), TRANSCRIPT_VCPUS_MAX);
    for (unsigned id = 0; id < TRANSCRIPT_VCPUS_MAX; id++) {
        const probe_vcpu *vcpu = transcript_get_vcpu(record, id);
        assert_int_equal(vcpu->leaves->len, 1);
        assert_int_equal(transcript_find_leaf(vcpu, 1, 0)->regs[1] >> 24, id);
    }
    g_string_free(text, TRUE);
}

/// A vCPU that is cut off in its CPUID counts for nothing, and the end line does not help it.
static void test_cut_vcpu(void **state)
{
    (void)state;
    static const char row[] = "cpuid 00000001 00000000 00000000 00000000 00000000 00000000\n";
    GString *text = fake_guest_new();
    g_string_append_printf(text, "%scpuid-end\n", row);
    fake_guest_add_vcpu(text, 1);
    g_string_append(text, row);
    g_autoptr(transcript) record = NULL;
    assert_int_equal(transcript_parse(text->str, text->len, NULL, &record, NULL), 0);
    assert_int_equal(record->vcpus->len, 2);
    assert_int_equal(transcript_count_read(record), 1);
    fake_guest_finish(text, 1);
    g_autoptr(transcript) ended = NULL;
    assert_int_equal(transcript_parse(text->str, text->len, NULL, &ended, NULL), CPULIFT_EINPUT);
    g_string_free(text, TRUE);
}

static void test_panic(void **state)
{
    (void)state;
    static const char text[] = BEGIN "panic no-long-mode\n";
    g_autoptr(transcript) record = NULL;
    assert_true(transcript_has_end(text, strlen(text)));
    assert_int_equal(transcript_parse(text, strlen(text), NULL, &record, NULL), 0);
    assert_string_equal(record->panic, "no-long-mode");
    assert_false(record->is_complete);
}

/// A console that was opened in the middle of a record: the end of that one is no end.
static void test_begin_missed(void **state)
{
    (void)state;
    GString *text = make_whole();
    g_autofree char *whole = g_strdup(strstr(text->str, "\ncpuid"));
    g_string_prepend(text, whole);
    size_t len = strlen(whole);
    assert_false(transcript_has_end(text->str, len + 40));
    assert_true(transcript_has_end(text->str, text->len));
    g_autoptr(transcript) record = NULL;
    assert_int_equal(transcript_parse(text->str, text->len, NULL, &record, NULL), 0);
    assert_true(record->is_complete);
    g_string_free(text, TRUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),      cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_every_flip), cmocka_unit_test(test_two_records),
        cmocka_unit_test(test_hostile),    cmocka_unit_test(test_rows_are_capped),
        cmocka_unit_test(test_panic),      cmocka_unit_test(test_begin_missed),
        cmocka_unit_test(test_cut_vcpu),   cmocka_unit_test(test_most_vcpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

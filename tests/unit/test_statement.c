// SPDX-License-Identifier: LGPL-2.1-or-later
/// probe/statement: what a guest's kernel says of its CPU, and what hostile guests print.
#include "base/json.h"
#include "base/text.h"
#include "probe/statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BEGIN "\n@cpulift begin kernel\n"
#define BODY                                                                                       \
    "release 6.1.0-1-test\n"                                                                       \
    "vulnerability mds: Mitigation: Clear CPU buffers; SMT Host state unknown\n"                   \
    "vulnerability l1tf: Not affected\n"                                                           \
    "cpu flags: fpu vme\n"                                                                         \
    "cpuid 00000000 00000000: 0000000d 756e6547 6c65746e 49656e69\n"                               \
    "msr 0000010a: 000000010000006b\n"                                                             \
    "log MDS: Mitigation: Clear CPU buffers\n"
#define END "@cpulift end kernel\n"

static int parse(const char *text, statement **ret_statement)
{
    return statement_parse(text, strlen(text), ret_statement, NULL);
}

static void test_whole(void **state)
{
    (void)state;
    const char *const texts[] = {
        BEGIN BODY END,
        "SeaBIOS\r\n\033[2Jx" BEGIN BODY END "anything\001\n@cpulift begin kernel\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(statement) said = NULL;
        assert_int_equal(parse(texts[i], &said), 0);
        assert_string_equal(said->release, "6.1.0-1-test");
        assert_int_equal(json_object_size(said->vulnerabilities), 2);
        assert_string_equal(json_get_string(said->vulnerabilities, "mds"),
                            "Mitigation: Clear CPU buffers; SMT Host state unknown");
        assert_int_equal(said->leaves->len, 1);
        assert_int_equal(g_array_index(said->leaves, struct probe_leaf, 0).regs[1], 0x756e6547);
        assert_int_equal(said->msrs->len, 1);
        const struct probe_msr *msr = &g_array_index(said->msrs, struct probe_msr, 0);
        assert_int_equal(msr->index, 0x10a);
        assert_int_equal(msr->low, 0x6b);
        assert_int_equal(msr->high, 1);
        assert_string_equal(said->log->pdata[0], "MDS: Mitigation: Clear CPU buffers");
    }
}

/// As a serial line that was not set to raw would give them.
static void test_returns(void **state)
{
    (void)state;
    g_auto(GStrv) lines = g_strsplit(BEGIN BODY END, "\n", -1);
    g_autofree char *text = g_strjoinv("\r\n", lines);
    g_autoptr(statement) said = NULL;
    assert_int_equal(parse(text, &said), 0);
    assert_string_equal(json_get_string(said->vulnerabilities, "l1tf"), "Not affected");
}

/// Of a whole statement no beginning is one.
static void test_cut(void **state)
{
    (void)state;
    static const char text[] = BEGIN BODY END;
    for (size_t len = 0; len < strlen(text); len++) {
        g_autofree char *cut = g_memdup2(text, len + 1);
        g_autoptr(statement) said = NULL;
        assert_int_not_equal(statement_parse(cut, len, &said, NULL), 0);
        assert_null(said);
        assert_false(statement_has_end(cut, len));
    }
    assert_true(statement_has_end(text, strlen(text)));
}

static void test_hostile(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        BEGIN END,
        BEGIN "vulnerability mds: Vulnerable\n" END,
        BEGIN "release 6.1\n" END,
        "x@cpulift begin kernel\n" BODY END,
        "@cpulift begin kernelx\n" BODY END,
        BEGIN BODY " @cpulift end kernel\n",
        BEGIN BODY "@cpulift begin kernel\n" END,
        BEGIN BODY "release 6.2\n" END,
        BEGIN BODY "vulnerability mds: Not affected\n" END,
        BEGIN BODY "vulnerability ../x: Not affected\n" END,
        BEGIN BODY "vulnerability : Not affected\n" END,
        BEGIN BODY "vulnerability x\n" END,
        BEGIN BODY "vulnerability x: \033[31mNot affected\n" END,
        BEGIN BODY "vulnerability x: \xff\n" END,
        BEGIN BODY "log \xd4\n" END,
        BEGIN BODY "log \xc3\xa4\n" END,
        BEGIN BODY "cpuid 0 0: 0 0 0 0\n" END,
        BEGIN BODY "cpuid 00000000 00000000: 0000000d 756e6547 6c65746e +9656e69\n" END,
        BEGIN BODY "msr 0000010a: 6b\n" END,
        BEGIN BODY "\n" END,
        BEGIN BODY "other\n" END,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(statement) said = NULL;
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(statement_parse(texts[i], strlen(texts[i]), &said, &err), CPULIFT_EINPUT);
        assert_true(text_is_line(err->message));
    }
    static const char nul[] = BEGIN BODY "log a\0b\n" END;
    g_autoptr(statement) said = NULL;
    assert_int_not_equal(statement_parse(nul, sizeof(nul) - 1, &said, NULL), 0);
}

/// More of a kind than any kernel has, a line without an end, and a flood.
static void test_floods(void **state)
{
    (void)state;
    g_autoptr(GString) many = g_string_new(BEGIN BODY);
    g_autoptr(GString) wide = g_string_new(BEGIN BODY "log ");
    g_autoptr(GString) long_text = g_string_new(BEGIN BODY END);
    for (unsigned i = 0; i <= STATEMENT_ROWS_MAX; i++) {
        g_string_append_printf(many, "vulnerability x%u: Vulnerable\n", i);
        g_string_append(wide, "0123456789");
    }
    g_string_append(many, END);
    g_string_append(wide, "\n" END);
    while (long_text->len <= STATEMENT_MAX) {
        g_string_append(long_text, "0123456789\n");
    }
    const GString *const texts[] = {many, wide, long_text};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(statement) said = NULL;
        assert_int_equal(statement_parse(texts[i]->str, texts[i]->len, &said, NULL),
                         CPULIFT_EINPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),   cmocka_unit_test(test_returns), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_floods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

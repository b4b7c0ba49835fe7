// SPDX-License-Identifier: LGPL-2.1-or-later
/// The grammar of Java properties. Without arguments: unit tests. For the comparison with a JDK:
/// `generate DIR COUNT` writes random files, each also edited by us; `dump FILE…` prints what we
/// read in them, as PropertiesDump.java does.
#include "base/file.h"
#include "platform/properties.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static properties *parse(const char *text)
{
    properties *file = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(properties_parse(text, strlen(text), "test", &file, &err), 0);
    return file;
}

static void check_get(const char *text, const char *key, const char *value)
{
    g_autoptr(properties) file = parse(text);
    const char *got = properties_get(file, key);
    if (value == NULL) {
        assert_null(got);
    } else {
        assert_non_null(got);
        assert_string_equal(got, value);
    }
}

static void check_set(const char *text, const char *key, const char *value, const char *expected)
{
    g_autoptr(properties) file = parse(text);
    properties_set(file, key, value);
    size_t len = 0;
    assert_string_equal(properties_format(file, &len), expected);
    assert_int_equal(len, strlen(expected));
    assert_string_equal(properties_get(file, key), value);
}

static void test_read(void **state)
{
    (void)state;
    check_get("a=1\n", "a", "1");
    check_get("a : 1", "a", "1");
    check_get("a 1 \r\n", "a", "1 ");
    check_get("  a\t=\t1", "a", "1");
    check_get("a=1\na=2\n", "a", "2");
    check_get("# a=1\n! a=2\n", "a", NULL);
    check_get("a", "a", "");
    check_get("a\\ b\\:\\==x\\=\\#", "a b:=", "x=#");
    check_get("a=one \\\n   two\n", "a", "one two");
    check_get("a=one\\\\\nb=2\n", "b", "2");
    check_get("a=\\u00e9\xE9\n", "a", "éé");
    check_get("a=\\ud83d\\ude00", "a", "😀");
    check_get("a=1\\\n#b=2\n", "a", "1#b=2");
    check_get("\\\n# comment\nb=2\n", "b", "2");
    check_get("=x\n", "", "x");
    check_get("=x\n\\", "", "");
}

static void test_write(void **state)
{
    (void)state;
    check_set("# c\na=1\nb=2\n", "a", "9", "# c\na=9\nb=2\n");
    check_set("a = one \\\n  two\nb=2", "a", "x", "a = x\nb=2");
    check_set("a=1\na=2\n", "a", "3", "a=1\na=3\n");
    check_set("b=2", "a", "1", "b=2\na=1\n");
    check_set("b=2\r\n", "a", "1", "b=2\r\na=1\r\n");
    check_set("", "a", "1", "a=1\n");
    check_set("b=2\\", "a", "1", "b=2\\\n\na=1\n");
    check_set("a\n", "a", "1", "a=1\n");
    check_set("a b\n", "a", "=1", "a=\\=1\n");
    check_set("x=1\n", "a b", " y\n\\z é", "x=1\na\\ b=\\ y\\n\\\\z \\u00E9\n");
    check_set("a=1", "a", "", "a=");
    check_set("b=2\\\r", "a", "1", "b=2\\\r\ra=1\n");
}

static void test_malformed(void **state)
{
    (void)state;
    properties *file = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(properties_parse("a=\\u12", 6, "f", &file, &err), CPULIFT_EINPUT);
    assert_null(file);
}

static void test_list(void **state)
{
    (void)state;
    g_autoptr(properties) file = parse("b=1\na=2\nb=3\n");
    g_autofree const char **keys = properties_list(file);
    assert_string_equal(keys[0], "a");
    assert_string_equal(keys[1], "b");
    assert_null(keys[2]);
}

static void print_units(const char *text)
{
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        printf(" %X", g_utf8_get_char(at));
    }
}

static int dump(const char *path)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(properties) file = NULL;
    if (file_load(path, FILE_DOCUMENT_MAX, &text, &len, &err) != 0 ||
        properties_parse(text, len, path, &file, &err) != 0) {
        fprintf(stderr, "%s\n", err->message);
        return 1;
    }
    g_autofree char *name = g_path_get_basename(path);
    printf("%s\n", name);
    g_autofree const char **keys = properties_list(file);
    for (size_t i = 0; keys[i] != NULL; i++) {
        print_units(keys[i]);
        printf(" =");
        print_units(properties_get(file, keys[i]));
        printf("\n");
    }
    return 0;
}

static const char *const pieces[] = {"a",    "b",  "c",        "=", ":",  " ",    "\t",
                                     "\\",   "\n", "\r",       "#", "!",  "\\\n", "\\\r\n",
                                     "\xE9", "\f", "\\u00e9x", "x", "\n", "="};

static void generate(const char *folder, int count)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20261123);
    for (int i = 0; i < count; i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        int parts = g_rand_int_range(random, 0, 24);
        for (int k = 0; k < parts; k++) {
            g_string_append(text, pieces[g_rand_int_range(random, 0, G_N_ELEMENTS(pieces))]);
        }
        properties *file = NULL;
        if (properties_parse(text->str, text->len, "generated", &file, NULL) != 0) {
            continue; // "\" before a piece can make a malformed \u: Java refuses it as well
        }
        g_autofree char *plain = g_strdup_printf("%s/%05d-plain", folder, i);
        g_autofree char *edited = g_strdup_printf("%s/%05d-edited", folder, i);
        size_t len = 0;
        g_file_set_contents(plain, text->str, (gssize)text->len, NULL);
        properties_set(file, i % 2 ? "a" : "new key", i % 3 ? " v:=\\ é" : "");
        const char *bytes = properties_format(file, &len);
        g_file_set_contents(edited, bytes, (gssize)len, NULL);
        properties_free(file);
    }
}

/// A diff on a terminal, in a log or a ticket shows no secret, however it is written down.
static void test_mask(void **state)
{
    (void)state;
    static const char text[] = "host=a\nkeystore.passphrase = top \\\n  secret\nempty.password=\n"
                               "AuthToken:x=y\ndb.pw=z\nguest.cpu.mode=custom\n"
                               "# ! old.token : x\n#host=b\n#password\n";
    g_autoptr(properties) file = NULL;
    size_t len = 0;
    assert_int_equal(properties_parse(text, strlen(text), "p", &file, NULL), 0);
    properties_mask(file);
    assert_string_equal(properties_format(file, &len),
                        "host=a\nkeystore.passphrase = ***\nempty.password=\nAuthToken:***\n"
                        "db.pw=***\n"
                        "guest.cpu.mode=custom\n"
                        "# ! old.token ***\n#host=b\n#password\n");
    assert_string_equal(properties_get(file, "AuthToken"), "***");
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "generate") == 0) {
        generate(argv[2], atoi(argv[3]));
        return 0;
    }
    if (argc > 1) {
        int failed = 0;
        for (int i = 2; i < argc; i++) {
            failed |= dump(argv[i]);
        }
        return failed;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read), cmocka_unit_test(test_write), cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_list), cmocka_unit_test(test_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

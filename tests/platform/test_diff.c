// SPDX-License-Identifier: LGPL-2.1-or-later
/// Diffs: by hand, and by what patch(1) makes of them.
#include "../lib/skip.h"
#include "platform/diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <glib/gstdio.h>
#include <string.h>

static void check_diff(const char *before, const char *after, const char *expected)
{
    g_autoptr(GString) out = g_string_new(NULL);
    diff_format(out, "f", before, before ? strlen(before) : 0, after, after ? strlen(after) : 0);
    assert_string_equal(out->str, expected);
}

static void test_diff(void **state)
{
    (void)state;
    check_diff("a\n", "a\n", "");
    check_diff(NULL, "a\n", "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n");
    check_diff("a\n", NULL, "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n");
    check_diff("a\nb", "a\nc",
               "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of "
               "file\n+c\n\\ No newline at end of file\n");
    check_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
               "--- a/f\n+++ b/f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
}

/// Property: our diff, given to patch(1), makes the new text of the old, whatever they are.
static void test_diff_patches(void **state)
{
    (void)state;
    if (system("patch --version >/dev/null 2>&1") != 0) {
        SKIP("no patch(1)");
    }
    g_autofree char *place = g_dir_make_tmp("diff.XXXXXX", NULL);
    g_autofree char *before = g_build_filename(place, "f", NULL);
    g_autofree char *patch = g_build_filename(place, "d", NULL);
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (int round = 0; round < 60; round++) {
        GString *texts[2] = {g_string_new(NULL), g_string_new(NULL)};
        for (int i = 0; i < 40; i++) {
            int letter = g_rand_int_range(random, 'a', 'e');
            for (int side = 0; side < 2; side++) {
                if (g_rand_int_range(random, 0, 5) > 0) {
                    g_string_append_printf(texts[side], "%c\n", letter);
                }
            }
        }
        g_autoptr(GString) diff = g_string_new(NULL);
        diff_format(diff, "f", texts[0]->str, texts[0]->len, texts[1]->str, texts[1]->len);
        assert_true(g_file_set_contents(before, texts[0]->str, -1, NULL));
        assert_true(g_file_set_contents(patch, diff->str, -1, NULL));
        g_autofree char *command =
            g_strdup_printf("cd '%s' && patch -s -p1 < d 2>/dev/null", place);
        assert_true(diff->len == 0 || system(command) == 0);
        g_autofree char *now = NULL;
        assert_true(g_file_get_contents(before, &now, NULL, NULL));
        assert_string_equal(now, texts[1]->str);
        g_string_free(texts[0], TRUE);
        g_string_free(texts[1], TRUE);
    }
    g_unlink(before);
    g_unlink(patch);
    assert_int_equal(g_rmdir(place), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diff),
        cmocka_unit_test(test_diff_patches),
    };
    return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}

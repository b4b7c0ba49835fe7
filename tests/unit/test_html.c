// SPDX-License-Identifier: LGPL-2.1-or-later
/// What of others' texts a page shows.
#include "base/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>

static void test_add(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"web", "<td title=\"web\">\n\tweb</td>"},
        {"<i>&\"'", "<td title=\"&lt;i&gt;&amp;&quot;&apos;\">\n\t&lt;i&gt;&amp;&quot;&apos;</td>"},
        {"&#x41;", "<td title=\"&amp;#x41;\">\n\t&amp;#x41;</td>"},
        // Controls of both kinds, a soft hyphen, a zero-width space.
        {"a\x1b[1mb\xc2\x9b.", "<td title=\"a?[1mb?.\">\n\ta?[1mb?.</td>"},
        {"a\xc2\xad.", "<td title=\"a\?\?.\">\n\ta\?\?.</td>"},
        {"\xe2\x80\x8b.", "<td title=\"\?\?\?.\">\n\t\?\?\?.</td>"},
        {"caf\xc3\xa9", "<td title=\"caf\xc3\xa9\">\n\tcaf\xc3\xa9</td>"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) page = g_string_new("");
        html_add(page, "<td title=\"%s\">\n\t%s</td>", cases[i][0], cases[i][0]);
        assert_string_equal(page->str, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_add)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

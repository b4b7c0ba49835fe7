// SPDX-License-Identifier: LGPL-2.1-or-later
/// virt/remote: whom ssh is told to ask, by a libvirt's URI.
#include "virt/remote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_argv(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *words; ///< before and behind what is always the same
    } cases[] = {
        {"qemu+ssh://node7/system", "-- node7"},
        {"qemu+ssh://root@node7:2222/system?no_verify=1", "-l root -p 2222 -- node7"},
        {"qemu+libssh://adm@[fd00::7]/system", "-l adm -- fd00::7"},
        {"qemu+tls://adm@node7.example:16514/system", "-- node7.example"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(GStrv) argv = NULL;
        assert_int_equal(remote_get_argv(cases[i].uri, 5000, &argv, NULL), 0);
        g_autofree char *line = g_strjoinv(" ", argv);
        g_autofree char *expected = g_strdup_printf(
            "ssh -T -o BatchMode=yes -o ConnectTimeout=5 %s %s", cases[i].words, sysfs_command);
        assert_string_equal(line, expected);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const uris[] = {
        "qemu+ssh://-oProxyCommand=x/system",
        "qemu+ssh://%2doProxyCommand=x/system",
        "qemu+ssh://a%20b/system",
        "qemu+ssh://a;b/system",
        "qemu+ssh://a%24(b)/system",
        "qemu+ssh://-l@node7/system",
        "qemu+ssh://%2dl@node7/system",
        "qemu+ssh://a%0ab@node7/system",
        "qemu+unix:///system?socket=/x",
        "not a URI",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(uris); i++) {
        g_auto(GStrv) argv = NULL;
        assert_int_equal(remote_get_argv(uris[i], 5000, &argv, NULL), CPULIFT_EUSAGE);
        assert_null(argv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_argv), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// virt/remote: whom ssh is told to ask, by a libvirt's URI.
#undef _FORTIFY_SOURCE // whose read() is inline
#include "virt/remote.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

/// What a read of the answer, which is the only one of this size, fails with; 0: it does not.
static int fault;

ssize_t read(int fd, void *bytes, size_t count)
{
    if (fault != 0 && count == 4096) {
        errno = fault;
        fault = fault == EINTR ? 0 : fault;
        return -1;
    }
    return syscall(SYS_read, fd, bytes, count);
}

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

/// An ssh that answers, and goes on for a minute.
static char *make_ssh(void)
{
    static const char script[] = "#!/bin/sh\necho nothing\nexec sleep 60\n";
    char *folder = g_dir_make_tmp("cpulift-remote-XXXXXX", NULL);
    g_autofree char *ssh = g_build_filename(folder, "ssh", NULL);
    assert_true(g_file_set_contents_full(ssh, script, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
    g_autofree char *path = g_strdup_printf("%s:%s", folder, g_getenv("PATH"));
    g_setenv("PATH", path, true);
    return folder;
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        int fault;
        const char *words;
    } cases[] = {{EIO, "cannot read what 'node7' says: Input/output error"},
                 {EINTR, "'node7' did not answer over ssh in time"}};
    g_autofree char *folder = make_ssh(), *ssh = g_build_filename(folder, "ssh", NULL);
    g_autoptr(cpulift_host) host = host_new("node7");
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(cpulift_error) err = NULL;
        fault = cases[i].fault;
        assert_int_not_equal(remote_read("qemu+ssh://node7/system", "node7", 1000, host, &err), 0);
        fault = 0;
        assert_string_equal(err->message, cases[i].words);
    }
    g_unlink(ssh);
    g_rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_argv), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// The filter of the calls that fill watched memory, in the kernel: a call that would stop fails
/// with ENOSYS where no tracer is.
#include "mask/trace/filter.h"

#include "skip.h"
#include "support.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ALLOWED, STOPPED, OTHER, NO_FILTER };

/// What becomes of a read to `at` in a child under a filter for reads from first to last and a
/// second call that never stops.
static int try_read(uint64_t first, uint64_t last, uint64_t at)
{
    const struct filter_fill calls[] = {{SYS_pread64, 1, 1, 1}, {SYS_read, 1, first, last}};
    struct sock_filter code[FILTER_FILL_SIZE(2)];
    struct sock_fprog program = {filter_fill_make(calls, 2, code), code};
    assert_int_equal(program.len, FILTER_FILL_SIZE(2));
    pid_t child = fork();
    if (child == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
            _exit(NO_FILTER);
        }
        bool is_other_free = syscall(SYS_pread64, -1, at, 0, 0) == -1 && errno == EBADF;
        long result = syscall(SYS_read, -1, at, 0);
        _exit(!is_other_free || result != -1 ? OTHER
              : errno == ENOSYS              ? STOPPED
              : errno == EBADF               ? ALLOWED
                                             : OTHER);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_fill(void **state)
{
    (void)state;
    static const struct {
        uint64_t first, last, at;
        int is;
    } cases[] = {
        {0x7f0012340000, 0x7f0012340fff, 0x7f001233ffff, ALLOWED},
        {0x7f0012340000, 0x7f0012340fff, 0x7f0012340000, STOPPED},
        {0x7f0012340000, 0x7f0012340fff, 0x7f0012340fff, STOPPED},
        {0x7f0012340000, 0x7f0012340fff, 0x7f0012341000, ALLOWED},
        {0x7f0012340000, 0x7f0012340fff, 0x7e0012340800, ALLOWED},
        {0x7f0012340000, 0x7f0012340fff, 0x12340800, ALLOWED},
        // Across 4 GiB: more than what is asked for stops, never less.
        {0x7f00fffff000, 0x7f0100000fff, 0x7f00fffff000, STOPPED},
        {0x7f00fffff000, 0x7f0100000fff, 0x7f0100000fff, STOPPED},
        {0x7f00fffff000, 0x7f0100000fff, 0x7eff00000000, ALLOWED},
        {0x7f00fffff000, 0x7f0100000fff, 0x7f0200000000, ALLOWED},
        {0, UINT64_MAX, 0, STOPPED},
        {0, UINT64_MAX, UINT64_MAX, STOPPED},
    };
    if (try_read(0, UINT64_MAX, 0) == NO_FILTER) {
        SKIP("no seccomp filter can be installed here");
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(try_read(cases[i].first, cases[i].last, cases[i].at), cases[i].is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

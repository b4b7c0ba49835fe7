// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/jobs.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT 6

struct record {
    enum jobs_end ends[COUNT];
    char *texts[COUNT];
};

static char *work(void *data, size_t index)
{
    (void)data;
    if (index == 1) {
        pause();
    }
    if (index == 2) {
        abort();
    }
    // More than a pipe holds.
    return index == 3 ? g_strnfill(1 << 20, 'x') : g_strdup_printf("job %zu", index);
}

static void done(void *data, size_t index, enum jobs_end end, const char *text, size_t len)
{
    struct record *record = data;
    record->ends[index] = end;
    record->texts[index] = end == JOBS_LOST ? g_strdup(text) : g_strndup(text, len);
}

static void each_job_ends_by_its_own_fate(void **state)
{
    (void)state;
    struct record record = {0};
    const struct jobs jobs = {COUNT, 2, 500, &record, work, done};
    gint64 begin = g_get_monotonic_time();
    jobs_run(&jobs);
    assert_true(g_get_monotonic_time() - begin < 5 * G_TIME_SPAN_SECOND);
    static const enum jobs_end expected[COUNT] = {JOBS_DONE, JOBS_LATE, JOBS_LOST,
                                                  JOBS_DONE, JOBS_DONE, JOBS_DONE};
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(record.ends[i], expected[i]);
    }
    assert_string_equal(record.texts[0], "job 0");
    assert_string_equal(record.texts[5], "job 5");
    assert_int_equal(strlen(record.texts[3]), 1 << 20);
    assert_null(record.texts[1]);
    assert_string_equal(record.texts[2], "killed by signal 6");
    for (size_t i = 0; i < COUNT; i++) {
        g_free(record.texts[i]);
    }
}

static void ignore(int signal)
{
    (void)signal;
}

static void a_caught_signal_does_not_end_the_wait(void **state)
{
    (void)state;
    const struct sigaction action = {.sa_handler = ignore};
    const struct itimerval often = {{0, 20000}, {0, 20000}}, never = {0};
    pid_t pid = fork();
    if (pid == 0) {
        usleep(200000);
        _exit(3);
    }
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    int status = 0;
    bool has_ended = jobs_wait(pid, &status);
    setitimer(ITIMER_REAL, &never, NULL);
    assert_true(has_ended);
    assert_int_equal(WEXITSTATUS(status), 3);
}

/// Its parent is not who it was told to be: that has ended meanwhile.
static void an_orphan_does_not_run(void **state)
{
    (void)state;
    for (int is_orphan = 0; is_orphan <= 1; is_orphan++) {
        pid_t parent = is_orphan ? getppid() : getpid();
        pid_t pid = fork();
        if (pid == 0) {
            jobs_tie(&parent);
            _exit(3);
        }
        int status = 0;
        assert_true(jobs_wait(pid, &status));
        assert_int_equal(WEXITSTATUS(status), is_orphan ? EXIT_FAILURE : 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_job_ends_by_its_own_fate),
        cmocka_unit_test(a_caught_signal_does_not_end_the_wait),
        cmocka_unit_test(an_orphan_does_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

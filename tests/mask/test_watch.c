// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is remembered of watched memory.
#include "mask/trace/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC };

static void test_watch_alternates(void **state)
{
    (void)state;
    struct watch *watch = NULL;
    assert_int_equal(watch_judge(watch, 0x1000, RW, true, false), WATCH_NOT_OURS);
    watch_add(&watch, 0x1000, 0x4000);
    assert_int_equal(watch_judge(watch, 0x0fff, RW, true, false), WATCH_NOT_OURS);
    assert_int_equal(watch_judge(watch, 0x4000, RW, true, false), WATCH_NOT_OURS);
    assert_int_equal(watch_judge(watch, 0x2008, RW, true, false), WATCH_EXECUTE);
    assert_int_equal(watch_judge(watch, 0x2ff8, RX, false, false), WATCH_WRITE);
    // Another protection than ours is the program's doing.
    assert_int_equal(watch_judge(watch, 0x2000, PROT_NONE, false, false), WATCH_NOT_OURS);
    // The second of two threads finds it settled; a write that looks like a fetch is tried once.
    assert_int_equal(watch_judge(watch, 0x2000, RX, true, false), WATCH_RETRY);
    assert_int_equal(watch_judge(watch, 0x2000, RW, false, false), WATCH_RETRY);
    assert_int_equal(watch_judge(watch, 0x2000, RX, true, true), WATCH_WRITE);
    watch_free(watch);
}

static void test_watch_gives_up(void **state)
{
    (void)state;
    struct watch *watch = NULL;
    watch_add(&watch, 0x1000, 0x3000);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(watch_judge(watch, 0x1000, RW, true, false), WATCH_EXECUTE);
        assert_int_equal(watch_judge(watch, 0x1000, RX, false, false), WATCH_WRITE);
    }
    assert_int_equal(watch_judge(watch, 0x1000, RW, true, false), WATCH_OPEN);
    assert_int_equal(watch_judge(watch, 0x1000, RW | RX, true, false), WATCH_RETRY);
    assert_int_equal(watch_judge(watch, 0x1000, RW, true, false), WATCH_NOT_OURS);
    assert_int_equal(watch_judge(watch, 0x2000, RW, true, false), WATCH_EXECUTE); // its neighbour
    watch_free(watch);
}

static void test_watch_areas(void **state)
{
    (void)state;
    struct watch *watch = NULL;
    watch_add(&watch, 0x1000, 0x9000);
    watch_remove(watch, 0x3000, 0x5000);
    struct watch *copy = watch_copy(watch);
    watch_remove(watch, 0, UINT64_MAX);
    assert_int_equal(watch_judge(watch, 0x1000, RW, true, false), WATCH_NOT_OURS);
    assert_int_equal(watch_judge(copy, 0x2000, RW, true, false), WATCH_EXECUTE);
    assert_int_equal(watch_judge(copy, 0x3000, RW, true, false), WATCH_NOT_OURS);
    assert_int_equal(watch_judge(copy, 0x5000, RW, true, false), WATCH_EXECUTE);
    watch_free(watch);
    watch_free(copy);
    assert_null(watch_copy(NULL));
}

/// New memory at the place of worn memory is not worn.
static void test_watch_forgets(void **state)
{
    (void)state;
    struct watch *watch = NULL;
    watch_forget(watch, 0, UINT64_MAX);
    for (int i = 0; i < 40; i++) {
        watch_add(&watch, 0x1000, 0x3000);
        assert_int_equal(watch_judge(watch, 0x1000, RW, true, false), WATCH_EXECUTE);
        assert_true(watch_has(watch, 0x0, 0x1001) && watch_has(watch, 0x2fff, 0x9000));
        assert_false(watch_has(watch, 0x0, 0x1000) || watch_has(watch, 0x3000, 0x9000));
        watch_forget(watch, 0x1000, 0x2000);
        assert_int_equal(watch_judge(watch, 0x1000, RW, true, false), WATCH_NOT_OURS);
        assert_int_equal(watch_judge(watch, 0x1000, RX, true, false), WATCH_NOT_OURS);
    }
    watch_free(watch);
}

/// Of memory that is watched no more a fault from before is tried again, and no other is ours.
static void test_watch_releases(void **state)
{
    (void)state;
    struct watch *watch = NULL;
    uint64_t start = 0, end = 0;
    assert_false(watch_get_any(watch, &start, &end));
    watch_add(&watch, 0x1000, 0x4000);
    assert_true(watch_get_any(watch, &start, &end) && start == 0x1000 && end == 0x4000);
    watch_release(watch, 0x1000, 0x4000);
    assert_false(watch_get_any(watch, &start, &end));
    assert_int_equal(watch_judge(watch, 0x2000, RW | RX, true, false), WATCH_RETRY);
    assert_int_equal(watch_judge(watch, 0x2000, RW | RX, true, true), WATCH_NOT_OURS);
    assert_int_equal(watch_judge(watch, 0x2000, RW, true, false), WATCH_NOT_OURS);
    watch_forget(watch, 0x2000, 0x3000);
    assert_int_equal(watch_judge(watch, 0x2000, RW | RX, true, false), WATCH_NOT_OURS);
    struct watch *copy = watch_copy(watch);
    assert_int_equal(watch_judge(copy, 0x3000, RW | RX, true, false), WATCH_RETRY);
    watch_free(watch);
    watch_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watch_alternates), cmocka_unit_test(test_watch_gives_up),
        cmocka_unit_test(test_watch_areas),      cmocka_unit_test(test_watch_forgets),
        cmocka_unit_test(test_watch_releases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/conn.h"
#include "virt/qmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *line, json_t **ret_answer)
{
    g_autoptr(cpulift_error) err = NULL;
    int rc = qmp_parse_line(line, strlen(line), ret_answer, &err);
    assert_int_equal(rc == 0, err == NULL);
    return rc;
}

static void answers_are_told_from_events(void **state)
{
    (void)state;
    g_autoptr(json_t) answer = NULL;
    assert_int_equal(parse("{\"QMP\": {\"version\": {}}}", &answer), 0);
    assert_null(answer);
    assert_int_equal(parse("{\"event\": \"SHUTDOWN\", \"data\": {}}", &answer), 0);
    assert_null(answer);
    assert_int_equal(parse("{\"return\": {\"lbr-fmt\": 18446744073709551552}}", &answer), 0);
    assert_true(json_is_object(answer));
}

static void refusals_and_noise_are_errors(void **state)
{
    (void)state;
    g_autoptr(json_t) answer = NULL;
    assert_int_equal(parse("{\"error\": {\"desc\": \"no such model\"}}", &answer), CPULIFT_EREMOTE);
    assert_int_equal(parse("{\"error\": 3}", &answer), CPULIFT_EREMOTE);
    assert_int_equal(parse("[]", &answer), CPULIFT_EREMOTE);
    assert_int_equal(parse("", &answer), CPULIFT_EINPUT);
    assert_null(answer);
}

static void a_program_that_is_no_qemu_is_named(void **state)
{
    (void)state;
    g_autoptr(qmp) session = NULL;
    g_autoptr(cpulift_error) err = NULL, other = NULL;
    assert_int_equal(qmp_start("/nonexistent", "pc", "tcg", 1000, &session, &err),
                     CPULIFT_EMISSING);
    assert_non_null(strstr(err->message, "/nonexistent"));
    assert_int_equal(qmp_start("false", "pc", "tcg", 1000, &session, &other), CPULIFT_EREMOTE);
    assert_null(session);
}

static void local_uris(void **state)
{
    (void)state;
    assert_true(conn_is_local_uri("qemu:///system"));
    assert_true(conn_is_local_uri("qemu:///embed?root=/x"));
    assert_false(conn_is_local_uri("qemu+ssh://node/system"));
    assert_false(conn_is_local_uri("qemu://node/system"));
    assert_false(conn_is_local_uri("qemu:///system?socket=/x"));
    assert_false(conn_is_local_uri("test:///default"));
    assert_false(conn_is_local_uri("::"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_told_from_events),
        cmocka_unit_test(refusals_and_noise_are_errors),
        cmocka_unit_test(a_program_that_is_no_qemu_is_named),
        cmocka_unit_test(local_uris),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

static const struct {
    const char *text, *urls, *prefix, *pool, *socket;
    bool is_clear;
} good[] = {
    {"etcd://a/fleet", "http://a:2379", "fleet", NULL, NULL, true},
    {"etcd://127.0.0.1:1/fleet", "http://127.0.0.1:1", "fleet", NULL, NULL, false},
    {"etcd://localhost,[::1]:7/x/y", "http://localhost:2379 http://[::1]:7", "x/y", NULL, NULL,
     false},
    {"etcd://127.0.0.1,b/x", "http://127.0.0.1:2379 http://b:2379", "x", NULL, NULL, true},
    {"etcds://a-1.example,b:65535/x", "https://a-1.example:2379 https://b:65535", "x", NULL, NULL,
     false},
    {"etcd://[::1]/fleet/plan/blue", "http://[::1]:2379", "fleet", "blue", NULL, false},
    {"etcds://a/plan/blue", "https://a:2379", "plan/blue", NULL, NULL, false},
    {"etcds://a/x/plan/plan/blue", "https://a:2379", "x/plan", "blue", NULL, false},
    {"https://node:9177", "https://node:9177", NULL, NULL, NULL, false},
    {"https://node:9177/", "https://node:9177", NULL, NULL, NULL, false},
    {"http://127.0.0.1:9177", "http://127.0.0.1:9177", NULL, NULL, NULL, false},
    {"http+unix:///run/a.sock", "http://localhost", NULL, NULL, "/run/a.sock", false},
    {"http+unix://%2Frun%2Fa.sock", "http://localhost", NULL, NULL, "/run/a.sock", false},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(store_address) address = NULL;
        g_autoptr(cpulift_error) err = NULL;
        int rc = address_parse(good[i].text, &address, &err);
        assert_string_equal(err != NULL ? err->message : "", "");
        assert_int_equal(rc, 0);
        g_autofree char *urls = g_strjoinv(" ", address->urls);
        assert_string_equal(urls, good[i].urls);
        assert_int_equal(g_strcmp0(address->prefix, good[i].prefix), 0);
        assert_int_equal(g_strcmp0(address->pool, good[i].pool), 0);
        assert_int_equal(g_strcmp0(address->socket, good[i].socket), 0);
        assert_int_equal(address->is_clear, good[i].is_clear);
        assert_int_equal(address->is_etcd, good[i].prefix != NULL);
        assert_int_equal(address_is_plan(good[i].text), good[i].pool != NULL);
        assert_true(address_is(good[i].text));
    }
}

static const char *const bad[] = {
    "etcd://",
    "etcd:///x",
    "etcd://a",
    "etcd://a/",
    "etcd://a/x/",
    "etcd://a//x",
    "etcd://a/../x",
    "etcd://a/x y",
    "etcd://a/x\n",
    "etcd://a/x?limit=1",
    "etcd://a,/x",
    "etcd://a:/x",
    "etcd://a:0/x",
    "etcd://a:65536/x",
    "etcd://a:0x10/x",
    "etcd://a:+1/x",
    "etcd://a:1:2/x",
    "etcd://::1/x",
    "etcd://[::1/x",
    "etcd://[fe80::1%eth0]/x",
    "etcd://-a/x",
    "etcd://a b/x",
    "etcd://user@a/x",
    "etcd://user:word@a:1/x",
    "etcds://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/x",
    "https://node",
    "https://node:1/v1/host",
    "https://a:1,b:1",
    "https://user:word@node:1",
    "https://",
    "http://node:1",
    "http://127.0.0.1.example:1",
    "http://localhost.example:1",
    "http+unix://",
    "http+unix://run/a.sock",
    "http+unix:///run/%00a",
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(store_address) address = NULL;
        g_autoptr(cpulift_error) err = NULL;
        if (address_parse(bad[i], &address, &err) != CPULIFT_EUSAGE) {
            fail_msg("'%s' was taken", bad[i]);
        }
        assert_true(address_is(bad[i]));
        assert_false(address_is_plan(bad[i]));
        assert_null(strstr(err->message, "word"));
    }
}

/// A path that no socket has room for.
static void test_long(void **state)
{
    (void)state;
    g_autofree char *path = g_strnfill(107, 'a');
    g_autofree char *place = g_strconcat("http+unix:///", path, NULL);
    g_autoptr(store_address) address = NULL;
    assert_int_equal(address_parse(place, &address, NULL), CPULIFT_EUSAGE);
    place[strlen(place) - 1] = '\0';
    assert_int_equal(address_parse(place, &address, NULL), 0);
}

/// Files are not addresses, whatever they are called.
static void test_files(void **state)
{
    (void)state;
    static const char *const files[] = {"",        "-",          "hosts",  "etcd",
                                        "etcd:/x", "./etcd://x", "ftp://x"};
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        assert_false(address_is(files[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}

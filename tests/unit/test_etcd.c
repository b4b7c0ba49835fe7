// SPDX-License-Identifier: LGPL-2.1-or-later
/// The client against servers that are no etcd, or one that is unwell. tests/store has the real
/// one.
#include "fake_http.h"
#include "store/agents.h"
#include "store/etcd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
// After its prerequisites.
#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define PAIRS                                                                                      \
    OK "{\"header\":{\"revision\":\"7\"},\"kvs\":[{\"key\":\"eC9ob3N0cy9h\",\"value\":\"YQ==\"}]"

static const char *const denied[] = {"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n"
                                     "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}"};

static gint64 leap; ///< s from one look at it to the next

/// The client's clock.
gint64 g_get_monotonic_time(void)
{
    struct timespec now;
    static gint64 took;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    took += leap * G_USEC_PER_SEC;
    return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000 + took;
}

static int add(void *data, const char *name, const etcd_pair *pair, cpulift_error **err)
{
    (void)err;
    g_string_append_printf(data, "%s=%s;", name, pair->value);
    return 0;
}

/// What the client makes of a list that is answered with these texts; `err` has the message.
static int list(const char *const *texts, size_t count, bool is_hanging, GString *found,
                cpulift_error **err)
{
    struct fake_http server = fake_http_start(texts, count, is_hanging);
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(store_address) address = NULL;
    g_autoptr(store_access) access = NULL;
    g_autoptr(etcd) client = NULL;
    guint64 revision = 0;
    g_autofree char *place = g_strdup_printf("etcd://127.0.0.1:%u/x", server.port);
    assert_int_equal(address_parse(place, &address, NULL), 0);
    assert_int_equal(access_new(NULL, NULL, &(struct http_tls){0}, &access, NULL), 0);
    assert_int_equal(etcd_new(context, address, access, &client, NULL), 0);
    int rc = etcd_list(client, ETCD_HOSTS, &revision, add, found, err);
    fake_http_stop(&server);
    return rc;
}

static const struct {
    const char *text, *message;
    int rc;
} cases[] = {
    {PAIRS "}", NULL, 0},
    {"", "does not answer", CPULIFT_EREMOTE},
    {NULL, "does not answer", CPULIFT_EREMOTE},
    {"SSH-2.0-OpenSSH_9.2\r\n", "does not answer", CPULIFT_EREMOTE},
    {OK, "is not valid JSON", CPULIFT_EREMOTE},
    {OK "[]", "etcd answers what is none of its words", CPULIFT_EREMOTE},
    {OK "{\"kvs\":{}}", "etcd answers what is none of its words", CPULIFT_EREMOTE},
    {OK "{\"header\":{\"revision\":7}}", "is no number", CPULIFT_EREMOTE},
    {OK "{\"header\":{\"revision\":\"-7\"}}", "is no number", CPULIFT_EREMOTE},
    {OK "{\"header\":{\"revision\":\"99999999999999999999\"}}", "is no number", CPULIFT_EREMOTE},
    {OK "{\"kvs\":[{\"key\":\"@@\"}]}", "is no base64", CPULIFT_EREMOTE},
    {OK "{\"kvs\":[{\"value\":\"YQ==\"}]}", "key\" is missing", CPULIFT_EREMOTE},
    // "other/hosts/a", "x/hosts/", "x/hosts/a/b", "x/hosts/a\0b"
    {OK "{\"kvs\":[{\"key\":\"b3RoZXIvaG9zdHMvYQ==\"}]}", "none of ours", CPULIFT_EINPUT},
    {OK "{\"kvs\":[{\"key\":\"eC9ob3N0cy8=\"}]}", "none of ours", CPULIFT_EINPUT},
    {OK "{\"kvs\":[{\"key\":\"eC9ob3N0cy9hL2I=\"}]}", "none of ours", CPULIFT_EINPUT},
    {OK "{\"kvs\":[{\"key\":\"eC9ob3N0cy9hAGI=\"}]}", "none of ours", CPULIFT_EINPUT},
    // The same key again and again, as a list without an end has it.
    {PAIRS ",\"more\":true}", "none of ours", CPULIFT_EINPUT},
    {"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nNot Found\n",
     "HTTP status 404 (Not Found)", CPULIFT_EREMOTE},
    {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n",
     "HTTP status 302", CPULIFT_EREMOTE},
    {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
     "{\"error\":\"etcdserver: mvcc: required revision has been compacted\",\"code\":11}",
     "refuses: etcdserver: mvcc: required revision has been compacted", CPULIFT_EREMOTE},
    {"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n"
     "{\"error\":\"etcdserver: no leader\\n\\u001b[31m\",\"code\":14}",
     "refuses: etcdserver: no leader??[31m", CPULIFT_EREMOTE},
    {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "does not answer", CPULIFT_EREMOTE},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) found = g_string_new(NULL);
        g_autoptr(cpulift_error) err = NULL;
        int rc = list(&cases[i].text, 1, false, found, &err);
        const char *said = err != NULL ? err->message : "";
        if (rc != cases[i].rc ||
            (cases[i].message != NULL && strstr(said, cases[i].message) == NULL)) {
            fail_msg("case %zu ended with %d: %s", i, rc, said);
        }
        if (rc == 0) {
            assert_string_equal(found->str, "a=a;");
        } else {
            assert_non_null(strstr(said, "127.0.0.1"));
        }
    }
}

/// A second page is asked for behind the last key.
static void test_pages(void **state)
{
    (void)state;
    static const char *const pages[] = {PAIRS ",\"more\":true}",
                                        OK "{\"header\":{\"revision\":\"9\"},\"kvs\":[{\"key\":"
                                           "\"eC9ob3N0cy9i\",\"value\":\"Yg==\"}]}"};
    g_autoptr(GString) found = g_string_new(NULL);
    assert_int_equal(list(pages, 2, false, found, NULL), 0);
    assert_string_equal(found->str, "a=a;b=b;");
}

/// One that goes on and on, each page in time, is left.
static void test_endless(void **state)
{
    (void)state;
    static const char *const pages[] = {PAIRS ",\"more\":true}",
                                        OK "{\"header\":{\"revision\":\"9\"},\"kvs\":[{\"key\":"
                                           "\"eC9ob3N0cy9i\",\"value\":\"Yg==\"}],\"more\":true}"};
    g_autoptr(GString) found = g_string_new(NULL);
    g_autoptr(cpulift_error) err = NULL;
    leap = 500;
    assert_int_equal(list(pages, 2, false, found, &err), CPULIFT_EREMOTE);
    leap = 0;
    assert_non_null(strstr(err->message, "without end"));
}

/// Another member is asked, once each.
static void test_members(void **state)
{
    (void)state;
    static const char *const well[] = {PAIRS "}"}, *const ill[] = {NULL};
    struct fake_http first = fake_http_start(ill, 1, false),
                     second = fake_http_start(well, 1, false);
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(store_address) address = NULL;
    g_autoptr(store_access) access = NULL;
    g_autoptr(etcd) client = NULL;
    g_autoptr(GString) found = g_string_new(NULL);
    guint64 revision = 0;
    g_autofree char *place =
        g_strdup_printf("etcd://127.0.0.1:%u,127.0.0.1:1,127.0.0.1:%u/x", first.port, second.port);
    assert_int_equal(address_parse(place, &address, NULL), 0);
    assert_int_equal(access_new(NULL, NULL, &(struct http_tls){0}, &access, NULL), 0);
    assert_int_equal(etcd_new(context, address, access, &client, NULL), 0);
    assert_int_equal(etcd_list(client, ETCD_HOSTS, &revision, add, found, NULL), 0);
    assert_string_equal(found->str, "a=a;");
    assert_int_equal(revision, 7);
    fake_http_stop(&first);
    fake_http_stop(&second);
}

/// An agent that hangs is given up, and the others' answers are there.
static void test_agents(void **state)
{
    (void)state;
    static const char *const part[] = {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"};
    static const char *const whole[] = {OK "{}\n"};
    static const char *const starting[] = {
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\nno scan yet\n"};
    struct fake_http servers[] = {fake_http_start(part, 1, true), fake_http_start(whole, 1, false),
                                  fake_http_start(starting, 1, false)};
    g_autoptr(GPtrArray) agents = agents_new();
    g_autoptr(store_access) access = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(servers); i++) {
        store_address *address = NULL;
        g_autofree char *place = g_strdup_printf("http://127.0.0.1:%u", servers[i].port);
        assert_int_equal(address_parse(place, &address, NULL), 0);
        agents_add(agents, address, "/v1/host");
    }
    assert_int_equal(access_new(NULL, NULL, &(struct http_tls){0}, &access, NULL), 0);
    agents_get(agents, access, 300);
    const struct agents_host *hangs = agents->pdata[0], *well = agents->pdata[1],
                             *starts = agents->pdata[2];
    assert_null(hangs->text);
    assert_non_null(strstr(hangs->err->message, "did not answer within its time"));
    assert_string_equal(well->text, "{}\n");
    assert_null(starts->text);
    assert_non_null(strstr(starts->err->message, "503: no scan yet"));
    for (size_t i = 0; i < G_N_ELEMENTS(servers); i++) {
        fake_http_stop(&servers[i]);
    }
}

/// A password never crosses a network in the clear, and a token that is refused is not asked for
/// without an end.
/// One that cannot be read is told by its name.
static void test_tls_files(void **state)
{
    (void)state;
    static const struct {
        struct http_tls tls;
        const char *named; ///< NULL: all is well
    } files[] = {
        {{"/nowhere/ca.pem", NULL, NULL}, "'/nowhere/ca.pem'"},
        {{NULL, "/dev/null", "/nowhere/key.pem"}, "'/nowhere/key.pem'"},
        {{NULL, "/nowhere/cert.pem", "/dev/null"}, "'/nowhere/cert.pem'"},
        {{"/dev/null", "/dev/null", "pkcs11:token=x"}, NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autoptr(cpulift_error) err = NULL;
        const char *named = files[i].named;
        assert_int_equal(http_check_tls(&files[i].tls, &err), named != NULL ? CPULIFT_ESYSTEM : 0);
        assert_true(named == NULL || strstr(err->message, named) != NULL);
    }
}

static void test_access(void **state)
{
    (void)state;
    g_autoptr(store_address) far = NULL, near = NULL;
    g_autoptr(store_access) access = NULL;
    g_autoptr(etcd) client = NULL;
    g_autoptr(cpulift_error) err = NULL, refused = NULL;
    g_autofree char *file = NULL;
    int fd = g_file_open_tmp("etcd-XXXXXX", &file, NULL);
    assert_int_equal(write(fd, "secret\n", 7), 7);
    close(fd);
    assert_int_equal(access_new("me", NULL, &(struct http_tls){0}, &access, &err), CPULIFT_EUSAGE);
    assert_int_equal(access_new("me", file, &(struct http_tls){0}, &access, NULL), 0);
    assert_string_equal(access->password, "secret");
    unlink(file);
    assert_int_equal(address_parse("etcd://node/x", &far, NULL), 0);
    assert_int_equal(etcd_new(NULL, far, access, &client, NULL), CPULIFT_EUSAGE);

    struct fake_http server = fake_http_start(denied, 1, false);
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autofree char *place = g_strdup_printf("etcd://127.0.0.1:%u/x", server.port);
    assert_int_equal(address_parse(place, &near, NULL), 0);
    assert_int_equal(etcd_new(context, near, access, &client, NULL), 0);
    g_autoptr(etcd_reply) reply = NULL;
    assert_int_equal(etcd_perform(client, "/v3/kv/range", g_strdup("{}"), &reply, &refused),
                     CPULIFT_EREMOTE);
    assert_non_null(strstr(refused->message, "invalid auth token"));
    assert_null(strstr(refused->message, "secret"));
    fake_http_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers), cmocka_unit_test(test_pages),
        cmocka_unit_test(test_endless), cmocka_unit_test(test_members),
        cmocka_unit_test(test_agents),  cmocka_unit_test(test_tls_files),
        cmocka_unit_test(test_access),
    };
    return cmocka_run_group_tests_name("etcd", tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// An agent's side of a real etcd: it goes, hangs, forgets and comes back.
#include "fake_http.h"
#include "skip.h"
#include "store/follow.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
// After its prerequisites.
#include <cmocka.h>

#define TTL 3

/// The real server, and a client that waits.
static struct {
    char *program, *folder;
    unsigned port, peer;
    pid_t pid;
    GMainContext *context;
    etcd *client;
} server;

/// What a follower told.
struct told {
    GString *value;
    unsigned values, faults, refusals;
    char *fault;
};

static void tell_value(void *data, const char *text, size_t len)
{
    struct told *told = data;
    g_string_truncate(told->value, 0);
    g_string_append_len(told->value, text, (gssize)len);
    told->values++;
}

static void tell_fault(void *data, const char *why)
{
    struct told *told = data;
    g_free(told->fault);
    told->fault = g_strdup(why);
    told->faults++;
}

static void tell_refusal(void *data, const char *why)
{
    (void)why;
    ((struct told *)data)->refusals++;
}

static unsigned find_port(void)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof place;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&place, sizeof place), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&place, &len), 0);
    close(fd);
    return ntohs(place.sin_port);
}

static char *name_address(void)
{
    return g_strdup_printf("etcd://127.0.0.1:%u/fleet", server.port);
}

static etcd *new_client(GMainContext *context, const char *place)
{
    g_autoptr(store_address) address = NULL;
    g_autoptr(store_access) access = NULL;
    etcd *client = NULL;
    assert_int_equal(address_parse(place, &address, NULL), 0);
    assert_int_equal(access_new(NULL, NULL, &(struct http_tls){0}, &access, NULL), 0);
    assert_int_equal(etcd_new(context, address, access, &client, NULL), 0);
    return client;
}

static etcd_reply *ask(const char *path, char *body)
{
    etcd_reply *reply = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (etcd_perform(server.client, path, body, &reply, &err) != 0) {
        fail_msg("%s", err->message);
    }
    return reply;
}

static void put(const char *key, const char *value)
{
    etcd_reply_free(ask("/v3/kv/put", etcd_request_put(key, value, strlen(value), 0)));
}

/// The value at a key, NULL: there is none.
static char *get(const char *key)
{
    g_autoptr(etcd_reply) reply =
        ask("/v3/kv/range", etcd_request_range(key, strlen(key), NULL, 1, 0));
    if (reply->pairs == NULL || reply->pairs->len == 0) {
        return NULL;
    }
    const etcd_pair *pair = reply->pairs->pdata[0];
    return g_strdup(pair->value != NULL ? pair->value : "");
}

static bool is_up(void)
{
    etcd_reply *reply = NULL;
    int rc = etcd_perform(server.client, "/v3/kv/range", etcd_request_range("a", 1, NULL, 1, 0),
                          &reply, NULL);
    etcd_reply_free(reply);
    return rc == 0;
}

static void start_server(void)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", server.port);
    g_autofree char *peer = g_strdup_printf("http://127.0.0.1:%u", server.peer);
    g_autofree char *cluster = g_strconcat("one=", peer, NULL);
    const char *argv[] = {server.program,
                          "--name",
                          "one",
                          "--data-dir",
                          server.folder,
                          "--listen-client-urls",
                          url,
                          "--advertise-client-urls",
                          url,
                          "--listen-peer-urls",
                          peer,
                          "--initial-advertise-peer-urls",
                          peer,
                          "--initial-cluster",
                          cluster,
                          NULL};
    GSpawnFlags flags =
        G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL;
    assert_true(g_spawn_async(NULL, (char **)argv, NULL, flags, NULL, NULL, &server.pid, NULL));
    for (int i = 0; i < 100 && !is_up(); i++) {
        g_usleep(100000);
    }
    assert_true(is_up());
}

static void stop_server(void)
{
    if (server.pid > 0) {
        kill(server.pid, SIGCONT);
        kill(server.pid, SIGTERM);
        waitpid(server.pid, NULL, 0);
        server.pid = 0;
    }
}

/// Runs the default loop until it is so, or the seconds are over.
#define wait_for(seconds, condition)                                                               \
    do {                                                                                           \
        gint64 deadline = g_get_monotonic_time() + (gint64)(seconds)*G_USEC_PER_SEC;               \
        while (!(condition)) {                                                                     \
            if (g_get_monotonic_time() > deadline) {                                               \
                fail_msg("not within %d s: %s", (int)(seconds), #condition);                       \
            }                                                                                      \
            if (!g_main_context_iteration(NULL, FALSE)) {                                          \
                g_usleep(5000);                                                                    \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static bool has(const char *key, const char *value)
{
    g_autofree char *found = get(key);
    return g_strcmp0(found, value) == 0;
}

static follow *start(struct told *told)
{
    g_autofree char *place = name_address();
    const struct follow_calls calls = {tell_value, tell_fault, tell_refusal, told};
    told->value = g_string_new(NULL);
    return follow_new(new_client(NULL, place), "fleet/plan/blue", TTL, &calls);
}

static void publish(follow *self, const char *name, const char *owner, const char *text, size_t len)
{
    g_autofree char *key = g_strconcat("fleet/hosts/", name, NULL);
    g_autofree char *member = g_strconcat("fleet/members/", name, NULL);
    follow_publish(self, &(struct etcd_place){key, member, owner}, text, len);
}

static void clear(struct told *told)
{
    g_string_free(told->value, TRUE);
    g_free(told->fault);
}

static void test_changes(void **state)
{
    (void)state;
    if (server.program == NULL) {
        SKIP("etcd is not installed (etcd-server)");
    }
    struct told told = {0};
    g_autoptr(follow) self = start(&told);
    wait_for(5, told.faults == 1);
    assert_non_null(strstr(told.fault, "etcd has no 'fleet/plan/blue'"));
    wait_for(5, follow_get_state(self).is_connected);
    put("fleet/plan/blue", "one");
    wait_for(5, strcmp(told.value->str, "one") == 0);
    put("fleet/plan/red", "other");
    put("fleet/plan/blue", "two");
    wait_for(5, strcmp(told.value->str, "two") == 0);
    assert_int_equal(told.values, 2);

    // What is compacted away was told.
    g_autoptr(etcd_reply) now = ask("/v3/kv/range", etcd_request_range("a", 1, NULL, 1, 0));
    etcd_reply_free(
        ask("/v3/kv/compaction",
            g_strdup_printf("{\"revision\":\"%" G_GUINT64_FORMAT "\"}", now->header.revision)));
    put("fleet/plan/blue", "three");
    wait_for(5, strcmp(told.value->str, "three") == 0);
    assert_int_equal(told.faults, 1);
    assert_int_equal(follow_get_state(self).outages, 0);
    etcd_reply_free(ask("/v3/kv/deleterange", g_strdup("{\"key\":\"ZmxlZXQvcGxhbi9ibHVl\"}")));
    wait_for(5, told.faults == 2);
    clear(&told);
}

/// The document goes when nobody keeps it; that its host belongs there stays.
static void test_lease(void **state)
{
    (void)state;
    if (server.program == NULL) {
        SKIP("etcd is not installed (etcd-server)");
    }
    struct told told = {0};
    follow *self = start(&told);
    publish(self, "a", "me", "first", 5);
    wait_for(5, follow_get_state(self).is_published);
    assert_true(has("fleet/hosts/a", "first"));
    assert_true(has("fleet/members/a", "me"));
    publish(self, "a", "me", "second", 6);
    publish(self, "a", "me", "third", 5);
    wait_for(5, has("fleet/hosts/a", "third"));
    gint64 until = g_get_monotonic_time() + (gint64)(2 * TTL + 1) * G_USEC_PER_SEC;
    wait_for(2 * TTL + 2, g_get_monotonic_time() > until); // kept for longer than its lease
    assert_true(has("fleet/hosts/a", "third"));
    follow_free(self);
    wait_for(2 * TTL + 5, has("fleet/hosts/a", NULL));
    assert_true(has("fleet/members/a", "me"));
    clear(&told);
}

static void test_restart(void **state)
{
    (void)state;
    if (server.program == NULL) {
        SKIP("etcd is not installed (etcd-server)");
    }
    struct told told = {0};
    put("fleet/plan/blue", "before");
    g_autoptr(follow) self = start(&told);
    publish(self, "b", "me", "b", 1);
    wait_for(5, follow_get_state(self).is_published && told.values == 1);
    stop_server();
    wait_for(5, told.faults == 1);
    assert_false(follow_get_state(self).is_connected);
    assert_false(follow_get_state(self).is_published);
    start_server();
    put("fleet/plan/blue", "after");
    wait_for(20, follow_get_state(self).is_published && strcmp(told.value->str, "after") == 0);
    assert_int_equal(told.faults, 1); // once, however often it was tried
    assert_int_equal(follow_get_state(self).outages, 1);
    put("fleet/plan/blue", "later");
    wait_for(5, strcmp(told.value->str, "later") == 0);
    wait_for(5, has("fleet/hosts/b", "b"));
    clear(&told);
}

/// It hangs for longer than the lease lasts: found out by the sign of life, whose answer never
/// comes.
static void test_hang(void **state)
{
    (void)state;
    if (server.program == NULL) {
        SKIP("etcd is not installed (etcd-server)");
    }
    struct told told = {0};
    put("fleet/plan/blue", "before");
    g_autoptr(follow) self = start(&told);
    publish(self, "c", "me", "c", 1);
    wait_for(5, follow_get_state(self).is_published && told.values == 1);
    kill(server.pid, SIGSTOP);
    wait_for(20, told.faults == 1);
    assert_non_null(strstr(told.fault, "did not answer within its time"));
    kill(server.pid, SIGCONT);
    put("fleet/plan/blue", "after");
    wait_for(30, follow_get_state(self).is_published && strcmp(told.value->str, "after") == 0);
    gint64 until = g_get_monotonic_time() + (gint64)(TTL + 2) * G_USEC_PER_SEC;
    wait_for(TTL + 3, g_get_monotonic_time() > until); // no lease of before takes it away
    assert_true(has("fleet/hosts/c", "c"));
    clear(&told);
}

/// A lease that etcd lost is replaced, and what stood under it put anew.
static void test_lost_lease(void **state)
{
    (void)state;
    if (server.program == NULL) {
        SKIP("etcd is not installed (etcd-server)");
    }
    struct told told = {0};
    g_autoptr(follow) self = start(&told);
    publish(self, "d", "me", "d", 1);
    wait_for(5, follow_get_state(self).is_published);
    g_autoptr(etcd_reply) reply =
        ask("/v3/kv/range", etcd_request_range("fleet/hosts/d", 13, NULL, 1, 0));
    const etcd_pair *pair = reply->pairs->pdata[0];
    etcd_reply_free(ask("/v3/lease/revoke",
                        g_strdup_printf("{\"ID\":\"%" G_GUINT64_FORMAT "\"}", pair->lease)));
    assert_true(has("fleet/hosts/d", NULL));
    wait_for(2 * TTL, has("fleet/hosts/d", "d"));
    clear(&told);
}

/// What etcd does not take is told, and does not count as etcd gone.
static void test_refusal(void **state)
{
    (void)state;
    if (server.program == NULL) {
        SKIP("etcd is not installed (etcd-server)");
    }
    struct told told = {0};
    put("fleet/plan/blue", "plan");
    g_autoptr(follow) self = start(&told);
    g_autofree char *large = g_strnfill(2 << 20, 'x');
    publish(self, "e", "me", large, strlen(large));
    wait_for(10, follow_get_state(self).refusal != NULL);
    assert_non_null(strstr(follow_get_state(self).refusal, "large"));
    assert_false(follow_get_state(self).is_published);
    assert_true(follow_get_state(self).is_connected);
    publish(self, "e", "me", "small", 5);
    wait_for(5, has("fleet/hosts/e", "small"));
    assert_int_equal(told.faults, 0);
    clear(&told);
}

/// Two hosts of one name: the second is told, and takes the place when the first is gone.
static void test_twins(void **state)
{
    (void)state;
    if (server.program == NULL) {
        SKIP("etcd is not installed (etcd-server)");
    }
    struct told told = {0}, of_twin = {0};
    put("fleet/members/f", ""); // as one was added by hand
    follow *first = start(&told);
    publish(first, "f", "me", "mine", 4);
    wait_for(5, follow_get_state(first).is_published);
    g_autoptr(follow) twin = start(&of_twin);
    publish(twin, "f", "you", "yours", 5);
    wait_for(5, follow_get_state(twin).refusal != NULL);
    assert_non_null(strstr(follow_get_state(twin).refusal, "another host of this name"));
    assert_false(follow_get_state(twin).is_published);
    publish(first, "f", "me", "mine again", 10);
    wait_for(5, has("fleet/hosts/f", "mine again"));
    follow_free(first);
    wait_for(4 * TTL, follow_get_state(twin).is_published);
    assert_true(has("fleet/hosts/f", "yours"));
    assert_true(has("fleet/members/f", "you"));
    assert_int_equal(of_twin.refusals, 1); // once, however often it was tried
    clear(&told);
    clear(&of_twin);
}

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

/// A watch that begins before what etcd still knows: the newest is read instead.
static void test_compacted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        OK "{\"header\":{\"revision\":\"1\"},\"kvs\":[{\"key\":\"YQ==\",\"value\":\"b2xk\"}]}",
        OK "{\"result\":{\"canceled\":true,\"compact_revision\":\"9\"}}\n",
        OK "{\"header\":{\"revision\":\"9\"},\"kvs\":[{\"key\":\"YQ==\",\"value\":\"bmV3\"}]}",
        OK "{\"result\":{\"canceled\":true,\"cancel_reason\":\"no more\"}}\n",
    };
    struct fake_http fake = fake_http_start(texts, G_N_ELEMENTS(texts), false);
    g_autofree char *place = g_strdup_printf("etcd://127.0.0.1:%u/x", fake.port);
    struct told told = {.value = g_string_new(NULL)};
    const struct follow_calls calls = {tell_value, tell_fault, NULL, &told};
    follow *self = follow_new(new_client(NULL, place), "a", TTL, &calls);
    wait_for(5, strcmp(told.value->str, "new") == 0);
    assert_int_equal(told.values, 2);
    assert_int_equal(told.faults, 0);
    wait_for(5, told.faults == 1);
    assert_non_null(strstr(told.fault, "no more"));
    follow_free(self);
    fake_http_stop(&fake);
    clear(&told);
}

#define WHOLE(text, len)                                                                           \
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " len "\r\n\r\n" text

/// What stands before etcd may grant a lease without saying which: it is away, and asked again
/// after a pause.
static void test_nameless_lease(void **state)
{
    (void)state;
    static const char *const texts[] = {
        WHOLE("{\"header\":{\"revision\":\"1\"}}", "27"),
        OK "{\"result\":{\"created\":true}}\n",
        WHOLE("{\"TTL\":\"3\"}", "11"),
    };
    struct fake_http fake = fake_http_start(texts, G_N_ELEMENTS(texts), true);
    g_autofree char *place = g_strdup_printf("etcd://127.0.0.1:%u/x", fake.port);
    struct told told = {.value = g_string_new(NULL)};
    const struct follow_calls calls = {tell_value, tell_fault, NULL, &told};
    follow *self = follow_new(new_client(NULL, place), "a", TTL, &calls);
    wait_for(5, follow_get_state(self).outages == 1);
    assert_false(follow_get_state(self).is_connected);
    follow_free(self);
    fake_http_stop(&fake);
    clear(&told);
}

/// Neither the processor nor the log of its host are for what tells of changes as fast as it can.
static void test_flood(void **state)
{
    (void)state;
    g_autoptr(GString) flood = g_string_new(OK);
    for (unsigned i = 0; i < 2000; i++) {
        g_string_append(
            flood, "{\"result\":{\"events\":[{\"kv\":{\"key\":\"YQ==\",\"value\":\"bmV3\"}}]}}\n");
    }
    const char *const texts[] = {WHOLE("{\"header\":{\"revision\":\"1\"}}", "27"), flood->str};
    struct fake_http fake = fake_http_start(texts, G_N_ELEMENTS(texts), true);
    g_autofree char *place = g_strdup_printf("etcd://127.0.0.1:%u/x", fake.port);
    struct told told = {.value = g_string_new(NULL)};
    const struct follow_calls calls = {tell_value, tell_fault, NULL, &told};
    follow *self = follow_new(new_client(NULL, place), "a", TTL, &calls);
    wait_for(5, told.fault != NULL && strstr(told.fault, "without end") != NULL);
    assert_in_range(told.values, 1, 200); // of two seconds
    follow_free(self);
    fake_http_stop(&fake);
    clear(&told);
}

static int set_up(void **state)
{
    (void)state;
    server.program = g_find_program_in_path("etcd");
    server.port = find_port();
    server.peer = find_port();
    server.folder = g_dir_make_tmp("follow-XXXXXX", NULL);
    server.context = g_main_context_new();
    g_autofree char *place = name_address();
    server.client = new_client(server.context, place);
    if (server.program != NULL) {
        start_server();
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stop_server();
    etcd_free(server.client);
    g_main_context_unref(server.context);
    const char *argv[] = {"rm", "-rf", server.folder, NULL};
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                 NULL);
    g_free(server.folder);
    g_free(server.program);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compacted),      cmocka_unit_test(test_changes),
        cmocka_unit_test(test_lease),          cmocka_unit_test(test_restart),
        cmocka_unit_test(test_hang),           cmocka_unit_test(test_lost_lease),
        cmocka_unit_test(test_refusal),        cmocka_unit_test(test_twins),
        cmocka_unit_test(test_nameless_lease), cmocka_unit_test(test_flood),
    };
    return cmocka_run_group_tests_name("follow", tests, set_up, tear_down);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// agents ADDRESS HOSTS.jsonl: an agent for each host document of the file, all in one process but
/// each with connections and a lease of its own, as cpuliftd has them. Tells how long it takes
/// until all are there, and until a change of the plan at ADDRESS has reached each. Then waits for
/// lines on standard input: "change" puts another plan, "back" waits until all are connected again,
/// the end ends it.
#include "base/file.h"
#include "base/json.h"
#include "store/follow.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHANGES   5
#define TTL       300
#define FLEET_MAX ((size_t)1 << 30)

struct agent {
    follow *follow;
    gint64 told; ///< when the newest plan came, in µs; 0: it has not come
};

static struct {
    struct agent *agents;
    size_t count;
    char *plan; ///< the newest
    store_address *address;
    store_access *access;
    bool is_over;
} all;

static void stop(const cpulift_error *err)
{
    fprintf(stderr, "agents: %s\n", err->message);
    exit(2);
}

static void take_plan(void *data, const char *text, size_t len)
{
    struct agent *self = data;
    if (all.plan != NULL && strlen(all.plan) == len && memcmp(text, all.plan, len) == 0) {
        self->told = g_get_monotonic_time();
    }
}

static void take_fault(void *data, const char *why)
{
    (void)data;
    (void)why;
}

static etcd *connect(GMainContext *context)
{
    etcd *client = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (etcd_new(context, all.address, all.access, &client, &err) != 0) {
        stop(err);
    }
    return client;
}

static void start(size_t index, const char *text)
{
    struct agent *self = &all.agents[index];
    const struct follow_calls calls = {take_plan, take_fault, NULL, self};
    etcd *client = connect(NULL);
    g_autoptr(json_t) json = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (json_parse_text(text, strlen(text), "a host", &json, &err) != 0) {
        stop(err);
    }
    const char *name = json_get_string(json, "name");
    g_autofree char *plan = etcd_name_key(client, ETCD_PLANS, all.address->pool);
    g_autofree char *key = etcd_name_key(client, ETCD_HOSTS, name);
    g_autofree char *member = etcd_name_key(client, ETCD_MEMBERS, name);
    self->follow = follow_new(client, plan, TTL, &calls);
    const struct etcd_place place = {key, member, name};
    follow_publish(self->follow, &place, text, strlen(text));
}

static bool is_there(const struct agent *self)
{
    return follow_get_state(self->follow).is_published;
}

static bool is_told(const struct agent *self)
{
    return self->told != 0;
}

/// Runs the loop until it is so of all. Returns the seconds that it took.
static double wait_for_all(bool (*is_so)(const struct agent *))
{
    gint64 begin = g_get_monotonic_time();
    for (size_t i = 0; i < all.count;) {
        if (is_so(&all.agents[i])) {
            i++;
        } else {
            g_main_context_iteration(NULL, TRUE);
        }
    }
    return (double)(g_get_monotonic_time() - begin) / G_USEC_PER_SEC;
}

static int compare(const void *a, const void *b)
{
    const gint64 *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/// Puts another plan and tells when it came to the first, to half of them, and to the last.
static void change(size_t round)
{
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(etcd) client = connect(context);
    g_autoptr(etcd_reply) reply = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *key = etcd_name_key(client, ETCD_PLANS, all.address->pool);
    g_autofree gint64 *times = g_new(gint64, all.count);
    g_free(all.plan);
    all.plan = g_strdup_printf("{\"round\": %zu, \"text\": \"%04096d\"}\n", round, 0);
    for (size_t i = 0; i < all.count; i++) {
        all.agents[i].told = 0;
    }
    gint64 begin = g_get_monotonic_time();
    char *body = etcd_request_put(key, all.plan, strlen(all.plan), 0);
    if (etcd_perform(client, "/v3/kv/put", body, &reply, &err) != 0) {
        stop(err);
    }
    wait_for_all(is_told);
    for (size_t i = 0; i < all.count; i++) {
        times[i] = all.agents[i].told - begin;
    }
    qsort(times, all.count, sizeof *times, compare);
    printf("change %zu: first after %.1f ms, half after %.1f ms, last after %.1f ms\n", round,
           (double)times[0] / 1000, (double)times[all.count / 2] / 1000,
           (double)times[all.count - 1] / 1000);
}

static void start_all(const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (file_load(path, FLEET_MAX, &text, NULL, &err) != 0) {
        stop(err);
    }
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    all.count = g_strv_length(lines);
    all.agents = g_new0(struct agent, all.count);
    for (size_t i = 0; i < all.count; i++) {
        start(i, lines[i]);
    }
    printf("%zu agents are there: %.2f s\n", all.count, wait_for_all(is_there));
}

/// The loop goes on while nobody orders anything.
static gboolean take_order(int fd, GIOCondition condition, void *data)
{
    (void)condition;
    (void)data;
    char bytes[64];
    ssize_t len = read(fd, bytes, sizeof bytes);
    all.is_over = len <= 0;
    if (!all.is_over) {
        printf("all are back: %.2f s\n", wait_for_all(is_there));
    }
    return !all.is_over;
}

int main(int argc, char **argv)
{
    g_autoptr(cpulift_error) err = NULL;
    if (argc != 3) {
        fputs("usage: agents etcd://HOST:PORT/PREFIX/plan/POOL HOSTS.jsonl\n", stderr);
        return 64;
    }
    if (address_parse(argv[1], &all.address, &err) != 0 || access_read(&all.access, &err) != 0) {
        stop(err);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    start_all(argv[2]);
    for (size_t round = 1; round <= CHANGES; round++) {
        change(round);
    }
    puts("ready");
    g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, take_order, NULL);
    while (!all.is_over) {
        g_main_context_iteration(NULL, TRUE);
    }
    for (size_t i = 0; i < all.count; i++) {
        follow_free(all.agents[i].follow);
    }
    g_free(all.agents);
    g_free(all.plan);
    address_free(all.address);
    access_free(all.access);
    return 0;
}

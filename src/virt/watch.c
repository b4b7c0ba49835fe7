// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/watch.h"

#include "virt/errand.h"

#include <glib-unix.h>

/// So long a call may take before it is said that libvirt does not answer.
#define ANSWER_SECONDS 10

/// From one attempt to open it to the next, at first and at most.
#define RETRY_MS     500
#define RETRY_MS_MAX 60000

/// So many answers may wait for the main loop; each may have a guest's XML.
#define ANSWERS_MAX 64

/// Held by the main loop and by the thread; the last to leave frees it.
struct watch {
    gatomicrefcount refs;
    char *uri;
    struct errands errands;
    GMutex lock; ///< of the next two
    GCond room;
    unsigned answers; ///< on their way to the main loop
    bool is_ended;    ///< nobody is told any more

    // The main loop's alone.
    struct watch_calls calls;
    unsigned waiting; ///< errands without an answer
    bool is_late, has_lost;
    guint late, retry; ///< timers
    guint source;      ///< of the connection, while no answer is waited for
    unsigned retry_ms;
    int fd;
};

static void leave(watch *self)
{
    if (g_atomic_ref_count_dec(&self->refs)) {
        g_async_queue_unref(self->errands.todo);
        g_mutex_clear(&self->lock);
        g_cond_clear(&self->room);
        g_free(self->uri);
        g_free(self);
    }
}

static void remove_source(guint *source)
{
    if (*source != 0) {
        g_source_remove(*source);
        *source = 0;
    }
}

static gboolean be_late(void *data)
{
    watch *self = data;
    self->late = 0;
    self->is_late = true;
    g_autofree char *why =
        g_strdup_printf("'%s' has not answered for %d s", self->uri, ANSWER_SECONDS);
    self->calls.down(self->calls.data, why);
    return G_SOURCE_REMOVE;
}

/// From now on the next answer may take its time.
static void wait_for_answer(watch *self)
{
    remove_source(&self->late);
    if (self->waiting > 0 && !self->is_late) {
        self->late = g_timeout_add_seconds(ANSWER_SECONDS, be_late, self);
    }
}

static void send_out(watch *self, struct errand *errand)
{
    // Whatever comes now, a call reads it.
    remove_source(&self->source);
    g_async_queue_push(self->errands.todo, errand);
    if (self->waiting++ == 0) {
        wait_for_answer(self);
    }
}

static gboolean read_events(int fd, GIOCondition condition, void *data)
{
    (void)fd;
    (void)condition;
    watch *self = data;
    self->source = 0;
    send_out(self, errand_new(ERRAND_PING));
    return G_SOURCE_REMOVE;
}

static int take_event(virConnectPtr conn, virDomainPtr domain, int event, int detail, void *data)
{
    (void)conn;
    watch *self = data;
    struct errand *errand = errand_new(ERRAND_TELL);
    bool is_news = !self->is_ended && errand_take_event(errand, domain, event, detail);
    if (is_news && self->waiting < WATCH_WAITING_MAX) {
        send_out(self, errand);
        return 0;
    }
    self->has_lost = self->has_lost || is_news;
    errand_free(errand);
    return 0;
}

static gboolean open_again(void *data)
{
    watch *self = data;
    self->retry = 0;
    send_out(self, errand_new(ERRAND_OPEN));
    return G_SOURCE_REMOVE;
}

static void take_loss(watch *self, const char *why)
{
    self->fd = -1;
    self->calls.down(self->calls.data, why);
    if (self->retry == 0) {
        self->retry = g_timeout_add(self->retry_ms, open_again, self);
        self->retry_ms = MIN(2 * self->retry_ms, RETRY_MS_MAX);
    }
}

/// What an answer says of the connection.
static void take_state(watch *self, const struct errand *errand, bool was_late)
{
    if (errand->lost != NULL) {
        take_loss(self, errand->lost);
        return;
    }
    bool is_opened = errand->kind == ERRAND_OPEN;
    if (is_opened) {
        self->fd = errand->fd;
        self->retry_ms = RETRY_MS;
    }
    // What happened while it hung comes now.
    if (is_opened || was_late) {
        self->calls.up(self->calls.data);
    }
}

/// Nothing is on its way: all that was asked for has been told.
static void rest(watch *self)
{
    static const struct watch_news lost = {.what = WATCH_LOST};
    if (self->waiting == 0 && self->has_lost) {
        self->has_lost = false;
        self->calls.told(self->calls.data, &lost);
    }
    if (self->waiting == 0 && self->fd >= 0 && self->source == 0) {
        self->source = g_unix_fd_add(self->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, read_events, self);
    }
}

struct delivery {
    watch *watch;
    struct errand *errand;
};

static gboolean take_answer(void *data)
{
    struct delivery *delivery = data;
    watch *self = delivery->watch;
    struct errand *errand = delivery->errand;
    g_mutex_lock(&self->lock);
    self->answers--;
    g_cond_signal(&self->room);
    g_mutex_unlock(&self->lock);
    if (!self->is_ended) {
        bool was_late = self->is_late;
        self->is_late = false;
        self->waiting -= errand->is_last;
        wait_for_answer(self);
        take_state(self, errand, was_late);
        if (errand->has_news) {
            self->calls.told(self->calls.data, &errand->news);
        }
        rest(self);
    }
    errand_free(errand);
    leave(self);
    g_free(delivery);
    return G_SOURCE_REMOVE;
}

/// In the other thread.
static void answer(void *data, struct errand *errand)
{
    watch *self = data;
    struct delivery *delivery = g_new(struct delivery, 1);
    *delivery = (struct delivery){self, errand};
    g_atomic_ref_count_inc(&self->refs);
    g_mutex_lock(&self->lock);
    while (self->answers >= ANSWERS_MAX && !self->is_ended) {
        g_cond_wait(&self->room, &self->lock);
    }
    self->answers++;
    g_mutex_unlock(&self->lock);
    g_idle_add_full(G_PRIORITY_DEFAULT, take_answer, delivery, NULL);
}

static void *run(void *data)
{
    watch *self = data;
    errand_run(&self->errands);
    leave(self);
    return NULL;
}

watch *watch_new(const char *uri, const struct watch_calls *calls)
{
    watch *self = g_new0(watch, 1);
    g_atomic_ref_count_init(&self->refs);
    g_atomic_ref_count_inc(&self->refs);
    g_mutex_init(&self->lock);
    g_cond_init(&self->room);
    self->uri = g_strdup(uri);
    self->calls = *calls;
    self->retry_ms = RETRY_MS;
    self->fd = -1;
    self->errands = (struct errands){.uri = self->uri,
                                     .todo = g_async_queue_new(),
                                     .event = take_event,
                                     .data = self,
                                     .answer = answer};
    send_out(self, errand_new(ERRAND_OPEN));
    g_thread_unref(g_thread_new("libvirt", run, self));
    return self;
}

void watch_list(watch *self)
{
    send_out(self, errand_new(ERRAND_LIST));
}

void watch_ping(watch *self)
{
    send_out(self, errand_new(ERRAND_PING));
}

unsigned watch_count_waiting(const watch *self)
{
    return self->waiting;
}

void watch_free(watch *self)
{
    if (self == NULL) {
        return;
    }
    g_mutex_lock(&self->lock);
    self->is_ended = true;
    g_cond_signal(&self->room);
    g_mutex_unlock(&self->lock);
    remove_source(&self->late);
    remove_source(&self->retry);
    remove_source(&self->source);
    g_async_queue_push(self->errands.todo, errand_new(ERRAND_END));
    leave(self);
}

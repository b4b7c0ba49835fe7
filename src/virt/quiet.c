// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/quiet.h"

#include <glib.h>
#include <libvirt/libvirt.h>

/// A timer of libvirt's; GLib keeps it, by libvirt's number.
struct timer {
    GSource source;
    int number, period_ms; ///< period -1: it sleeps
    virEventTimeoutCallback fire;
    void *data;
    virFreeCallback destroy;
};

/// All threads that call libvirt set timers.
static GMutex lock;
static GHashTable *timers; ///< number → struct timer *
static int numbers;
static int last_fd = -1;

static gint64 find_time(int period_ms)
{
    return period_ms < 0 ? -1 : g_get_monotonic_time() + (gint64)period_ms * 1000;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, void *data)
{
    (void)callback;
    (void)data;
    const struct timer *timer = (const struct timer *)source;
    g_mutex_lock(&lock);
    g_source_set_ready_time(source, find_time(timer->period_ms));
    g_mutex_unlock(&lock);
    timer->fire(timer->number, timer->data);
    return G_SOURCE_CONTINUE;
}

static void finalize(GSource *source)
{
    const struct timer *timer = (const struct timer *)source;
    if (timer->destroy != NULL) {
        timer->destroy(timer->data);
    }
}

static GSourceFuncs functions = {.dispatch = dispatch, .finalize = finalize};

static int add_timer(int period_ms, virEventTimeoutCallback fire, void *data,
                     virFreeCallback destroy)
{
    GSource *source = g_source_new(&functions, sizeof(struct timer));
    struct timer *timer = (struct timer *)source;
    g_mutex_lock(&lock);
    int number = ++numbers;
    timer->number = number;
    timer->period_ms = period_ms;
    timer->fire = fire;
    timer->data = data;
    timer->destroy = destroy;
    g_source_set_ready_time(source, find_time(period_ms));
    g_hash_table_insert(timers, GINT_TO_POINTER(number), timer);
    g_mutex_unlock(&lock);
    g_source_attach(source, NULL);
    return number;
}

static void update_timer(int number, int period_ms)
{
    g_mutex_lock(&lock);
    struct timer *timer = g_hash_table_lookup(timers, GINT_TO_POINTER(number));
    if (timer != NULL) {
        timer->period_ms = period_ms;
        g_source_set_ready_time(&timer->source, find_time(period_ms));
    }
    g_mutex_unlock(&lock);
}

static gboolean forget(void *source)
{
    g_source_unref(source);
    return G_SOURCE_REMOVE;
}

static int remove_timer(int number)
{
    g_mutex_lock(&lock);
    struct timer *timer = g_hash_table_lookup(timers, GINT_TO_POINTER(number));
    g_hash_table_remove(timers, GINT_TO_POINTER(number));
    g_mutex_unlock(&lock);
    if (timer == NULL) {
        return -1;
    }
    g_source_destroy(&timer->source);
    // Who removes it may hold a lock that its `destroy` takes.
    g_idle_add(forget, &timer->source);
    return 0;
}

static int refuse_handle(int fd, int events, virEventHandleCallback fire, void *data,
                         virFreeCallback destroy)
{
    (void)events;
    (void)fire;
    (void)data;
    (void)destroy;
    g_atomic_int_set(&last_fd, fd);
    return -1;
}

static void update_no_handle(int watch, int events)
{
    (void)watch;
    (void)events;
}

static int remove_no_handle(int watch)
{
    (void)watch;
    return -1;
}

void quiet_register(void)
{
    timers = g_hash_table_new(NULL, NULL);
    virEventRegisterImpl(refuse_handle, update_no_handle, remove_no_handle, add_timer, update_timer,
                         remove_timer);
}

int quiet_take_fd(void)
{
    int fd = g_atomic_int_get(&last_fd);
    g_atomic_int_set(&last_fd, -1);
    return fd;
}

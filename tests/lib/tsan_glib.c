// SPDX-License-Identifier: LGPL-2.1-or-later
/// Preloaded into programs that ThreadSanitizer watches: tells it of GLib's locks, which are bare
/// system calls that it does not see, so that all that they guard would be a race to it.
#include <dlfcn.h>
#include <glib.h>

/// Of the sanitizer's runtime, in the program; what that starts has none.
void __tsan_acquire(void *at) __attribute__((weak));
void __tsan_release(void *at) __attribute__((weak));

static void take(void *at)
{
    if (__tsan_acquire != NULL) {
        __tsan_acquire(at);
    }
}

static void give(void *at)
{
    if (__tsan_release != NULL) {
        __tsan_release(at);
    }
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void(g_mutex_lock)(GMutex *mutex)
{
    REAL(g_mutex_lock)(mutex);
    take(mutex);
}

void(g_mutex_unlock)(GMutex *mutex)
{
    give(mutex);
    REAL(g_mutex_unlock)(mutex);
}

void(g_cond_wait)(GCond *cond, GMutex *mutex)
{
    give(mutex);
    REAL(g_cond_wait)(cond, mutex);
    take(mutex);
}

gboolean(g_cond_wait_until)(GCond *cond, GMutex *mutex, gint64 end)
{
    give(mutex);
    gboolean is_signalled = REAL(g_cond_wait_until)(cond, mutex, end);
    take(mutex);
    return is_signalled;
}

/// What the first one wrote is there for all.
gpointer(g_once_impl)(GOnce *once, GThreadFunc function, gpointer argument)
{
    gpointer value = REAL(g_once_impl)(once, function, argument);
    give(once);
    take(once);
    return value;
}

gboolean(g_atomic_ref_count_dec)(gatomicrefcount *refs)
{
    give(refs);
    gboolean is_last = REAL(g_atomic_ref_count_dec)(refs);
    take(refs);
    return is_last;
}

void(g_async_queue_push)(GAsyncQueue *queue, gpointer data)
{
    give(queue);
    REAL(g_async_queue_push)(queue, data);
}

gpointer(g_async_queue_pop)(GAsyncQueue *queue)
{
    gpointer data = REAL(g_async_queue_pop)(queue);
    take(queue);
    return data;
}

/// What another thread had the main loop do.
struct call {
    GSourceFunc function;
    gpointer data;
    GDestroyNotify destroy;
};

static gboolean run(gpointer data)
{
    const struct call *call = data;
    take(data);
    return call->function(call->data);
}

static void destroy(gpointer data)
{
    const struct call *call = data;
    if (call->destroy != NULL) {
        call->destroy(call->data);
    }
    g_free(data);
}

guint(g_idle_add_full)(gint priority, GSourceFunc function, gpointer data, GDestroyNotify notify)
{
    struct call *call = g_new(struct call, 1);
    *call = (struct call){function, data, notify};
    give(call);
    return REAL(g_idle_add_full)(priority, run, call, destroy);
}

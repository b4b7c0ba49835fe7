// SPDX-License-Identifier: LGPL-2.1-or-later
/// The calls that src/virt/watch.c has made for it in a thread of their own, one after the other.
#pragma once

#include "virt/conn.h"
#include "virt/news.h"

enum errand_kind {
    ERRAND_OPEN, ///< the connection, and events on it
    ERRAND_PING, ///< any call: it reads what has come
    ERRAND_TELL, ///< what happened, with the look at a guest that started
    ERRAND_LIST, ///< every guest that runs
    ERRAND_END,  ///< closes the connection; the thread ends
};

/// What is to be done, or was.
struct errand {
    enum errand_kind kind;
    struct watch_news news; ///< its strings are in `strings`
    GPtrArray *strings;     ///< owned
    bool has_news;
    bool is_last; ///< no more answers come to this errand
    char *lost;   ///< the connection is gone, and why; owned
    int fd;       ///< ERRAND_OPEN that did not fail: to be watched; -1: events come by themselves
};

/// What the thread goes by.
struct errands {
    const char *uri;
    GAsyncQueue *todo;                                 ///< struct errand *
    virConnectDomainEventCallback event;               ///< called on the main loop
    void *data;                                        ///< of both functions
    void (*answer)(void *data, struct errand *errand); ///< called in the thread; takes it
};

struct errand *errand_new(enum errand_kind kind);
void errand_free(struct errand *errand);

/// A copy of the text that lives as long as the errand; NULL for NULL.
const char *errand_keep(struct errand *errand, const char *text);

/// The news of a guest, as libvirt's event has them; false: none that is told.
bool errand_take_event(struct errand *errand, virDomainPtr domain, int event, int detail);

/// The thread's; its argument is a struct errands * that lives as long as the thread.
void *errand_run(void *errands);

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/errand.h"

#include "base/text.h"
#include "virt/quiet.h"

#include <libvirt/virterror.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct errand *errand_new(enum errand_kind kind)
{
    struct errand *errand = g_new0(struct errand, 1);
    errand->kind = kind;
    errand->strings = g_ptr_array_new_with_free_func(g_free);
    errand->is_last = true;
    errand->fd = -1;
    return errand;
}

void errand_free(struct errand *errand)
{
    g_ptr_array_unref(errand->strings);
    g_free(errand->lost);
    g_free(errand);
}

const char *errand_keep(struct errand *errand, const char *text)
{
    if (text == NULL) {
        return NULL;
    }
    char *copy = g_strdup(text);
    g_ptr_array_add(errand->strings, copy);
    return copy;
}

static const char *const started[] = {
    [VIR_DOMAIN_EVENT_STARTED_BOOTED] = "booted",
    [VIR_DOMAIN_EVENT_STARTED_MIGRATED] = "migrated",
    [VIR_DOMAIN_EVENT_STARTED_RESTORED] = "restored",
    [VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT] = "from-snapshot",
    [VIR_DOMAIN_EVENT_STARTED_WAKEUP] = "wakeup",
    NULL,
};
static const char *const stopped[] = {
    [VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN] = "shutdown",
    [VIR_DOMAIN_EVENT_STOPPED_DESTROYED] = "destroyed",
    [VIR_DOMAIN_EVENT_STOPPED_CRASHED] = "crashed",
    [VIR_DOMAIN_EVENT_STOPPED_MIGRATED] = "migrated",
    [VIR_DOMAIN_EVENT_STOPPED_SAVED] = "saved",
    [VIR_DOMAIN_EVENT_STOPPED_FAILED] = "failed",
    [VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT] = "from-snapshot",
    NULL,
};
static const char *const defined[] = {
    [VIR_DOMAIN_EVENT_DEFINED_ADDED] = "added",
    [VIR_DOMAIN_EVENT_DEFINED_UPDATED] = "updated",
    [VIR_DOMAIN_EVENT_DEFINED_RENAMED] = "renamed",
    [VIR_DOMAIN_EVENT_DEFINED_FROM_SNAPSHOT] = "from-snapshot",
    NULL,
};
static const char *const undefined[] = {
    [VIR_DOMAIN_EVENT_UNDEFINED_REMOVED] = "removed",
    [VIR_DOMAIN_EVENT_UNDEFINED_RENAMED] = "renamed",
    NULL,
};

/// Sources: virDomainEventType and the types of its details in libvirt-domain.h.
static const struct {
    enum watch_what what;
    const char *const *details;
} events[] = {
    [VIR_DOMAIN_EVENT_DEFINED] = {WATCH_DEFINED, defined},
    [VIR_DOMAIN_EVENT_UNDEFINED] = {WATCH_UNDEFINED, undefined},
    [VIR_DOMAIN_EVENT_STARTED] = {WATCH_STARTED, started},
    [VIR_DOMAIN_EVENT_STOPPED] = {WATCH_STOPPED, stopped},
};

/// Whose domain it is: uuid, name, number.
static bool take_domain(struct errand *errand, virDomainPtr domain)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    if (virDomainGetUUIDString(domain, uuid) != 0) {
        return false;
    }
    char *name = g_strdup(virDomainGetName(domain));
    unsigned number = virDomainGetID(domain);
    text_make_printable(name);
    g_ptr_array_add(errand->strings, name);
    errand->news.uuid = errand_keep(errand, uuid);
    errand->news.name = name;
    errand->news.number = number == UINT_MAX ? 0 : number;
    errand->has_news = true;
    return true;
}

bool errand_take_event(struct errand *errand, virDomainPtr domain, int event, int detail)
{
    if (event < 0 || (size_t)event >= G_N_ELEMENTS(events) || events[event].details == NULL ||
        !take_domain(errand, domain)) {
        return false;
    }
    const char *const *words = events[event].details;
    size_t count = g_strv_length((char **)words);
    errand->news.what = events[event].what;
    errand->news.at = g_get_real_time() / G_USEC_PER_SEC;
    // A newer libvirt may have more words.
    errand->news.how = detail >= 0 && (size_t)detail < count ? words[detail] : NULL;
    return true;
}

/// The `id` of the root of live XML, which an inactive guest's lacks; 0: it runs no longer.
static unsigned read_number(const char *xml)
{
    const char *root = strstr(xml, "<domain "), *end = root != NULL ? strchr(root, '>') : NULL;
    const char *id = root != NULL ? strstr(root, " id='") : NULL;
    return id != NULL && end != NULL && id < end ? (unsigned)strtoul(id + strlen(" id='"), NULL, 10)
                                                 : 0;
}

/// How the guest runs now, if it is the same start of it.
static void look(struct errand *errand, virDomainPtr domain)
{
    struct watch_news *news = &errand->news;
    static const char ended[] = "it had ended before it could be looked at";
    char *xml = domain != NULL ? virDomainGetXMLDesc(domain, 0) : NULL;
    if (xml == NULL) {
        g_autofree char *why = conn_get_complaint();
        bool is_gone = virGetLastErrorCode() == VIR_ERR_NO_DOMAIN;
        news->why = is_gone ? ended : errand_keep(errand, why);
        return;
    }
    // libvirt's strings are malloc()'s, and so are GLib's (since its 2.46).
    g_ptr_array_add(errand->strings, xml);
    unsigned number = read_number(xml);
    if (number == 0 || (news->number != 0 && news->number != number)) {
        news->why = ended;
        return;
    }
    news->number = number;
    news->xml = xml;
}

static void tell(struct errand *errand, const virt_conn *conn)
{
    if (errand->news.what != WATCH_STARTED) {
        return;
    }
    errand->news.qemu = conn_get_qemu(conn);
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(conn->handle, errand->news.uuid);
    look(errand, domain);
}

static void list(const struct errands *errands, struct errand *errand, const virt_conn *conn)
{
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(conn->handle, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    errand->news.what = WATCH_LISTED;
    errand->has_news = true;
    if (count < 0) {
        g_autofree char *why = conn_get_complaint();
        errand->news.why = errand_keep(errand, why);
        return;
    }
    for (int i = 0; i < count; i++) {
        struct errand *one = errand_new(ERRAND_LIST);
        one->is_last = false;
        one->news.what = WATCH_RUNNING;
        one->news.at = g_get_real_time() / G_USEC_PER_SEC;
        if (take_domain(one, domains[i])) {
            look(one, domains[i]);
            errands->answer(errands->data, one);
        } else {
            errand_free(one);
        }
        virDomainFree(domains[i]);
    }
    free(domains);
}

static int open_conn(const struct errands *errands, virt_conn **ret_conn, cpulift_error **err)
{
    g_autoptr(virt_conn) conn = NULL;
    // What hangs ends or goes on some day; a second attempt beside it would hang as well.
    TRY(conn_open(errands->uri, CONN_READ_ONLY, UINT_MAX, &conn, err));
    if (virConnectDomainEventRegisterAny(conn->handle, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(errands->event), errands->data,
                                         NULL) < 0) {
        return conn_fail(err, "cannot take events of", errands->uri);
    }
    *ret_conn = g_steal_pointer(&conn);
    return 0;
}

/// Sets `lost` where the connection is no longer there.
static void check(struct errand *errand, virt_conn **conn, bool has_failed)
{
    if (has_failed || virConnectIsAlive((*conn)->handle) != 1) {
        g_autofree char *why = conn_get_complaint();
        errand->lost = g_strdup_printf("the connection was lost: %s", why);
        g_clear_pointer(conn, conn_free);
    }
}

static void ping(struct errand *errand, virt_conn **conn)
{
    unsigned long version = 0;
    check(errand, conn, virConnectGetLibVersion((*conn)->handle, &version) != 0);
}

static void run_one(const struct errands *errands, struct errand *errand, virt_conn **conn)
{
    g_autoptr(cpulift_error) err = NULL;
    if (errand->kind == ERRAND_OPEN) {
        g_clear_pointer(conn, conn_free);
        (void)quiet_take_fd();
        if (open_conn(errands, conn, &err) != 0) {
            errand->lost = g_strdup(err->message);
        }
        errand->fd = *conn != NULL ? quiet_take_fd() : -1;
    } else if (*conn == NULL) {
        errand->news.why = "the connection to libvirt was lost before it could be looked at";
        errand->has_news = errand->kind != ERRAND_PING;
        errand->news.what = errand->kind == ERRAND_LIST ? WATCH_LISTED : errand->news.what;
    } else if (errand->kind == ERRAND_PING) {
        ping(errand, conn);
    } else {
        if (errand->kind == ERRAND_LIST) {
            list(errands, errand, *conn);
        } else {
            tell(errand, *conn);
        }
        check(errand, conn, false);
    }
}

void *errand_run(void *data)
{
    const struct errands *errands = data;
    virt_conn *conn = NULL;
    for (;;) {
        struct errand *errand = g_async_queue_pop(errands->todo);
        bool is_end = errand->kind == ERRAND_END;
        if (is_end) {
            g_clear_pointer(&conn, conn_free);
        } else {
            run_one(errands, errand, &conn);
        }
        errands->answer(errands->data, errand);
        if (is_end) {
            return NULL;
        }
    }
}

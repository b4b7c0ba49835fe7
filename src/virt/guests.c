// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/guests.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

static void free_domain(void *domain)
{
    virDomainFree(domain);
}

static int compare_names(const void *a, const void *b)
{
    const virDomainPtr *da = a, *db = b;
    return strcmp(virDomainGetName(*da), virDomainGetName(*db));
}

/// One that was shut down between the list and the look, or is gone wholly.
static bool has_ended(virDomainPtr domain)
{
    return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN || virDomainIsActive(domain) == 0;
}

static void add_one(json_t *guests, virDomainPtr domain)
{
    // libvirt's strings are malloc()'s, and so are GLib's (since its 2.46).
    g_autofree char *xml = virDomainGetXMLDesc(domain, 0);
    g_autofree char *said = xml == NULL ? conn_get_complaint() : NULL;
    if (xml == NULL && has_ended(domain)) {
        return;
    }
    g_autofree char *name = g_utf8_make_valid(virDomainGetName(domain), -1);
    g_autofree char *why = said != NULL || !g_utf8_validate(xml, -1, NULL)
                               ? g_utf8_make_valid(said != NULL ? said : "not UTF-8", -1)
                               : NULL;
    const char *shown = why == NULL ? xml : NULL;
    json_array_append_new(guests,
                          json_pack("{s:s, s:s*, s:s*}", "name", name, "xml", shown, "why", why));
}

int guests_read(const virt_conn *conn, json_t **ret_guests, cpulift_error **err)
{
    virDomainPtr *domains = NULL;
    int count = virConnectListAllDomains(conn->handle, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (count < 0) {
        return conn_fail(err, "cannot list the guests of", conn->uri);
    }
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(free_domain);
    for (int i = 0; i < count; i++) {
        g_ptr_array_add(all, domains[i]);
    }
    free(domains);
    g_ptr_array_sort(all, compare_names);
    json_t *guests = json_array();
    for (size_t i = 0; i < all->len; i++) {
        add_one(guests, all->pdata[i]);
    }
    *ret_guests = guests;
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/definitions.h"

#include <fnmatch.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

void definition_free(void *data)
{
    struct definition *definition = data;
    if (definition == NULL) {
        return;
    }
    g_free(definition->name);
    g_free(definition->uuid);
    g_free(definition->xml);
    g_free(definition->why);
    g_free(definition);
}

static int read_one(virDomainPtr domain, struct definition **ret_definition, cpulift_error **err)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    const char *name = virDomainGetName(domain);
    // libvirt's strings are malloc()'s, and so are GLib's (since its 2.46).
    g_autofree char *xml =
        virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
    if (xml == NULL || virDomainGetUUIDString(domain, uuid) != 0) {
        (void)conn_fail(err, "cannot read the definition of", name);
        return CPULIFT_EREMOTE;
    }
    struct definition *definition = g_new0(struct definition, 1);
    definition->name = g_strdup(name);
    definition->uuid = g_strdup(uuid);
    definition->xml = g_steal_pointer(&xml);
    definition->is_active = virDomainIsActive(domain) == 1;
    definition->has_saved_image = virDomainHasManagedSaveImage(domain, 0) == 1;
    definition->snapshots = (unsigned)MAX(0, virDomainSnapshotNum(domain, 0));
    *ret_definition = definition;
    return 0;
}

static void free_domain(void *domain)
{
    virDomainFree(domain);
}

static int compare_names(const void *a, const void *b)
{
    const struct definition *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/// One that cannot be read stops no other.
static void add_one(virDomainPtr domain, GPtrArray *found)
{
    struct definition *definition = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (read_one(domain, &definition, &err) != 0) {
        if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN) {
            return;
        }
        definition = g_new0(struct definition, 1);
        definition->name = g_strdup(virDomainGetName(domain));
        definition->uuid = g_strdup("");
        definition->why = g_strdup(err->message);
    }
    g_ptr_array_add(found, definition);
}

int definitions_read(const virt_conn *conn, const char *pattern, GPtrArray **ret_definitions,
                     cpulift_error **err)
{
    virDomainPtr *domains = NULL;
    int count =
        virConnectListAllDomains(conn->handle, &domains, VIR_CONNECT_LIST_DOMAINS_PERSISTENT);
    if (count < 0) {
        return conn_fail(err, "cannot list the domains of", conn->uri);
    }
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(definition_free);
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(free_domain);
    for (int i = 0; i < count; i++) {
        g_ptr_array_add(all, domains[i]);
    }
    free(domains);
    for (size_t i = 0; i < all->len; i++) {
        if (pattern == NULL || fnmatch(pattern, virDomainGetName(all->pdata[i]), 0) == 0) {
            add_one(all->pdata[i], found);
        }
    }
    TRY(conn_check(conn, err));
    g_ptr_array_sort(found, compare_names);
    *ret_definitions = g_steal_pointer(&found);
    return 0;
}

int definitions_find(const virt_conn *conn, const char *uuid, struct definition **ret_definition,
                     cpulift_error **err)
{
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(conn->handle, uuid);
    if (domain == NULL) {
        bool is_gone = virGetLastErrorCode() == VIR_ERR_NO_DOMAIN;
        (void)conn_fail(err, "cannot find the domain", uuid);
        return is_gone ? CPULIFT_EMISSING : CPULIFT_EREMOTE;
    }
    return read_one(domain, ret_definition, err);
}

int definitions_write(const virt_conn *conn, const char *uuid, const char *expected,
                      const char *xml, cpulift_error **err)
{
    g_autoptr(virt_definition) now = NULL;
    TRY(definitions_find(conn, uuid, &now, err));
    if (strcmp(now->xml, expected) != 0) {
        return cpulift_error_set(err, CPULIFT_ECONFLICT,
                                 "the definition of '%s' changed since it was read: run the "
                                 "command again",
                                 now->name);
    }
    g_autoptr(virDomain) defined = virDomainDefineXML(conn->handle, xml);
    return defined != NULL
               ? 0
               : conn_fail(err, "libvirt does not take the new definition of", now->name);
}

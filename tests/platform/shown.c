// SPDX-License-Identifier: LGPL-2.1-or-later
// Loaded before a program (LD_PRELOAD): a guest whose name ends in "-vanishing" ends just before
// its XML is asked for, and the XML of one that ends in "-strange" has a word that no libvirt knows
// yet.
#include <dlfcn.h>
#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

static int is_called(virDomainPtr domain, const char *end)
{
    const char *name = virDomainGetName(domain);
    return strlen(name) > strlen(end) && strcmp(name + strlen(name) - strlen(end), end) == 0;
}

char *virDomainGetXMLDesc(virDomainPtr domain, unsigned flags)
{
    char *(*real)(virDomainPtr, unsigned) = NULL;
    void *found = dlsym(RTLD_NEXT, "virDomainGetXMLDesc");
    memcpy(&real, &found, sizeof real); // POSIX's way from one to the other
    if (is_called(domain, "-vanishing")) {
        virDomainDestroy(domain);
    }
    char *xml = real(domain, flags);
    char *word = xml != NULL && is_called(domain, "-strange") ? strstr(xml, "policy='") : NULL;
    if (word != NULL) {
        memcpy(word + strlen("policy='"), "perhaps", strlen("perhaps"));
    }
    return xml;
}

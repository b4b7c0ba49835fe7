// SPDX-License-Identifier: LGPL-2.1-or-later
#include "target.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; // as the kernel follows

/// `target` as seen from the folder of `link`. The caller frees it.
static char *join(const char *link, const char *target)
{
    const char *slash = strrchr(link, '/');
    int folder = *target != '/' && slash != NULL ? (int)(slash + 1 - link) : 0;
    char *path = NULL;
    return asprintf(&path, "%.*s%s", folder, link, target) < 0 ? NULL : path;
}

char *target_find(const char *path)
{
    char *at = strdup(path), target[PATH_MAX];
    ssize_t len;
    for (int links = 0; at != NULL && (len = readlink(at, target, sizeof target - 1)) >= 0;
         links++) {
        target[len] = '\0';
        char *next = links < LINKS_MAX ? join(at, target) : NULL;
        errno = links < LINKS_MAX ? errno : ELOOP;
        free(at);
        at = next;
    }
    return at;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/leftover.h"

#include "base/jobs.h"
#include "virt/conn.h"

#include <libvirt/libvirt.h>

#define DESTROY_MS 5000
/// For the process itself, beyond what its connection may take.
#define GRACE_MS 5000

struct work {
    const char *const *uris;
    const char *name;
};

static char *destroy(void *data, size_t index)
{
    const struct work *work = data;
    g_autoptr(virt_conn) conn = NULL;
    if (conn_open(work->uris[index], CONN_FULL, DESTROY_MS, &conn, NULL) == 0) {
        virDomainPtr domain = virDomainLookupByName(conn->handle, work->name);
        if (domain != NULL) {
            virDomainDestroy(domain);
            virDomainFree(domain);
        }
    }
    return g_strdup("");
}

static void ignore_answer(void *data, size_t index, enum jobs_end end, const char *text, size_t len)
{
    (void)data, (void)index, (void)end, (void)text, (void)len;
}

void leftover_destroy(const char *const *uris, size_t count, const char *name)
{
    struct work work = {uris, name};
    struct jobs jobs = {.count = count,
                        .parallel = count,
                        .timeout_ms = DESTROY_MS + GRACE_MS,
                        .data = &work,
                        .work = destroy,
                        .done = ignore_answer};
    jobs_run(&jobs);
}

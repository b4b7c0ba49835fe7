// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/console.h"

#include "probe/collect.h"
#include "probe/live.h"

/// What virStreamRecv() returns where a stream that does not block has nothing yet.
#define NOTHING_YET (-2)
#define TURN_MS     10

/// The guest prints a few KiB some five times a second: asking again and again costs less than
/// libvirt's callbacks for streams, which come in a thread of its own.
static int receive(void *source, int timeout_ms, GString *text)
{
    char buffer[4096];
    int n = virStreamRecv(source, buffer, sizeof(buffer));
    for (int waited = 0; n == NOTHING_YET && waited < timeout_ms; waited += TURN_MS) {
        g_usleep(TURN_MS * G_TIME_SPAN_MILLISECOND);
        n = virStreamRecv(source, buffer, sizeof(buffer));
    }
    if (n > 0) {
        g_string_append_len(text, buffer, n);
    }
    return n > 0 ? 1 : n == NOTHING_YET ? 0 : -1;
}

int console_read(const virt_conn *conn, virDomainPtr domain, gint64 end, probe_run *run,
                 cpulift_error **err)
{
    virStreamPtr stream = virStreamNew(conn->handle, VIR_STREAM_NONBLOCK);
    if (stream == NULL ||
        virDomainOpenConsole(domain, NULL, stream, VIR_DOMAIN_CONSOLE_FORCE) != 0) {
        int rc = conn_fail(err, "cannot open the probe guest's console at", conn->uri);
        g_clear_pointer(&stream, virStreamFree);
        return rc;
    }
    GString *text = g_string_new(NULL);
    struct collect collect = {receive, stream, end, live_find_stop, domain};
    collect_read(&collect, text, &run->hang);
    run->len = text->len;
    run->text = g_string_free(text, FALSE);
    virStreamAbort(stream);
    virStreamFree(stream);
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/console.h"

#include "probe/collect.h"
#include "probe/live.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/virterror.h>
#include <unistd.h>

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

static void collect(struct collect *how, probe_run *run)
{
    GString *text = g_string_new(NULL);
    collect_read(how, text, &run->hang);
    run->len = text->len;
    run->text = g_string_free(text, FALSE);
}

int console_read(const virt_conn *conn, virDomainPtr domain, gint64 end, probe_run *run,
                 cpulift_error **err)
{
    virStreamPtr stream = virStreamNew(conn->handle, VIR_STREAM_NONBLOCK);
    if (stream == NULL ||
        virDomainOpenConsole(domain, NULL, stream, VIR_DOMAIN_CONSOLE_FORCE) != 0) {
        g_clear_pointer(&stream, virStreamFree);
        g_autofree char *why = conn_get_complaint();
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "cannot open the probe guest's console at '%s': %s", conn->uri,
                                 why);
    }
    struct collect how = {collect_get_end(NULL), receive, stream, end, live_find_stop, domain};
    collect(&how, run);
    virStreamAbort(stream);
    virStreamFree(stream);
    return 0;
}

static int receive_file(void *source, int timeout_ms, GString *text)
{
    const int *fd = source;
    char buffer[4096];
    ssize_t n = read(*fd, buffer, sizeof(buffer));
    for (int waited = 0; n == 0 && waited < timeout_ms; waited += TURN_MS) {
        g_usleep(TURN_MS * G_TIME_SPAN_MILLISECOND);
        n = read(*fd, buffer, sizeof(buffer));
    }
    if (n > 0) {
        g_string_append_len(text, buffer, n);
    }
    return n > 0 ? 1 : n == 0 ? 0 : -1;
}

int console_read_file(const char *path, virDomainPtr domain, gint64 end, probe_run *run,
                      cpulift_error **err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || lseek(fd, 0, SEEK_END) < 0) {
        int rc = cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot read '%s': %s", path,
                                   g_strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    struct collect how = {collect_get_end(NULL), receive_file, &fd, end, live_find_stop, domain};
    collect(&how, run);
    close(fd);
    return 0;
}

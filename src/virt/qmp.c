// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/qmp.h"

#include "base/json.h"
#include "virt/emulator.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct qmp {
    char *name; ///< of the program
    struct emulator emulator;
    bool is_started;
    int link;         ///< our end of the socket that is its standard input and output
    gint64 end;       ///< monotonic time in µs
    GString *pending; ///< what was read beyond the last line
};

static int spawn(qmp *session, const char *const *argv, cpulift_error **err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot run '%s': %s", argv[0],
                                 g_strerror(errno));
    }
    session->link = ends[0];
    int rc = emulator_start(argv, ends[1], ends[1], &session->emulator, err);
    session->is_started = rc == 0;
    close(ends[1]);
    return rc;
}

int qmp_start(const char *emulator, const char *machine, const char *accelerator,
              unsigned timeout_ms, qmp **ret_qmp, cpulift_error **err)
{
    g_autofree char *machine_option = g_strdup_printf("%s,accel=%s", machine, accelerator);
    const char *const argv[] = {emulator,     "-S",       "-no-user-config", "-nodefaults",
                                "-nographic", "-machine", machine_option,    "-qmp",
                                "stdio",      NULL};
    g_autoptr(qmp) session = g_new0(qmp, 1);
    session->name = g_strdup(emulator);
    session->pending = g_string_new(NULL);
    session->end = g_get_monotonic_time() + (gint64)timeout_ms * G_TIME_SPAN_MILLISECOND;
    session->link = -1;
    TRY(spawn(session, argv, err));
    TRY(qmp_execute(session, "qmp_capabilities", NULL, NULL, err));
    *ret_qmp = g_steal_pointer(&session);
    return 0;
}

void qmp_free(qmp *session)
{
    if (session == NULL) {
        return;
    }
    if (session->is_started) {
        emulator_stop(&session->emulator);
    }
    if (session->link >= 0) {
        close(session->link);
    }
    g_string_free(session->pending, TRUE);
    g_free(session->name);
    g_free(session);
}

int qmp_parse_line(const char *line, size_t len, json_t **ret_answer, cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    TRY(json_parse_foreign(line, len, "QEMU's answer", &json, err));
    json_t *answer = json_object_get(json, "return");
    json_t *refusal = json_object_get(json, "error");
    if (refusal != NULL) {
        const char *why = json_get_string(refusal, "desc");
        return cpulift_error_set(err, CPULIFT_EREMOTE, "QEMU refuses: %s",
                                 why != NULL ? why : "no reason given");
    }
    if (answer == NULL && json_object_get(json, "QMP") == NULL &&
        json_object_get(json, "event") == NULL) {
        return cpulift_error_set(err, CPULIFT_EREMOTE,
                                 "QEMU sent something that is neither answer nor event");
    }
    *ret_answer = json_incref(answer);
    return 0;
}

/// Waits until QEMU can be read from (or written to), or the session's time is over.
static int wait_ready(const qmp *session, short events, cpulift_error **err)
{
    for (;;) {
        gint64 left_ms = (session->end - g_get_monotonic_time()) / 1000;
        struct pollfd wait = {.fd = session->link, .events = events};
        int n = left_ms > 0 ? poll(&wait, 1, (int)MIN(left_ms, G_MAXINT)) : 0;
        if (n > 0) {
            return 0;
        }
        if (n == 0) {
            return cpulift_error_set(err, CPULIFT_EREMOTE, "'%s' did not answer in time",
                                     session->name);
        }
        if (errno != EINTR) {
            return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot wait for '%s': %s",
                                     session->name, g_strerror(errno));
        }
    }
}

/// QEMU went away: its own last words say why.
static int fail_ended(const qmp *session, cpulift_error **err)
{
    g_autofree char *why = emulator_get_complaint(&session->emulator);
    return cpulift_error_set(err, CPULIFT_EREMOTE, "'%s' ended early: %s", session->name, why);
}

static int read_more(qmp *session, cpulift_error **err)
{
    char chunk[16384];
    TRY(wait_ready(session, POLLIN, err));
    ssize_t n = recv(session->link, chunk, sizeof(chunk), 0);
    if (n == 0 || (n < 0 && errno != EINTR)) {
        return fail_ended(session, err);
    }
    g_string_append_len(session->pending, chunk, MAX(n, 0));
    if (session->pending->len > QMP_LINE_MAX) {
        return cpulift_error_set(err, CPULIFT_EREMOTE, "'%s' sent more than %zu MiB at once",
                                 session->name, QMP_LINE_MAX >> 20);
    }
    return 0;
}

/// Reads lines until one is the answer to the command.
static int read_answer(qmp *session, json_t **ret_answer, cpulift_error **err)
{
    g_autoptr(json_t) answer = NULL;
    while (answer == NULL) {
        char *end = strchr(session->pending->str, '\n');
        if (end == NULL) {
            TRY(read_more(session, err));
            continue;
        }
        size_t len = (size_t)(end - session->pending->str);
        int rc = qmp_parse_line(session->pending->str, len, &answer, err);
        g_string_erase(session->pending, 0, (gssize)len + 1);
        TRY(rc);
    }
    if (ret_answer != NULL) {
        *ret_answer = g_steal_pointer(&answer);
    }
    return 0;
}

int qmp_execute(qmp *session, const char *command, json_t *arguments, json_t **ret_answer,
                cpulift_error **err)
{
    g_autoptr(json_t) request =
        json_pack("{s:s, s:o*}", "execute", command, "arguments", arguments);
    g_autofree char *line = json_format_line(request);
    size_t len = strlen(line);
    TRY(wait_ready(session, POLLOUT, err));
    // A command is far shorter than what a socket takes at once.
    if (send(session->link, line, len, MSG_NOSIGNAL) != (ssize_t)len) {
        return fail_ended(session, err);
    }
    return read_answer(session, ret_answer, err);
}

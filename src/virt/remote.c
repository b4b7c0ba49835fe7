// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/remote.h"

#include "base/auto.h"
#include "virt/emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/// How long ssh may take to end once it has closed its output.
#define END_MS 2000

/// A name or address that ssh cannot take for an option, nor a shell of its own for more.
static bool is_word(const char *text)
{
    static const char allowed[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-:";
    return text != NULL && *text != '\0' && *text != '-' && strlen(text) <= 255 &&
           text[strspn(text, allowed)] == '\0';
}

int remote_get_argv(const char *uri, unsigned timeout_ms, char ***ret_argv, cpulift_error **err)
{
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_HAS_PASSWORD, NULL);
    const char *server = parsed != NULL ? g_uri_get_host(parsed) : NULL;
    bool is_ssh = parsed != NULL && g_str_has_suffix(g_uri_get_scheme(parsed), "ssh");
    const char *user = is_ssh ? g_uri_get_user(parsed) : NULL;
    int port = is_ssh ? g_uri_get_port(parsed) : -1;
    if (!is_word(server) || (user != NULL && !is_word(user))) {
        return cpulift_error_set(err, CPULIFT_EUSAGE,
                                 "'%s' names no machine that ssh could ask; for --via ssh write "
                                 "qemu+ssh://USER@HOST/system",
                                 uri);
    }
    GStrvBuilder *argv = g_strv_builder_new();
    g_autofree char *wait = g_strdup_printf("ConnectTimeout=%u", MAX(timeout_ms / 1000, 1U));
    g_autofree char *number = g_strdup_printf("%d", port);
    g_strv_builder_add_many(argv, "ssh", "-T", "-o", "BatchMode=yes", "-o", wait, NULL);
    if (user != NULL) {
        g_strv_builder_add_many(argv, "-l", user, NULL);
    }
    if (port > 0) {
        g_strv_builder_add_many(argv, "-p", number, NULL);
    }
    g_strv_builder_add_many(argv, "--", server, sysfs_command, NULL);
    *ret_argv = g_strv_builder_end(argv);
    g_strv_builder_unref(argv);
    return 0;
}

/// What ssh prints until it closes its output, one byte more than is taken at most.
static int collect(int fd, gint64 end, const char *name, GString *text, cpulift_error **err)
{
    char buffer[4096];
    ssize_t n = 1;
    while (n != 0 && text->len <= SYSFS_TEXT_MAX) {
        gint64 left = (end - g_get_monotonic_time()) / G_TIME_SPAN_MILLISECOND;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = left > 0 ? poll(&wait, 1, (int)MIN(left, G_MAXINT)) : 0;
        if (ready == 0) {
            return cpulift_error_set(err, CPULIFT_EREMOTE, "'%s' did not answer over ssh in time",
                                     name);
        }
        n = ready > 0 ? read(fd, buffer, sizeof(buffer)) : ready;
        if (n < 0 && errno != EINTR) {
            return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot read what '%s' says: %s", name,
                                     g_strerror(errno));
        }
        g_string_append_len(text, buffer, MAX(n, 0));
    }
    return 0;
}

static int take(struct emulator *ssh, int fd, gint64 end, const char *name, cpulift_host *host,
                cpulift_error **err)
{
    g_autoptr(GString) text = g_string_new(NULL);
    TRY(collect(fd, end, name, text, err));
    int status = text->len <= SYSFS_TEXT_MAX ? emulator_wait(ssh, END_MS) : 0;
    // grep's 1 and 2 say that some file was not there; ssh's own trouble is 255.
    if (text->len == 0 || status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) == 255) {
        g_autofree char *complaint = emulator_get_complaint(ssh);
        return cpulift_error_set(err, CPULIFT_EREMOTE, "cannot ask '%s' over ssh: %s", name,
                                 complaint);
    }
    return sysfs_parse(text->str, text->len, name, host, err);
}

int remote_read(const char *uri, const char *name, unsigned timeout_ms, cpulift_host *host,
                cpulift_error **err)
{
    gint64 end = g_get_monotonic_time() + (gint64)timeout_ms * G_TIME_SPAN_MILLISECOND;
    g_auto(GStrv) argv = NULL;
    int fds[2];
    struct emulator ssh;
    TRY(remote_get_argv(uri, timeout_ms, &argv, err));
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make a pipe: %s", g_strerror(errno));
    }
    int rc = emulator_start((const char *const *)argv, -1, fds[1], &ssh, err);
    close(fds[1]);
    if (rc == 0) {
        rc = take(&ssh, fds[0], end, name, host, err);
        emulator_stop(&ssh);
    }
    close(fds[0]);
    return rc;
}

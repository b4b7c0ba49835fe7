// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fake_http.h"

#include "base/auto.h"

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/// Up to the end of the headers, of a small request that is all.
static void read_request(int fd)
{
    char bytes[8192];
    size_t len = 0;
    bytes[0] = '\0';
    while (len < sizeof bytes - 1 && strstr(bytes, "\r\n\r\n") == NULL) {
        ssize_t got = read(fd, bytes + len, sizeof bytes - 1 - len);
        if (got <= 0) {
            return;
        }
        len += (size_t)got;
        bytes[len] = '\0';
    }
}

static void write_all(int fd, const char *text)
{
    size_t len = strlen(text), done = 0;
    while (done < len) {
        ssize_t put = send(fd, text + done, len - done, MSG_NOSIGNAL);
        if (put <= 0) {
            return;
        }
        done += (size_t)put;
    }
}

static void serve(int listener, const char *const *texts, size_t count, bool is_hanging)
{
    for (size_t i = 0;; i++) {
        int fd = accept(listener, NULL, NULL);
        const char *text = texts[i < count ? i : count - 1];
        if (fd < 0) {
            _exit(1);
        }
        if (text != NULL) {
            read_request(fd);
            write_all(fd, text);
        }
        if (!is_hanging || text == NULL) {
            shutdown(fd, SHUT_WR);
            close(fd);
        }
    }
}

struct fake_http fake_http_start(const char *const *texts, size_t count, bool is_hanging)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof place;
    autoclose int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert(bind(listener, (const struct sockaddr *)&place, sizeof place) == 0);
    g_assert(listen(listener, 16) == 0);
    g_assert(getsockname(listener, (struct sockaddr *)&place, &len) == 0);
    pid_t pid = fork();
    g_assert(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener, texts, count, is_hanging);
    }
    return (struct fake_http){ntohs(place.sin_port), pid};
}

void fake_http_stop(struct fake_http *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

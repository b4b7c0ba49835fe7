// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/listen.h"

#include "base/auto.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define UNIX_PREFIX "unix:"
#define QUEUE       1024

bool listen_is_unix(const char *address)
{
    return g_str_has_prefix(address, UNIX_PREFIX);
}

static int fail(cpulift_error **err, const char *address)
{
    // systemd makes the default's folder; who starts the agent by hand has none.
    bool is_folder = errno == ENOENT && listen_is_unix(address);
    return cpulift_error_set(
        err, CPULIFT_ESYSTEM, "cannot listen on '%s': %s%s", address, g_strerror(errno),
        is_folder ? "; make its folder, or name another with [http] listen" : "");
}

/// A socket that was left by one that was killed refuses to be connected to.
static bool is_abandoned(const struct sockaddr_un *name)
{
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)name, sizeof *name) != 0 &&
           errno == ECONNREFUSED;
}

static int check_path(const char *address, cpulift_error **err)
{
    const size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path;
    const char *path = address + strlen(UNIX_PREFIX);
    return *path == '/' && strlen(path) < max
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "cannot listen on '%s': the path must begin with '/' and be "
                                   "shorter than %zu bytes",
                                   address, max);
}

static int open_unix(const struct listen_place *place, int fd, cpulift_error **err)
{
    const char *path = place->address + strlen(UNIX_PREFIX);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct stat st;
    g_strlcpy(name.sun_path, path, sizeof name.sun_path);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && is_abandoned(&name)) {
        (void)unlink(path);
    }
    // Between bind() and chmod() nobody may come in who may not afterwards.
    mode_t before = umask(0777);
    int rc = bind(fd, (const struct sockaddr *)&name, sizeof name);
    umask(before);
    return rc == 0 && chmod(path, place->mode) == 0 ? 0 : fail(err, place->address);
}

/// "127.0.0.1:9177" or "[::1]:9177"; names are not looked up.
static bool parse_address(const char *address, struct sockaddr_storage *name, bool *is_loopback)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)name;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)name;
    const char *colon = strrchr(address, ':');
    guint64 port = 0;
    if (colon == NULL || !text_to_uint(colon + 1, G_MAXUINT16, &port) || port == 0) {
        return false;
    }
    bool is_v6 = *address == '[' && colon > address + 1 && colon[-1] == ']';
    g_autofree char *host = is_v6 ? g_strndup(address + 1, (size_t)(colon - address) - 2)
                                  : g_strndup(address, (size_t)(colon - address));
    if (is_v6 && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((guint16)port);
        *is_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        return true;
    }
    if (!is_v6 && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((guint16)port);
        *is_loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    return false;
}

static int open_inet(const struct listen_place *place, const struct sockaddr_storage *name, int fd,
                     cpulift_error **err)
{
    const int on = 1;
    socklen_t len =
        name->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (name->ss_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    return bind(fd, (const struct sockaddr *)name, len) == 0 ? 0 : fail(err, place->address);
}

static int read_address(const char *address, struct sockaddr_storage *name, bool *is_loopback,
                        cpulift_error **err)
{
    if (listen_is_unix(address)) {
        name->ss_family = AF_UNIX;
        *is_loopback = true;
        return check_path(address, err);
    }
    return parse_address(address, name, is_loopback)
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "cannot listen on '%s': it is none of unix:PATH, ADDRESS:PORT "
                                   "and [ADDRESS]:PORT",
                                   address);
}

int listen_check(const char *address, bool *ret_is_loopback, cpulift_error **err)
{
    struct sockaddr_storage name = {0};
    return read_address(address, &name, ret_is_loopback, err);
}

int listen_open(const struct listen_place *place, int *ret_fd, bool *ret_is_loopback,
                cpulift_error **err)
{
    struct sockaddr_storage name = {0};
    bool is_loopback = false;
    TRY(read_address(place->address, &name, &is_loopback, err));
    autoclose int fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail(err, place->address);
    }
    TRY(name.ss_family == AF_UNIX ? open_unix(place, fd, err) : open_inet(place, &name, fd, err));
    if (listen(fd, QUEUE) != 0) {
        return fail(err, place->address);
    }
    *ret_fd = auto_steal(&fd);
    *ret_is_loopback = is_loopback;
    return 0;
}

void listen_remove(const char *address)
{
    if (listen_is_unix(address)) {
        (void)unlink(address + strlen(UNIX_PREFIX));
    }
}

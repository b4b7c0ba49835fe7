// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/server.h"

#include "agent/listen.h"
#include "agent/secure.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <errno.h>
#include <glib-unix.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

/// How long nobody is let in where it failed.
#define REST_MS 200

/// One address.
struct gate {
    agent_server *server;
    char *address;
    bool is_secure;
    struct MHD_Daemon *daemon;
    guint source, timer; ///< `source` waits for somebody, or rests
    guint64 let_in;
};

struct server {
    const struct server_route *routes;
    void *data;
    GPtrArray *gates;
    guint64 good, refused, failed;
    struct secure *secure; ///< NULL: no TLS
};

/// One connection, and for how long it has been there.
struct link {
    const struct gate *gate;
    int fd;
    guint timer;
    unsigned seconds;
};

static unsigned count_connections(const struct gate *gate)
{
    return MHD_get_daemon_info(gate->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/// Who is slow is cut off in the end; at once where others may have to wait for him: an answer
/// takes no second.
static gboolean cut_late(void *data)
{
    struct link *link = data;
    if (++link->seconds < SERVER_SECONDS && count_connections(link->gate) < SERVER_CONNECTIONS) {
        return G_SOURCE_CONTINUE;
    }
    link->timer = 0;
    (void)shutdown(link->fd, SHUT_RDWR);
    return G_SOURCE_REMOVE;
}

static void notice(void *data, struct MHD_Connection *connection, void **context,
                   enum MHD_ConnectionNotificationCode code)
{
    struct gate *gate = data;
    struct link *link = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        gate->let_in++;
        link = g_new0(struct link, 1);
        link->fd =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        link->gate = gate;
        link->timer = g_timeout_add_seconds(1, cut_late, link);
        *context = link;
        return;
    }
    if (link != NULL && link->timer != 0) {
        g_source_remove(link->timer);
    }
    g_free(link);
    *context = NULL;
}

static char *format_error(const char *why)
{
    g_autoptr(json_t) json = json_pack("{s:s}", "error", why);
    return json_format_line(json);
}

static void refuse(struct server_answer *answer, unsigned status, const char *why)
{
    *answer = (struct server_answer){status, "application/json", format_error(why)};
}

static enum MHD_Result send_answer(agent_server *self, struct MHD_Connection *connection,
                                   const struct server_answer *answer)
{
    guint64 *count = answer->status < 400   ? &self->good
                     : answer->status < 500 ? &self->refused
                                            : &self->failed;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(answer->body), answer->body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        g_free(answer->body);
        return MHD_NO;
    }
    (*count)++;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result rc = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return rc;
}

static const char *get_argument(const void *request, const char *argument)
{
    return MHD_lookup_connection_value((struct MHD_Connection *)request, MHD_GET_ARGUMENT_KIND,
                                       argument);
}

/// What of a query is wrong.
struct query {
    const struct server_route *route;
    GHashTable *seen;
    char *why; ///< NULL: nothing
};

static enum MHD_Result check_argument(void *data, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    (void)kind;
    struct query *query = data;
    static const char *const none[] = {NULL};
    const char *const *known = query->route->arguments != NULL ? query->route->arguments : none;
    if (!g_strv_contains(known, name)) {
        query->why = g_strdup_printf("'%s' is no argument of '%s'", name, query->route->path);
    } else if (value == NULL) {
        query->why = g_strdup_printf("argument '%s' has no value", name);
    } else if (!g_hash_table_add(query->seen, (void *)name)) {
        query->why = g_strdup_printf("argument '%s' stands twice", name);
    }
    return query->why == NULL ? MHD_YES : MHD_NO;
}

/// What is wrong with the query, as the caller's; NULL: nothing.
static char *check_query(struct MHD_Connection *connection, const struct server_route *route)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    struct query query = {route, seen, NULL};
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, check_argument, &query);
    if (query.why != NULL) {
        text_make_printable(query.why);
    }
    return query.why;
}

static void route(agent_server *self, struct MHD_Connection *connection, const char *path,
                  struct server_answer *answer)
{
    for (const struct server_route *route = self->routes; route->path != NULL; route++) {
        if (strcmp(route->path, path) == 0) {
            g_autofree char *why = check_query(connection, route);
            if (why != NULL) {
                refuse(answer, MHD_HTTP_BAD_REQUEST, why);
            } else {
                route->answer(self->data, get_argument, connection, answer);
            }
            return;
        }
    }
    refuse(answer, MHD_HTTP_NOT_FOUND, "there is nothing at this path; see cpuliftd(8)");
}

/// Why the request is refused before its path is looked at; 0: it is not.
static unsigned check_request(const struct gate *gate, struct MHD_Connection *connection,
                              const char *method, const char **ret_why)
{
    if (gate->is_secure && !secure_is_client(connection)) {
        *ret_why = "a client needs a certificate that this agent's authorities signed, "
                   "and that is valid by this host's clock";
        return MHD_HTTP_FORBIDDEN;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        *ret_why = "only GET is understood";
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    }
    const char *len =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    bool has_body = (len != NULL && strcmp(len, "0") != 0) ||
                    MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
    *ret_why = "a request has no body here";
    return has_body ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

/// Called when the headers are there, and once more when all is. What is refused is so at once, and
/// its body not read.
static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *body,
                              size_t *body_len, void **context)
{
    (void)version;
    (void)body;
    (void)body_len;
    static char is_seen;
    const struct gate *gate = data;
    struct server_answer answer = {0};
    const char *why = NULL;
    if (*context != NULL) {
        route(gate->server, connection, path, &answer);
        return send_answer(gate->server, connection, &answer);
    }
    *context = &is_seen;
    unsigned status = check_request(gate, connection, method, &why);
    if (status == 0) {
        return MHD_YES;
    }
    refuse(&answer, status, why);
    return send_answer(gate->server, connection, &answer);
}

static void arm(struct gate *gate);

/// Who waited while it was full, or had no descriptor for him, is let in by the run after the one
/// in which others left.
static void run(struct gate *gate)
{
    unsigned before = 0;
    do {
        before = count_connections(gate);
        MHD_run(gate->daemon);
    } while (count_connections(gate) < before);
    arm(gate);
}

static gboolean run_late(void *data)
{
    struct gate *gate = data;
    gate->timer = 0;
    run(gate);
    return G_SOURCE_REMOVE;
}

/// Only while somebody is connected there is something to wait for.
static void arm(struct gate *gate)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (gate->timer != 0) {
        g_source_remove(gate->timer);
        gate->timer = 0;
    }
    if (MHD_get_timeout(gate->daemon, &ms) == MHD_YES) {
        gate->timer = g_timeout_add((guint)MIN(ms, 60000), run_late, gate);
    }
}

static void listen_again(struct gate *gate);

static gboolean stop_resting(void *data)
{
    listen_again(data);
    return G_SOURCE_REMOVE;
}

/// Who knocks and is not let in, for want of a descriptor or of memory, goes on knocking. While
/// others are inside libmicrohttpd waits for one of them to leave; else it would try without end.
static gboolean run_now(int fd, GIOCondition condition, void *data)
{
    (void)fd;
    (void)condition;
    struct gate *gate = data;
    bool is_empty = count_connections(gate) == 0;
    guint64 before = gate->let_in;
    run(gate);
    if (!is_empty || gate->let_in > before) {
        return G_SOURCE_CONTINUE;
    }
    gate->source = g_timeout_add(REST_MS, stop_resting, gate);
    return G_SOURCE_REMOVE;
}

static void listen_again(struct gate *gate)
{
    int epoll = MHD_get_daemon_info(gate->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    gate->source = g_unix_fd_add(epoll, G_IO_IN, run_now, gate);
}

static void free_gate(void *data)
{
    struct gate *gate = data;
    if (gate->source != 0) {
        g_source_remove(gate->source);
    }
    if (gate->timer != 0) {
        g_source_remove(gate->timer);
    }
    if (gate->daemon != NULL) {
        MHD_stop_daemon(gate->daemon);
        listen_remove(gate->address);
    }
    g_free(gate->address);
    g_free(gate);
}

/// Takes the socket.
static int start(struct gate *gate, int fd, cpulift_error **err)
{
    struct MHD_OptionItem none = {MHD_OPTION_END, 0, NULL}, tls[4] = {none, none, none, none};
    unsigned flags = MHD_USE_EPOLL;
    if (gate->is_secure) {
        flags |= MHD_USE_TLS;
        secure_get_options(gate->server->secure, tls);
    }
    errno = 0;
    gate->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, gate, MHD_OPTION_LISTEN_SOCKET,
                                    fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVER_CONNECTIONS,
                                    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVER_SILENCE,
                                    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_REQUEST_MAX,
                                    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
                                    notice, gate, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (gate->daemon == NULL) {
        int why = errno;
        close(fd);
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot serve HTTP on '%s'%s%s",
                                 gate->address,
                                 why != 0          ? ": "
                                 : gate->is_secure ? "; "
                                                   : "",
                                 why != 0          ? g_strerror(why)
                                 : gate->is_secure ? "do certificate and key belong together?"
                                                   : "");
    }
    listen_again(gate);
    return 0;
}

/// What of an address is wrong before it is opened.
static int check_gate(const char *address, bool has_tls, cpulift_error **err)
{
    bool is_loopback = false;
    TRY(listen_check(address, &is_loopback, err));
    return is_loopback || has_tls
               ? 0
               : cpulift_error_set(err, CPULIFT_EREFUSED,
                                   "'%s' can be reached from other machines: give [http] "
                                   "certificate, key and clients, or listen on 127.0.0.1",
                                   address);
}

static int add_gate(agent_server *self, const char *address, unsigned mode, cpulift_error **err)
{
    const struct listen_place place = {address, mode};
    bool is_loopback = false;
    int fd = -1;
    TRY(check_gate(address, self->secure != NULL, err));
    TRY(listen_open(&place, &fd, &is_loopback, err));
    struct gate *gate = g_new0(struct gate, 1);
    gate->server = self;
    gate->address = g_strdup(address);
    gate->is_secure = self->secure != NULL && !listen_is_unix(address);
    g_ptr_array_add(self->gates, gate);
    return start(gate, fd, err);
}

static int read_mode(const agent_settings *settings, unsigned *ret_mode, cpulift_error **err)
{
    char *end = NULL;
    guint64 mode = g_ascii_strtoull(settings->http_mode, &end, 8);
    *ret_mode = (unsigned)mode;
    return *end == '\0' && mode <= 0777
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "key 'mode': '%s' are no permissions; write 0660 or the like",
                                   settings->http_mode);
}

static char **split_addresses(const agent_settings *settings)
{
    return g_strsplit_set(settings->http_listen, " \t", -1);
}

int server_check(const agent_settings *settings, cpulift_error **err)
{
    unsigned mode = 0;
    struct secure *tls = NULL;
    g_auto(GStrv) addresses = split_addresses(settings);
    TRY(read_mode(settings, &mode, err));
    TRY(secure_load(settings, &tls, err));
    bool has_tls = tls != NULL;
    secure_free(tls);
    for (char **address = addresses; *address != NULL; address++) {
        TRY(**address != '\0' ? check_gate(*address, has_tls, err) : 0);
    }
    return 0;
}

int server_open(const agent_settings *settings, const struct server_route *routes, void *data,
                agent_server **ret_server, cpulift_error **err)
{
    unsigned mode = 0;
    g_autoptr(agent_server) self = g_new0(agent_server, 1);
    self->routes = routes;
    self->data = data;
    self->gates = g_ptr_array_new_with_free_func(free_gate);
    g_auto(GStrv) addresses = split_addresses(settings);
    TRY(read_mode(settings, &mode, err));
    TRY(secure_load(settings, &self->secure, err));
    for (char **address = addresses; *address != NULL; address++) {
        TRY(**address != '\0' ? add_gate(self, *address, mode, err) : 0);
    }
    *ret_server = g_steal_pointer(&self);
    return 0;
}

void server_count(const agent_server *self, guint64 *ret_good, guint64 *ret_refused,
                  guint64 *ret_failed)
{
    *ret_good = self->good;
    *ret_refused = self->refused;
    *ret_failed = self->failed;
}

void server_close(agent_server *self)
{
    if (self != NULL) {
        g_ptr_array_unref(self->gates);
        secure_free(self->secure);
        g_free(self);
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/address.h"

#include "base/text.h"

#include <stddef.h>
#include <string.h>

#define ETCD_PORT    2379
#define MEMBERS_MAX  16
#define SOCKET_MAX   107 // what sockaddr_un has room for
#define PORT_MAX     65535
#define PLAN_PART    "/plan"
#define FORM_OF_ETCD "write etcd://HOST:PORT[,HOST:PORT]/PREFIX, or etcds:// for TLS"
#define FORM_OF_AGENT                                                                              \
    "write https://HOST:PORT, http+unix:///PATH or, on this machine, http://127.0.0.1:PORT"

static const struct scheme {
    const char *begin;
    const char *transport; ///< of the URLs
    bool is_etcd, is_socket;
} schemes[] = {
    {"etcd://", "http", .is_etcd = true},        {"etcds://", "https", .is_etcd = true},
    {"http+unix://", "http", .is_socket = true}, {"http://", .transport = "http"},
    {"https://", .transport = "https"},
};

static const struct scheme *find_scheme(const char *text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++) {
        if (g_str_has_prefix(text, schemes[i].begin)) {
            return &schemes[i];
        }
    }
    return NULL;
}

bool address_is(const char *text)
{
    return find_scheme(text) != NULL;
}

/// A name of the DNS, an IPv4 address, or an IPv6 one between brackets.
static bool is_server(const char *name)
{
    size_t len = strlen(name);
    if (name[0] != '[') {
        return len > 0 && len < 254 && name[0] != '-' &&
               strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-.") == len;
    }
    g_autofree char *inner = len > 2 ? g_strndup(name + 1, len - 2) : NULL;
    return inner != NULL && name[len - 1] == ']' && g_hostname_is_ip_address(inner) &&
           strchr(inner, '%') == NULL;
}

static bool is_loopback(const char *server)
{
    return strcmp(server, "localhost") == 0 || strcmp(server, "[::1]") == 0 ||
           (g_str_has_prefix(server, "127.") && g_hostname_is_ip_address(server));
}

/// "HOST:PORT" as a URL, for etcd "HOST" too; NULL where it is neither.
static char *format_url(const char *member, const struct scheme *scheme, bool *is_clear)
{
    const char *bracket = strrchr(member, ']');
    const char *colon = strchr(bracket != NULL ? bracket : member, ':');
    g_autofree char *server =
        colon != NULL ? g_strndup(member, (size_t)(colon - member)) : g_strdup(member);
    guint64 port = scheme->is_etcd ? ETCD_PORT : 0;
    if (!is_server(server) ||
        (colon != NULL && (colon[1 + strspn(colon + 1, G_CSET_DIGITS)] != '\0' ||
                           !text_to_uint(colon + 1, PORT_MAX, &port))) ||
        port == 0) {
        return NULL;
    }
    *is_clear |= strcmp(scheme->transport, "http") == 0 && !is_loopback(server);
    return g_strdup_printf("%s://%s:%u", scheme->transport, server, (unsigned)port);
}

static int parse_members(store_address *self, const char *members, const struct scheme *scheme,
                         cpulift_error **err)
{
    g_auto(GStrv) parts = g_strsplit(members, ",", -1);
    g_autoptr(GPtrArray) urls = g_ptr_array_new_with_free_func(g_free);
    for (char **part = parts; *part != NULL; part++) {
        char *url = format_url(*part, scheme, &self->is_clear);
        if (url == NULL || urls->len == MEMBERS_MAX || (!scheme->is_etcd && urls->len > 0)) {
            g_free(url);
            return cpulift_error_set(err, CPULIFT_EUSAGE, "'%s': '%.200s' is no HOST:PORT; %s",
                                     self->text, *part,
                                     scheme->is_etcd ? FORM_OF_ETCD : FORM_OF_AGENT);
        }
        g_ptr_array_add(urls, url);
    }
    g_ptr_array_add(urls, NULL);
    self->urls = (char **)g_ptr_array_free(g_steal_pointer(&urls), FALSE);
    return self->urls[0] != NULL ? 0
                                 : cpulift_error_set(err, CPULIFT_EUSAGE, "'%s' names no host; %s",
                                                     self->text, FORM_OF_ETCD);
}

/// "/run/x.sock" behind the slashes, or with %2F for each of its own, as other programs write it.
static int parse_socket(store_address *self, const char *rest, cpulift_error **err)
{
    self->socket = g_uri_unescape_string(rest, NULL);
    if (self->socket == NULL || self->socket[0] != '/' || strlen(self->socket) > SOCKET_MAX ||
        !text_is_line(self->socket)) {
        return cpulift_error_set(err, CPULIFT_EUSAGE,
                                 "'%s' names no absolute path of a socket, of at most %d bytes; %s",
                                 self->text, SOCKET_MAX, FORM_OF_AGENT);
    }
    self->urls = g_new0(char *, 2);
    self->urls[0] = g_strdup("http://localhost");
    return 0;
}

/// A path of names: keys must be as clear as file names are.
static bool is_prefix(const char *path)
{
    static const char allowed[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-:@+/";
    return text_is_below(path) && path[strspn(path, allowed)] == '\0';
}

/// "PREFIX/plan/POOL"
static void split_plan(store_address *self)
{
    char *last = strrchr(self->prefix, '/');
    size_t begin = last != NULL ? (size_t)(last - self->prefix) : 0;
    if (begin > strlen(PLAN_PART) && text_is_name(last + 1) &&
        strncmp(last - strlen(PLAN_PART), PLAN_PART, strlen(PLAN_PART)) == 0) {
        self->pool = g_strdup(last + 1);
        last[-(ptrdiff_t)strlen(PLAN_PART)] = '\0';
    }
}

static int parse_etcd(store_address *self, const struct scheme *scheme, const char *rest,
                      cpulift_error **err)
{
    const char *slash = strchr(rest, '/');
    g_autofree char *members =
        g_strndup(rest, slash != NULL ? (size_t)(slash - rest) : strlen(rest));
    if (slash == NULL || !is_prefix(slash + 1)) {
        return cpulift_error_set(err, CPULIFT_EUSAGE,
                                 "'%s' names no prefix of keys (letters, digits and . _ - : @ + "
                                 "between slashes); %s",
                                 self->text, FORM_OF_ETCD);
    }
    self->prefix = g_strdup(slash + 1);
    split_plan(self);
    return parse_members(self, members, scheme, err);
}

static int parse_agent(store_address *self, const struct scheme *scheme, const char *rest,
                       cpulift_error **err)
{
    if (scheme->is_socket) {
        return parse_socket(self, rest, err);
    }
    size_t len = strlen(rest);
    g_autofree char *server = g_strndup(rest, len > 0 && rest[len - 1] == '/' ? len - 1 : len);
    TRY(parse_members(self, server, scheme, err));
    return !self->is_clear
               ? 0
               : cpulift_error_set(err, CPULIFT_EUSAGE,
                                   "'%s' would cross the network for all to read and to change; %s",
                                   self->text, FORM_OF_AGENT);
}

int address_parse(const char *text, store_address **ret_address, cpulift_error **err)
{
    const struct scheme *scheme = find_scheme(text);
    if (scheme == NULL) {
        return cpulift_error_set(err, CPULIFT_EUSAGE, "'%s' is no address; %s", text, FORM_OF_ETCD);
    }
    g_autoptr(store_address) self = g_new0(store_address, 1);
    const char *rest = text + strlen(scheme->begin);
    self->text = g_strdup(text);
    self->is_etcd = scheme->is_etcd;
    if (strchr(rest, '@') != NULL && strchr(rest, '@') < rest + strcspn(rest, "/")) {
        return cpulift_error_set(err, CPULIFT_EUSAGE,
                                 "'%.*s…' has a user before its '@', where every user of the "
                                 "machine can read it; cpulift takes it from CPULIFT_ETCD_USER and "
                                 "CPULIFT_ETCD_PASSWORD_FILE, cpuliftd from [etcd] in its file",
                                 (int)strlen(scheme->begin), text);
    }
    TRY(scheme->is_etcd ? parse_etcd(self, scheme, rest, err)
                        : parse_agent(self, scheme, rest, err));
    *ret_address = g_steal_pointer(&self);
    return 0;
}

bool address_is_plan(const char *text)
{
    g_autoptr(store_address) self = NULL;
    return address_is(text) && address_parse(text, &self, NULL) == 0 && self->pool != NULL;
}

void address_free(store_address *address)
{
    if (address != NULL) {
        g_free(address->text);
        g_strfreev(address->urls);
        g_free(address->socket);
        g_free(address->prefix);
        g_free(address->pool);
        g_free(address);
    }
}

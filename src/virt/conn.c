// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/conn.h"

#include "base/text.h"
#include "base/xml.h"
#include "virt/embed.h"
#include "virt/quiet.h"

#include <libvirt/virterror.h>
#include <pwd.h>
#include <string.h>

#define EMBED_URI         "qemu:///embed"
#define SYSTEM_URI        "qemu:///system"
#define SYSTEM_TIMEOUT_MS 3000

/// This process waits for events on a loop of its own.
static bool is_quiet;

void conn_be_quiet(void)
{
    is_quiet = true;
}

static void ignore_message(void *data, virErrorPtr error)
{
    (void)data, (void)error;
}

static void *run_events(void *data)
{
    while (virEventRunDefaultImpl() == 0) {
    }
    return data;
}

/// libvirt is told where to log before it is initialised: the embedded driver would greet on
/// stderr. Its errors are handled for the whole process by virSetErrorFunc, as libxml2's are by
/// base/xml.c, whose parser libvirt shares: neither prints, whichever library calls.
static void *start_libvirt(void *data)
{
    g_setenv("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null", FALSE);
    virSetErrorFunc(NULL, ignore_message);
    if (is_quiet) {
        quiet_register();
        return virInitialize() == 0 ? data : NULL;
    }
    if (virInitialize() != 0 || virEventRegisterDefaultImpl() != 0) {
        return NULL;
    }
    g_thread_unref(g_thread_new("libvirt-events", run_events, NULL));
    return data;
}

/// What one opening thread and the one that waits for it share; the last to leave frees it.
struct opening {
    gatomicrefcount refs;
    GMutex lock;
    GCond done;
    bool is_done;
    char *uri;
    enum conn_access access;
    virConnectPtr handle; ///< the result, or NULL and `message`
    char *message;
};

static void leave(struct opening *opening)
{
    if (!g_atomic_ref_count_dec(&opening->refs)) {
        return;
    }
    if (opening->handle != NULL) {
        virConnectClose(opening->handle);
    }
    g_mutex_clear(&opening->lock);
    g_cond_clear(&opening->done);
    g_free(opening->uri);
    g_free(opening->message);
    g_free(opening);
}

static void *open_handle(void *data)
{
    struct opening *opening = data;
    virConnectPtr handle = opening->access == CONN_READ_ONLY ? virConnectOpenReadOnly(opening->uri)
                                                             : virConnectOpen(opening->uri);
    g_mutex_lock(&opening->lock);
    opening->handle = handle;
    opening->message = handle == NULL ? conn_get_complaint() : NULL;
    opening->is_done = true;
    g_cond_signal(&opening->done);
    g_mutex_unlock(&opening->lock);
    leave(opening);
    return NULL;
}

static bool wait_for(struct opening *opening, unsigned timeout_ms)
{
    gint64 end = g_get_monotonic_time() + (gint64)timeout_ms * G_TIME_SPAN_MILLISECOND;
    g_mutex_lock(&opening->lock);
    while (!opening->is_done && g_cond_wait_until(&opening->done, &opening->lock, end)) {
    }
    bool is_done = opening->is_done;
    g_mutex_unlock(&opening->lock);
    return is_done;
}

static int take_handle(struct opening *opening, unsigned timeout_ms, virConnectPtr *ret_handle,
                       cpulift_error **err)
{
    if (!wait_for(opening, timeout_ms)) {
        return cpulift_error_set(err, CPULIFT_EREMOTE,
                                 "'%s' did not answer within %.3g s; check that its daemon runs, "
                                 "or allow more time",
                                 opening->uri, timeout_ms / 1000.0);
    }
    if (opening->handle == NULL) {
        return cpulift_error_set(err, CPULIFT_EREMOTE, "cannot open '%s': %s", opening->uri,
                                 opening->message);
    }
    *ret_handle = g_steal_pointer(&opening->handle);
    return 0;
}

static int open_within(const char *uri, enum conn_access access, unsigned timeout_ms,
                       virConnectPtr *ret_handle, cpulift_error **err)
{
    static GOnce once = G_ONCE_INIT;
    if (g_once(&once, start_libvirt, &once) == NULL) {
        return conn_fail(err, "cannot initialise", "libvirt");
    }
    struct opening *opening = g_new0(struct opening, 1);
    g_atomic_ref_count_init(&opening->refs);
    g_atomic_ref_count_inc(&opening->refs);
    g_mutex_init(&opening->lock);
    g_cond_init(&opening->done);
    opening->uri = g_strdup(uri);
    opening->access = access;
    g_thread_unref(g_thread_new("libvirt-open", open_handle, opening));
    int rc = take_handle(opening, timeout_ms, ret_handle, err);
    leave(opening);
    return rc;
}

bool conn_is_local_uri(const char *uri)
{
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_NONE, NULL);
    if (parsed == NULL || g_strcmp0(g_uri_get_scheme(parsed), "qemu") != 0) {
        return false;
    }
    const char *server = g_uri_get_host(parsed);
    const char *query = g_uri_get_query(parsed);
    bool is_other_socket = query != NULL && strstr(query, "socket=") != NULL;
    return (server == NULL || server[0] == '\0') && !is_other_socket;
}

static int open_named(const char *uri, enum conn_access access, unsigned timeout_ms,
                      virt_conn **ret_conn, cpulift_error **err)
{
    virConnectPtr handle = NULL;
    TRY(open_within(uri, access, timeout_ms, &handle, err));
    virt_conn *made = g_new0(virt_conn, 1);
    made->handle = handle;
    made->uri = g_strdup(uri);
    made->is_embedded = g_str_has_prefix(uri, EMBED_URI);
    made->is_local = conn_is_local_uri(uri);
    *ret_conn = made;
    return 0;
}

/// Debian's libvirt looks this user up even when its configuration names another.
static const char *hint_embed(void)
{
    bool is_debian = g_file_test("/etc/debian_version", G_FILE_TEST_EXISTS);
    if (is_debian && getpwnam("libvirt-qemu") == NULL) {
        return "install the package libvirt-daemon-system, which makes the user libvirt-qemu";
    }
    return "'cpulift doctor' says what is missing";
}

static int open_embedded(enum conn_access access, unsigned timeout_ms, virt_conn **ret_conn,
                         cpulift_error **err)
{
    g_autofree char *uri = NULL;
    TRY(embed_get_uri(&uri, err));
    g_autoptr(cpulift_error) why = NULL;
    if (open_named(uri, access, timeout_ms, ret_conn, &why) != 0) {
        return cpulift_error_set(err, CPULIFT_EMISSING,
                                 "QEMU cannot run inside this process: %s; %s", why->message,
                                 hint_embed());
    }
    return 0;
}

static int open_default(enum conn_access access, unsigned timeout_ms, virt_conn **ret_conn,
                        cpulift_error **err)
{
    const char *asked = g_getenv("LIBVIRT_DEFAULT_URI");
    if (asked != NULL && asked[0] != '\0') {
        return open_named(asked, access, timeout_ms, ret_conn, err);
    }
    gint64 begin = g_get_monotonic_time();
    if (open_named(SYSTEM_URI, access, MIN(timeout_ms, SYSTEM_TIMEOUT_MS), ret_conn, NULL) == 0) {
        return 0;
    }
    guint64 spent_ms = (guint64)(g_get_monotonic_time() - begin) / 1000;
    unsigned left_ms = spent_ms < timeout_ms ? timeout_ms - (unsigned)spent_ms : 1;
    int rc = open_embedded(access, left_ms, ret_conn, err);
    return rc == 0 ? 0 : cpulift_error_prefix(err, rc, "no libvirt answers at '" SYSTEM_URI "'");
}

int conn_open(const char *uri, enum conn_access access, unsigned timeout_ms, virt_conn **ret_conn,
              cpulift_error **err)
{
    if (uri == NULL) {
        return open_default(access, timeout_ms, ret_conn, err);
    }
    return strcmp(uri, EMBED_URI) == 0 ? open_embedded(access, timeout_ms, ret_conn, err)
                                       : open_named(uri, access, timeout_ms, ret_conn, err);
}

void conn_free(virt_conn *conn)
{
    if (conn != NULL) {
        virConnectClose(conn->handle);
        g_free(conn->uri);
        g_free(conn);
    }
}

const char *conn_to_string(const virt_conn *conn)
{
    return conn->is_embedded ? "QEMU inside this process (" EMBED_URI ")" : conn->uri;
}

char *conn_get_complaint(void)
{
    const char *message = virGetLastErrorMessage();
    return message != NULL ? text_join_lines(message) : g_strdup("libvirt gave no reason");
}

int conn_fail(cpulift_error **err, const char *what, const char *subject)
{
    g_autofree char *why = conn_get_complaint();
    return cpulift_error_set(err, CPULIFT_EREMOTE, "%s '%s': %s", what, subject, why);
}

int conn_check(const virt_conn *conn, cpulift_error **err)
{
    bool is_told = virGetLastErrorCode() != VIR_ERR_OK;
    g_autofree char *why = is_told ? conn_get_complaint() : NULL; // the next question forgets it
    return virConnectIsAlive(conn->handle) != 0
               ? 0
               : cpulift_error_set(err, CPULIFT_EREMOTE, "the connection to '%s' was lost%s%s",
                                   conn->uri, is_told ? ": " : "", is_told ? why : "");
}

unsigned conn_get_qemu(const virt_conn *conn)
{
    unsigned long version = 0;
    bool is_qemu = g_strcmp0(virConnectGetType(conn->handle), "QEMU") == 0;
    return is_qemu && virConnectGetVersion(conn->handle, &version) == 0 ? (unsigned)version : 0;
}

/// The UUID by which libvirt names its host. The caller frees it.
static char *get_host_uuid(const virt_conn *conn)
{
    g_autofree char *text = virConnectGetCapabilities(conn->handle);
    g_autoptr(xmlDoc) doc = NULL;
    if (text == NULL || xml_parse(text, strlen(text), "capabilities", &doc, NULL) != 0) {
        return NULL;
    }
    const xmlNode *host = xml_find_child(xmlDocGetRootElement(doc), "host");
    const xmlNode *uuid = host != NULL ? xml_find_child(host, "uuid") : NULL;
    return uuid != NULL ? xml_get_text(uuid) : NULL;
}

/// Where the firmware has no UUID, libvirt makes one up at each start, so this machine has the name
/// that its system gave it. The caller frees it.
static char *get_machine_id(void)
{
    char *id = NULL;
    return g_file_get_contents("/etc/machine-id", &id, NULL, NULL) ? g_strchomp(id) : NULL;
}

/// The query of a URI with its paths (of an embedded libvirt's root, of a socket) as the system
/// knows them, however they were spelled. The caller frees it.
static char *normalise_query(const char *query)
{
    g_auto(GStrv) parts = g_strsplit(query, "&", -1);
    for (char **part = parts; *part != NULL; part++) {
        size_t len = strcspn(*part, "=");
        g_autofree char *key = g_strndup(*part, len);
        g_autofree char *path =
            (*part)[len] == '=' ? g_uri_unescape_string(*part + len + 1, NULL) : NULL;
        if (path != NULL && (strcmp(key, "root") == 0 || strcmp(key, "socket") == 0)) {
            char *real = realpath(path, NULL);
            g_autofree char *plain = g_canonicalize_filename(path, "/");
            g_autofree char *text = g_uri_escape_string(real != NULL ? real : plain, "/", TRUE);
            free(real);
            g_free(*part);
            *part = g_strdup_printf("%s=%s", key, text);
        }
    }
    return g_strjoinv("&", parts);
}

char *conn_get_id(const virt_conn *conn)
{
    g_autofree char *uri = virConnectGetURI(conn->handle);
    g_autoptr(GUri) parsed = uri != NULL ? g_uri_parse(uri, G_URI_FLAGS_NONE, NULL) : NULL;
    if (parsed == NULL) {
        return NULL;
    }
    const char *server = g_uri_get_host(parsed), *query = g_uri_get_query(parsed);
    bool is_here = server == NULL || *server == '\0';
    // Of an embedded one its root; another daemon beside the usual one.
    bool is_other =
        query != NULL && (strstr(query, "root=") != NULL || strstr(query, "socket=") != NULL);
    g_autofree char *other = is_other ? normalise_query(query) : g_strdup("");
    g_autofree char *host = is_here ? get_machine_id() : get_host_uuid(conn);
    return host == NULL ? NULL
                        : g_strdup_printf("%s%s%s%s", host, g_uri_get_path(parsed),
                                          is_other ? "?" : "", other);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/http.h"

#include "base/auto.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 5000L
/// The kernel asks a peer that is silent for so long whether it lives, which wakes nobody here.
#define KEEPALIVE_S 60L

struct http {
    CURLM *multi;
    GMainContext *context;
    GSource *timer;
    GPtrArray *calls; ///< http_call *, those that go on; each holds a reference
    char *ca, *cert, *key;
};

struct http_call {
    http *owner; ///< NULL: it is over
    CURL *easy;
    struct curl_slist *headers;
    char *name; ///< for messages
    GString *text;
    struct http_request request; ///< without the strings, of which curl has copies
    bool has_news;               ///< since its lines were handed on
    bool is_large;
    char problem[CURL_ERROR_SIZE];
};

static void call_clear(void *data)
{
    http_call *call = data;
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    g_string_free(call->text, TRUE);
    g_free(call->name);
}

static void call_unref(void *data)
{
    g_rc_box_release_full(data, call_clear);
}

static void settle(http *self);

/// Every wake-up of ours ends with what curl has to say of its calls.
static void act(http *self, curl_socket_t fd, int events)
{
    int running = 0;
    curl_multi_socket_action(self->multi, fd, events, &running);
    settle(self);
}

static gboolean wake_socket(int fd, GIOCondition condition, void *data)
{
    int events = ((condition & G_IO_IN) ? CURL_CSELECT_IN : 0) |
                 ((condition & G_IO_OUT) ? CURL_CSELECT_OUT : 0) |
                 ((condition & (G_IO_ERR | G_IO_HUP)) ? CURL_CSELECT_ERR : 0);
    act(data, fd, events);
    return G_SOURCE_CONTINUE; // curl takes it away by watch_socket() when it has no more use for it
}

static gboolean wake_timer(void *data)
{
    http *self = data;
    g_source_unref(g_steal_pointer(&self->timer));
    act(self, CURL_SOCKET_TIMEOUT, 0);
    return G_SOURCE_REMOVE;
}

static void drop_source(GSource **source)
{
    if (*source != NULL) {
        g_source_destroy(*source);
        g_source_unref(g_steal_pointer(source));
    }
}

/// curl's word on which sockets to watch for what; `known` is the source that was set before.
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *known)
{
    (void)easy;
    http *self = data;
    GSource *source = known;
    drop_source(&source);
    if (what != CURL_POLL_REMOVE) {
        GIOCondition condition = (what != CURL_POLL_OUT ? G_IO_IN : 0) |
                                 (what != CURL_POLL_IN ? G_IO_OUT : 0) | G_IO_ERR | G_IO_HUP;
        source = g_unix_fd_source_new(fd, condition);
        g_source_set_callback(source, G_SOURCE_FUNC(wake_socket), self, NULL);
        g_source_attach(source, self->context);
    }
    curl_multi_assign(self->multi, fd, source);
    return 0;
}

static int set_timer(CURLM *multi, long ms, void *data)
{
    (void)multi;
    http *self = data;
    drop_source(&self->timer);
    if (ms >= 0) {
        self->timer = g_timeout_source_new((guint)ms);
        g_source_set_callback(self->timer, wake_timer, self, NULL);
        g_source_attach(self->timer, self->context);
    }
    return 0;
}

http *http_new(GMainContext *context, const struct http_tls *tls)
{
    static gsize once;
    if (g_once_init_enter(&once)) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        g_once_init_leave(&once, 1);
    }
    http *self = g_new0(http, 1);
    self->multi = curl_multi_init();
    self->context = g_main_context_ref(context != NULL ? context : g_main_context_default());
    self->calls = g_ptr_array_new_with_free_func(call_unref);
    self->ca = g_strdup(tls->ca);
    self->cert = g_strdup(tls->cert);
    self->key = g_strdup(tls->key);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    return self;
}

void http_free(http *self)
{
    if (self == NULL) {
        return;
    }
    while (self->calls->len > 0) {
        http_cancel(self->calls->pdata[self->calls->len - 1]);
    }
    curl_multi_cleanup(self->multi);
    drop_source(&self->timer);
    g_main_context_unref(self->context);
    g_ptr_array_unref(self->calls);
    g_free(self->ca);
    g_free(self->cert);
    g_free(self->key);
    g_free(self);
}

void http_cancel(http_call *call)
{
    if (call != NULL && call->owner != NULL) {
        http *self = g_steal_pointer(&call->owner);
        curl_multi_remove_handle(self->multi, call->easy);
        g_ptr_array_remove_fast(self->calls, call);
    }
}

/// Only keeps: in here curl may not be asked for anything.
static size_t receive(const char *bytes, size_t size, size_t count, void *data)
{
    http_call *call = data;
    size_t len = size * count;
    call->is_large = call->text->len + len > call->request.max;
    if (call->is_large) {
        return 0;
    }
    g_string_append_len(call->text, bytes, (gssize)len);
    call->has_news = true;
    return len;
}

static void hand_on_lines(http_call *call)
{
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    call->has_news = false;
    while (call->owner != NULL && call->request.line != NULL && status == 200) {
        const char *end = memchr(call->text->str, '\n', call->text->len);
        if (end == NULL) {
            return;
        }
        size_t len = (size_t)(end - call->text->str);
        g_autofree char *line = g_strndup(call->text->str, len);
        g_string_erase(call->text, 0, (gssize)len + 1);
        call->request.line(call->request.data, line, len);
    }
}

int http_check_tls(const struct http_tls *tls, cpulift_error **err)
{
    const char *const paths[] = {tls->ca, tls->cert, tls->key};
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        const char *path = paths[i];
        if (path == NULL || *path == '\0' || g_str_has_prefix(path, "pkcs11:")) { // no file
            continue;
        }
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0) {
            return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot read the TLS file '%s': %s",
                                     path, g_strerror(errno));
        }
    }
    return 0;
}

static int set_problem(const http_call *call, CURLcode result, cpulift_error **err)
{
    long number = 0;
    curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &number);
    const char *said = call->problem[0] != '\0' ? call->problem : curl_easy_strerror(result);
    if (call->is_large) {
        return cpulift_error_set(err, CPULIFT_EREMOTE, "'%s' sends more than %zu bytes", call->name,
                                 call->request.max);
    }
    if (result == CURLE_OPERATION_TIMEDOUT) {
        return cpulift_error_set(err, CPULIFT_EREMOTE, "'%s' did not answer within its time",
                                 call->name);
    }
    // curl does not name the file that it cannot read.
    if (result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_CACERT_BADFILE ||
        result == CURLE_SSL_CONNECT_ERROR) {
        const http *self = call->owner;
        TRY(http_check_tls(&(struct http_tls){self->ca, self->cert, self->key}, err));
    }
    bool is_refused = result == CURLE_COULDNT_CONNECT && number != 0;
    bool is_unproved = result == CURLE_PEER_FAILED_VERIFICATION;
    return cpulift_error_set(
        err, CPULIFT_EREMOTE, "'%s' does not answer: %s%s", call->name,
        is_refused ? g_strerror((int)number) : said,
        is_unproved ? "; its certificate wants an authority that is trusted here, the name by "
                      "which it is called, and a clock by which it is valid"
                    : "");
}

static void finish(http_call *call, CURLcode result)
{
    g_autoptr(cpulift_error) err = NULL;
    struct http_answer answer = {.text = call->text->str, .len = call->text->len};
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &answer.status);
    if (result != CURLE_OK) {
        set_problem(call, result, &err);
        answer.err = err;
    }
    http_cancel(call);
    call->request.done(call->request.data, &answer);
}

/// Hands on what came in, then the calls that ended. Any of their functions may start and cancel
/// calls, so those that go on are held while they are looked through.
static void settle(http *self)
{
    g_autoptr(GPtrArray) held = g_ptr_array_new_with_free_func(call_unref);
    for (size_t i = 0; i < self->calls->len; i++) {
        g_ptr_array_add(held, g_rc_box_acquire(self->calls->pdata[i]));
    }
    for (size_t i = 0; i < held->len; i++) {
        http_call *call = held->pdata[i];
        if (call->owner != NULL && call->has_news) {
            hand_on_lines(call);
        }
    }
    for (;;) {
        int left = 0;
        const CURLMsg *message = curl_multi_info_read(self->multi, &left);
        if (message == NULL) {
            return;
        }
        void *found = NULL;
        CURLcode result = message->data.result; // gone with the next call of curl
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &found);
        http_call *call = g_rc_box_acquire(found);
        hand_on_lines(call);
        if (call->owner != NULL) {
            finish(call, result);
        }
        call_unref(call);
    }
}

static void set_limits(CURL *easy, const struct http_request *request)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);
}

static void set_tls(CURL *easy, const http *self)
{
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (self->ca != NULL) { // and no other
        curl_easy_setopt(easy, CURLOPT_CAINFO, self->ca);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(easy, CURLOPT_SSLCERT, self->cert);
    curl_easy_setopt(easy, CURLOPT_SSLKEY, self->key);
}

static void set_content(http_call *call, const struct http_request *request)
{
    for (const char *const *header = request->headers; header != NULL && *header != NULL;
         header++) {
        call->headers = curl_slist_append(call->headers, *header);
    }
    if (request->body != NULL) {
        call->headers = curl_slist_append(call->headers, "Content-Type: application/json");
        call->headers = curl_slist_append(call->headers, "Expect:"); // no round trip before a body
        curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)strlen(request->body));
        curl_easy_setopt(call->easy, CURLOPT_COPYPOSTFIELDS, request->body);
    }
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

http_call *http_start(http *self, const struct http_request *request)
{
    http_call *call = g_rc_box_new0(http_call);
    call->owner = self;
    call->easy = curl_easy_init();
    call->text = g_string_new(NULL);
    call->name = g_strdup(request->name != NULL ? request->name : request->url);
    call->request = (struct http_request){
        .max = request->max, .line = request->line, .done = request->done, .data = request->data};
    curl_easy_setopt(call->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(call->easy, CURLOPT_UNIX_SOCKET_PATH, request->socket);
    curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, call->problem);
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    set_limits(call->easy, request);
    set_tls(call->easy, self);
    set_content(call, request);
    g_ptr_array_add(self->calls, call);
    curl_multi_add_handle(self->multi, call->easy);
    return call;
}

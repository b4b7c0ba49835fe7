// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/answers.h"

#include "agent/numbers.h"
#include "agent/state.h"
#include "base/date.h"
#include "base/json.h"
#include "base/text.h"

#define PLAIN  "text/plain; charset=utf-8"
#define NUMBER "text/plain; version=0.0.4; charset=utf-8"
#define JSON   "application/json"

/// Takes the words of the error.
static void refuse(struct server_answer *answer, unsigned status, const char *why)
{
    g_autoptr(json_t) json = json_pack("{s:s}", "error", why);
    *answer = (struct server_answer){status, JSON, json_format_line(json)};
}

static void answer_metrics(void *data, server_get *get, const void *request,
                           struct server_answer *answer)
{
    (void)get;
    (void)request;
    *answer = (struct server_answer){200, NUMBER, numbers_format(data)};
}

/// Why the agent cannot do its work; NULL: it can.
static const char *find_fault(const agent *self)
{
    const struct plans_state plan = plans_get(self->plans);
    const struct guests_state guest = guests_get(self->guests);
    const struct ledger_counts rows = ledger_count(self->ledger);
    return guest.fault != NULL  ? guest.fault
           : rows.fault != NULL ? rows.fault
           : plan.plan == NULL  ? "no plan is in force"
                                : NULL;
}

static void answer_health(void *data, server_get *get, const void *request,
                          struct server_answer *answer)
{
    (void)get;
    (void)request;
    const agent *self = data;
    const struct plans_state plan = plans_get(self->plans);
    const char *why = find_fault(self);
    GString *out = g_string_new(why != NULL ? why : "ok");
    if (plan.fault != NULL) {
        g_string_append_printf(out, "\nthe plan is not current: %s", plan.fault);
    }
    g_string_append_c(out, '\n');
    *answer = (struct server_answer){why == NULL ? 200 : 503, PLAIN, g_string_free(out, FALSE)};
}

/// The argument `limit` of a query.
static bool get_limit(server_get *get, const void *request, unsigned *ret_limit)
{
    const char *text = get(request, "limit");
    guint64 limit = LEDGER_PAGE_MAX;
    bool is_good = text == NULL || (text_to_uint(text, LEDGER_PAGE_MAX, &limit) && limit > 0);
    *ret_limit = (unsigned)limit;
    return is_good;
}

static void answer_record(const struct record *record, const void *base,
                          struct server_answer *answer)
{
    g_autoptr(json_t) json = record_format(record, base, NULL);
    *answer = (struct server_answer){200, JSON, json_format_document(json)};
}

static void answer_guests(void *data, server_get *get, const void *request,
                          struct server_answer *answer)
{
    const agent *self = data;
    g_autoptr(ledger_guests) page = NULL;
    g_autoptr(cpulift_error) err = NULL;
    unsigned limit = 0;
    if (!get_limit(get, request, &limit)) {
        refuse(answer, 400, "'limit' is a number from 1 to 1000");
    } else if (ledger_read_guests(self->ledger, get(request, "after"), limit, &page, &err) != 0) {
        refuse(answer, 503, err->message);
    } else {
        page->blind = g_strdup(guests_get(self->guests).fault);
        answer_record(&ledger_guests_record, page, answer);
    }
}

/// `since` is the id of a row, or a date.
static bool get_since(server_get *get, const void *request, guint64 *ret_id, const char **ret_date)
{
    const char *text = get(request, "since");
    gint64 seconds = 0;
    bool is_date = text != NULL && date_parse(text, &seconds);
    *ret_id = 0;
    *ret_date = is_date ? text : NULL;
    return text == NULL || is_date || text_to_uint(text, G_MAXINT64, ret_id);
}

static void answer_ledger(void *data, server_get *get, const void *request,
                          struct server_answer *answer)
{
    const agent *self = data;
    g_autoptr(ledger_rows) rows = NULL;
    g_autoptr(cpulift_error) err = NULL;
    unsigned limit = 0;
    guint64 since = 0;
    const char *date = NULL;
    if (!get_limit(get, request, &limit)) {
        refuse(answer, 400, "'limit' is a number from 1 to 1000");
    } else if (!get_since(get, request, &since, &date)) {
        refuse(answer, 400, "'since' is the id of a row, or a date as 2026-11-26T15:40:00Z");
    } else if (ledger_read(self->ledger, since, date, limit, &rows, &err) != 0) {
        refuse(answer, 503, err->message);
    } else {
        answer_record(&ledger_rows_record, rows, answer);
    }
}

static void answer_host(void *data, server_get *get, const void *request,
                        struct server_answer *answer)
{
    (void)get;
    (void)request;
    const agent *self = data;
    g_autofree char *text = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (host_watch_load(self->host, &text, NULL, &err) != 0) {
        refuse(answer, 503, err->message);
    } else {
        *answer = (struct server_answer){200, JSON, g_steal_pointer(&text)};
    }
}

static const char *const guests_arguments[] = {"after", "limit", NULL};
static const char *const ledger_arguments[] = {"since", "limit", NULL};

const struct server_route answers_routes[] = {
    {"/healthz", NULL, answer_health},
    {"/metrics", NULL, answer_metrics},
    {"/v1/host", NULL, answer_host},
    {"/v1/guests", guests_arguments, answer_guests},
    {"/v1/ledger", ledger_arguments, answer_ledger},
    {0},
};

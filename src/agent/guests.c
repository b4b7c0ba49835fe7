// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/guests.h"

#include "agent/say.h"
#include "base/date.h"
#include "fleet/verdict.h"
#include "virt/watch.h"

#include <string.h>

/// So many rows wait for the next commit at most; else it comes when the loop has nothing to do.
#define COMMIT_ROWS 256

/// After the disk did not take rows.
#define RETRY_SECONDS 60

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

struct guests {
    struct guests_needs needs;
    watch *watch;
    char *boot;
    char *fault;       ///< why libvirt is not heard; NULL: it is
    GHashTable *seen;  ///< uuids of a list that is being told; NULL: none is
    bool is_list_due;  ///< another list is to be asked for when this one is told
    bool is_list_sent; ///< one was asked for and is not told to its end
    guint commit, retry;
    guint64 downs, events, overruns;
};

static gboolean commit_later(void *data);
static gboolean commit_again(void *data);

static void commit(guests *self)
{
    g_autoptr(cpulift_error) err = NULL;
    bool was_well = ledger_count(self->needs.ledger).fault == NULL;
    if (ledger_commit(self->needs.ledger, &err) == 0) {
        if (!was_well) {
            say(SAY_NOTICE, "the ledger is written again");
        }
        return;
    }
    if (was_well) {
        say(SAY_ERROR, "%s; what happens is kept in memory meanwhile", err->message);
    }
    if (self->retry == 0) {
        self->retry = g_timeout_add_seconds(RETRY_SECONDS, commit_again, self);
    }
}

static gboolean commit_later(void *data)
{
    guests *self = data;
    self->commit = 0;
    commit(self);
    return G_SOURCE_REMOVE;
}

static gboolean commit_again(void *data)
{
    guests *self = data;
    self->retry = 0;
    commit(self);
    return G_SOURCE_REMOVE;
}

static void add(guests *self, ledger_row *row, enum ledger_guest guest)
{
    ledger_add(self->needs.ledger, row, guest);
    // A disk that takes nothing is tried only by its timer.
    if (self->retry != 0) {
        return;
    }
    if (ledger_count(self->needs.ledger).pending >= COMMIT_ROWS) {
        commit(self);
    } else if (self->commit == 0) {
        self->commit = g_idle_add_full(G_PRIORITY_LOW, commit_later, self, NULL);
    }
}

static ledger_row *make_row(const guests *self, const char *event, const char *how, gint64 at)
{
    ledger_row *row = record_new(&ledger_row_record);
    row->at = date_format(at);
    row->boot = g_strdup(self->boot);
    row->event = g_strdup(event);
    row->how = g_strdup(how);
    return row;
}

void guests_note(guests *self, const char *event, const char *how, const char *why)
{
    ledger_row *row = make_row(self, event, how, g_get_real_time() / G_USEC_PER_SEC);
    row->why = g_strdup(why);
    add(self, row, LEDGER_NO_CHANGE);
}

static void add_own(guests *self, const char *how, const char *why)
{
    guests_note(self, "agent", how, why);
}

static ledger_row *make_guest_row(const guests *self, const char *event,
                                  const struct watch_news *news)
{
    ledger_row *row = make_row(self, event, news->how, news->at);
    row->uuid = g_strdup(news->uuid);
    row->name = g_strdup(news->name);
    row->number = news->number;
    return row;
}

static char *format_version(unsigned version)
{
    return version == 0 ? NULL
                        : g_strdup_printf("%u.%u.%u", version / 1000000, version / 1000 % 1000,
                                          version % 1000);
}

static void judge(const guests *self, const struct watch_news *news, ledger_row *row)
{
    const struct plans_state plan = plans_get(self->needs.plans);
    g_autoptr(fleet_guest) guest = NULL;
    g_autoptr(cpulift_error) err = NULL;
    row->verdict = g_strdup("unknown");
    row->plan = g_strdup(plan.digest);
    if (news->xml != NULL) {
        (void)fleet_guest_reduce(news->xml, strlen(news->xml), news->name, &row->xml, NULL);
    }
    if (news->xml == NULL || plan.plan == NULL) {
        row->why = g_strdup(news->xml == NULL ? news->why : "no plan is in force");
        return;
    }
    if (fleet_guest_parse(news->xml, strlen(news->xml), news->name, g_get_host_name(), &guest,
                          &err) != 0) {
        row->why = g_strdup(err->message);
        return;
    }
    struct fleet_verdict *found = fleet_verdict_find(guest, plan.plan, self->needs.map);
    g_free(row->verdict);
    row->verdict = g_steal_pointer(&found->verdict);
    row->why = g_steal_pointer(&found->why);
    row->missing = g_steal_pointer(&found->missing);
    row->extra = g_steal_pointer(&found->extra);
    record_free(&fleet_verdict_record, found);
}

/// A start, seen as it happened or found afterwards.
static ledger_row *make_start(const guests *self, const char *event, const struct watch_news *news)
{
    ledger_row *row = make_guest_row(self, event, news);
    row->qemu = format_version(news->qemu);
    judge(self, news, row);
    return row;
}

static bool is_same_list(char *const *a, char *const *b)
{
    static char *const none[] = {NULL};
    return g_strv_equal((const char *const *)(a != NULL ? a : none),
                        (const char *const *)(b != NULL ? b : none));
}

/// Both say the same of the guest and its CPU.
static bool is_same_verdict(const ledger_row *a, const ledger_row *b)
{
    return g_strcmp0(a->verdict, b->verdict) == 0 && g_strcmp0(a->why, b->why) == 0 &&
           g_strcmp0(a->plan, b->plan) == 0 && g_strcmp0(a->name, b->name) == 0 &&
           g_strcmp0(a->xml, b->xml) == 0 && is_same_list(a->missing, b->missing) &&
           is_same_list(a->extra, b->extra);
}

static void take_running(guests *self, const struct watch_news *news)
{
    g_autoptr(ledger_row) before = NULL;
    if (self->seen == NULL) {
        self->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        commit(self);
    }
    g_hash_table_add(self->seen, g_strdup(news->uuid));
    if (ledger_find_guest(self->needs.ledger, news->uuid, &before, NULL) != 0) {
        return; // its next commit says so
    }
    bool is_known = before != NULL && before->number == news->number &&
                    g_strcmp0(before->boot, self->boot) == 0;
    g_autoptr(ledger_row) row = make_start(self, is_known ? "judged" : "found", news);
    if (is_known) {
        row->qemu = g_strdup(before->qemu);
    }
    if (!is_known || !is_same_verdict(before, row)) {
        add(self, g_steal_pointer(&row), LEDGER_RUNS);
    }
}

/// Those that the ledger takes for running and the list has not.
static void add_gone(guests *self)
{
    g_autofree char *after = NULL;
    do {
        g_autoptr(ledger_guests) page = NULL;
        if (ledger_read_guests(self->needs.ledger, after, LEDGER_PAGE_MAX, &page, NULL) != 0) {
            return;
        }
        g_free(after);
        after = g_strdup(page->next);
        for (size_t i = 0; i < page->guests->len; i++) {
            const ledger_row *guest = page->guests->pdata[i];
            if (self->seen == NULL || !g_hash_table_contains(self->seen, guest->uuid)) {
                const struct watch_news news = {.uuid = guest->uuid,
                                                .name = guest->name,
                                                .number = (unsigned)guest->number,
                                                .at = g_get_real_time() / G_USEC_PER_SEC};
                add(self, make_guest_row(self, "gone", &news), LEDGER_ENDED);
            }
        }
    } while (after != NULL);
}

static void take_listed(guests *self, const struct watch_news *news)
{
    if (news->why != NULL) {
        say(SAY_WARNING, "the guests that run cannot be listed: %s", news->why);
    } else {
        add_gone(self);
    }
    g_clear_pointer(&self->seen, g_hash_table_unref);
    self->is_list_sent = false;
    if (self->is_list_due) {
        guests_judge(self);
    }
}

static void take_lost(guests *self, const struct watch_news *news)
{
    (void)news;
    self->overruns++;
    add_own(self, "overrun", "so much happened at once that some of it was passed over");
    guests_judge(self);
}

static void take_start(guests *self, const struct watch_news *news)
{
    self->events++;
    add(self, make_start(self, "start", news), LEDGER_RUNS);
}

static void take_stop(guests *self, const struct watch_news *news)
{
    self->events++;
    add(self, make_guest_row(self, "stop", news), LEDGER_ENDED);
}

static void take_definition(guests *self, const struct watch_news *news)
{
    bool is_there = news->what == WATCH_DEFINED;
    self->events++;
    add(self, make_guest_row(self, is_there ? "define" : "undefine", news), LEDGER_NO_CHANGE);
    if (is_there) {
        self->needs.defined(self->needs.data);
    }
}

static void take(void *data, const struct watch_news *news)
{
    static void (*const takers[])(guests * self, const struct watch_news *news) = {
        [WATCH_STARTED] = take_start,      [WATCH_STOPPED] = take_stop,
        [WATCH_DEFINED] = take_definition, [WATCH_UNDEFINED] = take_definition,
        [WATCH_RUNNING] = take_running,    [WATCH_LISTED] = take_listed,
        [WATCH_LOST] = take_lost,
    };
    takers[news->what](data, news);
}

static void be_up(void *data)
{
    guests *self = data;
    g_clear_pointer(&self->fault, g_free);
    say(SAY_NOTICE, "watching the guests of '%s'", self->needs.settings->agent_connect);
    add_own(self, "sees", NULL);
    guests_judge(self);
    self->needs.up(self->needs.data);
}

static void be_down(void *data, const char *why)
{
    guests *self = data;
    if (g_strcmp0(self->fault, why) == 0) {
        return;
    }
    say(SAY_WARNING, "libvirt is not heard: %s", why);
    if (self->fault == NULL) {
        self->downs++;
        add_own(self, "blind", why);
    }
    g_free(self->fault);
    self->fault = g_strdup(why);
}

guests *guests_open(const struct guests_needs *needs)
{
    guests *self = g_new0(guests, 1);
    const struct watch_calls calls = {be_up, be_down, take, self};
    self->needs = *needs;
    if (g_file_get_contents(BOOT_ID, &self->boot, NULL, NULL)) {
        g_strchomp(self->boot);
    }
    self->fault = g_strdup("not connected yet");
    add_own(self, "started", NULL);
    self->watch = watch_new(needs->settings->agent_connect, &calls);
    return self;
}

void guests_judge(guests *self)
{
    self->is_list_due = self->is_list_sent;
    if (!self->is_list_sent && self->fault == NULL) {
        self->is_list_sent = true;
        watch_list(self->watch);
    }
}

void guests_ping(guests *self)
{
    watch_ping(self->watch);
}

struct guests_state guests_get(const guests *self)
{
    return (struct guests_state){self->fault, self->downs, self->events, self->overruns,
                                 watch_count_waiting(self->watch)};
}

static void remove_timer(guint timer)
{
    if (timer != 0) {
        g_source_remove(timer);
    }
}

void guests_close(guests *self)
{
    if (self != NULL) {
        watch_free(self->watch);
        remove_timer(self->commit);
        remove_timer(self->retry);
        g_clear_pointer(&self->seen, g_hash_table_unref);
        g_free(self->boot);
        g_free(self->fault);
        g_free(self);
    }
}

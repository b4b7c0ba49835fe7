// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/verify_live.h"

#include "base/date.h"
#include "base/json.h"
#include "cli/ask_far.h"
#include "cli/command.h"
#include "core/host.h"

#include <string.h>
#include <time.h>

/// The name in its document; NULL where it did not answer.
static const char *get_name(const struct ask_host *host)
{
    return json_get_string(ask_options_get_document(host), "name");
}

int verify_live_ask(const struct ask_options *options, const catalog *map, GPtrArray **ret_asked,
                    cpulift_error **err)
{
    g_autoptr(GPtrArray) asked = ask_hosts_new();
    size_t answered = 0;
    TRY(ask_options_find(options, asked, err));
    ask_options_ask(options, asked, ASK_GUESTS, map);
    for (size_t i = 0; i < asked->len; i++) {
        const struct ask_host *host = asked->pdata[i];
        answered += host->answer != NULL;
        if (host->answer == NULL) {
            command_warn("%s", host->err->message);
        }
    }
    if (asked->len > 0 && answered == 0) {
        return cpulift_error_set(err, CPULIFT_EREMOTE, "none of %u hosts answers", asked->len);
    }
    *ret_asked = g_steal_pointer(&asked);
    return 0;
}

/// One that is left out on purpose is missed by nobody: then it has no error any more.
static void add_silent(struct ask_host *host, const GPtrArray *asked, inventory *hosts)
{
    g_autofree char *name = ask_options_name_silent(host, asked), *now = date_format(time(NULL));
    g_autoptr(json_t) document = host_format_silent(name, now, host->err->message);
    g_autofree char *text = json_format_line(document);
    if (inventory_add_text(hosts, text, strlen(text), name, NULL) == 0) {
        g_clear_pointer(&host->err, cpulift_error_free);
    }
}

int verify_live_add_hosts(GPtrArray *asked, inventory *hosts, cpulift_error **err)
{
    for (size_t i = 0; i < asked->len; i++) {
        struct ask_host *host = asked->pdata[i];
        if (host->answer == NULL) {
            add_silent(host, asked, hosts);
            continue;
        }
        g_autofree char *text = json_format_line(ask_options_get_document(host));
        TRY(inventory_add_text(hosts, text, strlen(text), ask_host_to_string(host), err));
    }
    return 0;
}

static fleet_guest *read_guest(const json_t *json, const char *host)
{
    const char *name = json_get_string(json, "name"), *xml = json_get_string(json, "xml");
    const char *why = json_get_string(json, "why");
    g_autoptr(cpulift_error) err = NULL;
    fleet_guest *guest = NULL;
    if (xml != NULL && fleet_guest_parse(xml, strlen(xml), name, host, &guest, &err) == 0) {
        return guest;
    }
    why = err != NULL ? err->message : why != NULL ? why : "libvirt does not say";
    command_warn("guest '%s' of '%s' could not be read: %s", name, host, why);
    return fleet_guest_new_unread(name, host, why);
}

void verify_live_add_guests(const GPtrArray *asked, GPtrArray *guests)
{
    for (size_t i = 0; i < asked->len; i++) {
        const struct ask_host *one = asked->pdata[i];
        const json_t *list = json_object_get(one->answer, "guests");
        for (size_t g = 0; g < json_array_size(list); g++) {
            g_ptr_array_add(guests, read_guest(json_array_get(list, g), get_name(one)));
        }
    }
}

/// What is asked of one kind of guests; NULL where libvirt's comparison has no answer to it. The
/// caller's.
static json_t *format_question(const fleet_guest *guest)
{
    const cpulift_cpu *cpu = guest->cpu;
    bool is_custom = cpu != NULL && (cpu->mode == NULL || strcmp(cpu->mode, "custom") == 0);
    if (!is_custom || cpu->model == NULL || guest->has_own_cpu) {
        return NULL;
    }
    g_autofree char *element = cpu_format(cpu, 0);
    return json_pack("{s:s, s:s*, s:s}", "virt", guest->virt, "machine", guest->machine, "cpu",
                     element);
}

/// A host that answered of each kind, and not through its agent, with the same question; `kinds`
/// gets the kinds' indices, and `guests` what stands for each item of the question.
static GPtrArray *list_questions(const GPtrArray *asked, const fleet_matrix *matrix, GArray *kinds,
                                 GArray *guests)
{
    const inventory *hosts = fleet_matrix_get_hosts(matrix);
    g_autoptr(json_t) question = json_array();
    for (size_t g = 0; g < fleet_matrix_count_kinds(matrix); g++) {
        json_t *one = format_question(fleet_matrix_get_sample(matrix, g));
        if (one != NULL) {
            json_array_append_new(question, one);
            g_array_append_val(guests, g);
        }
    }
    GPtrArray *list = ask_hosts_new();
    for (size_t k = 0; k < hosts->kinds->len; k++) {
        for (size_t i = 0; i < asked->len; i++) {
            const struct ask_host *host = asked->pdata[i];
            if (host->answer != NULL && !ask_far_is(host) &&
                inventory_find(hosts, get_name(host)) == hosts->kinds->pdata[k]) {
                ask_hosts_add(list, host->name, host->uri);
                ((struct ask_host *)list->pdata[list->len - 1])->question = json_incref(question);
                g_array_append_val(kinds, k);
                break;
            }
        }
    }
    return list;
}

static void take_opinions(fleet_matrix *matrix, const json_t *opinions, size_t host_kind,
                          const GArray *guests)
{
    for (size_t i = 0; i < guests->len; i++) {
        const json_t *one = json_array_get(opinions, i);
        fleet_matrix_set_opinion(matrix, g_array_index(guests, size_t, i), host_kind,
                                 fleet_can_from_string(json_get_string(one, "can")),
                                 json_get_string(one, "why"));
    }
}

void verify_live_ask_opinions(const struct ask_options *options, const GPtrArray *asked,
                              fleet_matrix *matrix)
{
    g_autoptr(GArray) kinds = g_array_new(FALSE, FALSE, sizeof(size_t));
    g_autoptr(GArray) guests = g_array_new(FALSE, FALSE, sizeof(size_t));
    g_autoptr(GPtrArray) list = list_questions(asked, matrix, kinds, guests);
    if (guests->len == 0) {
        return;
    }
    ask_options_ask(options, list, ASK_OPINIONS, fleet_matrix_get_map(matrix));
    for (size_t i = 0; i < list->len; i++) {
        const struct ask_host *host = list->pdata[i];
        if (host->answer == NULL) {
            command_warn("libvirt's own comparison is not known: %s", host->err->message);
            continue;
        }
        take_opinions(matrix, json_object_get(host->answer, "opinions"),
                      g_array_index(kinds, size_t, i), guests);
    }
}

size_t verify_live_add_silent(const GPtrArray *asked, fleet_report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < asked->len; i++) {
        const struct ask_host *host = asked->pdata[i];
        if (host->answer == NULL && host->err != NULL) {
            g_autofree char *name = ask_options_name_silent(host, asked);
            fleet_report_add_silent(report, name, host->err->message);
            count++;
        }
    }
    return count;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "store/agents.h"

#include "base/file.h"

#include <string.h>

#define PARALLEL 64

/// The calls that go on, and whose turn it is.
struct round {
    http *client;
    const GPtrArray *agents;
    unsigned timeout_ms;
    size_t next, done;
};

struct turn {
    struct round *round;
    struct agents_host *host;
};

static void host_free(void *data)
{
    struct agents_host *host = data;
    address_free(host->address);
    g_free(host->path);
    g_free(host->text);
    cpulift_error_free(host->err);
    g_free(host);
}

GPtrArray *agents_new(void)
{
    return g_ptr_array_new_with_free_func(host_free);
}

void agents_add(GPtrArray *agents, store_address *address, const char *path)
{
    struct agents_host *host = g_new0(struct agents_host, 1);
    host->address = address;
    host->path = g_strdup(path);
    g_ptr_array_add(agents, host);
}

static void start_next(struct round *round);

static void answer(void *data, const struct http_answer *answer)
{
    g_autofree struct turn *turn = data;
    struct agents_host *host = turn->host;
    const char *name = host->address->text;
    if (answer->err != NULL) {
        cpulift_error_set(&host->err, answer->err->code, "%s", answer->err->message);
    } else if (answer->status != 200) {
        cpulift_error_set(&host->err, CPULIFT_EREMOTE,
                          "'%s' answers '%s' with HTTP status %ld: %.*s", name, host->path,
                          answer->status, (int)MIN(strcspn(answer->text, "\n"), 200), answer->text);
    } else {
        host->text = g_memdup2(answer->text, answer->len + 1);
        host->len = answer->len;
    }
    turn->round->done++;
    start_next(turn->round);
}

static void start_next(struct round *round)
{
    if (round->next == round->agents->len) {
        return;
    }
    struct turn *turn = g_new0(struct turn, 1);
    *turn = (struct turn){round, round->agents->pdata[round->next++]};
    const store_address *address = turn->host->address;
    g_autofree char *url = g_strconcat(address->urls[0], turn->host->path, NULL);
    const struct http_request request = {
        .url = url,
        .name = address->text,
        .socket = address->socket,
        .max = FILE_DOCUMENT_MAX,
        .timeout_ms = round->timeout_ms,
        .done = answer,
        .data = turn,
    };
    http_start(round->client, &request);
}

void agents_get(const GPtrArray *agents, const store_access *access, unsigned timeout_ms)
{
    const struct http_tls tls = access_get_tls(access);
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(http) client = http_new(context, &tls);
    struct round round = {client, agents, timeout_ms, 0, 0};
    for (size_t i = 0; i < PARALLEL; i++) {
        start_next(&round);
    }
    while (round.done < agents->len) {
        g_main_context_iteration(context, TRUE);
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// The agent's file of keys: every key has a value of its kind, or the file is refused in one line.
#include "agent/listen.h"
#include "agent/settings.h"
#include "fuzz.h"

#include <string.h>

static void check_text(const char *text)
{
    g_assert(text != NULL && strchr(text, '\n') == NULL);
}

static void check_path(const char *text)
{
    check_text(text);
    g_assert(*text == '\0' || *text == '/');
}

static void check_number(unsigned number)
{
    g_assert(number > 0);
}

static void check_word(unsigned word)
{
    g_assert(word < 2);
}

/// What of the addresses is none is refused, too.
static void check_addresses(const char *listen)
{
    g_auto(GStrv) addresses = g_strsplit_set(listen, " \t", -1);
    for (char **address = addresses; *address != NULL; address++) {
        g_autoptr(cpulift_error) err = NULL;
        bool is_loopback = false;
        int rc = listen_check(*address, &is_loopback, &err);
        g_assert((rc == 0) == (err == NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(agent_settings) settings = NULL;
    g_autoptr(cpulift_error) err = NULL;
    int rc = settings_parse((const char *)data, size, "fuzz", &settings, &err);
    g_assert((rc == 0) == (settings != NULL) && (rc == 0) == (err == NULL));
    g_assert(err == NULL || strchr(err->message, '\n') == NULL);
    if (settings != NULL) {
#define KEY(section, key, kind, value, word, meaning) check_##kind(settings->section##_##key);
#include "agent/keys.def"
#undef KEY
        check_addresses(settings->http_listen);
    }
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "agent/settings.h"

#include "base/file.h"
#include "base/keyfile.h"
#include "base/text.h"

#include <stddef.h>
#include <string.h>

#define SETTINGS_MAX ((size_t)1 << 20)
#define LINE_WIDTH   98

struct key;

/// What a value may be, and how it is kept.
struct kind {
    int (*parse)(const struct key *key, const char *text, void *place, cpulift_error **err);
    bool is_string;
};

static int parse_text(const struct key *key, const char *text, void *place, cpulift_error **err);
static int parse_path(const struct key *key, const char *text, void *place, cpulift_error **err);
static int parse_number(const struct key *key, const char *text, void *place, cpulift_error **err);
static int parse_word(const struct key *key, const char *text, void *place, cpulift_error **err);
static const struct kind kind_word = {parse_word, false};
static const struct kind kind_number = {parse_number, false};
static const struct kind kind_text = {parse_text, true};
static const struct kind kind_path = {parse_path, true};

static const struct key {
    const char *section, *name;
    const struct kind *kind;
    size_t place;
    const char *value, *word, *meaning;
} keys[] = {
#define KEY(section, key, kind, value, word, meaning)                                              \
    {#section, #key, &kind_##kind, offsetof(agent_settings, section##_##key), value, word, meaning},
#include "agent/keys.def"
#undef KEY
};

static int parse_text(const struct key *key, const char *text, void *place, cpulift_error **err)
{
    if (*text == '\0' && *key->value != '\0') {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "key '%s' is empty; its default is '%s', and '# %s' leaves it",
                                 key->name, key->value, key->name);
    }
    if (!text_is_line(text)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "key '%s' has control characters", key->name);
    }
    *(char **)place = g_strdup(text);
    return 0;
}

static int parse_path(const struct key *key, const char *text, void *place, cpulift_error **err)
{
    if (*text != '\0' && *text != '/') {
        return cpulift_error_set(err, CPULIFT_EINPUT, "key '%s': '%s' does not begin with '/'",
                                 key->name, text);
    }
    return parse_text(key, text, place, err);
}

/// Between the limits in the key's word, "1..36500".
static int parse_number(const struct key *key, const char *text, void *place, cpulift_error **err)
{
    guint64 least = g_ascii_strtoull(key->word, NULL, 10), number = 0;
    guint64 most = g_ascii_strtoull(strstr(key->word, "..") + 2, NULL, 10);
    if (!text_to_uint(text, most, &number) || number < least) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "key '%s': '%s' is no number of %s",
                                 key->name, text, key->word);
    }
    *(unsigned *)place = (unsigned)number;
    return 0;
}

/// One of the words in the key's word, "off|define", by its index.
static int parse_word(const struct key *key, const char *text, void *place, cpulift_error **err)
{
    g_auto(GStrv) words = g_strsplit(key->word, "|", -1);
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *(unsigned *)place = i;
            return 0;
        }
    }
    g_autofree char *meant = text_suggest(text, (const char *const *)words);
    return cpulift_error_set(err, CPULIFT_EINPUT, "key '%s': '%s' is none of %s%s", key->name, text,
                             key->word, meant);
}

static void *get_place(agent_settings *self, const struct key *key)
{
    return (char *)self + key->place;
}

/// Of the keys of a section, or, with NULL, of the sections.
static char *suggest(const char *word, const char *section)
{
    const char *names[G_N_ELEMENTS(keys) + 1] = {0};
    size_t count = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (section == NULL || strcmp(keys[i].section, section) == 0) {
            names[count++] = section == NULL ? keys[i].section : keys[i].name;
        }
    }
    return text_suggest(word, names);
}

static const struct key *find_key(const char *section, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].section, section) == 0 &&
            (name == NULL || strcmp(keys[i].name, name) == 0)) {
            return &keys[i];
        }
    }
    return NULL;
}

/// Every name of the section must be a key's.
static int check_names(GKeyFile *file, const char *section, const char *name, cpulift_error **err)
{
    if (find_key(section, NULL) == NULL) {
        g_autofree char *meant = suggest(section, NULL);
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' has the unknown section '[%s]'%s", name,
                                 section, meant);
    }
    g_auto(GStrv) names = g_key_file_get_keys(file, section, NULL, NULL);
    for (char **one = names; *one != NULL; one++) {
        if (find_key(section, *one) == NULL) {
            g_autofree char *meant = suggest(*one, section);
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s': '%s' is no key of [%s]; 'cpuliftd --help' lists them%s",
                                     name, *one, section, meant);
        }
    }
    return 0;
}

static int read_key(GKeyFile *file, const struct key *key, agent_settings *self,
                    cpulift_error **err)
{
    g_autofree char *value = NULL;
    g_autoptr(GError) error = NULL;
    if (g_key_file_has_key(file, key->section, key->name, NULL)) {
        value = g_key_file_get_string(file, key->section, key->name, &error);
        if (value == NULL) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "key '%s': %s", key->name,
                                     error->message);
        }
    }
    return key->kind->parse(key, value != NULL ? g_strstrip(value) : key->value,
                            get_place(self, key), err);
}

int settings_parse(const char *text, size_t len, const char *name, agent_settings **ret_settings,
                   cpulift_error **err)
{
    g_autoptr(GKeyFile) file = NULL;
    g_autoptr(agent_settings) self = g_new0(agent_settings, 1);
    TRY(keyfile_parse(text, len, name, "configuration", &file, err));
    g_auto(GStrv) sections = g_key_file_get_groups(file, NULL);
    for (char **section = sections; *section != NULL; section++) {
        TRY(check_names(file, *section, name, err));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        int rc = read_key(file, &keys[i], self, err);
        if (rc != 0) {
            return cpulift_error_prefix(err, rc, "'%s': [%s]", name, keys[i].section);
        }
    }
    *ret_settings = g_steal_pointer(&self);
    return 0;
}

int settings_load(const char *path, agent_settings **ret_settings, cpulift_error **err)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    enum file_kind kind = FILE_NONE;
    TRY(file_find_kind(path != NULL ? path : SETTINGS_PATH, &kind, err));
    if (path == NULL && kind == FILE_NONE) {
        return settings_parse("", 0, SETTINGS_PATH, ret_settings, err);
    }
    const char *from = path != NULL ? path : SETTINGS_PATH;
    TRY(file_load_trusted(from, SETTINGS_MAX, &text, &len, err));
    return settings_parse(text, len, from, ret_settings, err);
}

void settings_free(agent_settings *self)
{
    for (size_t i = 0; self != NULL && i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].kind->is_string) {
            g_free(*(char **)get_place(self, &keys[i]));
        }
    }
    g_free(self);
}

char *settings_format_example(void)
{
    GString *out = g_string_new("# cpuliftd(8). Each key has its default here.\n");
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(GString) comment = g_string_new(NULL);
        if (i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0) {
            g_string_append_printf(out, "\n[%s]\n", keys[i].section);
        }
        g_autofree char *sentence = g_strdup_printf("# %s: %s", keys[i].word, keys[i].meaning);
        text_append_wrapped(comment, sentence, 0, LINE_WIDTH);
        g_autofree char *text = g_strchomp(g_strdup(comment->str));
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        g_autofree char *joined = g_strjoinv("\n# ", lines);
        g_string_append_printf(out, "%s\n# %s = %s\n", joined, keys[i].name, keys[i].value);
    }
    return g_string_free(out, FALSE);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/cpu_words.h"

#include <string.h>

/// The level that the text is, 0 if it is none.
static unsigned get_level(const char *text)
{
    const size_t len = strlen(CPU_WORDS_LEVEL);
    bool is_level = g_ascii_strncasecmp(text, CPU_WORDS_LEVEL, len) == 0 && text[len] > '0' &&
                    text[len] <= '0' + CPU_WORDS_LEVEL_MAX && text[len + 1] == '\0';
    return is_level ? (unsigned)(text[len] - '0') : 0;
}

bool cpu_words_is(const char *text, const catalog *map)
{
    return strchr(text, ',') != NULL || get_level(text) > 0 ||
           catalog_match_model(map, text) != NULL;
}

/// What is said of features, by how it is written: the signed ones overrule the others.
struct said {
    feature_set on, off, plus, minus;
};

/// The sets that a word goes into and comes out of, and the name of its feature, the caller's; NULL
/// for what is no such word.
static char *read_word(const char *word, struct said *said, feature_set **ret_in,
                       feature_set **ret_out)
{
    bool is_signed = *word == '+' || *word == '-';
    const char *equals = is_signed ? NULL : strchr(word, '=');
    const char *value = equals != NULL ? equals + 1 : "on";
    bool is_off = strcmp(value, "off") == 0;
    const char *name = word + is_signed;
    size_t len = equals != NULL ? (size_t)(equals - word) : strlen(name);
    if ((!is_off && strcmp(value, "on") != 0) || len == 0 || strcspn(name, "= \t") < len) {
        return NULL;
    }
    *ret_in = *word == '+'   ? &said->plus
              : *word == '-' ? &said->minus
              : is_off       ? &said->off
                             : &said->on;
    *ret_out = is_off ? &said->on : &said->off;
    return g_strndup(name, len);
}

static int add_word(const char *word, const char *text, const catalog *map, struct said *said,
                    cpulift_error **err)
{
    feature_set one = {0}, *in = NULL, *out = NULL;
    g_autofree char *name = read_word(word, said, &in, &out);
    if (name == NULL) {
        return cpulift_error_set(err, CPULIFT_EUSAGE,
                                 "'%s' in '%s' is no feature: write +FEATURE, -FEATURE, "
                                 "FEATURE=on or FEATURE=off",
                                 word, text);
    }
    TRY(catalog_add_feature(map, name, text, &one, err));
    *out = feature_set_subtract(*out, one);
    *in = feature_set_unite(*in, one);
    return 0;
}

static void add_features(cpulift_cpu *cpu, const catalog *map, const feature_set *set,
                         enum cpu_policy policy)
{
    feature_set_foreach (id, set) {
        cpu_add_feature(cpu, catalog_get_feature(map, id)->name, policy);
    }
}

static void add_words(GString *words, const catalog *map, const feature_set *set, char sign)
{
    feature_set_foreach (id, set) {
        g_string_append_printf(words, ",%c%s", sign, catalog_get_feature(map, id)->name);
    }
}

/// What the words begin with: a model's name, or qemu64 with what makes a level of it, in *ret_on
/// and *ret_off.
static int read_base(const char *word, const char *text, const catalog *map, char **ret_name,
                     const char **ret_model, feature_set *ret_on, feature_set *ret_off,
                     cpulift_error **err)
{
    unsigned level = get_level(word);
    const struct catalog_model *model = catalog_match_model(map, level > 0 ? "qemu64" : word);
    if (model == NULL) {
        g_autofree char *meant = catalog_suggest_model(map, word);
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' begins with no CPU model that libvirt's map has%s", text,
                                 meant);
    }
    *ret_model = model->name;
    *ret_name = level > 0 ? g_strdup_printf(CPU_WORDS_LEVEL "%u", level) : g_strdup(model->name);
    if (level > 0) {
        *ret_on = catalog_get_level(map, level);
        return catalog_add_feature(map, "svm", text, ret_off, err);
    }
    return 0;
}

int cpu_words_parse(const char *text, const catalog *map, char **ret_words, cpulift_cpu **ret_cpu,
                    cpulift_error **err)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    g_autofree char *name = NULL;
    const char *model = NULL;
    struct said said = {0};
    feature_set base_on = {0}, base_off = {0};
    TRY(read_base(words[0] != NULL ? words[0] : "", text, map, &name, &model, &base_on, &base_off,
                  err));
    for (char **word = words + 1; words[0] != NULL && *word != NULL; word++) {
        TRY(add_word(*word, text, map, &said, err));
    }
    // As in x86_cpu_parse_featurestr() and x86_cpu_expand_features() of QEMU, target/i386/cpu.c.
    feature_set on = feature_set_subtract(feature_set_unite(said.on, said.plus), said.minus);
    feature_set off = feature_set_unite(feature_set_subtract(said.off, said.plus), said.minus);
    if (ret_words != NULL) {
        GString *fewest = g_string_new(name);
        add_words(fewest, map, &on, '+');
        add_words(fewest, map, &off, '-');
        *ret_words = g_string_free(fewest, FALSE);
    }
    on = feature_set_unite(on, feature_set_subtract(base_on, off));
    off = feature_set_unite(off, feature_set_subtract(base_off, on));
    g_autoptr(cpulift_cpu) cpu = cpu_new();
    cpu->mode = g_strdup("custom");
    cpu->match = g_strdup("exact");
    cpu->model = g_strdup(model);
    cpu->fallback = g_strdup("forbid");
    add_features(cpu, map, &on, CPU_REQUIRE);
    add_features(cpu, map, &off, CPU_DISABLE);
    *ret_cpu = g_steal_pointer(&cpu);
    return 0;
}

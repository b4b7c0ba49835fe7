// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/cpu_words.h"

#include <string.h>

bool cpu_words_is(const char *text)
{
    return strchr(text, ',') != NULL;
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
    if ((!is_off && strcmp(value, "on") != 0) || word[is_signed] == '\0') {
        return NULL;
    }
    *ret_in = *word == '+'   ? &said->plus
              : *word == '-' ? &said->minus
              : is_off       ? &said->off
                             : &said->on;
    *ret_out = is_off ? &said->on : &said->off;
    return equals != NULL ? g_strndup(word, (gsize)(equals - word)) : g_strdup(word + is_signed);
}

static int add_word(const char *word, const char *text, const catalog *map, struct said *said,
                    cpulift_error **err)
{
    feature_set one = {0}, *in = NULL, *out = NULL;
    g_autofree char *name = read_word(word, said, &in, &out);
    if (name == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
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

int cpu_words_parse(const char *text, const catalog *map, cpulift_cpu **ret_cpu,
                    cpulift_error **err)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    const struct catalog_model *model = words[0] != NULL ? catalog_find_model(map, words[0]) : NULL;
    if (model == NULL) {
        g_autofree char *meant = catalog_suggest_model(map, words[0] != NULL ? words[0] : "");
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s' begins with no CPU model that libvirt's map has%s", text,
                                 meant);
    }
    struct said said = {0};
    for (char **word = words + 1; *word != NULL; word++) {
        TRY(add_word(*word, text, map, &said, err));
    }
    // As in x86_cpu_parse_featurestr() and x86_cpu_expand_features() of QEMU, target/i386/cpu.c.
    feature_set on = feature_set_subtract(feature_set_unite(said.on, said.plus), said.minus);
    feature_set off = feature_set_unite(feature_set_subtract(said.off, said.plus), said.minus);
    g_autoptr(cpulift_cpu) cpu = cpu_new();
    cpu->mode = g_strdup("custom");
    cpu->match = g_strdup("exact");
    cpu->model = g_strdup(model->name);
    cpu->fallback = g_strdup("forbid");
    add_features(cpu, map, &on, CPU_REQUIRE);
    add_features(cpu, map, &off, CPU_DISABLE);
    *ret_cpu = g_steal_pointer(&cpu);
    return 0;
}

char *cpu_words_format(const cpulift_cpu *cpu, const char *separator)
{
    GString *out = g_string_new(cpu->model);
    for (size_t i = 0; i < cpu->feature_count; i++) {
        bool is_off = cpu->features[i].policy == CPU_DISABLE;
        g_string_append_printf(out, "%s%c%s", separator, is_off ? '-' : '+', cpu->features[i].name);
    }
    return g_string_free(out, FALSE);
}

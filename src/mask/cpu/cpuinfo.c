// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/cpu/cpuinfo.h"

#include <glib.h>
#include <string.h>

/// Flags that the kernel makes up from how it uses the CPU.
/// Source: arch/x86/include/asm/cpufeatures.h, word 3 "Linux-defined".
static const char *const made_up[] = {
    "constant_tsc", "cpuid",          "extd_apicid",  "nonstop_tsc", "nopl",
    "rep_good",     "tsc_known_freq", "tsc_reliable", "xtopology",   NULL,
};

struct facts {
    const struct mask_table *table;
    const catalog *map;
    const feature_set *features;
    const char *real; ///< the value of the line that is written
};

static bool is_shown(const struct facts *facts, const char *flag)
{
    int id = catalog_find_feature(facts->map, flag);
    if (id < 0) {
        g_autofree char *dashed = g_strdelimit(g_strdup(flag), "_", '-');
        id = catalog_find_feature(facts->map, dashed);
    }
    return id >= 0 ? feature_set_has(facts->features, (size_t)id) : g_strv_contains(made_up, flag);
}

static char *format_flags(const struct facts *facts)
{
    g_auto(GStrv) flags = g_strsplit(facts->real, " ", -1);
    GString *text = g_string_new(NULL);
    for (size_t i = 0; flags[i] != NULL; i++) {
        if (flags[i][0] != '\0' && is_shown(facts, flags[i])) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", flags[i]);
        }
    }
    return g_string_free(text, FALSE);
}

static char *format_family(const struct facts *facts)
{
    uint32_t version = mask_table_get(facts->table, 1, 0, -1).eax;
    unsigned base = version >> 8 & 15;
    return g_strdup_printf("%u", base == 15 ? base + (version >> 20 & 255) : base);
}

static char *format_model(const struct facts *facts)
{
    uint32_t version = mask_table_get(facts->table, 1, 0, -1).eax;
    unsigned base = version >> 8 & 15, model = version >> 4 & 15;
    return g_strdup_printf("%u", base == 6 || base == 15 ? model | (version >> 12 & 0xf0) : model);
}

static char *format_stepping(const struct facts *facts)
{
    return g_strdup_printf("%u", mask_table_get(facts->table, 1, 0, -1).eax & 15);
}

static char *format_level(const struct facts *facts)
{
    return g_strdup_printf("%u", mask_table_get(facts->table, 0, 0, -1).eax);
}

static char *format_vendor(const struct facts *facts)
{
    struct mask_regs regs = mask_table_get(facts->table, 0, 0, -1);
    const uint32_t words[] = {regs.ebx, regs.edx, regs.ecx};
    return g_strndup((const char *)words, sizeof words);
}

static char *format_name(const struct facts *facts)
{
    struct mask_regs words[3];
    for (uint32_t i = 0; i < 3; i++) {
        words[i] = mask_table_get(facts->table, 0x80000002 + i, 0, -1);
    }
    return g_strndup((const char *)words, sizeof words);
}

static const struct {
    const char *name;
    char *(*format)(const struct facts *facts);
} fields[] = {
    {"cpu family", format_family}, {"cpuid level", format_level}, {"flags", format_flags},
    {"model", format_model},       {"model name", format_name},   {"stepping", format_stepping},
    {"vendor_id", format_vendor},
};

/// One line "name<tabs>: value", as it is or with another value.
static void append_line(GString *text, struct facts *facts, const char *line)
{
    const char *colon = strchr(line, ':');
    g_autofree char *name = colon != NULL ? g_strndup(line, (size_t)(colon - line)) : NULL;
    for (size_t i = 0; name != NULL && i < G_N_ELEMENTS(fields); i++) {
        if (strcmp(g_strchomp(name), fields[i].name) == 0) {
            facts->real = colon + 1;
            g_autofree char *value = fields[i].format(facts);
            g_string_append_len(text, line, colon - line);
            g_string_append_printf(text, ": %s", value);
            return;
        }
    }
    g_string_append(text, line);
}

char *cpuinfo_format(const char *real, const struct mask_table *table, const catalog *map,
                     const feature_set *features)
{
    struct facts facts = {table, map, features, NULL};
    g_auto(GStrv) lines = g_strsplit(real, "\n", -1);
    GString *text = g_string_new(NULL);
    for (size_t i = 0; lines[i] != NULL; i++) {
        append_line(text, &facts, lines[i]);
        if (lines[i + 1] != NULL) {
            g_string_append_c(text, '\n');
        }
    }
    return g_string_free(text, FALSE);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fake_guest.h"

#include <string.h>

GString *fake_guest_new(void)
{
    GString *text = g_string_new("cpulift-probe 2 record 1 bits 64\n");
    fake_guest_add_vcpu(text, 0);
    return text;
}

void fake_guest_add_vcpu(GString *text, unsigned id)
{
    g_string_append_printf(text, "vcpu %08x\n", id);
}

struct words {
    uint32_t leaf, subleaf, regs[4];
};

static struct words *find_words(GArray *leaves, uint32_t leaf, uint32_t subleaf)
{
    for (guint i = 0; i < leaves->len; i++) {
        struct words *row = &g_array_index(leaves, struct words, i);
        if (row->leaf == leaf && row->subleaf == subleaf) {
            return row;
        }
    }
    struct words row = {leaf, subleaf, {0}};
    g_array_append_val(leaves, row);
    return &g_array_index(leaves, struct words, leaves->len - 1);
}

static void add_feature(GArray *leaves, const catalog *map, const char *name)
{
    int id = catalog_find_feature(map, name);
    g_assert(id >= 0);
    const struct catalog_feature *feature = catalog_get_feature(map, (size_t)id);
    for (size_t i = 0; i < feature->bit_count; i++) {
        const struct feature_bit *bit = &feature->bits[i];
        struct words *row = find_words(leaves, bit->leaf, bit->subleaf);
        for (unsigned reg = 0; reg < 4 && !bit->is_msr; reg++) {
            row->regs[reg] |= bit->regs[reg];
        }
    }
}

void fake_guest_add_cpu(GString *text, const catalog *map, const char *features, const char *vendor,
                        uint32_t signature, unsigned width)
{
    g_autoptr(GArray) leaves = g_array_new(FALSE, FALSE, sizeof(struct words));
    struct words *first = find_words(leaves, 0, 0);
    memcpy(&first->regs[1], vendor, 4);
    memcpy(&first->regs[3], vendor + 4, 4);
    memcpy(&first->regs[2], vendor + 8, 4);
    find_words(leaves, 1, 0)->regs[0] = signature;
    find_words(leaves, 0x80000008, 0)->regs[0] = width;
    g_auto(GStrv) names = g_strsplit(features, " ", -1);
    for (size_t i = 0; names[i] != NULL; i++) {
        add_feature(leaves, map, names[i]);
    }
    for (guint i = 0; i < leaves->len; i++) {
        const struct words *row = &g_array_index(leaves, struct words, i);
        g_string_append_printf(text, "cpuid %08x %08x %08x %08x %08x %08x\n", row->leaf,
                               row->subleaf, row->regs[0], row->regs[1], row->regs[2],
                               row->regs[3]);
    }
    g_string_append(text, "cpuid-end\nxcr0 00000000 00000000\n");
}

void fake_guest_add_sets(GString *text, const char *sets)
{
    g_auto(GStrv) names = g_strsplit(sets, ",", -1);
    for (size_t i = 0; names[i] != NULL; i++) {
        g_string_append_printf(text, "set %s ok\n", names[i]);
    }
}

void fake_guest_finish(GString *text, unsigned number)
{
    uint32_t sum = 2166136261u, lines = 0;
    for (gsize i = 0; i < text->len; i++) {
        sum = (sum ^ (uint8_t)text->str[i]) * 16777619u;
        lines += text->str[i] == '\n';
    }
    g_string_append_printf(text, "end %u %u %08x\n", number, lines, sum);
}

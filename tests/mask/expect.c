// SPDX-License-Identifier: LGPL-2.1-or-later
/// Prints the CPUID bits of a definition straight from libvirt's map, without src/mask/table.c:
/// "LEAF SUBLEAF REGISTER ALL WANTED" for each register of which the map knows a bit.
#include "core/catalog.h"
#include "mask/cpu/definition.h"

#include <glib.h>
#include <stdio.h>

struct word {
    uint32_t leaf, subleaf, all[4], wanted[4];
};

static struct word words[64];
static size_t word_count;

static struct word *get_word(uint32_t leaf, uint32_t subleaf)
{
    for (size_t i = 0; i < word_count; i++) {
        if (words[i].leaf == leaf && words[i].subleaf == subleaf) {
            return &words[i];
        }
    }
    words[word_count] = (struct word){.leaf = leaf, .subleaf = subleaf};
    return &words[word_count++];
}

int main(int argc, char **argv)
{
    g_autoptr(catalog) map = NULL;
    g_autoptr(cpulift_error) err = NULL;
    struct definition definition;
    if (argc != 2 || catalog_load(NULL, &map, &err) != 0 ||
        definition_load(argv[1], false, map, &definition, &err) != 0) {
        fprintf(stderr, "expect: %s\n", err != NULL ? err->message : "one definition is needed");
        return 2;
    }
    for (size_t id = 0; id < catalog_feature_count(map); id++) {
        const struct catalog_feature *feature = catalog_get_feature(map, id);
        for (size_t i = 0; i < feature->bit_count; i++) {
            const struct feature_bit *bit = &feature->bits[i];
            struct word *word = bit->is_msr ? NULL : get_word(bit->leaf, bit->subleaf);
            for (int reg = 0; word != NULL && reg < 4; reg++) {
                bool is_wanted = feature_set_has(&definition.cpu.features, id);
                word->all[reg] |= bit->regs[reg];
                word->wanted[reg] |= is_wanted ? bit->regs[reg] : 0;
            }
        }
    }
    for (size_t i = 0; i < word_count; i++) {
        for (int reg = 0; reg < 4; reg++) {
            if (words[i].all[reg] != 0) {
                printf("%08x %02x %c %08x %08x\n", words[i].leaf, words[i].subleaf, "abcd"[reg],
                       words[i].all[reg], words[i].wanted[reg]);
            }
        }
    }
    definition_clear(&definition);
    return 0;
}

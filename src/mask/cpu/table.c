// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/cpu/table.h"

#include "mask/cpu/leaf.h" // circle: the struct, which both files know from inside

#include <string.h>

#define MASK_SIGNATURE(...) {__VA_ARGS__},
static const struct mask_signature signatures[] = {
#include "mask/cpu/tables/signatures.def"
};

const struct mask_signature *mask_signature_find(const char *model)
{
    for (size_t i = 0; i < G_N_ELEMENTS(signatures); i++) {
        if (strcmp(signatures[i].name, model) == 0) {
            return &signatures[i];
        }
    }
    return NULL;
}

static bool is_amd_string(const char *vendor)
{
    return strcmp(vendor, "AuthenticAMD") == 0 || strcmp(vendor, "HygonGenuine") == 0;
}

static void read_vendor(struct mask_table *table, const char *wanted)
{
    struct mask_regs regs = mask_table_read_host(table, 0, 0, -1);
    const uint32_t words[] = {regs.ebx, regs.edx, regs.ecx};
    memcpy(table->vendor, words, sizeof words);
    if (wanted != NULL) {
        memset(table->vendor, 0, sizeof table->vendor);
        memcpy(table->vendor, wanted, MIN(strlen(wanted), sizeof table->vendor));
    }
    char text[sizeof table->vendor + 1] = {0};
    memcpy(text, table->vendor, sizeof table->vendor);
    table->is_amd = is_amd_string(text);
}

/// The version word of leaf 1 eax. Source: Intel SDM vol. 2A, figure 3-6; QEMU composes it so.
static uint32_t pack_version(const struct mask_signature *signature)
{
    unsigned base = MIN(signature->family, 15), extended = signature->family - base;
    return extended << 20 | (signature->model >> 4) << 16 | base << 8 |
           (signature->model & 15) << 4 | signature->stepping;
}

static struct feature_word *get_word(struct mask_table *table, uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < table->words->len; i++) {
        struct feature_word *word = &g_array_index(table->words, struct feature_word, i);
        if (word->leaf == leaf && word->subleaf == subleaf) {
            return word;
        }
    }
    struct feature_word word = {.leaf = leaf, .subleaf = subleaf};
    g_array_append_val(table->words, word);
    return &g_array_index(table->words, struct feature_word, table->words->len - 1);
}

/// Collects the definition's features by leaf.
static void add_features(struct mask_table *table, const catalog *map, const feature_set *set)
{
    feature_set_foreach (id, set) {
        const struct catalog_feature *feature = catalog_get_feature(map, id);
        for (size_t i = 0; i < feature->bit_count; i++) {
            const struct feature_bit *bit = &feature->bits[i];
            if (!bit->is_msr) {
                struct feature_word *word = get_word(table, bit->leaf, bit->subleaf);
                for (int reg = 0; reg < 4; reg++) {
                    word->bits[reg] |= bit->regs[reg];
                }
            }
        }
    }
}

/// QEMU raises a model's highest leaf to what its features need (x86_cpu_expand_features).
static void raise_levels(struct mask_table *table)
{
    for (unsigned i = 0; i < table->words->len; i++) {
        const struct feature_word *word = &g_array_index(table->words, struct feature_word, i);
        bool has_bits = (word->bits[0] | word->bits[1] | word->bits[2] | word->bits[3]) != 0;
        if (has_bits && word->leaf < 0x40000000) {
            table->level = MAX(table->level, word->leaf);
        } else if (has_bits && word->leaf >= 0x80000000 && word->leaf < 0xc0000000) {
            table->xlevel = MAX(table->xlevel, word->leaf);
        }
    }
}

static void set_signature(struct mask_table *table, const struct mask_signature *signature)
{
    if (signature == NULL) {
        table->version = mask_table_read_host(table, 1, 0, -1).eax;
        table->level = mask_table_read_host(table, 0, 0, -1).eax;
        table->xlevel = mask_table_read_host(table, 0x80000000, 0, -1).eax;
        for (uint32_t i = 0; i < 3; i++) {
            struct mask_regs regs = mask_table_read_host(table, 0x80000002 + i, 0, -1);
            memcpy(table->brand + sizeof regs * i, &regs, sizeof regs);
        }
        return;
    }
    table->version = pack_version(signature);
    table->level = signature->level;
    table->xlevel = signature->xlevel;
    g_strlcpy(table->brand, signature->model_id, sizeof table->brand);
}

struct mask_table *mask_table_new(const struct mask_definition *definition, const catalog *map,
                                  mask_cpuid_fn read, void *data)
{
    struct mask_table *table = g_new0(struct mask_table, 1);
    table->read = read;
    table->data = data;
    table->is_host = definition->is_host;
    table->phys_bits = definition->phys_bits;
    table->words = g_array_new(FALSE, FALSE, sizeof(struct feature_word));
    read_vendor(table, definition->vendor);
    set_signature(table, definition->signature);
    if (!definition->is_host) {
        add_features(table, map, &definition->features);
        raise_levels(table);
    }
    return table;
}

void mask_table_free(struct mask_table *table)
{
    if (table != NULL) {
        g_array_unref(table->words);
        g_free(table);
    }
}

static bool has_bits(const struct feature_bit *bit, const struct mask_regs *regs)
{
    return (bit->regs[0] & ~regs->eax) == 0 && (bit->regs[1] & ~regs->ebx) == 0 &&
           (bit->regs[2] & ~regs->ecx) == 0 && (bit->regs[3] & ~regs->edx) == 0;
}

/// True if the real CPU announces the feature in every place where the map says it is announced.
static bool host_has(const struct catalog_feature *feature, mask_cpuid_fn read, void *data)
{
    for (size_t i = 0; i < feature->bit_count; i++) {
        const struct feature_bit *bit = &feature->bits[i];
        uint32_t top = read(data, bit->leaf & 0xc0000000, 0, -1).eax;
        struct mask_regs regs = read(data, bit->leaf, bit->subleaf, -1);
        if (bit->is_msr || bit->leaf > top || !has_bits(bit, &regs)) {
            return bit->is_msr;
        }
    }
    return true;
}

/// Features that no instruction of a user program depends on, by libvirt's name.
static const char *const privileged[] = {
#define MASK_PRIVILEGED(name) name,
#include "mask/cpu/tables/privileged.def"
    NULL,
};

feature_set mask_find_lacking(const struct mask_definition *definition, const catalog *map,
                              mask_cpuid_fn read, void *data)
{
    feature_set lacking = {0};
    if (definition->is_host) {
        return lacking;
    }
    feature_set_foreach (id, &definition->features) {
        const struct catalog_feature *feature = catalog_get_feature(map, id);
        if (feature->bit_count > 0 && !g_strv_contains(privileged, feature->name) &&
            !host_has(feature, read, data)) {
            feature_set_add(&lacking, id);
        }
    }
    return lacking;
}

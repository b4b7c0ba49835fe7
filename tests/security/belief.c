// SPDX-License-Identifier: LGPL-2.1-or-later
/// test-belief tcg|kvm CONSOLE…: holds what kernels said of their CPUs' vulnerabilities, as
/// cpulift-kernel-init printed it, against what protection_predict says of the CPUID that they
/// read. A line for each file that differs, and one with the numbers. 1: something differs, or was
/// not said.
#include "base/file.h"
#include "core/protection.h"

#include <stdio.h>
#include <string.h>

#define CONSOLE_MAX ((size_t)1 << 20)

struct guest {
    char *release;
    json_t *texts;
    char vendor[13];
    unsigned family, model, stepping, siblings, cores;
    feature_set features;
    bool is_whole;
};

static unsigned get_signature(struct guest *g, uint32_t eax)
{
    g->family = (eax >> 8 & 15) + ((eax >> 8 & 15) == 15 ? eax >> 20 & 255 : 0);
    g->model = (eax >> 4 & 15) + ((eax >> 8 & 15) >= 6 ? (eax >> 16 & 15) << 4 : 0);
    return g->stepping = eax & 15;
}

static void add_leaf(struct guest *g, const catalog *map, const char *line)
{
    uint32_t leaf, subleaf, regs[4];
    if (sscanf(line, "%x %x: %x %x %x %x", &leaf, &subleaf, &regs[0], &regs[1], &regs[2],
               &regs[3]) != 6) {
        return;
    }
    if (leaf == 0) {
        memcpy(g->vendor, &regs[1], 4);
        memcpy(g->vendor + 4, &regs[3], 4);
        memcpy(g->vendor + 8, &regs[2], 4);
    } else if (leaf == 1) {
        get_signature(g, regs[0]);
    }
    for (size_t id = 0; id < catalog_feature_count(map); id++) {
        const struct catalog_feature *feature = catalog_get_feature(map, id);
        for (size_t b = 0; b < feature->bit_count; b++) {
            const struct feature_bit *bit = &feature->bits[b];
            bool is_here = !bit->is_msr && bit->leaf == leaf && bit->subleaf == subleaf;
            for (size_t r = 0; is_here && r < 4; r++) {
                if ((bit->regs[r] & regs[r]) != 0) {
                    feature_set_add(&g->features, id);
                }
            }
        }
    }
}

/// What is announced by an MSR that was read.
static void add_msr(struct guest *g, const catalog *map, const char *line)
{
    uint32_t index, high, low;
    if (sscanf(line, "%x: %8x%8x", &index, &high, &low) != 3) {
        return;
    }
    for (size_t id = 0; id < catalog_feature_count(map); id++) {
        const struct catalog_feature *feature = catalog_get_feature(map, id);
        for (size_t b = 0; b < feature->bit_count; b++) {
            const struct feature_bit *bit = &feature->bits[b];
            if (bit->is_msr && bit->leaf == index &&
                ((bit->regs[0] & low) != 0 || (bit->regs[3] & high) != 0)) {
                feature_set_add(&g->features, id);
            }
        }
    }
}

static void add_text(struct guest *g, const char *line)
{
    const char *colon = strstr(line, ": ");
    if (colon != NULL) {
        g_autofree char *name = g_strndup(line, (size_t)(colon - line));
        json_object_set_new(g->texts, name, json_string(colon + 2));
    }
}

static void add_line(struct guest *g, const catalog *map, const char *line)
{
    if (g_str_has_prefix(line, "release ")) {
        g_free(g->release);
        g->release = g_strdup(line + strlen("release "));
    } else if (g_str_has_prefix(line, "vulnerability ")) {
        add_text(g, line + strlen("vulnerability "));
    } else if (g_str_has_prefix(line, "cpuid ")) {
        add_leaf(g, map, line + strlen("cpuid "));
    } else if (g_str_has_prefix(line, "msr ")) {
        add_msr(g, map, line + strlen("msr "));
    } else if (g_str_has_prefix(line, "cpu siblings: ")) {
        sscanf(line, "cpu siblings: %u", &g->siblings);
    } else if (g_str_has_prefix(line, "cpu cpu cores: ")) {
        sscanf(line, "cpu cpu cores: %u", &g->cores);
    } else if (strcmp(line, "@cpulift end kernel") == 0) {
        g->is_whole = true;
    }
}

static void read_lines(struct guest *g, const catalog *map, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        g_strchomp(*line);
        add_line(g, map, *line);
    }
}

/// Prints what differs; the number of files compared is added to *count.
static bool compare(struct guest *g, const catalog *map, bool is_emulated, const char *path,
                    unsigned *count)
{
    const protection_kernel *kernel =
        g->release != NULL ? protection_find_kernel(g->release) : NULL;
    const struct catalog_vendor *vendor = catalog_find_vendor(map, g->vendor);
    const struct protection_cpu cpu = {
        .signature = {vendor != NULL ? vendor->name : NULL, g->family, g->model, g->stepping},
        .features = &g->features,
        .is_guest = true,
        .is_emulated = is_emulated,
        .has_threads = g->siblings > g->cores,
    };
    g_autoptr(json_t) told = kernel != NULL ? protection_predict(map, &cpu, kernel) : NULL;
    if (!g->is_whole || told == NULL) {
        printf("%s: %s\n", path,
               !g->is_whole ? "the guest did not come to its end"
                            : "nothing is known of its kernel or CPU");
        return false;
    }
    bool is_same = true;
    const char *name;
    const json_t *said;
    json_object_foreach (g->texts, name, said) {
        const json_t *ours = json_object_get(told, name);
        if (!json_equal(ours, said)) {
            printf("%s: %s\n  said: %s\n  told: %s\n", path, name, json_string_value(said),
                   ours != NULL ? json_string_value(ours) : "nothing");
            is_same = false;
        }
        ++*count;
    }
    return is_same && json_object_size(told) == json_object_size(g->texts);
}

static bool compare_file(const catalog *map, bool is_emulated, const char *path, unsigned *count)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *text = NULL;
    size_t len = 0;
    struct guest g = {.texts = json_object()};
    if (file_load(path, CONSOLE_MAX, &text, &len, &err) != 0) {
        printf("%s\n", err->message);
    } else {
        read_lines(&g, map, text);
    }
    bool is_same = text != NULL && compare(&g, map, is_emulated, path, count);
    json_decref(g.texts);
    g_free(g.release);
    return is_same;
}

int main(int argc, char **argv)
{
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    if (argc < 3 || catalog_load(NULL, &map, &err) != 0) {
        fprintf(stderr, "test-belief: %s\n", err != NULL ? err->message : "tcg|kvm CONSOLE…");
        return 2;
    }
    unsigned texts = 0, boots = 0, same = 0;
    for (char **path = argv + 2; *path != NULL; path++) {
        boots++;
        same += compare_file(map, strcmp(argv[1], "tcg") == 0, *path, &texts);
    }
    printf("%u boots, %u texts: %u boots as told, %u not\n", boots, texts, same, boots - same);
    return same == boots ? 0 : 1;
}

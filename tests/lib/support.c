// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support.h"

#include <stdio.h>
#include <string.h>

char *support_find_shared(const char *relative)
{
    const char *folder = g_getenv("CPULIFT_SHARED");
    const char *source = g_getenv("CPULIFT_SOURCE");
    g_autofree char *path = folder != NULL ? g_build_filename(folder, relative, NULL)
                                           : g_build_filename(source != NULL ? source : ".", "..",
                                                              "shared", relative, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS) ? g_steal_pointer(&path) : NULL;
}

static guint64 get_number(const char *variable, guint64 otherwise)
{
    const char *text = g_getenv(variable);
    return text != NULL ? g_ascii_strtoull(text, NULL, 10) : otherwise;
}

GRand *support_new_dice(void)
{
    guint32 seed = (guint32)get_number("CPULIFT_SEED", g_random_int());
    printf("# CPULIFT_SEED=%u\n", seed);
    return g_rand_new_with_seed(seed);
}

size_t support_get_rounds(size_t usual)
{
    return (size_t)MAX(usual * get_number("CPULIFT_EFFORT", 100) / 100, 1);
}

cpulift_cpu *support_parse_cpu(const char *xml)
{
    cpulift_cpu *cpu = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (cpu_parse(xml, strlen(xml), "definition", &cpu, &err) != 0) {
        g_error("%s", err->message);
    }
    return cpu;
}

const catalog *support_get_catalog(void)
{
    static catalog *map;
    g_autoptr(cpulift_error) err = NULL;
    if (map == NULL && catalog_load(NULL, &map, &err) != 0) {
        g_error("%s", err->message);
    }
    return map;
}

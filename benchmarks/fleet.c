// SPDX-License-Identifier: LGPL-2.1-or-later
/// fleet HOSTS KINDS FOLDER: a large pool of one vendor, described twice: FOLDER/hosts.jsonl for
/// cpulift, and FOLDER/cpus.xml, a <cpu> on each line, for libvirt's baseline call. Shapes are the
/// recorded machines' where they are present, else the named models of the CPU map.
#include "base/json.h"
#include "pool.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VENDOR "Intel"

/// One shape of host: its document, and what guests get there.
struct shape {
    json_t *document;
    feature_set features;
};

static void add_recorded(GArray *shapes, GPtrArray *machines)
{
    for (size_t i = 0; i < machines->len; i++) {
        const struct pool_machine *machine = machines->pdata[i];
        struct shape shape = {json_loads(machine->document, 0, NULL), machine->features};
        if (strcmp(machine->vendor, VENDOR) == 0) {
            g_array_append_val(shapes, shape);
        }
    }
}

static void add_models(GArray *shapes, const catalog *map)
{
    for (size_t i = 0; i < catalog_model_count(map); i++) {
        const struct catalog_model *model = catalog_get_model(map, i);
        if (g_strcmp0(model->vendor, VENDOR) == 0) {
            struct pool_host host = {.name = "h", .model = model->name};
            g_autofree char *text = pool_format_host(&host);
            struct shape shape = {json_loads(text, 0, NULL), model->features};
            g_array_append_val(shapes, shape);
        }
    }
}

/// Lists of model names, as scan writes them.
static void add_names(const struct shape *shape, const catalog *map)
{
    json_t *known = json_array();
    json_t *usable = json_array();
    for (size_t i = 0; i < catalog_model_count(map); i++) {
        const struct catalog_model *model = catalog_get_model(map, i);
        json_array_append_new(known, json_string(model->name));
        if (feature_set_is_subset(&model->features, &shape->features)) {
            json_array_append_new(usable, json_string(model->name));
        }
    }
    json_object_set_new(shape->document, "libvirt_models", known);
    size_t i;
    json_t *guest;
    json_array_foreach (json_object_get(shape->document, "guests"), i, guest) {
        json_object_set(guest, "usable_models", usable);
    }
    json_decref(usable);
}

static char *format_cpu(const struct shape *shape, const catalog *map)
{
    GString *xml =
        g_string_new("<cpu><arch>x86_64</arch><model>486</model><vendor>" VENDOR "</vendor>");
    feature_set rest =
        feature_set_subtract(shape->features, catalog_find_model(map, "486")->features);
    feature_set_foreach (id, &rest) {
        g_string_append_printf(xml, "<feature name='%s'/>", catalog_get_feature(map, id)->name);
    }
    g_string_append(xml, "</cpu>\n");
    return g_string_free(xml, FALSE);
}

/// The document of host `number`; hosts of one kind differ in the name only, kinds of one shape in
/// the kernel.
static char *format_host(const struct shape *shape, size_t number, size_t kind)
{
    g_autofree char *name = g_strdup_printf("host%06zu", number);
    g_autofree char *kernel = g_strdup_printf("6.1.%zu", kind);
    json_object_set_new(shape->document, "name", json_string(name));
    json_object_set_new(shape->document, "versions", json_pack("{s:s}", "kernel", kernel));
    return json_format_line(shape->document);
}

static FILE *open_in(const char *folder, const char *file)
{
    g_autofree char *path = g_build_filename(folder, file, NULL);
    FILE *out = fopen(path, "we");
    if (out == NULL) {
        perror(path);
        exit(2);
    }
    return out;
}

int main(int argc, char **argv)
{
    size_t hosts = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
    size_t kinds = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    if (hosts == 0 || kinds == 0) {
        fputs("usage: fleet HOSTS KINDS FOLDER\n", stderr);
        return 64;
    }
    const catalog *map = support_get_catalog();
    g_autoptr(GArray) shapes = g_array_new(FALSE, FALSE, sizeof(struct shape));
    g_autoptr(GPtrArray) machines = pool_load_machines();
    if (machines != NULL) {
        add_recorded(shapes, machines);
    } else {
        add_models(shapes, map);
    }
    for (size_t i = 0; i < shapes->len; i++) {
        add_names(&g_array_index(shapes, struct shape, i), map);
    }
    FILE *documents = open_in(argv[3], "hosts.jsonl");
    FILE *elements = open_in(argv[3], "cpus.xml");
    for (size_t number = 0; number < hosts; number++) {
        size_t kind = number % kinds;
        const struct shape *shape = &g_array_index(shapes, struct shape, kind % shapes->len);
        g_autofree char *document = format_host(shape, number, kind);
        g_autofree char *element = format_cpu(shape, map);
        fputs(document, documents);
        fputs(element, elements);
    }
    printf("%zu hosts of %zu kinds, %u shapes (%s)\n", hosts, kinds, shapes->len,
           machines != NULL ? "recorded machines" : "named models");
    return fclose(documents) == 0 && fclose(elements) == 0 ? 0 : 2;
}

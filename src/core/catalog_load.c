// SPDX-License-Identifier: LGPL-2.1-or-later
/// Reads libvirt's cpu_map: index.xml and the files that it includes.
#include "base/file.h"
#include "base/text.h"
#include "base/xml.h"
#include "core/catalog_internal.h"

#include <string.h>

#define DEFAULT_FOLDER "/usr/share/libvirt/cpu_map"
#define FILE_MAX       ((size_t)4 << 20)

enum kind { CPUID, MSR };
enum reg { EAX, EBX, ECX, EDX };

static const struct newer {
    const char *name;
    enum kind kind;
    uint32_t leaf, subleaf;
    enum reg reg;
    unsigned bit;
} newer[] = {
#define NEWER(name, kind, leaf, subleaf, reg, bit) {name, kind, leaf, subleaf, reg, bit},
#include "core/tables/newer.def"
#undef NEWER
};

struct loader {
    catalog *map;
    const char *folder;
    GPtrArray *model_nodes; ///< xmlNode *, borrowed from docs
    GPtrArray *docs;        ///< xmlDoc *, owned
};

static void free_doc(void *doc)
{
    xmlFreeDoc(doc);
}

static uint32_t get_number(const xmlNode *node, const char *name)
{
    g_autofree char *text = xml_get_attribute(node, name);
    guint64 value = 0;
    return text != NULL && text_to_uint(text, UINT32_MAX, &value) ? (uint32_t)value : 0;
}

static int add_bit(struct catalog_feature *feature, const xmlNode *node, cpulift_error **err)
{
    if (feature->bit_count == CATALOG_BITS_MAX) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "feature '%s' of the CPU map has too many words", feature->name);
    }
    bool is_msr = strcmp((const char *)node->name, "msr") == 0;
    feature->bits[feature->bit_count++] = (struct feature_bit){
        .is_msr = is_msr,
        .leaf = get_number(node, is_msr ? "index" : "eax_in"),
        .subleaf = get_number(node, "ecx_in"),
        .regs = {get_number(node, "eax"), get_number(node, "ebx"), get_number(node, "ecx"),
                 get_number(node, "edx")},
    };
    return 0;
}

static void feature_free(void *data)
{
    struct catalog_feature *feature = data;
    g_free(feature->name);
    g_free(feature);
}

static int add_feature(struct loader *loader, xmlNode *node, cpulift_error **err)
{
    struct catalog_feature *feature = g_new0(struct catalog_feature, 1);
    g_ptr_array_add(loader->map->features, feature);
    feature->name = xml_get_attribute(node, "name");
    if (feature->name == NULL || !text_is_name(feature->name)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "the CPU map has a feature without a name");
    }
    g_autofree char *migratable = xml_get_attribute(node, "migratable");
    feature->is_migratable = g_strcmp0(migratable, "no") != 0;
    for (xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE && (strcmp((const char *)child->name, "cpuid") == 0 ||
                                                strcmp((const char *)child->name, "msr") == 0)) {
            TRY(add_bit(feature, child, err));
        }
    }
    return 0;
}

static void vendor_free(void *data)
{
    struct catalog_vendor *vendor = data;
    g_free(vendor->name);
    g_free(vendor->string);
    g_free(vendor);
}

static int add_vendor(struct loader *loader, xmlNode *node, cpulift_error **err)
{
    struct catalog_vendor *vendor = g_new0(struct catalog_vendor, 1);
    g_ptr_array_add(loader->map->vendors, vendor);
    vendor->name = xml_get_attribute(node, "name");
    vendor->string = xml_get_attribute(node, "string");
    if (vendor->name == NULL || vendor->string == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "the CPU map has a vendor without a name");
    }
    return 0;
}

static int load_file(struct loader *loader, const char *file, cpulift_error **err);

/// What an element of the map means; anything else may hold further elements.
static int visit(struct loader *loader, xmlNode *node, cpulift_error **err)
{
    const char *kind = (const char *)node->name;
    if (strcmp(kind, "feature") == 0) {
        return add_feature(loader, node, err);
    }
    if (strcmp(kind, "vendor") == 0) {
        return add_vendor(loader, node, err);
    }
    if (strcmp(kind, "model") == 0) {
        g_ptr_array_add(loader->model_nodes, node);
        return 0;
    }
    g_autofree char *file = xml_get_attribute(node, "filename");
    if (strcmp(kind, "include") == 0 && file != NULL) {
        return load_file(loader, file, err);
    }
    g_autofree char *arch = xml_get_attribute(node, "name");
    if (strcmp(kind, "arch") == 0 && g_strcmp0(arch, "x86") != 0) {
        return 0;
    }
    for (xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE) {
            TRY(visit(loader, child, err));
        }
    }
    return 0;
}

static int load_file(struct loader *loader, const char *file, cpulift_error **err)
{
    if (!text_is_name(file) || loader->docs->len > 1000) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "the CPU map includes '%s', which is no file of it", file);
    }
    g_autofree char *path = g_build_filename(loader->folder, file, NULL);
    g_autofree char *text = NULL;
    size_t len = 0;
    g_autoptr(xmlDoc) doc = NULL;
    TRY(file_load(path, FILE_MAX, &text, &len, err));
    TRY(xml_parse(text, len, path, &doc, err));
    xmlNode *root = xmlDocGetRootElement(doc);
    g_ptr_array_add(loader->docs, g_steal_pointer(&doc));
    return visit(loader, root, err);
}

/// "0-4,7" as a bit for each stepping; NULL means all.
static uint32_t parse_steppings(const char *text)
{
    if (text == NULL) {
        return UINT32_MAX;
    }
    uint32_t set = 0;
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    for (char **part = parts; *part != NULL; part++) {
        guint64 first = 0, last = 0;
        char *dash = strchr(*part, '-');
        if (dash != NULL) {
            *dash = '\0';
        }
        if (text_to_uint(*part, 31, &first) &&
            text_to_uint(dash != NULL ? dash + 1 : *part, 31, &last)) {
            for (guint64 s = first; s <= last; s++) {
                set |= UINT32_C(1) << s;
            }
        }
    }
    return set;
}

static void read_signatures(struct catalog_model *model, const xmlNode *node)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct catalog_signature));
    for (xmlNode *s = xml_find_child(node, "signature"); s != NULL;
         s = xml_find_next(s, "signature")) {
        g_autofree char *steppings = xml_get_attribute(s, "stepping");
        struct catalog_signature signature = {get_number(s, "family"), get_number(s, "model"),
                                              parse_steppings(steppings)};
        g_array_append_val(list, signature);
    }
    model->signature_count = list->len;
    model->signatures = (struct catalog_signature *)(void *)g_array_free(list, FALSE);
}

static bool is_marked(const xmlNode *node, const char *mark)
{
    g_autofree char *value = xml_get_attribute(node, mark);
    return g_strcmp0(value, "yes") == 0;
}

/// Newer maps mark as added='yes' what a model got later (vmx and vmx-*): older libvirts do not
/// know the names, and libvirt itself does not miss them, so they are no part of the model here.
static int read_model_features(const catalog *map, struct catalog_model *model, const xmlNode *node,
                               cpulift_error **err)
{
    for (xmlNode *f = xml_find_child(node, "feature"); f != NULL; f = xml_find_next(f, "feature")) {
        g_autofree char *name = xml_get_attribute(f, "name");
        if (!is_marked(f, "added")) {
            TRY(catalog_add_feature(map, name != NULL ? name : "", model->name,
                                    is_marked(f, "removed") ? &model->removed : &model->features,
                                    err));
        }
    }
    return 0;
}

static void model_free(void *data)
{
    struct catalog_model *model = data;
    g_free(model->name);
    g_free(model->vendor);
    g_free(model->signatures);
    g_free(model);
}

/// Older maps build a model on another: <model name='A'><model name='B'/>… takes over B's features
/// and vendor.
static int inherit(const catalog *map, struct catalog_model *model, const xmlNode *node,
                   cpulift_error **err)
{
    xmlNode *base_node = xml_find_child(node, "model");
    if (base_node == NULL) {
        return 0;
    }
    g_autofree char *name = xml_get_attribute(base_node, "name");
    const struct catalog_model *base = name != NULL ? catalog_find_model(map, name) : NULL;
    if (base == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "model '%s' of the CPU map stands on unknown '%s'", model->name,
                                 name != NULL ? name : "");
    }
    model->features = base->features;
    model->removed = base->removed;
    model->vendor = g_strdup(base->vendor);
    return 0;
}

static int add_model(catalog *map, const xmlNode *node, cpulift_error **err)
{
    struct catalog_model *model = g_new0(struct catalog_model, 1);
    model->age = map->models->len;
    g_ptr_array_add(map->models, model);
    model->name = xml_get_attribute(node, "name");
    if (model->name == NULL || !text_is_name(model->name)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "the CPU map has a model without a name");
    }
    TRY(inherit(map, model, node, err));
    xmlNode *vendor = xml_find_child(node, "vendor");
    if (vendor != NULL) {
        g_free(model->vendor);
        model->vendor = xml_get_attribute(vendor, "name");
    }
    read_signatures(model, node);
    TRY(read_model_features(map, model, node, err));
    g_hash_table_insert(map->model_names, model->name, model);
    return 0;
}

static int compare_features(const void *a, const void *b)
{
    const struct catalog_feature *const *fa = a, *const *fb = b;
    return g_strcmp0((*fa)->name, (*fb)->name);
}

bool catalog_is_newer_name(const char *name)
{
    bool is_newer = g_str_has_prefix(name, "vmx-"); // all of them
    for (size_t i = 0; i < G_N_ELEMENTS(newer) && !is_newer; i++) {
        is_newer = strcmp(newer[i].name, name) == 0;
    }
    return is_newer;
}

/// Adds what newer maps have; both are sorted.
static void add_newer(catalog *map)
{
    for (guint i = 0, at = 0, installed = map->features->len; i < G_N_ELEMENTS(newer); i++) {
        while (at < installed && strcmp(catalog_get_feature(map, at)->name, newer[i].name) < 0) {
            at++;
        }
        if (at < installed && strcmp(catalog_get_feature(map, at)->name, newer[i].name) == 0) {
            continue;
        }
        struct catalog_feature *feature = g_new0(struct catalog_feature, 1);
        feature->name = g_strdup(newer[i].name);
        feature->is_migratable = feature->is_newer = true;
        feature->bit_count = 1;
        feature->bits[0] = (struct feature_bit){
            .is_msr = newer[i].kind == MSR, .leaf = newer[i].leaf, .subleaf = newer[i].subleaf};
        feature->bits[0].regs[newer[i].reg] = UINT32_C(1) << newer[i].bit;
        g_ptr_array_add(map->features, feature);
    }
    g_ptr_array_sort(map->features, compare_features);
}

static catalog *catalog_new(void)
{
    catalog *map = g_new0(catalog, 1);
    map->features = g_ptr_array_new_with_free_func(feature_free);
    map->models = g_ptr_array_new_with_free_func(model_free);
    map->vendors = g_ptr_array_new_with_free_func(vendor_free);
    map->ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    map->model_names = g_hash_table_new(g_str_hash, g_str_equal);
    return map;
}

void catalog_free(catalog *map)
{
    if (map != NULL) {
        g_hash_table_unref(map->model_names);
        g_hash_table_unref(map->ids);
        g_ptr_array_unref(map->vendors);
        g_ptr_array_unref(map->models);
        g_ptr_array_unref(map->features);
        g_free(map->needs);
        g_free(map);
    }
}

static int load_all(struct loader *loader, cpulift_error **err)
{
    catalog *map = loader->map;
    TRY(load_file(loader, "index.xml", err));
    size_t installed = map->features->len;
    g_ptr_array_sort(map->features, compare_features);
    add_newer(map);
    if (installed == 0 || map->features->len > FEATURE_MAX) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "the CPU map has %u features; 1 to %d are expected",
                                 map->features->len, FEATURE_MAX);
    }
    TRY(catalog_link_tables(map, err));
    for (size_t i = 0; i < loader->model_nodes->len; i++) {
        TRY(add_model(map, loader->model_nodes->pdata[i], err));
    }
    return catalog_link_models(map, err);
}

int catalog_load(const char *folder, catalog **ret_catalog, cpulift_error **err)
{
    const char *named = folder == NULL ? g_getenv("CPULIFT_CPU_MAP") : NULL;
    folder = named != NULL ? named : folder;
    g_autoptr(catalog) map = catalog_new();
    g_autoptr(GPtrArray) docs = g_ptr_array_new_with_free_func(free_doc);
    g_autoptr(GPtrArray) nodes = g_ptr_array_new();
    struct loader loader = {map, folder != NULL ? folder : DEFAULT_FOLDER, nodes, docs};
    int rc = load_all(&loader, err);
    if (rc != 0) {
        return cpulift_error_prefix(
            err, rc,
            named != NULL
                ? "cannot load a CPU map of libvirt's from '%s', which CPULIFT_CPU_MAP "
                  "names"
                : "cannot load libvirt's CPU map (package libvirt0 installs it) from '%s'",
            loader.folder);
    }
    *ret_catalog = g_steal_pointer(&map);
    return 0;
}

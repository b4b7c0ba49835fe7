// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/host.h"

#include "base/json.h"
#include "base/text.h"
#include "core/cpu.h"

#include <stddef.h>
#include <string.h>

/// Members that are plain strings: key and place, for reading and writing alike.
struct member {
    const char *object; ///< NULL: top level
    const char *key;
    size_t offset;
};

static const struct member host_strings[] = {
    {NULL, "arch", offsetof(cpulift_host, arch)},
    {NULL, "source", offsetof(cpulift_host, source)},
    {"cpu", "vendor", offsetof(cpulift_host, vendor)},
    {"cpu", "model_name", offsetof(cpulift_host, model_name)},
    {"versions", "libvirt", offsetof(cpulift_host, libvirt_version)},
    {"versions", "qemu", offsetof(cpulift_host, qemu_version)},
    {"versions", "kernel", offsetof(cpulift_host, kernel_version)},
};

static const struct {
    struct member member;
    guint64 max;
    bool is_signature; ///< written, even if 0, where there is a signature
} host_numbers[] = {
    {{"cpu", "family", offsetof(cpulift_host, family)}, 4095, true},
    {{"cpu", "model", offsetof(cpulift_host, model)}, 4095, true},
    {{"cpu", "stepping", offsetof(cpulift_host, stepping)}, 4095, true},
    {{"cpu", "phys_bits", offsetof(cpulift_host, phys_bits)}, CPU_PHYS_BITS_MAX, false},
};

static const struct member guest_strings[] = {
    {NULL, "virt", offsetof(struct host_guest, virt)},
    {NULL, "machine", offsetof(struct host_guest, machine)},
    {NULL, "canonical_machine", offsetof(struct host_guest, canonical_machine)},
    {NULL, "emulator", offsetof(struct host_guest, emulator)},
};

static const struct member guest_sets[] = {
    {NULL, "features", offsetof(struct host_guest, features)},
    {NULL, "libvirt_only", offsetof(struct host_guest, libvirt_only)},
    {NULL, "qemu_only", offsetof(struct host_guest, qemu_only)},
    {NULL, "not_migratable", offsetof(struct host_guest, not_migratable)},
};

#define PLACE(type, base, member) ((type *)(void *)((char *)(base) + (member)->offset))

static void guest_free(void *data)
{
    struct host_guest *guest = data;
    for (size_t i = 0; i < G_N_ELEMENTS(guest_strings); i++) {
        g_free(*PLACE(char *, guest, &guest_strings[i]));
    }
    g_strfreev(guest->unknown);
    g_strfreev(guest->usable_models);
    json_decref(guest->blocked_models);
    g_free(guest);
}

cpulift_host *host_new(const char *name)
{
    cpulift_host *new = g_new0(cpulift_host, 1);
    new->name = g_strdup(name);
    new->guests = g_ptr_array_new_with_free_func(guest_free);
    return new;
}

void host_free(cpulift_host *host)
{
    if (host == NULL) {
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(host_strings); i++) {
        g_free(*PLACE(char *, host, &host_strings[i]));
    }
    g_free(host->name);
    g_strfreev(host->libvirt_models);
    json_decref(host->vulnerabilities);
    g_ptr_array_unref(host->guests);
    g_free(host);
}

struct host_guest *host_add_guest(cpulift_host *host, const char *virt, const char *machine)
{
    struct host_guest *guest = g_new0(struct host_guest, 1);
    guest->virt = g_strdup(virt);
    guest->machine = g_strdup(machine);
    g_ptr_array_add(host->guests, guest);
    return guest;
}

const struct host_guest *host_find_guest(const cpulift_host *host, const char *virt,
                                         const char *machine)
{
    for (size_t i = 0; i < host->guests->len; i++) {
        const struct host_guest *guest = host->guests->pdata[i];
        if (strcmp(guest->virt, virt) == 0 && strcmp(guest->machine, machine) == 0) {
            return guest;
        }
    }
    return NULL;
}

/// Where parsed names go.
struct names {
    const catalog *map;
    feature_set *set;   ///< NULL: keep all names as text
    GPtrArray *strings; ///< names that are no feature of the catalogue
    const char *where;  ///< for messages
};

static int add_name(void *data, const char *string, cpulift_error **err)
{
    struct names *names = data;
    if (!text_is_name(string)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': '%s' is no feature or model name",
                                 names->where, string);
    }
    int id = names->set != NULL ? catalog_find_feature(names->map, string) : -1;
    if (id >= 0) {
        feature_set_add(names->set, (size_t)id);
    } else {
        g_ptr_array_add(names->strings, g_strdup(string));
    }
    return 0;
}

/// The strings, sorted and without doubles, as a vector; empties the array.
static char **take_strings(GPtrArray *strings)
{
    g_ptr_array_sort(strings, text_compare);
    GPtrArray *unique = g_ptr_array_new();
    for (size_t i = 0; i < strings->len; i++) {
        if (i == 0 || strcmp(strings->pdata[i], strings->pdata[i - 1]) != 0) {
            g_ptr_array_add(unique, g_strdup(strings->pdata[i]));
        }
    }
    g_ptr_array_add(unique, NULL);
    g_ptr_array_set_size(strings, 0);
    return (char **)g_ptr_array_free(unique, FALSE);
}

static int parse_vector(const json_t *object, const char *key, const char *name, char ***ret_vector,
                        cpulift_error **err)
{
    if (json_object_get(object, key) == NULL) {
        return 0;
    }
    g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);
    struct names names = {NULL, NULL, strings, name};
    int rc = json_each_string(object, key, name, add_name, &names, err);
    if (rc == 0) {
        *ret_vector = take_strings(strings);
    }
    return rc;
}

static int parse_strings(const json_t *json, const struct member *members, size_t count,
                         const char *name, void *base, cpulift_error **err)
{
    for (size_t i = 0; i < count; i++) {
        const json_t *object = members[i].object ? json_object_get(json, members[i].object) : json;
        const json_t *value = json_object_get(object, members[i].key);
        if (value != NULL && !json_is_string(value)) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': \"%s\" is not a string", name,
                                     members[i].key);
        }
        *PLACE(char *, base, &members[i]) = g_strdup(json_string_value(value));
    }
    return 0;
}

static int parse_sets(const json_t *json, const char *name, const catalog *map,
                      struct host_guest *guest, cpulift_error **err)
{
    g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);
    int rc = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(guest_sets) && rc == 0; i++) {
        struct names names = {map, PLACE(feature_set, guest, &guest_sets[i]), strings, name};
        rc = json_each_string(json, guest_sets[i].key, name, add_name, &names, err);
    }
    struct names unknown = {map, NULL, strings, name};
    if (rc == 0) {
        rc = json_each_string(json, "unknown", name, add_name, &unknown, err);
    }
    if (rc == 0 && strings->len > 0) {
        guest->unknown = take_strings(strings);
    }
    return rc;
}

static int parse_guest(const json_t *json, const char *name, const catalog *map, cpulift_host *host,
                       cpulift_error **err)
{
    const char *virt = json_get_string(json, "virt");
    const char *machine = json_get_string(json, "machine");
    if (virt == NULL || machine == NULL || !text_is_name(virt) || !text_is_name(machine) ||
        !json_is_array(json_object_get(json, "features"))) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s': an entry of \"guests\" lacks virt, machine or features",
                                 name);
    }
    if (host_find_guest(host, virt, machine) != NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': %s guests on %s stand twice", name,
                                 virt, machine);
    }
    struct host_guest *guest = host_add_guest(host, NULL, NULL);
    int rc = parse_strings(json, guest_strings, G_N_ELEMENTS(guest_strings), name, guest, err);
    if (rc == 0) {
        rc = parse_sets(json, name, map, guest, err);
    }
    if (rc == 0) {
        rc = parse_vector(json, "usable_models", name, &guest->usable_models, err);
    }
    guint64 bits = 0;
    if (rc == 0) {
        rc = json_read_uint(json, "phys_bits", CPU_PHYS_BITS_MAX, name, &bits, err);
    }
    guest->phys_bits = (unsigned)bits;
    guest->blocked_models = json_incref(json_object_get(json, "blocked_models"));
    return rc;
}

static int parse_guests(const json_t *json, const char *name, const catalog *map,
                        cpulift_host *host, cpulift_error **err)
{
    const json_t *guests = json_object_get(json, "guests");
    if (json_array_size(guests) == 0) {
        return cpulift_error_set(
            err, CPULIFT_EINPUT,
            "'%s' does not say what host '%s' can give a guest (\"guests\"); scan it "
            "again",
            name, host->name);
    }
    if (json_array_size(guests) > HOST_GUESTS_MAX) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "'%s': \"guests\" has %zu entries; at most %d are expected", name,
                                 json_array_size(guests), HOST_GUESTS_MAX);
    }
    int rc = 0;
    for (size_t i = 0; i < json_array_size(guests) && rc == 0; i++) {
        rc = parse_guest(json_array_get(guests, i), name, map, host, err);
    }
    return rc;
}

static int parse_numbers(const json_t *json, const char *name, cpulift_host *host,
                         cpulift_error **err)
{
    int rc = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(host_numbers) && rc == 0; i++) {
        const struct member *member = &host_numbers[i].member;
        guint64 value = 0;
        rc = json_read_uint(json_object_get(json, member->object), member->key, host_numbers[i].max,
                            name, &value, err);
        *PLACE(unsigned, host, member) = (unsigned)value;
    }
    return rc != 0 ? rc
                   : json_read_uint(json_object_get(json, "cpu"), "microcode", HOST_MICROCODE_MAX,
                                    name, &host->microcode, err);
}

/// What is of another type than expected is refused: taken for absent, it would change a plan.
static int check_types(const json_t *json, const char *name, cpulift_error **err)
{
    static const char *const objects[] = {"cpu", "versions", "vulnerabilities"};
    int rc = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(objects) && rc == 0; i++) {
        rc = json_check_object(json, objects[i], name, err);
    }
    const json_t *silicon = json_object_get(json, "silicon");
    if (rc == 0 && silicon != NULL && !json_is_boolean(silicon)) {
        rc = cpulift_error_set(err, CPULIFT_EINPUT, "'%s': \"silicon\" is neither true nor false",
                               name);
    }
    return rc;
}

static int parse_top(const json_t *json, const char *name, cpulift_host *host, cpulift_error **err)
{
    int rc = check_types(json, name, err);
    if (rc == 0) {
        rc = parse_strings(json, host_strings, G_N_ELEMENTS(host_strings), name, host, err);
    }
    if (rc == 0) {
        rc = parse_numbers(json, name, host, err);
    }
    host->is_silicon = json_is_true(json_object_get(json, "silicon"));
    host->vulnerabilities = json_incref(json_object_get(json, "vulnerabilities"));
    if (rc == 0) {
        rc = parse_vector(json, "libvirt_models", name, &host->libvirt_models, err);
    }
    if (rc == 0 && host->arch == NULL) {
        rc = cpulift_error_set(err, CPULIFT_EINPUT, "'%s': host '%s' has no \"arch\"", name,
                               host->name);
    }
    return rc;
}

int host_parse(const char *text, size_t len, const char *name, const catalog *map,
               cpulift_host **ret_host, cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    int rc = json_parse_document(text, len, name, HOST_SCHEMA, &json, err);
    if (rc != 0) {
        return rc;
    }
    const char *host_name = json_get_string(json, "name");
    if (host_name == NULL || !text_is_name(host_name)) {
        return cpulift_error_set(err, CPULIFT_EINPUT, "'%s' does not say the host's \"name\"",
                                 name);
    }
    g_autoptr(cpulift_host) host = host_new(host_name);
    rc = parse_top(json, name, host, err);
    if (rc == 0) {
        rc = parse_guests(json, name, map, host, err);
    }
    if (rc == 0) {
        *ret_host = g_steal_pointer(&host);
    }
    return rc;
}

json_t *host_format_features(const feature_set *set, const catalog *map)
{
    json_t *array = json_array();
    feature_set_foreach (id, set) {
        json_array_append_new(array, json_string(catalog_get_feature(map, id)->name));
    }
    return array;
}

static json_t *get_object(json_t *json, const char *key)
{
    if (key == NULL) {
        return json;
    }
    json_t *object = json_object_get(json, key);
    if (object == NULL) {
        object = json_object();
        json_object_set_new(json, key, object);
    }
    return object;
}

static void format_strings(json_t *json, const struct member *members, size_t count,
                           const void *base)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = *PLACE(char *const, base, &members[i]);
        if (value != NULL) {
            json_object_set_new(get_object(json, members[i].object), members[i].key,
                                json_string(value));
        }
    }
}

static void format_vector(json_t *json, const char *key, char **vector)
{
    if (vector != NULL) {
        json_object_set_new(json, key,
                            json_new_strings((const char *const *)vector, g_strv_length(vector)));
    }
}

static json_t *format_guest(const struct host_guest *guest, const catalog *map)
{
    json_t *json = json_object();
    format_strings(json, guest_strings, G_N_ELEMENTS(guest_strings), guest);
    for (size_t i = 0; i < G_N_ELEMENTS(guest_sets); i++) {
        const feature_set *set = PLACE(const feature_set, guest, &guest_sets[i]);
        if (i == 0 || !feature_set_is_empty(set)) {
            json_object_set_new(json, guest_sets[i].key, host_format_features(set, map));
        }
    }
    format_vector(json, "unknown", guest->unknown);
    format_vector(json, "usable_models", guest->usable_models);
    if (guest->blocked_models != NULL) {
        json_object_set(json, "blocked_models", guest->blocked_models);
    }
    if (guest->phys_bits != 0) {
        json_object_set_new(json, "phys_bits", json_integer(guest->phys_bits));
    }
    return json;
}

json_t *host_format(const cpulift_host *host, const catalog *map)
{
    json_t *json = json_object();
    json_object_set_new(json, "schema", json_string(HOST_SCHEMA));
    json_object_set_new(json, "name", json_string(host->name));
    format_strings(json, host_strings, G_N_ELEMENTS(host_strings), host);
    for (size_t i = 0; i < G_N_ELEMENTS(host_numbers); i++) {
        const struct member *member = &host_numbers[i].member;
        unsigned value = *PLACE(const unsigned, host, member);
        if (value != 0 || (host_numbers[i].is_signature && host->family != 0)) {
            json_object_set_new(get_object(json, "cpu"), member->key, json_integer(value));
        }
    }
    if (host->microcode != 0) {
        json_object_set_new(get_object(json, "cpu"), "microcode",
                            json_integer((json_int_t)host->microcode));
    }
    if (host->is_silicon) {
        json_object_set_new(json, "silicon", json_true());
    }
    format_vector(json, "libvirt_models", host->libvirt_models);
    if (host->vulnerabilities != NULL) {
        json_object_set(json, "vulnerabilities", host->vulnerabilities);
    }
    json_t *guests = json_array();
    for (size_t i = 0; i < host->guests->len; i++) {
        json_array_append_new(guests, format_guest(host->guests->pdata[i], map));
    }
    json_object_set_new(json, "guests", guests);
    return json;
}

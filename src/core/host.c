// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/host.h"

#include "base/date.h"
#include "base/json.h"
#include "base/text.h"
#include "core/cpu.h"
#include "core/guest_feature.h"
#include "core/machine.h"

#include <string.h>

/// A list of features: those of the catalogue (record_at.data) into the set, others to `unknown`.
static int parse_features(const record_at *at, const record_row *row, const json_t *value,
                          void *base, cpulift_error **err)
{
    struct host_guest *guest = base;
    feature_set *set = record_get_place(row, base);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    TRY(record_parse_strings(at, row, value, names, err));
    if (guest == NULL) {
        return 0;
    }
    g_autoptr(GPtrArray) unknown = g_ptr_array_new();
    for (size_t i = 0; i < names->len; i++) {
        int id = catalog_find_feature(at->data, names->pdata[i]);
        if (id >= 0) {
            feature_set_add(set, (size_t)id);
        } else {
            g_ptr_array_add(unknown, names->pdata[i]);
        }
    }
    if (unknown->len > 0) {
        record_merge_strings(&guest->unknown, unknown);
    }
    return 0;
}

json_t *host_format_features(const feature_set *set, const catalog *map)
{
    json_t *array = json_array();
    feature_set_foreach (id, set) {
        json_array_append_new(array, json_string(catalog_get_feature(map, id)->name));
    }
    return array;
}

static json_t *format_features(const record_row *row, const void *base, const void *data)
{
    const feature_set *set = record_get_place(row, base);
    bool is_written = (row->flags & RECORD_REQUIRED) != 0 || !feature_set_is_empty(set);
    return is_written ? host_format_features(set, data) : NULL;
}

static const struct record_kind features = {"list of names", parse_features, format_features, NULL};

static const record_row names_row = {
    .kind = &record_strings, .flags = RECORD_NAMES, .max = HOST_NAMES_MAX};
static const record_row name_row = {.kind = &record_name};
static const record_row text_row = {.kind = &record_string};

#define GUEST(member) RECORD_AT(struct host_guest, member)
#define HOST(member)  RECORD_AT(cpulift_host, member)
#define NAME_SET      RECORD_NAMES | RECORD_SORTED
#define VERSION       &record_version, .max = 255

RECORD_ITEM(
    guest_record, struct host_guest,
    {"virt", &record_name, GUEST(virt), RECORD_REQUIRED, .words = machine_virts},
    {"machine", &record_name, GUEST(machine), RECORD_REQUIRED,
     .meaning = "`pc`, `q35`, or a name of QEMU's"},
    {"canonical_machine", &record_name, GUEST(canonical_machine),
     .meaning = "what `machine` stands for here"},
    {"emulator", &record_string, GUEST(emulator), .meaning = "the program"},
    {"host_model", &record_name, GUEST(host_model),
     .meaning = "the named model by which libvirt says what a guest can get"},
    {"features", &features, GUEST(features), RECORD_REQUIRED | RECORD_NAMES, .max = HOST_NAMES_MAX,
     .meaning = "every feature that a guest can get, by libvirt's names: what libvirt "
                "*and* QEMU say, where both were asked"},
    {"libvirt_only", &features, GUEST(libvirt_only), RECORD_NAMES, .max = HOST_NAMES_MAX,
     .meaning = "what only libvirt says; not in `features`"},
    {"qemu_only", &features, GUEST(qemu_only), RECORD_NAMES, .max = HOST_NAMES_MAX,
     .meaning = "what only QEMU says; not in `features`"},
    {"possible", &features, GUEST(possible), RECORD_NAMES, .max = HOST_NAMES_MAX,
     .meaning = "what libvirt gives only to a guest that asks for it by name (told by 12.5 "
                "on); not in `features`"},
    {"not_migratable", &features, GUEST(not_migratable), RECORD_NAMES, .max = HOST_NAMES_MAX,
     .meaning = "features that this host's libvirt or QEMU does not migrate"},
    {"unknown", &record_strings, GUEST(unknown), NAME_SET, .max = HOST_NAMES_MAX,
     .meaning = "features that the host gives and whose names the catalogue of the machine "
                "that wrote this does not have: they count once it has, and the host's "
                "libvirt"},
    {"lower_bound", &record_string, GUEST(lower_bound),
     .meaning = "why the host may give more than `features`: its libvirt's model is not "
                "in the CPU map of the machine that wrote this"},
    {"phys_bits", &record_uint, GUEST(phys_bits), .min = CPU_PHYS_BITS_MIN,
     .max = CPU_PHYS_BITS_MAX, .meaning = "the widest physical address that a guest can have"},
    {"usable_models", &record_strings, GUEST(usable_models), NAME_SET, .max = HOST_NAMES_MAX,
     .meaning = "named models that run here as they are"},
    {"blocked_models", &record_json, GUEST(blocked_models), RECORD_MAP, .each = &names_row,
     .max = HOST_NAMES_MAX,
     .meaning =
         "other model → the features that stop it; one of `features` that does is not given"})

RECORD_MAP_ITEM(machines_record, host_machines,
                {"aliases", &record_json, RECORD_AT(host_machines, aliases),
                 RECORD_MAP | RECORD_NAMES, .each = &name_row, .max = HOST_MACHINES_MAX,
                 .meaning = "other name → the one that it stands for here"},
                {"names", &record_strings, RECORD_AT(host_machines, names),
                 RECORD_REQUIRED | NAME_SET, .max = HOST_MACHINES_MAX,
                 .meaning = "as running guests have them: \"pc-i440fx-7.2\""})

static const struct record node_record = {
    RECORD_ROWS(
        {"cpus", &record_uint, HOST(size.cpus), .max = HOST_CPUS_MAX, .meaning = "logical CPUs"},
        {"memory", &record_uint, HOST(size.memory), .max = HOST_MEMORY_MAX, .meaning = "in KiB"}),
};

static const struct record cpu_record = {
    RECORD_ROWS(
        {"vendor", &record_name, HOST(vendor), .meaning = "libvirt's name"},
        {"family", &record_uint, HOST(family), .max = CPU_SIGNATURE_MAX},
        {"model", &record_uint, HOST(model), .max = CPU_SIGNATURE_MAX},
        {"stepping", &record_uint, HOST(stepping), .max = CPU_SIGNATURE_MAX},
        {"microcode", &record_uint, HOST(microcode), .max = HOST_MICROCODE_MAX},
        {"phys_bits", &record_uint, HOST(phys_bits), .min = CPU_PHYS_BITS_MIN,
         .max = CPU_PHYS_BITS_MAX, .meaning = "width of a physical address: 32 to 52"},
        {"model_name", &record_name, HOST(model_name), .meaning = "libvirt's nearest named model"}),
};

static const struct record versions_record = {
    RECORD_ROWS({"libvirt", VERSION, HOST(libvirt_version)}, {"qemu", VERSION, HOST(qemu_version)},
                {"kernel", VERSION, HOST(kernel_version)}),
};

const struct record host_record = {
    .schema = HOST_SCHEMA,
    RECORD_ROWS(
        {"name", &record_name, HOST(name), RECORD_REQUIRED,
         .meaning = "the host's name: letters, digits and `. _ - : @ +`"},
        {"arch", &record_name, HOST(arch), RECORD_REQUIRED, .meaning = "`x86_64`"},
        {"source", &record_string, HOST(source), .meaning = "`libvirt` (scanned) or `import`"},
        {"scanned", &record_string, HOST(scanned),
         .meaning = "when `scan` asked, in UTC; planning heeds it for `--max-age` only"},
        {"error", &record_string, HOST(error),
         .meaning = "why the host did not answer: it is then refused, and has `name` alone beside "
                    "it"},
        {"silicon", &record_bool, HOST(is_silicon),
         .meaning = "`true` where the features are the physical CPU's (`import "
                    "--trust-silicon`): more than KVM gives"},
        {"cpu", &record_object, .record = &cpu_record, .meaning = "the physical CPU"},
        {"versions", &record_object, .record = &versions_record},
        {"node", &record_object, .record = &node_record,
         .meaning = "what its guests share; a plan does not depend on it"},
        {"machines", &record_map, HOST(machines), .flags = RECORD_NAMES, .record = &machines_record,
         .max = HOST_MACHINES_MAX,
         .meaning = "virt type → every machine type that QEMU has for it"},
        {"libvirt_models", &record_strings, HOST(libvirt_models), NAME_SET, .max = HOST_NAMES_MAX,
         .meaning = "every CPU model name that this host's libvirt knows"},
        {"vulnerabilities", &record_json, HOST(vulnerabilities), RECORD_MAP, .each = &text_row,
         .meaning = "file name → first line, from `/sys/devices/system/cpu/vulnerabilities`; "
                    "of another machine by its agent, `scan --via ssh` or `import --sysfs`"},
        {"guests", &record_list, HOST(guests), RECORD_REQUIRED, .record = &guest_record, .min = 1,
         .max = HOST_GUESTS_MAX, .meaning = "one entry for each virt type and machine type"}),
    .size = sizeof(cpulift_host),
};

cpulift_host *host_new(const char *name)
{
    cpulift_host *new = record_new(&host_record);
    new->name = g_strdup(name);
    return new;
}

void host_free(cpulift_host *host)
{
    record_free(&host_record, host);
}

host_guest *host_guest_new(void)
{
    return record_new(&guest_record);
}

void host_guest_free(host_guest *guest)
{
    record_free(&guest_record, guest);
}

struct host_guest *host_add_guest(cpulift_host *host, const char *virt, const char *machine)
{
    struct host_guest *guest = host_guest_new();
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

const host_machines *host_find_machines(const cpulift_host *host, const char *virt)
{
    for (size_t i = 0; i < host->machines->len; i++) {
        const host_machines *machines = host->machines->pdata[i];
        if (strcmp(machines->virt, virt) == 0) {
            return machines;
        }
    }
    return NULL;
}

host_machines *host_add_machines(cpulift_host *host, const char *virt)
{
    host_machines *machines = record_new(&machines_record);
    machines->virt = g_strdup(virt);
    g_ptr_array_add(host->machines, machines);
    return machines;
}

unsigned host_get_width(const cpulift_host *host, const struct host_guest *guest)
{
    bool is_kvm = strcmp(guest->virt, "kvm") == 0;
    if (!is_kvm || host->phys_bits == 0) {
        return guest->phys_bits;
    }
    return guest->phys_bits != 0 ? MIN(guest->phys_bits, host->phys_bits) : host->phys_bits;
}

/// Of the features that follow from a guest's configuration the one that a model has by itself.
#define TOPOEXT "topoext"

/// What stops some model there. The caller's.
static GHashTable *collect_blockers(const struct host_guest *guest)
{
    GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
    const char *model;
    const json_t *blockers, *name;
    size_t i;
    json_object_foreach ((json_t *)guest->blocked_models, model, blockers) {
        json_array_foreach (blockers, i, name) {
            g_hash_table_add(names, (char *)json_string_value(name));
        }
    }
    return names;
}

/// A feature that stops a model is none that guests can get, whatever the document says elsewhere;
/// but models are asked without a PMU and a topology.
static void remove_blockers(const catalog *map, struct host_guest *guest)
{
    g_autoptr(GHashTable) names = collect_blockers(guest);
    GHashTableIter iter;
    void *name;
    g_hash_table_iter_init(&iter, names);
    while (g_hash_table_iter_next(&iter, &name, NULL)) {
        int id = catalog_find_feature(map, name);
        const char *known = id >= 0 ? catalog_get_feature(map, (size_t)id)->name : NULL;
        if (known != NULL && (guest_find_feature(known) == NULL || strcmp(known, TOPOEXT) == 0)) {
            feature_set_remove(&guest->features, (size_t)id);
        }
    }
}

/// Nor is one that stands among those which are no features, too.
static void remove_others(struct host_guest *guest)
{
    const feature_set *const others[] = {&guest->libvirt_only, &guest->qemu_only, &guest->possible};
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        guest->features = feature_set_subtract(guest->features, *others[i]);
    }
}

/// True where a host's QEMU gives all of this model but features that it names.
static bool is_blocked(const struct host_guest *guest, const char *model)
{
    return json_array_size(json_object_get(guest->blocked_models, model)) > 0;
}

/// QEMU never sets `topoext` on the CPU that libvirt asks it about (core/tables/guest.def): that an
/// AMD model which holds it runs under KVM, or is stopped by others, and none by it, is what tells
/// that guests can have it.
static void add_topoext(const cpulift_host *host, const catalog *map, struct host_guest *guest)
{
    int id = catalog_find_feature(map, TOPOEXT);
    bool is_amd = g_strcmp0(host->vendor, "AMD") == 0 || g_strcmp0(host->vendor, "Hygon") == 0;
    g_autoptr(GHashTable) blockers = collect_blockers(guest);
    bool can = id >= 0 && !g_hash_table_contains(blockers, TOPOEXT);
    for (size_t i = 0; can && i < catalog_model_count(map); i++) {
        const struct catalog_model *model = catalog_get_model(map, i);
        feature_set contents = feature_set_unite(model->features, model->qemu_adds);
        if (feature_set_has(&contents, (size_t)id) &&
            ((guest->usable_models != NULL &&
              g_strv_contains((const char *const *)guest->usable_models, model->name)) ||
             (is_amd && is_blocked(guest, model->name)))) {
            feature_set_add(&guest->features, (size_t)id);
        }
    }
}

/// A name that only core/tables/newer.def knows counts where the host's libvirt knows it, wherever
/// the document has it; else it is kept apart.
static void settle_newer(const cpulift_host *host, const catalog *map, const feature_set *newer,
                         struct host_guest *guest)
{
    bool is_known = host->libvirt_version != NULL && text_parse_version(host->libvirt_version) >=
                                                         text_parse_version(CATALOG_NEWER_SINCE);
    feature_set taken =
        is_known ? (feature_set){0} : feature_set_intersect(guest->features, *newer);
    g_autoptr(GPtrArray) apart = g_ptr_array_new();
    guest->features = feature_set_subtract(guest->features, taken);
    feature_set_foreach (id, &taken) {
        g_ptr_array_add(apart, catalog_get_feature(map, id)->name);
    }
    g_auto(GStrv) names = g_steal_pointer(&guest->unknown);
    for (char **name = names; name != NULL && *name != NULL; name++) {
        int id = catalog_find_feature(map, *name);
        if (id >= 0 && (is_known || !feature_set_has(newer, (size_t)id))) {
            feature_set_add(&guest->features, (size_t)id);
        } else {
            g_ptr_array_add(apart, *name);
        }
    }
    if (apart->len > 0) {
        record_merge_strings(&guest->unknown, apart);
    }
}

/// What follows from the document without standing in it.
static void complete(cpulift_host *host, const catalog *map)
{
    feature_set newer = catalog_get_newer(map);
    for (size_t i = 0; i < host->guests->len; i++) {
        struct host_guest *guest = host->guests->pdata[i];
        settle_newer(host, map, &newer, guest);
        remove_blockers(map, guest);
        remove_others(guest);
        if (strcmp(guest->virt, "kvm") == 0) {
            add_topoext(host, map, guest);
        }
    }
}

/// A virt type and machine type have one entry.
static int check_guests(const cpulift_host *host, const char *name, cpulift_error **err)
{
    for (size_t i = 0; i < host->guests->len; i++) {
        const struct host_guest *guest = host->guests->pdata[i];
        if (host_find_guest(host, guest->virt, guest->machine) != guest) {
            return cpulift_error_set(err, CPULIFT_EINPUT, "'%s': %s guests on %s stand twice", name,
                                     guest->virt, guest->machine);
        }
    }
    return 0;
}

json_t *host_format_silent(const char *name, const char *scanned, const char *why)
{
    return json_pack("{s:s, s:s, s:s, s:s*}", "schema", HOST_SCHEMA, "name", name, "error", why,
                     "scanned", scanned);
}

bool host_is_silent(const json_t *json)
{
    return json_object_get(json, "error") != NULL;
}

static const struct record silent_record = {
    .schema = HOST_SCHEMA,
    RECORD_ROWS({"name", &record_name, .flags = RECORD_REQUIRED},
                {"error", &record_string, .flags = RECORD_REQUIRED},
                {"scanned", &record_string, RECORD_CHECKED}),
};

int host_check_silent(const json_t *json, const char *name, cpulift_error **err)
{
    return record_parse(&silent_record, json, name, NULL, NULL, err);
}

int host_check_answered(const json_t *json, const char *name, cpulift_error **err)
{
    const json_t *error = json_object_get(json, "error");
    const char *host = json_get_string(json, "name");
    if (error == NULL) {
        return 0;
    }
    return cpulift_error_set(err, CPULIFT_EINPUT,
                             "'%s': host '%s' did not answer when it was scanned (%s); scan it "
                             "again, or leave it out on purpose (--without)",
                             name, host != NULL ? host : "",
                             json_is_string(error) ? json_string_value(error)
                                                   : "no reason is said");
}

char *host_find_silent(const char *text, size_t len)
{
    static const char member[] = "\"error\"";
    g_autoptr(json_t) json = NULL;
    if (memmem(text, len, member, sizeof member - 1) == NULL ||
        json_parse_text(text, len, "", &json, NULL) != 0 ||
        json_object_get(json, "error") == NULL) {
        return NULL;
    }
    const char *host = json_get_string(json, "name");
    return host != NULL && text_is_name(host) ? g_strdup(host) : NULL;
}

static int check_date(const cpulift_host *host, const char *name, cpulift_error **err)
{
    gint64 date = 0;
    return host->scanned == NULL || date_parse(host->scanned, &date)
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT,
                                   "'%s': host '%s': \"scanned\" is no date in UTC", name,
                                   host->name);
}

int host_parse(const char *text, size_t len, const char *name, const catalog *map,
               cpulift_host **ret_host, cpulift_error **err)
{
    g_autoptr(json_t) json = NULL;
    g_autoptr(cpulift_host) host = host_new(NULL);
    TRY(json_parse_text(text, len, name, &json, err));
    TRY(host_check_answered(json, name, err));
    TRY(record_parse(&host_record, json, name, (void *)map, host, err));
    TRY(check_date(host, name, err));
    TRY(check_guests(host, name, err));
    complete(host, map);
    *ret_host = g_steal_pointer(&host);
    return 0;
}

json_t *host_format(const cpulift_host *host, const catalog *map)
{
    json_t *json = record_format(&host_record, host, map);
    if (host->family != 0) { // a signature's zeros are numbers
        json_t *cpu = json_object_get(json, "cpu");
        json_object_set_new(cpu, "model", json_integer(host->model));
        json_object_set_new(cpu, "stepping", json_integer(host->stepping));
    }
    return json;
}

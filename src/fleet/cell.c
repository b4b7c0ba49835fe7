// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/cell.h"

#include "base/text.h"
#include "core/machine.h"
#include "fleet/judging.h"

#include <string.h>

#define OBSTACLE(member) RECORD_AT(struct fleet_obstacle, member)

/// libvirt takes -no-acpi for a guest without <acpi/> until 9.2, and QEMU has no such option from
/// 9.0 on: there the guest's process does not start. Source: both projects' release notes; seen
/// with libvirt 9.0 and QEMU 10.0.
#define LIBVIRT_MACHINE_ACPI 9002000u
#define QEMU_WITHOUT_NO_ACPI 9000000u

/// The oldest machine type that QEMU has kept from a release on. Source: its
/// docs/about/removed-features.rst; what goes from MACHINE_UNSURE on is not known here, but for
/// what is of the last six years before it.
static const struct {
    unsigned qemu, oldest;
} kept[] = {{7000000, 1004000}, {8002000, 2000000}, {10000000, 2004000}};
#define MACHINE_SINCE_EVER 2004000u
#define MACHINE_UNSURE     10001000u
#define MACHINE_SURE_THEN  3000000u

static void obstacle_free(void *item);

const struct record fleet_obstacle_record = {
    RECORD_ROWS({"what", &record_string, OBSTACLE(what), RECORD_REQUIRED},
                {"names", &record_strings, OBSTACLE(names), RECORD_REQUIRED}),
    .size = sizeof(struct fleet_obstacle),
    .destroy = obstacle_free,
};

static void obstacle_free(void *item)
{
    record_free(&fleet_obstacle_record, item);
}

static const char *const can_words[] = {
    [FLEET_YES] = "yes", [FLEET_UNKNOWN] = "unknown", [FLEET_NO] = "no"};

const char *fleet_can_to_string(enum fleet_can can)
{
    return can_words[can];
}

enum fleet_can fleet_can_from_string(const char *word)
{
    return g_strcmp0(word, can_words[FLEET_YES]) == 0  ? FLEET_YES
           : g_strcmp0(word, can_words[FLEET_NO]) == 0 ? FLEET_NO
                                                       : FLEET_UNKNOWN;
}

/// Takes the names over. Beside what stops it, what is not known says nothing.
static void add_names(const struct judging *j, enum fleet_can can, const char *what, char **names)
{
    if (can < j->cell->can) {
        g_strfreev(names);
        return;
    }
    if (can > j->cell->can) {
        g_ptr_array_set_size(j->cell->because, 0);
    }
    struct fleet_obstacle *obstacle = record_new(&fleet_obstacle_record);
    *obstacle = (struct fleet_obstacle){g_strdup(what), names};
    g_ptr_array_add(j->cell->because, obstacle);
    j->cell->can = can;
}

void judging_add(const struct judging *j, enum fleet_can can, const char *what, const char *format,
                 ...)
{
    va_list arguments;
    va_start(arguments, format);
    char **names = g_new0(char *, 2);
    names[0] = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    add_names(j, can, what, names);
}

void judging_add_list(const struct judging *j, enum fleet_can can, const char *what,
                      const GPtrArray *list)
{
    char **names = NULL;
    if (list->len > 0) {
        record_merge_strings(&names, list);
        add_names(j, can, what, names);
    }
}

unsigned judging_parse_version(const char *version)
{
    return version != NULL ? text_parse_version(version) : 0;
}

static bool holds(char *const *names, const char *name)
{
    return names != NULL && g_strv_contains((const char *const *)names, name);
}

/// The model's vendor, libvirt's name; NULL: not known.
static const char *find_vendor(const struct judging *j)
{
    const cpulift_cpu *cpu = j->guest->cpu;
    const struct catalog_model *model =
        cpu != NULL && cpu->model != NULL ? catalog_find_version(j->map, cpu->model) : NULL;
    return model != NULL ? model->vendor : NULL;
}

/// What the guest's CPU shows: QEMU is not told the vendor that a definition states.
static const char *find_shown_vendor(const struct judging *j)
{
    const char *id = j->guest->cpu != NULL ? j->guest->cpu->vendor_id : NULL;
    const struct catalog_vendor *vendor = id != NULL ? catalog_find_vendor(j->map, id) : NULL;
    return id == NULL ? find_vendor(j) : vendor != NULL ? vendor->name : NULL;
}

/// What a mode means is the host's: the guest arrives, and with another CPU than it left with.
static void judge_definition(const struct judging *j)
{
    const cpulift_cpu *cpu = j->guest->cpu;
    const char *mode = cpu != NULL && cpu->mode != NULL ? cpu->mode : "custom";
    if (j->guest->has_own_cpu) {
        judging_add(j, FLEET_UNKNOWN, "model", "-cpu on QEMU's own command line");
    } else if (strcmp(mode, "host-passthrough") == 0 || strcmp(mode, "maximum") == 0) {
        judging_add(j, FLEET_NO, "model", "%s: each host gives another CPU, without a word", mode);
    } else if (strcmp(mode, "custom") != 0) {
        judging_add(j, FLEET_UNKNOWN, "model", "%s: the XML is not that of a running guest", mode);
    } else if (cpu == NULL || cpu->model == NULL) {
        judging_add(j, FLEET_UNKNOWN, "model", "the guest's XML names none");
    } else if (j->side == NULL) {
        judging_add(j, FLEET_UNKNOWN, "model", "'%s' is not in the CPU map here", cpu->model);
    }
}

static void judge_model(const struct judging *j)
{
    const cpulift_cpu *cpu = j->guest->cpu;
    const char *model = cpu != NULL ? cpu->model : NULL;
    const struct host_guest *entry = j->entry;
    if (model == NULL || entry == NULL) {
        return;
    }
    // Only together do the two lists hold every model that this QEMU has.
    bool is_listed = entry->usable_models != NULL && entry->blocked_models != NULL;
    if (j->target->libvirt_models != NULL && !holds(j->target->libvirt_models, model)) {
        judging_add(j, FLEET_NO, "libvirt", "it does not know the model '%s'", model);
    } else if (j->target->libvirt_models == NULL && catalog_find_model(j->map, model) == NULL) {
        judging_add(j, FLEET_UNKNOWN, "libvirt", "it may not know the model '%s'", model);
    } else if (is_listed && !holds(entry->usable_models, model) &&
               json_object_get(entry->blocked_models, model) == NULL) {
        judging_add(j, FLEET_NO, "model", "%s", model);
    }
}

bool judging_gives(const struct judging *j, const char *name)
{
    int id = catalog_find_feature(j->map, name);
    const struct host_guest *entry = j->entry;
    return id < 0 ? holds(entry->unknown, name)
                  : feature_set_has(&entry->features, (size_t)id) ||
                        feature_set_has(&entry->possible, (size_t)id) ||
                        feature_set_has(&entry->qemu_only, (size_t)id);
}

/// The model of AMD's CPUs brings it under KVM, which never tells of it (core/tables/guest.def).
static bool is_of_model(const struct judging *j, const struct guest_feature *of)
{
    return of->cause == GUEST_MODEL && strcmp(j->guest->virt, "kvm") == 0 &&
           g_strcmp0(j->target->vendor, "AMD") == 0;
}

static void judge_features(const struct judging *j)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new(), asked = g_ptr_array_new();
    if (j->side == NULL || j->entry == NULL) {
        return;
    }
    for (char *const *name = j->side->features; *name != NULL; name++) {
        const struct guest_feature *of = guest_find_feature(*name);
        if (judging_gives(j, *name) || catalog_classify(*name) == FEATURE_TOPOLOGY) {
            continue;
        }
        if (of == NULL) {
            g_ptr_array_add(missing, *name);
        } else if (of->cause != GUEST_SOCKET && !is_of_model(j, of)) {
            g_ptr_array_add(of->cause == GUEST_MODEL ? missing : asked, *name);
        }
    }
    judging_add_list(j, j->entry->lower_bound != NULL ? FLEET_UNKNOWN : FLEET_NO, "feature",
                     missing);
    judging_add_list(j, FLEET_UNKNOWN, "feature",
                     asked); // a host tells of what its CPU `host` has only
}

/// What moves nowhere, whatever the target is.
static void judge_bonds(const struct judging *j)
{
    g_autoptr(GPtrArray) sure = g_ptr_array_new(), unsure = g_ptr_array_new();
    for (char *const *bond = j->guest->bonds; *bond != NULL; bond++) {
        g_ptr_array_add(sure, *bond);
    }
    for (char *const *doubt = j->guest->doubts; *doubt != NULL; doubt++) {
        g_ptr_array_add(unsure, *doubt);
    }
    judging_add_list(j, FLEET_NO, "libvirt", sure);
    judging_add_list(j, FLEET_UNKNOWN, "libvirt", unsure);
    const cpulift_cpu *cpu = j->guest->cpu;
    const struct cpu_feature *invtsc = cpu != NULL ? cpu_find_feature(cpu, "invtsc") : NULL;
    if (invtsc != NULL && !cpu_is_off(invtsc->policy) && !j->guest->has_tsc_frequency) {
        judging_add(j, FLEET_NO, "libvirt", "invtsc without the frequency of the TSC");
    }
}

/// Host documents are of x86_64 alone.
static void judge_arch(const struct judging *j)
{
    if (j->guest->arch != NULL && strcmp(j->guest->arch, "x86_64") != 0) {
        judging_add(j, FLEET_UNKNOWN, "machine", "%s", j->guest->arch);
    }
}

/// What QEMU sets by topology is a property that libvirt sees from GUEST_QEMU_BREAK on: a guest
/// that has it as one stays above, one that has it otherwise stays below.
static void judge_topology(const struct judging *j)
{
    size_t count = 0;
    const struct guest_feature *rows = guest_list_features(&count);
    unsigned qemu = judging_parse_version(j->target->qemu_version);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; j->side != NULL && j->entry != NULL && i < count; i++) {
        bool is_wanted = holds(j->side->features, rows[i].name);
        bool is_of_vendor = !rows[i].is_amd_only || g_strcmp0(find_shown_vendor(j), "AMD") == 0;
        bool is_set = is_of_vendor && (qemu == 0 || qemu >= rows[i].since_qemu) &&
                      j->guest->shape.per_socket > 1;
        bool can = qemu >= rows[i].since_qemu || judging_gives(j, rows[i].name);
        if (rows[i].cause == GUEST_SOCKET && (is_wanted ? !can : is_set)) {
            g_ptr_array_add(names, (char *)rows[i].name);
        }
    }
    judging_add_list(j, qemu != 0 ? FLEET_NO : FLEET_UNKNOWN, "topology", names);
    if (j->guest->has_odd_topology) {
        judging_add(j, FLEET_UNKNOWN, "topology", "it does not make the guest's vCPUs");
    }
}

/// QEMU's own emulation shows any vendor; under KVM it is the silicon's.
static void judge_vendor(const struct judging *j)
{
    const cpulift_cpu *cpu = j->guest->cpu;
    const char *vendor = cpu != NULL && cpu->vendor != NULL ? cpu->vendor : find_vendor(j);
    if (strcmp(j->guest->virt, "kvm") != 0 || vendor == NULL ||
        g_strcmp0(vendor, j->target->vendor) == 0) {
        return;
    }
    judging_add(j, j->target->vendor != NULL ? FLEET_NO : FLEET_UNKNOWN, "vendor", "%s", vendor);
}

/// "pc-q35-7.2" as text_parse_version counts; 0: it has no version of QEMU's own.
static unsigned get_machine_version(const char *machine)
{
    const char *at = machine != NULL ? strrchr(machine, '-') : NULL;
    return at != NULL && g_ascii_isdigit(at[1]) ? text_parse_version(at + 1) : 0;
}

/// By QEMU's newest and what it drops, where its list is not known.
static enum fleet_can find_age(const char *canonical, const char *machine)
{
    unsigned newest = get_machine_version(canonical), version = get_machine_version(machine);
    unsigned sure = newest >= MACHINE_UNSURE ? MACHINE_SURE_THEN : MACHINE_SINCE_EVER, gone = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(kept) && newest >= kept[i].qemu; i++) {
        gone = kept[i].oldest;
        // Of q35 nothing is left that is older than 2.4.
        bool is_pc = g_str_has_prefix(machine, "pc-i440fx-");
        sure = is_pc && newest < MACHINE_UNSURE ? kept[i].oldest : sure;
    }
    return newest == 0 || version == 0          ? FLEET_UNKNOWN
           : version > newest || version < gone ? FLEET_NO
           : version >= sure                    ? FLEET_YES
                                                : FLEET_UNKNOWN;
}

static void judge_age(const struct judging *j, const char *machine)
{
    enum fleet_can can = find_age(j->entry->canonical_machine, machine);
    if (can != FLEET_YES) {
        judging_add(j, can, "machine", "%s", machine);
    }
}

static bool has_virt(const cpulift_host *host, const char *virt)
{
    for (size_t i = 0; i < host->guests->len; i++) {
        if (strcmp(((const struct host_guest *)host->guests->pdata[i])->virt, virt) == 0) {
            return true;
        }
    }
    return false;
}

/// A running guest's machine type has its canonical name; what an alias of it meant where it
/// started is not known.
static void judge_machine(const struct judging *j)
{
    const char *machine = j->guest->machine;
    const struct host_guest *entry = j->entry;
    const host_machines *list = host_find_machines(j->target, j->guest->virt);
    bool is_alias = machine == NULL || strcmp(machine, machine_find_kind(machine)) == 0;
    if (machine != NULL && list != NULL && !holds(list->names, machine) &&
        json_object_get(list->aliases, machine) == NULL) {
        judging_add(j, FLEET_NO, "machine", "%s", machine);
    } else if (entry == NULL) {
        judging_add(j, has_virt(j->target, j->guest->virt) ? FLEET_UNKNOWN : FLEET_NO, "machine",
                    "%s on %s", j->guest->virt, machine_find_kind(machine));
    } else if (is_alias) {
        bool is_kind = machine == NULL || strcmp(machine, entry->machine) == 0;
        judging_add(j, FLEET_UNKNOWN, "machine",
                    is_kind ? "the XML is not that of a running guest" : "%s", machine);
    } else if (list == NULL && entry->canonical_machine == NULL) {
        judging_add(j, FLEET_UNKNOWN, "machine", "%s", machine);
    } else if (list == NULL && strcmp(entry->canonical_machine, machine) != 0) {
        judge_age(j, machine);
    }
}

static void judge_acpi(const struct judging *j)
{
    const cpulift_host *target = j->target;
    unsigned qemu = judging_parse_version(target->qemu_version);
    unsigned libvirt = judging_parse_version(target->libvirt_version);
    bool is_known = qemu != 0 && libvirt != 0;
    if (!j->guest->has_acpi && (qemu == 0 || qemu >= QEMU_WITHOUT_NO_ACPI) &&
        libvirt < LIBVIRT_MACHINE_ACPI) {
        judging_add(j, is_known ? FLEET_NO : FLEET_UNKNOWN, "machine",
                    "without <acpi/> libvirt %s cannot start it on QEMU %s",
                    libvirt != 0 ? target->libvirt_version : "of unknown version",
                    qemu != 0 ? target->qemu_version : "of unknown version");
    }
}

fleet_cell *fleet_judge(const fleet_guest *guest, const compare_side *side,
                        const cpulift_host *target, const catalog *map)
{
    static void (*const rules[])(const struct judging *) = {
        judge_definition, judge_bonds, judge_arch,  judge_machine,   judge_acpi,     judge_model,
        judge_vendor,     judge_width, judge_words, judge_forbidden, judge_features, judge_topology,
    };
    fleet_cell *cell = g_new0(fleet_cell, 1);
    cell->because = g_ptr_array_new_with_free_func(obstacle_free);
    const struct judging j = {
        .guest = guest,
        .target = target,
        .entry = guest->why == NULL
                     ? host_find_guest(target, guest->virt, machine_find_kind(guest->machine))
                     : NULL,
        .map = map,
        .side = side,
        .cell = cell,
    };
    if (guest->why != NULL) {
        judging_add(&j, FLEET_UNKNOWN, "libvirt", "%s", guest->why);
        return cell;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        rules[i](&j);
    }
    return cell;
}

bool fleet_cell_is_disputed(const fleet_cell *cell)
{
    return cell->said != NULL && cell->said->can != FLEET_UNKNOWN && cell->said->can != cell->can;
}

char *fleet_cell_format_because(const fleet_cell *cell)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < cell->because->len; i++) {
        const struct fleet_obstacle *one = cell->because->pdata[i];
        g_autofree char *names = g_strjoinv(" ", one->names);
        g_string_append_printf(text, "%s%s: %s", i > 0 ? "; " : "", one->what, names);
    }
    return g_string_free(text, FALSE);
}

void fleet_cell_free(fleet_cell *cell)
{
    if (cell != NULL) {
        g_ptr_array_unref(cell->because);
        if (cell->said != NULL) {
            g_free(cell->said->why);
            g_free(cell->said);
        }
        g_free(cell);
    }
}

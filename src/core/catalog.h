// SPDX-License-Identifier: LGPL-2.1-or-later
/// What is known about x86 CPU features and named models: libvirt's installed cpu_map, read at run
/// time, and our own tables (core/tables/*.def) for what libvirt does not publish. Immutable once
/// loaded.
#pragma once

#include "base/error.h"
#include "core/feature.h"

/// Why a policy may treat a feature apart. Source of each row: core/tables/classes.def.
enum feature_class {
    FEATURE_PLAIN,      ///< in the plan wherever all hosts have it
    FEATURE_MITIGATION, ///< a switch by which a guest protects itself: in the plan, its loss is a
                        ///< warning
    FEATURE_IMMUNITY,   ///< silicon that needs no protection: in the plan, its loss costs speed
    FEATURE_HAZARD,     ///< a protection that does not hold on this silicon: guests must see it
                        ///< wherever one host has it
    FEATURE_NESTED,     ///< nested virtualisation: left out unless asked for
    FEATURE_TSX,        ///< comes and goes with microcode: left out unless asked for
    FEATURE_OPT_IN,     ///< needs care outside the CPU model (permission, state size): likewise
    FEATURE_HYPERVISOR, ///< made by KVM or QEMU, not by the silicon
    FEATURE_TOPOLOGY,   ///< follows the guest's topology or firmware, never stated in a definition
};

/// Where a feature is announced.
struct feature_bit {
    bool is_msr;
    uint32_t leaf, subleaf; ///< CPUID input eax and ecx; for an MSR, `leaf` is its index
    uint32_t regs[4];       ///< the bits in eax, ebx, ecx, edx; for an MSR eax and edx
};

#define CATALOG_BITS_MAX 4

struct catalog_feature {
    char *name; ///< libvirt's name
    bool is_migratable;
    bool is_newer; ///< the map lacks it, core/tables/newer.def has it
    enum feature_class class;
    size_t bit_count;
    struct feature_bit bits[CATALOG_BITS_MAX];
};

struct catalog_signature {
    unsigned family, model;
    uint32_t steppings; ///< bit n: stepping n; all ones when the map names none
};

struct catalog_model {
    char *name;
    char *vendor;          ///< libvirt's vendor name ("Intel"), NULL for a vendor-neutral model
    feature_set features;  ///< libvirt's idea of it, without `removed`
    feature_set removed;   ///< marked removed='yes': may or may not be there, never required
    feature_set qemu_adds; ///< QEMU's idea of it has these, libvirt's has not
    unsigned family, model, stepping; ///< what QEMU shows a guest; all 0 where our table has no row
    unsigned age; ///< position in the map; of two models of one vendor the larger is the newer
    struct catalog_signature *signatures;
    size_t signature_count;
};

struct catalog_vendor {
    char *name;   ///< "Intel"
    char *string; ///< "GenuineIntel"
};

typedef struct catalog catalog;

/// For messages about a name that the map lacks: what to do about it.
#define CATALOG_LACKS_IT                                                                           \
    "the CPU map of this machine does not have it; check the name, or copy "                       \
    "/usr/share/libvirt/cpu_map from where libvirt is newer and name the copy in CPULIFT_CPU_MAP"

/// The libvirt whose map has the names of core/tables/newer.def.
#define CATALOG_NEWER_SINCE "11.3.0"

/// The libvirt whose map the names of core/tables/newer.def were held against: it lacks them.
#define CATALOG_OLD "9.0.0"

/// True for a name that came into libvirt's map between CATALOG_OLD and CATALOG_NEWER_SINCE.
bool catalog_is_newer_name(const char *name);

/// Loads the map of x86 from `folder`; NULL means $CPULIFT_CPU_MAP or where libvirt installs it.
int catalog_load(const char *folder, catalog **ret_catalog, cpulift_error **err);
void catalog_free(catalog *map);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(catalog, catalog_free)

size_t catalog_feature_count(const catalog *map);

/// The feature with this id (< catalog_feature_count), borrowed.
const struct catalog_feature *catalog_get_feature(const catalog *map, size_t id);

/// The id of the feature of this name: libvirt's, QEMU's or the kernel's spelling. -1 if there is
/// none.
int catalog_find_feature(const catalog *map, const char *name);

/// The same of the map alone, without what our own table knows of newer ones.
int catalog_find_installed(const catalog *map, const char *name);

/// The features that the map lacks. A host can give them only if its libvirt is of
/// CATALOG_NEWER_SINCE.
feature_set catalog_get_newer(const catalog *map);

/// All features whose names, however they are spelled, match a pattern with '*' and '?'.
feature_set catalog_find_pattern(const catalog *map, const char *pattern);

/// The class of a name, also of one that the map does not have.
enum feature_class catalog_classify(const char *name);

/// All features of a class.
feature_set catalog_get_class(const catalog *map, enum feature_class class);

/// The features that the map says can be migrated.
feature_set catalog_get_migratable(const catalog *map);

/// The model of this name, borrowed, or NULL.
const struct catalog_model *catalog_find_model(const catalog *map, const char *name);

/// The same; of a model's first version, which older maps have no name for, that of the model.
const struct catalog_model *catalog_find_version(const catalog *map, const char *name);

/// The same as people write it: in capitals or not.
const struct catalog_model *catalog_match_model(const catalog *map, const char *name);
size_t catalog_model_count(const catalog *map);
const struct catalog_model *catalog_get_model(const catalog *map, size_t index);

/// libvirt's vendor for its name or its CPUID string, borrowed, or NULL.
const struct catalog_vendor *catalog_find_vendor(const catalog *map, const char *name_or_string);

/// Whether libvirt takes it in <vendor>: its name alone, not what CPUID says.
bool catalog_has_vendor(const catalog *map, const char *name);

/// The features of `set` that cannot work without others that are not in `set`
/// (core/tables/depends.def), removed again and again until none is left. For each, ret_needs (may
/// be NULL, FEATURE_MAX entries) gets the id of the missing one.
feature_set catalog_find_unsupported(const catalog *map, feature_set set, int *ret_needs);

/// The level of the x86-64 psABI that `set` reaches (0 to 4); *ret_missing (may be NULL) gets what
/// the next one lacks.
unsigned catalog_compute_level(const catalog *map, const feature_set *set,
                               feature_set *ret_missing);

/// Every feature of a level and of those below it.
feature_set catalog_get_level(const catalog *map, unsigned level);

/// " (did you mean 'avx2'?)" of the map's features or models, or ""; the caller frees it.
char *catalog_suggest_feature(const catalog *map, const char *name);
char *catalog_suggest_model(const catalog *map, const char *name);

/// Adds the feature of this name to `set`; an unknown name is an error that names `where`.
int catalog_add_feature(const catalog *map, const char *name, const char *where, feature_set *set,
                        cpulift_error **err);

/// True for properties of QEMU's CPU objects that are no CPU feature of a guest's CPUID as libvirt
/// knows it
/// ("migratable", "hv-relaxed", "kvm-pv-eoi"): core/tables/properties.def.
bool catalog_is_qemu_property(const char *name);

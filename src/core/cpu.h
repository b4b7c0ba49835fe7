// SPDX-License-Identifier: LGPL-2.1-or-later
/// A definition: libvirt's <cpu> element as a value.
#pragma once

#include "base/record.h"
#include "core/catalog.h"

/// How narrow and how wide a physical address can be: Intel SDM vol. 3A 4.1.4,
/// and what QEMU's phys-bits takes.
#define CPU_PHYS_BITS_MIN 32
#define CPU_PHYS_BITS_MAX 52

/// The largest family, model or stepping that is taken: CPUID's are smaller.
#define CPU_SIGNATURE_MAX 4095

enum cpu_policy {
    CPU_REQUIRE,
    CPU_DISABLE,
    CPU_OPTIONAL,
    CPU_FORCE,
    CPU_FORBID,
};

struct cpu_feature {
    char *name;
    enum cpu_policy policy;
};

/// All strings are owned and NULL where the element does not say.
typedef struct cpulift_cpu {
    char *mode; ///< "custom", "host-model", "host-passthrough", "maximum"
    char *match;
    char *check;
    char *arch; ///< only in descriptions of physical CPUs (virsh capabilities)
    char *model;
    char *fallback;
    char *vendor;    ///< libvirt's name, "Intel"
    char *vendor_id; ///< what CPUID shows instead of the model's vendor; no plan has one
    struct cpu_feature *features; ///< in document order
    size_t feature_count;
    unsigned phys_bits;                      ///< maxphysaddr mode='emulate', 0 if not said
    unsigned family, model_number, stepping; ///< <signature>, family 0 if not said
} cpulift_cpu;

/// A plan's "definition".
extern const struct record cpu_definition_record;

cpulift_cpu *cpu_new(void);
cpulift_cpu *cpu_copy(const cpulift_cpu *cpu);
void cpu_free(cpulift_cpu *cpu);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(cpulift_cpu, cpu_free)

/// Parses a <cpu> element, or the first one of a <domain>. `name` stands in messages.
int cpu_parse(const char *text, size_t len, const char *name, cpulift_cpu **ret_cpu,
              cpulift_error **err);

struct _xmlNode;

/// As cpu_parse, of an element that is parsed already (libxml2's xmlNode).
int cpu_parse_node(const struct _xmlNode *node, const char *name, cpulift_cpu **ret_cpu,
                   cpulift_error **err);

void cpu_add_feature(cpulift_cpu *cpu, const char *name, enum cpu_policy policy);

/// What the definition says of the feature of this very name, borrowed; NULL: nothing.
const struct cpu_feature *cpu_find_feature(const cpulift_cpu *cpu, const char *name);

/// True where a guest does not get the feature: disable and forbid.
bool cpu_is_off(enum cpu_policy policy);

/// The element as text, each line but the first indented by `indent` blanks, no newline at the end;
/// features as given. The caller frees it.
char *cpu_format(const cpulift_cpu *cpu, unsigned indent);

/// Why what a guest of this definition gets is not said by it; NULL where it is.
const char *cpu_find_dependence(const cpulift_cpu *cpu);

/// Refuses a definition that does not say what a guest of it gets: that depends on its host.
int cpu_check_said(const cpulift_cpu *cpu, const char *name, cpulift_error **err);

/// All features that a guest of this definition gets: the model's (libvirt's idea), plus require,
/// force and optional, less disable and forbid. Unknown models and features are errors.
int cpu_expand(const cpulift_cpu *cpu, const catalog *map, feature_set *ret_set,
               cpulift_error **err);

/// True where libvirt refuses a host that cannot give exactly this: check='full'. Anything less
/// lets a guest start with what the host has.
bool cpu_is_binding(const cpulift_cpu *cpu);

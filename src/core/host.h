// SPDX-License-Identifier: LGPL-2.1-or-later
/// What one machine can give a guest. Document schema cpulift.host/1 (docs/FORMATS.md).
#pragma once

#include "base/record.h"
#include "core/catalog.h"

#define HOST_SCHEMA "cpulift.host/1"

/// More than any QEMU has machine types, times two virt types.
#define HOST_GUESTS_MAX 1024

/// What JSON holds exactly.
#define HOST_MICROCODE_MAX (UINT64_C(1) << 53)
#define HOST_MEMORY_MAX    (UINT64_C(1) << 53)

/// More than any machine has.
#define HOST_CPUS_MAX     (1U << 20)
#define HOST_MACHINES_MAX 1024

/// More than there are names of features, and of CPU models.
#define HOST_NAMES_MAX 4096

/// What guests of one virt type and machine type can get. Strings and vectors are owned; NULL is
/// "not known".
typedef struct host_guest {
    char *virt;              ///< "kvm" or "qemu"
    char *machine;           ///< "pc", "q35" or another of QEMU's canonical names
    char *canonical_machine; ///< what it stands for on this host, "pc-i440fx-7.2"
    char *emulator;
    char *host_model;           ///< the named model that libvirt's host-model is said by
    feature_set features;       ///< what counts: the narrower of libvirt's and QEMU's answer
    feature_set libvirt_only;   ///< libvirt says yes, QEMU no
    feature_set qemu_only;      ///< QEMU says yes, libvirt no
    feature_set possible;       ///< not in `features`, but given to a guest that names them
    feature_set not_migratable; ///< as this host's libvirt says
    char **unknown;             ///< names that this catalogue does not have; never dropped
    char *lower_bound;      ///< why `features` may be fewer than the host gives; NULL: they are not
    unsigned phys_bits;     ///< physical-address width of a guest at most; 0 not known
    char **usable_models;   ///< sorted; NULL when not known
    json_t *blocked_models; ///< model → list of features; NULL when not known
} host_guest;

/// The machine types that a host's QEMU has for guests of one virt type.
typedef struct host_machines {
    char *virt;      ///< "kvm" or "qemu"; first: the key of a map
    char **names;    ///< canonical, sorted; owned, as all
    json_t *aliases; ///< alias → what it stands for; NULL: none
} host_machines;

/// What guests of a host share; 0 is not known.
struct host_size {
    guint64 memory; ///< KiB
    unsigned cpus;  ///< logical
};

typedef struct cpulift_host {
    char *name;
    char *arch;
    char *source;    ///< "libvirt" or "import"
    char *scanned;   ///< when, in UTC: "2026-11-26T15:40:00Z"; NULL not known
    char *error;     ///< of a host that did not answer; host_parse refuses it
    bool is_silicon; ///< taken from a description of the physical CPU: not what a guest can get
    char *vendor;    ///< libvirt's name
    unsigned family, model, stepping;
    guint64 microcode;
    unsigned phys_bits; ///< of the physical CPU
    char *model_name;   ///< libvirt's named model of the physical CPU
    char *libvirt_version, *qemu_version, *kernel_version;
    struct host_size size;
    GPtrArray *machines; ///< host_machines *, of each virt type of which they are known
    char **
        libvirt_models; ///< every model name that this host's libvirt knows, sorted; NULL not known
    json_t *vulnerabilities; ///< file name → first line; NULL not known
    GPtrArray *guests;       ///< struct host_guest *, in the document's order
} cpulift_host;

/// Of the document; record_at.data is the catalogue.
extern const struct record host_record;

cpulift_host *host_new(const char *name);
void host_free(cpulift_host *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(cpulift_host, host_free)

/// An entry that stands in no document. The caller's.
host_guest *host_guest_new(void);
void host_guest_free(host_guest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(host_guest, host_guest_free)

/// Adds an empty entry, borrowed.
struct host_guest *host_add_guest(cpulift_host *host, const char *virt, const char *machine);

/// The entry for this virt type and machine, borrowed, or NULL.
const struct host_guest *host_find_guest(const cpulift_host *host, const char *virt,
                                         const char *machine);

/// Its machine types for guests of this virt type, borrowed; NULL: not known. A new list, empty and
/// borrowed too, where there is none.
const host_machines *host_find_machines(const cpulift_host *host, const char *virt);
host_machines *host_add_machines(cpulift_host *host, const char *virt);

/// The width of a physical address that such a guest may have on this host: what the virt type
/// gives; under KVM else the CPU's own. 0: not known.
unsigned host_get_width(const cpulift_host *host, const struct host_guest *guest);

/// The document of a host that did not answer, and why: host_parse refuses it. The caller's.
json_t *host_format_silent(const char *name, const char *scanned, const char *why);

/// The name of the host if the text is such a document, else NULL. The caller frees it.
char *host_find_silent(const char *text, size_t len);

/// True where this is the document of a host that did not answer.
bool host_is_silent(const json_t *json);

/// Checks the members of such a document.
int host_check_silent(const json_t *json, const char *name, cpulift_error **err);

/// Refuses such a document, by the host's name and why it did not answer.
int host_check_answered(const json_t *json, const char *name, cpulift_error **err);

/// Parses a host document; `name` stands in messages. A feature that the catalogue lacks goes to
/// `unknown`.
int host_parse(const char *text, size_t len, const char *name, const catalog *map,
               cpulift_host **ret_host, cpulift_error **err);

/// The host as a document. The caller's.
json_t *host_format(const cpulift_host *host, const catalog *map);

/// A list of the features' names. The caller's.
json_t *host_format_features(const feature_set *set, const catalog *map);

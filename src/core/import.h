// SPDX-License-Identifier: LGPL-2.1-or-later
/// From what virsh and QEMU print to what a host can give.
#pragma once

#include "core/host.h"

struct import_options {
    const char *virt;    ///< for forms that do not say: "kvm" or "qemu"; NULL: kvm
    const char *machine; ///< for forms that do not say; NULL: pc and q35 both (the CPUs of one QEMU
                         ///< do not differ)
    bool is_silicon_trusted; ///< take a physical CPU's description (virsh capabilities) for what
                             ///< guests can get
};

/// Adds to `host` what a text says: `virsh domcapabilities`, `virsh capabilities`, a bare <cpu>, or
/// QEMU's reply to query-cpu-model-expansion. Which of them it is, is seen from the text. `name`
/// stands in messages.
int import_text(const char *text, size_t len, const char *name, const catalog *map,
                const struct import_options *options, cpulift_host *host, cpulift_error **err);

/// Flags of virConnectGetDomainCapabilities, by which libvirt tells more; older headers have no
/// names for them.
enum import_flags {
    IMPORT_EXPANDED = 1 << 1,  ///< host-model lists every feature (libvirt 12.2)
    IMPORT_SUPPORTED = 1 << 2, ///< and those that are given only on request (12.5)
};

/// The flags that a libvirt of this version (10.3.1 is 10003001) takes.
unsigned import_find_flags(unsigned long version);

/// The root of a domcapabilities document: virt type, machine, features (host-model), usable
/// models, known names. `flags` (IMPORT_EXPANDED or 0) are those with which libvirt was asked.
int import_domcapabilities(const xmlNode *root, const char *name, const catalog *map,
                           unsigned flags, cpulift_host *host, cpulift_error **err);

/// Notes in `guest` what the root of its domcapabilities, asked with all flags, has beyond
/// `features`.
int import_supported(const xmlNode *root, const char *name, const catalog *map,
                     struct host_guest *guest, cpulift_error **err);

/// The host's signature, vendor, microcode, width, machine types and size from the root of `virsh
/// capabilities`; its features are the silicon's and are taken only where `options` trusts them.
int import_capabilities(const xmlNode *root, const char *name, const catalog *map,
                        const struct import_options *options, cpulift_host *host,
                        cpulift_error **err);

/// Notes the machine types and the size that the root of `virsh capabilities` tells of, where they
/// were not known before.
void import_node(const xmlNode *root, cpulift_host *host);

/// The model of QEMU's reply to query-cpu-model-expansion (the whole reply, its "return", or the
/// model itself), borrowed.
const json_t *import_find_model(const json_t *reply);

/// The features that QEMU's reply (see import_find_model) switches on. Names that look like
/// features and that the catalogue lacks go to ret_unknown (strings owned by it).
int import_expansion(const json_t *reply, const char *name, const catalog *map,
                     feature_set *ret_features, GPtrArray *ret_unknown, cpulift_error **err);

/// Signature and vendor from the properties of a reply's model (import_expansion).
void import_identity(const json_t *model, const catalog *map, cpulift_host *host);

/// Usable and blocked models from the list that query-cpu-definitions returns; replaces what the
/// entry had. A member of another type than QEMU's is an error.
int import_definitions(const json_t *list, const char *name, const catalog *map,
                       struct host_guest *guest, cpulift_error **err);

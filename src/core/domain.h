// SPDX-License-Identifier: LGPL-2.1-or-later
/// A libvirt domain as text: puts a definition into it and leaves every other byte as it was.
#pragma once

#include "base/auto.h"
#include "base/error.h"
#include "core/cpu.h"

#include <stdbool.h>
#include <stddef.h>

/// Of <qemu:commandline>.
#define DOMAIN_QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

/// What a caller should tell its user; bits of domain_changes.warnings.
enum domain_warning {
    DOMAIN_OWN_CPU = 1 << 0, ///< <qemu:commandline> has a -cpu, which overrides the element
    DOMAIN_MACHINE = 1 << 1, ///< the plan was made for another kind of machine type
    DOMAIN_VIRT = 1 << 2,    ///< `force`: the plan was made for the other virtualisation type
    DOMAIN_I686 = 1 << 3,    ///< arch='i686': QEMU for 32 bits may hide 64-bit features
    DOMAIN_DROPPED = 1 << 4, ///< <cache> or <maxphysaddr> of mode='passthrough' was left out
};

struct domain_options {
    bool respect;        ///< leave a guest alone that asks for a CPU of its own
    bool force;          ///< rewrite although `virt` is not the domain's; a warning instead
    const char *virt;    ///< "kvm" or "qemu": what the definition was made for; NULL: any
    const char *machine; ///< "pc" or "q35": likewise
};

struct domain_changes {
    bool is_changed;   ///< the result differs from what was given
    bool is_inserted;  ///< there was no <cpu>
    bool is_respected; ///< left alone because of `respect`
    unsigned warnings; ///< enum domain_warning
};

/// A domain's document, parsed once for all that is asked of it.
typedef struct domain_document {
    const char *xml; ///< `len` bytes, borrowed
    size_t len;
    xmlDoc *tree;
    char *guest; ///< the text of the root's <name>, "?" where there is none
    char *label; ///< what stands in messages
} domain_document;

/// Parses `xml`, which must outlive *ret_document. `name` stands in messages; NULL: the guest's own
/// name. The result is the caller's (domain_free). CPULIFT_EINPUT: not well-formed, too large, or
/// in an encoding of more than one byte for ASCII.
int domain_parse(const char *xml, size_t len, const char *name, domain_document **ret_document,
                 cpulift_error **err);
void domain_free(domain_document *document);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(domain_document, domain_free)

/// Puts the definition `cpu` into the domain: the attributes mode, match, check and the children
/// model, vendor, feature (and maxphysaddr where the definition states a width) of the *first*
/// <cpu> below <domain>, which is the one libvirt reads them from. All else in the element stays,
/// and every byte outside it; where there is no <cpu> one is inserted. Doing it twice is doing it
/// once.
///
/// What libvirt would refuse beside a named model goes too: the attributes migratable and
/// deprecated_features, and <cache> and <maxphysaddr> of mode='passthrough' (DOMAIN_DROPPED).
///
/// *ret_text is NUL-terminated and the caller's (g_free). CPULIFT_EINPUT: not a domain of x86 under
/// QEMU, or in an encoding that is not a superset of ASCII.
/// CPULIFT_EREFUSED: the domain's type is not `options->virt`.
int domain_rewrite(const domain_document *document, const cpulift_cpu *cpu,
                   const struct domain_options *options, char **ret_text, size_t *ret_len,
                   struct domain_changes *ret_changes, cpulift_error **err);

/// True where the frequency of its TSC is its owner's: <timer name='tsc' frequency='…'/>. `root` is
/// the element <domain>.
bool domain_has_tsc_frequency(const xmlNode *root);

/// True where a mode other than custom was chosen for this guest; a model may be its platform's for
/// all.
bool domain_has_own_mode(const domain_document *document);

/// True where <qemu:commandline> has an argument that `fits` says yes to.
bool domain_has_argument(const domain_document *document, bool (*fits)(const char *value));

/// Whether such an argument is -cpu, or what -global says of a type of CPUs:
/// "Nehalem-x86_64-cpu.avx2=on".
bool domain_is_cpu_option(const char *value);

/// True where it has a -cpu, or a -global of CPUs, which override the <cpu> element:
/// DOMAIN_OWN_CPU.
bool domain_has_own_cpu(const domain_document *document);

/// One warning (a single bit) as a sentence without a full stop.
const char *domain_warning_to_string(enum domain_warning warning);

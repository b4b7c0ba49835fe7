// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the probe guest printed. A transcript is one record, or several from a guest that loops:
///
///     cpulift-probe 2 record NUMBER bits 32|64
///     vcpu ID                                 its local APIC's number, hexadecimal; then its own:
///     cpuid LEAF SUBLEAF EAX EBX ECX EDX      hexadecimal, eight digits each
///     cpuid-end
///     xcr0 LOW HIGH
///     msr INDEX LOW HIGH | msr INDEX fault VECTOR
///     set NAME ok | set NAME fault VECTOR | set NAME wrong RESULT | set NAME skipped
///     end NUMBER LINES CHECKSUM               FNV-1a of all bytes above
///
/// The lines between "vcpu" and "end" come once for each vCPU, in the order of their numbers, and
/// one begins when another has printed all of its CPUID. "panic WHY" stands where the guest gave
/// up. A guest may be stopped at any byte, and what comes from a guest is hostile until parsed.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The longest transcript of one record that is read: an ordinary one has some 4 KiB a vCPU.
#define TRANSCRIPT_MAX      ((size_t)2 << 20)
#define TRANSCRIPT_ROWS_MAX 1024 ///< of one kind and one vCPU
#define TRANSCRIPT_NAME_MAX 31

/// The guest knows its vCPUs by eight bits, of which the last number means all.
#define TRANSCRIPT_VCPUS_MAX 255

/// A vendor string of 12 bytes and its end.
#define TRANSCRIPT_VENDOR_SIZE 13

enum probe_outcome {
    PROBE_OK,
    PROBE_FAULT,   ///< `value` is the vector of the exception
    PROBE_WRONG,   ///< `value` is what came out instead
    PROBE_SKIPPED, ///< this guest cannot try it
};

struct probe_leaf {
    uint32_t leaf, subleaf;
    uint32_t regs[4]; ///< eax, ebx, ecx, edx
};

struct probe_msr {
    uint32_t index;
    bool is_readable;
    uint32_t low, high;
};

struct probe_set {
    char name[TRANSCRIPT_NAME_MAX + 1];
    enum probe_outcome outcome;
    uint32_t value;
};

/// What one vCPU printed.
typedef struct probe_vcpu {
    uint32_t id;    ///< its local APIC's number
    GArray *leaves; ///< struct probe_leaf, as printed
    GArray *msrs;   ///< struct probe_msr
    GArray *sets;   ///< struct probe_set
    uint64_t xcr0;
    bool has_cpuid; ///< all of its CPUID arrived
} probe_vcpu;

/// One record.
typedef struct transcript {
    unsigned number, bits;
    GPtrArray *vcpus; ///< probe_vcpu *, by their numbers; only the last may lack a part
    bool is_complete; ///< it ended, and its count and checksum hold
    char *panic;      ///< why the guest gave up, or NULL
} transcript;

/// Parses the first record of `text`; what stands before it (a firmware's greeting) is skipped, a
/// last line without an end is not read. *ret_used (may be NULL) is where the next record begins.
/// Text without a record, or with a line that no probe guest prints, is CPULIFT_EINPUT. *ret_record
/// is the caller's.
int transcript_parse(const char *text, size_t len, size_t *ret_used, transcript **ret_record,
                     cpulift_error **err);

void transcript_free(transcript *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(transcript, transcript_free)

/// True when `text` holds a whole record or a panic, after whatever else (the end of a record of
/// which the beginning was missed): nothing more need be waited for.
bool transcript_has_end(const char *text, size_t len);

/// The vCPU at this place in the order of their numbers, borrowed, or NULL.
const probe_vcpu *transcript_get_vcpu(const transcript *record, size_t index);

/// How many of them told all of their CPUID.
unsigned transcript_count_read(const transcript *record);

/// The registers of this leaf, borrowed, or NULL where the vCPU did not print it.
const struct probe_leaf *transcript_find_leaf(const probe_vcpu *vcpu, uint32_t leaf,
                                              uint32_t subleaf);

/// The register of this index, borrowed, or NULL where the vCPU did not print it.
const struct probe_msr *transcript_find_msr(const probe_vcpu *vcpu, uint32_t index);

/// The instruction set of this name, borrowed, or NULL where the vCPU did not try it.
const struct probe_set *transcript_find_set(const probe_vcpu *vcpu, const char *name);

/// The vendor string of leaf 0, printable; "" where the vCPU did not print that leaf.
void transcript_get_vendor(const probe_vcpu *vcpu, char vendor[TRANSCRIPT_VENDOR_SIZE]);

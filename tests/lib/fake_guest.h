// SPDX-License-Identifier: LGPL-2.1-or-later
/// Transcripts of guests that never ran.
#pragma once

#include "core/catalog.h"

#include <glib.h>

/// A record's header, and the beginning of the vCPU 0.
GString *fake_guest_new(void);

/// The beginning of a further vCPU.
void fake_guest_add_vcpu(GString *text, unsigned id);

/// Leaves 0, 1, 7, 0xd, 0x80000000, 0x80000001, 0x80000007, 0x80000008 … with the bits of these
/// features (a blank-separated list), the vendor string (12 bytes), the signature of leaf 1 and the
/// address width; then "cpuid-end" and XCR0.
void fake_guest_add_cpu(GString *text, const catalog *map, const char *features, const char *vendor,
                        uint32_t signature, unsigned width);

/// "set NAME ok" for each of a comma-separated list.
void fake_guest_add_sets(GString *text, const char *sets);

/// The end line of record `number` with its count and checksum.
void fake_guest_finish(GString *text, unsigned number);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// Finds the CPUID instructions in a file that will be executed.
///
/// A candidate is every 0F A2. It is code only if instructions, read in order from a place where
/// code is known to begin, arrive at it, and what stands around it is code. Inside a function
/// (unwind entry, symbol) reading starts at the function. In the gaps between them it starts at
/// every byte before: x86 code read from wrong places falls into step within a few instructions,
/// so the streams agree on what is an instruction.
#pragma once

#include "mask/look/elf.h"

struct find_result {
    GArray *code;      ///< uint64_t, ascending: file offsets of CPUID instructions
    GArray *undecided; ///< uint64_t, ascending: may be one; must not be changed
};

/// Analyses a whole ELF file; anything else is taken as raw 64-bit code.
void find_in_file(const uint8_t *data, size_t size, struct find_result *ret);

/// Analyses bytes of which nothing is known but that they are executable. `entry` is an offset at
/// which an instruction is known to begin, or SIZE_MAX.
void find_in_memory(const uint8_t *data, size_t size, bool is_64, size_t entry,
                    struct find_result *ret);

void find_result_clear(struct find_result *result);

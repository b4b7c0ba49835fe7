// SPDX-License-Identifier: LGPL-2.1-or-later
/// The functions that the unwind tables (.eh_frame) of an ELF file name.
/// Source: Linux Standard Base Core 5.0, 10.6 "Exception Frames"; DWARF 4, 6.4.1.
#pragma once

#include "mask/look/elf.h"

/// Calls `visit(data, start, end)`, file offsets, for each function that an unwind entry covers.
/// Entries that do not make sense end the walk of their table.
void unwind_each_function(const struct elf_file *file,
                          void (*visit)(void *data, uint64_t start, uint64_t end), void *data);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// What an ELF file says about its own executable bytes: functions, data, labels. In file offsets.
#pragma once

#include "mask/look/elf.h"

struct range {
    uint64_t start, end; ///< end is behind the last byte
};

struct ranges {
    GArray *functions; ///< struct range, sorted by start: unwind entries and function symbols
    GArray *data;      ///< struct range, sorted by start: object symbols
    GArray *sections;  ///< struct range, sorted by start: sections that are not executable
    GArray *labels;    ///< uint64_t, sorted: where code begins, without a known end
    GArray *code;      ///< struct range: the executable segments
};

/// The executable segments alone; then what sections, symbols and unwind tables say of them.
void ranges_read_code(const struct elf_file *file, struct ranges *ret);
void ranges_read_known(const struct elf_file *file, struct ranges *ranges);

/// One executable range and nothing known about it.
void ranges_init_raw(size_t size, struct ranges *ret);
void ranges_clear(struct ranges *ranges);

/// The smallest range of `sorted` that holds `offset`, or NULL.
const struct range *ranges_find(const GArray *sorted, uint64_t offset);

/// The last place at or before `offset` from which code can be read in order: a label, or the end
/// of a function or of data; `otherwise` where there is none.
uint64_t ranges_find_start(const struct ranges *ranges, uint64_t offset, uint64_t otherwise);

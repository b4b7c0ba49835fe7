// SPDX-License-Identifier: LGPL-2.1-or-later
/// A reader for ELF files (x86, 32 and 64 bit) that trusts nothing in them: every offset and count
/// is checked against the size of the file, and whatever does not fit is left out.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A program header or a section header, as far as it is needed. File offsets and sizes are
/// already clipped to the file.
struct elf_part {
    uint32_t type;
    uint64_t flags; ///< PF_X… of a segment, SHF_EXECINSTR… of a section
    uint64_t addr, offset, size;
};

struct elf_symbol {
    uint8_t type; ///< STT_FUNC, STT_OBJECT, STT_NOTYPE
    uint64_t addr, size;
};

/// Borrows the bytes.
struct elf_file {
    const uint8_t *data;
    size_t size;
    bool is_64;
    GArray *segments;  ///< struct elf_part
    GArray *sections;  ///< struct elf_part; empty where the file has none
    bool is_excessive; ///< has more of them than are read: nothing that it says is to be relied on
};

/// Reads the headers. False where this is no ELF file of x86 or its header is cut off.
bool elf_parse(const uint8_t *data, size_t size, struct elf_file *ret_file);
void elf_clear(struct elf_file *file);

/// The file offset of a virtual address, by the segments. False where no segment holds it.
bool elf_find_offset(const struct elf_file *file, uint64_t addr, uint64_t *ret_offset);

/// Calls `visit` for each defined symbol of .symtab and .dynsym.
void elf_each_symbol(const struct elf_file *file,
                     void (*visit)(void *data, const struct elf_symbol *symbol), void *data);

/// Unaligned little-endian numbers; the caller has checked the bounds.
static inline uint64_t elf_get(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

/// True if `count` bytes at `offset` lie within `size` bytes.
static inline bool elf_fits(uint64_t offset, uint64_t count, uint64_t size)
{
    return offset <= size && count <= size - offset;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/look/unwind.h"

#include <elf.h>
#include <string.h>

/// More entries than any program has functions: only hostile files have so many.
#define ENTRIES_MAX ((size_t)1 << 22)

/// DWARF pointer encodings (LSB Core 5.0, 10.5.1).
enum {
    PE_ABSPTR = 0x00,
    PE_ULEB128 = 0x01,
    PE_UDATA2 = 0x02,
    PE_UDATA4 = 0x03,
    PE_UDATA8 = 0x04,
    PE_SDATA2 = 0x0a,
    PE_SDATA4 = 0x0b,
    PE_SDATA8 = 0x0c,
    PE_PCREL = 0x10,
    PE_DATAREL = 0x30,
    PE_FORMAT = 0x0f,
    PE_APPLICATION = 0x70,
    PE_OMIT = 0xff,
};

/// A bounded place in the table, with the virtual address of its bytes.
struct cursor {
    const uint8_t *data;
    size_t size, at;
    uint64_t addr; ///< of data[0]
    bool is_64;
    bool is_bad; ///< something did not fit; everything read since is 0
};

static uint64_t take(struct cursor *c, size_t bytes)
{
    if (c->is_bad || !elf_fits(c->at, bytes, c->size)) {
        c->is_bad = true;
        return 0;
    }
    uint64_t value = elf_get(c->data + c->at, bytes);
    c->at += bytes;
    return value;
}

/// LEB128; signed and unsigned ones are skipped alike.
static uint64_t take_leb(struct cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = take(c, 1);
        value |= (byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    c->is_bad = true;
    return 0;
}

static uint64_t take_encoded(struct cursor *c, uint8_t encoding)
{
    static const struct {
        uint8_t width;
        bool is_signed;
    } formats[16] = {
        [PE_UDATA2] = {2, false}, [PE_UDATA4] = {4, false}, [PE_UDATA8] = {8, false},
        [PE_SDATA2] = {2, true},  [PE_SDATA4] = {4, true},  [PE_SDATA8] = {8, false},
    };
    uint64_t base = (encoding & PE_APPLICATION) == PE_PCREL ? c->addr + c->at : 0;
    unsigned format = encoding & PE_FORMAT;
    size_t width = format == PE_ABSPTR ? (c->is_64 ? 8 : 4) : formats[format].width;
    if (width == 0) {
        c->is_bad = true;
        return 0;
    }
    uint64_t value = take(c, width);
    if (formats[format].is_signed) {
        unsigned shift = (unsigned)(64 - 8 * width);
        value = (uint64_t)((int64_t)(value << shift) >> shift);
    }
    value += base;
    return c->is_64 ? value : (uint32_t)value;
}

/// The length that begins an entry. 0 at the terminator.
static uint64_t take_length(struct cursor *c)
{
    uint64_t length = take(c, 4);
    return length == UINT32_MAX ? take(c, 8) : length;
}

/// The pointer encoding that the CIE at `at` gives its entries, PE_OMIT where it cannot be read.
static uint8_t read_cie_encoding(const struct cursor *table, size_t at)
{
    struct cursor c = *table;
    c.at = at;
    uint64_t length = take_length(&c);
    if (c.is_bad || !elf_fits(c.at, length, c.size) || take(&c, 4) != 0) {
        return PE_OMIT;
    }
    uint64_t version = take(&c, 1);
    const uint8_t *augmentation = c.data + c.at;
    size_t letters = strnlen((const char *)augmentation, c.size - c.at);
    c.at += letters + 1;
    if (letters == 0) {
        return PE_ABSPTR;
    }
    if (augmentation[0] != 'z' || (version != 1 && version != 3)) {
        return PE_OMIT;
    }
    take_leb(&c);                              // code alignment
    take_leb(&c);                              // data alignment
    version == 1 ? take(&c, 1) : take_leb(&c); // return address register
    take_leb(&c);                              // length of the augmentation data
    for (size_t i = 1; i < letters && !c.is_bad; i++) {
        if (augmentation[i] == 'R') {
            uint8_t encoding = (uint8_t)take(&c, 1);
            return c.is_bad ? PE_OMIT : encoding;
        }
        if (augmentation[i] == 'P') {
            uint8_t personality = (uint8_t)take(&c, 1);
            take_encoded(&c, personality);
        } else if (augmentation[i] == 'L') {
            take(&c, 1);
        } else if (augmentation[i] != 'S' && augmentation[i] != 'B') {
            return PE_OMIT;
        }
    }
    return PE_ABSPTR;
}

/// Reads the entry at the cursor and moves behind it. False at the end of the table.
static bool next_entry(struct cursor *c, uint64_t *ret_start, uint64_t *ret_len)
{
    *ret_len = 0;
    uint64_t length = take_length(c);
    if (c->is_bad || length < 4 || !elf_fits(c->at, length, c->size)) {
        return false;
    }
    size_t id_at = c->at, end = c->at + length;
    uint64_t id = take(c, 4);
    if (id != 0 && id <= id_at) {
        uint8_t encoding = read_cie_encoding(c, id_at - id);
        if (encoding != PE_OMIT) {
            *ret_start = take_encoded(c, encoding);
            *ret_len = take_encoded(c, encoding & PE_FORMAT);
        }
    }
    bool is_good = !c->is_bad;
    c->at = end;
    return is_good;
}

static void walk_table(const struct elf_file *file, uint64_t offset, uint64_t size, uint64_t addr,
                       void (*visit)(void *data, uint64_t start, uint64_t end), void *data)
{
    struct cursor c = {
        .data = file->data + offset, .size = size, .addr = addr, .is_64 = file->is_64};
    uint64_t start, len, from;
    for (size_t i = 0; i < ENTRIES_MAX && next_entry(&c, &start, &len); i++) {
        if (len != 0 && elf_find_offset(file, start, &from) && len <= file->size - from) {
            visit(data, from, from + len);
        }
    }
}

/// The .eh_frame that .eh_frame_hdr points to, for files without section headers. It has no size
/// of its own: it ends at its terminator or with its segment.
static bool find_by_header(const struct elf_file *file, const struct elf_part *header,
                           uint64_t *ret_addr, uint64_t *ret_offset, uint64_t *ret_size)
{
    struct cursor c = {.data = file->data + header->offset,
                       .size = header->size,
                       .addr = header->addr,
                       .is_64 = file->is_64};
    uint64_t version = take(&c, 1);
    uint8_t encoding = (uint8_t)take(&c, 1);
    c.at += 2;
    *ret_addr = take_encoded(&c, encoding);
    if (c.is_bad || version != 1 || !elf_find_offset(file, *ret_addr, ret_offset)) {
        return false;
    }
    *ret_size = file->size - *ret_offset;
    return true;
}

void unwind_each_function(const struct elf_file *file,
                          void (*visit)(void *data, uint64_t start, uint64_t end), void *data)
{
    for (unsigned i = 0; i < file->segments->len; i++) {
        const struct elf_part *part = &g_array_index(file->segments, struct elf_part, i);
        uint64_t addr, offset, size;
        if (part->type == PT_GNU_EH_FRAME && find_by_header(file, part, &addr, &offset, &size)) {
            walk_table(file, offset, size, addr, visit, data);
            return;
        }
    }
}

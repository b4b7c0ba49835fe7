// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/look/elf.h"

#include <elf.h>
#include <string.h>

/// A file with more than this of anything is hostile: real ones have a dozen segments, thousands of
/// sections at most, and a million symbols. What each symbol is looked up in is what costs.
#define SEGMENTS_MAX 128
#define SECTIONS_MAX 65535
#define SYMBOLS_MAX  (UINT64_C(1) << 22)

/// Where the fields stand in the two classes: offset and width in bytes.
struct field {
    uint8_t offset, width;
};

struct layout {
    size_t header, segment, section, symbol;
    struct field phoff, shoff, phnum, shnum, phentsize, shentsize;
    struct field p_type, p_flags, p_offset, p_vaddr, p_filesz;
    struct field sh_type, sh_flags, sh_addr, sh_offset, sh_size;
    struct field st_info, st_shndx, st_value, st_size;
};

#define FIELD(type, member)                                                                        \
    {                                                                                              \
        offsetof(type, member), sizeof(((type *)0)->member)                                        \
    }
#define LAYOUT(N)                                                                                  \
    {                                                                                              \
        .header = sizeof(Elf##N##_Ehdr), .segment = sizeof(Elf##N##_Phdr),                         \
        .section = sizeof(Elf##N##_Shdr), .symbol = sizeof(Elf##N##_Sym),                          \
        .phoff = FIELD(Elf##N##_Ehdr, e_phoff), .shoff = FIELD(Elf##N##_Ehdr, e_shoff),            \
        .phnum = FIELD(Elf##N##_Ehdr, e_phnum), .shnum = FIELD(Elf##N##_Ehdr, e_shnum),            \
        .phentsize = FIELD(Elf##N##_Ehdr, e_phentsize),                                            \
        .shentsize = FIELD(Elf##N##_Ehdr, e_shentsize), .p_type = FIELD(Elf##N##_Phdr, p_type),    \
        .p_flags = FIELD(Elf##N##_Phdr, p_flags), .p_offset = FIELD(Elf##N##_Phdr, p_offset),      \
        .p_vaddr = FIELD(Elf##N##_Phdr, p_vaddr), .p_filesz = FIELD(Elf##N##_Phdr, p_filesz),      \
        .sh_type = FIELD(Elf##N##_Shdr, sh_type), .sh_flags = FIELD(Elf##N##_Shdr, sh_flags),      \
        .sh_addr = FIELD(Elf##N##_Shdr, sh_addr), .sh_offset = FIELD(Elf##N##_Shdr, sh_offset),    \
        .sh_size = FIELD(Elf##N##_Shdr, sh_size), .st_info = FIELD(Elf##N##_Sym, st_info),         \
        .st_shndx = FIELD(Elf##N##_Sym, st_shndx), .st_value = FIELD(Elf##N##_Sym, st_value),      \
        .st_size = FIELD(Elf##N##_Sym, st_size),                                                   \
    }

static const struct layout layouts[2] = {LAYOUT(32), LAYOUT(64)};

static uint64_t get(const uint8_t *record, struct field field)
{
    return elf_get(record + field.offset, field.width);
}

static const struct layout *layout_of(const struct elf_file *file)
{
    return &layouts[file->is_64];
}

/// Adds a part; its file range is cut off at the end of the file.
static void add_part(const struct elf_file *file, GArray *parts, struct elf_part part)
{
    part.offset = MIN(part.offset, file->size);
    part.size = MIN(part.size, file->size - part.offset);
    g_array_append_val(parts, part);
}

static void add_segment(struct elf_file *file, const uint8_t *at)
{
    const struct layout *l = layout_of(file);
    struct elf_part part = {
        .type = (uint32_t)get(at, l->p_type),
        .flags = get(at, l->p_flags),
        .addr = get(at, l->p_vaddr),
        .offset = get(at, l->p_offset),
        .size = get(at, l->p_filesz),
    };
    add_part(file, file->segments, part);
}

static void add_section(struct elf_file *file, const uint8_t *at)
{
    const struct layout *l = layout_of(file);
    struct elf_part part = {
        .type = (uint32_t)get(at, l->sh_type),
        .flags = get(at, l->sh_flags),
        .addr = get(at, l->sh_addr),
        .offset = get(at, l->sh_offset),
        .size = get(at, l->sh_size),
    };
    if (part.type == SHT_NOBITS) {
        part.size = 0;
    }
    add_part(file, file->sections, part);
}

/// Walks one header table. An entry size that is not the class's own is a table we cannot read.
static void each_entry(struct elf_file *file, const struct field fields[3], size_t entry,
                       uint64_t max, void (*add)(struct elf_file *, const uint8_t *))
{
    uint64_t offset = get(file->data, fields[0]), count = get(file->data, fields[1]);
    if (get(file->data, fields[2]) != entry) {
        return;
    }
    file->is_excessive |= count > max;
    count = MIN(count, max);
    for (uint64_t i = 0; i < count && elf_fits(offset, entry, file->size); i++, offset += entry) {
        add(file, file->data + offset);
    }
}

static bool is_x86(const uint8_t *data, size_t size)
{
    if (size < sizeof(Elf32_Ehdr) || memcmp(data, ELFMAG, SELFMAG) != 0 ||
        data[EI_DATA] != ELFDATA2LSB) {
        return false;
    }
    uint64_t machine = elf_get(data + offsetof(Elf64_Ehdr, e_machine), 2);
    // The x32 programs are EM_X86_64 in class 32: 64-bit code, and no such thing on Debian.
    return (data[EI_CLASS] == ELFCLASS64 && machine == EM_X86_64) ||
           (data[EI_CLASS] == ELFCLASS32 && machine == EM_386);
}

bool elf_parse(const uint8_t *data, size_t size, struct elf_file *ret_file)
{
    if (!is_x86(data, size)) {
        return false;
    }
    struct elf_file file = {.data = data, .size = size, .is_64 = data[EI_CLASS] == ELFCLASS64};
    const struct layout *l = layout_of(&file);
    if (size < l->header) {
        return false;
    }
    file.segments = g_array_new(FALSE, FALSE, sizeof(struct elf_part));
    file.sections = g_array_new(FALSE, FALSE, sizeof(struct elf_part));
    const struct field segments[] = {l->phoff, l->phnum, l->phentsize};
    const struct field sections[] = {l->shoff, l->shnum, l->shentsize};
    each_entry(&file, segments, l->segment, SEGMENTS_MAX, add_segment);
    each_entry(&file, sections, l->section, SECTIONS_MAX, add_section);
    *ret_file = file;
    return true;
}

void elf_clear(struct elf_file *file)
{
    g_clear_pointer(&file->segments, g_array_unref);
    g_clear_pointer(&file->sections, g_array_unref);
}

bool elf_find_offset(const struct elf_file *file, uint64_t addr, uint64_t *ret_offset)
{
    for (unsigned i = 0; i < file->segments->len; i++) {
        const struct elf_part *part = &g_array_index(file->segments, struct elf_part, i);
        if (part->type == PT_LOAD && addr >= part->addr && addr - part->addr < part->size) {
            *ret_offset = part->offset + (addr - part->addr);
            return true;
        }
    }
    return false;
}

/// The first section of this type, NULL if there is none: a file has one table of each kind.
static const struct elf_part *find_section(const struct elf_file *file, uint32_t type)
{
    for (unsigned i = 0; i < file->sections->len; i++) {
        const struct elf_part *part = &g_array_index(file->sections, struct elf_part, i);
        if (part->type == type) {
            return part;
        }
    }
    return NULL;
}

void elf_each_symbol(const struct elf_file *file,
                     void (*visit)(void *data, const struct elf_symbol *symbol), void *data)
{
    static const uint32_t types[] = {SHT_SYMTAB, SHT_DYNSYM};
    const struct layout *l = layout_of(file);
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        const struct elf_part *part = find_section(file, types[i]);
        uint64_t count = part != NULL ? MIN(part->size / l->symbol, SYMBOLS_MAX) : 0;
        for (uint64_t n = 0; n < count; n++) {
            const uint8_t *record = file->data + part->offset + n * l->symbol;
            if (get(record, l->st_shndx) == SHN_UNDEF) {
                continue;
            }
            struct elf_symbol symbol = {.type = (uint8_t)(get(record, l->st_info) & 0xf),
                                        .addr = get(record, l->st_value),
                                        .size = get(record, l->st_size)};
            visit(data, &symbol);
        }
    }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mask/look/ranges.h"

#include "mask/look/unwind.h"

#include <elf.h>

/// Ranges may nest (a symbol inside another) but real ones do so only a few levels deep.
#define NESTING_MAX 64

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return x->start != y->start ? (x->start > y->start) - (x->start < y->start)
                                : (y->end > x->end) - (y->end < x->end);
}

static int compare_offsets(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void add_function(void *data, uint64_t start, uint64_t end)
{
    struct ranges *ranges = data;
    struct range range = {start, end};
    g_array_append_val(ranges->functions, range);
}

struct symbol_walk {
    const struct elf_file *file;
    struct ranges *ranges;
};

static void add_symbol(void *data, const struct elf_symbol *symbol)
{
    struct symbol_walk *walk = data;
    uint64_t offset;
    if (!elf_find_offset(walk->file, symbol->addr, &offset)) {
        return;
    }
    struct range range = {offset, offset + symbol->size};
    bool has_size = symbol->size > 0 && symbol->size <= walk->file->size - offset;
    if (symbol->type == STT_OBJECT && has_size) {
        g_array_append_val(walk->ranges->data, range);
    } else if ((symbol->type == STT_FUNC || symbol->type == STT_GNU_IFUNC) && has_size) {
        g_array_append_val(walk->ranges->functions, range);
    } else if (symbol->type == STT_FUNC || symbol->type == STT_NOTYPE) {
        g_array_append_val(walk->ranges->labels, offset);
    }
}

static void add_sections(const struct elf_file *file, struct ranges *ranges)
{
    for (unsigned i = 0; i < file->sections->len; i++) {
        const struct elf_part *part = &g_array_index(file->sections, struct elf_part, i);
        struct range range = {part->offset, part->offset + part->size};
        if (part->size == 0 || (part->flags & SHF_ALLOC) == 0) {
            continue;
        }
        if ((part->flags & SHF_EXECINSTR) == 0) {
            g_array_append_val(ranges->sections, range);
        } else {
            g_array_append_val(ranges->labels, range.start);
        }
    }
}

static void add_segments(const struct elf_file *file, struct ranges *ranges)
{
    for (unsigned i = 0; i < file->segments->len; i++) {
        const struct elf_part *part = &g_array_index(file->segments, struct elf_part, i);
        struct range range = {part->offset, part->offset + part->size};
        if (part->type == PT_LOAD && (part->flags & PF_X) != 0 && part->size > 0) {
            g_array_append_val(ranges->code, range);
        }
    }
}

static void init(struct ranges *ranges)
{
    *ranges = (struct ranges){
        .functions = g_array_new(FALSE, FALSE, sizeof(struct range)),
        .data = g_array_new(FALSE, FALSE, sizeof(struct range)),
        .sections = g_array_new(FALSE, FALSE, sizeof(struct range)),
        .labels = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
        .code = g_array_new(FALSE, FALSE, sizeof(struct range)),
    };
}

void ranges_read_code(const struct elf_file *file, struct ranges *ret)
{
    init(ret);
    add_segments(file, ret);
}

void ranges_read_known(const struct elf_file *file, struct ranges *ranges)
{
    struct symbol_walk walk = {file, ranges};
    add_sections(file, ranges);
    elf_each_symbol(file, add_symbol, &walk);
    unwind_each_function(file, add_function, ranges);
    g_array_sort(ranges->functions, compare_ranges);
    g_array_sort(ranges->data, compare_ranges);
    g_array_sort(ranges->sections, compare_ranges);
    g_array_sort(ranges->labels, compare_offsets);
}

void ranges_init_raw(size_t size, struct ranges *ret)
{
    init(ret);
    struct range range = {0, size};
    g_array_append_val(ret->code, range);
}

void ranges_clear(struct ranges *ranges)
{
    g_clear_pointer(&ranges->functions, g_array_unref);
    g_clear_pointer(&ranges->data, g_array_unref);
    g_clear_pointer(&ranges->sections, g_array_unref);
    g_clear_pointer(&ranges->labels, g_array_unref);
    g_clear_pointer(&ranges->code, g_array_unref);
}

/// The number of elements whose first member, a uint64_t, is at most `offset`.
static unsigned count_up_to(const GArray *sorted, uint64_t offset)
{
    size_t width = g_array_get_element_size((GArray *)sorted);
    unsigned low = 0, high = sorted->len;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        uint64_t start;
        memcpy(&start, sorted->data + middle * width, sizeof start);
        if (start <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct range *ranges_find(const GArray *sorted, uint64_t offset)
{
    unsigned n = count_up_to(sorted, offset);
    for (unsigned i = 0; i < NESTING_MAX && i < n; i++) {
        const struct range *range = &g_array_index(sorted, struct range, n - 1 - i);
        if (offset < range->end) {
            return range;
        }
    }
    return NULL;
}

/// The end of the last range that ends at or before `offset`, as far as nesting lets one see.
static uint64_t find_end(const GArray *sorted, uint64_t offset)
{
    uint64_t best = 0;
    unsigned n = count_up_to(sorted, offset);
    for (unsigned i = 0; i < NESTING_MAX && i < n; i++) {
        uint64_t end = g_array_index(sorted, struct range, n - 1 - i).end;
        best = end <= offset ? MAX(best, end) : best;
    }
    return best;
}

uint64_t ranges_find_start(const struct ranges *ranges, uint64_t offset, uint64_t otherwise)
{
    unsigned n = count_up_to(ranges->labels, offset);
    uint64_t label = n > 0 ? g_array_index(ranges->labels, uint64_t, n - 1) : 0;
    uint64_t end = MAX(find_end(ranges->functions, offset), find_end(ranges->data, offset));
    end = MAX(end, find_end(ranges->sections, offset));
    return MAX(MAX(label, end), otherwise);
}

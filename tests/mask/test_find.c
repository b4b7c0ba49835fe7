// SPDX-License-Identifier: LGPL-2.1-or-later
/// The finder: what is a CPUID instruction, what is data, and what hostile files do.
#include "mask/look/find.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct find_result find_raw(const uint8_t *code, size_t size)
{
    struct find_result result;
    find_in_memory(code, size, true, SIZE_MAX, &result);
    return result;
}

#define ASSERT_FOUND(bytes, codes, undecideds)                                                     \
    do {                                                                                           \
        struct find_result found = find_raw(bytes, sizeof(bytes));                                 \
        assert_int_equal(found.code->len, codes);                                                  \
        assert_int_equal(found.undecided->len, undecideds);                                        \
        find_result_clear(&found);                                                                 \
    } while (0)

/// A function as assemblers write it, between padding.
static void test_function_between_padding(void **state)
{
    (void)state;
    static const uint8_t code[] = {0xc3, 0x66, 0x90, 0x66, 0x90, 0x66, 0x90, 0x66, 0x90, 0x66,
                                   0x90, 0x66, 0x90, 0x66, 0x90, 0x90, 0x53, 0x49, 0x89, 0xd0,
                                   0x89, 0xf8, 0x31, 0xc9, 0x0f, 0xa2, 0x41, 0x89, 0x00, 0x41,
                                   0x89, 0x58, 0x04, 0x5b, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc};
    ASSERT_FOUND(code, 1, 0);
}

/// The answer goes to the caller, in eax.
static void test_function_that_returns_it(void **state)
{
    (void)state;
    static const uint8_t code[] = {0x53, 0xb8, 0x01, 0x00, 0x00, 0x00, 0x31,
                                   0xc9, 0x0f, 0xa2, 0x5b, 0xc3, 0xcc, 0xcc};
    struct find_result found;
    find_in_memory(code, sizeof code, true, 0, &found);
    assert_int_equal(found.code->len, 1);
    find_result_clear(&found);
}

/// Prefixes belong to the instruction: its opcode is not within another one.
static void test_prefixed(void **state)
{
    (void)state;
    static const uint8_t code[] = {0xc3, 0x66, 0x90, 0x66, 0x90, 0x66, 0x90, 0x66, 0x90, 0x66,
                                   0x90, 0x66, 0x90, 0x66, 0x90, 0x90, 0x53, 0x49, 0x89, 0xd0,
                                   0x89, 0xf8, 0x31, 0xc9, 0x66, 0x48, 0x0f, 0xa2, 0x41, 0x89,
                                   0x00, 0x41, 0x89, 0x58, 0x04, 0x5b, 0xc3, 0xcc, 0xcc};
    ASSERT_FOUND(code, 1, 0);
}

/// Several leaves one after the other, behind text in the code segment.
static void test_function_behind_text(void **state)
{
    (void)state;
    static const uint8_t code[] = {0x73, 0x6c, 0x2e, 0x6f, 0x72, 0x67, 0x3e, 0x00, 0x66, 0x66, 0x2e,
                                   0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00, 0x90, 0x49, 0x89,
                                   0xd8, 0x31, 0xc0, 0x0f, 0xa2, 0x31, 0xc0, 0x81, 0xfb, 0x43, 0x65,
                                   0x6e, 0x74, 0x75, 0x0b, 0xb8, 0x00, 0x00, 0x00, 0xc0, 0x0f, 0xa2,
                                   0x89, 0xc2, 0x31, 0xc0, 0x4c, 0x89, 0xc3, 0xf3, 0xc3};
    ASSERT_FOUND(code, 2, 0);
}

/// The bytes inside of other instructions: an immediate, a displacement, an address.
static void test_part_of_another_instruction(void **state)
{
    (void)state;
    uint8_t code[128];
    static const uint8_t pattern[] = {0xb8, 0x0f, 0xa2, 0x00, 0x00, 0x8b, 0x8f, 0x0f, 0xa2, 0x00,
                                      0x00, 0x01, 0xc8, 0x01, 0xca, 0x83, 0xc2, 0x01, 0x39, 0xd0};
    for (size_t i = 0; i < sizeof code; i++) {
        code[i] = pattern[i % sizeof pattern];
    }
    struct find_result found = find_raw(code, sizeof code);
    assert_int_equal(found.code->len, 0);
    find_result_clear(&found);
}

/// Round constants and text.
static void test_data(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x0e, 0xc0, 0x7f, 0xdf, 0x56, 0xd9, 0x33, 0x25, 0x92, 0x8c, 0xe9,
                                   0xa2, 0xc8, 0xbd, 0x4f, 0x35, 0xf3, 0x1e, 0x0f, 0xa2, 0x8e, 0x9b,
                                   0xb7, 0x45, 0x51, 0xbb, 0x2a, 0x88, 0xf2, 0xbf, 0xbd, 0x45, 0x29,
                                   0xfd, 0x98, 0x2f, 0x8a, 0x42, 0x91, 0x44, 0x37, 0x71};
    struct find_result found = find_raw(data, sizeof data);
    assert_int_equal(found.code->len, 0);
    find_result_clear(&found);
}

/// Bytes with nothing around them that tells: never changed.
static void test_undecidable_is_not_code(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x0f, 0xa2, 0x0f, 0xa2, 0xa2, 0x0f, 0x0f, 0xa2};
    struct find_result found = find_raw(bytes, sizeof bytes);
    assert_int_equal(found.code->len, 0);
    find_result_clear(&found);
    struct find_result nothing = find_raw(bytes, 0);
    assert_int_equal(nothing.code->len + nothing.undecided->len, 0);
    find_result_clear(&nothing);
}

/// An instruction that is being executed is one, whatever stands around.
static void test_executed(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x06, 0x06, 0x06, 0x0f, 0xa2, 0x06};
    struct find_result found;
    find_in_memory(bytes, sizeof bytes, true, 3, &found);
    assert_int_equal(found.code->len, 1);
    find_result_clear(&found);
}

static uint8_t *load_victim(size_t *ret_size)
{
    char *text = NULL;
    gsize size = 0;
    assert_true(g_file_get_contents(g_getenv("VICTIM"), &text, &size, NULL));
    *ret_size = size;
    return (uint8_t *)text;
}

/// A whole program: its functions by unwind entries, the hand-written one by the gap.
static void test_file(void **state)
{
    (void)state;
    size_t size;
    g_autofree uint8_t *file = load_victim(&size);
    struct find_result found;
    find_in_file(file, size, &found);
    assert_true(found.code->len >= 4);
    for (unsigned i = 0; i < found.code->len; i++) {
        uint64_t at = g_array_index(found.code, uint64_t, i);
        assert_int_equal(file[at], 0x0f);
        assert_int_equal(file[at + 1], 0xa2);
        assert_true(i == 0 || at > g_array_index(found.code, uint64_t, i - 1));
    }
    static const uint8_t data[] = {0x6f, 0x0f, 0xa2, 0x8e, 0x9b, 0x06};
    const uint8_t *table = memmem(file, size, data, sizeof data);
    assert_non_null(table);
    for (unsigned i = 0; i < found.code->len; i++) {
        assert_int_not_equal(g_array_index(found.code, uint64_t, i), table + 1 - file);
    }
    find_result_clear(&found);
}

/// Without section headers and symbols the same places are found.
static void test_stripped_file(void **state)
{
    (void)state;
    size_t size;
    g_autofree uint8_t *file = load_victim(&size);
    struct find_result whole, stripped;
    find_in_file(file, size, &whole);
    Elf64_Ehdr header;
    memcpy(&header, file, sizeof header);
    header.e_shoff = 0;
    header.e_shnum = 0;
    memcpy(file, &header, sizeof header);
    find_in_file(file, size, &stripped);
    assert_int_equal(whole.code->len, stripped.code->len);
    find_result_clear(&whole);
    find_result_clear(&stripped);
}

static void find_exactly(const uint8_t *bytes, size_t size)
{
    // In memory of exactly this size, so that sanitizers see a read behind it.
    g_autofree uint8_t *copy = g_memdup2(bytes, size);
    struct find_result found;
    find_in_file(copy, size, &found);
    find_result_clear(&found);
}

static void test_truncated_files(void **state)
{
    (void)state;
    size_t size;
    g_autofree uint8_t *file = load_victim(&size);
    for (size_t cut = 1; cut < size; cut += cut < 1024 ? 7 : 997) {
        find_exactly(file, cut);
    }
}

static void test_damaged_files(void **state)
{
    (void)state;
    size_t size;
    g_autofree uint8_t *file = load_victim(&size);
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    for (int round = 0; round < 200; round++) {
        g_autofree uint8_t *damaged = g_memdup2(file, size);
        for (int i = 0; i < 8; i++) {
            // Headers first: there a byte does most.
            size_t range = i < 6 ? MIN(size, 1024) : size;
            damaged[g_rand_int_range(rand, 0, (gint32)range)] = (uint8_t)g_rand_int(rand);
        }
        memcpy(damaged, ELFMAG, SELFMAG);
        find_exactly(damaged, size);
    }
}

static void add_bytes(GByteArray *file, const void *bytes, size_t size)
{
    g_byte_array_append(file, bytes, (unsigned)size);
}

/// A file that says of itself more than can be looked through one by the other: it is read all the
/// same, within seconds.
static void test_hostile_tables(void **state)
{
    (void)state;
    enum { SEGMENTS = 60000, SECTIONS = 60000, SYMBOLS = 200000 };
    const uint64_t tables = sizeof(Elf64_Ehdr) + SEGMENTS * sizeof(Elf64_Phdr);
    const uint64_t symbols = tables + SECTIONS * sizeof(Elf64_Shdr);
    const Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
                               .e_machine = EM_X86_64,
                               .e_phoff = sizeof header,
                               .e_shoff = tables,
                               .e_phentsize = sizeof(Elf64_Phdr),
                               .e_phnum = SEGMENTS,
                               .e_shentsize = sizeof(Elf64_Shdr),
                               .e_shnum = SECTIONS};
    const Elf64_Phdr segment = {.p_type = PT_LOAD, .p_flags = PF_X, .p_filesz = 64};
    const Elf64_Shdr section = {
        .sh_type = SHT_SYMTAB, .sh_offset = symbols, .sh_size = SYMBOLS * sizeof(Elf64_Sym)};
    const Elf64_Sym symbol = {.st_info = STT_FUNC, .st_shndx = 1, .st_value = 1 << 20};
    g_autoptr(GByteArray) file = g_byte_array_new();
    add_bytes(file, &header, sizeof header);
    for (int i = 0; i < SEGMENTS; i++) {
        add_bytes(file, &segment, sizeof segment);
    }
    for (int i = 0; i < SECTIONS; i++) {
        add_bytes(file, &section, sizeof section);
    }
    for (int i = 0; i < SYMBOLS; i++) {
        add_bytes(file, &symbol, sizeof symbol);
    }
    find_exactly(file->data, file->len);
}

/// Nothing but candidates: what would take too long to decide is left undecided.
static void test_hostile_code(void **state)
{
    (void)state;
    const size_t size = (size_t)8 << 20;
    g_autofree uint8_t *code = g_malloc(size);
    for (size_t i = 0; i < size; i += 2) {
        code[i] = 0x0f;
        code[i + 1] = 0xa2;
    }
    struct find_result found = find_raw(code, size);
    assert_true(found.undecided->len > size / 4);
    find_result_clear(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_function_that_returns_it),
        cmocka_unit_test(test_prefixed),
        cmocka_unit_test(test_function_between_padding),
        cmocka_unit_test(test_function_behind_text),
        cmocka_unit_test(test_part_of_another_instruction),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_undecidable_is_not_code),
        cmocka_unit_test(test_executed),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_stripped_file),
        cmocka_unit_test(test_truncated_files),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_hostile_tables),
        cmocka_unit_test(test_hostile_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

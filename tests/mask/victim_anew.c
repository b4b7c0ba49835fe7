// SPDX-License-Identifier: LGPL-2.1-or-later
/// Modes of the victim: memory at a place where other memory was.
#include "victim.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

/// New memory where other memory was.
static void remake_memory(uint8_t *memory, int prot, int flags)
{
    void *anew = mmap(memory, 3 * 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    REQUIRE(anew == memory);
}

/// Code that is executed once in memory of its own, at the same place again and again.
void mode_jit_anew(char **args)
{
    (void)args;
    uint8_t *memory = make_memory(PROT_NONE);
    for (int i = 0; i < 40; i++) {
        REQUIRE(i % 2 == 0 || munmap(memory, 3 * 4096) == 0);
        remake_memory(memory, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_FIXED);
        write_code(memory + 64);
        REQUIRE(features_by(to_function(memory + 64)) == read_features());
        write_code(memory + 256); // in a page that is given all it asked for, nobody sees this one
        REQUIRE(features_by(to_function(memory + 256)) == read_features());
    }
}

static sigjmp_buf refusal;

static void on_refused(int signal)
{
    siglongjmp(refusal, signal);
}

/// The signal that executing `code` gives, 0 where none.
static int signal_of(uint8_t *code)
{
    int signal = sigsetjmp(refusal, 1);
    if (signal == 0) {
        features_by(to_function(code));
    }
    return signal;
}

static void unmap(uint8_t *memory)
{
    REQUIRE(munmap(memory, 3 * 4096) == 0);
    remake_memory(memory, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE);
}

static void map_over(uint8_t *memory)
{
    remake_memory(memory, PROT_READ | PROT_WRITE, MAP_FIXED);
}

static void move_over(uint8_t *memory)
{
    uint8_t *other = make_memory(PROT_READ | PROT_WRITE);
    REQUIRE(mremap(other, 3 * 4096, 3 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, memory) == memory);
}

static void move_away(uint8_t *memory)
{
    REQUIRE(mremap(memory, 3 * 4096, 3 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
                   make_memory(PROT_NONE)) != MAP_FAILED);
    remake_memory(memory, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE);
}

/// Shrinks to two pages, of three.
static void shrink(uint8_t *memory)
{
    REQUIRE(mremap(memory, 3 * 4096, 2 * 4096, 0) == memory);
    REQUIRE(mmap(memory + 2 * 4096, 4096, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == memory + 2 * 4096);
}

/// Memory is what it is now, not what was at its place: not executable, and its ud2 no CPUID.
void mode_unmapped(char **args)
{
    (void)args;
    void (*const ways[])(uint8_t *) = {unmap, map_over, move_over, move_away, shrink};
    signal(SIGSEGV, on_refused);
    signal(SIGILL, on_refused);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        uint8_t *memory = make_memory(PROT_READ | PROT_WRITE | PROT_EXEC);
        uint8_t *code = memory + 2 * 4096;
        write_code(code);
        REQUIRE(features_by(to_function(code)) == read_features());
        ways[i](memory);
        static const uint8_t ret = 0xc3, invalid[] = {0x0f, 0x0b};
        *code = ret;
        REQUIRE(signal_of(code) == SIGSEGV);
        write_code(code);
        code[7] = ret; // else the code around it would say that it is a copy
        memcpy(code + 8, invalid, sizeof invalid);
        REQUIRE(mprotect(memory, 3 * 4096, PROT_READ | PROT_EXEC) == 0);
        REQUIRE(signal_of(code + 8) == SIGILL);
    }
}

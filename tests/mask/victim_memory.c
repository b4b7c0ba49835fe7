// SPDX-License-Identifier: LGPL-2.1-or-later
/// Modes of the victim: memory with code, which others write: threads, and the kernel.
#include "victim.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

/// A counter of one byte, and behind it what write_code writes, shorter: CPUID is in the same eight
/// bytes as the counter.
static const uint8_t counting_code[] = {0,    0x53, 0x89, 0xf8, 0x31, 0xc9, 0x0f,
                                        0xa2, 0x89, 0x06, 0x89, 0x5e, 0x04, 0x89,
                                        0x4e, 0x08, 0x89, 0x56, 0x0c, 0x5b, 0xc3};

struct counting {
    atomic_uchar *at;
    atomic_bool is_over;
    unsigned done;
};

static void *count_main(void *data)
{
    struct counting *counting = data;
    while (!counting->is_over) {
        atomic_fetch_add(counting->at, 1);
        counting->done++;
    }
    return NULL;
}

/// While one thread executes code, another writes beside it: no write is lost.
void mode_written(char **args)
{
    (void)args;
    for (int i = 0; i < 60; i++) {
        uint8_t *memory = make_memory(ALL), *code = memory + 64;
        memcpy(code, counting_code, sizeof counting_code);
        struct counting counting = {.at = (atomic_uchar *)code};
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, count_main, &counting) == 0);
        while (atomic_load(counting.at) == 0) {
        }
        for (int k = 0; k < 20; k++) {
            REQUIRE(features_by(to_function(code + 1)) == read_features());
        }
        counting.is_over = true;
        REQUIRE(pthread_join(thread, NULL) == 0);
        REQUIRE(*counting.at == (uint8_t)counting.done);
        REQUIRE(munmap(memory, 3 * 4096) == 0);
    }
}

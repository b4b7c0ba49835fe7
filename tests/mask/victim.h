// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the modes of the victim share.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

typedef void cpuid_fn(uint32_t leaf, uint32_t regs[4]);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "victim: line %d: %s\n", __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/// What leaf 1 says of instructions, by a CPUID that the compiler made.
uint64_t read_features(void);

/// The same by another function.
uint64_t features_by(cpuid_fn *function);

/// Three pages of memory of its own.
uint8_t *make_memory(int prot);

/// Writes a function that executes CPUID, as a compiler at run time would: CODE_SIZE bytes.
void write_code(uint8_t *at);
enum { CODE_SIZE = 27 };

cpuid_fn *to_function(uint8_t *code);

/// Waits for the child, which must end with this status.
void require_exit(pid_t child, int expected);

// Modes of victim_anew.c.
void mode_jit_anew(char **args);
void mode_unmapped(char **args);

// Modes of victim_signals.c.
void mode_blocked(char **args);
void mode_kept(char **args);
void mode_once(char **args);
void mode_signals(char **args);
void mode_waiting(char **args);

// Modes of victim_memory.c.
void mode_closed(char **args);
void mode_doubtful(char **args);
void mode_filled(char **args);
void mode_sandbox(char **args);
void mode_sandboxed(char **args);
void mode_written(char **args);

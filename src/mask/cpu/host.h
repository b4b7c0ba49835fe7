// SPDX-License-Identifier: LGPL-2.1-or-later
/// What the real CPU answers.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct mask_regs {
    uint32_t eax, ebx, ecx, edx;
};

/// Reads one CPUID leaf as CPU number `cpu` answers it (leaves that tell CPUs apart are read on
/// that CPU), -1: on any. The seam for tests: a function over a recorded CPU.
typedef struct mask_regs (*mask_cpuid_fn)(void *data, uint32_t leaf, uint32_t subleaf, int cpu);

/// The real CPU; remembers what each CPU said. One per process.
typedef struct mask_host mask_host;
struct mask_host *mask_host_new(void);
void mask_host_free(struct mask_host *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(mask_host, mask_host_free)

/// A mask_cpuid_fn over a struct mask_host.
struct mask_regs mask_host_read(void *host, uint32_t leaf, uint32_t subleaf, int cpu);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// The interface of libFuzzer, which run_corpus.c drives too.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Handles one hostile input; returns 0. A broken law aborts.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

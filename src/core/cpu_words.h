// SPDX-License-Identifier: LGPL-2.1-or-later
/// A definition in the words of QEMU's users: "Haswell,+aes,-avx2,pcid=on".
#pragma once

#include "core/cpu.h"

/// The levels of the x86-64 psABI as models: "x86-64-v1" to "x86-64-v4". Each is QEMU's qemu64,
/// which every host can give, with the features of the level and without svm.
#define CPU_WORDS_LEVEL     "x86-64-v"
#define CPU_WORDS_LEVEL_MAX 4

/// True for text that may be such words: a model's name or a level, in capitals or not, or anything
/// with a comma.
bool cpu_words_is(const char *text, const catalog *map);

/// MODEL or a level, then each feature as +F, F or F=on (required) or -F or F=off (disabled),
/// between commas, in any spelling that the catalogue knows. As for QEMU, of F=on and F=off the
/// later counts, +F more than both, -F more than all. *ret_cpu, with libvirt's names, is the
/// caller's, and so is *ret_words, the same in fewest words: "Haswell,+aes,-avx2"; it may be NULL.
/// CPULIFT_EINPUT names the model or feature that there is none of, and what was probably meant;
/// CPULIFT_EUSAGE the word that is none.
int cpu_words_parse(const char *text, const catalog *map, char **ret_words, cpulift_cpu **ret_cpu,
                    cpulift_error **err);

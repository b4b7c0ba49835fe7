// SPDX-License-Identifier: LGPL-2.1-or-later
/// A definition in the words of QEMU's users: "Haswell,+aes,-avx2,pcid=on".
#pragma once

#include "core/cpu.h"

/// True for text that may be such words rather than the name of a model: it has a comma.
bool cpu_words_is(const char *text);

/// MODEL, then each feature as +F, F or F=on (required) or -F or F=off (disabled), between commas,
/// in any spelling that the catalogue knows. As for QEMU, of F=on and F=off the later counts, +F
/// more than both, -F more than all. *ret_cpu, with libvirt's names, is the caller's.
/// CPULIFT_EINPUT names the word that is none, and what was probably meant.
int cpu_words_parse(const char *text, const catalog *map, cpulift_cpu **ret_cpu,
                    cpulift_error **err);

/// "Haswell+aes-avx2", or with commas between. The caller frees it.
char *cpu_words_format(const cpulift_cpu *cpu, const char *separator);

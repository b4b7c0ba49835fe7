// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/machine.h"

#include <glib.h>
#include <string.h>

const char *const machine_virts[] = {"kvm", "qemu", NULL};
const char *const machine_names[] = {"pc", "q35", NULL};

const char *machine_find_kind(const char *machine)
{
    // QEMU names a version of every machine type KIND-VERSION; until 1.3 there was but
    // "pc-VERSION".
    static const struct {
        const char *prefix, *kind;
    } kinds[] = {{"pc-i440fx-", "pc"}, {"pc-0.", "pc"}, {"pc-1.", "pc"}, {"pc-q35-", "q35"}};
    for (size_t i = 0; machine != NULL && i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(machine, kinds[i].prefix)) {
            return kinds[i].kind;
        }
    }
    return machine != NULL ? machine : machine_names[0];
}

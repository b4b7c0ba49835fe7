// SPDX-License-Identifier: LGPL-2.1-or-later
/// A domain from a stranger: every law of tests/lib/domain_laws.h, under two definitions.
#include "domain_laws.h"
#include "fuzz.h"
#include "support.h"

static const char *const definitions[] = {
    "<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>Nehalem</model>"
    "<vendor>Intel</vendor><feature policy='require' name='aes'/>"
    "<feature policy='disable' name='vme'/></cpu>",
    "<cpu mode='custom' match='exact' check='full'><model fallback='forbid'>EPYC</model>"
    "<maxphysaddr mode='emulate' bits='39'/></cpu>",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < G_N_ELEMENTS(definitions); i++) {
        g_autoptr(cpulift_cpu) cpu = support_parse_cpu(definitions[i]);
        struct domain_options options = {.virt = "kvm", .machine = "pc", .respect = i == 1};
        domain_laws_check((const char *)data, size, cpu, &options);
    }
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// A <cpu> element from a stranger: what is written of it reads back as the same.
#include "core/cpu.h"
#include "fuzz.h"
#include "support.h"

#include <string.h>

static void check_round_trip(const cpulift_cpu *cpu)
{
    g_autofree char *once = cpu_format(cpu, 2);
    g_autoptr(cpulift_cpu) again = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_assert(cpu_parse(once, strlen(once), "again", &again, &err) == 0);
    g_autofree char *twice = cpu_format(again, 2);
    g_assert_cmpstr(once, ==, twice);
    g_autoptr(cpulift_cpu) copy = cpu_copy(again);
    g_autofree char *copied = cpu_format(copy, 2);
    g_assert_cmpstr(once, ==, copied);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(cpulift_cpu) cpu = NULL;
    g_autoptr(cpulift_error) err = NULL, other = NULL;
    if (cpu_parse((const char *)data, size, "fuzz", &cpu, &err) != 0) {
        g_assert(cpu == NULL && err != NULL);
        return 0;
    }
    check_round_trip(cpu);
    feature_set set;
    int rc = cpu_expand(cpu, support_get_catalog(), &set, &other);
    g_assert((rc == 0) == (other == NULL));
    return 0;
}

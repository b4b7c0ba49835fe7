// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/machine.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void versions_are_of_their_kind(void **state)
{
    static const char *const cases[][2] = {
        {"pc", "pc"},
        {"pc-i440fx-7.2", "pc"},
        {"pc-i440fx-rhel7.6.0", "pc"},
        {"pc-1.3", "pc"},
        {"pc-0.15", "pc"},
        {"q35", "q35"},
        {"pc-q35-8.1", "q35"},
        {"pc-q35-focal", "q35"},
        // No name of QEMU's: whatever it is, it is not known to be one of ours.
        {"pc-i440fx", "pc-i440fx"},
        {"pc-q35x", "pc-q35x"},
        {"microvm", "microvm"},
        {NULL, "pc"},
    };
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_string_equal(machine_find_kind(cases[i][0]), cases[i][1]);
    }
}

static void help_has_the_names(void **state)
{
    g_autofree char *virts = g_strjoinv("|", (char **)machine_virts);
    g_autofree char *names = g_strjoinv("|", (char **)machine_names);
    (void)state;
    assert_string_equal(virts, MACHINE_VIRT_WORDS);
    assert_string_equal(names, MACHINE_WORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_of_their_kind),
        cmocka_unit_test(help_has_the_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

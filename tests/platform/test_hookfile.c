// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/hookfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct root_file make(const char *text)
{
    return (struct root_file){.exists = true, .bytes = (char *)text, .len = strlen(text)};
}

static void test_whose(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_ours;
        const char *program;
    } cases[] = {
        {"#!/bin/sh\n# SPDX-License-Identifier: x\n# Written by 'cpulift apply' for /a/hook; "
         "more\n",
         true, "/a/hook"},
        {"// Written by 'cpulift apply' for /opt/a.b+c_d-e/hook", true, "/opt/a.b+c_d-e/hook"},
        {"#!/usr/libexec/cpulift/cpulift-hook guard\n", true, "/usr/libexec/cpulift/cpulift-hook"},
        {"#!/x cloudstack\n", true, "/x"},
        {"# SPDX-License-Identifier: LGPL-2.1-or-later\n# Sourced by kvmrc on a node. The driver "
         "starts a guest by `virsh --connect URI create FILE`: before\n# libvirt\n",
         true, NULL},
        {"#!/bin/sh\n# SPDX-License-Identifier: LGPL-2.1-or-later\n# calls cpulift\n"
         "cpulift rewrite --plan p\n",
         false, NULL},
        {"#!/x cloudstack\n# and more\n", false, NULL},
        {"#!/x cloudstack", false, NULL},
        {"#!/x other\n", false, NULL},
        {"#!x guard\n", false, NULL},
        {"#!/bin/sh /usr/libexec/cpulift/cpulift-hook guard\n", false, NULL},
        {"echo Written by 'cpulift apply' for /a\n", false, NULL},
        {"#!/bin/sh\n# not Written by 'cpulift apply' for /a\n", false, NULL},
        {"#!/bin/sh\n1\n2\n3\n# Written by 'cpulift apply' for /a\n", false, NULL},
        {"", false, NULL},
        {"#!", false, NULL},
        {"#!/", false, NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const struct root_file file = make(cases[i].text);
        g_autofree char *program = hookfile_find_program(&file);
        if (hookfile_is_ours(&file) != cases[i].is_ours ||
            g_strcmp0(program, cases[i].program) != 0) {
            fail_msg("%s: program %s", cases[i].text, program);
        }
    }
    const struct root_file none = {0};
    assert_false(hookfile_is_ours(&none));
    assert_null(hookfile_find_program(&none));
}

static void test_calls(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool does_call;
    } cases[] = {
        {"#!/bin/sh\nprintf %s \"$2\" | cpulift rewrite --plan p\n", true},
        {"cpulift rewrite --plan p", true},
        {"exec /usr/bin/cpulift rewrite -p p # as told", true},
        {"new=$(cpulift rewrite --plan p <<EOF", true},
        {"#!/bin/sh\n# cpulift rewrite --plan p\n", false},
        {"true # then cpulift rewrite --plan p", false},
        {"\t# let it call\n\t#cpulift rewrite --plan p", false},
        {"#!/usr/bin/cpulift rewrite --plan p", false},
        {"my-cpulift rewrite --plan p", false},
        {"cpulift rewriter", false},
        {"cpulift status", false},
        {"", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const struct root_file file = make(cases[i].text);
        if (hookfile_calls_rewrite(&file) != cases[i].does_call) {
            fail_msg("%s", cases[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose),
        cmocka_unit_test(test_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

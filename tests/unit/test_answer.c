// SPDX-License-Identifier: LGPL-2.1-or-later
/// answer: what is said of a ratio, and what is not.
#include "measure/answer.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char head[] =
    "{\"schema\":\"cpulift.samples/1\",\"machine\":{\"cpus_online\":2},\"settings\":{\"in\":"
    "\"guest\",\"runs\":6,\"timeout\":9,\"memory\":64,\"vcpus\":[1],\"definitions\":[{\"name\":"
    "\"2014\",\"argument\":\"2014\"},{\"name\":\"tuned\",\"argument\":\"tuned\"}],\"workloads\":[{"
    "\"name\":\"ddg\",\"arguments\":[]}]},\"samples\":[";

/// Six quiet runs, in which tuned takes half of the time; `accelerator` is tuned's.
static bench_samples *make(const char *accelerator)
{
    g_autoptr(GString) text = g_string_new(head);
    for (int i = 0; i < 12; i++) {
        bool is_tuned = i % 2 == 1;
        g_string_append_printf(
            text,
            "%s{\"workload\":\"ddg\",\"cpu\":\"%s\",\"vcpus\":1,\"run\":%d,\"status\":\"ok\","
            "\"accelerator\":\"%s\",\"result\":{\"schema\":\"cpulift.result/1\",\"figures\":{"
            "\"time\":{\"value\":%d,\"unit\":\"s\"}}}}",
            i > 0 ? "," : "", is_tuned ? "tuned" : "2014", i / 2 + 1,
            is_tuned ? accelerator : "kvm", (is_tuned ? 1000 : 2000) + i);
    }
    g_string_append(text, "]}");
    bench_samples *s = NULL;
    assert_int_equal(samples_parse(text->str, text->len, "test", &s, NULL), 0);
    return s;
}

static void assert_says(const char *accelerator, const char *expected)
{
    g_autoptr(bench_samples) s = make(accelerator);
    g_autoptr(bench_summary) sum = summary_new(s, NULL);
    g_autofree char *words = answer_format(sum, "ddg", "tuned", 1);
    assert_non_null(words);
    assert_true(g_str_has_prefix(words, expected));
}

static void quiet(void **state)
{
    (void)state;
    assert_says("kvm", "time −49.");
}

/// Emulated guests say nothing of speed, however clear the difference is.
static void emulated(void **state)
{
    (void)state;
    assert_says("tcg", "time not judged, emulated");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quiet), cmocka_unit_test(emulated)};
    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// measure: the samples document, archives, transcripts, settings.
#include "base/cpio.h"
#include "base/file.h"
#include "measure/console.h"
#include "measure/environment.h"
#include "measure/figure.h"
#include "measure/guest.h"
#include "measure/place.h"
#include "measure/runner.h"
#include "measure/samples.h"
#include "measure/settings.h"
#include "measure/summary.h"
#include "measure/workload.h"

#include <glib/gstdio.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static const char document[] =
    "{\"schema\":\"cpulift.samples/1\",\"machine\":{\"processor\":\"P\"},"
    "\"settings\":{\"in\":\"process\",\"runs\":2,\"timeout\":9,\"memory\":64,\"vcpus\":[1],"
    "\"definitions\":[{\"name\":\"default\",\"argument\":\"default\"},{\"name\":\"tuned\","
    "\"argument\":\"tuned\"}],\"workloads\":[{\"name\":\"linpack\",\"arguments\":[]}]},"
    "\"samples\":["
    "{\"workload\":\"linpack\",\"cpu\":\"default\",\"vcpus\":1,\"run\":0,\"status\":\"ok\","
    "\"accelerator\":\"none\","
    "\"result\":{\"schema\":\"cpulift.result/"
    "1\",\"figures\":{\"gflops\":{\"value\":1,\"unit\":\"GFLOP/s\"}}}},"
    "{\"workload\":\"linpack\",\"cpu\":\"default\",\"vcpus\":1,\"run\":1,\"status\":\"ok\","
    "\"accelerator\":\"none\","
    "\"result\":{\"schema\":\"cpulift.result/"
    "1\",\"figures\":{\"gflops\":{\"value\":10,\"unit\":\"GFLOP/s\"}}}},"
    "{\"workload\":\"linpack\",\"cpu\":\"tuned\",\"vcpus\":1,\"run\":1,\"status\":\"ok\","
    "\"accelerator\":\"none\","
    "\"result\":{\"schema\":\"cpulift.result/"
    "1\",\"figures\":{\"gflops\":{\"value\":30,\"unit\":\"GFLOP/s\"}}}},"
    "{\"workload\":\"linpack\",\"cpu\":\"tuned\",\"vcpus\":1,\"run\":2,\"status\":\"failed\","
    "\"accelerator\":\"none\","
    "\"reason\":\"wrong\",\"result\":{\"schema\":\"cpulift.result/"
    "1\",\"figures\":{\"gflops\":{\"value\":99,\"unit\":"
    "\"GFLOP/s\"}}}}]}";

static bench_samples *parse(const char *text)
{
    bench_samples *s = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(samples_parse(text, strlen(text), "test", &s, &err), 0);
    return s;
}

static void samples_round(void **state)
{
    (void)state;
    g_autoptr(bench_samples) first = parse(document);
    g_autofree char *text = samples_format(first);
    g_autoptr(bench_samples) second = parse(text);
    g_autofree char *again = samples_format(second);
    assert_string_equal(text, again);
    assert_non_null(samples_find(second, "linpack", "tuned", 1, 2));
    assert_null(samples_find(second, "linpack", "tuned", 2, 2));
    const bench_sample *failed = samples_find(second, "linpack", "tuned", 1, 2);
    assert_string_equal(failed->reason, "wrong");
    assert_false(sample_is_usable(failed));
    assert_false(sample_is_usable(samples_find(second, "linpack", "default", 1, 0)));
}

/// The warm-up and the failed sample, though it has a figure, are in no number.
static void summary_leaves_out(void **state)
{
    (void)state;
    g_autoptr(bench_samples) s = parse(document);
    g_autoptr(bench_summary) sum = summary_new(s, "default");
    const struct summary_row *base = summary_find(sum, "linpack", "gflops", "default", 1);
    const struct summary_row *tuned = summary_find(sum, "linpack", "gflops", "tuned", 1);
    assert_int_equal(base->value.count, 1);
    NEAR(base->value.median, 10);
    assert_int_equal(base->ratio.count, 0);
    assert_int_equal(tuned->value.count, 1);
    assert_int_equal(tuned->failed, 1);
    NEAR(tuned->ratio.median, 3);
    g_autoptr(GPtrArray) warnings = summary_get_warnings(sum, s);
    assert_non_null(strstr(warnings->pdata[1], "1 sample(s) of linpack under tuned"));
    g_autoptr(bench_summary) other = summary_new(s, "tuned");
    assert_int_equal(summary_find(other, "linpack", "gflops", "tuned", 1)->ratio.count, 0);
}

static void samples_refuse(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to; ///< one edit of the good document
    } edits[] = {
        {"samples/1", "samples/2"},
        {"\"machine\"", "\"machin\""},
        {"\"samples\":[", "\"sample\":["},
        {"\"vcpus\":1", "\"vcpus\":0"},
        {"\"vcpus\":1", "\"vcpus\":-4"},
        {"\"run\":0", "\"run\":\"0\""},
        {"\"cpu\":\"tuned\"", "\"cpu\":\"../x\""},
        {"\"workload\":\"linpack\"", "\"workload\":\"a b\""},
        {"\"status\":\"ok\"", "\"status\":\"fine\""},
        {"\"unit\":\"GFLOP/s\"", "\"unit\":\"'`id`\""},
        {"\"value\":10", "\"value\":\"10\""},
        {"\"gflops\":", "\"a\\nb\":"},
        {"10,\"unit\":\"GFLOP/s\"", "10,\"unit\":\"MFLOP/s\""},
        {"\"value\":10", "\"value\":-10"},
        // Of a series that the settings do not describe, or that cannot go on.
        {"\"cpu\":\"tuned\"", "\"cpu\":\"other\""},
        {"\"workload\":\"linpack\"", "\"workload\":\"transcode\""},
        {"\"vcpus\":1", "\"vcpus\":2"},
        {"\"run\":2", "\"run\":3"},
        {"\"name\":\"tuned\"", "\"name\":\"default\""},
        {"\"vcpus\":[1]", "\"vcpus\":[1,1]"},
        {"\"name\":\"linpack\"", "\"name\":\"warp\""},
        {"\"argument\":\"tuned\"", "\"argument\":\"tuned\",\"document\":\"{}\""},
        {"\"argument\":\"tuned\"", "\"argument\":\"tuned\",\"document\":\"<domain/>\""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autoptr(GString) text = g_string_new(document);
        g_autoptr(cpulift_error) err = NULL;
        bench_samples *s = NULL;
        assert_int_equal(g_string_replace(text, edits[i].from, edits[i].to, 1), 1);
        assert_int_equal(samples_parse(text->str, text->len, "x", &s, &err), CPULIFT_EINPUT);
        assert_non_null(strstr(err->message, "'x'"));
    }
}

static void archives(void **state)
{
    (void)state;
    g_autofree char *folder = g_dir_make_tmp("cpulift-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "a.cpio", NULL), *text = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(cpio) a = NULL;
    size_t len;
    assert_int_equal(cpio_open(path, &a, &err), 0);
    assert_int_equal(cpio_add_text(a, "/d/f", "hello", 5, &err), 0);
    assert_int_equal(cpio_add_text(a, "/d/f", "other", 5, &err), 0);
    assert_int_equal(cpio_add_file(a, "/x", "/nowhere/at/all", &err), CPULIFT_EMISSING);
    assert_int_equal(cpio_finish(a, &err), 0);
    assert_int_equal(file_load(path, 4096, &text, &len, NULL), 0);
    // header (110), name and NUL padded to 4; then the data padded to 4
    const size_t folder_len = 112, file_len = 116 + 8, trailer_len = 124;
    assert_int_equal(len, folder_len + file_len + trailer_len);
    assert_memory_equal(text,
                        "07070100000001000041ED00000000000000000000000200000000"
                        "00000000",
                        62);
    assert_string_equal(text + 110, "d");
    assert_string_equal(text + folder_len + 110, "d/f");
    assert_memory_equal(text + folder_len + 116, "hello\0\0\0", 8);
    assert_string_equal(text + folder_len + file_len + 110, "TRAILER!!!");
    g_unlink(path);
    g_rmdir(folder);
}

static void transcripts(void **state)
{
    (void)state;
    bool is_done;
    g_autoptr(GPtrArray) two =
        console_parse("boot noise\r\n@cpulift begin 0\r\nhello\r\n{}\r\n\r\n@cpulift end 0 0 1.5 "
                      "2.25\r\n@cpulift begin 1\n@cpulift said no such file\n@cpulift end 1 132 "
                      "0.1 0\n@cpulift done\n",
                      &is_done);
    assert_true(is_done);
    assert_int_equal(two->len, 2);
    const struct console_command *first = two->pdata[0], *second = two->pdata[1];
    assert_string_equal(first->output, "hello\n{}\n\n");
    assert_int_equal(first->status, 0);
    NEAR(first->wall, 1.5);
    NEAR(first->cpu, 2.25);
    assert_int_equal(second->status, 132);
    assert_string_equal(second->said, "no such file");
    g_autoptr(GPtrArray) cut = console_parse("@cpulift begin 0\nhalf", &is_done);
    assert_false(is_done);
    assert_int_equal(((struct console_command *)cut->pdata[0])->status, -1);
    g_autoptr(GPtrArray) odd = console_parse(
        "@cpulift end 0 0 1 1\n@cpulift said x\n@cpulift begin\n@cpulift end x\n", &is_done);
    assert_int_equal(odd->len, 0);
}

static void environments(void **state)
{
    (void)state;
    char *given[] = {(char *)"PATH=/bin", (char *)"OPENBLAS_CORETYPE=Haswell",
                     (char *)"LD_PRELOAD=x", (char *)"OMP_NUM_THREADS=1", NULL};
    g_autoptr(json_t) removed = NULL;
    g_auto(GStrv) clean = environment_clean(given, &removed);
    assert_string_equal(g_environ_getenv(clean, "PATH"), "/bin");
    assert_string_equal(g_environ_getenv(clean, "LC_ALL"), "C");
    assert_null(g_environ_getenv(clean, "OPENBLAS_CORETYPE"));
    assert_int_equal(json_array_size(removed), 3);
    assert_string_equal(json_string_value(json_array_get(removed, 0)), "LD_PRELOAD");
    assert_false(environment_is_steering("OMPX"));
}

static void settings_fit(void **state)
{
    (void)state;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(bench_settings) s = settings_new();
    bench_workload *w = NULL;
    assert_int_equal(settings_set_vcpus(s, "1,2,4", &err), 0);
    assert_int_equal(settings_add_definition(s, "Haswell", &err), 0);
    assert_int_equal(settings_add_document(s, "tuned", "<cpu><model>Nehalem</model></cpu>", &err),
                     0);
    assert_int_equal(settings_add_definition(s, "Haswell,+aes,-avx2", &err), 0);
    const bench_definition *words = s->definitions->pdata[2];
    assert_string_equal(words->name, "Haswell+aes-avx2");
    assert_non_null(strstr(words->document, "<feature policy='disable' name='avx2'/>"));
    assert_int_equal(settings_add_definition(s, "paper-default", &err), 0);
    assert_string_equal(((bench_definition *)s->definitions->pdata[3])->name, "2014");
    assert_int_equal(settings_add_definition(s, "Haswell,+aess", &err), CPULIFT_EINPUT);
    cpulift_error_clear(&err);
    assert_int_equal(workload_new_command("sleep '0 1'", &w, &err), 0);
    assert_string_equal(w->name, "command-sleep");
    assert_string_equal(w->command[1], "0 1");
    g_ptr_array_add(s->workloads, w);
    assert_int_equal(settings_check(s, "settings", &err), 0);
    assert_int_equal(settings_set_vcpus(s, "1,,2", &err), CPULIFT_EINPUT);
    cpulift_error_clear(&err);
}

/// A plan that `run` would refuse in every sample is refused before the first.
static void plans_refused(void **state)
{
    (void)state;
    g_autofree char *path = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(bench_settings) s = settings_new();
    int fd = g_file_open_tmp("cpulift-XXXXXX.json", &path, NULL);
    assert_true(fd >= 0);
    close(fd);
    assert_true(g_file_set_contents(path, "{\"schema\":\"cpulift.plan/1\",\"pool\":1}", -1, NULL));
    assert_int_equal(settings_add_definition(s, path, &err), CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, "\"pool\""));
    g_unlink(path);
}

static void refuse_settings(const bench_settings *s, const char *what)
{
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(settings_check(s, "settings", &err), CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, what));
}

static void settings_refuse(void **state)
{
    (void)state;
    g_autoptr(bench_samples) samples = parse(document);
    bench_settings *s = samples->settings;
    assert_int_equal(settings_check(s, "settings", NULL), 0);
    s->runs = 0;
    refuse_settings(s, "\"runs\"");
    s->runs = 1;
    assert_int_equal(settings_set_vcpus(s, "2,1,2", NULL), 0);
    refuse_settings(s, "\"vcpus\" has 2 twice");
    assert_int_equal(settings_set_vcpus(s, "2,0", NULL), CPULIFT_EINPUT);
    assert_int_equal(settings_set_vcpus(s, "2", NULL), 0);
    bench_workload *w = s->workloads->pdata[0];
    w->name[0] = 'L';
    refuse_settings(s, "'Linpack'");
    w->name[0] = 'l';
    assert_int_equal(settings_add_definition(s, "tuned", NULL), 0);
    refuse_settings(s, "\"definitions\" has \"tuned\" twice");
}

/// A result that failed its verification keeps its figures and is none.
static void outcomes(void **state)
{
    (void)state;
    static const char good[] = "noise\n{\"schema\":\"cpulift.result/1\",\"figures\":{\"time\":"
                               "{\"value\":2,\"unit\":\"s\"}},\"verified\":true}\n";
    static const char empty[] = "{\"schema\":\"cpulift.result/1\",\"verified\":true}";
    static const char bad[] = "{\"schema\":\"cpulift.result/1\",\"verified\":false,"
                              "\"verification\":{\"psnr_db\":20}}";
    g_auto(bench_outcome) right = {0}, wrong = {0}, none = {0}, mute = {0}, times = {0};
    outcome_from_output(good, NULL, &right);
    assert_null(right.reason);
    outcome_from_output(good, bad, &wrong);
    assert_non_null(strstr(wrong.reason, "verification"));
    assert_int_equal(json_integer_value(json_object_get(wrong.result->verification, "psnr_db")),
                     20);
    outcome_from_output(empty, NULL, &mute);
    assert_string_equal(mute.reason, "it said no figures");
    outcome_from_output("no JSON at all\n", NULL, &none);
    assert_non_null(strstr(none.reason, "no result"));
    outcome_from_times(128 + 4, "", 1, 1, &times);
    assert_non_null(strstr(times.reason, "Illegal instruction"));
}

enum { SAMPLE_US = 500 };

static int open_nothing(const bench_settings *s, const char *folder, void **ret_data,
                        cpulift_error **err)
{
    (void)s;
    (void)folder;
    (void)err;
    *ret_data = NULL;
    return 0;
}

static int run_nothing(void *data, const struct job *job, bench_outcome *o, cpulift_error **err)
{
    (void)data;
    (void)job;
    (void)err;
    g_usleep(SAMPLE_US);
    outcome_from_times(0, "", 1, 1, o);
    return 0;
}

static void close_nothing(void *data)
{
    (void)data;
}

struct progress {
    gint64 started;
    size_t events;
    double last;
};

/// The time left is that of the samples left, each no shorter than it sleeps and no longer than all
/// so far.
static void check_left(void *data, const struct runner_event *e)
{
    struct progress *p = data;
    double left = (double)(e->total - e->done);
    double so_far = (double)(g_get_monotonic_time() - p->started) * 1e-6;
    assert_int_equal(e->done, (++p->events + 2) / 2);
    if (p->events == 1) {
        assert_true(e->seconds_left < 0);
    } else {
        assert_true(e->seconds_left >= left * SAMPLE_US * 1e-6 * 0.999);
        assert_true(e->seconds_left <= left * so_far + 1e-9);
    }
    p->last = e->seconds_left;
}

/// Commands need no preparing step, and no program of ours.
static void replace_workloads(bench_settings *settings, int count)
{
    g_ptr_array_set_size(settings->workloads, 0);
    for (int i = 0; i < count; i++) {
        bench_workload *w = NULL;
        assert_int_equal(workload_new_command("linpack", &w, NULL), 0);
        settings_add_workload(settings, w);
    }
}

/// Of 2 workloads, 2 counts, 2 definitions and 3 runs: one sample is there already.
static void series_left(void **state)
{
    (void)state;
    const struct place place = {open_nothing, run_nothing, close_nothing};
    g_autoptr(bench_samples) s = parse(document);
    replace_workloads(s->settings, 2);
    assert_int_equal(settings_set_vcpus(s->settings, "1,2", NULL), 0);
    g_ptr_array_set_size(s->list, 1);
    bench_sample *made = s->list->pdata[0];
    g_free(made->workload);
    made->workload = g_strdup("command-linpack");
    struct progress progress = {.started = g_get_monotonic_time()};
    const struct runner runner = {
        .place = &place, .samples = s, .tell = check_left, .data = &progress};
    assert_int_equal(runner_run(&runner, NULL), 0);
    assert_int_equal(progress.events, 2 * 23);
    assert_int_equal(s->list->len, 24);
    NEAR(progress.last, 0);
}

static void ignore(void *data, const struct runner_event *e)
{
    (void)data;
    (void)e;
}

/// A series ends in time with what it has, and goes on from there.
static void series_late(void **state)
{
    (void)state;
    const struct place place = {open_nothing, run_nothing, close_nothing};
    g_autoptr(bench_samples) s = parse(document);
    g_ptr_array_set_size(s->list, 0);
    replace_workloads(s->settings, 1);
    s->settings->runs = 9;
    struct runner runner = {.place = &place,
                            .samples = s,
                            .tell = ignore,
                            .deadline = g_get_monotonic_time() + G_USEC_PER_SEC / 2};
    assert_int_equal(runner_run(&runner, NULL), 0);
    assert_in_range(s->list->len, 1, 19);
    assert_true(g_get_monotonic_time() < runner.deadline + G_USEC_PER_SEC);
    runner.deadline = 0;
    assert_int_equal(runner_run(&runner, NULL), 0);
    assert_int_equal(s->list->len, 20);
}

/// Before a deadline the runs of one workload are made before those of the next; a run still has
/// the definitions side by side.
static void series_by_workload(void **state)
{
    (void)state;
    const struct place place = {open_nothing, run_nothing, close_nothing};
    g_autoptr(bench_samples) s = parse(document);
    g_ptr_array_set_size(s->list, 0);
    replace_workloads(s->settings, 2);
    const struct runner runner = {.place = &place,
                                  .samples = s,
                                  .tell = ignore,
                                  .deadline = g_get_monotonic_time() + 600 * G_USEC_PER_SEC};
    assert_int_equal(runner_run(&runner, NULL), 0);
    assert_int_equal(s->list->len, 12);
    for (unsigned i = 0; i < s->list->len; i++) {
        const bench_sample *sample = s->list->pdata[i];
        const bench_workload *w = s->settings->workloads->pdata[i / 6];
        assert_string_equal(sample->workload, w->name);
        assert_int_equal(sample->run, i % 6 / 2);
    }
}

static void programs_for_gnuplot(void **state)
{
    (void)state;
    g_autoptr(bench_samples) s = parse(document);
    g_autoptr(bench_summary) sum = summary_new(s, "default");
    g_autofree char *data = figure_format_tsv(sum, "linpack");
    assert_string_equal(data, "# default\n# cpus\tx\tmedian\tlow95\thigh95\ttop\tlabel\n"
                              "1\t-0.2\t10\t?\t?\t10\t10\n\n\n"
                              "# tuned\n# cpus\tx\tmedian\tlow95\thigh95\ttop\tlabel\n"
                              "1\t0.2\t30\t?\t?\t30\t30\n\n\n");
    g_autofree char *program = figure_format_program(sum, "linpack", "f");
    assert_non_null(strstr(program, "set ylabel 'GFLOP/s (more is better)'"));
}

static void guests(void **state)
{
    (void)state;
    const struct guest guest = {.name = "n",
                                .cpu = "<cpu/>",
                                .kernel = "/k&",
                                .initramfs = "/i",
                                .console = "/c",
                                .vcpus = 4,
                                .memory = 64,
                                .host_cpus = 2};
    g_autofree char *xml = guest_format(&guest);
    assert_non_null(strstr(xml, "<domain type='qemu'>"));
    assert_non_null(strstr(xml, "<kernel>/k&amp;</kernel>"));
    assert_non_null(strstr(xml, "cpuset='0-1'>4<"));
    assert_non_null(strstr(xml, " no_timer_check</cmdline>")); // a busy machine's timer is late
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *cpu = NULL;
    const bench_definition bare = {.argument = (char *)"bare"}, evil = {.argument = (char *)"a<b"},
                           old = {.argument = (char *)"2014"};
    assert_int_equal(guest_format_cpu(&bare, true, &cpu, &err), CPULIFT_EINPUT);
    assert_int_equal(guest_format_cpu(&evil, true, &cpu, NULL), 0);
    assert_non_null(strstr(cpu, "a&lt;b"));
    g_free(g_steal_pointer(&cpu));
    assert_int_equal(guest_format_cpu(&old, true, &cpu, NULL), 0);
    assert_non_null(strstr(cpu, "<model fallback='allow'>cpu64-rhel6</model>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_round),
        cmocka_unit_test(summary_leaves_out),
        cmocka_unit_test(samples_refuse),
        cmocka_unit_test(archives),
        cmocka_unit_test(transcripts),
        cmocka_unit_test(environments),
        cmocka_unit_test(settings_fit),
        cmocka_unit_test(settings_refuse),
        cmocka_unit_test(outcomes),
        cmocka_unit_test(series_left),
        cmocka_unit_test(series_late),
        cmocka_unit_test(series_by_workload),
        cmocka_unit_test(programs_for_gnuplot),
        cmocka_unit_test(plans_refused),
        cmocka_unit_test(guests),
    };
    return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}

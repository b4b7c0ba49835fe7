// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift-transcode: the 2014 paper's video conversion, HandBrake from an MTS clip (AVC 1920x1080
/// 29.97 frames/s, PCM) to mp4 (AVC 1440x816, AAC), on a clip made on the spot.
///
/// Three steps, so that only the encoding runs under a CPU definition: `clip` makes the source (and
/// keeps it), `encode` is what is timed, `check` compares the result with the source.
#include "clip.h"
#include "encode.h"
#include "result.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 2, EXIT_USAGE = 64 };
enum { SECONDS_MAX = 3600, THREADS_MAX = 128 };

struct job {
    struct clip clip;
    unsigned threads;
    bool is_given; ///< the source is no clip of ours: it must be there
    char *source;  ///< owned
    char *output;  ///< owned
};

static int finish(const struct result *result)
{
    if (result_print(result) != 0) {
        fprintf(stderr, "cpulift-transcode: cannot write the result: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_SUCCESS;
}

/// The result line of what was done: `usage` and `check` may be NULL for a step that was not.
static int print(const struct job *job, const struct child_usage *usage, const struct check *check)
{
    double frames = check != NULL ? check->frames_expected : clip_get_frames(&job->clip);
    bool knows_frames = check != NULL || !job->is_given;
    const struct result_field figures[] = {
        {.name = "cpu_time", .number = usage != NULL ? usage->cpu : 0, .unit = "s"},
        {.name = "time", .number = usage != NULL ? usage->wall : 0, .unit = "s"},
        {.name = "fps", .number = usage != NULL ? frames / usage->wall : 0, .unit = "frame/s"},
    };
    const struct result_field unchecked[] = {
        {.name = "method", .text = "none yet: 'cpulift-transcode check' compares with the source"},
    };
    const struct result_field checked[] = {
        {.name = "audio_codec", .text = check != NULL ? check->audio : ""},
        {.name = "bit_rate_mbit_s", .number = check != NULL ? check->bit_rate : 0},
        {.name = "frames", .number = check != NULL ? check->frames : 0},
        {.name = "frames_expected", .number = frames},
        {.name = "height", .number = check != NULL ? check->height : 0},
        {.name = "method", .text = "PSNR against the source, stream properties by ffprobe"},
        {.name = "psnr_db", .number = check != NULL ? check->psnr : NAN},
        {.name = "threshold_db", .number = PSNR_MIN},
        {.name = "video_codec", .text = check != NULL ? check->codec : ""},
        {.name = "width", .number = check != NULL ? check->width : 0},
    };
    const struct result_field details[] = {
        {.name = "threads", .number = job->threads},
        {.name = "seconds", .number = job->clip.seconds},
        {.name = "seed", .number = job->clip.seed},
    };
    const struct result result = {
        .workload = "transcode",
        .figures = figures,
        .figure_count = usage == NULL ? 0 : sizeof figures / sizeof *figures - !knows_frames,
        .verification = check != NULL ? checked : unchecked,
        .verification_count = check != NULL ? sizeof checked / sizeof *checked : 1,
        .details = details,
        .detail_count = job->is_given ? 1 : sizeof details / sizeof *details,
        .is_verified = check != NULL && check->is_right,
    };
    int status = finish(&result);
    return status == EXIT_SUCCESS && check != NULL && !check->is_right ? EXIT_FAILURE : status;
}

/// The clip is made where it is not there yet; another's is not made.
static int get_source(const struct job *job)
{
    return job->is_given ? encode_check_readable(job->source) : clip_make(&job->clip, job->source);
}

static unsigned get_frames(const struct job *job)
{
    return job->is_given ? 0 : clip_get_frames(&job->clip);
}

static int do_clip(const struct job *job)
{
    if (get_source(job) != 0) {
        return EXIT_FAILED;
    }
    return puts(job->source) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILED;
}

static int do_encode(const struct job *job)
{
    struct child_usage usage;
    if (encode(job->source, job->output, job->threads, &usage) != 0) {
        return EXIT_FAILED;
    }
    return print(job, &usage, NULL);
}

static int do_check(const struct job *job)
{
    struct check check;
    if (encode_check(job->source, job->output, get_frames(job), &check) != 0) {
        return EXIT_FAILED;
    }
    return print(job, NULL, &check);
}

static int do_all(const struct job *job)
{
    struct child_usage usage;
    struct check check;
    if (get_source(job) != 0 || encode(job->source, job->output, job->threads, &usage) != 0 ||
        encode_check(job->source, job->output, get_frames(job), &check) != 0) {
        return EXIT_FAILED;
    }
    return print(job, &usage, &check);
}

static const struct {
    const char *name;
    int (*run)(const struct job *job);
} steps[] = {
    {"all", do_all},
    {"check", do_check},
    {"clip", do_clip},
    {"encode", do_encode},
};

static const char help[] =
    "Usage: cpulift-transcode [all|clip|encode|check] [-s SECONDS] [-t THREADS] [-i CLIP]\n"
    "                         [-o OUTPUT] [--seed N]\n"
    "Converts a video clip with HandBrake and checks the result. Without a step: all three.\n"
    "The last line is JSON ('clip' prints where the clip is). Exit status: 0 right, 1 wrong "
    "picture,\n"
    "2 failed, 64 wrong usage.\n";

static const struct option long_options[] = {
    {"seconds", required_argument, NULL, 's'},
    {"threads", required_argument, NULL, 't'},
    {"input", required_argument, NULL, 'i'},
    {"output", required_argument, NULL, 'o'},
    {"seed", required_argument, NULL, 'S'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int parse_number(const char *option, const char *text, unsigned min, unsigned max,
                        unsigned *ret_value)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < (long)min || value > (long)max) {
        fprintf(stderr, "cpulift-transcode: --%s '%s' is no number from %u to %u\n", option, text,
                min, max);
        return EXIT_USAGE;
    }
    *ret_value = (unsigned)value;
    return 0;
}

static int set_string(char **field, const char *text)
{
    free(*field);
    *field = strdup(text);
    return *field != NULL ? 0 : EXIT_FAILED;
}

static int parse_option(int c, const char *text, struct job *job)
{
    switch (c) {
    case 's':
        return parse_number("seconds", text, 1, SECONDS_MAX, &job->clip.seconds);
    case 't':
        return parse_number("threads", text, 1, THREADS_MAX, &job->threads);
    case 'S':
        return parse_number("seed", text, 0, 1 << 30, &job->clip.seed);
    case 'i':
        job->is_given = true;
        return set_string(&job->source, text);
    case 'o':
        return set_string(&job->output, text);
    default:
        return EXIT_USAGE;
    }
}

static unsigned count_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/// Runs the step; an output that nobody named is made in a temporary folder and removed.
static int run(struct job *job, int (*step)(const struct job *job))
{
    if (job->source == NULL && step == do_clip && job->output != NULL) {
        job->source = strdup(job->output);
    }
    if (job->source == NULL && (job->source = clip_get_path(&job->clip)) == NULL) {
        return EXIT_FAILED;
    }
    if (job->output != NULL || step == do_clip) {
        return step(job);
    }
    const char *folder = getenv("TMPDIR");
    char *output = NULL;
    int fd = asprintf(&output, "%s/cpulift-XXXXXX.mp4", folder != NULL ? folder : "/tmp") < 0
                 ? -1
                 : mkstemps(output, 4);
    if (fd < 0) {
        fprintf(stderr, "cpulift-transcode: cannot make a file for the result: %s\n",
                strerror(errno));
        free(output);
        return EXIT_FAILED;
    }
    close(fd);
    job->output = output;
    int status = step(job);
    unlink(output);
    return status;
}

int main(int argc, char **argv)
{
    struct job job = {.clip = {.seconds = 8, .seed = 1}, .threads = count_cpus()};
    int c, status = 0;
    child_open_streams();
    while (status == 0 && (c = getopt_long(argc, argv, "s:t:i:o:h", long_options, NULL)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            return EXIT_SUCCESS;
        }
        status = parse_option(c, optarg, &job);
    }
    const char *name = optind < argc ? argv[optind] : "all";
    int (*step)(const struct job *) = NULL;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        step = strcmp(steps[i].name, name) == 0 ? steps[i].run : step;
    }
    if (status != 0 || step == NULL || optind + 1 < argc) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    status = run(&job, step);
    free(job.source);
    free(job.output);
    return status;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift-linpack: solves a dense system of linear equations, as the 2014 paper did with Intel's
/// Linpack (n = 5000, 4 KiB alignment), by OpenBLAS or another BLAS, and counts as HPL does.
///
/// A x = b, entries uniform in [-0.5, 0.5), LU with partial pivoting and two triangular solves.
/// Only these are timed. The rate is (2/3 n³ + 3/2 n²) / time, the answer is right when HPL's
/// scaled residual is below 16:
///
///     ‖A x − b‖∞ / (ε (‖A‖∞ ‖x‖∞ + ‖b‖∞) n)
///
/// Source of both: HPL 2.3, testing/ptest/HPL_pdtest.c and www/netlib/benchmark/hpl.
#include "blas.h"
#include "result.h"

#include <errno.h>
#include <float.h>
#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { EXIT_FAILED = 2, EXIT_USAGE = 64 };

#define RESIDUAL_MAX 16.0 ///< HPL's threshold in HPL.dat
#define REPEATS_MAX  1000
#define ORDER_MAX    100000

struct options {
    int order;     ///< n
    int threads;   ///< 0: one for each CPU that this process may use
    int repeats;   ///< the figures are medians
    int alignment; ///< of the matrix, in bytes
    unsigned seed;
    const char *blas; ///< "openblas", "blis" or a library's path
    int only_checks;  ///< whether it could run
};

struct problem {
    int order;
    uint64_t seed;
    double *matrix; ///< column-major, n × n
    double *vector; ///< b, then x
    int *pivots;
};

/// Of each repeat, in seconds.
struct timings {
    double wall[REPEATS_MAX];
    double cpu[REPEATS_MAX]; ///< user and system, all threads
};

/// One pseudo-random number for each (seed, index), so that A need not be kept: splitmix64's
/// finaliser (Steele, Lea, Flood, OOPSLA 2014) over a Weyl sequence.
static double entry(uint64_t seed, uint64_t index)
{
    uint64_t z = (seed << 40) + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53 - 0.5;
}

static uint64_t vector_index(int order, int row)
{
    return (uint64_t)order * (uint64_t)order + (uint64_t)row;
}

static void fill(struct problem *p)
{
    size_t count = (size_t)p->order * (size_t)p->order;
    for (size_t i = 0; i < count; i++) {
        p->matrix[i] = entry(p->seed, i);
    }
    for (int i = 0; i < p->order; i++) {
        p->vector[i] = entry(p->seed, vector_index(p->order, i));
    }
}

/// HPL's scaled residual of the solution in p->vector; A and b are made again. NaN when there is no
/// memory for it.
static double compute_residual(const struct problem *p)
{
    int n = p->order;
    double *sums = calloc((size_t)n * 2, sizeof *sums);
    if (sums == NULL) {
        return NAN;
    }
    double *row_norms = sums + n;
    double norm_a = 0, norm_x = 0, norm_b = 0, norm_r = 0;
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++) {
            double a = entry(p->seed, (uint64_t)j * (uint64_t)n + (uint64_t)i);
            sums[i] += a * p->vector[j];
            row_norms[i] += fabs(a);
        }
        norm_x = fmax(norm_x, fabs(p->vector[j]));
    }
    int broken = 0;
    for (int i = 0; i < n; i++) {
        double b = entry(p->seed, vector_index(n, i));
        norm_a = fmax(norm_a, row_norms[i]);
        norm_b = fmax(norm_b, fabs(b));
        norm_r = fmax(norm_r, fabs(sums[i] - b));
        broken |= !isfinite(p->vector[i]) || !isfinite(sums[i]);
    }
    free(sums);
    return broken ? NAN : norm_r / (DBL_EPSILON / 2 * (norm_a * norm_x + norm_b) * n);
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/// Factors and solves. Returns LAPACK's info: 0 is success.
static int solve(const struct blas *blas, struct problem *p, double *ret_wall, double *ret_cpu)
{
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    int info = blas_solve(blas, p->order, p->matrix, p->pivots, p->vector);
    *ret_wall = now(CLOCK_MONOTONIC) - wall;
    *ret_cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return info;
}

static int compare_seconds(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/// The median, of an even number the lower of the middle two. Sorts.
static double get_median(double *seconds, int count)
{
    qsort(seconds, (size_t)count, sizeof *seconds, compare_seconds);
    return seconds[(count - 1) / 2];
}

static int print(const struct options *o, const struct blas *blas, struct timings *timings,
                 double residual)
{
    double wall = get_median(timings->wall, o->repeats);
    double n = o->order, flop = 2.0 / 3.0 * n * n * n + 1.5 * n * n;
    const struct result_field figures[] = {
        {.name = "cpu_time", .number = get_median(timings->cpu, o->repeats), .unit = "s"},
        {.name = "gflops", .number = flop / wall * 1e-9, .unit = "GFLOP/s"},
        {.name = "time", .number = wall, .unit = "s"},
    };
    const struct result_field verification[] = {
        {.name = "method", .text = "HPL scaled residual"},
        {.name = "residual", .number = residual},
        {.name = "threshold", .number = RESIDUAL_MAX},
    };
    const struct result_field details[] = {
        {.name = "blas", .text = blas->name},      {.name = "blas_core", .text = blas->core},
        {.name = "n", .number = o->order},         {.name = "repeats", .number = o->repeats},
        {.name = "threads", .number = o->threads},
    };
    const struct result result = {
        .workload = "linpack",
        .figures = figures,
        .figure_count = sizeof figures / sizeof *figures,
        .verification = verification,
        .verification_count = sizeof verification / sizeof *verification,
        .details = details,
        .detail_count = sizeof details / sizeof *details,
        .is_verified = residual < RESIDUAL_MAX,
    };
    if (result_print(&result) != 0) {
        fprintf(stderr, "cpulift-linpack: cannot write the result: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return result.is_verified ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int measure(const struct options *o, const struct blas *blas, struct problem *p)
{
    struct timings timings;
    double worst = 0;
    for (int i = 0; i < o->repeats; i++) {
        fill(p);
        int info = solve(blas, p, &timings.wall[i], &timings.cpu[i]);
        double residual = info == 0 ? compute_residual(p) : NAN;
        worst = isfinite(residual) && isfinite(worst) ? fmax(worst, residual) : NAN;
    }
    return print(o, blas, &timings, worst);
}

static int run(const struct options *o, const struct blas *blas)
{
    size_t n = (size_t)o->order;
    size_t bytes = (n * n * sizeof(double) + (size_t)o->alignment - 1) / (size_t)o->alignment *
                   (size_t)o->alignment;
    struct problem p = {
        .order = o->order,
        .seed = o->seed,
        .matrix = aligned_alloc((size_t)o->alignment, bytes),
        .vector = calloc(n, sizeof(double)),
        .pivots = calloc(n, sizeof(int)),
    };
    int status = EXIT_FAILED;
    if (p.matrix == NULL || p.vector == NULL || p.pivots == NULL) {
        fprintf(stderr,
                "cpulift-linpack: no memory for n = %d (%zu MiB); choose a smaller --order\n",
                o->order, bytes >> 20);
    } else {
        status = measure(o, blas, &p);
    }
    free(p.matrix);
    free(p.vector);
    free(p.pivots);
    return status;
}

static int count_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static int parse_int(const char *option, const char *text, int min, int max, int *ret_value)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max) {
        fprintf(stderr, "cpulift-linpack: --%s '%s' is no number from %d to %d\n", option, text,
                min, max);
        return EXIT_USAGE;
    }
    *ret_value = (int)value;
    return 0;
}

static const char usage[] =
    "Usage: cpulift-linpack [-n ORDER] [-t THREADS] [-r REPEATS] [--blas LIBRARY] [--seed N]\n"
    "                       [--alignment BYTES] [--check]\n"
    "Solves a dense linear system by OpenBLAS (or blis, or the library at a path) and prints the "
    "rate, checked by HPL's residual.\n"
    "The last line is JSON. Exit status: 0 right, 1 wrong answer, 2 failed, 64 wrong usage.\n";

static const struct option long_options[] = {
    {"order", required_argument, NULL, 'n'},
    {"threads", required_argument, NULL, 't'},
    {"repeats", required_argument, NULL, 'r'},
    {"blas", required_argument, NULL, 'b'},
    {"check", no_argument, NULL, 'c'},
    {"seed", required_argument, NULL, 's'},
    {"alignment", required_argument, NULL, 'a'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

static int parse_option(int c, const char *text, struct options *o)
{
    int seed = 0, rc = 0;
    switch (c) {
    case 'n':
        return parse_int("order", text, 1, ORDER_MAX, &o->order);
    case 't':
        return parse_int("threads", text, 1, 1024, &o->threads);
    case 'r':
        return parse_int("repeats", text, 1, REPEATS_MAX, &o->repeats);
    case 'a':
        rc = parse_int("alignment", text, 16, 1 << 21, &o->alignment);
        return rc == 0 && (o->alignment & (o->alignment - 1)) != 0 ? EXIT_USAGE : rc;
    case 'b':
        o->blas = text;
        return 0;
    case 'c':
        o->only_checks = 1;
        return 0;
    case 's':
        rc = parse_int("seed", text, 0, 1 << 23, &seed);
        o->seed = (unsigned)seed;
        return rc;
    default:
        return EXIT_USAGE;
    }
}

int main(int argc, char **argv)
{
    struct options o = {
        .order = 5000, .repeats = 1, .alignment = 4096, .seed = 1, .blas = "openblas"};
    int c;
    while ((c = getopt_long(argc, argv, "n:t:r:h", long_options, NULL)) != -1) {
        if (c == 'h') {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
        if (parse_option(c, optarg, &o) != 0) {
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind != argc) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    o.threads = o.threads > 0 ? o.threads : count_cpus();
    struct blas blas;
    int status = blas_open(o.blas, o.threads, &blas);
    return status == 0 && !o.only_checks ? run(&o, &blas) : status;
}

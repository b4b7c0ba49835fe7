// SPDX-License-Identifier: LGPL-2.1-or-later
// cpulift-ddg: drift-diffusion with density gradient on tetrahedra, in parallel.
#include "figures.h"
#include "heap.h"
#include "import.h"
#include "loss.h"
#include "options.h"
#include "output.h"
#include "reference.h"
#include "threads.h"

#include <stdlib.h>
#include <string.h>

enum { EXIT_CONVERGENCE = 1, EXIT_INPUT = 2 };

static const char help[] =
    "cpulift-ddg [FILE] [-NAME VALUE]...: 3D drift-diffusion with density gradient\n"
    "FILE has lines NAME = VALUE; an option of the same name wins. All parameters:\n\n";

/* PETSc's options go through: its solvers' (by our prefixes) and its own diagnostics. */
static const char *const petsc_prefixes[] = {
    "density_", "potential_", "poisson_", "gradient_", "full_",   "log_",       "malloc",
    "options_", "info",       "on_error", "fp_trap",   "memory_", "checkstack", NULL};

static int is_petsc(const char *name)
{
    for (const char *const *p = petsc_prefixes; *p; p++)
        if (!strncmp(name, *p, strlen(*p)))
            return 1;
    return 0;
}

/* Takes our parameters out of the command line; the rest, PETSc's options, goes to ret_argv. */
static int take_options(struct params *p, int argc, char **argv, char **ret_argv, int *ret_argc,
                        struct ddg_error *err)
{
    int n = 1;

    for (int i = 1; i < argc; i++) {
        const char *name = argv[i] + strspn(argv[i], "-");

        if (argv[i][0] != '-')
            continue; /* the parameter file, read before */
        if (is_petsc(name)) {
            ret_argv[n++] = argv[i];
            while (i + 1 < argc && argv[i + 1][0] != '-')
                ret_argv[n++] = argv[++i];
            continue;
        }
        if (params_has(name) && i + 1 >= argc)
            return ddg_refuse(err, "option '-%.60s' has no value; give one after it", name);
        if (params_set(p, name, i + 1 < argc ? argv[i + 1] : "", err) < 0)
            return -1;
        i++;
    }
    ret_argv[n] = NULL;
    *ret_argc = n;
    return 0;
}

/* Parameter files come first, wherever they stand, so that options win. */
static int take_files(struct params *p, int argc, char **argv, struct ddg_error *err)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i] + strspn(argv[i], "-");

        if (argv[i][0] == '-' && is_petsc(name))
            while (i + 1 < argc && argv[i + 1][0] != '-')
                i++;
        else if (argv[i][0] == '-')
            i++;
        else if (params_load(p, argv[i], err) < 0)
            return -1;
    }
    return 0;
}

static int is_asked(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '-' && !strcmp(argv[i] + strspn(argv[i], "-"), name))
            return 1;
    return 0;
}

static int is_help_asked(int argc, char **argv)
{
    return is_asked(argc, argv, "help") || is_asked(argc, argv, "h");
}

static void print_result(const struct problem *pb, const struct sweep *s)
{
    int verified;
    json_t *result = figures_result(pb, s, &verified);
    char *text = json_dumps(result, JSON_SORT_KEYS | JSON_REAL_PRECISION(12));
    FILE *copy = pb->p->json[0] ? loss_open(pb->p->json) : NULL;

    if (copy && copy != stdout) /* which gets it below */
        fprintf(copy, "%s\n", text);
    if (pb->p->json[0] && (!copy || loss_close(copy) < 0))
        loss_tell("json", pb->p->json);
    printf("%s\n", text);
    free(text);
    json_decref(result);
}

/* Everything that can be refused is refused here, by every rank alike; rank 0 says why. */
static int prepare(struct params *p, struct mesh *m, const struct kernels **ret_kernels,
                   struct ddg_error *err)
{
    *ret_kernels = kernels_get(p->kernels);
    if (!*ret_kernels)
        return ddg_refuse(err, "parameter 'kernels': this CPU does not announce '%s'; choose auto",
                          params_word(p, "kernels"));
    if (params_check(p, err) < 0 || reference_check(p, err) < 0 || mesh_new(p, m, err) < 0)
        return -1;
    if (p->restart[0] && restart_check(p->restart, m->n_nodes, err) < 0) {
        mesh_free(m);
        return -1;
    }
    return 0;
}

static void say(PetscMPIInt rank, const char *text)
{
    if (rank == 0)
        fprintf(stderr, "cpulift-ddg: %s\n", text);
}

static int check_edges(const struct problem *pb, struct ddg_error *err)
{
    const struct graph *g = &pb->g;

    if (g->negative == 0)
        return 0;
    snprintf(err->text, sizeof(err->text),
             "mesh: %.0f of %.0f silicon edges (%.1f %%) have a negative coupling: densities may "
             "oscillate; prefer a Delaunay mesh%s",
             g->negative, g->silicon_edges, 100 * g->negative / g->silicon_edges,
             pb->p->negative == NEGATIVE_REFUSE ? ", or set negative = keep" : "");
    return pb->p->negative == NEGATIVE_REFUSE ? -1 : 1;
}

static PetscErrorCode solve(struct problem *pb, const char *report, struct ddg_error *err,
                            int *ret_status)
{
    PetscMPIInt rank = pb->d.rank;
    struct sweep s;
    int edges = check_edges(pb, err);

    PetscFunctionBeginUser;
    if (edges)
        say(rank, err->text);
    if (edges >= 0 && output_begin(pb, err) < 0) {
        say(rank, err->text);
        edges = -1;
    }
    *ret_status = EXIT_INPUT;
    if (edges < 0)
        PetscFunctionReturn(0);
    if (report[0])
        say(rank, report);
    if (rank == 0)
        notes_tell(&pb->notes);
    PetscCall(sweep_run(pb, &s));
    if (s.failed)
        say(rank, s.failure);
    if (rank == 0)
        print_result(pb, &s);
    *ret_status = domain_max(&pb->d, output_end(pb)) > 0 ? EXIT_INPUT : EXIT_SUCCESS;
    if (s.failed)
        *ret_status = EXIT_CONVERGENCE;
    PetscCall(sweep_free(&s));
    PetscFunctionReturn(0);
}

static PetscErrorCode run(const struct params *p, struct mesh *m, const struct kernels *kern,
                          int *ret_status)
{
    struct problem pb;
    struct ddg_error err = {""};
    struct notes notes = {0};
    char report[1024] = "";

    PetscFunctionBeginUser;
    if (p->device == DEVICE_GMSH)
        import_describe(m, p, report, sizeof(report), &notes);
    PetscCall(problem_new(PETSC_COMM_WORLD, p, m, kern, &pb));
    pb.notes = notes;
    PetscCall(solve(&pb, report, &err, ret_status));
    PetscCall(problem_free(&pb));
    PetscFunctionReturn(0);
}

/* A failure of PETSc's in one line. The other ranks may wait for this one. */
static void run_told(const struct params *p, struct mesh *m, const struct kernels *kern, int size,
                     int *ret_status)
{
    char message[OPTIONS_MESSAGE];

    options_keep_message(message);
    if (run(p, m, kern, ret_status) != 0) {
        fprintf(stderr,
                "cpulift-ddg: PETSc failed: %s; choose other options of its solvers, or none\n",
                message);
        *ret_status = EXIT_INPUT;
        if (size > 1)
            MPI_Abort(PETSC_COMM_WORLD, EXIT_INPUT);
    }
    PetscPopErrorHandler();
}

/* One rank that no mpirun started needs no daemon of Open MPI's beside it, nor its folder below the
 * temporary one: all such processes share that, and who ends removes it while another begins. */
static void stand_alone(void)
{
    if (getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK"))
        return;
    setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
    setenv("OMPI_MCA_orte_create_session_dirs", "0", 0);
}

int main(int argc, char **argv)
{
    static struct params p;
    struct ddg_error err = {""};
    struct mesh m;
    const struct kernels *kern;
    char **rest = mesh_calloc((size_t)argc + 1, sizeof(*rest));
    int n = 1, status = EXIT_INPUT, good;
    PetscMPIInt rank, size;

    params_init(&p);
    if (is_asked(argc, argv, "version"))
        return printf("cpulift-ddg %s\n", DDG_VERSION) < 0;
    rest[0] = argv[0];
    good = is_help_asked(argc, argv) || (take_files(&p, argc, argv, &err) == 0 &&
                                         take_options(&p, argc, argv, rest, &n, &err) == 0);
    if (is_help_asked(argc, argv)) {
        fputs(help, stdout);
        params_write(&p, stdout);
        return 0;
    }
    heap_give_back();
    threads_off();
    stand_alone();
    PetscCall(PetscInitialize(&n, &rest, NULL, NULL));
    PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
    PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
    if (!good || options_check(PETSC_COMM_WORLD, &p, n, rest, &err) < 0 ||
        prepare(&p, &m, &kern, &err) < 0)
        say(rank, err.text);
    else
        run_told(&p, &m, kern, size, &status);
    PetscCall(PetscFinalize());
    free(rest);
    return status;
}

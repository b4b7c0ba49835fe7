// SPDX-License-Identifier: LGPL-2.1-or-later
// PETSc tells of unused options when all is over. What a solver does not know is better refused
// before hours of work: it would have run with other settings than those that were asked for.
#include "options.h"

#include "linear.h"

#include <petscsnes.h>
#include <string.h>
#undef I

enum { TRIAL_NODES = 4000 }; /* per rank: multigrid has several levels there */
enum { COUPLED = 1 << METHOD_COUPLED, DECOUPLED = 1 << METHOD_DECOUPLED };
enum { NEWTON = 1 << METHOD_NEWTON, ANY = COUPLED | DECOUPLED | NEWTON };

static const struct solver {
    const char *prefix;
    int bs, symmetric, methods;
} solvers[] = {
    {"potential_", 2, 0, COUPLED | NEWTON}, {"density_", 1, 1, ANY},       {"full_", 3, 0, ANY},
    {"gradient_", 1, 0, DECOUPLED},         {"poisson_", 1, 1, DECOUPLED},
};

/* Endings of those that PETSc reads later: when it ends, or when a solver has solved. */
static const char *const read_later[] = {"-malloc_dump",
                                         "-objects_dump",
                                         "-options_left",
                                         "-options_view",
                                         "_converged_reason",
                                         "_converged_rate",
                                         "_ksp_view",
                                         "_ksp_view_mat",
                                         "_ksp_view_pmat",
                                         "_ksp_view_rhs",
                                         "_ksp_view_pre",
                                         "_ksp_view_solution",
                                         "_pc_view",
                                         "_ksp_view_final_residual",
                                         "_mat_view",
                                         "_snes_view",
                                         "_snes_test_jacobian",
                                         "_snes_test_jacobian_view",
                                         NULL};

/* A chain of nodes on each rank, as linear_new() sees a device. */
struct trial {
    struct domain d;
    struct graph g;
    struct pattern pattern;
    PetscInt global[TRIAL_NODES], row[TRIAL_NODES + 1], col[2 * TRIAL_NODES];
};

static struct trial *trial_new(MPI_Comm comm)
{
    struct trial *t = mesh_calloc(1, sizeof(*t));
    PetscInt n = 0;

    t->d.comm = comm;
    MPI_Comm_rank(comm, &t->d.rank);
    MPI_Comm_size(comm, &t->d.size);
    t->d.n_own = t->d.n_local = TRIAL_NODES;
    t->d.n_global = TRIAL_NODES * t->d.size;
    t->d.first = TRIAL_NODES * t->d.rank;
    t->d.global = t->global;
    t->g.row = t->row;
    t->g.col = t->col;
    for (PetscInt i = 0; i < TRIAL_NODES; i++) {
        t->global[i] = t->d.first + i;
        t->row[i] = n;
        if (i > 0)
            t->col[n++] = i - 1;
        if (i < TRIAL_NODES - 1)
            t->col[n++] = i + 1;
    }
    t->row[TRIAL_NODES] = n;
    return t;
}

static PetscErrorCode fill_in(struct linear *l, const struct graph *g)
{
    PetscInt size = (PetscInt)l->bs * l->bs;

    PetscFunctionBeginUser;
    for (PetscInt i = 0; i < TRIAL_NODES; i++)
        for (int k = 0; k < l->bs; k++) {
            l->values[l->pt->diag[i] * size + (l->bs + 1) * k] = 4;
            for (PetscInt e = g->row[i]; e < g->row[i + 1]; e++)
                l->values[l->pt->pos[e] * size + (l->bs + 1) * k] = -1;
        }
    PetscCall(linear_changed(l));
    PetscFunctionReturn(0);
}

/* What newton.c makes for the full system. */
static PetscErrorCode try_newton(MPI_Comm comm, const char *prefix)
{
    SNES snes;

    PetscFunctionBeginUser;
    PetscCall(SNESCreate(comm, &snes));
    PetscCall(SNESSetOptionsPrefix(snes, prefix));
    PetscCall(SNESSetFromOptions(snes));
    PetscCall(SNESDestroy(&snes));
    PetscFunctionReturn(0);
}

static PetscErrorCode try_solver(const struct solver *s, const struct params *p, struct trial *t)
{
    struct linear l;
    int is_new;

    PetscFunctionBeginUser;
    PetscCall(pattern_new(&t->d, &t->g, p->overlap, &t->pattern));
    PetscCall(linear_new(&t->pattern, &t->g, s->bs, s->prefix, s->symmetric, p, &l));
    PetscCall(fill_in(&l, &t->g));
    PetscCall(linear_setup(&l, &is_new));
    if (s->bs == 3)
        PetscCall(try_newton(t->d.comm, s->prefix));
    PetscCall(linear_free(&l));
    PetscCall(pattern_free(&t->pattern));
    PetscFunctionReturn(0);
}

/* The first message of a failure, instead of a trace and the end of the program. */
static PetscErrorCode keep_message(MPI_Comm comm, int line, const char *function, const char *file,
                                   PetscErrorCode code, PetscErrorType type, const char *message,
                                   void *kept)
{
    (void)comm;
    (void)line;
    (void)function;
    (void)file;
    if (type == PETSC_ERROR_INITIAL && message)
        snprintf(kept, OPTIONS_MESSAGE, "%.*s", (int)strcspn(message, "\n"), message);
    return code;
}

void options_keep_message(char *ret_message)
{
    *ret_message = '\0';
    PetscPushErrorHandler(keep_message, ret_message);
}

/* The first option that begins so; NULL: none. */
static const char *find_given(int argc, char **argv, const char *prefix)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i] + strspn(argv[i], "-");

        if (argv[i][0] == '-' && !strncmp(name, prefix, strlen(prefix)))
            return argv[i];
    }
    return NULL;
}

static int try_all(MPI_Comm comm, const struct params *p, int argc, char **argv,
                   struct ddg_error *err)
{
    struct trial *t = trial_new(comm);
    char message[OPTIONS_MESSAGE];
    const char *given = NULL;
    int bad = 0;

    options_keep_message(message);
    for (size_t i = 0; i < sizeof(solvers) / sizeof(solvers[0]) && !bad; i++) {
        given = find_given(argc, argv, solvers[i].prefix);
        if (given && solvers[i].methods & 1 << p->method)
            bad = try_solver(&solvers[i], p, t) != 0;
    }
    PetscPopErrorHandler();
    free(t);
    return bad ? ddg_refuse(err,
                            "option '%.60s' or one like it: PETSc refuses it: %s; choose others",
                            given, message)
               : 0;
}

static int is_read_later(const char *name)
{
    for (const char *const *end = read_later; *end; end++)
        if (strlen(name) >= strlen(*end) && !strcmp(name + strlen(name) - strlen(*end), *end))
            return 1;
    return 0;
}

/* The first of the user's options that is left; the solvers' own defaults may be so too. */
static int refuse_left(const struct params *p, int argc, char **argv, struct ddg_error *err)
{
    PetscInt n = 0;
    char **names, **values;
    int ret = 0;

    PetscOptionsLeftGet(NULL, &n, &names, &values);
    for (PetscInt k = 0; k < n && ret == 0; k++) {
        char name[128];

        snprintf(name, sizeof(name), "-%s", names[k]);
        for (int i = 1; i < argc && ret == 0; i++)
            if (!strcmp(argv[i], name) && !is_read_later(name))
                ret = ddg_refuse(err,
                                 "option '%.60s': nothing here uses it (method = %s); check its "
                                 "spelling and its prefix",
                                 name, params_word(p, "method"));
    }
    PetscOptionsLeftRestore(NULL, &n, &names, &values);
    return ret;
}

int options_check(MPI_Comm comm, const struct params *p, int argc, char **argv,
                  struct ddg_error *err)
{
    if (argc < 2)
        return 0;
    return try_all(comm, p, argc, argv, err) < 0 ? -1 : refuse_left(p, argc, argv, err);
}

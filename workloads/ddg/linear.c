// SPDX-License-Identifier: LGPL-2.1-or-later
// Matrices on the edge graph, and their Krylov solvers with additive Schwarz.
#include "linear.h"

#include <math.h>
#include <string.h>

static PetscErrorCode positions(struct linear *l, PetscInt *ret_own, PetscInt *ret_off)
{
    const struct graph *g = l->g;
    PetscInt n = l->d->n_own, own = 0, off = 0;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc2(g->row[n], &l->pos, n, &l->diag));
    for (PetscInt i = 0; i < n; i++) {
        PetscInt k = g->row[i];

        ret_own[i] = -own;
        ret_off[i] = -off;
        for (; k < g->row[i + 1] && g->col[k] < i; k++)
            l->pos[k] = own++;
        l->diag[i] = own++;
        for (; k < g->row[i + 1]; k++)
            l->pos[k] = g->col[k] < n ? own++ : off++;
        ret_own[i] += own;
        ret_off[i] += off;
    }
    PetscFunctionReturn(0);
}

/* The pattern is set once, with zeros; from then on only values change. */
static PetscErrorCode fill_pattern(struct linear *l)
{
    const struct graph *g = l->g;
    const double zero[9] = {0};
    PetscInt first = l->d->first;

    PetscFunctionBeginUser;
    for (PetscInt i = 0; i < l->d->n_own; i++) {
        PetscInt r = first + i;

        PetscCall(MatSetValuesBlocked(l->mat, 1, &r, 1, &r, zero, INSERT_VALUES));
        for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++)
            PetscCall(MatSetValuesBlocked(l->mat, 1, &r, 1, &l->d->global[g->col[k]], zero,
                                          INSERT_VALUES));
    }
    PetscCall(MatAssemblyBegin(l->mat, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(l->mat, MAT_FINAL_ASSEMBLY));
    PetscFunctionReturn(0);
}

static PetscErrorCode make_matrix(struct linear *l, const char *prefix)
{
    PetscInt n = l->d->n_own, *own, *off, rows = n * l->bs;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc2(n, &own, n, &off));
    PetscCall(positions(l, own, off));
    PetscCall(MatCreate(l->d->comm, &l->mat));
    PetscCall(MatSetSizes(l->mat, rows, rows, PETSC_DETERMINE, PETSC_DETERMINE));
    PetscCall(MatSetBlockSize(l->mat, l->bs));
    PetscCall(MatSetType(l->mat, l->bs > 1 ? MATBAIJ : MATAIJ));
    PetscCall(MatSetOptionsPrefix(l->mat, prefix));
    if (l->bs > 1) {
        PetscCall(MatSeqBAIJSetPreallocation(l->mat, l->bs, 0, own));
        PetscCall(MatMPIBAIJSetPreallocation(l->mat, l->bs, 0, own, 0, off));
    } else {
        PetscCall(MatSeqAIJSetPreallocation(l->mat, 0, own));
        PetscCall(MatMPIAIJSetPreallocation(l->mat, 0, own, 0, off));
    }
    PetscCall(PetscFree2(own, off));
    PetscCall(fill_pattern(l));
    l->own = l->mat;
    l->off = NULL;
    if (l->d->size > 1 && l->bs > 1)
        PetscCall(MatMPIBAIJGetSeqBAIJ(l->mat, &l->own, &l->off, NULL));
    else if (l->d->size > 1)
        PetscCall(MatMPIAIJGetSeqAIJ(l->mat, &l->own, &l->off, NULL));
    PetscFunctionReturn(0);
}

static PetscErrorCode use_mumps(KSP ksp)
{
    PC pc;

    PetscFunctionBeginUser;
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(KSPSetType(ksp, KSPPREONLY));
    PetscCall(PCSetType(pc, PCLU));
    PetscCall(PCFactorSetMatSolverType(pc, MATSOLVERMUMPS));
    PetscFunctionReturn(0);
}

/* Additive Schwarz; on one rank its only subdomain is the whole system, so its solver is used bare.
 * The symmetric variant adds up what overlapping subdomains say, which costs more iterations than
 * it saves: it goes without overlap. */
static PetscErrorCode use_schwarz(KSP ksp, int alone, int symmetric, const struct params *p)
{
    PC pc;

    PetscFunctionBeginUser;
    PetscCall(KSPSetType(ksp, symmetric ? KSPCG : KSPBCGS));
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(PCSetType(pc, alone ? PCILU : PCASM));
    if (alone)
        PetscFunctionReturn(0);
    PetscCall(PCASMSetOverlap(pc, symmetric ? 0 : p->overlap));
    PetscCall(PCASMSetType(pc, symmetric ? PC_ASM_BASIC : PC_ASM_RESTRICT));
    PetscFunctionReturn(0);
}

/* A default for the solvers of the subdomains, which exist only after set-up; the user's option
 * wins. */
static PetscErrorCode default_option(const char *prefix, const char *name, const char *value)
{
    char option[96];
    PetscBool given;

    PetscFunctionBeginUser;
    snprintf(option, sizeof(option), "-%s%s", prefix, name);
    PetscCall(PetscOptionsHasName(NULL, NULL, option, &given));
    if (!given)
        PetscCall(PetscOptionsSetValue(NULL, option, value));
    PetscFunctionReturn(0);
}

static PetscErrorCode factor_options(const char *prefix, int alone, const struct params *p)
{
    char level[16];
    const char *const options[][2] = {{"pc_factor_levels", level},
                                      {"pc_factor_zeropivot", "1e-280"},
                                      /* rows are scaled by densities: tiny is not zero */};

    PetscFunctionBeginUser;
    snprintf(level, sizeof(level), "%d", p->fill);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char name[64];

        snprintf(name, sizeof(name), "%s%s", alone ? "" : "sub_", options[i][0]);
        PetscCall(default_option(prefix, name, options[i][1]));
    }
    PetscFunctionReturn(0);
}

static PetscErrorCode make_solver(struct linear *l, const char *prefix, int symmetric,
                                  const struct params *p)
{
    PetscFunctionBeginUser;
    PetscCall(KSPCreate(l->d->comm, &l->ksp));
    PetscCall(KSPSetOperators(l->ksp, l->mat, l->mat));
    PetscCall(KSPSetOptionsPrefix(l->ksp, prefix));
    if (p->solver == 1) {
        PetscCall(use_mumps(l->ksp));
    } else {
        PetscCall(use_schwarz(l->ksp, l->d->size == 1, symmetric, p));
        PetscCall(factor_options(prefix, l->d->size == 1, p));
    }
    PetscCall(KSPSetFromOptions(l->ksp));
    PetscCall(KSPGetPC(l->ksp, &l->base));
    PetscCall(PetscObjectReference((PetscObject)l->base));
    PetscFunctionReturn(0);
}

PetscErrorCode linear_new(const struct domain *d, const struct graph *g, int bs, const char *prefix,
                          int symmetric, const struct params *p, struct linear *ret)
{
    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    ret->d = d;
    ret->g = g;
    ret->bs = bs;
    ret->max_it = p->max_krylov;
    PetscCall(make_matrix(ret, prefix));
    PetscCall(MatCreateVecs(ret->mat, &ret->x, &ret->b));
    PetscCall(make_solver(ret, prefix, symmetric, p));
    PetscCall(PetscCalloc1(d->n_own * bs, &ret->factored));
    ret->drift = INFINITY;
    PetscFunctionReturn(0);
}

static PetscErrorCode two_level_setup(PC pc)
{
    struct coarse_matrix m = {NULL, NULL, NULL, NULL};
    PCFailedReason failed;
    struct linear *l;

    PetscFunctionBeginUser;
    PetscCall(PCShellGetContext(pc, &l));
    PetscCall(PCSetUp(l->base));
    PetscCall(PCGetFailedReason(l->base, &failed));
    PetscCall(PCSetFailedReason(pc, failed));
    m.pos = l->pos;
    m.diag = l->diag;
    PetscCall(MatSeqAIJGetArrayRead(l->own, &m.own));
    if (l->off)
        PetscCall(MatSeqAIJGetArrayRead(l->off, &m.off));
    PetscCall(coarse_setup(&l->coarse, &m));
    PetscCall(MatSeqAIJRestoreArrayRead(l->own, &m.own));
    if (l->off)
        PetscCall(MatSeqAIJRestoreArrayRead(l->off, &m.off));
    PetscFunctionReturn(0);
}

static PetscErrorCode two_level_apply(PC pc, Vec b, Vec x)
{
    const PetscScalar *bv;
    PetscScalar *xv;
    struct linear *l;

    PetscFunctionBeginUser;
    PetscCall(PCShellGetContext(pc, &l));
    PetscCall(PCApply(l->base, b, x));
    PetscCall(VecGetArrayRead(b, &bv));
    PetscCall(VecGetArray(x, &xv));
    PetscCall(coarse_correct(&l->coarse, bv, xv));
    PetscCall(VecRestoreArray(x, &xv));
    PetscCall(VecRestoreArrayRead(b, &bv));
    PetscFunctionReturn(0);
}

PetscErrorCode linear_add_coarse(struct linear *l, const unsigned char *fixed, int n)
{
    PetscBool is_direct;
    PC pc;

    PetscFunctionBeginUser;
    PetscCall(PetscObjectTypeCompare((PetscObject)l->ksp, KSPPREONLY, &is_direct));
    if (is_direct || n == 0)
        PetscFunctionReturn(0);
    PetscCall(coarse_new(l->d, l->g, fixed, n, &l->coarse));
    PetscCall(PCCreate(l->d->comm, &pc));
    PetscCall(PCSetType(pc, PCSHELL));
    PetscCall(PCShellSetContext(pc, l));
    PetscCall(PCShellSetSetUp(pc, two_level_setup));
    PetscCall(PCShellSetApply(pc, two_level_apply));
    PetscCall(KSPSetPC(l->ksp, pc));
    PetscCall(KSPSetOperators(l->ksp, l->mat, l->mat));
    PetscCall(KSPSetInitialGuessNonzero(l->ksp, PETSC_TRUE));
    PetscCall(PCDestroy(&pc));
    PetscFunctionReturn(0);
}

PetscErrorCode linear_free(struct linear *l)
{
    PetscFunctionBeginUser;
    if (!l->d)
        PetscFunctionReturn(0);
    PetscCall(KSPDestroy(&l->ksp));
    PetscCall(KSPDestroy(&l->direct));
    PetscCall(PCDestroy(&l->base));
    PetscCall(coarse_free(&l->coarse));
    PetscCall(MatDestroy(&l->mat));
    PetscCall(VecDestroy(&l->x));
    PetscCall(VecDestroy(&l->b));
    PetscCall(PetscFree2(l->pos, l->diag));
    PetscCall(PetscFree(l->factored));
    l->d = NULL;
    PetscFunctionReturn(0);
}

PetscErrorCode linear_begin(struct linear *l, double **ret_own, double **ret_off)
{
    PetscFunctionBeginUser;
    *ret_off = NULL;
    if (l->bs > 1) {
        PetscCall(MatSeqBAIJGetArray(l->own, ret_own));
        if (l->off)
            PetscCall(MatSeqBAIJGetArray(l->off, ret_off));
    } else {
        PetscCall(MatSeqAIJGetArray(l->own, ret_own));
        if (l->off)
            PetscCall(MatSeqAIJGetArray(l->off, ret_off));
    }
    PetscFunctionReturn(0);
}

static double diagonal(const struct linear *l, const double *own, PetscInt row)
{
    size_t i = (size_t)(row / l->bs), k = (size_t)(row % l->bs), bs = (size_t)l->bs;

    return own[(size_t)l->diag[i] * bs * bs + k * (bs + 1)];
}

/* How far the matrix has gone from the one that was factored, as its diagonal tells. */
static double drift(const struct linear *l, const double *own)
{
    double worst = 0;

    for (PetscInt r = 0; r < l->d->n_own * l->bs; r++)
        worst = fmax(worst, fabs(diagonal(l, own, r) / l->factored[r] - 1));
    return worst;
}

PetscErrorCode linear_end(struct linear *l, double **own, double **off)
{
    PetscFunctionBeginUser;
    if (isfinite(l->drift))
        l->drift = drift(l, *own);
    if (l->bs > 1) {
        PetscCall(MatSeqBAIJRestoreArray(l->own, own));
        if (l->off)
            PetscCall(MatSeqBAIJRestoreArray(l->off, off));
    } else {
        PetscCall(MatSeqAIJRestoreArray(l->own, own));
        if (l->off)
            PetscCall(MatSeqAIJRestoreArray(l->off, off));
    }
    /* the parts changed behind the parent's back: an assembly of nothing tells it */
    PetscCall(MatAssemblyBegin(l->mat, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(l->mat, MAT_FINAL_ASSEMBLY));
    PetscFunctionReturn(0);
}

static PetscErrorCode is_solved(KSP ksp, Vec x, int *ret)
{
    KSPConvergedReason reason;
    PetscReal norm;

    PetscFunctionBeginUser;
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    PetscCall(VecNorm(x, NORM_2, &norm));
    *ret = reason > 0 && isfinite(norm);
    PetscFunctionReturn(0);
}

static PetscErrorCode rescue(struct linear *l, int *ret_ok)
{
    PC pc;
    PCFailedReason failed = PC_NOERROR;

    PetscFunctionBeginUser;
    if (!l->direct) {
        PetscCall(KSPCreate(l->d->comm, &l->direct));
        PetscCall(KSPSetOperators(l->direct, l->mat, l->mat));
        PetscCall(use_mumps(l->direct));
    }
    l->rescues++;
    PetscCall(KSPSetUp(l->direct));
    PetscCall(KSPGetPC(l->direct, &pc));
    PetscCall(PCGetFailedReason(pc, &failed));
    *ret_ok = 0;
    if (failed != PC_NOERROR) {
        PetscCall(KSPDestroy(&l->direct)); /* a factor that failed cannot be used again */
        PetscFunctionReturn(0);
    }
    PetscCall(KSPSolve(l->direct, l->b, l->x));
    PetscCall(is_solved(l->direct, l->x, ret_ok));
    PetscFunctionReturn(0);
}

/* New factors are made unless the matrix has hardly changed on any rank. */
static PetscErrorCode refresh(struct linear *l, int *ret_new)
{
    const double allowed = 0.2; /* at 0.3 still as good, at 1 useless */
    double *own, *off, worst = domain_max(l->d, l->drift);

    PetscFunctionBeginUser;
    *ret_new = !(worst <= allowed);
    PetscCall(PCSetReusePreconditioner(l->base, *ret_new ? PETSC_FALSE : PETSC_TRUE));
    if (!*ret_new)
        PetscFunctionReturn(0);
    l->factors++;
    PetscCall(linear_begin(l, &own, &off));
    for (PetscInt r = 0; r < l->d->n_own * l->bs; r++)
        l->factored[r] = diagonal(l, own, r);
    l->drift = 0;
    PetscCall(linear_end(l, &own, &off));
    PetscFunctionReturn(0);
}

/* The coarse level's answer is where the iteration starts. */
static PetscErrorCode begin(struct linear *l, const double *b)
{
    PetscScalar *x;

    PetscFunctionBeginUser;
    if (!l->coarse.n)
        PetscFunctionReturn(0);
    PetscCall(KSPSetUp(l->ksp));
    PetscCall(VecSet(l->x, 0));
    PetscCall(VecGetArray(l->x, &x));
    PetscCall(coarse_correct(&l->coarse, b, x));
    PetscCall(VecRestoreArray(l->x, &x));
    PetscFunctionReturn(0);
}

static PetscErrorCode iterate(struct linear *l, const double *b, int *ret_new, int *ret_ok)
{
    PetscInt its;

    PetscFunctionBeginUser;
    PetscCall(refresh(l, ret_new));
    PetscCall(begin(l, b));
    PetscCall(KSPSolve(l->ksp, l->b, l->x));
    PetscCall(KSPGetIterationNumber(l->ksp, &its));
    l->iterations += its;
    PetscCall(is_solved(l->ksp, l->x, ret_ok));
    PetscFunctionReturn(0);
}

PetscErrorCode linear_solve(struct linear *l, double rtol, const double *b, double *x, int *ret_ok)
{
    PetscInt n = l->d->n_own * l->bs;
    PetscScalar *bv;
    const PetscScalar *xv;
    double start = MPI_Wtime();
    int is_new;

    PetscFunctionBeginUser;
    PetscCall(VecGetArrayWrite(l->b, &bv));
    PetscCall(PetscArraycpy(bv, b, n));
    PetscCall(VecRestoreArrayWrite(l->b, &bv));
    PetscCall(KSPSetTolerances(l->ksp, rtol, 1e-250, 1e12, l->max_it));
    PetscCall(iterate(l, b, &is_new, ret_ok));
    if (!*ret_ok && !is_new) {
        l->drift = INFINITY;
        PetscCall(iterate(l, b, &is_new, ret_ok));
    }
    if (!*ret_ok)
        PetscCall(rescue(l, ret_ok));
    PetscCall(VecGetArrayRead(l->x, &xv));
    PetscCall(PetscArraycpy(x, xv, n));
    PetscCall(VecRestoreArrayRead(l->x, &xv));
    l->seconds += MPI_Wtime() - start;
    PetscFunctionReturn(0);
}

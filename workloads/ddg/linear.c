// SPDX-License-Identifier: LGPL-2.1-or-later
// Matrices on the edge graph, and their Krylov solvers with additive Schwarz.
#include "linear.h"

#include <math.h>
#include <string.h>

/* The subdomain's matrix. Copies have the identity until pattern->copies brings their rows. */
static PetscErrorCode make_subdomain(struct linear *l)
{
    const struct pattern *pt = l->pt;
    PetscInt n = pt->n_rows * l->bs, bs = l->bs;

    PetscFunctionBeginUser;
    PetscCall(MatCreate(PETSC_COMM_SELF, &l->sub));
    PetscCall(MatSetSizes(l->sub, n, n, n, n));
    PetscCall(MatSetType(l->sub, bs > 1 ? MATSEQBAIJ : MATSEQAIJ));
    if (bs > 1) {
        PetscCall(MatSeqBAIJSetPreallocationCSR(l->sub, bs, pt->row, pt->col, NULL));
        PetscCall(MatSeqBAIJGetArray(l->sub, &l->values));
    } else {
        PetscCall(MatSeqAIJSetPreallocationCSR(l->sub, pt->row, pt->col, NULL));
        PetscCall(MatSeqAIJGetArray(l->sub, &l->values));
    }
    for (PetscInt i = pt->d->n_own; i < pt->n_rows; i++)
        for (PetscInt k = 0; k < bs; k++)
            l->values[(size_t)pt->diag[i] * bs * bs + k * (bs + 1)] = 1;
    PetscFunctionReturn(0);
}

/* Vectors with room for the copies behind what is owned. */
static PetscErrorCode make_vector(const struct linear *l, Vec *ret)
{
    const struct domain *d = l->pt->d;

    PetscFunctionBeginUser;
    PetscCall(VecCreateGhostBlock(d->comm, l->bs, d->n_own * l->bs, PETSC_DECIDE,
                                  l->pt->n_rows - d->n_own, l->pt->global + d->n_own, ret));
    PetscFunctionReturn(0);
}

static PetscErrorCode make_vectors(Mat mat, Vec *right, Vec *left)
{
    struct linear *l;

    PetscFunctionBeginUser;
    PetscCall(MatShellGetContext(mat, &l));
    if (right)
        PetscCall(make_vector(l, right));
    if (left)
        PetscCall(make_vector(l, left));
    PetscFunctionReturn(0);
}

static PetscErrorCode update_copies(Vec x)
{
    PetscFunctionBeginUser;
    PetscCall(VecGhostUpdateBegin(x, INSERT_VALUES, SCATTER_FORWARD));
    PetscCall(VecGhostUpdateEnd(x, INSERT_VALUES, SCATTER_FORWARD));
    PetscFunctionReturn(0);
}

/* What becomes of the copies is of no use to anyone. */
static PetscErrorCode multiply(Mat mat, Vec x, Vec y)
{
    struct linear *l;
    Vec of_x, of_y;

    PetscFunctionBeginUser;
    PetscCall(MatShellGetContext(mat, &l));
    PetscCall(update_copies(x));
    PetscCall(VecGhostGetLocalForm(x, &of_x));
    PetscCall(VecGhostGetLocalForm(y, &of_y));
    PetscCall(MatMult(l->sub, of_x, of_y));
    PetscCall(VecGhostRestoreLocalForm(x, &of_x));
    PetscCall(VecGhostRestoreLocalForm(y, &of_y));
    PetscFunctionReturn(0);
}

static PetscErrorCode make_matrices(struct linear *l)
{
    PetscInt rows = l->pt->d->n_own * l->bs;

    PetscFunctionBeginUser;
    PetscCall(make_subdomain(l));
    PetscCallMPI(MPI_Type_contiguous(l->bs * l->bs, MPI_DOUBLE, &l->block));
    PetscCallMPI(MPI_Type_commit(&l->block));
    PetscCall(
        MatCreateShell(l->pt->d->comm, rows, rows, PETSC_DETERMINE, PETSC_DETERMINE, l, &l->mat));
    PetscCall(MatShellSetOperation(l->mat, MATOP_MULT, (void (*)(void))multiply));
    PetscCall(MatShellSetOperation(l->mat, MATOP_CREATE_VECS, (void (*)(void))make_vectors));
    PetscCall(make_vector(l, &l->x));
    PetscCall(make_vector(l, &l->b));
    PetscFunctionReturn(0);
}

/* Factors of the subdomain, and the second level where there is one. */
static PetscErrorCode schwarz_setup(PC pc)
{
    PCFailedReason failed;
    struct linear *l;

    PetscFunctionBeginUser;
    PetscCall(PCShellGetContext(pc, &l));
    PetscCall(PCSetUp(l->base));
    PetscCall(PCGetFailedReason(l->base, &failed));
    failed = (PCFailedReason)domain_max(l->pt->d, (double)failed);
    PetscCall(PCSetFailedReason(pc, failed));
    if (failed) { /* PETSc does not make factors again that once failed */
        l->drift = INFINITY;
        PetscCall(PCReset(l->base));
        PetscCall(PCSetOperators(l->base, l->sub, l->sub));
    }
    if (l->coarse.n)
        PetscCall(coarse_setup(&l->coarse, l->values));
    PetscFunctionReturn(0);
}

static PetscErrorCode clear_copies(const struct linear *l, Vec of_b)
{
    PetscInt n = l->pt->d->n_own;
    PetscScalar *b;

    PetscFunctionBeginUser;
    PetscCall(VecGetArray(of_b, &b));
    PetscCall(PetscArrayzero(b + n * l->bs, (l->pt->n_rows - n) * l->bs));
    PetscCall(VecRestoreArray(of_b, &b));
    PetscFunctionReturn(0);
}

static PetscErrorCode correct(struct linear *l, Vec b, Vec x)
{
    const PetscScalar *bv;
    PetscScalar *xv;

    PetscFunctionBeginUser;
    PetscCall(VecGetArrayRead(b, &bv));
    PetscCall(VecGetArray(x, &xv));
    PetscCall(coarse_correct(&l->coarse, bv, xv));
    PetscCall(VecRestoreArray(x, &xv));
    PetscCall(VecRestoreArrayRead(b, &bv));
    PetscFunctionReturn(0);
}

/* What a subdomain says of its copies is dropped (restricted additive Schwarz of Cai and Sarkis,
 * SIAM J. Sci. Comput. 21, 1999); without overlap it is told nothing of them. */
static PetscErrorCode schwarz_apply(PC pc, Vec b, Vec x)
{
    struct linear *l;
    Vec of_b, of_x;

    PetscFunctionBeginUser;
    PetscCall(PCShellGetContext(pc, &l));
    if (l->overlaps)
        PetscCall(update_copies(b));
    PetscCall(VecGhostGetLocalForm(b, &of_b));
    PetscCall(VecGhostGetLocalForm(x, &of_x));
    if (!l->overlaps)
        PetscCall(clear_copies(l, of_b));
    PetscCall(PCApply(l->base, of_b, of_x));
    if (l->coarse.n)
        PetscCall(correct(l, of_b, of_x));
    PetscCall(VecGhostRestoreLocalForm(b, &of_b));
    PetscCall(VecGhostRestoreLocalForm(x, &of_x));
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

/* The incomplete factors of a subdomain. */
static PetscErrorCode make_base(struct linear *l, const char *prefix, const struct params *p)
{
    const double tiny = 1e-280; /* rows are scaled by densities: tiny is not zero */

    PetscFunctionBeginUser;
    PetscCall(PCCreate(PETSC_COMM_SELF, &l->base));
    PetscCall(PCSetOptionsPrefix(l->base, prefix));
    PetscCall(PCAppendOptionsPrefix(l->base, "sub_"));
    PetscCall(PCSetOperators(l->base, l->sub, l->sub));
    PetscCall(PCSetType(l->base, PCILU));
    PetscCall(PCFactorSetLevels(l->base, p->fill));
    PetscCall(PCFactorSetZeroPivot(l->base, tiny));
    PetscCall(PCSetFromOptions(l->base));
    PetscFunctionReturn(0);
}

static PetscErrorCode use_schwarz(struct linear *l, PC pc, int symmetric)
{
    PetscFunctionBeginUser;
    PetscCall(KSPSetType(l->ksp, symmetric ? KSPCG : KSPBCGS));
    PetscCall(PCSetType(pc, PCSHELL));
    PetscCall(PCShellSetName(pc, "additive Schwarz"));
    PetscCall(PCShellSetContext(pc, l));
    PetscCall(PCShellSetSetUp(pc, schwarz_setup));
    PetscCall(PCShellSetApply(pc, schwarz_apply));
    PetscFunctionReturn(0);
}

/* Another preconditioner, by the user's options, wants the matrix of all ranks. */
static PetscErrorCode make_solver(struct linear *l, const char *prefix, int symmetric,
                                  const struct params *p)
{
    PetscBool is_ours;
    PC pc;

    PetscFunctionBeginUser;
    PetscCall(KSPCreate(l->pt->d->comm, &l->ksp));
    PetscCall(KSPSetOperators(l->ksp, l->mat, l->mat));
    PetscCall(KSPSetOptionsPrefix(l->ksp, prefix));
    PetscCall(KSPGetPC(l->ksp, &pc));
    if (p->solver == 1)
        PetscCall(use_mumps(l->ksp));
    else
        PetscCall(use_schwarz(l, pc, symmetric));
    PetscCall(KSPSetFromOptions(l->ksp));
    PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCSHELL, &is_ours));
    l->is_foreign = !is_ours;
    if (is_ours)
        PetscCall(make_base(l, prefix, p));
    PetscFunctionReturn(0);
}

PetscErrorCode linear_new(const struct pattern *pt, const struct graph *g, int bs,
                          const char *prefix, int symmetric, const struct params *p,
                          struct linear *ret)
{
    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    ret->pt = pt;
    ret->g = g;
    ret->bs = bs;
    ret->max_it = p->max_krylov;
    ret->allowed = p->solver == 1 ? 0 : 0.2; /* at 0.3 still as good, at 1 useless */
    ret->overlaps = pt->copies && !symmetric && p->overlap > 0;
    PetscCall(make_matrices(ret));
    PetscCall(make_solver(ret, prefix, symmetric, p));
    PetscCall(PetscCalloc1(pt->d->n_own * bs, &ret->factored));
    ret->drift = INFINITY;
    PetscFunctionReturn(0);
}

PetscErrorCode linear_add_coarse(struct linear *l, const unsigned char *fixed, int n)
{
    PetscFunctionBeginUser;
    if (l->is_foreign || n == 0)
        PetscFunctionReturn(0);
    PetscCall(coarse_new(l->pt, l->g, fixed, n, &l->coarse));
    PetscCall(KSPSetInitialGuessNonzero(l->ksp, PETSC_TRUE));
    PetscFunctionReturn(0);
}

PetscErrorCode linear_free(struct linear *l)
{
    PetscFunctionBeginUser;
    if (!l->pt)
        PetscFunctionReturn(0);
    PetscCall(KSPDestroy(&l->ksp));
    PetscCall(PCDestroy(&l->base));
    PetscCall(coarse_free(&l->coarse));
    PetscCall(MatDestroy(&l->whole));
    PetscCall(MatDestroy(&l->mat));
    if (l->bs > 1)
        PetscCall(MatSeqBAIJRestoreArray(l->sub, &l->values));
    else
        PetscCall(MatSeqAIJRestoreArray(l->sub, &l->values));
    PetscCall(MatDestroy(&l->sub));
    PetscCall(VecDestroy(&l->x));
    PetscCall(VecDestroy(&l->b));
    PetscCallMPI(MPI_Type_free(&l->block));
    PetscCall(PetscFree(l->factored));
    l->pt = NULL;
    PetscFunctionReturn(0);
}

static double diagonal(const struct linear *l, PetscInt row)
{
    size_t i = (size_t)(row / l->bs), k = (size_t)(row % l->bs), bs = (size_t)l->bs;

    return l->values[(size_t)l->pt->diag[i] * bs * bs + k * (bs + 1)];
}

/* How far the matrix has gone from the one that was factored, as its diagonal tells. */
static double drift(const struct linear *l)
{
    double worst = 0;

    for (PetscInt r = 0; r < l->pt->d->n_own * l->bs; r++)
        worst = fmax(worst, fabs(diagonal(l, r) / l->factored[r] - 1));
    return worst;
}

/* The values changed behind the matrices' backs: an assembly of nothing tells them. */
PetscErrorCode linear_changed(struct linear *l)
{
    Mat const matrices[] = {l->sub, l->mat};

    PetscFunctionBeginUser;
    if (isfinite(l->drift))
        l->drift = drift(l);
    for (size_t i = 0; i < sizeof(matrices) / sizeof(matrices[0]); i++) {
        PetscCall(MatAssemblyBegin(matrices[i], MAT_FINAL_ASSEMBLY));
        PetscCall(MatAssemblyEnd(matrices[i], MAT_FINAL_ASSEMBLY));
    }
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

/* The matrix of all ranks as it is now. */
static PetscErrorCode assemble(struct linear *l)
{
    PetscFunctionBeginUser;
    PetscCall(MatDestroy(&l->whole));
    PetscCall(pattern_assemble(l->pt, l->bs, l->values, &l->whole));
    PetscFunctionReturn(0);
}

static PetscErrorCode rescue(struct linear *l, int *ret_ok)
{
    PCFailedReason failed = PC_NOERROR;
    KSP direct;
    PC pc;

    PetscFunctionBeginUser;
    l->rescues++;
    PetscCall(assemble(l));
    PetscCall(KSPCreate(l->pt->d->comm, &direct));
    PetscCall(KSPSetOperators(direct, l->whole, l->whole));
    PetscCall(use_mumps(direct));
    PetscCall(KSPSetUp(direct));
    PetscCall(KSPGetPC(direct, &pc));
    PetscCall(PCGetFailedReason(pc, &failed));
    *ret_ok = 0;
    if (failed == PC_NOERROR) {
        PetscCall(KSPSolve(direct, l->b, l->x));
        PetscCall(is_solved(direct, l->x, ret_ok));
    }
    PetscCall(KSPDestroy(&direct));
    PetscCall(MatDestroy(&l->whole));
    PetscFunctionReturn(0);
}

/* The rows of the copies, which only factors need. */
static PetscErrorCode bring_copies(struct linear *l)
{
    const struct pattern *pt = l->pt;

    PetscFunctionBeginUser;
    PetscCall(PetscSFBcastBegin(pt->copies, l->block, l->values, l->values, MPI_REPLACE));
    PetscCall(PetscSFBcastEnd(pt->copies, l->block, l->values, l->values, MPI_REPLACE));
    PetscFunctionReturn(0);
}

static PetscErrorCode refresh(struct linear *l, int *ret_new)
{
    double worst = domain_max(l->pt->d, l->drift);
    PC pc;

    PetscFunctionBeginUser;
    *ret_new = !(worst <= l->allowed);
    PetscCall(KSPGetPC(l->ksp, &pc));
    PetscCall(PCSetReusePreconditioner(l->is_foreign ? pc : l->base,
                                       *ret_new ? PETSC_FALSE : PETSC_TRUE));
    if (!*ret_new)
        PetscFunctionReturn(0);
    l->factors++;
    PetscCall(MatAssemblyBegin(l->mat, MAT_FINAL_ASSEMBLY)); /* or there would be no set-up */
    PetscCall(MatAssemblyEnd(l->mat, MAT_FINAL_ASSEMBLY));
    for (PetscInt r = 0; r < l->pt->d->n_own * l->bs; r++)
        l->factored[r] = diagonal(l, r);
    l->drift = 0;
    if (l->overlaps)
        PetscCall(bring_copies(l));
    if (!l->is_foreign)
        PetscFunctionReturn(0);
    PetscCall(assemble(l));
    PetscCall(KSPSetOperators(l->ksp, l->mat, l->whole));
    PetscFunctionReturn(0);
}

PetscErrorCode linear_setup(struct linear *l, int *ret_new)
{
    PetscFunctionBeginUser;
    PetscCall(refresh(l, ret_new));
    PetscCall(KSPSetUp(l->ksp));
    PetscFunctionReturn(0);
}

/* The coarse level's answer is where the iteration starts. */
static PetscErrorCode begin(struct linear *l)
{
    PetscFunctionBeginUser;
    if (!l->coarse.n)
        PetscFunctionReturn(0);
    PetscCall(VecSet(l->x, 0));
    PetscCall(correct(l, l->b, l->x));
    PetscFunctionReturn(0);
}

/* A preconditioner that answers with next to nothing leaves nothing of the residual that the Krylov
 * method sees. One that is not ours is held to what the solution leaves of each row. */
static PetscErrorCode check_residual(struct linear *l, int *ret_ok)
{
    const double allowed = 0.9;
    const PetscScalar *b, *r;
    double left = 0, all = 0;
    Vec residual;

    PetscFunctionBeginUser;
    PetscCall(VecDuplicate(l->b, &residual));
    PetscCall(MatMult(l->mat, l->x, residual));
    PetscCall(VecAYPX(residual, -1, l->b));
    PetscCall(VecGetArrayRead(residual, &r));
    PetscCall(VecGetArrayRead(l->b, &b));
    for (PetscInt i = 0; i < l->pt->d->n_own * l->bs; i++) {
        left += pow(r[i] / diagonal(l, i), 2);
        all += pow(b[i] / diagonal(l, i), 2);
    }
    PetscCall(VecRestoreArrayRead(l->b, &b));
    PetscCall(VecRestoreArrayRead(residual, &r));
    PetscCall(VecDestroy(&residual));
    *ret_ok = domain_sum(l->pt->d, left) <= allowed * domain_sum(l->pt->d, all);
    PetscFunctionReturn(0);
}

static PetscErrorCode iterate(struct linear *l, int *ret_new, int *ret_ok)
{
    PetscInt its;

    PetscFunctionBeginUser;
    PetscCall(linear_setup(l, ret_new));
    PetscCall(begin(l));
    PetscCall(KSPSolve(l->ksp, l->b, l->x));
    PetscCall(KSPGetIterationNumber(l->ksp, &its));
    l->iterations += its;
    PetscCall(is_solved(l->ksp, l->x, ret_ok));
    if (*ret_ok && l->is_foreign)
        PetscCall(check_residual(l, ret_ok));
    PetscFunctionReturn(0);
}

PetscErrorCode linear_solve(struct linear *l, double rtol, const double *b, double *x, int *ret_ok)
{
    PetscInt n = l->pt->d->n_own * l->bs;
    PetscScalar *bv;
    const PetscScalar *xv;
    double start = MPI_Wtime();
    int is_new;

    PetscFunctionBeginUser;
    PetscCall(VecGetArrayWrite(l->b, &bv));
    PetscCall(PetscArraycpy(bv, b, n));
    PetscCall(VecRestoreArrayWrite(l->b, &bv));
    PetscCall(KSPSetTolerances(l->ksp, rtol, 1e-250, 1e12, l->max_it));
    PetscCall(iterate(l, &is_new, ret_ok));
    if (!*ret_ok && !is_new) {
        l->drift = INFINITY;
        PetscCall(iterate(l, &is_new, ret_ok));
    }
    if (!*ret_ok)
        PetscCall(rescue(l, ret_ok));
    PetscCall(VecGetArrayRead(l->x, &xv));
    PetscCall(PetscArraycpy(x, xv, n));
    PetscCall(VecRestoreArrayRead(l->x, &xv));
    l->seconds += MPI_Wtime() - start;
    PetscFunctionReturn(0);
}

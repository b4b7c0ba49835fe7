// SPDX-License-Identifier: LGPL-2.1-or-later
// D. G. Anderson, J. ACM 12 (1965), in the difference form of Walker and Ni, SIAM J. Numer. Anal.
// 49 (2011).
#include "anderson.h"

#include <math.h>
#include <string.h>

PetscErrorCode anderson_new(const struct domain *d, PetscInt n, int depth, struct anderson *ret)
{
    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    ret->d = d;
    ret->n = n;
    ret->depth = depth;
    PetscCall(PetscMalloc2(n, &ret->last_g, n, &ret->last_f));
    for (int k = 0; k < depth; k++)
        PetscCall(PetscMalloc2(n, &ret->dx[k], n, &ret->df[k]));
    PetscFunctionReturn(0);
}

PetscErrorCode anderson_free(struct anderson *an)
{
    PetscFunctionBeginUser;
    PetscCall(PetscFree2(an->last_g, an->last_f));
    for (int k = 0; k < an->depth; k++)
        PetscCall(PetscFree2(an->dx[k], an->df[k]));
    PetscFunctionReturn(0);
}

void anderson_reset(struct anderson *an)
{
    an->kept = an->next = an->has_last = 0;
}

static double dot(const double *x, const double *y, PetscInt n)
{
    double sum = 0;

    for (PetscInt i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* Normal equations with a little regularisation, by Cholesky; m is at most ANDERSON_MAX. */
static void least_squares(double a[ANDERSON_MAX][ANDERSON_MAX], double *b, int m)
{
    for (int i = 0; i < m; i++) {
        a[i][i] *= 1 + 1e-10;
        for (int k = 0; k < i; k++)
            a[i][i] -= a[i][k] * a[i][k];
        a[i][i] = sqrt(fmax(a[i][i], 1e-300));
        for (int j = i + 1; j < m; j++) {
            for (int k = 0; k < i; k++)
                a[j][i] -= a[j][k] * a[i][k];
            a[j][i] /= a[i][i];
        }
    }
    for (int i = 0; i < m; i++) {
        for (int k = 0; k < i; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (int i = m - 1; i >= 0; i--) {
        for (int k = i + 1; k < m; k++)
            b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
}

static void remember(struct anderson *an, const double *f, const double *g)
{
    if (an->has_last && an->depth) {
        double *dx = an->dx[an->next], *df = an->df[an->next];

        for (PetscInt i = 0; i < an->n; i++) {
            dx[i] = g[i] - an->last_g[i];
            df[i] = f[i] - an->last_f[i];
        }
        an->next = (an->next + 1) % an->depth;
        an->kept += an->kept < an->depth;
    }
    memcpy(an->last_g, g, (size_t)an->n * sizeof(*g));
    memcpy(an->last_f, f, (size_t)an->n * sizeof(*f));
    an->has_last = 1;
}

PetscErrorCode anderson_mix(struct anderson *an, const double *x, double *g)
{
    double a[ANDERSON_MAX][ANDERSON_MAX], b[ANDERSON_MAX], *f;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc1(an->n, &f));
    for (PetscInt i = 0; i < an->n; i++)
        f[i] = g[i] - x[i];
    remember(an, f, g);
    for (int i = 0; i < an->kept; i++) {
        b[i] = dot(an->df[i], f, an->n);
        for (int j = 0; j <= i; j++)
            a[i][j] = dot(an->df[i], an->df[j], an->n);
        for (int j = i + 1; j < ANDERSON_MAX; j++)
            a[i][j] = 0;
    }
    if (an->kept) {
        PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, a, an->kept * ANDERSON_MAX, MPI_DOUBLE, MPI_SUM,
                                   an->d->comm));
        PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, b, an->kept, MPI_DOUBLE, MPI_SUM, an->d->comm));
        least_squares(a, b, an->kept);
    }
    for (int k = 0; k < an->kept; k++)
        for (PetscInt i = 0; i < an->n; i++)
            g[i] -= b[k] * an->dx[k][i];
    PetscCall(PetscFree(f));
    PetscFunctionReturn(0);
}

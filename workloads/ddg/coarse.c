// SPDX-License-Identifier: LGPL-2.1-or-later
#include "coarse.h"

#include <math.h>
#include <string.h>

/* Extent of the nodes that have an unknown, over all ranks. */
static void bounds(const struct domain *d, const unsigned char *fixed, double lo[3], double size[3])
{
    for (int a = 0; a < 3; a++) {
        double least = INFINITY, most = -INFINITY;

        for (PetscInt i = 0; i < d->n_own; i++) {
            if (fixed[i])
                continue;
            least = fmin(least, d->xyz[3 * i + a]);
            most = fmax(most, d->xyz[3 * i + a]);
        }
        lo[a] = -domain_max(d, -least);
        size[a] = fmax(domain_max(d, most) - lo[a], 0);
    }
}

/* Boxes along each axis: edges as equal as whole numbers allow. */
static void count_boxes(const double size[3], int n, PetscInt boxes[3])
{
    boxes[0] = boxes[1] = boxes[2] = 1;
    for (;;) {
        int longest = 0;

        for (int a = 1; a < 3; a++)
            if (size[a] / (double)boxes[a] > size[longest] / (double)boxes[longest])
                longest = a;
        boxes[longest]++;
        if (boxes[0] * boxes[1] * boxes[2] <= n)
            continue;
        boxes[longest]--;
        return;
    }
}

PetscErrorCode coarse_new(const struct pattern *pt, const struct graph *g,
                          const unsigned char *fixed, int n, struct coarse *ret)
{
    const struct domain *d = pt->d;
    double lo[3], size[3];
    PetscInt boxes[3];

    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    ret->pt = pt;
    ret->d = d;
    ret->g = g;
    bounds(d, fixed, lo, size);
    count_boxes(size, n, boxes);
    ret->n = boxes[0] * boxes[1] * boxes[2];
    PetscCall(PetscMalloc2(d->n_local, &ret->group, d->n_local, &ret->null));
    PetscCall(PetscMalloc2(d->n_own, &ret->row, d->n_own + 1, &ret->ptr));
    PetscCall(PetscMalloc2(g->row[d->n_own] + d->n_own, &ret->col, g->row[d->n_own] + d->n_own,
                           &ret->value));
    PetscCall(PetscMalloc3(ret->n * ret->n, &ret->matrix, ret->n, &ret->scale, ret->n, &ret->sum));
    for (PetscInt i = 0; i < d->n_local; i++) {
        PetscInt at = 0;

        for (int a = 0; a < 3; a++) {
            double part = size[a] > 0 ? (d->xyz[3 * i + a] - lo[a]) / size[a] : 0;

            at = at * boxes[a] +
                 PetscMax(0, PetscMin(boxes[a] - 1, (PetscInt)(part * (double)boxes[a])));
        }
        ret->group[i] = fixed[i] ? -1 : at;
        ret->null[i] = 1;
    }
    PetscFunctionReturn(0);
}

PetscErrorCode coarse_free(struct coarse *c)
{
    PetscFunctionBeginUser;
    PetscCall(PetscFree2(c->group, c->null));
    PetscCall(PetscFree2(c->row, c->ptr));
    PetscCall(PetscFree2(c->col, c->value));
    PetscCall(PetscFree3(c->matrix, c->scale, c->sum));
    PetscFunctionReturn(0);
}

/* Adds to the entry of a column, which is new or among those from `first` on. */
static void add_entry(struct coarse *c, PetscInt first, PetscInt *n, PetscInt col, double value)
{
    PetscInt k = first;

    while (k < *n && c->col[k] != col)
        k++;
    if (k == *n) {
        c->col[k] = col;
        c->value[k] = 0;
        ++*n;
    }
    c->value[k] += value;
}

/* Row i of A W; its entries from c->ptr[c->n_rows] on. Returns their end. */
static PetscInt make_row(struct coarse *c, const double *values, PetscInt i)
{
    const struct graph *g = c->g;
    PetscInt first = c->ptr[c->n_rows], n = first, kept = first;
    double diag = values[c->pt->diag[i]] * c->null[i];

    add_entry(c, first, &n, c->group[i], diag);
    for (PetscInt k = g->row[i]; k < g->row[i + 1]; k++) {
        PetscInt j = g->col[k];

        if (c->group[j] >= 0)
            add_entry(c, first, &n, c->group[j], values[c->pt->pos[k]] * c->null[j]);
    }
    for (PetscInt k = first; k < n; k++)
        if (fabs(c->value[k]) > 1e-13 * fabs(diag)) {
            c->col[kept] = c->col[k];
            c->value[kept++] = c->value[k];
        }
    return kept;
}

/* Cholesky factor L, row by row; entries further than c->band from the diagonal are 0. Returns
 * whether the matrix is definite. */
static int factor(struct coarse *c)
{
    double *a = c->matrix;

    for (PetscInt i = 0; i < c->n; i++) {
        double *row = a + i * c->n;

        for (PetscInt j = PetscMax(0, i - c->band); j <= i; j++) {
            const double *other = a + j * c->n;
            double sum = row[j];

            for (PetscInt k = PetscMax(0, i - c->band); k < j; k++)
                sum -= row[k] * other[k];
            if (j < i)
                row[j] = sum / other[j];
            else if (!(sum > 0))
                return 0;
            else
                row[i] = sqrt(sum);
        }
    }
    return 1;
}

static void substitute(const struct coarse *c, double *x)
{
    const double *a = c->matrix;

    for (PetscInt i = 0; i < c->n; i++) {
        for (PetscInt k = PetscMax(0, i - c->band); k < i; k++)
            x[i] -= a[i * c->n + k] * x[k];
        x[i] /= a[i * c->n + i];
    }
    for (PetscInt i = c->n - 1; i >= 0; i--) {
        x[i] /= a[i * c->n + i];
        for (PetscInt k = PetscMax(0, i - c->band); k < i; k++)
            x[k] -= a[i * c->n + k] * x[i];
    }
}

/* Scales the diagonal to 1, also that of an empty box. */
static void scale(struct coarse *c)
{
    c->band = 0;
    for (PetscInt i = 0; i < c->n; i++) {
        double diag = c->matrix[i * c->n + i];

        c->scale[i] = diag > 0 ? 1 / sqrt(diag) : 0;
    }
    for (PetscInt i = 0; i < c->n; i++) {
        for (PetscInt k = 0; k < c->n; k++) {
            double *a = &c->matrix[i * c->n + k];

            *a *= c->scale[i] * c->scale[k];
            if (*a != 0)
                c->band = PetscMax(c->band, i - k);
        }
        c->matrix[i * c->n + i] = 1;
    }
}

PetscErrorCode coarse_setup(struct coarse *c, const double *values)
{
    PetscFunctionBeginUser;
    c->n_rows = 0;
    c->ptr[0] = 0;
    memset(c->matrix, 0, (size_t)(c->n * c->n) * sizeof(*c->matrix));
    for (PetscInt i = 0; i < c->d->n_own; i++) {
        PetscInt end, first = c->ptr[c->n_rows];

        if (c->group[i] < 0)
            continue;
        end = make_row(c, values, i);
        for (PetscInt k = first; k < end; k++)
            c->matrix[c->group[i] * c->n + c->col[k]] += c->null[i] * c->value[k];
        c->row[c->n_rows] = i;
        c->n_rows += end > first;
        c->ptr[c->n_rows] = end;
    }
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, c->matrix, (int)(c->n * c->n), MPI_DOUBLE, MPI_SUM,
                               c->d->comm));
    scale(c);
    c->is_usable = factor(c);
    PetscFunctionReturn(0);
}

PetscErrorCode coarse_correct(struct coarse *c, const double *b, double *x)
{
    PetscFunctionBeginUser;
    if (!c->is_usable)
        PetscFunctionReturn(0);
    memset(c->sum, 0, (size_t)c->n * sizeof(*c->sum));
    for (PetscInt i = 0; i < c->d->n_own; i++)
        if (c->group[i] >= 0)
            c->sum[c->group[i]] += c->null[i] * b[i];
    for (PetscInt r = 0; r < c->n_rows; r++)
        for (PetscInt k = c->ptr[r]; k < c->ptr[r + 1]; k++)
            c->sum[c->col[k]] -= c->value[k] * x[c->row[r]];
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, c->sum, (int)c->n, MPI_DOUBLE, MPI_SUM, c->d->comm));
    for (PetscInt i = 0; i < c->n; i++)
        c->sum[i] *= c->scale[i];
    substitute(c, c->sum);
    for (PetscInt i = 0; i < c->n; i++)
        c->sum[i] *= c->scale[i];
    for (PetscInt i = 0; i < c->d->n_own; i++)
        if (c->group[i] >= 0)
            x[i] += c->null[i] * c->sum[c->group[i]];
    PetscFunctionReturn(0);
}

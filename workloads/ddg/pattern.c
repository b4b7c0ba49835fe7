// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pattern.h"

#include <string.h>

/* The graph's rows with their diagonals. */
static PetscErrorCode own_rows(const struct graph *g, struct pattern *pt)
{
    PetscInt n = pt->d->n_own, at = 0;

    PetscFunctionBeginUser;
    pt->n_rows = n;
    pt->n_own_entries = g->row[n] + n;
    PetscCall(PetscMalloc1(n + 1, &pt->row));
    PetscCall(PetscMalloc1(n, &pt->diag));
    PetscCall(PetscMalloc1(g->row[n], &pt->pos));
    PetscCall(PetscMalloc1(pt->n_own_entries, &pt->col));
    for (PetscInt i = 0; i < n; i++) {
        PetscInt k = g->row[i];

        pt->row[i] = at;
        for (; k < g->row[i + 1] && g->col[k] < i; k++)
            pt->col[pt->pos[k] = at++] = g->col[k];
        pt->col[pt->diag[i] = at++] = i;
        for (; k < g->row[i + 1]; k++)
            pt->col[pt->pos[k] = at++] = g->col[k];
    }
    pt->row[n] = at;
    PetscFunctionReturn(0);
}

PetscErrorCode pattern_assemble(const struct pattern *pt, int bs, const double *values, Mat *ret)
{
    PetscInt n = pt->d->n_own, most = 0, *own, *off, *cols;

    PetscFunctionBeginUser;
    PetscCall(PetscCalloc2(n, &own, n, &off));
    for (PetscInt i = 0; i < n; i++) {
        for (PetscInt k = pt->row[i]; k < pt->row[i + 1]; k++)
            ++*(pt->col[k] < n ? &own[i] : &off[i]);
        most = PetscMax(most, pt->row[i + 1] - pt->row[i]);
    }
    PetscCall(MatCreate(pt->d->comm, ret));
    PetscCall(MatSetSizes(*ret, n * bs, n * bs, PETSC_DETERMINE, PETSC_DETERMINE));
    PetscCall(MatSetType(*ret, bs > 1 ? MATBAIJ : MATAIJ));
    PetscCall(MatXAIJSetPreallocation(*ret, bs, own, off, NULL, NULL));
    PetscCall(MatSetOption(*ret, MAT_ROW_ORIENTED, PETSC_FALSE));
    PetscCall(PetscFree2(own, off));
    PetscCall(PetscMalloc1(most, &cols));
    for (PetscInt i = 0; i < n; i++) {
        PetscInt r = pt->d->first + i, len = pt->row[i + 1] - pt->row[i];

        for (PetscInt k = 0; k < len; k++)
            cols[k] = pt->global[pt->col[pt->row[i] + k]];
        PetscCall(MatSetValuesBlocked(*ret, 1, &r, len, cols, values, INSERT_VALUES));
        values += (size_t)len * bs * bs;
    }
    PetscCall(PetscFree(cols));
    PetscCall(MatAssemblyBegin(*ret, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(*ret, MAT_FINAL_ASSEMBLY));
    PetscFunctionReturn(0);
}

/* The matrix whose values are the places of its entries among their owner's. */
static PetscErrorCode places(const struct pattern *pt, Mat *ret)
{
    double *at;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc1(pt->n_own_entries, &at));
    for (PetscInt k = 0; k < pt->n_own_entries; k++)
        at[k] = (double)k;
    PetscCall(pattern_assemble(pt, 1, at, ret));
    PetscCall(PetscFree(at));
    PetscFunctionReturn(0);
}

/* Other ranks' nodes within `overlap` layers, by their ascending global numbers. */
static PetscErrorCode grow(const struct domain *d, Mat map, int overlap, PetscInt *ret_n,
                           PetscInt **ret)
{
    const PetscInt *all;
    PetscInt n;
    IS is;

    PetscFunctionBeginUser;
    PetscCall(ISCreateStride(PETSC_COMM_SELF, d->n_own, d->first, 1, &is));
    PetscCall(MatIncreaseOverlap(map, 1, &is, overlap));
    PetscCall(ISSort(is));
    PetscCall(ISGetLocalSize(is, &n));
    PetscCall(ISGetIndices(is, &all));
    PetscCall(PetscMalloc1(n, ret));
    *ret_n = 0;
    for (PetscInt k = 0; k < n; k++)
        if (all[k] < d->first || all[k] >= d->first + d->n_own)
            (*ret)[(*ret_n)++] = all[k];
    PetscCall(ISRestoreIndices(is, &all));
    PetscCall(ISDestroy(&is));
    PetscFunctionReturn(0);
}

/* Numbers the copies: the domain's, then those of `full` that are further out. */
static PetscErrorCode number_copies(struct pattern *pt, PetscInt n_full, const PetscInt *full)
{
    const struct domain *d = pt->d;
    PetscInt ghosts = d->n_local - d->n_own;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc1(d->n_local + n_full, &pt->global));
    PetscCall(PetscArraycpy(pt->global, d->global, d->n_local));
    pt->n_rows = d->n_local;
    for (PetscInt k = 0; k < n_full; k++) {
        PetscInt at;

        PetscCall(PetscFindInt(full[k], ghosts, d->global + d->n_own, &at));
        if (at < 0)
            pt->global[pt->n_rows++] = full[k];
    }
    PetscFunctionReturn(0);
}

/* What the copied rows are made from. They have no columns of copies without a row: what the
 * subdomain's solution has there means nothing. */
struct copied {
    Mat *rows;                /* one: the owners' places; rows by `full`, columns by `sorted` */
    PetscInt *of_row;         /* row of each copy in it, -1: none */
    PetscInt *sorted, *local; /* global numbers, and their local ones */
    PetscInt n_entries;
};

static PetscErrorCode fetch_rows(const struct pattern *pt, Mat map, PetscInt n_full,
                                 const PetscInt *full, struct copied *ret)
{
    PetscInt all = pt->n_rows, n_own = pt->d->n_own, n = 0;
    MatInfo info;
    IS rows, cols;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc3(all, &ret->sorted, all, &ret->local, all - n_own, &ret->of_row));
    for (PetscInt i = 0; i < all; i++) {
        if (i >= n_own)
            PetscCall(PetscFindInt(pt->global[i], n_full, full, &ret->of_row[i - n_own]));
        if (i >= n_own && ret->of_row[i - n_own] < 0)
            continue;
        ret->sorted[n] = pt->global[i];
        ret->local[n++] = i;
    }
    PetscCall(PetscSortIntWithArray(n, ret->sorted, ret->local));
    PetscCall(ISCreateGeneral(PETSC_COMM_SELF, n_full, full, PETSC_USE_POINTER, &rows));
    PetscCall(ISCreateGeneral(PETSC_COMM_SELF, n, ret->sorted, PETSC_USE_POINTER, &cols));
    PetscCall(MatCreateSubMatrices(map, 1, &rows, &cols, MAT_INITIAL_MATRIX, &ret->rows));
    PetscCall(MatGetInfo(ret->rows[0], MAT_LOCAL, &info));
    ret->n_entries = (PetscInt)info.nz_used;
    PetscCall(ISDestroy(&rows));
    PetscCall(ISDestroy(&cols));
    PetscFunctionReturn(0);
}

/* The entries of copy i, whose row is `r` of what was fetched, from `at` on; returns their end. */
static PetscErrorCode copy_row(struct pattern *pt, const struct copied *c, PetscInt i, PetscInt r,
                               PetscInt *at, PetscInt *place)
{
    const PetscInt *cols;
    const PetscScalar *places;
    PetscInt n;

    PetscFunctionBeginUser;
    PetscCall(MatGetRow(c->rows[0], r, &n, &cols, &places));
    for (PetscInt k = 0; k < n; k++) {
        pt->col[*at + k] = c->local[cols[k]];
        place[k] = (PetscInt)places[k];
    }
    PetscCall(PetscSortIntWithArray(n, pt->col + *at, place));
    PetscCall(PetscFindInt(i, n, pt->col + *at, &pt->diag[i]));
    pt->diag[i] += *at;
    *at += n;
    PetscCall(MatRestoreRow(c->rows[0], r, &n, &cols, &places));
    PetscFunctionReturn(0);
}

/* Appends the copies' rows, and connects their entries with the owners'. */
static PetscErrorCode append_rows(struct pattern *pt, Mat map, const struct copied *c)
{
    PetscInt n_own = pt->d->n_own, at = pt->n_own_entries, n = 0, *leaf, *place;
    PetscInt most = at + c->n_entries + pt->n_rows - n_own;
    PetscSFNode *root;
    PetscLayout layout;

    PetscFunctionBeginUser;
    PetscCall(PetscRealloc((size_t)(pt->n_rows + 1) * sizeof(*pt->row), &pt->row));
    PetscCall(PetscRealloc((size_t)pt->n_rows * sizeof(*pt->diag), &pt->diag));
    PetscCall(PetscRealloc((size_t)most * sizeof(*pt->col), &pt->col));
    PetscCall(PetscMalloc3(c->n_entries, &leaf, c->n_entries, &place, c->n_entries, &root));
    PetscCall(MatGetLayouts(map, &layout, NULL));
    for (PetscInt i = n_own; i < pt->n_rows; i++) {
        PetscInt r = c->of_row[i - n_own];
        PetscMPIInt owner;

        if (r < 0) {
            pt->col[pt->diag[i] = at++] = i;
        } else {
            PetscInt first = at;

            PetscCall(copy_row(pt, c, i, r, &at, place + n));
            PetscCall(PetscLayoutFindOwner(layout, pt->global[i], &owner));
            for (PetscInt k = first; k < at; k++, n++) {
                leaf[n] = k;
                root[n] = (PetscSFNode){.rank = owner, .index = place[n]};
            }
        }
        pt->row[i + 1] = at;
    }
    PetscCall(PetscSFCreate(pt->d->comm, &pt->copies));
    PetscCall(PetscSFSetGraph(pt->copies, pt->n_own_entries, n, leaf, PETSC_COPY_VALUES, root,
                              PETSC_COPY_VALUES));
    PetscCall(PetscSFSetUp(pt->copies));
    PetscCall(PetscFree3(leaf, place, root));
    PetscFunctionReturn(0);
}

PetscErrorCode pattern_new(const struct domain *d, const struct graph *g, int overlap,
                           struct pattern *ret)
{
    struct copied c;
    PetscInt n_full = 0, *full;
    Mat map;

    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    ret->d = d;
    PetscCall(own_rows(g, ret));
    if (d->size == 1) {
        PetscCall(number_copies(ret, 0, NULL));
        PetscFunctionReturn(0);
    }
    ret->global = d->global;
    PetscCall(places(ret, &map));
    PetscCall(grow(d, map, overlap, &n_full, &full));
    PetscCall(number_copies(ret, n_full, full));
    PetscCall(fetch_rows(ret, map, n_full, full, &c));
    PetscCall(append_rows(ret, map, &c));
    PetscCall(MatDestroy(&map));
    PetscCall(MatDestroySubMatrices(1, &c.rows));
    PetscCall(PetscFree3(c.sorted, c.local, c.of_row));
    PetscCall(PetscFree(full));
    PetscFunctionReturn(0);
}

PetscErrorCode pattern_free(struct pattern *pt)
{
    PetscFunctionBeginUser;
    PetscCall(PetscFree(pt->row));
    PetscCall(PetscFree(pt->col));
    PetscCall(PetscFree(pt->diag));
    PetscCall(PetscFree(pt->pos));
    PetscCall(PetscFree(pt->global));
    PetscCall(PetscSFDestroy(&pt->copies));
    PetscFunctionReturn(0);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Distribution of the mesh. Meshes come from a generator or one file, both of which every rank can
// read whole; so each rank takes its part out of its own copy, and only the partition is
// communicated.
#include "domain.h"

#include <string.h>

static int compare_int(const void *a, const void *b)
{
    PetscInt x = *(const PetscInt *)a, y = *(const PetscInt *)b;

    return (x > y) - (x < y);
}

static PetscInt sort_unique(PetscInt *v, PetscInt n)
{
    PetscInt m = 0;

    qsort(v, (size_t)n, sizeof(*v), compare_int);
    for (PetscInt i = 0; i < n; i++)
        if (!m || v[m - 1] != v[i])
            v[m++] = v[i];
    return m;
}

/* Neighbours of the nodes lo ... hi-1 in the mesh, as compressed rows that PETSc will own. */
static PetscErrorCode neighbours(const struct mesh *m, PetscInt lo, PetscInt hi, PetscInt **ret_ptr,
                                 PetscInt **ret_col)
{
    PetscInt rows = hi - lo, *ptr, *col, *at, kept = 0;

    PetscFunctionBeginUser;
    PetscCall(PetscCalloc1(rows + 1, &ptr));
    PetscCall(PetscMalloc1(rows + 1, &at));
    for (int i = 0; i < 4 * m->n_tets; i++)
        if (m->tet[i] >= lo && m->tet[i] < hi)
            ptr[m->tet[i] - lo + 1] += 3;
    for (PetscInt i = 0; i < rows; i++)
        ptr[i + 1] += ptr[i];
    PetscCall(PetscMalloc1(ptr[rows] + 1, &col));
    PetscCall(PetscArraycpy(at, ptr, rows + 1));
    for (int i = 0; i < 4 * m->n_tets; i++) {
        PetscInt r = m->tet[i] - lo;

        for (int k = 0; r >= 0 && r < rows && k < 4; k++)
            if (k != i % 4)
                col[at[r]++] = m->tet[i - i % 4 + k];
    }
    for (PetscInt i = 0, begin = 0; i < rows; i++) {
        PetscInt end = ptr[i + 1], n = sort_unique(col + begin, end - begin);

        PetscCall(PetscArraymove(col + kept, col + begin, n));
        begin = end;
        ptr[i + 1] = kept += n;
    }
    PetscCall(PetscFree(at));
    *ret_ptr = ptr;
    *ret_col = col;
    PetscFunctionReturn(0);
}

/* Work per node: a silicon node has two or three unknowns, an oxide node one. */
static PetscErrorCode weights(const struct mesh *m, PetscInt lo, PetscInt hi, PetscInt **ret)
{
    PetscInt *w;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc1(hi - lo + 1, &w));
    for (PetscInt i = 0; i < hi - lo; i++)
        w[i] = 2;
    for (int i = 0; i < 4 * m->n_tets; i++)
        if (m->region[i / 4] == REGION_SILICON && m->tet[i] >= lo && m->tet[i] < hi)
            w[m->tet[i] - lo] = 3;
    *ret = w;
    PetscFunctionReturn(0);
}

/* Rank of every node of the mesh, on every rank. */
static PetscErrorCode partition(MPI_Comm comm, PetscMPIInt rank, PetscMPIInt size,
                                const struct mesh *m, PetscInt *part)
{
    PetscInt lo = (PetscInt)((PetscInt64)m->n_nodes * rank / size);
    PetscInt hi = (PetscInt)((PetscInt64)m->n_nodes * (rank + 1) / size);
    PetscInt *ptr = NULL, *col = NULL, *w = NULL;
    const PetscInt *mine;
    Mat graph;
    MatPartitioning tool;
    IS is, all;

    PetscFunctionBeginUser;
    PetscCall(neighbours(m, lo, hi, &ptr, &col));
    PetscCall(weights(m, lo, hi, &w));
    PetscCall(MatCreateMPIAdj(comm, hi - lo, m->n_nodes, ptr, col, NULL, &graph));
    PetscCall(MatPartitioningCreate(comm, &tool));
    PetscCall(MatPartitioningSetAdjacency(tool, graph));
    PetscCall(MatPartitioningSetType(tool, MATPARTITIONINGPTSCOTCH));
    PetscCall(MatPartitioningSetVertexWeights(tool, w));
    PetscCall(MatPartitioningSetFromOptions(tool));
    PetscCall(MatPartitioningApply(tool, &is));
    PetscCall(ISAllGather(is, &all));
    PetscCall(ISGetIndices(all, &mine));
    PetscCall(PetscArraycpy(part, mine, m->n_nodes));
    PetscCall(ISRestoreIndices(all, &mine));
    PetscCall(ISDestroy(&all));
    PetscCall(ISDestroy(&is));
    PetscCall(MatPartitioningDestroy(&tool));
    PetscCall(MatDestroy(&graph));
    PetscFunctionReturn(0);
}

/* Numbers the nodes rank by rank, in mesh order within each. */
static PetscErrorCode number(struct domain *d, const struct mesh *m, const PetscInt *part,
                             PetscInt *global)
{
    PetscInt *next;

    PetscFunctionBeginUser;
    PetscCall(PetscCalloc1(d->size + 1, &next));
    for (int i = 0; i < m->n_nodes; i++)
        next[part[i] + 1]++;
    d->n_own = next[d->rank + 1];
    for (PetscMPIInt r = 0; r < d->size; r++)
        next[r + 1] += next[r];
    d->first = next[d->rank];
    d->n_global = m->n_nodes;
    for (int i = 0; i < m->n_nodes; i++)
        global[i] = next[part[i]]++;
    PetscCall(PetscFree(next));
    PetscFunctionReturn(0);
}

static PetscMPIInt least_owner(const int *t, const PetscInt *part)
{
    PetscInt least = part[t[0]];

    for (int k = 1; k < 4; k++)
        least = PetscMin(least, part[t[k]]);
    return (PetscMPIInt)least;
}

static int touches(const int *t, const PetscInt *part, PetscMPIInt rank)
{
    return part[t[0]] == rank || part[t[1]] == rank || part[t[2]] == rank || part[t[3]] == rank;
}

/* local[i] becomes the local number of mesh node i, or -1. */
static PetscErrorCode choose_nodes(struct domain *d, const struct mesh *m, const PetscInt *part,
                                   const PetscInt *global, PetscInt *local)
{
    PetscInt n = d->n_own, *order;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc1(m->n_nodes, &order));
    for (int i = 0; i < m->n_nodes; i++) {
        local[i] = part[i] == d->rank ? 0 : -1;
        order[global[i]] = i;
    }
    for (int e = 0; e < m->n_tets; e++) {
        const int *t = &m->tet[4 * e];

        for (int k = 0; k < 4 && touches(t, part, d->rank); k++)
            if (local[t[k]] == -1) {
                local[t[k]] = 0;
                n++;
            }
    }
    d->n_local = n;
    PetscCall(PetscMalloc2(n, &d->global, n, &d->natural));
    for (PetscInt g = 0, own = 0, ghost = d->n_own; g < m->n_nodes; g++) {
        PetscInt i = order[g], l;

        if (local[i] == -1)
            continue;
        l = part[i] == d->rank ? own++ : ghost++;
        local[i] = l;
        d->global[l] = g;
        d->natural[l] = i;
    }
    PetscCall(PetscFree(order));
    PetscFunctionReturn(0);
}

static PetscErrorCode take_tets(struct domain *d, const struct mesh *m, const PetscInt *part,
                                const PetscInt *local)
{
    PetscInt n = 0;

    PetscFunctionBeginUser;
    for (int e = 0; e < m->n_tets; e++)
        n += touches(&m->tet[4 * e], part, d->rank);
    d->n_tets = n;
    PetscCall(PetscMalloc3(4 * n, &d->tet, n, &d->region, n, &d->owned_tet));
    n = 0;
    for (int e = 0; e < m->n_tets; e++) {
        const int *t = &m->tet[4 * e];

        if (!touches(t, part, d->rank))
            continue;
        for (int k = 0; k < 4; k++)
            d->tet[4 * n + k] = local[t[k]];
        d->region[n] = m->region[e];
        d->owned_tet[n++] = least_owner(t, part) == d->rank;
    }
    PetscFunctionReturn(0);
}

static PetscErrorCode take_nodes(struct domain *d, const struct mesh *m)
{
    unsigned char *silicon = mesh_calloc((size_t)m->n_nodes, 1);

    PetscFunctionBeginUser;
    for (int i = 0; i < 4 * m->n_tets; i++)
        if (m->region[i / 4] == REGION_SILICON)
            silicon[m->tet[i]] = 1;
    PetscCall(
        PetscMalloc3(3 * d->n_local, &d->xyz, d->n_local, &d->contact, d->n_local, &d->silicon));
    for (PetscInt i = 0; i < d->n_local; i++) {
        memcpy(&d->xyz[3 * i], &m->xyz[3 * d->natural[i]], 3 * sizeof(double));
        d->contact[i] = m->contact[d->natural[i]];
        d->silicon[i] = silicon[d->natural[i]];
    }
    free(silicon);
    PetscFunctionReturn(0);
}

static PetscErrorCode connect_ghosts(struct domain *d)
{
    PetscLayout layout;

    PetscFunctionBeginUser;
    PetscCall(PetscLayoutCreateFromSizes(d->comm, d->n_own, d->n_global, 1, &layout));
    PetscCall(PetscSFCreate(d->comm, &d->ghosts));
    PetscCall(PetscSFSetGraphLayout(d->ghosts, layout, d->n_local - d->n_own, NULL,
                                    PETSC_OWN_POINTER, d->global + d->n_own));
    PetscCall(PetscSFSetUp(d->ghosts));
    PetscCall(PetscLayoutDestroy(&layout));
    PetscFunctionReturn(0);
}

PetscErrorCode domain_new(MPI_Comm comm, const struct mesh *m, struct domain *ret)
{
    PetscInt *part, *global, *local;

    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    ret->comm = comm;
    ret->factor = m->factor;
    PetscCallMPI(MPI_Comm_rank(comm, &ret->rank));
    PetscCallMPI(MPI_Comm_size(comm, &ret->size));
    PetscCall(PetscCalloc3(m->n_nodes, &part, m->n_nodes, &global, m->n_nodes, &local));
    if (ret->size > 1)
        PetscCall(partition(comm, ret->rank, ret->size, m, part));
    PetscCall(number(ret, m, part, global));
    PetscCall(choose_nodes(ret, m, part, global, local));
    PetscCall(take_tets(ret, m, part, local));
    PetscCall(take_nodes(ret, m));
    PetscCall(connect_ghosts(ret));
    PetscCall(PetscFree3(part, global, local));
    PetscFunctionReturn(0);
}

PetscErrorCode domain_free(struct domain *d)
{
    PetscFunctionBeginUser;
    PetscCall(PetscFree2(d->global, d->natural));
    PetscCall(PetscFree3(d->tet, d->region, d->owned_tet));
    PetscCall(PetscFree3(d->xyz, d->contact, d->silicon));
    PetscCall(PetscSFDestroy(&d->ghosts));
    PetscFunctionReturn(0);
}

PetscErrorCode domain_update(const struct domain *d, double *nodal)
{
    PetscFunctionBeginUser;
    PetscCall(PetscSFBcastBegin(d->ghosts, MPIU_REAL, nodal, nodal + d->n_own, MPI_REPLACE));
    PetscCall(PetscSFBcastEnd(d->ghosts, MPIU_REAL, nodal, nodal + d->n_own, MPI_REPLACE));
    PetscFunctionReturn(0);
}

static double reduce(const struct domain *d, double x, MPI_Op op)
{
    double all = x;

    PetscCallAbort(d->comm, MPI_Allreduce(&x, &all, 1, MPI_DOUBLE, op, d->comm));
    return all;
}

double domain_sum(const struct domain *d, double x)
{
    return reduce(d, x, MPI_SUM);
}

double domain_max(const struct domain *d, double x)
{
    return reduce(d, x, MPI_MAX);
}

PetscErrorCode domain_gather(const struct domain *d, const double *nodal, double *ret)
{
    PetscInt n = d->rank == 0 ? d->n_global : 0, *from;
    PetscLayout layout;
    PetscSF all;

    PetscFunctionBeginUser;
    /* Each rank sends (mesh number, value): one forest for the pair of arrays in PETSc's order. */
    double *value, *where, *mine;
    PetscCall(PetscMalloc4(n, &from, n, &value, n, &where, d->n_own, &mine));
    for (PetscInt i = 0; i < n; i++)
        from[i] = i;
    for (PetscInt i = 0; i < d->n_own; i++)
        mine[i] = d->natural[i];
    PetscCall(PetscLayoutCreateFromSizes(d->comm, d->n_own, d->n_global, 1, &layout));
    PetscCall(PetscSFCreate(d->comm, &all));
    PetscCall(PetscSFSetGraphLayout(all, layout, n, NULL, PETSC_OWN_POINTER, from));
    PetscCall(PetscSFBcastBegin(all, MPIU_REAL, nodal, value, MPI_REPLACE));
    PetscCall(PetscSFBcastEnd(all, MPIU_REAL, nodal, value, MPI_REPLACE));
    PetscCall(PetscSFBcastBegin(all, MPIU_REAL, mine, where, MPI_REPLACE));
    PetscCall(PetscSFBcastEnd(all, MPIU_REAL, mine, where, MPI_REPLACE));
    for (PetscInt i = 0; i < n; i++)
        ret[(PetscInt)where[i]] = value[i];
    PetscCall(PetscSFDestroy(&all));
    PetscCall(PetscLayoutDestroy(&layout));
    PetscCall(PetscFree4(from, value, where, mine));
    PetscFunctionReturn(0);
}

void domain_spread(const struct domain *d, const double *all, double *nodal)
{
    for (PetscInt i = 0; i < d->n_local; i++)
        nodal[i] = all[d->natural[i]];
}

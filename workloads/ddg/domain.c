// SPDX-License-Identifier: LGPL-2.1-or-later
// Distribution of the mesh. Meshes come from a generator or one file, both of which every rank can
// read whole; so each rank takes its part out of its own copy, and only the partition is
// communicated.
#include "domain.h"

#include "order.h"
#include "partition.h"

#include <string.h>

/* Numbers the nodes rank by rank, in the given order of the whole within each, or backwards on odd
 * ranks. A subdomain has its copies of other ranks' nodes behind its own: between two ranks they go
 * on in that order, without which incomplete factors need 4 % more iterations. */
static PetscErrorCode number(struct domain *d, const struct mesh *m, const PetscInt *part,
                             const PetscInt *order, PetscInt *global)
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
        if (part[order[i]] % 2 == 0)
            global[order[i]] = next[part[order[i]]]++;
    for (int i = m->n_nodes - 1; i >= 0; i--)
        if (part[order[i]] % 2 == 1)
            global[order[i]] = next[part[order[i]]]++;
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

/* Cuts and order take the whole mesh: one rank makes each, at the same time, for all. */
static PetscErrorCode cut_and_order(const struct domain *d, const struct mesh *m, PetscInt *part,
                                    PetscInt *order)
{
    const PetscMPIInt cutter = d->size - 1;

    PetscFunctionBeginUser;
    if (d->rank == cutter && d->size > 1)
        PetscCall(partition_new(m, d->size, part));
    if (d->rank == 0)
        PetscCall(order_new(m, order));
    PetscCallMPI(MPI_Bcast(part, m->n_nodes, MPIU_INT, cutter, d->comm));
    PetscCallMPI(MPI_Bcast(order, m->n_nodes, MPIU_INT, 0, d->comm));
    PetscFunctionReturn(0);
}

PetscErrorCode domain_new(MPI_Comm comm, const struct mesh *m, struct domain *ret)
{
    PetscInt *part, *order, *global, *local;

    PetscFunctionBeginUser;
    memset(ret, 0, sizeof(*ret));
    ret->comm = comm;
    ret->factor = m->factor;
    PetscCallMPI(MPI_Comm_rank(comm, &ret->rank));
    PetscCallMPI(MPI_Comm_size(comm, &ret->size));
    PetscCall(PetscCalloc4(m->n_nodes, &part, m->n_nodes, &order, m->n_nodes, &global, m->n_nodes,
                           &local));
    PetscCall(cut_and_order(ret, m, part, order));
    PetscCall(number(ret, m, part, order, global));
    PetscCall(choose_nodes(ret, m, part, global, local));
    PetscCall(take_tets(ret, m, part, local));
    PetscCall(take_nodes(ret, m));
    PetscCall(connect_ghosts(ret));
    PetscCall(PetscFree4(part, order, global, local));
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

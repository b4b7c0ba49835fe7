// SPDX-License-Identifier: LGPL-2.1-or-later
// What every mesh must be, wherever it comes from.
#include "mesh.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const contact_names[CONTACTS] = {"none", "source", "drain", "gate", "body"};

const char *mesh_contact_name(int contact)
{
    return contact_names[contact];
}

void *mesh_calloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);

    if (!p) {
        fprintf(stderr, "cpulift-ddg: mesh: no memory for %zu items; use a coarser mesh\n", n);
        abort();
    }
    return p;
}

void mesh_alloc(struct mesh *m, int n_nodes, int n_tets)
{
    m->n_nodes = n_nodes;
    m->n_tets = n_tets;
    m->xyz = mesh_calloc(3 * (size_t)n_nodes, sizeof(double));
    m->tet = mesh_calloc(4 * (size_t)n_tets, sizeof(int));
    m->region = mesh_calloc((size_t)n_tets, 1);
    m->contact = mesh_calloc((size_t)n_nodes, 1);
    m->factor = 1;
}

void mesh_free(struct mesh *m)
{
    free(m->xyz);
    free(m->tet);
    free(m->region);
    free(m->contact);
    memset(m, 0, sizeof(*m));
}

double mesh_volume6(const double *xyz, const int *t)
{
    double a[3], b[3], c[3];

    for (int k = 0; k < 3; k++) {
        a[k] = xyz[3 * t[1] + k] - xyz[3 * t[0] + k];
        b[k] = xyz[3 * t[2] + k] - xyz[3 * t[0] + k];
        c[k] = xyz[3 * t[3] + k] - xyz[3 * t[0] + k];
    }
    return a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) +
           a[2] * (b[0] * c[1] - b[1] * c[0]);
}

static double longest_edge(const double *xyz, const int *t)
{
    double longest = 0;

    for (int a = 0; a < 3; a++)
        for (int b = a + 1; b < 4; b++) {
            const double *p = &xyz[3 * t[a]], *q = &xyz[3 * t[b]];

            longest = fmax(longest, hypot(hypot(p[0] - q[0], p[1] - q[1]), p[2] - q[2]));
        }
    return longest;
}

static int check_tets(struct mesh *m, struct ddg_error *err)
{
    for (int i = 0; i < m->n_tets; i++) {
        int *t = &m->tet[4 * i];
        double v;

        for (int k = 0; k < 4; k++)
            if (t[k] < 0 || t[k] >= m->n_nodes)
                return ddg_refuse(err,
                                  "mesh: tetrahedron %d names node %d of %d; the mesh is broken",
                                  i + 1, t[k] + 1, m->n_nodes);
        v = mesh_volume6(m->xyz, t);
        if (!(fabs(v) > 1e-12 * pow(longest_edge(m->xyz, t), 3)))
            return ddg_refuse(err, "mesh: tetrahedron %d is flat (volume %g nm^3); mesh it again",
                              i + 1, v / 6);
        if (v < 0) {
            int swap = t[2];

            t[2] = t[3];
            t[3] = swap;
        }
    }
    return 0;
}

/* Nodes by what touches them: bit 0 silicon, bit 1 oxide. */
static unsigned char *touching(const struct mesh *m)
{
    unsigned char *touch = mesh_calloc((size_t)m->n_nodes, 1);

    for (int i = 0; i < 4 * m->n_tets; i++)
        touch[m->tet[i]] |= (unsigned char)(1 << m->region[i / 4]);
    return touch;
}

static int check_nodes(struct mesh *m, const unsigned char *touch, struct ddg_error *err)
{
    for (int i = 0; i < m->n_nodes; i++) {
        if (!touch[i])
            return ddg_refuse(err, "mesh: node %d belongs to no tetrahedron; the mesh is broken",
                              i + 1);
        if (m->contact[i] == CONTACT_GATE && touch[i] == 1 << REGION_SILICON)
            return ddg_refuse(err,
                              "mesh: the gate touches bare silicon at node %d; put oxide "
                              "between them",
                              i + 1);
    }
    return 0;
}

int mesh_check(struct mesh *m, struct ddg_error *err)
{
    unsigned char *touch;
    int ret = 0;

    if (m->n_tets < 1)
        return ddg_refuse(err, "mesh: no tetrahedra; mesh the volume");
    ret = check_tets(m, err);
    if (ret < 0)
        return ret;
    touch = touching(m);
    ret = check_nodes(m, touch, err);
    free(touch);
    return ret;
}

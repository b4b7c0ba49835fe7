// SPDX-License-Identifier: LGPL-2.1-or-later
// Tensor grids cut into Kuhn tetrahedra: six per brick, one for each order of the three axes. Their
// diagonals carry no coupling on a rectangular grid, so the matrices stay M-matrices with 7
// entries.
#include "mesh.h"

#include <math.h>
#include <stdlib.h>

static const unsigned char axis_order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                               {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

void grid_free(struct grid *g)
{
    for (int a = 0; a < 3; a++) {
        free(g->line[a]);
        g->line[a] = NULL;
    }
}

static int node_at(const struct grid *g, const int c[3])
{
    return (c[0] * (g->n[1] + 1) + c[1]) * (g->n[2] + 1) + c[2];
}

static int contact_at(const struct grid *g, const int c[3])
{
    double x = g->line[0][c[0]], slack = 1e-6;
    unsigned faces = 0;

    if (c[0] == 0 && g->end_contacts[0])
        return g->end_contacts[0];
    if (c[0] == g->n[0] && g->end_contacts[1])
        return g->end_contacts[1];
    if (c[2] == 0 && g->bottom_contact)
        return g->bottom_contact;
    faces |= c[1] == 0 ? FACE_Y_MIN : 0U;
    faces |= c[1] == g->n[1] ? FACE_Y_MAX : 0U;
    faces |= c[2] == 0 ? FACE_Z_MIN : 0U;
    faces |= c[2] == g->n[2] ? FACE_Z_MAX : 0U;
    if ((faces & g->gate_faces) && x >= g->gate[0] - slack && x <= g->gate[1] + slack)
        return CONTACT_GATE;
    return CONTACT_NONE;
}

static void place_nodes(const struct grid *g, const struct params *p, struct mesh *m)
{
    int c[3];

    for (c[0] = 0; c[0] <= g->n[0]; c[0]++)
        for (c[1] = 0; c[1] <= g->n[1]; c[1]++)
            for (c[2] = 0; c[2] <= g->n[2]; c[2]++) {
                int i = node_at(g, c);

                for (int a = 0; a < 3; a++)
                    m->xyz[3 * i + a] = g->line[a][c[a]];
                if (g->map)
                    g->map(p, &m->xyz[3 * i]);
                m->contact[i] = (signed char)contact_at(g, c);
            }
}

static int is_silicon(const struct grid *g, const int c[3])
{
    for (int a = 0; a < 3; a++)
        if (c[a] < g->silicon[a][0] || c[a] >= g->silicon[a][1])
            return 0;
    return 1;
}

/* In mirrored grids the diagonal of each section cell runs from the centre outwards: otherwise the
 * cell at the corner of the square, which an ellipse flattens, would have a flat tetrahedron. */
static int is_flipped(const struct grid *g, const int c[3])
{
    double y = g->line[1][c[1]] + g->line[1][c[1] + 1], z = g->line[2][c[2]] + g->line[2][c[2] + 1];

    return g->mirrored && y * z < 0;
}

static void cut_cell(const struct grid *g, const int cell[3], struct mesh *m, int first)
{
    int flip = is_flipped(g, cell);

    for (int o = 0; o < 6; o++) {
        int c[3] = {cell[0], cell[1] + flip, cell[2]}, *t = &m->tet[4 * (first + o)];

        t[0] = node_at(g, c);
        for (int s = 0; s < 3; s++) {
            int axis = axis_order[o][s];

            c[axis] += axis == 1 && flip ? -1 : 1;
            t[s + 1] = node_at(g, c);
        }
        m->region[first + o] = is_silicon(g, cell) ? REGION_SILICON : REGION_OXIDE;
    }
}

void grid_mesh(const struct grid *g, const struct params *p, struct mesh *ret)
{
    int c[3], first = 0;

    mesh_alloc(ret, (g->n[0] + 1) * (g->n[1] + 1) * (g->n[2] + 1), 6 * g->n[0] * g->n[1] * g->n[2]);
    place_nodes(g, p, ret);
    for (c[0] = 0; c[0] < g->n[0]; c[0]++)
        for (c[1] = 0; c[1] < g->n[1]; c[1]++)
            for (c[2] = 0; c[2] < g->n[2]; c[2]++) {
                cut_cell(g, c, ret, first);
                first += 6;
            }
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Grid lines of transistors along x.
#include "mesh.h"

#include <math.h>

static double device_length(const struct params *p)
{
    return p->source_length + p->gate_length + p->drain_length;
}

static void move_nearest(double *x, int n, double to)
{
    int best = 0;

    for (int i = 1; i <= n; i++)
        if (fabs(x[i] - to) < fabs(x[best] - to))
            best = i;
    x[best] = to;
}

/* Equal cells, the line nearest to each gate edge moved onto it: the mesh that the stored figures
 * of the reference device were computed on. */
static void reference(const struct params *p, const double gate[2], double *ret)
{
    for (int i = 0; i <= p->nx; i++)
        ret[i] = device_length(p) * i / p->nx;
    move_nearest(ret, p->nx, gate[0]);
    move_nearest(ret, p->nx, gate[1]);
}

/* Sizes of cells against those at the gate edges: equal up to `level` from an edge under the gate,
 * where the barrier bends and the current hangs on it; from there on, and from the edges outwards,
 * growing by one size per `growth` up to `most`. docs/decisions/0011 has what was tried. */
static const double level = 8, growth = 3, most = 6; /* nm, nm, 1 */

/* Cells within a distance over which they grow, in units of those at a gate edge. */
static double growing(double distance)
{
    double part = fmin(distance, (most - 1) * growth);

    return growth * log1p(part / growth) + (distance - part) / most;
}

/* Cells from a gate edge to a distance under the gate. */
static double level_then_growing(double distance)
{
    return fmin(distance, level) + growing(fmax(distance - level, 0));
}

/* Cells from x = 0 to x. */
static double cells_before(const double gate[2], double x)
{
    double half = (gate[1] - gate[0]) / 2, at = growing(gate[0]);

    if (x <= gate[0])
        return at - growing(gate[0] - x);
    if (x <= gate[0] + half)
        return at + level_then_growing(x - gate[0]);
    at += 2 * level_then_growing(half);
    return x <= gate[1] ? at - level_then_growing(gate[1] - x) : at + growing(x - gate[1]);
}

/* n cells from one line to another: ret[0] ... ret[n]. */
static void fill(const double gate[2], double from, double to, int n, double *ret)
{
    double first = cells_before(gate, from), last = cells_before(gate, to);

    ret[0] = from;
    ret[n] = to;
    for (int i = 1; i < n; i++) {
        double wanted = first + (last - first) * i / n, lo = from, hi = to;

        for (int step = 0; step < 60; step++) {
            double middle = 0.5 * (lo + hi);

            if (cells_before(gate, middle) < wanted)
                lo = middle;
            else
                hi = middle;
        }
        ret[i] = 0.5 * (lo + hi);
    }
}

/* Each interval that is one gets a cell, the others go one by one to where cells are largest. */
static void share_cells(const double gate[2], const double mark[4], int cells, int ret[3])
{
    double size[3];

    for (int i = 0; i < 3; i++) {
        size[i] = cells_before(gate, mark[i + 1]) - cells_before(gate, mark[i]);
        ret[i] = size[i] > 0;
        cells -= ret[i];
    }
    while (cells-- > 0) {
        int best = 0;

        for (int i = 1; i < 3; i++)
            if (size[i] / (ret[i] + 0.5) > size[best] / (ret[best] + 0.5) * (1 + 1e-9))
                best = i;
        ret[best]++;
    }
}

static void fitted(const struct params *p, const double gate[2], double *ret)
{
    const double mark[4] = {0, gate[0], gate[1], device_length(p)};
    int cells[3];

    share_cells(gate, mark, p->nx, cells);
    for (int i = 0; i < 3; ret += cells[i++])
        fill(gate, mark[i], mark[i + 1], cells[i], ret);
}

void lines_transistor(const struct params *p, const double gate[2], double *ret)
{
    if (p->grid == GRID_REFERENCE)
        reference(p, gate, ret);
    else
        fitted(p, gate, ret);
}

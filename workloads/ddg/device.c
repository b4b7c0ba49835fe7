// SPDX-License-Identifier: LGPL-2.1-or-later
// The devices that are meshed here: fins, elliptic wires, bars, MOS columns.
#include "import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Positions 0 ... length of n cells, each `ratio` times smaller than the one before. */
static void graded(double *x, double length, int n, double ratio)
{
    double size = 1, sum = 0;

    x[0] = 0;
    for (int i = 0; i < n; i++, size /= ratio)
        x[i + 1] = sum += size;
    for (int i = 1; i <= n; i++)
        x[i] *= length / sum;
}

/* Silicon half width in n graded cells, then the oxide in nox equal ones; from the middle outwards.
 */
static double *half_lines(double silicon, int n, double ratio, double oxide, int nox)
{
    double *x = mesh_calloc((size_t)(n + nox) + 1, sizeof(double));

    graded(x, silicon, n, ratio);
    for (int i = 1; i <= nox; i++)
        x[n + i] = silicon + oxide * i / nox;
    return x;
}

/* Mirrors half lines to both sides of 0: 2 n + 1 lines from n + 1. */
static double *mirror_lines(double *half, int n)
{
    double *x = mesh_calloc(2 * (size_t)n + 1, sizeof(double));

    for (int i = 0; i <= n; i++) {
        x[n + i] = half[i];
        x[n - i] = -half[i];
    }
    free(half);
    return x;
}

static void set_axis(struct grid *g, int axis, double *lines, int n, int n_silicon, int mirror)
{
    g->line[axis] = mirror ? mirror_lines(lines, n) : lines;
    g->n[axis] = mirror ? 2 * n : n;
    g->silicon[axis][0] = mirror ? n - n_silicon : 0;
    g->silicon[axis][1] = mirror ? n + n_silicon : n_silicon;
}

/* Source, gate and drain along x. */
static int transistor_axis(struct grid *g, const struct params *p, struct ddg_error *err)
{
    double *x = mesh_calloc((size_t)p->nx + 1, sizeof(double));

    g->gate[0] = p->source_length + p->gate_shift;
    g->gate[1] = g->gate[0] + p->gate_length;
    lines_transistor(p, g->gate, x);
    set_axis(g, 0, x, p->nx, p->nx, 0);
    g->end_contacts[0] = CONTACT_SOURCE;
    g->end_contacts[1] = CONTACT_DRAIN;
    for (int i = 0; i < p->nx; i++)
        if (!(x[i + 1] > x[i]))
            return ddg_refuse(err,
                              "parameter 'nx': %d cells cannot resolve the gate edges at %g "
                              "and %g nm; use more",
                              p->nx, g->gate[0], g->gate[1]);
    return 0;
}

static int finfet(struct grid *g, const struct params *p, struct mesh *m, struct ddg_error *err)
{
    double t = p->oxide_thickness;
    int mirror = !p->symmetry;

    if (transistor_axis(g, p, err) < 0)
        return -1;
    set_axis(g, 1, half_lines(p->width / 2, p->ny, p->ratio_y, t, p->nox), p->ny + p->nox, p->ny,
             mirror);
    set_axis(g, 2, half_lines(p->height, p->nz, p->ratio_z, t, p->nox), p->nz + p->nox, p->nz, 0);
    g->gate_faces = FACE_Y_MAX | FACE_Z_MAX | (mirror ? FACE_Y_MIN : 0U);
    grid_mesh(g, p, m);
    m->factor = mirror ? 1 : 2;
    return 0;
}

/* From the square of the wire's section grid to the ellipse: squares in the middle, circles from
 * the surface (|u| or |v| = 1) outwards; beyond 1 the distance counts oxide thicknesses. */
static void map_wire(const struct params *p, double *point)
{
    const double core = 0.8; /* size of the middle square against the circle: cells stay even */
    double u = point[1], v = point[2], s = fmax(fabs(u), fabs(v)), inner, cy, cz;
    double ry = p->width / 2, rz = p->height / 2;

    if (s == 0)
        return;
    if (fabs(u) >= fabs(v)) {
        cy = copysign(cos(M_PI / 4 * v / u), u);
        cz = copysign(sin(M_PI / 4 * fabs(v / u)), v);
    } else {
        cz = copysign(cos(M_PI / 4 * u / v), v);
        cy = copysign(sin(M_PI / 4 * fabs(u / v)), u);
    }
    inner = fmin(s, 1);
    point[1] = ry * (core * (1 - inner) * u + inner * inner * cy);
    point[2] = rz * (core * (1 - inner) * v + inner * inner * cz);
    if (s > 1) {
        point[1] += (s - 1) * p->oxide_thickness * cy;
        point[2] += (s - 1) * p->oxide_thickness * cz;
    }
}

static int nanowire(struct grid *g, const struct params *p, struct mesh *m, struct ddg_error *err)
{
    int mirror = !p->symmetry;

    if (transistor_axis(g, p, err) < 0)
        return -1;
    set_axis(g, 1, half_lines(1, p->ny, p->ratio_y, 1, p->nox), p->ny + p->nox, p->ny, mirror);
    set_axis(g, 2, half_lines(1, p->nz, p->ratio_z, 1, p->nox), p->nz + p->nox, p->nz, mirror);
    g->gate_faces = FACE_Y_MAX | FACE_Z_MAX | (mirror ? FACE_Y_MIN | FACE_Z_MIN : 0U);
    g->map = map_wire;
    g->mirrored = mirror;
    grid_mesh(g, p, m);
    m->factor = mirror ? 1 : 4;
    return 0;
}

/* Cells shrink from both ends to the middle, where a junction may be. */
static double *bar_lines(const struct params *p)
{
    int half = p->nx / 2;
    double *x;

    if (p->nx % 2 || p->ratio_x == 1)
        return half_lines(p->length, p->nx, p->nx % 2 ? 1 : p->ratio_x, 0, 0);
    x = mesh_calloc((size_t)p->nx + 1, sizeof(double));
    graded(x, p->length / 2, half, p->ratio_x);
    for (int i = 0; i <= half; i++)
        x[p->nx - i] = p->length - x[i];
    return x;
}

static int bar(struct grid *g, const struct params *p, struct mesh *m, struct ddg_error *err)
{
    (void)err;
    set_axis(g, 0, bar_lines(p), p->nx, p->nx, 0);
    set_axis(g, 1, half_lines(p->width, p->ny, 1, 0, 0), p->ny, p->ny, 0);
    set_axis(g, 2, half_lines(p->height, p->nz, 1, 0, 0), p->nz, p->nz, 0);
    g->end_contacts[0] = CONTACT_SOURCE;
    g->end_contacts[1] = CONTACT_DRAIN;
    grid_mesh(g, p, m);
    return 0;
}

static int mos(struct grid *g, const struct params *p, struct mesh *m, struct ddg_error *err)
{
    (void)err;
    set_axis(g, 0, half_lines(p->length, p->nx, 1, 0, 0), p->nx, p->nx, 0);
    set_axis(g, 1, half_lines(p->width, p->ny, 1, 0, 0), p->ny, p->ny, 0);
    set_axis(g, 2, half_lines(p->height, p->nz, p->ratio_z, p->oxide_thickness, p->nox),
             p->nz + p->nox, p->nz, 0);
    g->bottom_contact = CONTACT_BODY;
    g->gate_faces = FACE_Z_MAX;
    g->gate[1] = p->length;
    grid_mesh(g, p, m);
    return 0;
}

typedef int (*mesher)(struct grid *, const struct params *, struct mesh *, struct ddg_error *);
static const mesher meshers[] = {
    [DEVICE_FINFET] = finfet, [DEVICE_NANOWIRE] = nanowire, [DEVICE_BAR] = bar, [DEVICE_MOS] = mos};

/* 6 tetrahedra per cell must be countable in 32 bits. */
static int check_size(const struct params *p, struct ddg_error *err)
{
    double y = 2.0 * (p->ny + p->nox), z = 2.0 * (p->nz + p->nox);

    if (24.0 * p->nx * y * z > 2e9)
        return ddg_refuse(err,
                          "parameters 'nx', 'ny', 'nz': %d x %d x %d cells are too many; use "
                          "fewer",
                          p->nx, p->ny, p->nz);
    return 0;
}

int mesh_new(const struct params *p, struct mesh *ret, struct ddg_error *err)
{
    struct grid g;
    int status = 0;

    memset(ret, 0, sizeof(*ret));
    memset(&g, 0, sizeof(g));
    if (p->device == DEVICE_GMSH) {
        status = gmsh_load(p->mesh_file, ret, err);
        ret->factor = p->multiplicity;
    } else {
        status = check_size(p, err);
        if (status == 0)
            status = meshers[p->device](&g, p, ret, err);
        grid_free(&g);
    }
    if (status == 0)
        status = mesh_check(ret, err);
    if (status == 0 && p->device == DEVICE_GMSH)
        status = import_check(ret, p->mesh_file, err);
    if (status < 0)
        mesh_free(ret);
    return status;
}

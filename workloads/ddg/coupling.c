// SPDX-License-Identifier: LGPL-2.1-or-later
// Edge couplings of one tetrahedron: P1 finite elements, or the faces of Voronoi boxes.
#include "coupling.h"

#include <math.h>
#include <string.h>

const unsigned char graph_pair[6][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};
static const unsigned char opposite[6][2] = {{2, 3}, {3, 1}, {1, 2}, {0, 3}, {2, 0}, {0, 1}};

static void sub(const double *a, const double *b, double *ret)
{
    for (int k = 0; k < 3; k++)
        ret[k] = a[k] - b[k];
}

static void cross(const double *a, const double *b, double *ret)
{
    ret[0] = a[1] * b[2] - a[2] * b[1];
    ret[1] = a[2] * b[0] - a[0] * b[2];
    ret[2] = a[0] * b[1] - a[1] * b[0];
}

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void gradients(double x[4][3], struct tet_shape *s)
{
    double e1[3], e2[3], e3[3], det;

    sub(x[1], x[0], e1);
    sub(x[2], x[0], e2);
    sub(x[3], x[0], e3);
    cross(e2, e3, s->grad[1]);
    cross(e3, e1, s->grad[2]);
    cross(e1, e2, s->grad[3]);
    det = dot(e1, s->grad[1]);
    s->volume = det / 6;
    for (int k = 0; k < 3; k++) {
        for (int i = 1; i < 4; i++)
            s->grad[i][k] /= det;
        s->grad[0][k] = -s->grad[1][k] - s->grad[2][k] - s->grad[3][k];
    }
}

/* Circumcentre, relative to the first node. */
static void centre_tet(double x[4][3], const struct tet_shape *s, double *ret)
{
    /* sum of grad_i |x_i - x_0|^2 / 2: solves (x_i - x_0) . c = |x_i - x_0|^2 / 2 */
    memset(ret, 0, 3 * sizeof(double));
    for (int i = 1; i < 4; i++) {
        double e[3], half;

        sub(x[i], x[0], e);
        half = 0.5 * dot(e, e);
        for (int k = 0; k < 3; k++)
            ret[k] += s->grad[i][k] * half;
    }
    for (int k = 0; k < 3; k++)
        ret[k] += x[0][k];
}

static void centre_triangle(const double *p, const double *q, const double *r, double *ret)
{
    double u[3], v[3], n[3], t1[3], t2[3], uu, vv, nn;

    sub(q, p, u);
    sub(r, p, v);
    cross(u, v, n);
    uu = dot(u, u);
    vv = dot(v, v);
    nn = dot(n, n);
    cross(v, n, t1);
    cross(n, u, t2);
    for (int k = 0; k < 3; k++)
        ret[k] = p[k] + (uu * t1[k] + vv * t2[k]) / (2 * nn);
}

/* Signed area of the Voronoi face of edge k inside the tetrahedron. */
static double box_face(double x[4][3], const double *centre, int k, const double *edge)
{
    const double *i = x[graph_pair[k][0]], *j = x[graph_pair[k][1]];
    const double *p = x[opposite[k][0]], *q = x[opposite[k][1]];
    double mid[3], fp[3], fq[3], c[3], n1[3], n2[3], area = 0;

    for (int a = 0; a < 3; a++)
        mid[a] = 0.5 * (i[a] + j[a]);
    centre_triangle(i, j, p, fp);
    centre_triangle(i, j, q, fq);
    sub(fp, mid, fp);
    sub(fq, mid, fq);
    sub(centre, mid, c);
    cross(fp, c, n1);
    cross(c, fq, n2);
    for (int a = 0; a < 3; a++)
        area += 0.5 * (n1[a] + n2[a]) * edge[a];
    return area / sqrt(dot(edge, edge));
}

static void shape_box(double x[4][3], struct tet_shape *s)
{
    double centre[3];

    centre_tet(x, s, centre);
    memset(s->part, 0, sizeof(s->part));
    for (int k = 0; k < 6; k++) {
        double edge[3], length, area;

        sub(x[graph_pair[k][1]], x[graph_pair[k][0]], edge);
        length = sqrt(dot(edge, edge));
        area = box_face(x, centre, k, edge);
        s->coupling[k] = area / length;
        for (int a = 0; a < 3; a++)
            s->dir2[k][a] = edge[a] * edge[a] / (length * length);
        s->part[graph_pair[k][0]] += area * length / 6;
        s->part[graph_pair[k][1]] += area * length / 6;
    }
}

static void shape_fe(struct tet_shape *s)
{
    for (int k = 0; k < 6; k++)
        s->coupling[k] = -s->volume * dot(s->grad[graph_pair[k][0]], s->grad[graph_pair[k][1]]);
    for (int i = 0; i < 4; i++)
        s->part[i] = s->volume / 4;
}

void coupling_shape(const double *xyz, const PetscInt *t, int scheme, struct tet_shape *ret)
{
    double x[4][3];

    for (int i = 0; i < 4; i++)
        memcpy(x[i], &xyz[3 * t[i]], sizeof(x[i]));
    gradients(x, ret);
    if (scheme == SCHEME_BOX)
        shape_box(x, ret);
    else
        shape_fe(ret);
}

double coupling_tensor(const struct tet_shape *s, int scheme, int k, const double *b)
{
    const double *gi = s->grad[graph_pair[k][0]], *gj = s->grad[graph_pair[k][1]];

    if (scheme == SCHEME_BOX)
        return s->coupling[k] * dot(b, s->dir2[k]);
    return -s->volume * (b[0] * gi[0] * gj[0] + b[1] * gi[1] * gj[1] + b[2] * gi[2] * gj[2]);
}

void coupling_triangle(const double *x, const double *y, const double *z, double *ret)
{
    double u[3], v[3], w[3], n[3], area, cosine[3], cot[3];

    sub(y, x, u);
    sub(z, y, v);
    sub(x, z, w);
    cross(u, v, n);
    area = 0.5 * sqrt(dot(n, n));
    cosine[0] = -dot(w, u);
    cosine[1] = -dot(u, v);
    cosine[2] = -dot(v, w);
    for (int i = 0; i < 3; i++) {
        cot[i] = cosine[i] / (2 * area);
        ret[i] = area / 4;
    }
    for (int i = 0; i < 3; i++)
        if (cosine[i] < -1e-9 * area) {
            ret[i] = area / 2;
            return;
        }
    ret[0] = (dot(u, u) * cot[2] + dot(w, w) * cot[1]) / 8;
    ret[1] = (dot(u, u) * cot[2] + dot(v, v) * cot[0]) / 8;
    ret[2] = (dot(v, v) * cot[0] + dot(w, w) * cot[1]) / 8;
}

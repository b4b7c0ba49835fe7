// SPDX-License-Identifier: LGPL-2.1-or-later
// Manufactured solutions: psi, w and n are given functions, the right sides follow from the
// equations, and the errors must fall with order 2 (L2) and 1 (gradient) as the mesh is refined.
#include "problem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const double size[3] = {8, 7, 6}; /* nm */

/* Value, gradient and Laplacian of a + c cos(k x + s) cos(...) cos(...). */
struct jet {
    double v, g[3], lap;
};

static struct jet wave(const double *x, double base, double amplitude, double shift)
{
    struct jet j = {base, {0, 0, 0}, 0};
    double c[3], s[3], k[3];

    for (int a = 0; a < 3; a++) {
        k[a] = 2.0 / size[a];
        c[a] = cos(k[a] * x[a] + shift + a);
        s[a] = sin(k[a] * x[a] + shift + a);
    }
    j.v += amplitude * c[0] * c[1] * c[2];
    for (int a = 0; a < 3; a++) {
        j.g[a] = -amplitude * k[a] * s[a] * c[(a + 1) % 3] * c[(a + 2) % 3];
        j.lap -= amplitude * k[a] * k[a] * c[0] * c[1] * c[2];
    }
    return j;
}

static struct jet exact_psi(const double *x)
{
    return wave(x, 0.3, 0.2, 0.1);
}

static struct jet exact_w(const double *x)
{
    return wave(x, -0.5, 0.6, 0.7);
}

/* (psi - Lam) / vt of the continuity test. */
static struct jet exact_theta(const double *x)
{
    return wave(x, 1, 2, 0.4);
}

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void make_params(struct params *p, int cells, const char *scheme)
{
    struct ddg_error err;
    char number[8];

    snprintf(number, sizeof(number), "%d", cells);
    params_init(p);
    assert_int_equal(params_set(p, "device", "bar", &err), 0);
    assert_int_equal(params_set(p, "scheme", scheme, &err), 0);
    assert_int_equal(params_set(p, "nx", number, &err), 0);
    assert_int_equal(params_set(p, "ny", number, &err), 0);
    assert_int_equal(params_set(p, "nz", number, &err), 0);
    p->length = size[0];
    p->width = size[1];
    p->height = size[2];
    p->linear_rtol = 1e-8;
    p->mass_y = 0.5; /* anisotropic on purpose */
    p->mass_z = 0.2;
}

/* All of the surface is given. */
static void fix_surface(struct mesh *m)
{
    for (int i = 0; i < m->n_nodes; i++)
        for (int a = 0; a < 3; a++) {
            double x = m->xyz[3 * i + a];

            if (x < 1e-9 || x > size[a] - 1e-9)
                m->contact[i] = CONTACT_SOURCE;
        }
}

static void make_problem(struct params *p, struct problem *pb)
{
    struct ddg_error err = {""};
    struct mesh m;

    assert_int_equal(mesh_new(p, &m, &err), 0);
    fix_surface(&m);
    assert_int_equal(problem_new(PETSC_COMM_WORLD, p, &m, kernels_get(0), pb), 0);
}

struct errors {
    double l2[2], h1[2];
};

/* Norms of nodal values against a jet; index `k` of the errors. */
static void norms(const struct problem *pb, const double *u, struct jet (*exact)(const double *),
                  double *ret_l2, double *ret_h1)
{
    double l2 = 0, h1 = 0;

    for (PetscInt t = 0; t < pb->d.n_tets; t++) {
        const PetscInt *node = &pb->d.tet[4 * t];
        double centre[3] = {0, 0, 0};
        struct tet_shape s;
        struct jet j;

        coupling_shape(pb->d.xyz, node, SCHEME_FE, &s);
        for (int i = 0; i < 12; i++)
            centre[i % 3] += 0.25 * pb->d.xyz[3 * node[i / 3] + i % 3];
        j = exact(centre);
        for (int a = 0; a < 3; a++) {
            double g = 0;

            for (int i = 0; i < 4; i++)
                g += s.grad[i][a] * u[node[i]];
            h1 += s.volume * (g - j.g[a]) * (g - j.g[a]);
        }
        for (int i = 0; i < 4; i++)
            l2 += s.volume / 4 * pow(u[node[i]] - exact(&pb->d.xyz[3 * node[i]]).v, 2);
    }
    *ret_l2 = sqrt(l2);
    *ret_h1 = sqrt(h1);
}

static void pair_source(const struct problem *pb, double *f1, double *f2)
{
    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        const double *x = &pb->d.xyz[3 * i], v = pb->g.volume[i];
        struct jet psi = exact_psi(x), w = exact_w(x);
        double n = exp(2 * w.v), p = pb->md.ni * exp(-psi.v / pb->md.vt), dg = 0;

        for (int a = 0; a < 3; a++)
            dg -=
                pb->md.b[a] *
                (w.lap * (4 / (size[a] * size[a])) /
                     (4 / (size[0] * size[0]) + 4 / (size[1] * size[1]) + 4 / (size[2] * size[2])) +
                 w.g[a] * w.g[a]);
        f1[i] = v * (-pb->md.eps[0] * psi.lap - pb->md.charge * (p - n + pb->doping[i]));
        f2[i] = v * (dg - (psi.v - pb->phi[i] - pb->md.vt * (2 * w.v + pb->md.log_ns_ni)));
    }
}

static void solve_pair(int cells, const char *scheme, struct errors *ret)
{
    struct params p;
    struct problem pb;
    double *f, change;
    int ok;

    make_params(&p, cells, scheme);
    make_problem(&p, &pb);
    f = mesh_calloc(2 * (size_t)pb.d.n_own, sizeof(*f));
    for (PetscInt i = 0; i < pb.d.n_local; i++) {
        pb.phi[i] = 0.01 * pb.d.xyz[3 * i];
        pb.psi[i] = pb.fix_psi[i] ? exact_psi(&pb.d.xyz[3 * i]).v : 0.3;
        pb.w[i] = pb.fix_n[i] ? exact_w(&pb.d.xyz[3 * i]).v : -0.5;
    }
    pair_source(&pb, f, f + pb.d.n_own);
    pb.source[0] = f;
    pb.source[1] = f + pb.d.n_own;
    assert_int_equal(potential_solve(&pb, POTENTIAL_PAIR, 1e-9, &change, &ok), 0);
    assert_true(ok);
    norms(&pb, pb.psi, exact_psi, &ret->l2[0], &ret->h1[0]);
    norms(&pb, pb.w, exact_w, &ret->l2[1], &ret->h1[1]);
    free(f);
    assert_int_equal(problem_free(&pb), 0);
}

static void flux_source(const struct problem *pb, double *f)
{
    for (PetscInt i = 0; i < pb->d.n_own; i++) {
        const double *x = &pb->d.xyz[3 * i];
        struct jet w = exact_w(x), theta = exact_theta(x);
        double n = exp(2 * w.v), drift = 0, lap = n * (2 * w.lap + 4 * dot(w.g, w.g));

        drift = 2 * n * dot(w.g, theta.g) + n * theta.lap;
        f[i] = -pb->g.volume[i] * pb->p->mu * (lap - drift);
    }
}

/* Linear in n, but written in logarithms: a few passes reach the solution. */
static void solve_density(int cells, const char *scheme, struct errors *ret)
{
    struct params p;
    struct problem pb;
    double *f, change = 1;
    int ok = 1;

    make_params(&p, cells, scheme);
    make_problem(&p, &pb);
    f = mesh_calloc((size_t)pb.d.n_own, sizeof(*f));
    for (PetscInt i = 0; i < pb.d.n_local; i++) {
        const double *x = &pb.d.xyz[3 * i];

        pb.w[i] = exact_w(x).v + (pb.fix_n[i] ? 0 : 0.05);
        pb.phi[i] = pb.md.vt * (exact_theta(x).v - 2 * pb.w[i]);
    }
    flux_source(&pb, f);
    pb.source[2] = f;
    for (int pass = 0; pass < 20 && ok && change > 1e-11; pass++)
        assert_int_equal(density_solve(&pb, 1e-10, &change, &ok), 0);
    assert_true(ok && change <= 1e-11);
    norms(&pb, pb.w, exact_w, &ret->l2[0], &ret->h1[0]);
    free(f);
    assert_int_equal(problem_free(&pb), 0);
}

static void check_orders(void (*solve)(int, const char *, struct errors *), const char *scheme,
                         int fields)
{
    struct errors coarse, fine;

    solve(8, scheme, &coarse);
    solve(16, scheme, &fine);
    for (int k = 0; k < fields; k++) {
        double l2 = log2(coarse.l2[k] / fine.l2[k]), h1 = log2(coarse.h1[k] / fine.h1[k]);

        print_message("# %s field %d: L2 order %.3f, H1 order %.3f\n", scheme, k, l2, h1);
        assert_true(l2 > 1.9 && l2 < 2.3);
        assert_true(h1 > 0.95);
    }
}

static void test_pair_fe(void **state)
{
    (void)state;
    check_orders(solve_pair, "fe", 2);
}

static void test_pair_box(void **state)
{
    (void)state;
    check_orders(solve_pair, "box", 2);
}

static void test_density_fe(void **state)
{
    (void)state;
    check_orders(solve_density, "fe", 1);
}

static void test_density_box(void **state)
{
    (void)state;
    check_orders(solve_density, "box", 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pair_fe),
        cmocka_unit_test(test_pair_box),
        cmocka_unit_test(test_density_fe),
        cmocka_unit_test(test_density_box),
    };
    int failed;

    PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
    failed = cmocka_run_group_tests_name("ddg-mms", tests, NULL, NULL);
    PetscCall(PetscFinalize());
    return failed;
}

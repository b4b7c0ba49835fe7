// SPDX-License-Identifier: LGPL-2.1-or-later
// Vector code in the compilers' portable vector types, KERNEL_WIDTH doubles at a time.
#include "kernels.h"

#include <stdint.h>
#include <string.h>

#define CONCAT_(a, b) a##b
#define CONCAT(a, b)  CONCAT_(a, b)
#define STRING_(a)    #a
#define STRING(a)     STRING_(a)

enum { W = KERNEL_WIDTH };
typedef double vec __attribute__((vector_size(8 * KERNEL_WIDTH)));
typedef int64_t ivec __attribute__((vector_size(8 * KERNEL_WIDTH)));

extern const struct kernels CONCAT(kernels_, KERNEL_NAME);

static inline vec splat(double x)
{
    vec v = {0};

    return v + x;
}

static inline vec select(ivec mask, vec yes, vec no)
{
    return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
}

/* exp(x) - 1 = 2^k (e^r - 1) + (2^k - 1), |r| <= ln 2 / 2, Taylor to r^13: relative error near
 * 1e-16 at small x too. Arguments are cut off at +-708, where doubles end. */
static inline void exp_parts(vec x, vec *ret_small, vec *ret_scale)
{
    static const double coef[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0,
                                  1.0 / 3628800.0,    1.0 / 362880.0,    1.0 / 40320.0,
                                  1.0 / 5040.0,       1.0 / 720.0,       1.0 / 120.0,
                                  1.0 / 24.0,         1.0 / 6.0,         0.5};
    const double magic = 0x1.8p52; /* adding it leaves the rounded integer in the low bits */
    vec t, k, r, sum;

    x = select(x > 708, splat(708), x);
    x = select(x < -708, splat(-708), x);
    t = x * 0x1.71547652b82fep0 + magic;
    k = t - magic;
    r = x - k * 0x1.62e42fefa38p-1;
    r -= k * 0x1.ef35793c7673p-45;
    sum = splat(coef[0]);
    for (int i = 1; i < 12; i++)
        sum = sum * r + coef[i];
    *ret_small = r + r * r * sum;
    *ret_scale = (vec)((((ivec)t) << 52) + (INT64_C(1023) << 52));
}

static inline vec vec_exp(vec x)
{
    vec small, scale;

    exp_parts(x, &small, &scale);
    return scale + scale * small;
}

static inline vec vec_expm1(vec x)
{
    vec small, scale;

    exp_parts(x, &small, &scale);
    return scale * small + (scale - 1);
}

static inline vec load(const double *x)
{
    vec v;

    memcpy(&v, x, sizeof(v));
    return v;
}

static inline vec gather(const double *x, const int *index)
{
    vec v;

    for (int k = 0; k < W; k++)
        v[k] = x[index[k]];
    return v;
}

static inline void store(double *x, vec v)
{
    memcpy(x, &v, sizeof(v));
}

static void exponential(size_t n, double scale, const double *x, double *y)
{
    size_t i = 0;

    for (; i + W <= n; i += W)
        store(y + i, vec_exp(load(x + i) * scale));
    if (i < n) {
        double part[W] = {0};

        memcpy(part, x + i, (n - i) * sizeof(double));
        store(part, vec_exp(load(part) * scale));
        memcpy(y + i, part, (n - i) * sizeof(double));
    }
}

struct nodal {
    const double *phi, *w, *density, *r;
    double inverse_vt;
};

static inline void flux_block(const int *a, const int *b, vec g, const struct nodal *v,
                              double *flux, double *matrix)
{
    vec dphi = (gather(v->phi, b) - gather(v->phi, a)) * v->inverse_vt;
    vec delta = dphi + 2 * (gather(v->w, b) - gather(v->w, a));
    vec level = vec_expm1(delta), carrier;
    ivec zero = delta == 0;

    carrier =
        g * gather(v->density, b) * select(zero, splat(1), delta / select(zero, splat(1), level));
    store(flux, -carrier * vec_expm1(dphi));
    store(matrix, carrier * gather(v->r, a));
}

static void flux_edges(size_t n, const int *a, const int *b, const double *g, const double *phi,
                       const double *w, double inverse_vt, const double *density, const double *r,
                       double *flux, double *matrix)
{
    const struct nodal v = {phi, w, density, r, inverse_vt};
    size_t i = 0, rest;

    for (; i + W <= n; i += W)
        flux_block(a + i, b + i, load(g + i), &v, flux + i, matrix + i);
    rest = n - i;
    if (rest) {
        int pa[W], pb[W];
        double pg[W] = {0}, pf[W], pm[W];

        for (size_t k = 0; k < W; k++) {
            pa[k] = a[k < rest ? i + k : i];
            pb[k] = b[k < rest ? i + k : i];
        }
        memcpy(pg, g + i, rest * sizeof(double));
        flux_block(pa, pb, load(pg), &v, pf, pm);
        memcpy(flux + i, pf, rest * sizeof(double));
        memcpy(matrix + i, pm, rest * sizeof(double));
    }
}

const struct kernels CONCAT(kernels_, KERNEL_NAME) = {STRING(KERNEL_NAME), exponential, flux_edges};

// SPDX-License-Identifier: LGPL-2.1-or-later
// Every instruction set that this CPU has, against the C library.
#include "kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { N = 1003, MIDDLE = N / 2 }; /* no multiple of any vector width */

static void check_exponential(const struct kernels *k)
{
    double x[N], y[N];

    for (int i = 0; i < N; i++)
        x[i] = (i - MIDDLE) * 1.3;
    k->exponential(N, 1, x, y);
    for (int i = 0; i < N; i++) {
        double want = exp(fmax(-708, fmin(708, x[i])));

        assert_true(fabs(y[i] - want) <= 4e-16 * want);
    }
}

static void check_flux(const struct kernels *k)
{
    double phi[N + 1], w[N + 1], density[N + 1], r[N + 1], g[N], flux[N], matrix[N];
    int a[N], b[N];

    for (int i = 0; i <= N; i++) {
        phi[i] = i % 3 ? 0.3 * sin(i) : 0.01;
        w[i] = i % 5 ? 2 * sin(0.7 * i) * (i % 2 ? 1 : 1e-6) : 0;
        density[i] = exp(2 * w[i]);
        r[i] = exp(-phi[i] / 0.025);
    }
    for (int i = 0; i < N; i++) {
        a[i] = i;
        b[i] = i % 7 ? i + 1 : i; /* every seventh is level: B(0) = 1 */
        g[i] = 1 + i % 4;
    }
    k->flux(N, a, b, g, phi, w, 1 / 0.025, density, r, flux, matrix);
    for (int i = 0; i < N; i++) {
        double dphi = (phi[b[i]] - phi[a[i]]) / 0.025, delta = dphi + 2 * (w[b[i]] - w[a[i]]);
        double bernoulli = delta == 0 ? 1 : delta / expm1(delta);
        double carrier = g[i] * density[b[i]] * bernoulli;

        assert_true(fabs(matrix[i] - carrier * r[a[i]]) <= 1e-12 * fabs(carrier * r[a[i]]));
        assert_true(fabs(flux[i] + carrier * expm1(dphi)) <= 1e-12 * fabs(carrier * expm1(dphi)));
        if (a[i] == b[i])
            assert_true(flux[i] == 0);
    }
}

static void test_all(void **state)
{
    (void)state;
    for (int choice = 0; choice < 4; choice++) {
        const struct kernels *k = kernels_get(choice);

        if (!k)
            continue;
        print_message("# kernels: %s\n", k->name);
        check_exponential(k);
        check_flux(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

    return cmocka_run_group_tests_name("ddg-kernels", tests, NULL, NULL);
}

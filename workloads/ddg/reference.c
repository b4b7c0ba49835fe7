// SPDX-License-Identifier: LGPL-2.1-or-later
// Stored drain currents of the reference FinFET: all physical parameters at their defaults, but
// grid = reference.
#include "reference.h"

#include <math.h>
#include <string.h>

struct row {
    int scheme, quantum, mesh[4]; /* nx ny nz nox */
    double vd, vg, id;
};

/* Sources: 40 x 6 x 12 + 2 box: two independent codes that agree to 8 digits; fe: octave-bim 1.1.6.
 */
static const struct row rows[] = {
    {SCHEME_BOX, 1, {40, 6, 12, 2}, 0.05, 0.0, 5.83586024e-11},
    {SCHEME_BOX, 1, {40, 6, 12, 2}, 0.05, 0.4, 1.72812876e-06},
    {SCHEME_BOX, 1, {40, 6, 12, 2}, 0.05, 1.0, 2.11424753e-05},
    {SCHEME_BOX, 0, {40, 6, 12, 2}, 0.05, 0.0, 2.53827836e-11},
    {SCHEME_BOX, 0, {40, 6, 12, 2}, 0.05, 0.4, 2.34481415e-06},
    {SCHEME_BOX, 0, {40, 6, 12, 2}, 0.05, 1.0, 2.37199813e-05},
    {SCHEME_FE, 1, {40, 6, 12, 2}, 0.05, 0.0, 5.88759817e-11},
    {SCHEME_FE, 1, {40, 6, 12, 2}, 0.05, 0.2, 1.52895655e-08},
    {SCHEME_FE, 1, {40, 6, 12, 2}, 0.05, 0.4, 1.72860161e-06},
    {SCHEME_FE, 1, {40, 6, 12, 2}, 0.05, 0.6, 9.59905346e-06},
    {SCHEME_FE, 1, {40, 6, 12, 2}, 0.05, 0.8, 1.63472860e-05},
    {SCHEME_FE, 1, {40, 6, 12, 2}, 0.05, 1.0, 2.11401372e-05},
    {SCHEME_FE, 1, {80, 10, 26, 3}, 0.05, 0.0, 4.95551948e-11},
    {SCHEME_FE, 1, {80, 10, 26, 3}, 0.05, 0.5, 5.42600927e-06},
    {SCHEME_FE, 1, {80, 10, 26, 3}, 0.05, 1.0, 2.10893823e-05},
};

static const char *const free_parameters[] = {"scheme", "quantum", "grid", "nx",
                                              "ny",     "nz",      "nox",  NULL};

static void hold(const struct params *p, const struct sweep *s, double vd, double vg, double id,
                 struct reference_match *m)
{
    double allowed = p->expect_tolerance * (fabs(id) > 1e-9 ? 1 : 10);

    for (int i = 0; i < s->n; i++) {
        const struct bias_point *pt = &s->point[i];
        double rel;

        if (fabs(pt->vd - vd) > 1e-9 || fabs(pt->vg - vg) > 1e-9)
            continue;
        rel = fabs(pt->current[CONTACT_DRAIN] - id) / fmax(fabs(id), 1e-30);
        m->points++;
        m->deviation = fmax(m->deviation, rel);
        m->worst = fmax(m->worst, rel / fmax(allowed, 1e-300));
    }
}

/* Reads the next "VD VG ID" of a list separated by commas; 0 at its end, -1 when it is malformed.
 */
static int next_expected(const char **at, double *ret)
{
    int used = 0;

    if (!**at)
        return 0;
    if (sscanf(*at, " %lf %lf %lf %n", &ret[0], &ret[1], &ret[2], &used) != 3)
        return -1;
    *at += used;
    if (**at == ',')
        ++*at;
    else if (**at)
        return -1;
    return 1;
}

int reference_check(const struct params *p, struct ddg_error *err)
{
    const char *at = p->expect;
    double v[3];
    int more;

    while ((more = next_expected(&at, v)) > 0)
        continue;
    if (more < 0)
        return ddg_refuse(err,
                          "parameter 'expect': '%.40s' is not VD VG ID; separate triples by "
                          "commas",
                          at);
    return 0;
}

void reference_compare(const struct params *p, const struct sweep *s, struct reference_match *ret)
{
    const int mesh[4] = {p->nx, p->ny, p->nz, p->nox};
    const char *at = p->expect;
    double v[3];

    memset(ret, 0, sizeof(*ret));
    while (next_expected(&at, v) > 0)
        hold(p, s, v[0], v[1], v[2], ret);
    if (p->grid != GRID_REFERENCE || p->vs != 0 || !params_is_default(p, free_parameters))
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].scheme == p->scheme && rows[i].quantum == p->quantum &&
            !memcmp(rows[i].mesh, mesh, sizeof(mesh)))
            hold(p, s, rows[i].vd, rows[i].vg, rows[i].id, ret);
}

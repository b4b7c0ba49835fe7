// SPDX-License-Identifier: LGPL-2.1-or-later
// Figures of merit and the result line.
#include "figures.h"

#include "reference.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>

static double drain(const struct bias_point *pt)
{
    return pt->current[CONTACT_DRAIN];
}

static void add_segment(const struct params *p, const struct bias_point *a,
                        const struct bias_point *b, struct curve_figures *ret)
{
    const double linear = 0.1; /* V: the tangent is that of a resistor, vds << vg - vth */
    double i0 = drain(a), i1 = drain(b), dv = b->vg - a->vg, gm = (i1 - i0) / dv;
    double vds = fabs(a->vd - p->vs);

    if (i0 > 0 && i1 > i0) {
        double decades = log10(i1 / i0), ss = 1e3 * dv / decades;

        if (i0 >= p->ss_low && !(ss >= ret->ss))
            ret->ss = ss;
        if (i0 <= p->vth_current && i1 >= p->vth_current)
            ret->vth = a->vg + dv * log10(p->vth_current / i0) / decades;
    }
    if (!(gm <= ret->gm)) {
        ret->gm = gm;
        ret->vth_gm = vds <= linear ? 0.5 * (a->vg + b->vg - (i0 + i1) / gm - vds) : NAN;
    }
}

void figures_curve(const struct params *p, const struct bias_point *pt, int n,
                   struct curve_figures *ret)
{
    int on = 0;

    *ret = (struct curve_figures){NAN, NAN, NAN, NAN, NAN, NAN};
    for (int i = 0; i < n; i++) {
        if (fabs(pt[i].vg) < 1e-9)
            ret->ioff = drain(&pt[i]);
        if (pt[i].vg > pt[on].vg)
            on = i;
        if (i && pt[i].vg > pt[i - 1].vg)
            add_segment(p, &pt[i - 1], &pt[i], ret);
        else if (i && pt[i].vg < pt[i - 1].vg) /* a sweep downwards is the same curve */
            add_segment(p, &pt[i], &pt[i - 1], ret);
    }
    if (n > 1)
        ret->ion = drain(&pt[on]);
}

static void add(json_t *figures, const char *name, double value, const char *unit)
{
    if (isfinite(value))
        json_object_set_new(figures, name, json_pack("{s:f,s:s}", "value", value, "unit", unit));
}

static void add_at(json_t *figures, const struct params *p, const char *what, double vd,
                   double value, const char *unit)
{
    char name[64];

    snprintf(name, sizeof(name), "%s_vd%.*g", what, p->vd.digits, vd);
    add(figures, name, value, unit);
}

enum { BY_VD = 1, BY_VG = 2 };

/* A figure of one bias, named by the voltages that it depends on, and by those that were swept. */
static void add_point(json_t *figures, const struct params *p, const struct bias_point *pt,
                      const char *what, unsigned by, double value, const char *unit)
{
    char vd[32] = "", vg[32] = "", name[96];

    if (by & BY_VD || p->vd.n > 1)
        snprintf(vd, sizeof(vd), "_vd%.*g", p->vd.digits, pt->vd);
    if (by & BY_VG || p->vg.n > 1)
        snprintf(vg, sizeof(vg), "_vg%.*g", p->vg.digits, pt->vg);
    snprintf(name, sizeof(name), "%s%s%s", what, vd, vg);
    add(figures, name, value, unit);
}

static void add_points(json_t *figures, const struct params *p, const struct sweep *s)
{
    for (int i = 0; i < s->n; i++) {
        const struct bias_point *pt = &s->point[i];

        if (p->device == DEVICE_MOS) {
            add_point(figures, p, pt, "ninv", BY_VG, pt->inversion, "cm^-2");
            add_point(figures, p, pt, "centroid", BY_VG, pt->centroid, "nm");
        } else {
            add_point(figures, p, pt, "id", BY_VD | BY_VG, drain(pt), "A");
        }
        if (p->device == DEVICE_BAR && p->doping == DOPING_STEP)
            add_point(figures, p, pt, "depletion", BY_VD, pt->depletion, "nm");
    }
}

/* One set per drain voltage; DIBL from the first and the last. */
static void add_curves(json_t *figures, const struct params *p, const struct sweep *s)
{
    double first_vth = NAN, first_vd = NAN;

    for (int i = 0, n; i < s->n; i += n) {
        const struct bias_point *pt = &s->point[i];
        struct curve_figures f;

        for (n = 1; i + n < s->n && pt[n].vd == pt->vd;)
            n++;
        if (n < 2 || p->device == DEVICE_MOS || p->device == DEVICE_BAR)
            continue;
        figures_curve(p, pt, n, &f);
        add_at(figures, p, "vth", pt->vd, f.vth, "V");
        add_at(figures, p, "vth_gm", pt->vd, f.vth_gm, "V");
        add_at(figures, p, "ss", pt->vd, f.ss, "mV/dec");
        add_at(figures, p, "gm", pt->vd, f.gm, "S");
        add_at(figures, p, "ion", pt->vd, f.ion, "A");
        add_at(figures, p, "ioff", pt->vd, f.ioff, "A");
        if (isfinite(first_vd) && pt->vd > first_vd)
            add(figures, "dibl", 1e3 * (first_vth - f.vth) / (pt->vd - first_vd), "mV/V");
        if (!isfinite(first_vd)) {
            first_vd = pt->vd;
            first_vth = f.vth;
        }
    }
}

static void add_costs(json_t *figures, const struct problem *pb, const struct sweep *s)
{
    struct rusage usage;
    struct work work;
    double iterations = 0;

    problem_work(pb, &work);
    for (int i = 0; i < s->n; i++)
        iterations += s->point[i].iterations;
    getrusage(RUSAGE_SELF, &usage);
    add(figures, "cpu_time", s->cpu, "s");
    add(figures, "time", s->seconds, "s");
    add(figures, "time_setup", pb->time.setup, "s");
    add(figures, "time_linear", work.seconds, "s");
    add(figures, "time_exponentials", pb->time.exponentials, "s");
    add(figures, "time_fluxes", pb->time.fluxes, "s");
    add(figures, "time_assembly", pb->time.assembly, "s");
    add(figures, "time_mobility", pb->time.mobility, "s");
    add(figures, "nodes", pb->d.n_global, "1");
    add(figures, "biases", s->n, "1");
    add(figures, "outer_iterations", iterations, "1");
    add(figures, "krylov_iterations", work.iterations, "1");
    add(figures, "factorisations", work.factors, "1");
    add(figures, "direct_rescues", work.rescues, "1");
    add(figures, "memory_rank0", usage.ru_maxrss / 1024.0, "MiB");
    if (pb->p->dopants)
        add(figures, "dopants", pb->dopants, "1");
}

/* Worst mismatch of the terminal currents, against what rounding allows at their size. */
static double conservation(const struct sweep *s, int *ret_ok)
{
    double worst = 0;

    *ret_ok = 1;
    for (int i = 0; i < s->n; i++) {
        const double *c = s->point[i].current;
        double sum = 0, most = 0, rel;

        for (int k = 0; k < CONTACTS; k++) {
            sum += c[k];
            most = fmax(most, fabs(c[k]));
        }
        if (most < 1e-12)
            continue;
        rel = fabs(sum) / most;
        worst = fmax(worst, rel);
        if (rel > (most > 1e-9 ? 1e-10 : 1e-5))
            *ret_ok = 0;
    }
    return worst;
}

/* Left out where nothing was warned of. */
static void add_warnings(json_t *checks, const struct notes *notes)
{
    json_t *list = json_array();

    for (int i = 0; i < notes->n; i++)
        json_array_append_new(list, json_string(notes->text[i]));
    if (notes->n)
        json_object_set(checks, "warnings", list);
    json_decref(list);
}

json_t *figures_result(const struct problem *pb, const struct sweep *s, int *ret_verified)
{
    json_t *figures = json_object(), *checks = json_object();
    int conserved, matched, srh = pb->p->srh;
    double worst = conservation(s, &conserved);
    struct reference_match match;

    add_points(figures, pb->p, s);
    add_curves(figures, pb->p, s);
    add_costs(figures, pb, s);
    reference_compare(pb->p, s, &match);
    matched = match.worst <= 1;
    *ret_verified = !s->failed && (conserved || srh) && matched;
    json_object_set_new(checks, "converged", json_boolean(!s->failed));
    json_object_set_new(checks, "current_mismatch", json_real(worst));
    json_object_set_new(checks, "current_conserved", json_boolean(conserved || srh));
    json_object_set_new(checks, "stored_points", json_integer(match.points));
    json_object_set_new(checks, "stored_deviation", json_real(match.deviation));
    json_object_set_new(checks, "negative_edges", json_integer((json_int_t)pb->g.negative));
    json_object_set_new(checks, "kernels", json_string(pb->kern->name));
    json_object_set_new(checks, "ranks", json_integer(pb->d.size));
    add_warnings(checks, &pb->notes);
    if (s->failed)
        json_object_set_new(checks, "failure", json_string(s->failure));
    return json_pack("{s:s,s:s,s:o,s:b,s:o}", "schema", "cpulift.result/1", "workload", "ddg",
                     "figures", figures, "verified", *ret_verified, "verification", checks);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// The I-V table and the progress lines.
#include "output.h"

#include "loss.h"
#include "vtu.h"

#include <errno.h>
#include <string.h>

static FILE *table; /* rank 0 only */

struct column {
    const char *name;
    double (*get)(const struct bias_point *);
};

static double get_vd(const struct bias_point *pt)
{
    return pt->vd;
}

static double get_vg(const struct bias_point *pt)
{
    return pt->vg;
}

static double get_id(const struct bias_point *pt)
{
    return pt->current[CONTACT_DRAIN];
}

static double get_is(const struct bias_point *pt)
{
    return pt->current[CONTACT_SOURCE];
}

static double get_inversion(const struct bias_point *pt)
{
    return pt->inversion;
}

static double get_centroid(const struct bias_point *pt)
{
    return pt->centroid;
}

static double get_iterations(const struct bias_point *pt)
{
    return pt->iterations;
}

static double get_seconds(const struct bias_point *pt)
{
    return pt->seconds;
}

static const struct column currents[] = {
    {"VD[V]", get_vd},
    {"VG[V]", get_vg},
    {"ID[A]", get_id},
    {"IS[A]", get_is},
    {"iterations", get_iterations},
    {"time[s]", get_seconds},
    {NULL, NULL},
};
static const struct column charges[] = {
    {"VG[V]", get_vg},
    {"N_inv[cm^-2]", get_inversion},
    {"centroid[nm]", get_centroid},
    {"iterations", get_iterations},
    {"time[s]", get_seconds},
    {NULL, NULL},
};

static const struct column *columns(const struct params *p)
{
    return p->device == DEVICE_MOS ? charges : currents;
}

int output_begin(const struct problem *pb, struct ddg_error *err)
{
    const struct params *p = pb->p;
    int bad = 0;

    if (pb->d.rank == 0) {
        table = p->iv[0] ? loss_open(p->iv) : stdout;
        if (!table)
            bad = errno ? errno : 1;
    }
    MPI_Bcast(&bad, 1, MPI_INT, 0, pb->d.comm);
    if (bad)
        return ddg_refuse(err, "parameter 'iv': cannot write '%.200s': %s; choose another file",
                          p->iv, strerror(bad));
    for (const struct column *c = columns(p); table && c->name; c++)
        fprintf(table, "%s%s", c->name, c[1].name ? "\t" : "\n");
    return 0;
}

static void write_progress(const struct params *p, const struct bias_point *pt,
                           const struct outcome *out)
{
    if (p->device == DEVICE_MOS)
        fprintf(stderr, "cpulift-ddg: VG = %g V: N_inv = %.6e cm^-2, centroid %.4g nm", pt->vg,
                pt->inversion, pt->centroid);
    else
        fprintf(stderr, "cpulift-ddg: VD = %g V, VG = %g V: ID = %.6e A", pt->vd, pt->vg,
                pt->current[CONTACT_DRAIN]);
    fprintf(stderr, ", %d iterations, %d step%s, last change %.1e V, %.2f s", pt->iterations,
            pt->steps, pt->steps == 1 ? "" : "s", out->change, pt->seconds);
    if (pt->rescues)
        fprintf(stderr, "; the Krylov method failed %d times, MUMPS solved instead", pt->rescues);
    fputc('\n', stderr);
}

PetscErrorCode output_point(struct problem *pb, const struct bias_point *pt,
                            const struct outcome *out)
{
    double start = MPI_Wtime();

    PetscFunctionBeginUser;
    for (const struct column *c = columns(pb->p); table && c->name; c++)
        fprintf(table, "%.12g%s", c->get(pt), c[1].name ? "\t" : "\n");
    if (table)
        fflush(table);
    if (pb->d.rank == 0 && pb->p->progress)
        write_progress(pb->p, pt, out);
    if (pb->p->vtu[0])
        PetscCall(vtu_write(pb, pt->vd, pt->vg));
    pb->time.output += MPI_Wtime() - start;
    PetscFunctionReturn(0);
}

int output_end(const struct problem *pb)
{
    if (table && table != stdout && loss_close(table) < 0)
        loss_tell("iv", pb->p->iv);
    if (table && (fflush(stdout) || ferror(stdout))) {
        loss_tell(table == stdout ? "iv" : "json", "stdout");
        stdout = freopen("/dev/null", "we", stdout); /* PETSc would fail to flush it again */
    }
    table = NULL;
    return loss_any();
}

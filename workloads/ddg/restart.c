// SPDX-License-Identifier: LGPL-2.1-or-later
// Saved bias points: one text line, then psi, w, phi as doubles of this machine, in mesh order.
#include "output.h"

#include "loss.h"
#include "target.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "cpulift-ddg-state/1"

enum { HEADER = 128 };

/* Only a regular file is replaced, behind links too (*ret_target, by what is written to `part`);
 * anything else, and what standard output is, is written where it stands. */
static FILE *open_save(const char *path, char **ret_target, char *part, size_t size)
{
    struct stat st, out;
    int is_there = !stat(path, &st);
    FILE *f;

    if (is_there && !fstat(STDOUT_FILENO, &out) && st.st_dev == out.st_dev &&
        st.st_ino == out.st_ino)
        return fflush(stdout) ? NULL : fdopen(dup(STDOUT_FILENO), "w");
    if (is_there && !S_ISREG(st.st_mode))
        return fopen(path, "we");
    *ret_target = target_find(path);
    if (!*ret_target || snprintf(part, size, "%s.part", *ret_target) >= (int)size)
        return NULL;
    f = fopen(part, "we");
    if (f && is_there)
        fchmod(fileno(f), st.st_mode & 0777);
    return f;
}

PetscErrorCode output_save(struct problem *pb)
{
    const double *fields[] = {pb->psi, pb->w, pb->phi};
    PetscInt n = pb->d.rank == 0 ? pb->d.n_global : 0;
    char header[HEADER] = {0}, part[PATH_MAX + 8], *target = NULL;
    FILE *f = NULL;
    double *all;
    int ok = 1;

    PetscFunctionBeginUser;
    PetscCall(PetscMalloc1(n, &all));
    snprintf(header, sizeof(header), MAGIC " %d %.17g %.17g %.17g\n", (int)pb->d.n_global,
             pb->volts[CONTACT_SOURCE], pb->volts[CONTACT_DRAIN], pb->volts[CONTACT_GATE]);
    if (pb->d.rank == 0)
        f = open_save(pb->p->save, &target, part, sizeof(part));
    ok = f && fwrite(header, HEADER, 1, f) == 1;
    for (int k = 0; k < 3; k++) {
        PetscCall(domain_gather(&pb->d, fields[k], all));
        ok = ok && fwrite(all, sizeof(double), (size_t)n, f) == (size_t)n;
    }
    if (f)
        ok = !fclose(f) && ok && (!target || !rename(part, target));
    if (pb->d.rank == 0 && !ok)
        loss_tell("save", pb->p->save);
    free(target);
    PetscCall(PetscFree(all));
    PetscFunctionReturn(0);
}

static int read_header(FILE *f, PetscInt *ret_nodes, double *ret_volts)
{
    char header[HEADER + 1] = {0};
    int nodes;

    if (fread(header, HEADER, 1, f) != 1 ||
        sscanf(header, MAGIC " %d %lf %lf %lf", &nodes, &ret_volts[CONTACT_SOURCE],
               &ret_volts[CONTACT_DRAIN], &ret_volts[CONTACT_GATE]) != 4)
        return -1;
    *ret_nodes = nodes;
    return 0;
}

int restart_check(const char *path, PetscInt n_nodes, struct ddg_error *err)
{
    FILE *f = fopen(path, "re");
    double volts[CONTACTS];
    PetscInt nodes = 0;
    long size = 0;

    if (!f)
        return ddg_refuse(err, "parameter 'restart': cannot read '%.200s'; check the path", path);
    if (read_header(f, &nodes, volts) == 0 && fseek(f, 0, SEEK_END) == 0)
        size = ftell(f);
    fclose(f);
    if (size != HEADER + 3 * (long)sizeof(double) * nodes)
        return ddg_refuse(err,
                          "parameter 'restart': '%.200s' is no saved bias point; make one with "
                          "-save",
                          path);
    if (nodes != n_nodes)
        return ddg_refuse(err,
                          "parameter 'restart': '%.200s' has %d nodes, the mesh %d; use the "
                          "mesh it was saved with",
                          path, (int)nodes, (int)n_nodes);
    return 0;
}

PetscErrorCode output_restart(struct problem *pb)
{
    double *fields[] = {pb->psi, pb->w, pb->phi}, *all;
    FILE *f = fopen(pb->p->restart, "re");
    PetscInt nodes = 0, n = pb->d.n_global;

    PetscFunctionBeginUser;
    PetscCheck(f && read_header(f, &nodes, pb->volts) == 0, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN,
               "the restart file vanished");
    PetscCall(PetscMalloc1(n, &all));
    for (int k = 0; k < 3; k++) {
        PetscCheck(fread(all, sizeof(double), (size_t)n, f) == (size_t)n, PETSC_COMM_SELF,
                   PETSC_ERR_FILE_READ, "the restart file is short");
        domain_spread(&pb->d, all, fields[k]);
    }
    PetscCall(PetscFree(all));
    fclose(f);
    PetscFunctionReturn(0);
}

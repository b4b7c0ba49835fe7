// SPDX-License-Identifier: LGPL-2.1-or-later
#include "problem.h"

PetscErrorCode doping_place(struct problem *pb, const struct mesh *m)
{
    const struct domain *d = &pb->d;
    const double middle[3] = {pb->length / 2, 0, 0};

    PetscFunctionBeginUser;
    (void)m;
    /* an ohmic contact's face may run over oxide: there the doping only says which potential it has */
    for (PetscInt i = 0; i < d->n_local; i++)
        if (d->silicon[i] || d->contact[i] != CONTACT_NONE)
            pb->doping[i] = doping_at(pb->p, &d->xyz[3 * i], pb->length) / DENSITY_SCALE;
    pb->body_doping = doping_at(pb->p, middle, pb->length);
    PetscFunctionReturn(0);
}

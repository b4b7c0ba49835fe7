// SPDX-License-Identifier: LGPL-2.1-or-later
/* What an imported mesh must have to be a device, and what is said about it before it is solved. */
#ifndef DDG_IMPORT_H
#define DDG_IMPORT_H

#include "mesh.h"
#include "notes.h"

/* Meaning of the name of a physical group, letters of either case alike: enum region for volumes
 * (`dim` 3), enum contact for surfaces (2); CONTACT_NONE is called "none". -1: it means nothing. */
int import_meaning(long dim, const char *name);
/* Why elements of a type of Gmsh's cannot be taken, with what to do; NULL: they can be passed over.
 */
const char *import_refuses(long type);
/* Is every contact there that the materials ask for? */
int import_check(const struct mesh *m, const char *path, struct ddg_error *err);
/* Extents, counts and contacts as one line into ret_report; what does not fit together into
 * `notes`. */
void import_describe(const struct mesh *m, const struct params *p, char *ret_report, size_t size,
                     struct notes *notes);

#endif

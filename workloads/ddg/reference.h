// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_REFERENCE_H
#define DDG_REFERENCE_H

#include "sweep.h"

struct reference_match {
    int points;       /* biases that a stored figure exists for */
    double deviation; /* greatest relative deviation */
    double worst;     /* the same in units of what is allowed: up to 1 is a match */
};

/* Holds the currents against the stored figures of the reference device (or those of `expect`). */
void reference_compare(const struct params *p, const struct sweep *s, struct reference_match *ret);
/* Checks the text of `expect`. */
int reference_check(const struct params *p, struct ddg_error *err);

#endif

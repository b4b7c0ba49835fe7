// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_PARAMS_H
#define DDG_PARAMS_H

#include <stdio.h>

enum { PARAM_LIST_MAX = 1024, PARAM_TEXT_MAX = 2048 };

struct param_list {
    int n;
    int digits; /* significant ones that tell all values apart: those of labels */
    double v[PARAM_LIST_MAX];
};

#define GROUP(title)
#define REAL(name, dflt, lo, hi, unit, answer, help) double name;
#define INT(name, dflt, lo, hi, unit, answer, help)  int name;
#define CHOICE(name, dflt, choices, answer, help)    int name;
#define LIST(name, dflt, unit, help)                 struct param_list name;
#define TEXT(name, dflt, help)                       char name[PARAM_TEXT_MAX];
/* One field per row of params.def, in the units given there; a CHOICE holds the index of its word.
 */
struct params {
#include "params.def"
};
#undef GROUP
#undef REAL
#undef INT
#undef CHOICE
#undef LIST
#undef TEXT

enum { DEVICE_FINFET, DEVICE_NANOWIRE, DEVICE_BAR, DEVICE_MOS, DEVICE_GMSH };
enum { GRID_FITTED, GRID_REFERENCE };
enum { DOPING_GAUSSIAN, DOPING_UNIFORM, DOPING_STEP };
enum { INTERFACE_WKB, INTERFACE_HARDWALL, INTERFACE_NOFLUX };
enum { MOBILITY_CONSTANT, MOBILITY_ARORA, MOBILITY_CAUGHEY };
enum { SCHEME_BOX, SCHEME_FE };
enum { NEGATIVE_KEEP, NEGATIVE_CLIP, NEGATIVE_REFUSE };
enum { METHOD_COUPLED, METHOD_DECOUPLED, METHOD_NEWTON };

/* One line that says what is wrong with the input: what, 'which', why, what to do. */
struct ddg_error {
    char text[512];
};

/* Writes the message; always returns -1, so that a caller can return it. */
int ddg_refuse(struct ddg_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Defaults of params.def. */
void params_init(struct params *p);
/* Sets one parameter from text. */
int params_set(struct params *p, const char *name, const char *value, struct ddg_error *err);
/* Reads "name = value" lines; '#' starts a comment. */
int params_load(struct params *p, const char *path, struct ddg_error *err);
/* Is there a parameter of that name? */
int params_has(const char *name);
/* What no single range can say: combinations that make no device. */
int params_check(const struct params *p, struct ddg_error *err);
/* Do all parameters that change the currents have their defaults, but those of `except`
 * (NULL-ended)? */
int params_is_default(const struct params *p, const char *const *except);
/* All parameters with values, units and meaning, in the format of params_load(). */
void params_write(const struct params *p, FILE *out);
/* The word of a CHOICE parameter's present value; NULL for other names. */
const char *params_word(const struct params *p, const char *name);

#endif

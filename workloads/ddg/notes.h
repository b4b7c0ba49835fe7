// SPDX-License-Identifier: LGPL-2.1-or-later
/* Warnings: what is solved nevertheless, but should be looked at. They go to stderr and into the
 * result. */
#ifndef DDG_NOTES_H
#define DDG_NOTES_H

enum { NOTES_MAX = 16 };

struct notes {
    int n, told;
    char text[NOTES_MAX][400];
};

/* Adds one; more than NOTES_MAX are dropped. */
void notes_add(struct notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says on stderr what was added since the last call. One rank calls it. */
void notes_tell(struct notes *notes);

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later
#ifndef DDG_MESH_H
#define DDG_MESH_H

#include "params.h"

enum region { REGION_SILICON, REGION_OXIDE };
enum contact { CONTACT_NONE, CONTACT_SOURCE, CONTACT_DRAIN, CONTACT_GATE, CONTACT_BODY, CONTACTS };

/* A whole device in tetrahedra, in nm. Every rank holds the same one until it is distributed. */
struct mesh {
    int n_nodes, n_tets;
    double *xyz;           /* 3 per node */
    int *tet;              /* 4 nodes per tetrahedron, positive orientation */
    unsigned char *region; /* per tetrahedron, enum region */
    signed char *contact;  /* per node, enum contact */
    double factor;         /* terminal currents of the whole device / of what is meshed */
};

/* Makes or reads the mesh that the parameters describe. The caller frees it with mesh_free(). */
int mesh_new(const struct params *p, struct mesh *ret, struct ddg_error *err);
void mesh_free(struct mesh *m);
/* Allocates the arrays; aborts the program when memory ends. */
void mesh_alloc(struct mesh *m, int n_nodes, int n_tets);
/* Orientation, volumes, unused nodes, gates on silicon; turns wrongly oriented tetrahedra round. */
int mesh_check(struct mesh *m, struct ddg_error *err);
/* Name of a contact or region, as gmsh files and messages use it. */
const char *mesh_contact_name(int contact);
/* Six times the signed volume of a tetrahedron, nm^3. */
double mesh_volume6(const double *xyz, const int *tet);
/* calloc that ends the program when memory ends. */
void *mesh_calloc(size_t n, size_t size);

/* gmsh.c: reads an ASCII file of version 2.2 or 4.1. */
int gmsh_load(const char *path, struct mesh *ret, struct ddg_error *err);

/* A brick of grid lines, cut into Kuhn tetrahedra. */
struct grid {
    int n[3];            /* cells along x, y, z */
    double *line[3];     /* n + 1 grid lines each */
    int silicon[3][2];   /* silicon cells: first, one past the last, along each axis */
    double gate[2];      /* extent of the gate along x, nm */
    unsigned gate_faces; /* which outer faces carry it: bits of enum face */
    int end_contacts[2]; /* contacts at x min and x max */
    int bottom_contact;  /* contact at z min */
    int mirrored;        /* quadrants have mirrored diagonals (sections mapped to an ellipse) */
    void (*map)(const struct params *p, double *point); /* NULL: the lines are coordinates */
};
enum face { FACE_Y_MIN = 1, FACE_Y_MAX = 2, FACE_Z_MIN = 4, FACE_Z_MAX = 8 };

/* lines.c: the nx + 1 grid lines of a transistor along x (nm), as p->grid says; they stand on the
 * gate's edges, and ascend only where nx is enough for that. */
void lines_transistor(const struct params *p, const double gate[2], double *ret);

/* grid.c: tetrahedra of the grid. */
void grid_mesh(const struct grid *g, const struct params *p, struct mesh *ret);
void grid_free(struct grid *g);

#endif

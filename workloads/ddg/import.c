// SPDX-License-Identifier: LGPL-2.1-or-later
#include "import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const region_names[] = {[REGION_SILICON] = "silicon", [REGION_OXIDE] = "oxide"};
enum { REGIONS = sizeof(region_names) / sizeof(region_names[0]) };

int import_meaning(long dim, const char *name)
{
    int n = dim == 3 ? REGIONS : CONTACTS;

    for (int i = 0; i < n; i++)
        if (!strcasecmp(name, dim == 3 ? region_names[i] : mesh_contact_name(i)))
            return i;
    return -1;
}

/* Gmsh reference manual, "MSH file format", element types. Points and lines bound what is meshed
 * and say nothing; triangles and tetrahedra of first order are read. */
const char *import_refuses(long type)
{
    static const struct {
        long first, last;
        const char *why;
    } kinds[] = {
        {3, 3, "quadrangles; mesh surfaces in triangles (no recombination)"},
        {5, 7, "hexahedra, prisms or pyramids; mesh volumes in tetrahedra (no layers)"},
        {9, 14, "elements of second order; write it with gmsh -order 1"},
        {16, 19, "elements of second order; write it with gmsh -order 1"},
        {20, 25, "elements of higher order; write it with gmsh -order 1"},
        {29, 140, "elements of higher order; write it with gmsh -order 1"},
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (type >= kinds[i].first && type <= kinds[i].last)
            return kinds[i].why;
    return NULL;
}

struct contents {
    double lo[3], hi[3], gate[2]; /* extents, nm; of the gate along x */
    double volume[REGIONS];       /* nm^3 */
    int nodes[CONTACTS], silicon[CONTACTS];
};

static void look_at_nodes(const struct mesh *m, const unsigned char *is_silicon,
                          struct contents *ret)
{
    for (int i = 0; i < m->n_nodes; i++) {
        const double *x = &m->xyz[3 * i];

        for (int a = 0; a < 3; a++) {
            ret->lo[a] = fmin(ret->lo[a], x[a]);
            ret->hi[a] = fmax(ret->hi[a], x[a]);
        }
        ret->nodes[m->contact[i]]++;
        ret->silicon[m->contact[i]] += is_silicon[i];
        if (m->contact[i] == CONTACT_GATE) {
            ret->gate[0] = fmin(ret->gate[0], x[0]);
            ret->gate[1] = fmax(ret->gate[1], x[0]);
        }
    }
}

static struct contents look(const struct mesh *m)
{
    struct contents c = {.lo = {INFINITY, INFINITY, INFINITY},
                         .hi = {-INFINITY, -INFINITY, -INFINITY},
                         .gate = {INFINITY, -INFINITY}};
    unsigned char *is_silicon = mesh_calloc((size_t)m->n_nodes, 1);

    for (int e = 0; e < m->n_tets; e++) {
        c.volume[m->region[e]] += fabs(mesh_volume6(m->xyz, &m->tet[4 * e])) / 6;
        for (int k = 0; k < 4 && m->region[e] == REGION_SILICON; k++)
            is_silicon[m->tet[4 * e + k]] = 1;
    }
    look_at_nodes(m, is_silicon, &c);
    free(is_silicon);
    return c;
}

/* Source and drain always, and a gate where there is oxide to put it on: else a misspelt or
 * forgotten name would be solved as another device. */
int import_check(const struct mesh *m, const char *path, struct ddg_error *err)
{
    struct contents c = look(m);

    for (int i = CONTACT_SOURCE; i <= CONTACT_GATE; i++) {
        const char *name = mesh_contact_name(i);

        if (i == CONTACT_GATE && c.volume[REGION_OXIDE] == 0)
            continue;
        if (!c.nodes[i])
            return ddg_refuse(err,
                              "mesh file '%.200s': no surface '%s'; name one in gmsh: "
                              "Physical Surface(\"%s\") = {...}",
                              path, name, name);
        if (i != CONTACT_GATE && !c.silicon[i])
            return ddg_refuse(err,
                              "mesh file '%.200s': the surface '%s' touches no silicon; put it "
                              "on the end of the semiconductor",
                              path, name);
    }
    return 0;
}

static double longest_side(const struct contents *c)
{
    return fmax(c->hi[0] - c->lo[0], fmax(c->hi[1] - c->lo[1], c->hi[2] - c->lo[2]));
}

/* Silicon atoms are 0.235 nm apart: what is smaller than 1 nm is no device but another unit. */
static int is_in_other_unit(const struct contents *c, struct notes *notes)
{
    double side = longest_side(c);
    int is_metres = side < 1e-4;

    if (side >= 1)
        return 0;
    notes_add(notes,
              "mesh: %g nm at its longest: it looks to be in %s; coordinates are taken as nm, so "
              "write it with Mesh.ScalingFactor = %s",
              side, is_metres ? "m" : "um", is_metres ? "1e9" : "1000");
    return 1;
}

/* The doping of an imported mesh comes from the parameters, not from the file. */
static void compare_lengths(const struct contents *c, const struct params *p, struct notes *notes)
{
    double extent = c->hi[0] - c->lo[0], slack = 0.05 + 1e-3 * extent;
    double length = p->source_length + p->gate_length + p->drain_length;
    double from = p->source_length + p->gate_shift, to = from + p->gate_length;

    if (p->doping != DOPING_UNIFORM && fabs(c->lo[0]) > slack)
        notes_add(notes,
                  "mesh: it begins at x = %g nm, but doping is placed from x = 0 on; move the mesh "
                  "there",
                  c->lo[0]);
    if (p->doping != DOPING_GAUSSIAN)
        return;
    if (fabs(length - extent) > slack)
        notes_add(notes,
                  "mesh: %g nm long, but source_length + gate_length + drain_length is %g nm, and "
                  "doping is placed by these; set them to the mesh's",
                  extent, length);
    if (c->nodes[CONTACT_GATE] &&
        (fabs(c->gate[0] - from) > slack || fabs(c->gate[1] - to) > slack))
        notes_add(notes,
                  "mesh: its gate reaches from x = %g to %g nm, but source_length, gate_length and "
                  "gate_shift say %g to %g nm, and doping is placed by these; set them to the "
                  "mesh's",
                  c->gate[0], c->gate[1], from, to);
}

void import_describe(const struct mesh *m, const struct params *p, char *ret_report, size_t size,
                     struct notes *notes)
{
    struct contents c = look(m);
    int used = snprintf(ret_report, size,
                        "mesh '%.200s' in nm: x %g ... %g, y %g ... %g, z %g ... %g; %d nodes, %d "
                        "tetrahedra; silicon %.4g nm^3, oxide %.4g nm^3; contacts",
                        p->mesh_file, c.lo[0], c.hi[0], c.lo[1], c.hi[1], c.lo[2], c.hi[2],
                        m->n_nodes, m->n_tets, c.volume[REGION_SILICON], c.volume[REGION_OXIDE]);

    for (int i = CONTACT_SOURCE; i < CONTACTS; i++)
        if (c.nodes[i] && used < (int)size)
            used += snprintf(ret_report + used, size - (size_t)used, " %s (%d nodes)",
                             mesh_contact_name(i), c.nodes[i]);
    if (!is_in_other_unit(&c, notes))
        compare_lengths(&c, p, notes);
}

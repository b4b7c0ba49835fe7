// SPDX-License-Identifier: LGPL-2.1-or-later
// Gmsh ASCII files, versions 2.2 and 4.1 (Gmsh reference manual, "MSH file format"). Names of
// physical groups say what volumes and surfaces are; coordinates are nm.
#include "import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TRIANGLE = 2, TETRAHEDRON = 4, NAMES_MAX = 256, DIMS = 4 };
enum { MESH_ITEMS_MAX = 300000000 };

struct named {
    long dim, tag;
    int meaning; /* enum region or enum contact, by dim */
};

struct entity {
    long dim, tag, physical;
};

/* A growing list of elements: nodes (4 each, triangles use 3) and their meaning. */
struct elements {
    long *node;
    int *meaning;
    size_t n, room;
};

struct reader {
    const char *path;
    char *text, *at;
    struct ddg_error *err;
    struct named name[NAMES_MAX];
    int n_names;
    struct entity *entity;
    size_t n_entities;
    long *id; /* node tags, in file order */
    double *xyz;
    size_t n_nodes;
    struct elements tets, faces;
    int major;
};

static int broken(struct reader *r, const char *what)
{
    return ddg_refuse(r->err,
                      "mesh file '%.200s': %s; write it again from gmsh (ASCII, 2.2 or 4.1)",
                      r->path, what);
}

static int get_long(struct reader *r, long *ret)
{
    char *end = NULL;

    *ret = strtol(r->at, &end, 10);
    if (end == r->at)
        return broken(r, "a whole number is missing");
    r->at = end;
    return 0;
}

static int get_count(struct reader *r, size_t *ret)
{
    long n = 0;

    if (get_long(r, &n) < 0)
        return -1;
    if (n < 0 || n > MESH_ITEMS_MAX)
        return broken(r, "a count is negative or too large");
    *ret = (size_t)n;
    return 0;
}

static int get_double(struct reader *r, double *ret)
{
    char *end = NULL;

    *ret = strtod(r->at, &end);
    if (end == r->at || !isfinite(*ret))
        return broken(r, "a coordinate is missing or not finite");
    r->at = end;
    return 0;
}

static int skip(struct reader *r, size_t n)
{
    double ignored;

    while (n-- > 0)
        if (get_double(r, &ignored) < 0)
            return -1;
    return 0;
}

static char *load_text(const char *path)
{
    FILE *f = fopen(path, "rbe");
    char *text = NULL;
    struct stat st;

    if (!f)
        return NULL;
    if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode)) {
        size_t size = (size_t)st.st_size;

        text = mesh_calloc(size + 1, 1);
        if (fread(text, 1, size, f) != size) {
            free(text);
            text = NULL;
        }
    }
    fclose(f);
    return text;
}

static int find_section(struct reader *r, const char *name)
{
    char mark[32];
    char *at;

    snprintf(mark, sizeof(mark), "$%s", name);
    at = strstr(r->text, mark);
    if (!at)
        return -1;
    r->at = at + strlen(mark);
    return 0;
}

static int meaning_of(struct reader *r, long dim, const char *name, int *ret)
{
    *ret = dim >= 2 ? import_meaning(dim, name) : CONTACT_NONE;
    if (*ret >= 0)
        return 0;
    return ddg_refuse(r->err,
                      dim == 3 ? "mesh file '%.200s': unknown material '%.60s'; name volumes "
                                 "silicon or oxide"
                               : "mesh file '%.200s': unknown surface '%.60s'; name surfaces "
                                 "source, drain, gate or body, or none for what is no contact",
                      r->path, name);
}

static int read_names(struct reader *r)
{
    size_t n = 0;

    if (find_section(r, "PhysicalNames") < 0)
        return broken(r, "no physical names, so no materials and contacts");
    if (get_count(r, &n) < 0)
        return -1;
    if (n > NAMES_MAX)
        return broken(r, "too many physical names");
    for (size_t i = 0; i < n; i++) {
        struct named *m = &r->name[r->n_names++];
        char word[128];
        int used = 0;

        if (get_long(r, &m->dim) < 0 || get_long(r, &m->tag) < 0)
            return -1;
        if (sscanf(r->at, " \"%127[^\"]\"%n", word, &used) != 1 || !used)
            return broken(r, "a physical name is not quoted");
        r->at += used;
        if (meaning_of(r, m->dim, word, &m->meaning) < 0)
            return -1;
    }
    return 0;
}

/* Meaning of a physical tag; volumes must have one, and a surface's that is given (not 0). */
static int find_meaning(struct reader *r, long dim, long tag, int *ret)
{
    for (int i = 0; i < r->n_names; i++)
        if (r->name[i].dim == dim && r->name[i].tag == tag) {
            *ret = r->name[i].meaning;
            return 0;
        }
    *ret = CONTACT_NONE;
    if (dim == 3)
        return broken(r, "a tetrahedron belongs to no named volume");
    return tag == 0 ? 0
                    : ddg_refuse(r->err,
                                 "mesh file '%.200s': the physical surface %ld has no name; name "
                                 "it source, drain, gate, body or none",
                                 r->path, tag);
}

/* 4.1: entities carry the physical tags. */
static int read_entities(struct reader *r)
{
    size_t count[DIMS] = {0}, total = 0, physical = 0, bounding = 0;

    if (find_section(r, "Entities") < 0)
        return broken(r, "no $Entities");
    for (int d = 0; d < DIMS; d++) {
        if (get_count(r, &count[d]) < 0)
            return -1;
        total += count[d];
    }
    r->entity = mesh_calloc(total, sizeof(*r->entity));
    for (int d = 0; d < DIMS; d++)
        for (size_t i = 0; i < count[d]; i++) {
            struct entity *e = &r->entity[r->n_entities++];

            e->dim = d;
            if (get_long(r, &e->tag) < 0 || skip(r, d == 0 ? 3 : 6) < 0 ||
                get_count(r, &physical) < 0)
                return -1;
            if (physical > 0 && (get_long(r, &e->physical) < 0 || skip(r, physical - 1) < 0))
                return -1;
            if (d > 0 && (get_count(r, &bounding) < 0 || skip(r, bounding) < 0))
                return -1;
        }
    return 0;
}

static long entity_physical(const struct reader *r, long dim, long tag)
{
    for (size_t i = 0; i < r->n_entities; i++)
        if (r->entity[i].dim == dim && r->entity[i].tag == tag)
            return r->entity[i].physical;
    return 0;
}

static int read_points(struct reader *r, size_t first, size_t n, int tagged)
{
    for (size_t i = first; i < first + n; i++) {
        if (tagged && get_long(r, &r->id[i]) < 0)
            return -1;
        for (int k = 0; k < 3; k++)
            if (get_double(r, &r->xyz[3 * i + (size_t)k]) < 0)
                return -1;
    }
    return 0;
}

static int read_nodes(struct reader *r)
{
    size_t blocks = 1, n = 0, done = 0;

    if (find_section(r, "Nodes") < 0)
        return broken(r, "no $Nodes");
    if ((r->major == 4 && get_count(r, &blocks) < 0) || get_count(r, &n) < 0)
        return -1;
    if (n == 0)
        return broken(r, "no nodes");
    r->id = mesh_calloc(n, sizeof(*r->id));
    r->xyz = mesh_calloc(3 * n, sizeof(*r->xyz));
    r->n_nodes = n;
    if (r->major == 2)
        return read_points(r, 0, n, 1);
    if (skip(r, 2) < 0)
        return -1;
    for (size_t b = 0; b < blocks; b++) {
        size_t in_block = 0;

        if (skip(r, 3) < 0 || get_count(r, &in_block) < 0)
            return -1;
        if (in_block > n - done)
            return broken(r, "more nodes than announced");
        for (size_t i = 0; i < in_block; i++)
            if (get_long(r, &r->id[done + i]) < 0)
                return -1;
        if (read_points(r, done, in_block, 0) < 0)
            return -1;
        done += in_block;
    }
    return done == n ? 0 : broken(r, "fewer nodes than announced");
}

static void add_element(struct elements *l, const long *node, int meaning)
{
    if (l->n == l->room) {
        l->room = l->room ? 2 * l->room : 1024;
        l->node = realloc(l->node, 4 * l->room * sizeof(*l->node));
        l->meaning = realloc(l->meaning, l->room * sizeof(*l->meaning));
        if (!l->node || !l->meaning)
            abort();
    }
    memcpy(&l->node[4 * l->n], node, 4 * sizeof(*node));
    l->meaning[l->n++] = meaning;
}

/* An element that is neither: passed over, unless that would leave a hole in the device. */
static int pass_over(struct reader *r, long type)
{
    const char *why = import_refuses(type);

    if (why)
        return ddg_refuse(r->err, "mesh file '%.200s': it has %s", r->path, why);
    r->at += strcspn(r->at, "\n");
    return 0;
}

static int take_element(struct reader *r, long type, long physical)
{
    int meaning, corners = type == TETRAHEDRON ? 4 : 3;
    long node[4] = {0};

    if (type != TRIANGLE && type != TETRAHEDRON)
        return pass_over(r, type);
    for (int k = 0; k < corners; k++)
        if (get_long(r, &node[k]) < 0)
            return -1;
    if (find_meaning(r, type == TETRAHEDRON ? 3 : 2, labs(physical), &meaning) < 0)
        return -1;
    add_element(type == TETRAHEDRON ? &r->tets : &r->faces, node, meaning);
    return 0;
}

static int read_elements2(struct reader *r)
{
    size_t n = 0, tags = 0;

    if (get_count(r, &n) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        long ignored = 0, type = 0, physical = 0;

        if (get_long(r, &ignored) < 0 || get_long(r, &type) < 0 || get_count(r, &tags) < 0)
            return -1;
        if (tags > 0 && (get_long(r, &physical) < 0 || skip(r, tags - 1) < 0))
            return -1;
        if (take_element(r, type, physical) < 0)
            return -1;
    }
    return 0;
}

static int read_elements4(struct reader *r)
{
    size_t blocks = 0, n = 0;

    if (get_count(r, &blocks) < 0 || skip(r, 3) < 0)
        return -1;
    for (size_t b = 0; b < blocks; b++) {
        long dim = 0, tag = 0, type = 0, ignored = 0;

        if (get_long(r, &dim) < 0 || get_long(r, &tag) < 0 || get_long(r, &type) < 0 ||
            get_count(r, &n) < 0)
            return -1;
        for (size_t i = 0; i < n; i++) {
            if (get_long(r, &ignored) < 0)
                return -1;
            if (take_element(r, type, entity_physical(r, dim, tag)) < 0)
                return -1;
        }
    }
    return 0;
}

static int compare_long(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;

    return (x > y) - (x < y);
}

/* Nodes that tetrahedra use, in ascending order of tag; other nodes are dropped. */
static size_t used_tags(const struct reader *r, long **ret)
{
    size_t n = 4 * r->tets.n, m = 0;
    long *tag = mesh_calloc(n, sizeof(*tag));

    memcpy(tag, r->tets.node, n * sizeof(*tag));
    qsort(tag, n, sizeof(*tag), compare_long);
    for (size_t i = 0; i < n; i++)
        if (!m || tag[m - 1] != tag[i])
            tag[m++] = tag[i];
    *ret = tag;
    return m;
}

static int index_of(const long *tag, size_t n, long wanted)
{
    const long *hit = bsearch(&wanted, tag, n, sizeof(*tag), compare_long);

    return hit ? (int)(hit - tag) : -1;
}

static int place(struct reader *r, const long *tag, size_t n, struct mesh *m)
{
    size_t found = 0;

    for (size_t i = 0; i < r->n_nodes; i++) {
        int at = index_of(tag, n, r->id[i]);

        if (at < 0)
            continue;
        memcpy(&m->xyz[3 * at], &r->xyz[3 * i], 3 * sizeof(double));
        found++;
    }
    if (found != n)
        return broken(r, "elements name nodes that are not there");
    for (size_t i = 0; i < 4 * r->tets.n; i++) {
        m->tet[i] = index_of(tag, n, r->tets.node[i]);
        m->region[i / 4] = (unsigned char)r->tets.meaning[i / 4];
    }
    for (size_t i = 0; i < r->faces.n; i++)
        for (int k = 0; k < 3; k++) {
            int at = index_of(tag, n, r->faces.node[4 * i + (size_t)k]);

            if (at >= 0 && r->faces.meaning[i] != CONTACT_NONE)
                m->contact[at] = (signed char)r->faces.meaning[i];
        }
    return 0;
}

static int build(struct reader *r, struct mesh *ret)
{
    long *tag = NULL;
    size_t n;
    int status;

    if (r->tets.n == 0)
        return broken(r, "no tetrahedra");
    n = used_tags(r, &tag);
    mesh_alloc(ret, (int)n, (int)r->tets.n);
    status = place(r, tag, n, ret);
    free(tag);
    return status;
}

static int read_all(struct reader *r, struct mesh *ret)
{
    double version = 0;

    if (find_section(r, "MeshFormat") < 0)
        return broken(r, "no $MeshFormat");
    if (get_double(r, &version) < 0)
        return -1;
    r->major = (int)version;
    if (strtol(r->at, NULL, 10) != 0 || (version != 2.2 && version != 4.1))
        return broken(r, "neither ASCII 2.2 nor ASCII 4.1");
    if (read_names(r) < 0 || (r->major == 4 && read_entities(r) < 0) || read_nodes(r) < 0)
        return -1;
    if (find_section(r, "Elements") < 0)
        return broken(r, "no $Elements");
    if ((r->major == 2 ? read_elements2(r) : read_elements4(r)) < 0)
        return -1;
    return build(r, ret);
}

int gmsh_load(const char *path, struct mesh *ret, struct ddg_error *err)
{
    struct reader r = {.path = path, .err = err, .text = load_text(path)};
    int status;

    if (!r.text)
        return ddg_refuse(err, "mesh file '%.200s' cannot be read; check the path", path);
    status = read_all(&r, ret);
    free(r.text);
    free(r.entity);
    free(r.id);
    free(r.xyz);
    free(r.tets.node);
    free(r.tets.meaning);
    free(r.faces.node);
    free(r.faces.meaning);
    return status;
}

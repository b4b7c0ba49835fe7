// SPDX-License-Identifier: LGPL-2.1-or-later
// VTK XML unstructured grids: inline base64, one piece per rank and a .pvtu that joins them.
#include "vtu.h"

#include "loss.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct field {
    const char *name, *unit;
    int components, on_cells;
};
enum { FIELD_PSI, FIELD_N, FIELD_LAM, FIELD_PHI, FIELD_DOPING, FIELD_J, FIELD_REGION, FIELDS };
static const struct field fields[FIELDS] = {
    [FIELD_PSI] = {"psi", "V", 1, 0},           [FIELD_N] = {"n", "cm^-3", 1, 0},
    [FIELD_LAM] = {"Lam", "V", 1, 0},           [FIELD_PHI] = {"phi_n", "V", 1, 0},
    [FIELD_DOPING] = {"doping", "cm^-3", 1, 0}, [FIELD_J] = {"J", "A/cm^2", 3, 1},
    [FIELD_REGION] = {"region", "", 1, 1},
};
static const struct field points = {"Points", "nm", 3, 0};

static void write_base64(FILE *f, const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < size; i += 3) {
        unsigned v = (unsigned)data[i] << 16;

        v |= i + 1 < size ? (unsigned)data[i + 1] << 8 : 0;
        v |= i + 2 < size ? data[i + 2] : 0;
        putc(digits[v >> 18], f);
        putc(digits[v >> 12 & 63], f);
        putc(i + 1 < size ? digits[v >> 6 & 63] : '=', f);
        putc(i + 2 < size ? digits[v & 63] : '=', f);
    }
}

static void write_block(FILE *f, const void *data, size_t size)
{
    uint64_t header = size;
    unsigned char *block = mesh_calloc(size + sizeof(header), 1);

    /* length and data are one stream of base64 */
    memcpy(block, &header, sizeof(header));
    memcpy(block + sizeof(header), data, size);
    write_base64(f, block, size + sizeof(header));
    free(block);
}

/* vtkDataArray::UNITS_LABEL, which VTK keeps with the array. */
static void write_unit(FILE *f, const char *unit)
{
    if (unit[0])
        fprintf(f,
                "\n<InformationKey name=\"UNITS_LABEL\" location=\"vtkDataArray\">%s"
                "</InformationKey>\n",
                unit);
}

static void write_array(FILE *f, const char *type, const struct field *field, const void *data,
                        size_t size)
{
    fprintf(f, "<DataArray type=\"%s\" Name=\"%s\" NumberOfComponents=\"%d\" format=\"binary\">\n",
            type, field->name, field->components);
    write_block(f, data, size);
    write_unit(f, field->unit);
    fputs("</DataArray>\n", f);
}

/* The bias, which a file that was renamed would not tell. */
static void write_bias(FILE *f, const struct problem *pb)
{
    static const struct {
        const char *name;
        int contact;
    } biases[] = {{"VS", CONTACT_SOURCE}, {"VD", CONTACT_DRAIN}, {"VG", CONTACT_GATE}};

    fputs("<FieldData>\n", f);
    for (size_t i = 0; i < sizeof(biases) / sizeof(biases[0]); i++) {
        fprintf(f,
                "<DataArray type=\"Float64\" Name=\"%s\" NumberOfTuples=\"1\" "
                "format=\"ascii\">\n%.17g",
                biases[i].name, pb->volts[biases[i].contact]);
        write_unit(f, "V");
        fputs("</DataArray>\n", f);
    }
    fputs("</FieldData>\n", f);
}

static void nodal_values(const struct problem *pb, int which, double *ret)
{
    for (PetscInt i = 0; i < pb->d.n_local; i++) {
        int si = pb->d.silicon[i];
        const double v[] = {[FIELD_PSI] = pb->psi[i],
                            [FIELD_N] = si ? DENSITY_SCALE * exp(2 * pb->w[i]) : 0,
                            [FIELD_LAM] = problem_lambda(pb, i),
                            [FIELD_PHI] = pb->phi[i],
                            [FIELD_DOPING] = si ? DENSITY_SCALE * pb->doping[i] : 0};

        ret[i] = v[which];
    }
}

/* J = -q mu n grad(phi_n), A/cm^2, with the mean density of the tetrahedron. */
static void current_density(const struct problem *pb, PetscInt t, double *ret)
{
    const PetscInt *node = &pb->d.tet[4 * t];
    struct tet_shape s;
    double n = 0, mu = pb->tet_mu ? pb->tet_mu[t] : pb->p->mu;

    coupling_shape(pb->d.xyz, node, SCHEME_FE, &s);
    memset(ret, 0, 3 * sizeof(double));
    if (pb->d.region[t] != REGION_SILICON)
        return;
    for (int i = 0; i < 4; i++)
        n += 0.25 * DENSITY_SCALE * exp(2 * pb->w[node[i]]);
    for (int i = 0; i < 4; i++)
        for (int a = 0; a < 3; a++)
            ret[a] -= PHYS_CHARGE * mu * n * 1e7 * s.grad[i][a] * pb->phi[node[i]];
}

static void write_cells(FILE *f, const struct problem *pb, PetscInt n)
{
    static const struct field lists[] = {
        {"connectivity", "", 1, 1}, {"offsets", "", 1, 1}, {"types", "", 1, 1}};
    int64_t *conn = mesh_calloc(4 * (size_t)n, sizeof(*conn));
    int64_t *ends = mesh_calloc((size_t)n, sizeof(*ends));
    unsigned char *types = mesh_calloc((size_t)n, 1);
    PetscInt c = 0;

    for (PetscInt t = 0; t < pb->d.n_tets; t++) {
        if (!pb->d.owned_tet[t])
            continue;
        for (int k = 0; k < 4; k++)
            conn[4 * c + k] = pb->d.tet[4 * t + k];
        types[c] = 10; /* VTK_TETRA */
        ends[c] = 4 * (c + 1);
        c++;
    }
    fputs("<Cells>\n", f);
    write_array(f, "Int64", &lists[0], conn, 4 * (size_t)n * sizeof(*conn));
    write_array(f, "Int64", &lists[1], ends, (size_t)n * sizeof(*ends));
    write_array(f, "UInt8", &lists[2], types, (size_t)n);
    fputs("</Cells>\n", f);
    free(conn);
    free(ends);
    free(types);
}

static void write_fields(FILE *f, const struct problem *pb, PetscInt n)
{
    double *point = mesh_calloc((size_t)pb->d.n_local, sizeof(double));
    double *cell = mesh_calloc(3 * (size_t)n, sizeof(double));
    unsigned char *region = mesh_calloc((size_t)n, 1);
    PetscInt c = 0;

    fputs("<PointData>\n", f);
    for (int k = 0; k < FIELDS && !fields[k].on_cells; k++) {
        nodal_values(pb, k, point);
        write_array(f, "Float64", &fields[k], point, (size_t)pb->d.n_local * sizeof(double));
    }
    for (PetscInt t = 0; t < pb->d.n_tets; t++)
        if (pb->d.owned_tet[t]) {
            current_density(pb, t, &cell[3 * c]);
            region[c++] = pb->d.region[t];
        }
    fputs("</PointData>\n<CellData>\n", f);
    write_array(f, "Float64", &fields[FIELD_J], cell, 3 * (size_t)n * sizeof(double));
    write_array(f, "UInt8", &fields[FIELD_REGION], region, (size_t)n);
    fputs("</CellData>\n", f);
    free(point);
    free(cell);
    free(region);
}

static int write_piece(const struct problem *pb, const char *path)
{
    PetscInt n = 0;
    FILE *f = fopen(path, "we");

    if (!f)
        return -1;
    for (PetscInt t = 0; t < pb->d.n_tets; t++)
        n += pb->d.owned_tet[t];
    fputs("<?xml version=\"1.0\"?>\n<VTKFile type=\"UnstructuredGrid\" version=\"1.0\" "
          "byte_order=\"LittleEndian\" header_type=\"UInt64\">\n<UnstructuredGrid>\n",
          f);
    write_bias(f, pb);
    fprintf(f, "<Piece NumberOfPoints=\"%d\" NumberOfCells=\"%d\">\n<Points>\n", (int)pb->d.n_local,
            (int)n);
    write_array(f, "Float64", &points, pb->d.xyz, 3 * (size_t)pb->d.n_local * sizeof(double));
    fputs("</Points>\n", f);
    write_cells(f, pb, n);
    write_fields(f, pb, n);
    fputs("</Piece>\n</UnstructuredGrid>\n</VTKFile>\n", f);
    return loss_close(f);
}

static void announce(FILE *f, const char *type, const struct field *field)
{
    fprintf(f, "<PDataArray type=\"%s\" Name=\"%s\" NumberOfComponents=\"%d\">", type, field->name,
            field->components);
    write_unit(f, field->unit);
    fputs("</PDataArray>\n", f);
}

static int write_index(const struct problem *pb, const char *stem)
{
    char path[PARAM_TEXT_MAX + 96];
    const char *base = strrchr(stem, '/');
    FILE *f;

    snprintf(path, sizeof(path), "%s.pvtu", stem);
    f = fopen(path, "we");
    if (!f)
        return -1;
    fputs("<?xml version=\"1.0\"?>\n<VTKFile type=\"PUnstructuredGrid\" version=\"1.0\" "
          "byte_order=\"LittleEndian\" header_type=\"UInt64\">\n<PUnstructuredGrid "
          "GhostLevel=\"0\">\n",
          f);
    write_bias(f, pb);
    fputs("<PPoints>\n", f);
    announce(f, "Float64", &points);
    fputs("</PPoints>\n", f);
    for (int on_cells = 0; on_cells < 2; on_cells++) {
        fputs(on_cells ? "<PCellData>\n" : "<PPointData>\n", f);
        for (int k = 0; k < FIELDS; k++)
            if (fields[k].on_cells == on_cells)
                announce(f, k == FIELD_REGION ? "UInt8" : "Float64", &fields[k]);
        fputs(on_cells ? "</PCellData>\n" : "</PPointData>\n", f);
    }
    for (int r = 0; r < pb->d.size; r++)
        fprintf(f, "<Piece Source=\"%s_%d.vtu\"/>\n", base ? base + 1 : stem, r);
    fputs("</PUnstructuredGrid>\n</VTKFile>\n", f);
    return loss_close(f);
}

PetscErrorCode vtu_write(struct problem *pb, double vd, double vg)
{
    char stem[PARAM_TEXT_MAX + 64], path[PARAM_TEXT_MAX + 96];
    double bad;

    PetscFunctionBeginUser;
    snprintf(stem, sizeof(stem), "%s_vd%.*g_vg%.*g", pb->p->vtu, pb->p->vd.digits, vd,
             pb->p->vg.digits, vg);
    snprintf(path, sizeof(path), "%s_%d.vtu", stem, pb->d.rank);
    bad = write_piece(pb, path) < 0;
    if (pb->d.rank == 0)
        bad += write_index(pb, stem) < 0;
    if (domain_max(&pb->d, bad) > 0 && pb->d.rank == 0)
        loss_tell("vtu", stem);
    PetscFunctionReturn(0);
}

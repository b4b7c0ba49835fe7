# SPDX-License-Identifier: LGPL-2.1-or-later
# A small fin as a Gmsh 2.2 file, without Gmsh: silicon of NY cells, one cell of oxide above it along y, the gate on its top.
# Variables: length gate_from gate_to (nm), shift (added to x), scale (factor of all), source drain gate body silicon oxide
# (names; an empty surface is left out), unnamed (a surface without a name), type (of an element that is added).
function node(i, j, k) { return (i * (NY + 2) + j) * (NZ + 1) + k + 1 }
function triangle(tag, a, b, c) { if (tag in used) element[++n] = "2 2 " tag " " tag " " a " " b " " c }
function square(tag, a, b, c, d) { triangle(tag, a, b, c); triangle(tag, b, d, c) }
function name(dim, tag, word) { if (word != "") { used[tag] = 1; names[++m] = dim " " tag " \"" word "\"" } }
BEGIN {
    NX = 20; NY = 3; NZ = 3
    name(2, 1, source); name(2, 2, drain); name(2, 3, gate); name(2, 4, body); name(3, 5, silicon); name(3, 6, oxide)
    if (unnamed) used[7] = 1
    print "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$PhysicalNames\n" m
    for (i = 1; i <= m; i++) print names[i]
    print "$EndPhysicalNames\n$Nodes\n" (NX + 1) * (NY + 2) * (NZ + 1)
    for (i = 0; i <= NX; i++)
        for (j = 0; j <= NY + 1; j++)
            for (k = 0; k <= NZ; k++)
                printf "%d %.12g %.12g %.12g\n", node(i, j, k), scale * (shift + length_x * i / NX), scale * (j > NY ? 3.5 : 2.9 * j / NY), scale * 15 * k / NZ
    print "$EndNodes"
    split("1 0 0 0 1 0 0 0 1;1 0 0 0 0 1 0 1 0;0 1 0 1 0 0 0 0 1;0 1 0 0 0 1 1 0 0;0 0 1 1 0 0 0 1 0;0 0 1 0 1 0 1 0 0", way, ";")
    for (i = 0; i < NX; i++)
        for (j = 0; j <= NY; j++)
            for (k = 0; k < NZ; k++)
                for (w = 1; w <= 6; w++) {
                    split(way[w], s, " "); a = i; b = j; c = k; list = node(a, b, c)
                    for (e = 0; e < 3; e++) { a += s[3 * e + 1]; b += s[3 * e + 2]; c += s[3 * e + 3]; list = list " " node(a, b, c) }
                    element[++n] = "4 2 " (j < NY ? 5 : 6) " 1 " list
                }
    for (j = 0; j <= NY; j++)
        for (k = 0; k < NZ; k++) {
            square(1, node(0, j, k), node(0, j + 1, k), node(0, j, k + 1), node(0, j + 1, k + 1))
            square(2, node(NX, j, k), node(NX, j + 1, k), node(NX, j, k + 1), node(NX, j + 1, k + 1))
        }
    for (i = 0; i < NX; i++)
        for (k = 0; k < NZ; k++) {
            x = length_x * (i + 0.5) / NX
            if (x > gate_from && x < gate_to)
                square(3, node(i, NY + 1, k), node(i + 1, NY + 1, k), node(i, NY + 1, k + 1), node(i + 1, NY + 1, k + 1))
            square(4, node(i, 0, k), node(i + 1, 0, k), node(i, 0, k + 1), node(i + 1, 0, k + 1))
            if (unnamed) square(7, node(i, 0, k), node(i + 1, 0, k), node(i, 0, k + 1), node(i + 1, 0, k + 1))
        }
    if (type) element[++n] = type " 2 5 1 1 2 3 4 5 6 7 8 9 10"
    print "$Elements\n" n
    for (i = 1; i <= n; i++) print i, element[i]
    print "$EndElements"
}

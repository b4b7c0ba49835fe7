// SPDX-License-Identifier: LGPL-2.1-or-later
// Half of the reference FinFET as a free tetrahedral mesh, in nm: a model of what cpulift-ddg imports (docs/ddg-import.md).
//   gmsh -3 -order 1 -format msh41 fin.geo -o fin.msh
//   cpulift-ddg -device gmsh -mesh_file fin.msh -multiplicity 2
// Its lengths are the parameters' defaults: source_length 15, gate_length 10.7, drain_length 15; others must be given to both.
SetFactory("OpenCASCADE");
Ls = 15; Lg = 10.7; Ld = 15; L = Ls + Lg + Ld; // along x, from x = 0 on
W = 2.9; H = 15; T = 0.62;                     // half width, height, oxide

// Silicon, then the oxide beside it and above it, cut where the gate begins and ends so that the gate gets faces of its own.
Box(1) = {0, 0, 0, L, W, H};
Box(2) = {0, W, 0, Ls, T, H};     Box(3) = {Ls, W, 0, Lg, T, H};     Box(4) = {Ls + Lg, W, 0, Ld, T, H};
Box(5) = {0, 0, H, Ls, W + T, T}; Box(6) = {Ls, 0, H, Lg, W + T, T}; Box(7) = {Ls + Lg, 0, H, Ld, W + T, T};
BooleanFragments{ Volume{1:7}; Delete; }{}

// What is what: volumes silicon and oxide, surfaces source, drain and gate (and body).
e = 1e-3;
silicon() = Volume In BoundingBox{-e, -e, -e, L + e, W + e, H + e};
oxide() = Volume{:}; oxide() -= silicon();
Physical Volume("silicon") = {silicon()};
Physical Volume("oxide") = {oxide()};
Physical Surface("source") = {Surface In BoundingBox{-e, -e, -e, e, W + T + e, H + T + e}};
Physical Surface("drain") = {Surface In BoundingBox{L - e, -e, -e, L + e, W + T + e, H + T + e}};
side() = Surface In BoundingBox{Ls - e, W + T - e, -e, Ls + Lg + e, W + T + e, H + T + e};
top() = Surface In BoundingBox{Ls - e, -e, H + T - e, Ls + Lg + e, W + T + e, H + T + e};
Physical Surface("gate") = {side(), top()};

MeshSize{:} = 0.9;

// SPDX-License-Identifier: LGPL-2.1-or-later
// The resistor of the verification as a free tetrahedral mesh.
SetFactory("OpenCASCADE");
Box(1) = {0, 0, 0, 40, 5.8, 15};
MeshSize{:} = 3;
Physical Volume("silicon") = {1};
Physical Surface("source") = {1};
Physical Surface("drain") = {2};

// SPDX-License-Identifier: LGPL-2.1-or-later
// Half of the reference FinFET as a free tetrahedral mesh, nm.
SetFactory("OpenCASCADE");
Box(1)={0,0,0,40.7,2.9,15};
Box(2)={0,2.9,0,15,0.62,15}; Box(3)={15,2.9,0,10.7,0.62,15}; Box(4)={25.7,2.9,0,15,0.62,15};
Box(5)={0,0,15,15,3.52,0.62}; Box(6)={15,0,15,10.7,3.52,0.62}; Box(7)={25.7,0,15,15,3.52,0.62};
BooleanFragments{Volume{1:7};Delete;}{}
e=1e-3;
si()=Volume In BoundingBox{-e,-e,-e,40.7+e,2.9+e,15+e};
all()=Volume{:}; ox()=all(); ox()-=si();
Physical Volume("silicon")={si()}; Physical Volume("oxide")={ox()};
Physical Surface("source")={Surface In BoundingBox{-e,-e,-e,e,4,16}};
Physical Surface("drain")={Surface In BoundingBox{40.7-e,-e,-e,40.7+e,4,16}};
g1()=Surface In BoundingBox{15-e,3.52-e,-e,25.7+e,3.52+e,16};
g2()=Surface In BoundingBox{15-e,-e,15.62-e,25.7+e,4,15.62+e};
Physical Surface("gate")={g1(),g2()};
MeshSize{:} = 0.9;

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a .pvtu and its pieces as a VTK reader would: sizes, offsets, indices, finite values, units, the bias."""
import base64
import math
import os
import struct
import sys
import xml.etree.ElementTree as ET

UNITS = {"Points": "nm", "psi": "V", "n": "cm^-3", "Lam": "V", "phi_n": "V", "doping": "cm^-3", "J": "A/cm^2"}
FORMATS = {"Float64": "d", "Int64": "q", "UInt8": "B"}


def array(element):
    raw = base64.b64decode(element.text.strip())
    size = struct.unpack("<Q", raw[:8])[0]
    assert size == len(raw) - 8, element.get("Name")
    code = FORMATS[element.get("type")]
    return struct.unpack("<%d%s" % (size // struct.calcsize(code), code), raw[8:])


def check_bias(grid, bias):
    found = {e.get("Name"): e for e in grid.findall("FieldData/DataArray")}
    for name, volts in bias.items():
        assert float(found[name].text) == volts, (name, found[name].text)
        assert found[name].get("NumberOfTuples") == "1"
        assert found[name].find("InformationKey").text == "V"


def check_units(arrays):
    for e in arrays:
        key = e.find("InformationKey[@name='UNITS_LABEL'][@location='vtkDataArray']")
        assert (key.text if key is not None else None) == UNITS.get(e.get("Name")), e.get("Name")


def check_piece(path, names, bias):
    grid = ET.parse(path).getroot().find("UnstructuredGrid")
    check_bias(grid, bias)
    piece = grid.find("Piece")
    check_units(piece.iter("DataArray"))
    points, cells = int(piece.get("NumberOfPoints")), int(piece.get("NumberOfCells"))
    arrays = {e.get("Name"): array(e) for e in piece.iter("DataArray")}
    assert len(arrays["Points"]) == 3 * points
    assert len(arrays["connectivity"]) == 4 * cells
    assert max(arrays["connectivity"]) < points and min(arrays["connectivity"]) >= 0
    assert arrays["offsets"] == tuple(4 * (i + 1) for i in range(cells))
    assert set(arrays["types"]) == {10}
    assert names <= set(arrays), names - set(arrays)
    assert all(math.isfinite(v) for n in names for v in arrays[n])
    return cells


def main(path, vs, vd, vg):
    bias = {"VS": float(vs), "VD": float(vd), "VG": float(vg)}
    index = ET.parse(path).getroot().find("PUnstructuredGrid")
    check_bias(index, bias)
    check_units(index.iter("PDataArray"))
    names = {e.get("Name") for tag in ("PPointData", "PCellData") for e in index.find(tag)}
    folder = os.path.dirname(path)
    total = sum(check_piece(os.path.join(folder, p.get("Source")), names, bias)
                for p in index.findall("Piece"))
    assert total == 20 * 4 * 6 * 6, total


main(*sys.argv[1:])

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds PETSc's -snes_test_jacobian_view (standard input) to a tolerance row by row, since the norm of the whole matrix sees its largest rows only."""
import re
import sys

FLOOR = 1e-7  # PETSc drops differences under 1e-12
TITLES = {"Hand-coded Jacobian": "ours", "Finite difference Jacobian": "differences"}


def read(lines):
    """Pairs of matrices, each a list of rows {column: value}."""
    matrices, current = [], None
    for line in lines:
        title = next((t for t in TITLES if line.strip().startswith(t + " ---")), None)
        if title:
            current = []
            matrices.append((TITLES[title], current))
        elif line.strip().startswith("Hand-coded minus"):
            current = None
        elif current is not None and line.startswith("row "):
            current.append({int(c): float(v) for c, v in re.findall(r"\((\d+), ([^)]*)\)", line)})
    return matrices


def worst_row(ours, differences):
    worst = (0, -1)
    for number, (a, b) in enumerate(zip(ours, differences)):
        largest = max(FLOOR, max(abs(v) for v in a.values()))
        error = max(abs(a.get(c, 0) - b.get(c, 0)) for c in a.keys() | b.keys()) / largest
        worst = max(worst, (error, number))
    return worst


def main(tolerance):
    matrices = read(sys.stdin)
    assert len(matrices) >= 2 and len(matrices) % 2 == 0, len(matrices)
    for (name, ours), (other, differences) in zip(matrices[::2], matrices[1::2]):
        assert (name, other) == ("ours", "differences") and len(ours) == len(differences) > 0
        error, number = worst_row(ours, differences)
        print("# %d rows, the worst is row %d (of psi, w, phi: %d), %.1e of its largest entry" % (len(ours), number, number % 3, error))
        if error > tolerance:
            sys.exit(1)


main(float(sys.argv[1]))

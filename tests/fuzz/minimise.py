# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keeps of what a fuzz target found, and of what was kept before, the few files that reach furthest beside its named seeds.

minimise.py TARGET…: in the sanitizers' build (tools/sanitizers.sh), after tools/fuzz.sh.
"""
import pathlib
import subprocess
import sys
import tempfile

FILES_MAX = 40
HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build-asan"


def find_features(target, folders):
    """What each file reaches, by path, as libFuzzer's merge notes it."""
    with tempfile.TemporaryDirectory() as scratch:
        control = pathlib.Path(scratch, "control")
        subprocess.run([BUILD / "tests/fuzz" / f"fuzz_{target}", "-merge=1", f"-merge_control_file={control}", scratch, *folders],
                       check=True, capture_output=True)
        lines = control.read_text().splitlines()
    paths = [pathlib.Path(line) for line in lines[2:2 + int(lines[0])]]
    marks = [line.split() for line in lines if line.startswith("FT ")]
    return {paths[int(mark[1])]: set(mark[2:]) for mark in marks}


def minimise(target):
    seeds, merged = HERE / "corpus" / target, HERE / "merged" / target
    features = find_features(target, [folder for folder in (seeds, merged, BUILD / "found" / target) if folder.is_dir()])
    reached = set().union(*(found for path, found in features.items() if path.parent == seeds))
    kept = {}
    while len(kept) + len(list(seeds.iterdir())) < FILES_MAX:
        best = max(features, key=lambda path: (len(features[path] - reached), path.name))
        if not features[best] - reached:
            break
        reached |= features.pop(best)
        kept[best.name] = best.read_bytes()
    merged.mkdir(parents=True, exist_ok=True)
    for path in merged.iterdir():
        path.unlink()
    for name, text in kept.items():
        (merged / name).write_bytes(text)
    print(f"{target}: {len(kept)} kept, {len(reached)} features")


for name in sys.argv[1:]:
    minimise(name)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is installed is in one package each, of Debian's and of RPM's, and all of them are of one version: packages.py BUILD SOURCE.
tools/packages.sh builds and installs them."""
import fnmatch
import glob
import json
import os
import re
import subprocess
import sys

BUILD, SOURCE = sys.argv[1:3]
MACROS = {"_bindir": "usr/bin", "_sbindir": "usr/sbin", "_libexecdir": "usr/libexec", "_datadir": "usr/share", "_mandir": "usr/share/man",
          "_unitdir": "usr/lib/systemd/system", "_sysusersdir": "usr/lib/sysusers.d", "_sysconfdir": "etc"}
# The RPM has no simulator and no Linpack; the example becomes the configuration.
NOT_IN_RPM = ("usr/bin/cpulift-ddg", "usr/bin/cpulift-linpack", "usr/share/man/man1/cpulift-ddg.1", "usr/share/man/man1/cpulift-linpack.1",
              "usr/share/doc/cpulift/examples/cpuliftd.conf")
NOT_IN_DEBIAN = ("usr/share/doc/cpulift/examples/cpuliftd.conf",)
FAULTS = []


def read(path):
    with open(f"{SOURCE}/{path}") as file:
        return file.read()


def introspect(what):
    return json.loads(subprocess.run(["meson", "introspect", what, BUILD], check=True, capture_output=True, text=True).stdout)


def list_installed():
    options = {option["name"]: option["value"] for option in introspect("--buildoptions")}
    places = introspect("--installed").values()
    return sorted(f"usr/{os.path.relpath(place, options['prefix'])}" for place in places)


def fits(path, pattern):
    return fnmatch.fnmatch(path, pattern) or path.startswith(pattern.rstrip("/") + "/")


def read_debian():
    """Patterns by package, and what is left out of cpulift."""
    packages = {}
    for path in glob.glob(f"{SOURCE}/debian/*.install"):
        with open(path) as file:
            packages[os.path.basename(path)[:-len(".install")]] = [line.split()[0] for line in file if line.strip()]
    left_out = re.findall(r"-X(\S+)", re.search(r"dh_install -pcpulift (.*)", read("debian/rules"))[1])
    return packages, {"cpulift": [f"*{word}*" for word in left_out]}


def read_rpm():
    packages, left_out, name = {}, {}, None
    for line in read("data/rpm/cpulift.spec").splitlines():
        section = re.match(r"%(\w+) ?(\S*)", line)
        if section and section[1] in ("files", "changelog", "prep", "package", "description"):
            name = (f"cpulift-{section[2]}" if section[2] else "cpulift") if section[1] == "files" else None
        path = re.search(r"%{(_\w+)}(/\S*)", line)
        if name and path and not line.startswith("%dir"):
            (left_out if line.startswith("%exclude") else packages).setdefault(name, []).append(MACROS[path[1]] + path[2])
    return packages, left_out


def check(what, packages, left_out, not_there):
    for path in set(list_installed()) - set(not_there):
        owners = [name for name, patterns in packages.items()
                  if any(fits(path, one) for one in patterns) and not any(fits(path, one) for one in left_out.get(name, []))]
        if len(owners) != 1:
            FAULTS.append(f"{what}: '{path}' is in {owners or 'no package'}")


def check_versions():
    versions = {"meson.build": re.search(r"version: '([^']*)'", read("meson.build"))[1],
                "debian/changelog": re.match(r"cpulift \(([^)]*)\)", read("debian/changelog"))[1],
                "data/rpm/cpulift.spec": re.search(r"^Version: *(\S+)", read("data/rpm/cpulift.spec"), re.M)[1]}
    if len(set(versions.values())) != 1:
        FAULTS.append(f"versions differ: {versions}")


check("Debian", *read_debian(), NOT_IN_DEBIAN)
check("RPM", *read_rpm(), NOT_IN_RPM)
check_versions()
for fault in FAULTS:
    print(fault)
sys.exit(bool(FAULTS))

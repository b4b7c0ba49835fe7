#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a release was made with, as SPDX 2.3: sbom.py BUILDINFO >SBOM. Debian's record of the build names every package that was there; what the static programs
hold is told apart (Built-Using of cpulift-hook, read from its package beside it)."""
import glob
import hashlib
import json
import os
import re
import subprocess
import sys


def read_fields(text):
    """A control file's fields; continued lines are joined."""
    return {name: value for name, value in re.findall(r"^(\S+):[ \n]*((?:.*\n?)(?: .*\n?)*)", text, re.M)}


def make_package(name, version, **more):
    number = re.sub(r"[^A-Za-z0-9.-]", "-", f"{name}-{version}")
    return {"SPDXID": f"SPDXRef-{number}", "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION", "filesAnalyzed": False, **more}


def make_document(path):
    with open(path) as file:
        fields = read_fields(file.read())
    version, folder = fields["Version"].strip(), os.path.dirname(path) or "."
    hook = glob.glob(f"{folder}/cpulift-hook_{version}_*.deb")[0]
    built = subprocess.run(["dpkg-deb", "-f", hook, "Built-Using"], check=True, capture_output=True, text=True).stdout
    own = make_package("cpulift", version, licenseConcluded="LGPL-2.1-or-later", licenseDeclared="LGPL-2.1-or-later")
    inside = [make_package(*one) for one in re.findall(r"(\S+) \(= ([^)]*)\)", built)]
    beside = [make_package(*one) for one in re.findall(r"(\S+) \(= ([^)]*)\)", fields["Installed-Build-Depends"])]
    relations = [(own, "STATIC_LINK", one) for one in inside] + [(one, "BUILD_DEPENDENCY_OF", own) for one in beside]
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"cpulift-{version}",
        "documentNamespace": f"urn:sha256:{digest}",
        "creationInfo": {"created": subprocess.run(["date", "-u", "-d", fields["Build-Date"].strip(), "+%Y-%m-%dT%H:%M:%SZ"], check=True, capture_output=True,
                                                   text=True).stdout.strip(), "creators": ["Tool: cpulift-sbom"]},
        "packages": [own, *inside, *(one for one in beside if one not in inside)],
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": own["SPDXID"]}] +
                         [{"spdxElementId": a["SPDXID"], "relationshipType": kind, "relatedSpdxElement": b["SPDXID"]} for a, kind, b in relations],
    }


print(json.dumps(make_document(sys.argv[1]), indent=1, sort_keys=True))

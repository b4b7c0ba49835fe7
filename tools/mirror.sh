#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The mirror that this machine has its own release from, for debootstrap.
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt's own
apt-get indextargets --format '$(REPO_URI)' "Codename: $release" "Created-By: Packages" | sort -u | head -n 1

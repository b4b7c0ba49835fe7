// SPDX-License-Identifier: LGPL-2.1-or-later
/// What ties a guest to the host where it runs, whatever CPU it has: its host's devices and the
/// like. libvirt or QEMU moves it nowhere, or only where that device allows it.
#pragma once

#include "base/xml.h"

#include <glib.h>

/// Adds what ties the guest of this domain for certain to `sure`, and what perhaps does to
/// `unsure`, in libvirt's words: "<hostdev type='pci'>". The strings are the lists'.
void bond_find(const xmlNode *domain, GPtrArray *sure, GPtrArray *unsure);

/// True for an element that ties the guest, for certain or perhaps.
bool bond_ties(const xmlNode *node);

/// Leaves of such an element what bond_find() reads.
void bond_reduce(xmlNode *node);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a host's own libvirt says to a CPU (virConnectCompareHypervisorCPU): whether its QEMU can
/// give it. It knows neither the guest's topology nor what else of it decides.
#pragma once

#include "base/auto.h"
#include "virt/conn.h"

/// Of each of the list's {"virt", "machine", "cpu": the element} in turn {"can": "yes", "no" or
/// "unknown", "why"}. The caller's.
json_t *opinion_ask(const virt_conn *conn, const json_t *questions);

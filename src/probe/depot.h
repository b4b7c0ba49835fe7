// SPDX-License-Identifier: LGPL-2.1-or-later
/// The guest's image on another machine: a storage pool of libvirt's, for as long as the guest
/// lives.
#pragma once

#include "core/plan.h"
#include "probe/scene.h"
#include "virt/conn.h"

/// Puts the plan's image where the scene has it on this machine. One that is there already (a
/// shared folder) is taken. What was made is the caller's, for depot_remove(), after a failure too.
int depot_put(const virt_conn *conn, const struct scene *scene, const cpulift_plan *plan,
              cpulift_error **err);

/// Removes what depot_put() made for this scene, if it did.
void depot_remove(const virt_conn *conn, const struct scene *scene);

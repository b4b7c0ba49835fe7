// SPDX-License-Identifier: LGPL-2.1-or-later
/// The private folder that a guest started by libvirt needs, and a kernel that QEMU itself starts:
/// its image, a kernel's initramfs, and a socket to which QEMU connects the serial line of a guest
/// that is not migrated. One way for a system daemon (whose QEMU is another user), a session daemon
/// and the embedded driver alike.
#pragma once

#include "base/error.h"
#include "core/plan.h"
#include "probe/wording.h"

struct scene {
    char *folder, *image, *initramfs, *socket; ///< paths
    char *name;                                ///< of the domain, unique
};

/// Makes the folder and the image, which is the plan's probe guest or this kernel. The caller frees
/// `ret_scene` with scene_clear().
int scene_make(const cpulift_plan *plan, const struct start_kernel *kernel, struct scene *ret_scene,
               cpulift_error **err);

/// Removes what was made; what is gone already is fine.
void scene_clear(struct scene *scene);

/// Opens the socket. Returns its descriptor, or a negative code.
int scene_listen(const struct scene *scene, cpulift_error **err);

/// The serial line's descriptor once QEMU has connected, or -1 after `timeout_ms`.
int scene_accept(int listener, int timeout_ms);

/// Where the guest's serial line goes.
enum scene_serial {
    SCENE_SOCKET,  ///< ours; one record
    SCENE_CONSOLE, ///< libvirt's, which can be opened wherever the guest was migrated to; a loop
    SCENE_FILE,    ///< the file of scene_make_file(), to which each QEMU appends; a loop
};

/// Makes an empty file in the place of the socket, which QEMU may write whoever it is.
int scene_make_file(const struct scene *scene, cpulift_error **err);

/// The domain's XML. The caller frees it.
char *scene_format_domain(const struct scene *scene, const cpulift_plan *plan,
                          const struct start_options *options, const struct wording *wording,
                          enum scene_serial serial);

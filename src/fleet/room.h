// SPDX-License-Identifier: LGPL-2.1-or-later
/// Whether the guests of a host find room on the others, all at once, where their CPU lets them go.
#pragma once

#include "fleet/matrix.h"

/// What QEMU and the host itself need besides the guests' memory: CloudStack's default
/// (host.reserved.mem.mb), in KiB.
#define ROOM_RESERVED (UINT64_C(1) << 20)

/// So many vCPUs on each CPU at least: Nova's default (initial_cpu_allocation_ratio).
#define ROOM_RATIO 4.0

enum room_answer {
    ROOM_UNKNOWN, ///< a size is not known without which it cannot be said
    ROOM_YES,
    ROOM_NOT_FOUND, ///< not every way was tried
    ROOM_NO,
};

/// "unknown", "yes", "not found", "no": as documents say it.
extern const char *const room_words[];

/// What guests need together.
struct room_need {
    guint64 memory; ///< KiB
    guint64 vcpus;
};

typedef struct fleet_rooms fleet_rooms;

/// `matrix` is of all guests, and outlives it. `ratio`: so many vCPUs on each CPU of a host; 0:
/// ROOM_RATIO, or as many as the fullest has. Guests whose host is none of these are moved first,
/// and take room from the others.
fleet_rooms *fleet_rooms_new(const fleet_matrix *matrix, double ratio);
void fleet_rooms_free(fleet_rooms *rooms);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(fleet_rooms, fleet_rooms_free)

/// Of the guests of this host that can go to some other, and what they need; `host` may be one that
/// is gone: all of those are then asked about together.
enum room_answer fleet_rooms_find(const fleet_rooms *rooms, const char *host,
                                  struct room_need *ret_need);

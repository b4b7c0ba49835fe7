// SPDX-License-Identifier: LGPL-2.1-or-later
/// Every guest × every host: kinds of guests × kinds of hosts are judged, each pair once.
#pragma once

#include "core/inventory.h"
#include "fleet/cell.h"

typedef struct fleet_matrix fleet_matrix;

/// Borrows all, which must outlive it: the hosts (sorted), the guests (fleet_guest *) and the map.
fleet_matrix *fleet_matrix_new(const inventory *hosts, const GPtrArray *guests, const catalog *map);
void fleet_matrix_free(fleet_matrix *matrix);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(fleet_matrix, fleet_matrix_free)

/// What it was made of, borrowed.
const inventory *fleet_matrix_get_hosts(const fleet_matrix *matrix);
const GPtrArray *fleet_matrix_get_guests(const fleet_matrix *matrix);
const catalog *fleet_matrix_get_map(const fleet_matrix *matrix);

/// The number of the kind that the guest of this index is of; below fleet_matrix_count_kinds().
size_t fleet_matrix_get_kind(const fleet_matrix *matrix, size_t guest);
size_t fleet_matrix_count_kinds(const fleet_matrix *matrix);

/// Whether guests of this kind can go to hosts of that kind (an index into the inventory's),
/// borrowed.
const fleet_cell *fleet_matrix_get(const fleet_matrix *matrix, size_t guest_kind, size_t host_kind);

/// Notes what libvirt there says. `why` is copied and may be NULL.
void fleet_matrix_set_opinion(fleet_matrix *matrix, size_t guest_kind, size_t host_kind,
                              enum fleet_can can, const char *why);

/// One of the guests of this kind, borrowed.
const fleet_guest *fleet_matrix_get_sample(const fleet_matrix *matrix, size_t guest_kind);

/// Guests × other hosts of which libvirt there says otherwise.
size_t fleet_matrix_count_disputed(const fleet_matrix *matrix);

/// Of so many hosts but its own this is the answer for the guest of this index.
size_t fleet_matrix_count_targets(const fleet_matrix *matrix, size_t guest, enum fleet_can can);

// SPDX-License-Identifier: LGPL-2.1-or-later
/// The live XML of a guest: judged whatever it says, and what agents tell of it says the same.
#include "fleet/cell.h"
#include "fuzz.h"
#include "pool.h"
#include "support.h"

#include <string.h>

static const cpulift_host *get_target(void)
{
    static const struct pool_host target = {.name = "target",
                                            .model = "Westmere",
                                            .qemu = "7.2.0",
                                            .libvirt = "9.0.0",
                                            .phys_bits = 46};
    static inventory *hosts;
    hosts = hosts != NULL ? hosts : pool_new(&target, 1);
    return inventory_find(hosts, "target")->host;
}

static void judge(const fleet_guest *guest)
{
    const catalog *map = support_get_catalog();
    g_auto(compare_side) side = {0};
    bool is_known = fleet_guest_take(guest, map, &side, NULL) == 0;
    g_autoptr(fleet_cell) cell = fleet_judge(guest, is_known ? &side : NULL, get_target(), map);
    bool is_tied = guest->bonds[0] != NULL || guest->doubts[0] != NULL;
    g_assert((cell->can == FLEET_YES) == (cell->because->len == 0));
    g_assert(cell->can != FLEET_YES || (is_known && !is_tied));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(fleet_guest) guest = NULL, again = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_autofree char *xml = NULL;
    if (fleet_guest_parse((const char *)data, size, "fuzz", "home", &guest, &err) != 0) {
        g_assert(err != NULL);
        return 0;
    }
    judge(guest);
    if (fleet_guest_reduce((const char *)data, size, "fuzz", &xml, &err) != 0) {
        g_assert(strstr(err->message, "namespace") != NULL);
        return 0;
    }
    g_assert(fleet_guest_parse(xml, strlen(xml), "fuzz", "home", &again, NULL) == 0);
    g_assert(strcmp(again->key, guest->key) == 0);
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fleet/matrix.h"

#include "pool.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define HOST(called, bits)                                                                         \
    {                                                                                              \
        .name = (called), .model = "Westmere", .more = "invtsc", .qemu = "7.2.0",                  \
        .libvirt = "9.0.0", .phys_bits = (bits)                                                    \
    }

static const struct pool_host fleet[] = {HOST("home", 46), HOST("like", 46), HOST("wide", 52),
                                         HOST("unsaid", 0)};

/// Guests of these hosts have machine types of distributions, too.
static inventory *make_fleet(void)
{
    inventory *hosts = pool_new(fleet, G_N_ELEMENTS(fleet));
    static const char *const names[] = {"pc-i440fx-7.2", "pc-i440fx-jammy-hpb",
                                        "pc-i440fx-rhel7.6.0", NULL};
    for (size_t k = 0; k < hosts->kinds->len; k++) {
        const struct host_kind *kind = hosts->kinds->pdata[k];
        host_guest *guest = kind->host->guests->pdata[0];
        g_free(guest->canonical_machine);
        guest->canonical_machine = g_strdup("pc-i440fx-7.2");
        host_add_machines(kind->host, "kvm")->names = g_strdupv((char **)names);
    }
    return hosts;
}

/// A guest of "home": what its XML has in <cpu>, in <features>, and beside them.
struct guest {
    const char *machine, *cpu, *features, *more;
};

static fleet_guest *make_guest(const struct guest *said)
{
    g_autofree char *xml = g_strdup_printf(
        "<domain type='kvm'><name>g</name><memory unit='KiB'>1048576</memory><vcpu>2</vcpu><os>"
        "<type arch='x86_64' machine='%s'>hvm</type></os><features><acpi/>%s</features>"
        "<cpu mode='custom' match='exact' check='full'><model>Westmere</model>%s</cpu>%s</domain>",
        said->machine != NULL ? said->machine : "pc-i440fx-7.2",
        said->features != NULL ? said->features : "", said->cpu != NULL ? said->cpu : "",
        said->more != NULL ? said->more : "");
    fleet_guest *guest = NULL;
    cpulift_error *err = NULL;
    if (fleet_guest_parse(xml, strlen(xml), "g.xml", "home", &guest, &err) != 0) {
        fail_msg("%s", err->message);
    }
    return guest;
}

static fleet_cell *judge(const fleet_guest *guest, const char *target)
{
    g_autoptr(inventory) hosts = make_fleet();
    g_auto(compare_side) side = {0};
    bool is_known = fleet_guest_take(guest, support_get_catalog(), &side, NULL) == 0;
    return fleet_judge(guest, is_known ? &side : NULL, inventory_find(hosts, target)->host,
                       support_get_catalog());
}

static void expect(const struct guest *said, const char *target, enum fleet_can can,
                   const char *because)
{
    g_autoptr(fleet_guest) guest = make_guest(said);
    fleet_guest_set_host_width(guest, 46);
    g_autoptr(fleet_cell) cell = judge(guest, target);
    g_autofree char *why = fleet_cell_format_because(cell);
    if (cell->can != can || strcmp(why, because) != 0) {
        fail_msg("%s %s %s to %s: %s, %s", said->machine, said->cpu, said->more, target,
                 fleet_can_to_string(cell->can), why);
    }
}

/// What libvirt or QEMU moves nowhere, or perhaps not, is no yes, whatever the CPU is.
static void what_ties_a_guest_to_its_host_is_no_yes(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        enum fleet_can can;
        const char *because;
    } cases[] = {
        {"", FLEET_YES, ""},
        {"<devices><hostdev mode='subsystem' type='usb'/></devices>", FLEET_YES, ""},
        {"<devices><hostdev mode='subsystem' type='pci'/></devices>", FLEET_UNKNOWN,
         "libvirt: <hostdev type='pci'>"},
        {"<devices><hostdev mode='capabilities' type='storage'/></devices>", FLEET_UNKNOWN,
         "libvirt: <hostdev type='storage'>"},
        {"<devices><hostdev type='pci'><teaming type='transient'/></hostdev></devices>", FLEET_YES,
         ""},
        {"<devices><interface type='bridge'/><interface type='hostdev'/></devices>", FLEET_UNKNOWN,
         "libvirt: <interface type='hostdev'>"},
        {"<devices><interface type='hostdev'><teaming type='transient'/></interface></devices>",
         FLEET_YES, ""},
        {"<devices><interface type='vdpa'/></devices>", FLEET_UNKNOWN,
         "libvirt: <interface type='vdpa'>"},
        {"<devices><disk type='nvme'/></devices>", FLEET_UNKNOWN, "libvirt: <disk type='nvme'>"},
        {"<devices><disk type='file'><transient/></disk></devices>", FLEET_NO,
         "libvirt: <disk><transient>"},
        {"<devices><shmem name='a'/></devices>", FLEET_NO, "libvirt: <shmem>"},
        {"<devices><shmem name='a' role='master'/></devices>", FLEET_YES, ""},
        {"<devices><filesystem/></devices>", FLEET_UNKNOWN, "libvirt: <filesystem>"},
        {"<launchSecurity type='sev'/>", FLEET_NO, "libvirt: <launchSecurity type='sev'>"},
        {"<devices><shmem name='a'/><shmem name='b'/><hostdev type='pci'/></devices>", FLEET_NO,
         "libvirt: <shmem>"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        expect(&(struct guest){.more = cases[i].more}, "like", cases[i].can, cases[i].because);
    }
    expect(&(struct guest){.features = "<hyperv mode='custom'><relaxed state='on'/></hyperv>"},
           "like", FLEET_YES, "");
    expect(&(struct guest){.features = "<hyperv mode='passthrough'/>"}, "like", FLEET_UNKNOWN,
           "libvirt: <hyperv mode='passthrough'>");
}

/// QEMU keeps a guest whose TSC never stops where it is, unless its rate is told.
static void an_invariant_tsc_needs_its_frequency(void **state)
{
    (void)state;
    const char *cpu = "<feature policy='require' name='invtsc'/>";
    const char *clock =
        "<clock><timer name='rtc'/><timer name='tsc' frequency='3000000000'/></clock>";
    expect(&(struct guest){.cpu = cpu}, "like", FLEET_NO,
           "libvirt: invtsc without the frequency of the TSC");
    expect(&(struct guest){.cpu = cpu, .more = clock}, "like", FLEET_YES, "");
}

/// The width of some machine types is their host's: another host gives another without a word.
static void a_width_that_is_the_hosts_stays_among_its_like(void **state)
{
    (void)state;
    const struct guest hpb = {.machine = "pc-i440fx-jammy-hpb"};
    const struct guest rhel = {.machine = "pc-i440fx-rhel7.6.0"};
    const struct guest stated = {.machine = "pc-i440fx-jammy-hpb",
                                 .cpu = "<maxphysaddr mode='emulate' bits='42'/>"};
    static const char *const unknown = "width: that of the host where it started";
    expect(&hpb, "like", FLEET_YES, "");
    expect(&hpb, "wide", FLEET_NO, "width: 46 bits would be 52");
    expect(&hpb, "unsaid", FLEET_UNKNOWN, unknown);
    expect(&rhel, "wide", FLEET_NO, "width: 46 bits would be 48");
    expect(&stated, "wide", FLEET_YES, "");
}

/// What a newer libvirt may write is not read as if it were not there.
static void what_is_not_understood_is_no_yes(void **state)
{
    (void)state;
    static const char *const widths[] = {"<maxphysaddr mode='new'/>", "<maxphysaddr/>",
                                         "<maxphysaddr mode='emulate' bits='x'/>",
                                         "<maxphysaddr mode='emulate' bits='4096'/>"};
    static const char *const topologies[] = {"<topology sockets='x' cores='2' threads='1'/>",
                                             "<topology sockets='1' cores='x' threads='1'/>",
                                             "<topology sockets='1' parts='2' cores='1'/>"};
    for (size_t i = 0; i < G_N_ELEMENTS(widths); i++) {
        expect(&(struct guest){.cpu = widths[i]}, "like", FLEET_UNKNOWN,
               "width: its <maxphysaddr> is not understood");
    }
    for (size_t i = 0; i < G_N_ELEMENTS(topologies); i++) {
        expect(&(struct guest){.cpu = topologies[i]}, "like", FLEET_UNKNOWN,
               "topology: it does not make the guest's vCPUs");
    }
}

/// A guest of which there is no more than a name stays so in a rehearsal.
static void one_that_cannot_be_read_is_unknown_after_a_power_cycle_too(void **state)
{
    (void)state;
    static const struct planner_options options = {.pool = "p", .virt = "kvm", .machine = "pc"};
    g_autoptr(cpulift_plan) plan = pool_plan(fleet, 1, &options, NULL);
    g_autoptr(fleet_guest) guest = fleet_guest_new_unread("g", "home", "it went away");
    g_autoptr(fleet_guest) again = fleet_guest_restart(guest, plan, 0);
    g_autoptr(fleet_cell) cell = judge(again, "like");
    g_autofree char *why = fleet_cell_format_because(cell);
    assert_int_equal(cell->can, FLEET_UNKNOWN);
    assert_string_equal(why, "libvirt: it went away");
}

/// A power cycle changes the CPU, and no device.
static void a_power_cycle_leaves_what_ties_a_guest(void **state)
{
    (void)state;
    static const struct planner_options options = {.pool = "p", .virt = "kvm", .machine = "pc"};
    g_autoptr(cpulift_plan) plan = pool_plan(fleet, 1, &options, NULL);
    g_autoptr(fleet_guest) guest = make_guest(&(struct guest){
        .more = "<devices><shmem name='a'/></devices>", .cpu = "<maxphysaddr mode='new'/>"});
    g_autoptr(fleet_guest) again = fleet_guest_restart(guest, plan, 0);
    g_autoptr(fleet_cell) cell = judge(again, "like");
    g_autofree char *why = fleet_cell_format_because(cell);
    assert_string_equal(why, "libvirt: <shmem>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_ties_a_guest_to_its_host_is_no_yes),
        cmocka_unit_test(an_invariant_tsc_needs_its_frequency),
        cmocka_unit_test(a_width_that_is_the_hosts_stays_among_its_like),
        cmocka_unit_test(what_is_not_understood_is_no_yes),
        cmocka_unit_test(one_that_cannot_be_read_is_unknown_after_a_power_cycle_too),
        cmocka_unit_test(a_power_cycle_leaves_what_ties_a_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/domain.h"
#include "fleet/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// After its prerequisites.
#include <cmocka.h>

#define DOMAIN(attributes, children)                                                               \
    "<domain " attributes ">\n  <name>web &amp; <!-- x -->1</name><memory unit='KiB'>2097152"      \
    "</memory>\n"                                                                                  \
    "<metadata><a xmlns='urn:a'><cpu>secret</cpu></a></metadata><title>secret</title>\n" children  \
    "<devices><graphics passwd='secret'/><disk><source "                                           \
    "file='secret'/></disk></devices></domain>\n"
#define QEMU "type='kvm' id='7' xmlns:qemu='" DOMAIN_QEMU_NAMESPACE "'"

#define OS                                                                                         \
    "<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><loader>secret</loader></os>"          \
    "<features><acpi/><apic/><pmu state='on'/><hyperv><vendor_id value='secret'/></hyperv>"        \
    "</features>"

static const char *const guests[] = {
    DOMAIN("type='kvm' id='3'", ""),
    DOMAIN("type='qemu'",
           OS "<vcpu placement='static' current='1'>4</vcpu><cpu mode='custom' match='exact' "
              "check='full'><model fallback='forbid'>Nehalem</model><vendor>Intel</vendor>"
              "<topology sockets='1' dies='1' cores='4' threads='1'/><maxphysaddr "
              "mode='emulate' bits='40'/><feature policy='require' name='aes'/></cpu>"
              "<cpu><model>another</model></cpu>"),
    DOMAIN("type='kvm'", "<cpu mode='host-passthrough' check='none'><maxphysaddr "
                         "mode='passthrough'/></cpu><vcpu>2</vcpu>"),
    DOMAIN(QEMU, OS "<qemu:commandline><qemu:arg value='-object'/><qemu:arg "
                    "value='secret,data=secret'/><qemu:arg value='-cpu'/><qemu:arg "
                    "value='host'/><qemu:env name='A' value='secret'/></qemu:commandline>"),
    DOMAIN(QEMU, "<qemu:commandline><qemu:arg value='-overcommit'/><qemu:arg "
                 "value='cpu-pm=on'/></qemu:commandline>"
                 "<commandline><arg value='-cpu'/></commandline>"),
    DOMAIN(QEMU, "<qemu:commandline><qemu:arg value='secret'/></qemu:commandline>"
                 "<os firmware='efi'/><x:cpu xmlns:x='urn:x'/>"),
    DOMAIN("type='kvm'",
           "<uuid>5f6e1a52-0000-4000-8000-000000000001</uuid><clock offset='utc'><timer "
           "name='rtc' track='secret'/><timer name='tsc' frequency='3000000000'/></clock>"
           "<launchSecurity type='sev'><session>secret</session></launchSecurity><features><hyperv "
           "mode='passthrough'><vendor_id value='secret'/></hyperv></features>"),
    // Of two clocks the first counts, though nothing in it is kept.
    DOMAIN("type='kvm'", "<clock offset='utc'/><clock><timer name='tsc' frequency='3'/></clock>"),
};

/// With devices that tie a guest to its host, beside those of all.
#define TIED(devices) "<domain type='kvm'><name>g</name><devices>" devices "</devices></domain>"

static const char *const tied[] = {
    TIED("<shmem name='secret'><size>1</size></shmem><shmem name='secret' role='master'/>"),
    TIED("<hostdev mode='subsystem' type='pci' managed='secret'><source>secret</source></hostdev>"
         "<hostdev mode='subsystem' type='usb'><source>secret</source></hostdev>"),
    TIED("<disk type='file' device='secret'><source file='secret'/><transient/></disk><disk "
         "type='nvme'><source>secret</source></disk><filesystem><source dir='secret'/>"
         "</filesystem><interface type='hostdev'><mac address='secret'/></interface>"),
    // libvirt reads every <devices>.
    TIED("</devices><devices><shmem name='secret'/>"),
    TIED("<disk/></devices><devices><shmem name='secret'/></devices><devices>"),
};

static fleet_guest *parse(const char *xml)
{
    fleet_guest *guest = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (fleet_guest_parse(xml, strlen(xml), "xml", "host", &guest, &err) != 0) {
        fail_msg("%s: %s", xml, err->message);
    }
    return guest;
}

static void check_same(const char *text)
{
    g_autofree char *xml = NULL, *again = NULL;
    assert_int_equal(fleet_guest_reduce(text, strlen(text), "x", &xml, NULL), 0);
    g_autoptr(fleet_guest) whole = parse(text), left = parse(xml);
    assert_string_equal(left->key, whole->key);
    assert_string_equal(left->name, whole->name);
    assert_int_equal(g_strcmp0(left->uuid, whole->uuid), 0);
    assert_int_equal(left->memory, whole->memory);
    assert_int_equal(fleet_guest_reduce(xml, strlen(xml), "x", &again, NULL), 0);
    assert_string_equal(again, xml);
}

static void what_is_left_says_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(guests); i++) {
        check_same(guests[i]);
    }
}

static void what_ties_a_guest_is_left_and_no_more_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(tied); i++) {
        g_autofree char *xml = NULL;
        check_same(tied[i]);
        assert_int_equal(fleet_guest_reduce(tied[i], strlen(tied[i]), "x", &xml, NULL), 0);
        g_autoptr(fleet_guest) left = parse(xml);
        assert_true(left->bonds[0] != NULL || left->doubts[0] != NULL);
        if (strstr(xml, "secret") != NULL) {
            fail_msg("a secret in %s", xml);
        }
    }
}

static void nothing_else_is_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(guests); i++) {
        g_autofree char *xml = NULL;
        assert_int_equal(fleet_guest_reduce(guests[i], strlen(guests[i]), "x", &xml, NULL), 0);
        static const char *const others[] = {"secret", "devices", "metadata", " id="};
        for (size_t n = 0; n < G_N_ELEMENTS(others); n++) {
            if (strstr(xml, others[n]) != NULL) {
                fail_msg("'%s' in %s", others[n], xml);
            }
        }
    }
}

static void what_is_no_domain_is_refused(void **state)
{
    (void)state;
    g_autofree char *xml = NULL;
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(fleet_guest_reduce("<domain", 7, "web-1", &xml, &err), CPULIFT_EINPUT);
    assert_non_null(strstr(err->message, "web-1"));
    assert_null(xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_says_the_same),
        cmocka_unit_test(what_ties_a_guest_is_left_and_no_more_of_it),
        cmocka_unit_test(nothing_else_is_left),
        cmocka_unit_test(what_is_no_domain_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

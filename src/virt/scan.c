// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/scan.h"

#include "base/text.h"
#include "base/xml.h"
#include "core/host_model.h"
#include "core/import.h"
#include "core/narrow.h"
#include "core/sysfs.h"
#include "virt/qmp.h"
#include "virt/trial.h"

#include <string.h>

/// The physical-address width that QEMU's own emulation gives: TCG_PHYS_ADDR_BITS in its
/// target/i386/cpu.h.
#define TCG_PHYS_BITS 40

/// How long a guest of seven bytes may take to say that it runs.
#define TRIAL_TIMEOUT_MS 3000

/// What one host's scan hands around.
struct scan {
    const virt_conn *conn;
    const catalog *map;
    unsigned timeout_ms;
    GPtrArray *warnings;
    cpulift_host *host;
    unsigned flags; ///< enum import_flags: what its libvirt can be asked for
};

static void G_GNUC_PRINTF(2, 3) warn(const struct scan *scan, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(scan->warnings, g_strdup_vprintf(format, args));
    va_end(args);
}

/// libvirt packs a version into one number: 1000000 × major + 1000 × minor + release.
static char *format_version(unsigned long version)
{
    return g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
}

static void read_versions(struct scan *scan)
{
    unsigned long version;
    if (virConnectGetLibVersion(scan->conn->handle, &version) == 0) {
        scan->host->libvirt_version = format_version(version);
        scan->flags = import_find_flags(version);
    }
    if (virConnectGetVersion(scan->conn->handle, &version) == 0 && version != 0) {
        scan->host->qemu_version = format_version(version);
    }
}

static void read_size(const struct scan *scan)
{
    virNodeInfo info;
    if (virNodeGetInfo(scan->conn->handle, &info) != 0) {
        return;
    }
    struct host_size size = {info.memory, info.cpus};
    if (size.memory <= HOST_MEMORY_MAX && size.cpus <= HOST_CPUS_MAX) {
        scan->host->size = size;
    }
}

/// All named models that the host's libvirt can parse, which are more than those QEMU there has.
static void read_models(const struct scan *scan)
{
    char **names = NULL;
    int count = virConnectGetCPUModelNames(scan->conn->handle, "x86_64", &names, 0);
    if (count <= 0) {
        return;
    }
    qsort(names, (size_t)count, sizeof(char *), text_compare);
    g_strfreev(scan->host->libvirt_models);
    scan->host->libvirt_models = names; // ends with NULL
}

/// query-cpu-model-expansion of `max`, which is all that this accelerator can give; with
/// "migratable" off QEMU adds what it keeps from migration.
static int expand(qmp *session, bool is_migratable, json_t **ret_answer, cpulift_error **err)
{
    json_t *props = is_migratable ? json_object() : json_pack("{s:b}", "migratable", 0);
    json_t *model = json_pack("{s:s, s:o}", "name", "max", "props", props);
    json_t *arguments = json_pack("{s:s, s:o}", "type", "full", "model", model);
    return qmp_execute(session, "query-cpu-model-expansion", arguments, ret_answer, err);
}

static int ask_qemu(const struct scan *scan, struct host_guest *guest, cpulift_error **err)
{
    const char *accelerator = strcmp(guest->virt, "qemu") == 0 ? "tcg" : guest->virt;
    g_autoptr(qmp) session = NULL;
    g_autoptr(json_t) migratable = NULL, all = NULL, definitions = NULL;
    TRY(qmp_start(guest->emulator, guest->machine, accelerator, scan->timeout_ms, &session, err));
    TRY(expand(session, true, &migratable, err));
    TRY(expand(session, false, &all, err));
    TRY(qmp_execute(session, "query-cpu-definitions", NULL, &definitions, err));
    const struct narrow_answers answers = {migratable, all, definitions};
    return narrow_guest(guest, &answers, guest->emulator, scan->map, err);
}

/// libvirt's answer stands alone where QEMU cannot be asked: it is another machine's, or may not be
/// run by this user.
static void narrow(const struct scan *scan, struct host_guest *guest)
{
    g_autoptr(cpulift_error) why = NULL;
    if (!scan->conn->is_local || guest->emulator == NULL) {
        narrow_note_migratable(guest, scan->map);
    } else if (ask_qemu(scan, guest, &why) != 0) {
        narrow_note_migratable(guest, scan->map);
        warn(scan, "only libvirt was asked about %s guests on %s: %s", guest->virt, guest->machine,
             why->message);
    }
}

/// The domain capabilities of one offer, as a document of `*ret_doc`.
static int ask_capabilities(const struct scan *scan, const struct offer *offer, unsigned flags,
                            xmlDoc **ret_doc, cpulift_error **err)
{
    g_autofree char *text = virConnectGetDomainCapabilities(scan->conn->handle, NULL, "x86_64",
                                                            offer->machine, offer->virt, flags);
    return text != NULL ? xml_parse(text, strlen(text), scan->conn->uri, ret_doc, err)
                        : conn_fail(err, "cannot get the domain capabilities of", offer->machine);
}

/// Where libvirt can tell them apart: what guests get by default, and what on request.
static int read_possible(const struct scan *scan, const struct offer *offer,
                         struct host_guest *guest, cpulift_error **err)
{
    g_autoptr(xmlDoc) doc = NULL;
    if ((scan->flags & IMPORT_SUPPORTED) == 0) {
        return 0;
    }
    TRY(ask_capabilities(scan, offer, scan->flags, &doc, err));
    return import_supported(xmlDocGetRootElement(doc), scan->conn->uri, scan->map, guest, err);
}

static int read_guest(const struct scan *scan, const struct offer *offer, cpulift_error **err)
{
    unsigned flags = scan->flags & IMPORT_EXPANDED;
    g_autoptr(xmlDoc) doc = NULL;
    TRY(ask_capabilities(scan, offer, flags, &doc, err));
    TRY(import_domcapabilities(xmlDocGetRootElement(doc), scan->conn->uri, scan->map, flags,
                               scan->host, err));
    struct host_guest *guest = scan->host->guests->pdata[scan->host->guests->len - 1];
    TRY(read_possible(scan, offer, guest, err));
    unsigned own = strcmp(offer->virt, "kvm") == 0 ? scan->host->phys_bits : TCG_PHYS_BITS;
    guest->phys_bits = guest->phys_bits != 0 ? guest->phys_bits : own;
    narrow(scan, guest);
    return 0;
}

static int read_guests(const struct scan *scan, const xmlNode *capabilities, cpulift_error **err)
{
    g_autoptr(GPtrArray) offers = NULL;
    TRY(narrow_read_offers(capabilities, scan->conn->uri, &offers, err));
    for (size_t i = 0; i < offers->len; i++) {
        TRY(read_guest(scan, offers->pdata[i], err));
    }
    return 0;
}

/// /dev/kvm may be there and offered by libvirt, and yet run nothing.
static void try_kvm(const struct scan *scan)
{
    const struct host_guest *guest = host_find_guest(scan->host, "kvm", "pc");
    g_autoptr(cpulift_error) why = NULL;
    if (guest != NULL && guest->emulator != NULL &&
        trial_run(guest->emulator, "kvm", TRIAL_TIMEOUT_MS, &why) != 0) {
        warn(scan, "libvirt offers KVM, but %s; plan with --virt qemu for this host", why->message);
    }
}

static int read_all(struct scan *scan, cpulift_error **err)
{
    // libvirt's strings are malloc()'s, and so are GLib's (since its 2.46).
    g_autofree char *capabilities = virConnectGetCapabilities(scan->conn->handle);
    if (capabilities == NULL) {
        return conn_fail(err, "cannot get the capabilities of", scan->conn->uri);
    }
    g_autoptr(xmlDoc) doc = NULL;
    TRY(xml_parse(capabilities, strlen(capabilities), scan->conn->uri, &doc, err));
    const xmlNode *root = xmlDocGetRootElement(doc);
    scan->host->source = g_strdup("libvirt");
    TRY(import_capabilities(root, scan->conn->uri, scan->map, NULL, scan->host, err));
    read_versions(scan);
    read_size(scan);
    TRY(read_guests(scan, root, err));
    read_models(scan);
    // What the host did not say may be left out, not what was lost.
    TRY(conn_check(scan->conn, err));
    g_autofree char *bound = host_model_describe_bound(scan->host);
    if (bound != NULL) {
        warn(scan, "%s", bound);
    }
    if (scan->conn->is_local) {
        g_autoptr(cpulift_error) hidden = NULL;
        if (sysfs_load("/", scan->host, &hidden) == CPULIFT_ESYSTEM) { // else a container hides it
            warn(scan, "%s; what this kernel says of its CPU is not all known", hidden->message);
        }
        try_kvm(scan);
    }
    return 0;
}

int scan_read(const virt_conn *conn, const char *name, const catalog *map, unsigned timeout_ms,
              GPtrArray *warnings, cpulift_host **ret_host, cpulift_error **err)
{
    g_autofree char *own_name = name != NULL ? g_strdup(name) : virConnectGetHostname(conn->handle);
    if (own_name == NULL || !text_is_name(own_name)) {
        return cpulift_error_set(
            err, CPULIFT_EREMOTE,
            "'%s' has no usable host name ('%s'); give it one in a --hosts file", conn->uri,
            own_name != NULL ? own_name : "");
    }
    g_autoptr(cpulift_host) host = host_new(own_name);
    struct scan scan = {conn, map, timeout_ms, warnings, host, 0};
    TRY(read_all(&scan, err));
    *ret_host = g_steal_pointer(&host);
    return 0;
}

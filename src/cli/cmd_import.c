// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "core/import.h"

#include <string.h>

static char *host_name, *virt, *machine, *output, *libvirt_version, *qemu_version;
static gboolean trust_silicon;

static const GOptionEntry options[] = {
    {"name", 0, 0, G_OPTION_ARG_STRING, &host_name,
     "all files describe this host (default: one host a file, named as the file)", "N"},
    {"virt", 0, 0, G_OPTION_ARG_STRING, &virt, "virt type of forms that do not say (default: kvm)",
     "TYPE"},
    {"machine", 0, 0, G_OPTION_ARG_STRING, &machine,
     "machine type of forms that do not say (default: pc and q35)", "TYPE"},
    {"libvirt", 0, 0, G_OPTION_ARG_STRING, &libvirt_version, "the host's libvirt version",
     "VERSION"},
    {"qemu", 0, 0, G_OPTION_ARG_STRING, &qemu_version, "the host's QEMU version", "VERSION"},
    {"trust-silicon", 0, 0, G_OPTION_ARG_NONE, &trust_silicon,
     "take a physical CPU's description for what its guests can get", NULL},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "write to FILE instead of standard output",
     "FILE"},
    {0},
};

/// node7 of /tmp/node7.xml.
static char *get_name(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);
    char *dot = strrchr(base, '.');
    if (dot != NULL && dot != base) {
        *dot = '\0';
    }
    return g_steal_pointer(&base);
}

static int import_file(const catalog *map, const char *path, cpulift_host *host,
                       cpulift_error **err)
{
    struct import_options how = {virt, machine, trust_silicon};
    g_autofree char *text = NULL;
    size_t len = 0;
    int rc = file_load(path, FILE_DOCUMENT_MAX, &text, &len, err);
    return rc != 0 ? rc : import_text(text, len, path, map, &how, host, err);
}

static void add_document(const cpulift_host *host, const catalog *map, bool is_line, GString *text)
{
    g_autoptr(json_t) json = host_format(host, map);
    g_autofree char *document = is_line ? json_format_line(json) : json_format_document(json);
    g_string_append(text, document);
}

static cpulift_host *new_host(const char *name)
{
    cpulift_host *host = host_new(name);
    host->source = g_strdup("import");
    host->libvirt_version = g_strdup(libvirt_version);
    host->qemu_version = g_strdup(qemu_version);
    return host;
}

static int import_one(const catalog *map, char **paths, size_t count, GString *text,
                      cpulift_error **err)
{
    g_autoptr(cpulift_host) host = new_host(host_name);
    for (size_t i = 0; i < count; i++) {
        int rc = import_file(map, paths[i], host, err);
        if (rc != 0) {
            return rc;
        }
    }
    add_document(host, map, false, text);
    return 0;
}

static int import_each(const catalog *map, char **paths, size_t count, GString *text,
                       cpulift_error **err)
{
    for (size_t i = 0; i < count; i++) {
        g_autofree char *name = get_name(paths[i]);
        if (!text_is_name(name)) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "file '%s' gives no usable host name; say --name", paths[i]);
        }
        g_autoptr(cpulift_host) host = new_host(name);
        int rc = import_file(map, paths[i], host, err);
        if (rc != 0) {
            return rc;
        }
        add_document(host, map, count > 1, text);
    }
    return 0;
}

static int run(char **paths, size_t count)
{
    if (count == 0) {
        return command_usage("import", "no file is named");
    }
    if (host_name != NULL && !text_is_name(host_name)) {
        return command_usage("import", "'%s' is no usable host name", host_name);
    }
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    if (catalog_load(NULL, &map, &err) != 0 ||
        (host_name != NULL ? import_one : import_each)(map, paths, count, text, &err) != 0) {
        return command_fail(&err);
    }
    return command_finish(output, text->str, EXIT_YES);
}

const struct command import_command = {
    .name = "import",
    .arguments = "FILE…",
    .description =
        "Makes host documents from 'virsh domcapabilities', 'virsh capabilities', a <cpu> element, "
        "or "
        "QEMU's reply to query-cpu-model-expansion; several files give one document on each line.",
    .options = options,
    .run = run,
};

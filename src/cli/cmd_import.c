// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "core/host_model.h"
#include "core/join.h"
#include "core/machine.h"
#include "core/sysfs.h"

#include <string.h>

static struct {
    char *host_name, *virt, *machine, *output, *libvirt_version, *qemu_version, *sysfs;
    gboolean trust_silicon;
} options;

static const GOptionEntry entries[] = {
    {"name", 0, 0, G_OPTION_ARG_STRING, &options.host_name,
     "all files describe this host (default: one host a file, named as the file or its folder)",
     "N"},
    {"virt", 0, 0, G_OPTION_ARG_STRING, &options.virt,
     "virt type of forms that do not say (default: kvm)", MACHINE_VIRT_WORDS},
    {"machine", 0, 0, G_OPTION_ARG_STRING, &options.machine,
     "machine type of forms that do not say (default: pc and q35)", MACHINE_WORDS "|MACHINE"},
    {"libvirt", 0, 0, G_OPTION_ARG_STRING, &options.libvirt_version, "the host's libvirt version",
     "VERSION"},
    {"qemu", 0, 0, G_OPTION_ARG_STRING, &options.qemu_version, "the host's QEMU version",
     "VERSION"},
    {"sysfs", 0, 0, G_OPTION_ARG_FILENAME, &options.sysfs,
     "add the vulnerabilities that DIR has, a copy of the host's "
     "/sys/devices/system/cpu/vulnerabilities",
     "DIR"},
    {"trust-silicon", 0, 0, G_OPTION_ARG_NONE, &options.trust_silicon,
     "take a physical CPU's description for what its guests can get", NULL},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
     "write to FILE instead of standard output, or DIR/NAME.json for each host", "FILE|DIR"},
    {0},
};

/// What files are called after what they hold: the host is then named by their folder.
static const char *const generic_names[] = {
    "capabilities", "cpu", "domcapabilities", "query-cpu-definitions", "query-cpu-model-expansion",
    "reply",
};

static char *get_stem(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);
    char *dot = strrchr(base, '.');
    if (dot != NULL && dot != base) {
        *dot = '\0';
    }
    return g_steal_pointer(&base);
}

/// node7 of /tmp/node7.xml, and of /tmp/node7/reply.json.
static char *get_name(const char *path)
{
    g_autofree char *stem = get_stem(path);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *folder_name = g_path_get_basename(folder);
    bool is_generic = false;
    for (size_t i = 0; i < G_N_ELEMENTS(generic_names); i++) {
        is_generic = is_generic || strcmp(stem, generic_names[i]) == 0;
    }
    bool has_folder = strspn(folder_name, "./") < strlen(folder_name);
    return g_strdup(is_generic && has_folder ? folder_name : stem);
}

/// Whether a text is a host document of ours, to which something is to be added.
static bool is_document(const char *text, size_t len)
{
    g_autoptr(json_t) json = NULL;
    return text[strspn(text, " \t\r\n")] == '{' &&
           json_parse_text(text, len, "", &json, NULL) == 0 &&
           g_str_has_prefix(
               json_get_string(json, "schema") != NULL ? json_get_string(json, "schema") : "",
               "cpulift.");
}

/// The document, with what --sysfs has, in place of `*host`; it keeps its name where --name says
/// none.
static int import_document(const catalog *map, const struct join_text *text, cpulift_host **host,
                           cpulift_error **err)
{
    cpulift_host *read = NULL;
    TRY(host_parse(text->text, text->len, text->name, map, &read, err));
    if (options.host_name != NULL) {
        g_free(read->name);
        read->name = g_strdup(options.host_name);
    }
    host_free(*host);
    *host = read;
    return 0;
}

/// What these files say together of one host.
static int import_files(const catalog *map, char **paths, size_t count, cpulift_host **host,
                        cpulift_error **err)
{
    const struct import_options how = {options.virt, options.machine, options.trust_silicon};
    g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func(g_free);
    g_autofree struct join_text *texts = g_new0(struct join_text, count);
    for (size_t i = 0; i < count; i++) {
        char *text = NULL;
        TRY(file_load(paths[i], FILE_DOCUMENT_MAX, &text, &texts[i].len, err));
        g_ptr_array_add(kept, text);
        texts[i].text = text;
        texts[i].name = paths[i];
    }
    TRY(options.sysfs != NULL && count == 1 && is_document(texts[0].text, texts[0].len)
            ? import_document(map, &texts[0], host, err)
            : join_texts(texts, count, map, &how, *host, err));
    return options.sysfs != NULL ? sysfs_load(options.sysfs, *host, err) : 0;
}

static cpulift_host *new_host(const char *name)
{
    cpulift_host *host = host_new(name);
    host->source = g_strdup("import");
    host->libvirt_version = g_strdup(options.libvirt_version);
    host->qemu_version = g_strdup(options.qemu_version);
    return host;
}

static int import_one(const catalog *map, char **paths, size_t count, GPtrArray *hosts,
                      cpulift_error **err)
{
    g_ptr_array_add(hosts, new_host(options.host_name));
    return import_files(map, paths, count, (cpulift_host **)&hosts->pdata[0], err);
}

/// The files that are named, and those of the folders that are.
static int find_files(char **paths, size_t count, GPtrArray *files, cpulift_error **err)
{
    static const char *const suffixes[] = {".xml", ".json", NULL};
    for (size_t i = 0; i < count; i++) {
        size_t before = files->len;
        enum file_kind kind = FILE_NONE;
        TRY(file_find_kind(paths[i], &kind, err));
        if (kind != FILE_FOLDER) {
            g_ptr_array_add(files, g_strdup(paths[i]));
            continue;
        }
        TRY(file_list(paths[i], suffixes, files, err));
        if (files->len == before) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "folder '%s' holds no file that could be imported (*.xml, "
                                     "*.json), nor do its folders",
                                     paths[i]);
        }
    }
    return 0;
}

/// A host for each file, by name; two of one name are refused before any file is read.
static int name_hosts(char **paths, size_t count, GPtrArray *hosts, cpulift_error **err)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < count; i++) {
        g_autofree char *name = get_name(paths[i]);
        if (!text_is_name(name)) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "file '%s' gives no usable host name; say --name", paths[i]);
        }
        const char *other = g_hash_table_lookup(seen, name);
        if (other != NULL) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "files '%s' and '%s' would both be host '%s'; say --name if "
                                     "they are of one host, or rename one",
                                     other, paths[i], name);
        }
        cpulift_host *host = new_host(name);
        g_ptr_array_add(hosts, host);
        g_hash_table_insert(seen, host->name, paths[i]);
    }
    return 0;
}

static int import_each(const catalog *map, char **paths, size_t count, GPtrArray *hosts,
                       cpulift_error **err)
{
    TRY(name_hosts(paths, count, hosts, err));
    for (size_t i = 0; i < count; i++) {
        TRY(import_files(map, &paths[i], 1, (cpulift_host **)&hosts->pdata[i], err));
    }
    return 0;
}

/// One document, or one on each line.
static int print_all(const catalog *map, const GPtrArray *hosts, cpulift_error **err)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < hosts->len; i++) {
        g_autoptr(json_t) json = host_format(hosts->pdata[i], map);
        g_autofree char *document =
            hosts->len > 1 ? json_format_line(json) : json_format_document(json);
        g_string_append(text, document);
    }
    return command_output(options.output, text->str, err);
}

/// Whether the output is a folder.
static int find_output(bool *ret_is_folder, cpulift_error **err)
{
    enum file_kind kind = FILE_NONE;
    TRY(options.output != NULL ? file_find_kind(options.output, &kind, err) : 0);
    *ret_is_folder =
        kind == FILE_FOLDER || (options.output != NULL && g_str_has_suffix(options.output, "/"));
    return 0;
}

static int save_all(const catalog *map, const GPtrArray *hosts, cpulift_error **err)
{
    TRY(command_make_folder(options.output, err));
    for (size_t i = 0; i < hosts->len; i++) {
        const cpulift_host *host = hosts->pdata[i];
        g_autoptr(json_t) json = host_format(host, map);
        g_autofree char *text = json_format_document(json);
        TRY(command_output_in(options.output, host->name, text, err));
    }
    return 0;
}

static void warn_all(const GPtrArray *hosts)
{
    for (size_t i = 0; i < hosts->len; i++) {
        const cpulift_host *host = hosts->pdata[i];
        g_autofree char *bound = host_model_describe_bound(host);
        if (bound != NULL) {
            command_warn("'%s': %s", host->name, bound);
        }
    }
}

static void free_host(void *host)
{
    host_free(host);
}

static int run(char **paths, size_t count)
{
    if (options.host_name != NULL && !text_is_name(options.host_name)) {
        return command_usage("import", "'%s' is no usable host name", options.host_name);
    }
    g_autoptr(cpulift_error) err = NULL;
    g_autoptr(catalog) map = NULL;
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func(free_host);
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    bool is_folder = false;
    if (find_output(&is_folder, &err) != 0 || catalog_load(NULL, &map, &err) != 0 ||
        find_files(paths, count, files, &err) != 0) {
        return command_fail(&err);
    }
    if (options.sysfs != NULL && options.host_name == NULL && files->len > 1) {
        return command_usage("import",
                             "--sysfs is of one host, and %u files are named; say --name "
                             "if they are of one",
                             files->len);
    }
    if ((options.host_name != NULL ? import_one : import_each)(map, (char **)files->pdata,
                                                               files->len, hosts, &err) != 0 ||
        (is_folder ? save_all : print_all)(map, hosts, &err) != 0) {
        return command_fail(&err);
    }
    warn_all(hosts);
    return EXIT_YES;
}

const struct command import_command = {
    .name = "import",
    .arguments = "FILE|DIR…",
    .description =
        "Makes host documents from 'virsh domcapabilities', 'virsh capabilities', a <cpu> element, "
        "or QEMU's reply to query-cpu-model-expansion; several files, or a folder of them, give "
        "one document on each line.",
    .options = entries,
    .min = 1,
    .max = COMMAND_MANY,
    .usage = "no file is named",
    .run = run,
};

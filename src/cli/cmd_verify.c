// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift verify: what running guests are beside the plan, and where each can go.
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/fleet_table.h"
#include "cli/verify_live.h"
#include "core/machine.h"
#include "fleet/export.h"
#include "fleet/page.h"
#include "fleet/verdict.h"
#include "store/address.h"
#include "store/places.h"

#include <stdio.h>
#include <string.h>

/// What a plugin of Nagios that could not look ends with.
#define NAGIOS_UNKNOWN 3

/// More vCPUs than anybody puts on a CPU.
#define RATIO_MAX 1e6

static struct {
    struct ask_options ask;
    char *guests, *evacuate, *plan, *html, *metrics;
    char **with, **without, **upgrade;
    double ratio;
    gboolean order, nagios, json;
} options = {.ask = ASK_OPTIONS_DEFAULT};

static const GOptionEntry entries[] = {
    ASK_OPTIONS_ENTRIES(options.ask),
    {"guests", 0, 0, G_OPTION_ARG_FILENAME, &options.guests,
     "the guests: DIR/HOST/GUEST.xml, each what 'virsh dumpxml' of it says while it runs", "DIR"},
    {"evacuate", 0, 0, G_OPTION_ARG_STRING, &options.evacuate,
     "only the guests of this host: where each can go", "HOST"},
    {"with", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.with,
     "as if these hosts joined, whose documents they are (may be repeated)", "DOC"},
    {"without", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.without,
     "as if these hosts were gone; their guests must go elsewhere (may be repeated; '*' and '?' "
     "are understood)",
     "NAME"},
    {"upgrade", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.upgrade,
     "as if this host and all that are like it gave what DOC says, a scan of one of them after its "
     "update or of another machine (may be repeated)",
     "HOST=DOC"},
    {"plan", 0, 0, G_OPTION_ARG_FILENAME, &options.plan,
     "as if this plan were in force in place of PLAN: who needs a power cycle, and where each can "
     "go "
     "after it",
     "NEW"},
    {"order", 0, 0, G_OPTION_ARG_NONE, &options.order,
     "also the order of all this, and of power cycles, in which no guest strands", NULL},
    {"cpu-ratio", 0, 0, G_OPTION_ARG_DOUBLE, &options.ratio,
     "a host has room for so many vCPUs on each of its CPUs (default: 4, or as many as the fullest "
     "has)",
     "N"},
    {"html", 0, 0, G_OPTION_ARG_FILENAME, &options.html,
     "also write the matrix as a page that needs nothing from outside", "FILE"},
    {"metrics", 0, 0, G_OPTION_ARG_FILENAME, &options.metrics,
     "also write the numbers for Prometheus (node_exporter's textfile collector)", "FILE"},
    {"nagios", 0, 0, G_OPTION_ARG_NONE, &options.nagios,
     "print one line for Nagios and end as its plugins do (0 to 3)", NULL},
    {0},
};

/// *ret_plan where the document is one, else NULL: it is of hosts, as are folders and what comes by
/// standard input, which can be read but once.
static int load_plan(const char *path, cpulift_plan **ret_plan, cpulift_error **err)
{
    g_autofree char *text = NULL;
    g_autoptr(json_t) json = NULL;
    size_t len = 0;
    *ret_plan = NULL;
    if (address_is(path)) {
        return address_is_plan(path) ? places_load_plan(path, ret_plan, err) : 0;
    }
    enum file_kind kind = FILE_FOLDER;
    TRY(strcmp(path, "-") != 0 ? file_find_kind(path, &kind, err) : 0);
    if (kind == FILE_FOLDER) {
        return 0;
    }
    g_autoptr(cpulift_error) why = NULL;
    int rc = file_load(path, PLAN_FILE_MAX, &text, &len, &why);
    if (rc == CPULIFT_ESYSTEM) {
        return cpulift_error_set(err, rc, "%s", why->message);
    }
    bool is_one = rc == 0 && json_parse_text(text, len, path, &json, NULL) == 0 &&
                  g_strcmp0(json_get_string(json, "schema"), PLAN_SCHEMA) == 0;
    return is_one ? plan_from_json(json, path, ret_plan, err) : 0;
}

/// "HOST=DOC": that host and all that are like it give what DOC says.
static int upgrade(inventory *hosts, const char *word, cpulift_error **err)
{
    const char *equals = strchr(word, '=');
    g_autofree char *name = equals != NULL ? g_strndup(word, (size_t)(equals - word)) : NULL;
    g_autofree char *text = NULL;
    g_autoptr(cpulift_host) host = NULL;
    size_t len = 0;
    if (name == NULL || equals[1] == '\0') {
        return cpulift_error_set(err, CPULIFT_EUSAGE, "--upgrade '%s' is not HOST=DOC", word);
    }
    if (inventory_find(hosts, name) == NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "--upgrade '%s' is none of these hosts; see their documents",
                                 name);
    }
    TRY(file_load(equals + 1, FILE_DOCUMENT_MAX, &text, &len, err));
    TRY(host_parse(text, len, equals + 1, hosts->map, &host, err));
    inventory_upgrade(hosts, name, g_steal_pointer(&host));
    return 0;
}

/// Those that were asked, and the documents.
static int load_hosts(const catalog *map, GPtrArray *asked, char **paths, size_t count,
                      inventory **ret_hosts, cpulift_error **err)
{
    g_autoptr(inventory) hosts = inventory_new(map);
    for (char **name = options.without; name != NULL && *name != NULL; name++) {
        inventory_add_without(hosts, *name);
    }
    inventory_keep_answered(hosts);
    TRY(verify_live_add_hosts(asked, hosts, err));
    TRY(places_load(hosts, paths, count, err));
    inventory_sort(hosts);
    *ret_hosts = g_steal_pointer(&hosts);
    return 0;
}

/// The hosts as the options would have them.
static int rehearse_hosts(const inventory *before, inventory **ret_hosts, cpulift_error **err)
{
    g_autoptr(inventory) hosts = inventory_derive(before);
    const char *unseen = inventory_get_unseen(hosts);
    if (unseen != NULL) {
        return cpulift_error_set(err, CPULIFT_EINPUT,
                                 "--without '%s' is none of these hosts; see their documents",
                                 unseen);
    }
    TRY(options.with != NULL ? places_load(hosts, options.with, g_strv_length(options.with), err)
                             : 0);
    inventory_sort(hosts);
    for (char **word = options.upgrade; word != NULL && *word != NULL; word++) {
        TRY(upgrade(hosts, *word, err));
    }
    *ret_hosts = g_steal_pointer(&hosts);
    return 0;
}

/// DIR/HOST/GUEST.xml.
static int load_guests(const char *folder, GPtrArray *guests, cpulift_error **err)
{
    static const char *const suffixes[] = {".xml", NULL};
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    TRY(file_list(folder, suffixes, paths, err));
    for (size_t i = 0; i < paths->len; i++) {
        g_autofree char *text = NULL, *parent = g_path_get_dirname(paths->pdata[i]);
        g_autofree char *host = g_path_get_basename(parent);
        size_t len = 0;
        fleet_guest *guest = NULL;
        if (!text_is_name(host) || strcmp(parent, folder) == 0) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "'%s' does not stand in a folder of its host's name; a guest "
                                     "is DIR/HOST/GUEST.xml",
                                     (char *)paths->pdata[i]);
        }
        TRY(file_load(paths->pdata[i], FILE_DOCUMENT_MAX, &text, &len, err));
        TRY(fleet_guest_parse(text, len, paths->pdata[i], host, &guest, err));
        g_ptr_array_add(guests, guest);
    }
    return paths->len > 0
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT, "there is no guest below '%s'", folder);
}

/// Those of this host, borrowed; NULL: all.
static int select_guests(const GPtrArray *all, const char *host, GPtrArray *guests,
                         cpulift_error **err)
{
    for (size_t i = 0; i < all->len; i++) {
        const fleet_guest *guest = all->pdata[i];
        if (host == NULL || strcmp(guest->host, host) == 0) {
            g_ptr_array_add(guests, (void *)guest);
        }
    }
    return guests->len > 0 || host == NULL
               ? 0
               : cpulift_error_set(err, CPULIFT_EINPUT, "--evacuate '%s': no guest runs there",
                                   host);
}

static int compare_guests(const void *a, const void *b)
{
    const fleet_guest *const *ga = a, *const *gb = b;
    int order = strcmp((*ga)->host, (*gb)->host);
    return order != 0 ? order : strcmp((*ga)->name, (*gb)->name);
}

/// A guest's host must be known, or left out on purpose: else a name is misspelt.
static int check_homes(const inventory *hosts, const GPtrArray *guests, cpulift_error **err)
{
    size_t count = 0;
    g_autofree const char **left_out = inventory_get_left_out(hosts, &count);
    for (size_t i = 0; i < guests->len; i++) {
        const fleet_guest *guest = guests->pdata[i];
        bool is_known = inventory_find(hosts, guest->host) != NULL;
        for (size_t n = 0; n < count && !is_known; n++) {
            is_known = strcmp(left_out[n], guest->host) == 0;
        }
        if (!is_known) {
            return cpulift_error_set(err, CPULIFT_EINPUT,
                                     "guest '%s' runs on '%s', of which there is no document; scan "
                                     "it",
                                     guest->name, guest->host);
        }
    }
    return 0;
}

static int put(const char *bytes, size_t len, void *file)
{
    return fwrite(bytes, 1, len, file) == len ? 0 : -1;
}

static int print_json(const fleet_report *report, int status)
{
    g_autoptr(cpulift_error) err = NULL;
    if (fleet_report_write(report, put, stdout) == 0 && fflush(stdout) == 0) {
        return status;
    }
    cpulift_error_set(&err, CPULIFT_ESYSTEM, "cannot write to standard output");
    return command_fail(&err);
}

static int print_nagios(const fleet_report *report)
{
    enum fleet_alarm alarm = FLEET_OK;
    g_autofree char *line = fleet_export_nagios(report, &alarm);
    return command_say(line, false, (int)alarm);
}

/// Prints it as the options say; returns the exit status.
static int tell(const fleet_report *report, cpulift_error **err)
{
    g_autofree char *metrics = options.metrics != NULL ? fleet_export_metrics(report) : NULL;
    g_autofree char *page = options.html != NULL ? fleet_page_format(report) : NULL;
    TRY(page != NULL ? command_output(options.html, page, err) : 0);
    TRY(metrics != NULL ? command_output(options.metrics, metrics, err) : 0);
    if (options.nagios) {
        return print_nagios(report);
    }
    int status = report->silent != NULL         ? EXIT_SOME
                 : fleet_report_is_good(report) ? EXIT_YES
                                                : EXIT_NO;
    if (options.json) {
        return print_json(report, status);
    }
    g_autofree char *text = fleet_table_format(report);
    return command_say(text, false, status);
}

/// The hosts as they are and as they would be, and the plan that would be in force.
typedef struct two_fleets {
    inventory *before, *after;
    cpulift_plan *plan, *old_plan; ///< the old one only where it is another

} two_fleets;

static void two_fleets_clear(two_fleets *of)
{
    inventory_free(of->after);
    inventory_free(of->before);
    plan_free(of->plan);
    plan_free(of->old_plan);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(two_fleets, two_fleets_clear)

static int load_fleet(const catalog *map, GPtrArray *asked, char **paths, size_t count,
                      two_fleets *of, cpulift_error **err)
{
    TRY(count > 0 ? load_plan(paths[0], &of->plan, err) : 0);
    size_t plans = of->plan != NULL ? 1 : 0;
    TRY(load_hosts(map, asked, paths + plans, count - plans, &of->before, err));
    TRY(rehearse_hosts(of->before, &of->after, err));
    if (options.plan != NULL) {
        of->old_plan = g_steal_pointer(&of->plan);
        TRY(places_load_plan(options.plan, &of->plan, err));
    }
    return 0;
}

static bool is_rehearsal(void)
{
    return options.with != NULL || options.without != NULL || options.upgrade != NULL ||
           options.plan != NULL;
}

/// What changes for the report's guests, and the order for all: `of_all` is the report's matrix of
/// these.
static void rehearse(const two_fleets *of, const fleet_matrix *of_all, fleet_report *report)
{
    const catalog *map = fleet_matrix_get_map(of_all);
    g_autoptr(fleet_matrix) before =
        fleet_matrix_new(of->before, fleet_matrix_get_guests(report->matrix), map);
    struct fleet_rehearsal rehearsal = {before,         report->matrix, of->plan,
                                        report->guests, of->old_plan,   options.plan != NULL};
    report->changes = fleet_rehearse(&rehearsal);
    if (options.order) {
        g_autoptr(fleet_matrix) all =
            fleet_matrix_new(of->before, fleet_matrix_get_guests(of_all), map);
        rehearsal.before = all;
        rehearsal.after = of_all;
        report->order = fleet_sequence_find(&rehearsal);
    }
}

/// Who stands twice counts twice: told where a dump is old, or a guest moved meanwhile.
static void warn_twins(const GPtrArray *guests)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < guests->len; i++) {
        const fleet_guest *guest = guests->pdata[i];
        const fleet_guest *before = i > 0 ? guests->pdata[i - 1] : NULL;
        const fleet_guest *twin =
            guest->uuid != NULL ? g_hash_table_lookup(seen, guest->uuid) : NULL;
        bool is_same = before != NULL && compare_guests(&before, &guest) == 0;
        if (is_same) {
            command_warn("guest '%s' of '%s' stands there twice, and counts twice", guest->name,
                         guest->host);
        } else if (twin != NULL && strcmp(twin->host, guest->host) != 0) {
            command_warn("guest '%s' of '%s' and '%s' of '%s' are one, by their UUID: it moved "
                         "meanwhile, or a dump is old; it counts twice",
                         twin->name, twin->host, guest->name, guest->host);
        }
        if (guest->uuid != NULL) {
            g_hash_table_insert(seen, guest->uuid, (void *)guest);
        }
    }
}

/// A guest may have its host's width: that of the host as it is.
static void tell_width(const inventory *hosts, fleet_guest *guest)
{
    const struct host_kind *home = inventory_find(hosts, guest->host);
    const struct host_guest *entry =
        home != NULL && guest->why == NULL
            ? host_find_guest(home->host, guest->virt, machine_find_kind(guest->machine))
            : NULL;
    fleet_guest_set_host_width(guest, entry != NULL ? host_get_width(home->host, entry) : 0);
}

/// Those of the hosts that are asked, and of the folder.
static int gather_guests(const GPtrArray *asked, const two_fleets *fleet, GPtrArray *guests,
                         cpulift_error **err)
{
    verify_live_add_guests(asked, guests);
    TRY(options.guests != NULL ? load_guests(options.guests, guests, err) : 0);
    g_ptr_array_sort(guests, compare_guests);
    warn_twins(guests);
    for (size_t i = 0; i < guests->len; i++) {
        tell_width(fleet->before, guests->pdata[i]);
    }
    return check_homes(fleet->after, guests, err);
}

static int verify(char **paths, size_t count, cpulift_error **err)
{
    g_autoptr(catalog) map = NULL;
    g_auto(two_fleets) fleet = {0};
    g_autoptr(GPtrArray) asked = NULL;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)fleet_guest_free);
    g_autoptr(GPtrArray) guests = g_ptr_array_new();
    TRY(catalog_load(NULL, &map, err));
    TRY(verify_live_ask(&options.ask, map, &asked, err));
    TRY(load_fleet(map, asked, paths, count, &fleet, err));
    TRY(gather_guests(asked, &fleet, all, err));
    TRY(select_guests(all, options.evacuate, guests, err));
    g_autoptr(fleet_matrix) of_all = fleet_matrix_new(fleet.after, all, map);
    g_autoptr(fleet_matrix) matrix = fleet_matrix_new(fleet.after, guests, map);
    if (!is_rehearsal()) { // libvirt there knows only what is
        verify_live_ask_opinions(&options.ask, asked, matrix);
    }
    g_autoptr(fleet_rooms) rooms = fleet_rooms_new(of_all, options.ratio);
    g_autoptr(fleet_report) report = fleet_report_new(matrix, fleet.plan, rooms);
    verify_live_add_silent(asked, report);
    if (is_rehearsal()) {
        rehearse(&fleet, of_all, report);
    }
    return tell(report, err);
}

static int run(char **paths, size_t count)
{
    g_autoptr(cpulift_error) err = NULL;
    int status = EXIT_YES;
    bool is_live = ask_options_has_hosts(&options.ask);
    if (!ask_options_check(&options.ask, "verify", &status)) {
        return status;
    }
    if (!(options.ratio >= 0 && options.ratio <= RATIO_MAX)) {
        return command_usage("verify", "--cpu-ratio is a number of vCPUs on each CPU, up to %g",
                             RATIO_MAX);
    }
    if (options.nagios && options.json) {
        return command_usage("verify", "--nagios and --json both print: give one");
    }
    if (options.order && !is_rehearsal()) {
        return command_usage("verify", "--order of what? say what is rehearsed (--with, --without, "
                                       "--upgrade, --plan)");
    }
    if (options.guests == NULL && !is_live) {
        return command_usage("verify", "where are the guests? name their folder (--guests DIR), or "
                                       "hosts that run (-c URI, --hosts FILE)");
    }
    if (count == 0 && !is_live) {
        return command_usage("verify", "host documents are needed, or hosts to ask");
    }
    status = verify(paths, count, &err);
    if (err == NULL) {
        return status;
    }
    if (options.nagios) { // who asks reads standard output alone, up to what begins its numbers
        g_autofree char *line = g_strdup_printf("CPULIFT UNKNOWN - %s\n", err->message);
        g_strdelimit(line, "|", '/');
        return command_say(line, false, NAGIOS_UNKNOWN);
    }
    return command_fail(&err);
}

const struct command verify_command = {
    .name = "verify",
    .arguments = "[PLAN] [HOST]…",
    .description =
        "Says of each running guest whether it has the plan's CPU, and to which other hosts it can "
        "go live, or all that stops it. Hosts are asked (-c, --hosts), or described: a HOST is a "
        "host document, a folder of them, a .jsonl file with one on each line, or an address of "
        "etcd or of an agent. Exit status 1 where a guest is not the plan's and a power cycle "
        "would "
        "make it so, has more than the plan, is not known, or cannot leave its host, or where a "
        "host's guests find no room on the others.",
    .options = entries,
    .json = &options.json,
    .max = COMMAND_MANY,
    .usage = "a plan and host documents are taken",
    .run = run,
};

// SPDX-License-Identifier: LGPL-2.1-or-later
/// core/sysfs: what another machine's kernel says, from a copy of its files and as it prints it.
#include "base/json.h"
#include "base/text.h"
#include "core/sysfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LIST "/sys/devices/system/cpu/vulnerabilities"

static int parse(const char *text, cpulift_host **ret_host)
{
    *ret_host = host_new("h");
    return sysfs_parse(text, strlen(text), "h", *ret_host, NULL);
}

static void test_parse(void **state)
{
    (void)state;
    g_autoptr(cpulift_host) host = NULL;
    assert_int_equal(parse("Welcome: to h\n" LIST
                           "/mds:Mitigation: Clear CPU buffers; SMT vulnerable\n" LIST
                           "/l1tf:Not affected\n/proc/sys/kernel/osrelease:6.1.0-9-amd64\n"
                           "/sys/devices/system/cpu/cpu0/microcode/version:0x5003604\n",
                           &host),
                     0);
    assert_int_equal(json_object_size(host->vulnerabilities), 2);
    assert_string_equal(json_get_string(host->vulnerabilities, "mds"),
                        "Mitigation: Clear CPU buffers; SMT vulnerable");
    assert_string_equal(host->kernel_version, "6.1.0-9-amd64");
    assert_int_equal(host->microcode, 0x5003604);
}

static void test_hostile(void **state)
{
    (void)state;
    g_autoptr(cpulift_host) host = NULL, none = NULL, flood = NULL, vast = NULL;
    assert_int_equal(parse(LIST "/mds:\033[31mVulnerable\n" LIST "/mds:Not affected\n" LIST
                                "/../../x:y\n" LIST "/:y\n" LIST "/a.b:y\n" LIST "/tsa:\n" LIST
                                "/l1tf\n" LIST "/gds:\xff\n"
                                "/proc/sys/kernel/osrelease:no version\n"
                                "/sys/devices/system/cpu/cpu0/microcode/version:-1\n",
                           &host),
                     0);
    assert_int_equal(json_object_size(host->vulnerabilities), 2);
    assert_string_equal(json_get_string(host->vulnerabilities, "mds"), "?[31mVulnerable");
    assert_string_equal(json_get_string(host->vulnerabilities, "gds"), "?");
    assert_null(host->kernel_version);
    assert_int_equal(host->microcode, 0);
    g_autofree char *name = g_strnfill(256, 'x');
    g_autofree char *long_name = g_strdup_printf(LIST "/%s:Vulnerable\n", name);
    assert_int_equal(parse(long_name, &vast), CPULIFT_EINPUT);
    assert_int_equal(parse("nothing\n", &none), CPULIFT_EINPUT);
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len <= SYSFS_TEXT_MAX) {
        g_string_append_printf(text, LIST "/x%zu:Vulnerable\n", (size_t)text->len);
    }
    assert_int_equal(parse(text->str, &flood), CPULIFT_EINPUT);
    g_string_truncate(text, SYSFS_TEXT_MAX / 2);
    host_free(g_steal_pointer(&flood));
    assert_int_equal(parse(text->str, &flood), 0);
    assert_int_equal(json_object_size(flood->vulnerabilities), 256);
}

static void put(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *above = g_path_get_dirname(path);
    assert_int_equal(g_mkdir_with_parents(above, 0700), 0);
    assert_true(g_file_set_contents(path, text, -1, NULL));
}

/// A copy of the machine's folders, one of the list alone, and none.
static void test_load(void **state)
{
    (void)state;
    g_autofree char *root = g_dir_make_tmp("sysfs-XXXXXX", NULL);
    g_autofree char *list = g_build_filename(root, LIST, NULL);
    g_autofree char *link = g_build_filename(list, "secret", NULL);
    g_autofree char *fifo = g_build_filename(list, "tsa", NULL);
    put(list, "mds", "Vulnerable\nmore\n");
    put(list, "mds.swp", "Vulnerable\n");
    put(root, "proc/sys/kernel/osrelease", "5.10.0-1\n");
    put(root, "sys/devices/system/cpu/cpu0/microcode/version", "0x12\n");
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const char *const folders[] = {root, list};
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autoptr(cpulift_host) host = host_new("h");
        host->vulnerabilities = json_pack("{s:s}", "tsa", "old");
        host->kernel_version = g_strdup("4.19");
        assert_int_equal(sysfs_load(folders[i], host, NULL), 0);
        assert_int_equal(json_object_size(host->vulnerabilities), 1);
        assert_string_equal(json_get_string(host->vulnerabilities, "mds"), "Vulnerable");
        assert_string_equal(host->kernel_version, i == 0 ? "5.10.0-1" : "4.19");
        assert_int_equal(host->microcode, i == 0 ? 0x12 : 0);
    }
    g_autoptr(cpulift_host) host = host_new("h");
    g_autofree char *empty = g_build_filename(root, "proc", NULL);
    assert_int_equal(sysfs_load(empty, host, NULL), CPULIFT_EINPUT);
    assert_int_equal(sysfs_load("/nonexistent", host, NULL), CPULIFT_EINPUT);
    const char *const remove[] = {"rm", "-rf", root, NULL};
    assert_true(g_spawn_sync(NULL, (char **)remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                             NULL, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

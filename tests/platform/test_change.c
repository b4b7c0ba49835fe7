// SPDX-License-Identifier: LGPL-2.1-or-later
/// Changesets and hostile file systems.
#include "../lib/skip.h"
#include "base/json.h"
#include "place.h"
#include "platform/journal.h"
#include "platform/secrets.h"
#include "platform/undo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka needs the four above
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static void test_mode_and_owner_stay(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    g_autofree char *path = at(place, "a");
    assert_int_equal(chmod(path, 0440), 0);
    bool is_root = geteuid() == 0;
    assert_int_equal(is_root ? chown(path, 1234, 4321) : 0, 0);
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(add(set, place, "a", "two\n", CHANGE_WHOLE, NULL), 0);
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0440);
    assert_int_equal(st.st_uid, is_root ? 1234 : geteuid());
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0440);
    assert_int_equal(st.st_gid, is_root ? 4321 : getegid());
}

static unsigned get_mode(const struct place *place, const char *name)
{
    g_autofree char *path = at(place, name);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

/// It holds whole files, secrets among them.
static void test_journal_is_its_owners_alone(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(add(set, place, "a", "two\n", CHANGE_WHOLE, NULL), 0);
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
    assert_int_equal(get_mode(place, JOURNAL_FOLDER), 0700);
    assert_int_equal(get_mode(place, JOURNAL_FOLDER "/000001.json"), 0600);
}

static void test_links_do_not_lead_out(void **state)
{
    struct place *place = *state;
    put(place, "inside/a", "one\n");
    put(place, "outside", "precious\n");
    g_autofree char *link_file = at(place, "inside/link");
    g_autofree char *link_folder = at(place, "folder");
    assert_int_equal(symlink("../outside", link_file), 0);
    assert_int_equal(symlink("inside", link_folder), 0);
    const char *const targets[] = {"inside/link", "folder/a", "inside/../outside", "inside",
                                   "folder/b/more/c"};
    for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_autoptr(changeset) set = changeset_new("test");
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(add(set, place, targets[i], "x\n", CHANGE_WHOLE, &err), CPULIFT_ESYSTEM);
        assert_non_null(err);
    }
    g_autofree char *text = get(place, "outside");
    assert_string_equal(text, "precious\n");
}

static void test_full_disk_changes_nothing(void **state)
{
    struct place *place = *state;
    if (geteuid() != 0 || mount("none", place->path, "tmpfs", 0, "size=64k") != 0) {
        SKIP("a file system of one's own is not permitted here");
    }
    put(place, "a", "one\n");
    root_dir *root = NULL;
    assert_int_equal(root_open(place->path, &root, NULL), 0);
    g_autofree char *large = g_strnfill(200000, 'x');
    g_autoptr(changeset) set = changeset_new("test");
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(changeset_add(set, root, "a", "two\n", 4, 0644, CHANGE_WHOLE, NULL), 0);
    assert_int_equal(changeset_add(set, root, "b", large, strlen(large), 0644, CHANGE_WHOLE, NULL),
                     0);
    g_autoptr(platform_stores) all = stores_new(root, NULL);
    assert_int_equal(changeset_apply(set, all, NULL, &err), CPULIFT_ESYSTEM);
    g_autofree char *text = get(place, "a");
    g_auto(GStrv) names = NULL;
    assert_int_equal(root_list(root, ".", &names, NULL), 0);
    root_free(root);
    assert_int_equal(umount2(place->path, MNT_DETACH), 0);
    assert_string_equal(text, "one\n");
    assert_string_equal(names[0], "a");
    assert_null(names[1]);
}

static void test_large_attributes_stay(void **state)
{
    struct place *place = *state;
    g_autofree char *path = at(place, "a"), *value = g_strnfill(9000, 'v'), *got = g_malloc(9001);
    if (geteuid() != 0 || mount("none", place->path, "tmpfs", 0, "size=1m") != 0) {
        SKIP("a file system of one's own is not permitted here");
    }
    put(place, "a", "one\n");
    bool can = setxattr(path, "trusted.cpulift", value, 9000, 0) == 0;
    root_dir *root = NULL;
    assert_int_equal(root_open(place->path, &root, NULL), 0);
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(changeset_add(set, root, "a", "two\n", 4, 0644, CHANGE_WHOLE, NULL), 0);
    g_autoptr(platform_stores) all = stores_new(root, NULL);
    int rc = changeset_apply(set, all, NULL, NULL);
    ssize_t size = getxattr(path, "trusted.cpulift", got, 9001);
    root_free(root);
    assert_int_equal(umount2(place->path, MNT_DETACH), 0);
    if (!can) {
        SKIP("large attributes are not kept by this file system");
    }
    assert_int_equal(rc, 0);
    assert_int_equal(size, 9000);
    assert_memory_equal(got, value, 9000);
}

static int refused_list, refused_get; ///< the errno of the calls below, 0: they are made

ssize_t flistxattr(int fd, char *names, size_t size)
{
    return (errno = refused_list) != 0 ? -1 : syscall(SYS_flistxattr, fd, names, size);
}

ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
{
    return (errno = refused_get) != 0 ? -1 : syscall(SYS_fgetxattr, fd, name, value, size);
}

static int apply_refused(const struct place *place, int list, int get)
{
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(changeset_add(set, place->root, "a", "two\n", 4, 0644, CHANGE_WHOLE, NULL), 0);
    refused_list = list;
    refused_get = get;
    int rc = changeset_apply(set, place->stores, NULL, NULL);
    refused_list = refused_get = 0;
    return rc;
}

/// What cannot be read cannot be kept: that is said, and the file stays.
static void test_unreadable_attributes_are_said(void **state)
{
    struct place *place = *state;
    g_autofree char *path = at(place, "a");
    put(place, "a", "one\n");
    if (setxattr(path, "user.cpulift", "v", 1, 0) != 0) {
        SKIP("attributes are not kept by this file system");
    }
    assert_int_equal(apply_refused(place, 0, EACCES), CPULIFT_ESYSTEM);
    assert_int_equal(apply_refused(place, 0, ENODATA), CPULIFT_ESYSTEM);
    g_autofree char *text = get(place, "a");
    assert_string_equal(text, "one\n");
    assert_int_equal(apply_refused(place, ENOTSUP, 0), 0); // such a file system has none to keep
}

/// The agent writes its file between our reading and our adding: its key must not be lost.
static void test_edit_of_a_changed_file(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    g_auto(root_file) read = {0};
    assert_int_equal(root_load(place->root, "a", &read, NULL), 0);
    g_autoptr(changeset) set = changeset_new("test");
    put(place, "a", "one\ntheirs\n");
    assert_int_equal(
        changeset_add_edit(set, place->root, "a", &read, "one\nours\n", 9, CHANGE_LINES, NULL),
        CPULIFT_ECONFLICT);
    assert_int_equal(set->changes->len, 0);
    put(place, "a", "one\n");
    assert_int_equal(
        changeset_add_edit(set, place->root, "a", &read, "one\nours\n", 9, CHANGE_LINES, NULL), 0);
    assert_int_equal(set->changes->len, 1);
}

/// The last look is just before the new file takes its place.
static void test_replace_of_a_changed_file(void **state)
{
    struct place *place = *state;
    put(place, "a", "one\n");
    g_auto(root_file) expected = {0};
    assert_int_equal(root_load(place->root, "a", &expected, NULL), 0);
    put(place, "a", "theirs\n");
    g_auto(root_file) ours = root_file_copy(&expected);
    const struct root_file none = {0};
    assert_int_equal(root_replace(place->root, "a", &ours, &expected, NULL), CPULIFT_ECONFLICT);
    assert_int_equal(root_replace(place->root, "a", &none, &expected, NULL), CPULIFT_ECONFLICT);
    g_autofree char *text = get(place, "a");
    assert_string_equal(text, "theirs\n");
    g_auto(GStrv) names = NULL;
    assert_int_equal(root_list(place->root, ".", &names, NULL), 0);
    assert_string_equal(names[0], "a");
    assert_null(names[1]);
}

static void apply_properties(const struct place *place)
{
    static const char *const pairs[][2] = {{"mode", "custom"}, {"model", "Nehalem"}};
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(changeset_add_properties(set, place->root, "p", pairs, 2, NULL), 0);
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), 0);
}

static void check_properties_undo(const struct place *place, const char *rewritten,
                                  const char *expected)
{
    static const char original[] = "# kept\nhost=10.0.0.1\nmode = x\n";
    put(place, "p", original);
    apply_properties(place);
    put(place, "p", rewritten);
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, NULL), 0);
    g_autofree char *text = get(place, "p");
    assert_string_equal(text, expected != NULL ? expected : original);
}

static void test_properties_survive_their_writer(void **state)
{
    struct place *place = *state;
    check_properties_undo(place, "#date\nmode=custom\nmodel=Nehalem\nhost=10.0.0.1\n", NULL);
    check_properties_undo(place, "#date\nmodel=Nehalem\nnew=1\nmode=custom\nhost=10.0.0.1\n",
                          "#date\nmodel=\nnew=1\nmode=x\nhost=10.0.0.1\n");
    // Emptied or removed since: no value of a stranger's would be lost.
    check_properties_undo(place, "#date\nmode=\nnew=1\nhost=10.0.0.1\n",
                          "#date\nmode=x\nnew=1\nhost=10.0.0.1\n");
    put(place, "p", "host=1\n");
    apply_properties(place);
    put(place, "p", "host=1\nmode=custom\nmodel=Chosen-by-hand\n");
    g_autoptr(cpulift_error) err = NULL;
    assert_int_equal(journal_rollback(place->stores, NULL, NULL, NULL, &err), CPULIFT_ECONFLICT);
}

static void test_document_comes_back(void **state)
{
    struct place *place = *state;
    put(place, "latin", "caf\xE9=1\n");
    put(place, "text", "a=1\n");
    static const char *const pairs[][2] = {{"b", "2"}};
    g_autoptr(changeset) set = changeset_new("test");
    assert_int_equal(changeset_add_properties(set, place->root, "latin", pairs, 1, NULL), 0);
    assert_int_equal(changeset_add(set, place->root, "text", "", 0, 0644, CHANGE_WHOLE, NULL), 0);
    root_file_clear(&((struct change *)g_ptr_array_index(set->changes, 1))->after);
    g_autoptr(json_t) json = changeset_to_json(set);
    g_autoptr(changeset) read = NULL;
    assert_int_equal(changeset_from_json(json, "doc", &read, NULL), 0);
    g_autoptr(json_t) again = changeset_to_json(read);
    assert_true(json_equal(json, again));
    const struct change *change = g_ptr_array_index(read->changes, 0);
    assert_memory_equal(change->before.bytes, "caf\xE9=1\n", 8);
}

/// What could not be read back could never be undone: nothing is changed then.
static void test_unreadable_document_is_not_kept(void **state)
{
    struct place *place = *state;
    g_autoptr(changeset) set = changeset_new("test");
    const char *const targets[] = {"a//b",
                                   "a/./b",
                                   "a\x01",
                                   "a\xC2\xAD",
                                   "var",
                                   JOURNAL_FOLDER,
                                   JOURNAL_FOLDER "/000001.json"};
    for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
        assert_int_equal(add(set, place, targets[i], "x", CHANGE_WHOLE, NULL), CPULIFT_EREFUSED);
        assert_int_equal(changeset_add_removal(set, place->root, targets[i], NULL),
                         CPULIFT_EREFUSED);
    }
    assert_int_equal(add(set, place, "a", "x", CHANGE_WHOLE, NULL), 0);
    assert_int_equal(add(set, place, "a", "y", CHANGE_WHOLE, NULL), CPULIFT_EREFUSED);
    struct change *change = g_ptr_array_index(set->changes, 0);
    g_free(change->target);
    change->target = g_strdup("./a");
    assert_int_equal(changeset_apply(set, place->stores, NULL, NULL), CPULIFT_EINPUT);
    g_autofree char *file = at(place, "a"), *journal = at(place, JOURNAL_FOLDER);
    assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
    assert_false(g_file_test(journal, G_FILE_TEST_EXISTS));
}

/// Neither the diff nor the JSON that apply prints has what libvirt hides.
static void test_secrets_are_not_shown(void **state)
{
    (void)state;
    static const char before[] = "<domain>\n<cpu/>\n<graphics passwd='xyzzy' port='1'/>\n"
                                 "<graphics passwd=\"xyz'zy\"/>\n<cookies>\n"
                                 "<cookie name='a'>xyzzy</cookie>\n</cookies>\n</domain>\n";
    static const char after[] =
        "<domain>\n<graphics passwd='xyzzy'/>\n<cookie\tname=\"a\">xyz\nzy</cookie>\n"
        "</domain>\n";
    char uri[] = "test:///default";
    const store_key key = {.uri = uri};
    g_autoptr(changeset) set = changeset_new("libvirt");
    changeset_add_definition(set, &key, "uuid", "web", before, after);
    const struct change *change = g_ptr_array_index(set->changes, 0);
    g_autoptr(json_t) json = record_format(&change_record, change, NULL);
    change_hide_secrets(change, json);
    g_autofree char *diff = changeset_format_diff(set), *text = json_format_line(json);
    const char *const printed[] = {diff, text};
    for (size_t i = 0; i < G_N_ELEMENTS(printed); i++) {
        assert_non_null(strstr(printed[i], "<graphics passwd='***' port='1'/>"));
        assert_non_null(strstr(printed[i], "<cookie name='a'>***</cookie>"));
        assert_null(strstr(printed[i], "xyz"));
    }
}

/// Passwords stand in URLs too, of any file; what goes to QEMU past libvirt is its owner's.
static void test_hidden_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
        bool is_definition;
    } cases[] = {
        {"db=mysql://cloud:s3:c/ret@h/d", "db=mysql://cloud:s3:c/ret@h/d", false}, // no URL's
        {"db=mysql://cloud:s3:cret@h:1/d\n", "db=mysql://cloud:***@h:1/d\n", false},
        {"db=jdbc\\:mysql\\://a\\:b@h", "db=jdbc\\:mysql\\://a\\:***@h", false},
        {"jdbc:x://h/d?user=a&password=b;c&Token=d", "jdbc:x://h/d?user=a&password=***;c&Token=***",
         false},
        {"http://h:8080/a@b http://me@h/ <a b=':c@'/>",
         "http://h:8080/a@b http://me@h/ <a b=':c@'/>", false},
        {"<source name='http://u:p@h'/>", "<source name='http://u:***@h'/>", true},
        {"<qemu:arg value='secret,data=x'/><qemu:env name=\"A\" value=\"y\"/><arg value='z'/>",
         "<qemu:arg value='***'/><qemu:env name=\"A\" value=\"***\"/><arg value='z'/>", true},
        {"<qemu:arg value='x'/>", "<qemu:arg value='x'/>", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t len = strlen(cases[i].text);
        g_autofree char *shown = secrets_hide(cases[i].text, &len, cases[i].is_definition);
        assert_string_equal(shown, cases[i].shown);
        assert_int_equal(len, strlen(shown));
    }
    size_t len = 4;
    g_autofree char *whole = secrets_hide("a\0b\n", &len, false);
    assert_memory_equal(whole, "a\0b\n", 5);
}

/// A journal that is damaged is refused by its member, before anything is undone by it.
static void test_damaged_documents_are_refused(void **state)
{
    (void)state;
    static const char whole[] =
        "{'schema':'cpulift.changeset/1','platform':'p','folders':[],'changes':[{'target':'t',"
        "'undo':'properties','keys':{'k':{'before':null,'after':'a'}},'before':null,"
        "'after':{'mode':384,'uid':0,'gid':0,'base64':'Y2Fm6Q=='}}]}";
    static const struct {
        const char *part, *with, *message;
    } cases[] = {
        {"'mode':384", "'mode':'rw'",
         "'doc': \"changes[0].after.mode\" is no integer from 0 to 4095"},
        {"'mode':384,", "", "'doc': \"changes[0].after.mode\" is missing"},
        {"'uid':0", "'uid':-1",
         "'doc': \"changes[0].after.uid\" is no integer from 0 to 4294967294"},
        {"'gid':0", "'gid':4294967295",
         "'doc': \"changes[0].after.gid\" is no integer from 0 to 4294967294"},
        {"Y2Fm6Q==", "Y2F m6Q=", "'doc': \"changes[0].after.base64\" is no base64"},
        {"'gid':0,'base64':'Y2Fm6Q=='", "'gid':0",
         "'doc': \"changes[0].after\" must have either \"text\" or \"base64\""},
        {"'gid':0,", "'gid':0,'text':'',",
         "'doc': \"changes[0].after\" must have either \"text\" or \"base64\""},
        {"'before':null,'after':'a'", "'before':1,'after':'a'",
         "'doc': \"changes[0].keys.k.before\" is no string"},
        {"'after':'a'", "'after':null", "'doc': \"changes[0].keys.k.after\" is no string"},
        {"{'k':{'before':null,'after':'a'}}", "[]", "'doc': \"changes[0].keys\" is no object"},
        {"'properties'", "'nothing'",
         "'doc': \"changes[0].undo\" is none of whole, lines, properties, cpu"},
        {"'folders':[]", "'folders':'etc'", "'doc': \"folders\" is no list"},
        {"'changes':[", "'changed':[", "'doc': \"changes\" is missing"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(GStrv) halves = g_strsplit(whole, cases[i].part, 2);
        assert_non_null(halves[1]);
        g_autofree char *text = g_strjoinv(cases[i].with, halves);
        g_strdelimit(text, "'", '"');
        g_autoptr(json_t) json = json_loads(text, 0, NULL);
        g_autoptr(changeset) read = NULL;
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(changeset_from_json(json, "doc", &read, &err), CPULIFT_EINPUT);
        assert_string_equal(err->message, cases[i].message);
    }
}

/// From here on the kernel has no openat2, as before 5.6.
static bool take_openat2_away(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = G_N_ELEMENTS(code), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
           syscall(SYS_openat2, -1, "", NULL, 0) == -1 && errno == ENOSYS;
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_mode_and_owner_stay),
        TEST(test_journal_is_its_owners_alone),
        TEST(test_links_do_not_lead_out),
        TEST(test_full_disk_changes_nothing),
        TEST(test_large_attributes_stay),
        TEST(test_unreadable_attributes_are_said),
        TEST(test_edit_of_a_changed_file),
        TEST(test_replace_of_a_changed_file),
        TEST(test_properties_survive_their_writer),
        TEST(test_document_comes_back),
        TEST(test_unreadable_document_is_not_kept),
        TEST(test_secrets_are_not_shown),
        TEST(test_hidden_words),
        cmocka_unit_test(test_hidden_words),
        cmocka_unit_test(test_damaged_documents_are_refused),
    };
    int failed = cmocka_run_group_tests_name("change", tests, NULL, NULL);
    if (!take_openat2_away()) {
        print_message("system calls cannot be filtered here: openat2 stays\n");
        return failed;
    }
    return failed + cmocka_run_group_tests_name("change without openat2", tests, NULL, NULL);
}

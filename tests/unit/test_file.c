// SPDX-License-Identifier: LGPL-2.1-or-later
// Saving never touches the real /dev/null: the devices here are nodes of our own in a private
// folder.
#include "../lib/skip.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#define OLD "what stood here before, and longer than what comes\n"
#define NEW "new\n"

enum { NOBODY = 65534 };

static int enter(void **state)
{
    char *folder = g_dir_make_tmp("cpulift-file-XXXXXX", NULL);
    *state = folder;
    return folder != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state)
{
    char *folder = *state;
    char *argv[] = {(char *)"rm", (char *)"-rf", folder, NULL};
    bool is_gone = chdir("/") == 0 && g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                                                   NULL, NULL, NULL, NULL, NULL);
    g_free(folder);
    return is_gone ? 0 : -1;
}

static void put(const char *path, const char *text)
{
    assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void assert_holds(const char *path, const char *text)
{
    g_autofree char *found = NULL;
    assert_true(g_file_get_contents(path, &found, NULL, NULL));
    assert_string_equal(found, text);
}

static mode_t get_type(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & S_IFMT;
}

static unsigned get_mode(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static unsigned count_names(void)
{
    g_autoptr(GDir) dir = g_dir_open(".", 0, NULL);
    unsigned count = 0;
    while (g_dir_read_name(dir) != NULL) {
        count++;
    }
    return count;
}

static void save(const char *path)
{
    g_autoptr(cpulift_error) err = NULL;
    if (file_save(path, NEW, strlen(NEW), 0640, &err) != 0) {
        fail_msg("%s", err->message);
    }
}

static void refuse(const char *path, const char *why)
{
    g_autoptr(cpulift_error) err = NULL;
    assert_int_not_equal(file_save(path, NEW, strlen(NEW), 0640, &err), 0);
    assert_non_null(strstr(err->message, path));
    if (strstr(err->message, why) == NULL) {
        fail_msg("'%s' is not in: %s", why, err->message);
    }
}

static void a_new_file_has_the_mode_and_no_company(void **state)
{
    (void)state;
    save("new");
    assert_holds("new", NEW);
    assert_int_equal(get_mode("new"), 0640);
    assert_int_equal(count_names(), 1);
}

static void a_regular_file_is_replaced_and_keeps_its_mode(void **state)
{
    (void)state;
    put("file", OLD);
    assert_int_equal(chmod("file", 0604), 0);
    assert_int_equal(link("file", "other"), 0);
    save("file");
    assert_holds("file", NEW);
    assert_int_equal(get_mode("file"), 0604);
    assert_holds("other", OLD);
    assert_int_equal(count_names(), 2);
}

static void a_fifo_gets_the_text_and_stays(void **state)
{
    (void)state;
    char got[sizeof(NEW)] = {0};
    assert_int_equal(mkfifo("fifo", 0600), 0);
    int reader = open("fifo", O_RDWR | O_NONBLOCK);
    assert_true(reader >= 0);
    save("fifo");
    assert_int_equal(read(reader, got, sizeof(got)), strlen(NEW));
    assert_string_equal(got, NEW);
    assert_int_equal(get_type("fifo"), S_IFIFO);
    assert_int_equal(count_names(), 1);
    close(reader);
}

static void a_device_is_written_and_stays(void **state)
{
    (void)state;
    int fd = mknod("null", S_IFCHR | 0600, makedev(1, 3)) == 0 ? open("null", O_WRONLY) : -1;
    if (fd < 0) {
        SKIP("device nodes of one's own are not permitted here: %s", strerror(errno));
    }
    close(fd);
    save("null");
    assert_int_equal(get_type("null"), S_IFCHR);
    assert_int_equal(symlink("null", "link"), 0);
    save("link");
    assert_int_equal(get_type("link"), S_IFLNK);
    assert_int_equal(get_type("null"), S_IFCHR);
    assert_int_equal(mknod("full", S_IFCHR | 0600, makedev(1, 7)), 0);
    refuse("full", "cannot write");
    assert_int_equal(get_type("full"), S_IFCHR);
    assert_int_equal(count_names(), 3);
}

static void a_link_is_followed_and_its_target_replaced_beside_the_target(void **state)
{
    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    put("folder/file", OLD);
    assert_int_equal(link("folder/file", "other"), 0);
    assert_int_equal(symlink("folder/file", "one"), 0);
    assert_int_equal(symlink("../one", "folder/two"), 0);
    save("folder/two");
    assert_holds("folder/file", NEW);
    assert_holds("other", OLD);
    assert_int_equal(get_type("one"), S_IFLNK);
    assert_int_equal(get_type("folder/two"), S_IFLNK);
    assert_int_equal(get_type("folder/file"), S_IFREG);
}

static void a_link_that_dangles_gets_its_target(void **state)
{
    (void)state;
    g_autofree char *target = g_build_filename(*state, "target", NULL);
    assert_int_equal(symlink(target, "link"), 0);
    save("link");
    assert_int_equal(get_type("link"), S_IFLNK);
    assert_holds("target", NEW);
    assert_int_equal(symlink("absent/target", "far"), 0);
    refuse("far", "No such file");
    assert_int_equal(symlink("loop", "loop"), 0);
    refuse("loop", "symbolic links");
    assert_int_equal(count_names(), 4);
}

static void a_folder_is_made_where_nothing_stands(void **state)
{
    (void)state;
    assert_int_equal(file_make_folder("a/b", 0700, NULL), 0);
    assert_int_equal(get_type("a/b"), S_IFDIR);
    assert_int_equal(symlink("a/b", "link"), 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    put("file", OLD);
    assert_int_equal(file_make_folder("a/b", 0700, NULL), 0);
    assert_int_equal(file_make_folder("link/c", 0700, NULL), 0);
    const char *const taken[] = {"file", "dangling", "dangling/d"};
    for (size_t i = 0; i < G_N_ELEMENTS(taken); i++) {
        g_autoptr(cpulift_error) err = NULL;
        assert_int_equal(file_make_folder(taken[i], 0700, &err), CPULIFT_ESYSTEM);
        assert_non_null(strstr(err->message, "cannot make the folder"));
    }
    assert_int_equal(count_names(), 4);
}

static void a_folder_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(symlink("folder", "link"), 0);
    assert_int_equal(symlink("/proc/self/fd", "fds"), 0);
    const char *const names[] = {"folder", "folder/", "folder/.", "link", "fds", ".", "/"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        refuse(names[i], "is a folder");
    }
    refuse("absent/", "No such file");
    assert_int_equal(count_names(), 3);
}

static void an_open_descriptor_is_written_where_it_stands(void **state)
{
    (void)state;
    int fd = open("log", O_RDWR | O_CREAT | O_EXCL, 0600), pair[2];
    assert_int_equal(write(fd, "before\n", 7), 7);
    g_autofree char *path = g_strdup_printf("/dev/fd/%d", fd);
    save(path);
    assert_int_equal(write(fd, "after\n", 6), 6);
    assert_holds("log", "before\n" NEW "after\n");
    close(fd);
    // A socket cannot be opened by name.
    char got[sizeof(NEW)] = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    g_autofree char *socket = g_strdup_printf("/proc/self/fd/%d", pair[0]);
    save(socket);
    assert_int_equal(read(pair[1], got, sizeof(got)), strlen(NEW));
    assert_string_equal(got, NEW);
    close(pair[0]);
    close(pair[1]);
    refuse(path, "cannot");
}

/// The descriptor of another process, here a child that holds a file open.
static void a_descriptor_of_another_is_opened_anew(void **state)
{
    (void)state;
    put("held", OLD);
    int wait[2], held = open("held", O_RDWR);
    assert_int_equal(pipe(wait), 0);
    pid_t child = fork();
    if (child == 0) {
        char nothing;
        close(wait[1]);
        (void)!read(wait[0], &nothing, 1);
        _exit(0);
    }
    g_autofree char *path = g_strdup_printf("/proc/%d/fd/%d", child, held);
    close(held);
    save(path);
    assert_holds("held", NEW);
    close(wait[0]);
    close(wait[1]);
}

static void a_new_file_obeys_the_umask(void **state)
{
    (void)state;
    mode_t before = umask(077);
    save("private");
    umask(before);
    struct stat st;
    assert_int_equal(stat("private", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_replaced_file_keeps_its_owner(void **state)
{
    (void)state;
    put("theirs", OLD);
    if (chown("theirs", NOBODY, NOBODY) != 0) {
        SKIP("files cannot be given away here: %s", strerror(errno));
    }
    save("theirs");
    struct stat st;
    assert_int_equal(stat("theirs", &st), 0);
    assert_int_equal(st.st_uid, NOBODY);
    assert_int_equal(st.st_gid, NOBODY);
    assert_holds("theirs", NEW);
}

/// As the kernel judges with fs.protected_symlinks, _fifos and _regular, which do not see a rename.
static void what_a_stranger_put_into_a_shared_folder_is_refused(void **state)
{
    (void)state;
    put("victim", OLD);
    assert_int_equal(mkdir("shared", 0700), 0);
    assert_int_equal(chmod("shared", 01777), 0);
    assert_int_equal(symlink("../victim", "shared/link"), 0);
    assert_int_equal(mkfifo("shared/fifo", 0666), 0);
    put("shared/file", OLD);
    save("shared/file");
    save("shared/link");
    assert_holds("victim", NEW);
    static const char *const theirs[] = {"shared/link", "shared/fifo", "shared/file"};
    for (size_t i = 0; i < G_N_ELEMENTS(theirs); i++) {
        if (lchown(theirs[i], NOBODY, NOBODY) != 0) {
            SKIP("files cannot be given away here: %s", strerror(errno));
        }
    }
    put("victim", OLD);
    for (size_t i = 0; i < G_N_ELEMENTS(theirs); i++) {
        refuse(theirs[i], "another user");
    }
    assert_int_equal(symlink("shared/link", "way"), 0);
    refuse("way", "another user");
    assert_holds("victim", OLD);
    // The owner of the folder may do as he likes in it.
    assert_int_equal(chown("shared", NOBODY, NOBODY), 0);
    save("shared/link");
    assert_holds("victim", NEW);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_new_file_has_the_mode_and_no_company),
        IN_FOLDER(a_regular_file_is_replaced_and_keeps_its_mode),
        IN_FOLDER(a_new_file_obeys_the_umask),
        IN_FOLDER(a_replaced_file_keeps_its_owner),
        IN_FOLDER(a_fifo_gets_the_text_and_stays),
        IN_FOLDER(a_device_is_written_and_stays),
        IN_FOLDER(a_link_is_followed_and_its_target_replaced_beside_the_target),
        IN_FOLDER(a_link_that_dangles_gets_its_target),
        IN_FOLDER(a_folder_is_made_where_nothing_stands),
        IN_FOLDER(a_folder_is_refused),
        IN_FOLDER(an_open_descriptor_is_written_where_it_stands),
        IN_FOLDER(a_descriptor_of_another_is_opened_anew),
        IN_FOLDER(what_a_stranger_put_into_a_shared_folder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/scene.h"

#include "base/cpio.h"
#include "base/file.h"
#include "probe/collect.h"
#include "probe/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/// Debian's has 14 MiB.
#define KERNEL_MAX ((size_t)256 << 20)

/// How often a guest that loops prints, at most, and how long it goes on when nobody ends it.
#define RECORDS_PER_S 5
#define AFTER_S       5

static int fail_folder(const char *path, cpulift_error **err)
{
    return cpulift_error_set(err, CPULIFT_ESYSTEM,
                             "cannot make '%s' for the probe guest: %s; set TMPDIR to a folder "
                             "with a short path that others may enter",
                             path, g_strerror(errno));
}

/// The kernel and an archive with its first process.
static int pack_kernel(const struct scene *scene, const struct start_kernel *kernel,
                       cpulift_error **err)
{
    g_autofree char *image = NULL;
    size_t size = 0;
    g_autoptr(cpio) archive = NULL;
    TRY(file_load(kernel->image, KERNEL_MAX, &image, &size, err));
    TRY(file_save(scene->image, image, size, 0644, err));
    TRY(cpio_open(scene->initramfs, &archive, err));
    TRY(cpio_add_file(archive, "/init", kernel->init, err));
    TRY(kernel->module != NULL ? cpio_add_file(archive, "/msr.ko", kernel->module, err) : 0);
    TRY(cpio_add_folder(archive, "/dev", err));
    return cpio_finish(archive, err);
}

static int pack(const struct scene *scene, const cpulift_plan *plan,
                const struct start_kernel *kernel, cpulift_error **err)
{
    size_t size = 0;
    const char *image = (const char *)collect_get_image(plan, &size);
    TRY(kernel != NULL ? pack_kernel(scene, kernel, err)
                       : file_save(scene->image, image, size, 0644, err));
    // Whatever the umask, others may pass through the folder and read the image, not list it: a
    // system daemon's QEMU is another user.
    bool is_open = chmod(scene->folder, 0711) == 0 && chmod(scene->image, 0644) == 0 &&
                   (kernel == NULL || chmod(scene->initramfs, 0644) == 0);
    return is_open ? 0 : fail_folder(scene->folder, err);
}

int scene_make(const cpulift_plan *plan, const struct start_kernel *kernel, struct scene *ret_scene,
               cpulift_error **err)
{
    struct scene made = {0};
    g_autofree char *pattern = g_build_filename(g_get_tmp_dir(), "cpulift-probe-XXXXXX", NULL);
    if (mkdtemp(pattern) == NULL) {
        return fail_folder(pattern, err);
    }
    made.folder = g_steal_pointer(&pattern);
    made.image = g_build_filename(made.folder, "image", NULL);
    made.initramfs = g_build_filename(made.folder, "initramfs", NULL);
    made.socket = g_build_filename(made.folder, "serial", NULL);
    made.name = g_path_get_basename(made.folder);
    int rc = pack(&made, plan, kernel, err);
    if (rc != 0) {
        scene_clear(&made);
        return rc;
    }
    *ret_scene = made;
    return 0;
}

void scene_clear(struct scene *scene)
{
    if (scene->folder != NULL) {
        unlink(scene->image);
        unlink(scene->initramfs);
        unlink(scene->socket);
        rmdir(scene->folder);
    }
    g_free(scene->folder);
    g_free(scene->image);
    g_free(scene->initramfs);
    g_free(scene->socket);
    g_free(scene->name);
    *scene = (struct scene){0};
}

int scene_listen(const struct scene *scene, cpulift_error **err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (g_strlcpy(address.sun_path, scene->socket, sizeof(address.sun_path)) >=
        sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return fail_folder(scene->socket, err);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        chmod(scene->socket, 0666) != 0 || listen(fd, 2) != 0) {
        int rc = fail_folder(scene->socket, err);
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    return fd;
}

int scene_accept(int listener, int timeout_ms)
{
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    bool is_there = poll(&wait, 1, timeout_ms) == 1;
    return is_there ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
}

int scene_make_file(const struct scene *scene, cpulift_error **err)
{
    int fd = open(scene->socket, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = fd < 0 || fchmod(fd, 0666) != 0 ? fail_folder(scene->socket, err) : 0;
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/// The guest's command line. One that loops ends by itself soon after we would have ended it:
/// nobody else does where this machine, or a libvirt that waits for a lost connection, keeps us
/// from it.
static char *format_line(const cpulift_plan *plan, const struct start_options *options,
                         const probe_shape *shape, bool is_looping)
{
    g_autofree char *line = collect_format_line(plan, options->kernel, shape);
    unsigned seconds = options->timeout_ms / 1000 + AFTER_S;
    return is_looping ? g_strdup_printf("%s loop=%u", line, seconds * RECORDS_PER_S)
                      : g_steal_pointer(&line);
}

/// The path of the socket or file stands between the two, where it has one.
static const struct {
    const char *begin, *end;
} serials[] = {
    [SCENE_SOCKET] = {"<serial type='unix'><source mode='connect' path='", "'/></serial>"},
    [SCENE_CONSOLE] = {"<serial type='pty'/>", NULL},
    [SCENE_FILE] = {"<serial type='file'><source append='on' path='", "'/></serial>"},
};

static char *format_serial(const struct scene *scene, enum scene_serial serial)
{
    g_autofree char *path = g_markup_escape_text(scene->socket, -1);
    const char *end = serials[serial].end;
    return g_strconcat(serials[serial].begin, end == NULL ? NULL : path, end, NULL);
}

/// The element with the guest's topology as its last child.
static char *format_cpu(const struct wording *wording)
{
    static const char end[] = "</cpu>";
    const probe_shape *shape = &wording->shape;
    g_autofree char *text = cpu_format(wording->cpu, 2);
    g_autofree char *dies =
        shape->dies > 1 ? g_strdup_printf(" dies='%u'", shape->dies) : g_strdup("");
    text[strlen(text) - strlen(end)] = '\0';
    return g_strdup_printf("%s  <topology sockets='%u'%s cores='%u' threads='%u'/>\n  %s", text,
                           shape->sockets, dies, shape->cores, shape->threads, end);
}

/// What the guest is, up to its <cpu>.
static char *format_head(const struct scene *scene, const cpulift_plan *plan,
                         const struct start_options *options, const probe_shape *shape,
                         bool is_looping)
{
    g_autofree char *line = format_line(plan, options, shape, is_looping);
    const char *state = shape_get_pmu(shape);
    g_autofree char *pmu =
        state != NULL ? g_strdup_printf("<pmu state='%s'/>", state) : g_strdup("");
    g_autofree char *head =
        g_markup_printf_escaped("<domain type='%s'>\n"
                                "  <name>%s</name>\n"
                                "  <memory unit='MiB'>%u</memory>\n"
                                "  <vcpu current='%u'>%u</vcpu>\n"
                                "  <os>\n"
                                "    <type arch='x86_64' machine='%s'>hvm</type>\n"
                                "    <kernel>%s</kernel>\n"
                                "    <cmdline>%s</cmdline>\n",
                                options->virt, scene->name, collect_get_memory(options->kernel),
                                shape->vcpus, shape->max, options->machine, scene->image, line);
    g_autofree char *initramfs =
        options->kernel == NULL
            ? g_strdup("")
            : g_markup_printf_escaped("    <initrd>%s</initrd>\n", scene->initramfs);
    return g_strdup_printf("%s%s  </os>\n  <features><acpi/><apic/>%s</features>\n", head,
                           initramfs, pmu);
}

/// What libvirt has no element for.
static const char cpu_pm[] = "  <qemu:commandline xmlns:qemu='" DOMAIN_QEMU_NAMESPACE "'>\n"
                             "    <qemu:arg value='-overcommit'/>\n"
                             "    <qemu:arg value='cpu-pm=on'/>\n"
                             "  </qemu:commandline>\n";

char *scene_format_domain(const struct scene *scene, const cpulift_plan *plan,
                          const struct start_options *options, const struct wording *wording,
                          enum scene_serial serial)
{
    g_autofree char *head =
        format_head(scene, plan, options, &wording->shape, serial != SCENE_SOCKET);
    g_autofree char *cpu = format_cpu(wording);
    g_autofree char *program =
        options->emulator == NULL
            ? g_strdup("")
            : g_markup_printf_escaped("<emulator>%s</emulator>", options->emulator);
    g_autofree char *device = format_serial(scene, serial);
    return g_strdup_printf("%s  %s\n"
                           "  <on_poweroff>destroy</on_poweroff>\n"
                           "  <on_reboot>destroy</on_reboot>\n"
                           "  <on_crash>destroy</on_crash>\n"
                           "  <devices>%s\n"
                           "    <controller type='usb' model='none'/>\n"
                           "    <memballoon model='none'/>\n"
                           "    %s\n"
                           "  </devices>\n"
                           "%s"
                           "</domain>\n",
                           head, cpu, program, device, wording->shape.has_cpu_pm ? cpu_pm : "");
}

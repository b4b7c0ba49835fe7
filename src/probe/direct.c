// SPDX-License-Identifier: LGPL-2.1-or-later
/// The probe guest in a QEMU of our own, without libvirt.
#include "probe/collect.h"
#include "probe/scene.h"
#include "probe/wording.h"
#include "virt/emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EMULATOR "qemu-system-x86_64"

/// How long QEMU may take to end by itself once its serial line is closed.
#define END_MS 500

static bool has_optional(const cpulift_cpu *cpu)
{
    for (size_t i = 0; i < cpu->feature_count; i++) {
        if (cpu->features[i].policy == CPU_OPTIONAL) {
            return true;
        }
    }
    return false;
}

/// QEMU's spelling of a feature: it reads an underscore as a dash, and knows the other names that
/// libvirt uses as aliases.
static char *format_property(const char *name)
{
    return g_strdelimit(g_strdup(name), "_", '-');
}

/// The argument of -cpu. `enforce` makes QEMU refuse what it cannot give; an optional feature is
/// what each host may lack, so its presence forbids that.
static char *format_cpu(const struct wording *wording)
{
    const cpulift_cpu *cpu = wording->cpu;
    const char *pmu = shape_get_pmu(&wording->shape);
    GString *text = g_string_new(cpu->model);
    for (size_t i = 0; i < cpu->feature_count; i++) {
        bool is_on = !cpu_is_off(cpu->features[i].policy);
        g_autofree char *property = format_property(cpu->features[i].name);
        g_string_append_printf(text, ",%s=%s", property, is_on ? "on" : "off");
    }
    if (pmu != NULL) {
        g_string_append_printf(text, ",pmu=%s", pmu);
    }
    if (cpu->phys_bits != 0) {
        g_string_append_printf(text, ",phys-bits=%u", cpu->phys_bits);
    }
    g_string_append(text, has_optional(cpu) ? "" : ",enforce");
    return g_string_free(text, FALSE);
}

/// The argument of -smp.
static char *format_smp(const probe_shape *shape)
{
    return g_strdup_printf("%u,maxcpus=%u,sockets=%u,dies=%u,cores=%u,threads=%u", shape->vcpus,
                           shape->max, shape->sockets, shape->dies, shape->cores, shape->threads);
}

/// A nameless file that holds the image, or -1.
static int make_image(const cpulift_plan *plan)
{
    size_t size = 0;
    const unsigned char *image = collect_get_image(plan, &size);
    int fd = memfd_create("probe", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, image, size) != (ssize_t)size) {
        close(fd);
        return -1;
    }
    return fd;
}

/// "QEMU emulator version 7.2.22 (Debian …)" → "7.2.22", or NULL.
static char *read_version(const char *emulator)
{
    const char *const argv[] = {emulator, "--version", NULL};
    g_autofree char *text = NULL;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL,
                      NULL, NULL, &text, NULL, NULL, NULL)) {
        return NULL;
    }
    const char *at = strstr(text, "version ");
    return at == NULL ? NULL : g_strndup(at + 8, strspn(at + 8, "0123456789."));
}

/// The first line of QEMU's complaint: what follows is a dump of registers. The caller frees it.
static char *read_first_complaint(const struct emulator *emulator)
{
    char text[256];
    ssize_t n = pread(emulator->complaints, text, sizeof(text) - 1, 0);
    text[MAX(n, 0)] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return g_strdup(text[0] != '\0' ? text : "it said nothing");
}

/// Tells "QEMU would not" from "the guest did not": a QEMU that ended before the guest printed a
/// byte refused.
static void judge_end(struct emulator *emulator, probe_run *run)
{
    if (run->hang == NULL) {
        return;
    }
    if (run->len == 0 && emulator_wait(emulator, END_MS) != -1) {
        run->refusal = emulator_get_complaint(emulator);
        g_clear_pointer(&run->hang, g_free);
    } else {
        g_autofree char *line = read_first_complaint(emulator);
        g_autofree char *hang = g_steal_pointer(&run->hang);
        run->hang = g_strdup_printf("%s; QEMU: %s", hang, line);
    }
}

static int run_guest(const char *const *argv, int image, const struct collect_end *what, gint64 end,
                     probe_run *run, cpulift_error **err)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make a pipe: %s", g_strerror(errno));
    }
    struct emulator emulator;
    int rc = emulator_start(argv, image, pipe_fds[1], &emulator, err);
    close(pipe_fds[1]);
    if (rc == 0) {
        GString *text = g_string_new(NULL);
        struct collect collect = {
            .what = what, .receive = collect_receive_fd, .source = &pipe_fds[0], .end = end};
        collect_read(&collect, text, &run->hang);
        run->len = text->len;
        run->text = g_string_free(text, FALSE);
        judge_end(&emulator, run);
        emulator_stop(&emulator);
    }
    close(pipe_fds[0]);
    return rc;
}

/// `scene` has a kernel's files; the probe guest is `image`, which QEMU gets as its standard input.
static int start(const cpulift_plan *plan, const struct start_options *options, int image,
                 const struct scene *scene, probe_run *run, cpulift_error **err)
{
    gint64 end = g_get_monotonic_time() + (gint64)options->timeout_ms * G_TIME_SPAN_MILLISECOND;
    const char *program = options->emulator != NULL ? options->emulator : EMULATOR;
    struct wording wording;
    // QEMU itself does not mind what it sets by topology: no version matters.
    wording_choose(plan, options, (const unsigned long[]){0}, 1, &wording);
    run->shape = wording.shape;
    g_autofree char *cpu = format_cpu(&wording);
    g_autofree char *smp = format_smp(&wording.shape);
    g_autofree char *line = collect_format_line(plan, options->kernel, &wording.shape);
    g_autofree char *memory = g_strdup_printf("%u", collect_get_memory(options->kernel));
    bool is_kernel = options->kernel != NULL;
    wording_clear(&wording);
    const char *const argv[] = {
        program,
        "-no-user-config",
        "-nodefaults",
        "-no-reboot",
        "-display",
        "none",
        "-m",
        memory,
        "-accel",
        strcmp(options->virt, "kvm") == 0 ? "kvm" : "tcg",
        "-machine",
        options->machine,
        "-cpu",
        cpu,
        "-smp",
        smp,
        "-chardev",
        "file,id=serial,path=/proc/self/fd/1",
        "-serial",
        "chardev:serial",
        "-kernel",
        is_kernel ? scene->image : "/proc/self/fd/0",
        "-append",
        line,
        "-overcommit",
        wording.shape.has_cpu_pm ? "cpu-pm=on" : "cpu-pm=off",
        is_kernel ? "-initrd" : NULL,
        scene->initramfs,
        NULL,
    };
    TRY(run_guest(argv, image, collect_get_end(options->kernel), end, run, err));
    run->qemu = read_version(program);
    return 0;
}

int start_direct(const cpulift_plan *plan, const struct start_options *options, probe_run **ret_run,
                 cpulift_error **err)
{
    struct scene scene = {0};
    TRY(options->kernel != NULL ? scene_make(plan, options->kernel, &scene, err) : 0);
    int image = options->kernel == NULL ? make_image(plan) : -1;
    if (options->kernel == NULL && image < 0) {
        return cpulift_error_set(err, CPULIFT_ESYSTEM, "cannot make the guest's image: %s",
                                 g_strerror(errno));
    }
    g_autoptr(probe_run) run = probe_run_new();
    run->virt = g_strdup(options->virt);
    run->machine = g_strdup(options->machine);
    run->through = g_strdup("QEMU itself");
    int rc = start(plan, options, image, &scene, run, err);
    if (image >= 0) {
        close(image);
    }
    scene_clear(&scene);
    TRY(rc);
    *ret_run = g_steal_pointer(&run);
    return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// cpulift-kernel-init: process 1 of a guest in which a Linux kernel says what it believes of its
/// CPU. Prints that on the serial line and switches the guest off; starts nothing.
///
/// The serial line, one word for the kind of each line, between "@cpulift begin kernel" and
/// "@cpulift end kernel":
///   release 6.1.0-56-cloud-amd64
///   vulnerability NAME: the first line of that file below /sys/devices/system/cpu/vulnerabilities
///   cpu KEY: the first CPU's line of /proc/cpuinfo, in its own words ("cpu flags: fpu vme …")
///   cpuid LEAF SUBLEAF: EAX EBX ECX EDX, as the first CPU reads them; all hexadecimal
///   msr INDEX: value; only what can be read, which needs the kernel's msr module as /msr.ko
///   log TEXT: what the kernel logged of vulnerabilities
/// Bytes that are not printable ASCII are "?".
#include "first.h"

#include <cpuid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

enum { TEXT_MAX = 8192, FILES_MAX = 256 };

#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"

/// `text` up to its line's end, without blanks at the end.
static void print_line(const char *head, const char *name, const char *text)
{
    size_t len = strcspn(text, "\n");
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }
    printf("%s%s", head, name);
    for (size_t i = 0; i < len; i++) {
        putchar(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    }
    putchar('\n');
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void print_vulnerabilities(void)
{
    struct dirent **entries = NULL;
    int count = scandir(VULNERABILITIES, &entries, is_visible, alphasort);
    for (int i = 0; i < count && i < FILES_MAX; i++) {
        char path[512], name[300], text[TEXT_MAX] = "";
        snprintf(path, sizeof path, VULNERABILITIES "/%s", entries[i]->d_name);
        snprintf(name, sizeof name, "%s: ", entries[i]->d_name);
        FILE *file = fopen(path, "re");
        if (file != NULL && fgets(text, sizeof text, file) != NULL) {
            print_line("vulnerability ", name, text);
        }
        if (file != NULL) {
            fclose(file);
        }
    }
}

/// The lines of the first CPU, up to the empty one.
static void print_cpuinfo(void)
{
    char line[TEXT_MAX], name[64];
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL && *line != '\n') {
        const char *value = strchr(line, ':');
        size_t len = strcspn(line, "\t:");
        if (value != NULL && len < sizeof name - 2) {
            snprintf(name, sizeof name, "%.*s: ", (int)len, line);
            print_line("cpu ", name, value[1] == ' ' ? value + 2 : value + 1);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void print_leaf(unsigned leaf, unsigned subleaf)
{
    unsigned a, b, c, d;
    __cpuid_count(leaf, subleaf, a, b, c, d);
    printf("cpuid %08x %08x: %08x %08x %08x %08x\n", leaf, subleaf, a, b, c, d);
}

/// Leaves of which the features stand in more than the first subleaf, and the last such one.
static unsigned find_last_subleaf(unsigned leaf)
{
    return leaf == 7 ? 2 : leaf == 0xd ? 1 : 0;
}

static void print_cpuid(void)
{
    enum { LEAVES_MAX = 64 };
    static const unsigned bases[] = {0, 0x40000000, 0x80000000};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        unsigned last = bases[i], b, c, d;
        __cpuid(bases[i], last, b, c, d);
        for (unsigned leaf = bases[i]; leaf <= last && leaf - bases[i] < LEAVES_MAX; leaf++) {
            for (unsigned sub = 0; sub <= find_last_subleaf(leaf); sub++) {
                print_leaf(leaf, sub);
            }
        }
    }
}

/// Packed (.ko.xz) or not: what is packed the kernel unpacks itself where it can.
static void load_msr_module(void)
{
    enum { COMPRESSED = 4 }; // MODULE_INIT_COMPRESSED_FILE of Linux' uapi/linux/module.h
    int module = open("/msr.ko", O_RDONLY | O_CLOEXEC);
    if (module >= 0 && syscall(SYS_finit_module, module, "", 0) != 0) {
        syscall(SYS_finit_module, module, "", COMPRESSED);
    }
}

static void print_msr(int file, unsigned index)
{
    uint64_t value;
    if (pread(file, &value, sizeof value, index) == sizeof value) {
        printf("msr %08x: %016llx\n", index, (unsigned long long)value);
    }
}

/// What nested guests can have, where the CPU announces it.
enum { VMX_FIRST = 0x480, VMX_LAST = 0x491, VMX_BIT = 1 << 5 };

static int has_vmx(void)
{
    unsigned a, b, c = 0, d;
    __cpuid(1, a, b, c, d);
    return (c & VMX_BIT) != 0;
}

static void print_msrs(void)
{
    static const unsigned indices[] = {
        0x17,       // IA32_PLATFORM_ID
        0x3a,       // IA32_FEATURE_CONTROL
        0x48,       // IA32_SPEC_CTRL
        0x8b,       // the microcode's revision
        0xcf,       // IA32_CORE_CAPABILITIES
        0x10a,      // IA32_ARCH_CAPABILITIES
        0x10f,      // IA32_TSX_FORCE_ABORT
        0x122,      // IA32_TSX_CTRL
        0x123,      // IA32_MCU_OPT_CTRL
        0xc0000080, // EFER
        0xc001011f, // VIRT_SPEC_CTRL
        0xc0011029, // DE_CFG
    };
    load_msr_module();
    int file = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; file >= 0 && i < sizeof indices / sizeof *indices; i++) {
        print_msr(file, indices[i]);
    }
    for (unsigned index = VMX_FIRST; file >= 0 && has_vmx() && index <= VMX_LAST; index++) {
        print_msr(file, index);
    }
}

/// Whether the kernel says this of vulnerabilities: by the words that its lines begin with.
static int is_said_of_them(const char *text)
{
    static const char *const words[] = {
        "Spectre", "MDS",       "TAA",      "MMIO",       "RETBleed",  "SRBDS", "GDS",
        "L1TF",    "SRSO",      "Specul",   "RFDS",       "Register ", "ITS",   "Transient ",
        "VMSCAPE", "microcode", "TSA",      "mce",        "x86/bug",   "BHI",   "Kernel/Us",
        "Mitig",   "itlb",      "Indirect", "active ret", "smt",       NULL,
    };
    for (const char *const *word = words; *word != NULL; word++) {
        if (strncmp(text, *word, strlen(*word)) == 0) {
            return 1;
        }
    }
    return 0;
}

/// Records are "level,number,time,flags;text"; those of a line are read one by one (Linux,
/// Documentation/ABI/testing/dev-kmsg).
static void print_log(void)
{
    char record[TEXT_MAX + 1];
    int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    for (;;) {
        ssize_t got = log >= 0 ? read(log, record, TEXT_MAX) : -1;
        if (got < 0 && errno == EPIPE) { // what is lost is lost
            continue;
        }
        if (got <= 0) {
            break;
        }
        record[got] = '\0';
        const char *text = strchr(record, ';');
        if (text != NULL && is_said_of_them(text + 1)) {
            print_line("log ", "", text + 1);
        }
    }
}

int main(void)
{
    first_set_up();
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);
    struct utsname kernel = {0};
    uname(&kernel);
    puts("\n@cpulift begin kernel");
    print_line("release ", "", kernel.release);
    print_vulnerabilities();
    print_cpuinfo();
    print_cpuid();
    print_msrs();
    print_log();
    puts("@cpulift end kernel");
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
    reboot(RB_POWER_OFF);
    return 1;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// baseline FILE: libvirt's own baseline of the <cpu> elements in FILE, one on each line, expanded.
/// The test driver needs no daemon and computes it in this process.
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **read_lines(const char *path, unsigned *ret_count)
{
    FILE *file = fopen(path, "re");
    char **lines = NULL, *line = NULL;
    size_t size = 0;
    unsigned count = 0;
    while (file != NULL && getline(&line, &size, file) > 0) {
        if (count % 1024 == 0) {
            lines = realloc(lines, (count + 1024) * sizeof *lines);
        }
        if (lines == NULL || (lines[count++] = strdup(line)) == NULL) {
            exit(2);
        }
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
    *ret_count = count;
    return lines;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    char **lines = argc == 2 ? read_lines(argv[1], &count) : NULL;
    virConnectPtr conn = count > 0 ? virConnectOpen("test:///default") : NULL;
    char *cpu = conn != NULL ? virConnectBaselineCPU(conn, (const char **)lines, count,
                                                     VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES)
                             : NULL;
    if (cpu == NULL) {
        return 2;
    }
    puts(cpu);
    return 0;
}

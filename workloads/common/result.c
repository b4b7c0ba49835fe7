// SPDX-License-Identifier: LGPL-2.1-or-later
#include "result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_string(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            putchar('\\');
        }
        if (*c < 0x20) {
            printf("\\u%04x", *c);
        } else {
            putchar(*c);
        }
    }
    putchar('"');
}

static void print_number(double number)
{
    if (isfinite(number)) {
        printf("%.9g", number);
    } else {
        fputs("null", stdout);
    }
}

static int compare_fields(const void *a, const void *b)
{
    const struct result_field *const *left = a;
    const struct result_field *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static void print_value(const struct result_field *field)
{
    if (field->unit != NULL) {
        fputs("{\"unit\":", stdout);
        print_string(field->unit);
        fputs(",\"value\":", stdout);
        print_number(field->number);
        putchar('}');
    } else if (field->text != NULL) {
        print_string(field->text);
    } else {
        print_number(field->number);
    }
}

static void print_object(const char *name, const struct result_field *fields, size_t count)
{
    const struct result_field **sorted = calloc(count + 1, sizeof *sorted);
    print_string(name);
    fputs(":{", stdout);
    for (size_t i = 0; sorted != NULL && i < count; i++) {
        sorted[i] = &fields[i];
    }
    if (sorted != NULL) {
        qsort(sorted, count, sizeof *sorted, compare_fields);
    }
    for (size_t i = 0; sorted != NULL && i < count; i++) {
        fputs(i > 0 ? "," : "", stdout);
        print_string(sorted[i]->name);
        putchar(':');
        print_value(sorted[i]);
    }
    fputs("},", stdout);
    free(sorted);
}

int result_print(const struct result *result)
{
    putchar('{');
    print_object("details", result->details, result->detail_count);
    print_object("figures", result->figures, result->figure_count);
    fputs("\"schema\":\"cpulift.result/1\",", stdout);
    print_object("verification", result->verification, result->verification_count);
    printf("\"verified\":%s,\"workload\":", result->is_verified ? "true" : "false");
    print_string(result->workload);
    fputs("}\n", stdout);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -1;
}

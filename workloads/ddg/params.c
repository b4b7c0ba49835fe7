// SPDX-License-Identifier: LGPL-2.1-or-later
// The parameter table: defaults, parsing, documentation; all driven by params.def.
#include "params.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_GROUP, KIND_REAL, KIND_INT, KIND_CHOICE, KIND_LIST, KIND_TEXT };

struct row {
    enum kind kind;
    int answer; /* does it change the currents? */
    size_t offset;
    double lo, hi;
    const char *name, *dflt, *unit, *choices, *help;
};

#define GROUP(title) {.kind = KIND_GROUP, .help = title},
#define REAL(n, d, l, h, u, a, t)                                                                  \
    {KIND_REAL, a, offsetof(struct params, n), l, h, #n, d, u, NULL, t},
#define INT(n, d, l, h, u, a, t) {KIND_INT, a, offsetof(struct params, n), l, h, #n, d, u, NULL, t},
#define CHOICE(n, d, c, a, t)    {KIND_CHOICE, a, offsetof(struct params, n), 0, 0, #n, d, "", c, t},
#define LIST(n, d, u, t)         {KIND_LIST, 0, offsetof(struct params, n), -100, 100, #n, d, u, NULL, t},
#define TEXT(n, d, t)            {KIND_TEXT, 0, offsetof(struct params, n), 0, 0, #n, d, "", NULL, t},
static const struct row table[] = {
#include "params.def"
};
enum { ROWS = sizeof(table) / sizeof(table[0]) };

int ddg_refuse(struct ddg_error *err, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(err->text, sizeof(err->text), format, ap);
    va_end(ap);
    return -1;
}

static const struct row *find(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (table[i].name && !strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

static int common_prefix(const char *a, const char *b)
{
    int n = 0;

    while (a[n] && tolower((unsigned char)a[n]) == tolower((unsigned char)b[n]))
        n++;
    return n;
}

/* The known name that shares the longest beginning: good enough to point at a misspelling. */
static const char *nearest(const char *name)
{
    const char *best = "device";
    int longest = 0;

    for (int i = 0; i < ROWS; i++) {
        int n = table[i].name ? common_prefix(table[i].name, name) : 0;

        if (n > longest) {
            longest = n;
            best = table[i].name;
        }
    }
    return best;
}

int params_has(const char *name)
{
    return find(name) != NULL;
}

static int parse_number(const struct row *r, const char *text, const char **end, double *ret,
                        struct ddg_error *err)
{
    char *stop = NULL;
    double v = strtod(text, &stop);

    if (stop == text || !isfinite(v))
        return ddg_refuse(err, "parameter '%s': '%.40s' is not a number; give a value in %s",
                          r->name, text, r->unit[0] ? r->unit : "plain numbers");
    if (v < r->lo || v > r->hi)
        return ddg_refuse(err, "parameter '%s': %g is outside %g ... %g%s%s; choose a value inside",
                          r->name, v, r->lo, r->hi, r->unit[0] ? " " : "", r->unit);
    while (isspace((unsigned char)*stop))
        stop++;
    *end = stop;
    *ret = v;
    return 0;
}

static int parse_scalar(const struct row *r, const char *text, double *ret, struct ddg_error *err)
{
    const char *end = text;

    if (parse_number(r, text, &end, ret, err) < 0)
        return -1;
    if (*end)
        return ddg_refuse(err, "parameter '%s': '%.40s' follows the number; give one value",
                          r->name, end);
    if (r->kind == KIND_INT && *ret != floor(*ret))
        return ddg_refuse(err, "parameter '%s': %g is not a whole number; give one", r->name, *ret);
    return 0;
}

static int add_range(const struct row *r, struct param_list *l, double a, double step, double b,
                     struct ddg_error *err)
{
    double count = step != 0 ? floor((b - a) / step + 1e-9) : -1;

    if (count < 0)
        return ddg_refuse(err, "parameter '%s': the range %g:%g:%g is empty; mind the step's sign",
                          r->name, a, step, b);
    if (l->n + count + 1 > PARAM_LIST_MAX)
        return ddg_refuse(err, "parameter '%s': more than %d values; take longer steps", r->name,
                          PARAM_LIST_MAX);
    for (int i = 0; i <= (int)count; i++)
        l->v[l->n++] = a + i * step;
    return 0;
}

static int compare_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Do the ascending values have different labels at that many digits? */
static int are_told_apart(const double *v, int n, int digits)
{
    for (int i = 1; i < n; i++) {
        char a[32], b[32];

        snprintf(a, sizeof(a), "%.*g", digits, v[i - 1]);
        snprintf(b, sizeof(b), "%.*g", digits, v[i]);
        if (!strcmp(a, b))
            return 0;
    }
    return 1;
}

/* Labels of results and files come from the values: none may stand there twice (within a nanovolt,
 * the rounding of ranges), and they get as many digits as tell them apart, %g's six at least. */
static int choose_digits(const struct row *r, struct param_list *l, struct ddg_error *err)
{
    double v[PARAM_LIST_MAX];

    memcpy(v, l->v, (size_t)l->n * sizeof(*v));
    qsort(v, (size_t)l->n, sizeof(*v), compare_value);
    for (int i = 1; i < l->n; i++)
        if (v[i] - v[i - 1] < 1e-9)
            return ddg_refuse(err, "parameter '%s': %g %s is given twice; leave one out", r->name,
                              v[i], r->unit);
    for (l->digits = 6; !are_told_apart(v, l->n, l->digits);)
        l->digits++;
    return 0;
}

static int parse_list(const struct row *r, const char *text, struct param_list *ret,
                      struct ddg_error *err)
{
    struct param_list l = {0};
    const char *at = text;

    for (;;) {
        double v[3] = {0};
        int n = 0;

        do {
            if (parse_number(r, at, &at, &v[n++], err) < 0)
                return -1;
        } while (*at == ':' && n < 3 && at++);
        if (n == 2)
            return ddg_refuse(err, "parameter '%s': a range is first:step:last, not two numbers",
                              r->name);
        if (add_range(r, &l, v[0], n == 3 ? v[1] : 1, n == 3 ? v[2] : v[0], err) < 0)
            return -1;
        if (!*at)
            break;
        if (*at == ',')
            at++;
    }
    if (choose_digits(r, &l, err) < 0)
        return -1;
    *ret = l;
    return 0;
}

static int parse_choice(const struct row *r, const char *text, int *ret, struct ddg_error *err)
{
    size_t len = strlen(text);
    const char *word = r->choices;

    for (int i = 0; word; i++) {
        size_t n = strcspn(word, "|");

        if (n == len && !strncmp(word, text, n)) {
            *ret = i;
            return 0;
        }
        word = word[n] ? word + n + 1 : NULL;
    }
    return ddg_refuse(err, "parameter '%s': unknown value '%.40s'; choose one of %s", r->name, text,
                      r->choices);
}

static int parse_text(const struct row *r, const char *text, char *ret, struct ddg_error *err)
{
    if (strlen(text) >= PARAM_TEXT_MAX)
        return ddg_refuse(err, "parameter '%s': longer than %d characters; shorten it", r->name,
                          PARAM_TEXT_MAX - 1);
    memmove(ret, text, strlen(text) + 1);
    return 0;
}

static int assign(struct params *p, const struct row *r, const char *text, struct ddg_error *err)
{
    char *field = (char *)p + r->offset;
    double v = 0;

    switch (r->kind) {
    case KIND_CHOICE:
        return parse_choice(r, text, (int *)(void *)field, err);
    case KIND_LIST:
        return parse_list(r, text, (struct param_list *)(void *)field, err);
    case KIND_TEXT:
        return parse_text(r, text, field, err);
    default:
        if (parse_scalar(r, text, &v, err) < 0)
            return -1;
        if (r->kind == KIND_INT)
            *(int *)(void *)field = (int)v;
        else
            *(double *)(void *)field = v;
        return 0;
    }
}

int params_set(struct params *p, const char *name, const char *value, struct ddg_error *err)
{
    const struct row *r = find(name);

    if (!r)
        return ddg_refuse(err, "unknown parameter '%.60s'; did you mean '%s'? (-help lists them)",
                          name, nearest(name));
    return assign(p, r, value, err);
}

void params_init(struct params *p)
{
    struct ddg_error ignored;

    memset(p, 0, sizeof(*p));
    for (int i = 0; i < ROWS; i++)
        if (table[i].name)
            assign(p, &table[i], table[i].dflt, &ignored);
}

static char *trim(char *s)
{
    char *end;

    while (isspace((unsigned char)*s))
        s++;
    end = s + strlen(s);
    while (end > s && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return s;
}

static int load_line(struct params *p, char *line, const char *where, struct ddg_error *err)
{
    struct ddg_error inner = {""};
    char *equals;

    line[strcspn(line, "#\n")] = '\0';
    line = trim(line);
    if (!*line)
        return 0;
    equals = strchr(line, '=');
    if (!equals)
        return ddg_refuse(err, "%s: '%.40s' is no assignment; write name = value", where, line);
    *equals = '\0';
    if (params_set(p, trim(line), trim(equals + 1), &inner) < 0)
        return ddg_refuse(err, "%.120s: %.380s", where, inner.text);
    return 0;
}

int params_load(struct params *p, const char *path, struct ddg_error *err)
{
    char line[PARAM_TEXT_MAX + 64], where[160];
    FILE *f = fopen(path, "re");
    int ret = 0;

    if (!f)
        return ddg_refuse(err, "cannot read the parameter file '%.200s'; check the path", path);
    for (int no = 1; ret == 0 && fgets(line, sizeof(line), f); no++) {
        snprintf(where, sizeof(where), "%.120s:%d", path, no);
        ret = load_line(p, line, where, err);
    }
    if (ret == 0 && ferror(f)) /* a directory opens, but cannot be read */
        ret = ddg_refuse(err, "cannot read the parameter file '%.200s'; give a plain file", path);
    fclose(f);
    return ret;
}

/* The gate has to stand on the device, and each contact on something that conducts. */
int params_check(const struct params *p, struct ddg_error *err)
{
    if (p->device == DEVICE_GMSH && !p->mesh_file[0])
        return ddg_refuse(err, "parameter 'mesh_file' is empty; device = gmsh needs a mesh");
    if ((p->device == DEVICE_FINFET || p->device == DEVICE_NANOWIRE) &&
        (p->source_length + p->gate_shift < 0 || p->drain_length - p->gate_shift < 0))
        return ddg_refuse(err,
                          "parameter 'gate_shift': %g nm puts the gate outside the device; "
                          "keep it between -source_length and drain_length",
                          p->gate_shift);
    if ((p->device == DEVICE_FINFET || p->device == DEVICE_NANOWIRE) && p->nx < 3)
        return ddg_refuse(err,
                          "parameter 'nx': %d cells cannot show source, gate and drain; give "
                          "at least 3",
                          p->nx);
    if (p->device == DEVICE_MOS && p->vd.n > 1)
        return ddg_refuse(err, "parameter 'vd': a mos column has no drain; give one value");
    if (p->doping == DOPING_GAUSSIAN && p->donors_peak == 0)
        return ddg_refuse(err, "parameter 'donors_peak' is 0: source and drain would not conduct; "
                               "give a doping");
    if (p->doping == DOPING_UNIFORM && p->doping_level == 0)
        return ddg_refuse(err, "parameter 'doping_level' is 0: zero doping under an ohmic contact; "
                               "give a doping");
    if (p->doping == DOPING_STEP && (p->doping_left == 0 || p->doping_right == 0))
        return ddg_refuse(err, "parameters 'doping_left' and 'doping_right': zero doping under an "
                               "ohmic contact; give both");
    if (p->dopants == 1 && p->symmetry &&
        (p->device == DEVICE_FINFET || p->device == DEVICE_NANOWIRE))
        return ddg_refuse(err, "parameter 'dopants': random dopants break the mirror symmetry; set "
                               "symmetry = off");
    return 0;
}

static int is_excepted(const char *name, const char *const *except)
{
    for (; *except; except++)
        if (!strcmp(*except, name))
            return 1;
    return 0;
}

int params_is_default(const struct params *p, const char *const *except)
{
    struct params fresh;

    params_init(&fresh);
    for (int i = 0; i < ROWS; i++) {
        const struct row *r = &table[i];
        size_t size = r->kind == KIND_REAL ? sizeof(double) : sizeof(int);

        if (r->name && r->answer && !is_excepted(r->name, except) &&
            memcmp((const char *)p + r->offset, (const char *)&fresh + r->offset, size) != 0)
            return 0;
    }
    return 1;
}

static const char *word_at(const struct row *r, int index, char *buf, size_t size)
{
    const char *word = r->choices;

    while (index-- > 0)
        word += strcspn(word, "|") + 1;
    snprintf(buf, size, "%.*s", (int)strcspn(word, "|"), word);
    return buf;
}

const char *params_word(const struct params *p, const char *name)
{
    static char buf[64];
    const struct row *r = find(name);

    if (!r || r->kind != KIND_CHOICE)
        return NULL;
    return word_at(r, *(const int *)(const void *)((const char *)p + r->offset), buf, sizeof(buf));
}

static void write_value(const struct params *p, const struct row *r, FILE *out)
{
    const void *field = (const char *)p + r->offset;
    char buf[64];

    if (r->kind == KIND_REAL)
        fprintf(out, "%.10g", *(const double *)field);
    else if (r->kind == KIND_INT)
        fprintf(out, "%d", *(const int *)field);
    else if (r->kind == KIND_CHOICE)
        fputs(word_at(r, *(const int *)field, buf, sizeof(buf)), out);
    else if (r->kind == KIND_TEXT)
        fputs(field, out);
    else
        for (int i = 0; i < ((const struct param_list *)field)->n; i++)
            fprintf(out, "%s%.10g", i ? ", " : "", ((const struct param_list *)field)->v[i]);
}

void params_write(const struct params *p, FILE *out)
{
    for (int i = 0; i < ROWS; i++) {
        const struct row *r = &table[i];

        if (r->kind == KIND_GROUP) {
            fprintf(out, "%s# %s\n", i ? "\n" : "", r->help);
            continue;
        }
        fprintf(out, "%s = ", r->name);
        write_value(p, r, out);
        fprintf(out, "  # %s%s%s%s%s%s\n", r->unit[0] ? "[" : "", r->unit, r->unit[0] ? "] " : "",
                r->help, r->choices ? "; " : "", r->choices ? r->choices : "");
    }
}

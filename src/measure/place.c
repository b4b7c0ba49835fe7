// SPDX-License-Identifier: LGPL-2.1-or-later
#include "measure/place.h"

#include "base/file.h"

#include <signal.h>
#include <string.h>

void outcome_clear(bench_outcome *o)
{
    g_clear_pointer(&o->result, result_free);
    g_clear_pointer(&o->reason, g_free);
}

/// The last line that is not empty, as a result; NULL with *ret_reason when it is none.
static result *parse_result(const char *output, const char *what, char **ret_reason)
{
    g_autofree char *text = g_strchomp(g_strdup(output));
    const char *line = strrchr(text, '\n');
    line = line != NULL ? line + 1 : text;
    g_autoptr(cpulift_error) err = NULL;
    result *said = NULL;
    if (result_parse(line, strlen(line), what, &said, &err) != 0) {
        *ret_reason = g_strdup_printf("no result: %s", err->message);
    }
    return said;
}

void outcome_from_output(const char *run, const char *check, bench_outcome *o)
{
    o->result = parse_result(run, "the workload's last line", &o->reason);
    if (o->result != NULL && check != NULL) {
        g_autoptr(result) checked = parse_result(check, "the check's last line", &o->reason);
        if (checked != NULL) {
            json_decref(o->result->verification);
            o->result->verification = g_steal_pointer(&checked->verification);
            o->result->is_verified = checked->is_verified;
        }
    }
    if (o->reason == NULL && o->result != NULL && !o->result->is_verified) {
        o->reason = g_strdup("the answer is wrong: it failed verification");
    } else if (o->reason == NULL && o->result != NULL && o->result->figures->len == 0) {
        o->reason = g_strdup("it said no figures");
    }
}

void outcome_from_times(int status, const char *said, double wall, double cpu, bench_outcome *o)
{
    o->result = record_new(&result_record);
    o->result->workload = g_strdup("command");
    o->result->is_verified = status == 0;
    o->result->verification = json_pack("{s:s, s:i}", "method", "exit status", "status", status);
    result_add_figure(o->result, "time", wall, "s");
    result_add_figure(o->result, "cpu_time", cpu, "s");
    o->reason = outcome_explain(status, "", said);
}

char *outcome_explain(int status, const char *output, const char *said)
{
    if (status == 0 || (status == 1 && strchr(output, '{') != NULL)) {
        return NULL;
    }
    if (status > 128 && status < 128 + NSIG) {
        return g_strdup_printf("killed by signal %d (%s)%s%s", status - 128,
                               strsignal(status - 128), *said != '\0' ? ": " : "", said);
    }
    return g_strdup_printf("ended with %d: %s", status, *said != '\0' ? said : "it said nothing");
}

static int keep(const struct job *job, const char *step, const char *what, const char *text,
                cpulift_error **err)
{
    g_autofree char *path = g_strdup_printf("%s/%s.%s", job->output, step, what);
    return file_save(path, text, strlen(text), 0644, err);
}

int place_keep(const struct job *job, const char *step, const char *output, const char *errors,
               cpulift_error **err)
{
    if (!job->is_kept) {
        return 0;
    }
    TRY(keep(job, step, "stdout", output, err));
    return keep(job, step, "stderr", errors, err);
}

int place_get_definition(const bench_definition *d, const char *folder, char **ret_argument,
                         cpulift_error **err)
{
    if (d->document == NULL) {
        *ret_argument = g_strdup(d->argument);
        return 0;
    }
    bool is_xml = d->document[strspn(d->document, " \t\r\n")] == '<';
    g_autofree char *path = g_strdup_printf("%s/%s.%s", folder, d->name, is_xml ? "xml" : "json");
    TRY(file_save(path, d->document, strlen(d->document), 0600, err));
    *ret_argument = g_steal_pointer(&path);
    return 0;
}

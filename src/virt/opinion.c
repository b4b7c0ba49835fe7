// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt/opinion.h"

#include "base/json.h"

#include <libvirt/virterror.h>

static json_t *ask_one(const virt_conn *conn, const json_t *question)
{
    const char *virt = json_get_string(question, "virt"), *cpu = json_get_string(question, "cpu");
    const char *machine = json_get_string(question, "machine");
    int rc = virConnectCompareHypervisorCPU(conn->handle, NULL, "x86_64", machine, virt, cpu,
                                            VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE);
    if (rc >= VIR_CPU_COMPARE_IDENTICAL) {
        return json_pack("{s:s}", "can", "yes");
    }
    bool is_no =
        rc == VIR_CPU_COMPARE_INCOMPATIBLE || virGetLastErrorCode() == VIR_ERR_CPU_INCOMPATIBLE;
    g_autofree char *said = conn_get_complaint(), *why = g_utf8_make_valid(said, -1);
    return json_pack("{s:s, s:s}", "can", is_no ? "no" : "unknown", "why", why);
}

json_t *opinion_ask(const virt_conn *conn, const json_t *questions)
{
    json_t *answers = json_array();
    for (size_t i = 0; i < json_array_size(questions); i++) {
        json_array_append_new(answers, ask_one(conn, json_array_get(questions, i)));
    }
    return answers;
}

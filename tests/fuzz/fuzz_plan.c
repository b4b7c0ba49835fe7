// SPDX-License-Identifier: LGPL-2.1-or-later
/// A plan from a stranger: its definition survives being written as JSON and as XML, and can be put
/// into a domain.
#include "base/json.h"
#include "core/plan.h"
#include "domain_laws.h"
#include "fuzz.h"

#include <string.h>

static void check_definition(const cpulift_plan *plan)
{
    g_autoptr(json_t) document = json_deep_copy(plan->document);
    json_object_set_new(document, "definition",
                        record_format(&cpu_definition_record, plan->cpu, NULL));
    g_autofree char *text = json_format_document(document);
    g_autoptr(cpulift_plan) again = NULL;
    g_autoptr(cpulift_error) err = NULL;
    g_assert(plan_parse(text, strlen(text), "again", &again, &err) == 0);
    g_autoptr(json_t) first = record_format(&cpu_definition_record, plan->cpu, NULL);
    g_autoptr(json_t) second = record_format(&cpu_definition_record, again->cpu, NULL);
    g_assert(json_equal(first, second));
}

static void check_rewrite(const cpulift_plan *plan)
{
    static const char domain[] =
        "<domain type='kvm'>\n  <cpu mode='host-model'>\n    <topology sockets='1'/>\n  </cpu>\n"
        "</domain>\n";
    const struct domain_options options = {.virt = NULL, .machine = plan->machine};
    domain_laws_check(domain, strlen(domain), plan->cpu, &options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(cpulift_plan) plan = NULL;
    g_autoptr(cpulift_error) err = NULL;
    if (plan_parse((const char *)data, size, "fuzz", &plan, &err) != 0) {
        g_assert(plan == NULL && err != NULL);
        return 0;
    }
    check_definition(plan);
    check_rewrite(plan);
    return 0;
}

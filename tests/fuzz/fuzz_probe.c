// SPDX-License-Identifier: LGPL-2.1-or-later
/// What a hostile guest prints on its serial line.
#include "fuzz.h"
#include "probe/proof.h"

#include <string.h>

static const char plan_text[] =
    "{\"schema\":\"cpulift.plan/1\",\"pool\":\"p\",\"variant\":\"tuned\",\"virt\":\"qemu\","
    "\"machine\":\"pc\",\"features\":[\"avx\",\"lm\",\"sse\"],"
    "\"definition\":{\"model\":\"Nehalem\",\"vendor\":\"Intel\"}}";

static void prove(const uint8_t *data, size_t size)
{
    static catalog *map;
    static cpulift_plan *plan;
    if (map == NULL) {
        g_assert(catalog_load(NULL, &map, NULL) == 0);
        g_assert(plan_parse(plan_text, strlen(plan_text), "fuzz", &plan, NULL) == 0);
    }
    g_autoptr(probe_run) run = probe_run_new();
    run->text = g_memdup2(data, size);
    run->len = size;
    run->shape = shape_default;
    run->virt = g_strdup("qemu");
    run->machine = g_strdup("pc");
    run->through = g_strdup("nothing");
    g_autoptr(proof) result = NULL;
    g_assert(proof_compute(map, plan, run, &result, NULL) == 0);
    g_autoptr(json_t) json = record_format(&proof_record, result, NULL);
    g_assert(json != NULL);
    g_autofree char *text = proof_format(result);
    g_assert(g_utf8_validate(text, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    g_autoptr(transcript) record = NULL;
    g_autoptr(cpulift_error) err = NULL;
    size_t used = 0;
    int rc = transcript_parse(text, size, &used, &record, &err);
    g_assert((rc == 0) == (record != NULL) && (rc == 0) == (err == NULL) && used <= size);
    g_assert(rc != 0 || !record->is_complete || transcript_has_end(text, size));
    prove(data, size);
    return 0;
}

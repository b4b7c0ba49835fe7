// SPDX-License-Identifier: LGPL-2.1-or-later
/// The CPU that the user names: a model (with features: core/cpu_words), a plan, an XML file,
/// `host`, or a word of core/variant.
#pragma once

#include "mask/cpu/table.h"

/// A definition with what it points to. Zero-initialise; clear with definition_clear.
struct definition {
    struct mask_definition cpu; ///< its strings are borrowed from below or static
    char *model;
    char *vendor;
};

/// Finds or reads what `name` stands for: a word, the name of a model, a file with a plan
/// (JSON) or a <cpu> element (XML), else a model with features. With `is_model_vendor` the vendor
/// that is shown is the model's, not the machine's. Errors name `name`.
int definition_load(const char *name, bool is_model_vendor, const catalog *map,
                    struct definition *ret, cpulift_error **err);
void definition_clear(struct definition *definition);
#define DEFINITION_AUTO __attribute__((cleanup(definition_clear))) struct definition

/// The features whose instructions this machine lacks, as one text that names `most` of them; NULL
/// where it lacks none. The caller frees it.
char *definition_list_lacking(const struct definition *definition, const catalog *map,
                              mask_cpuid_fn read, void *data, size_t most);

/// Takes them out of the definition, with what cannot work without them. Returns all that is taken
/// out, as one text, NULL where that is nothing. The caller frees it.
char *definition_drop_lacking(struct definition *definition, const catalog *map, mask_cpuid_fn read,
                              void *data);

/// CPULIFT_EINPUT, naming the features, where the definition asks for instructions that the
/// machine lacks.
int definition_check(const struct definition *definition, const char *name, const catalog *map,
                     mask_cpuid_fn read, void *data, cpulift_error **err);

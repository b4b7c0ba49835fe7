// SPDX-License-Identifier: LGPL-2.1-or-later
/// The way back of domain_rewrite(): what became of the definition that it put into a domain, and
/// the old one put back while all else stays as its owner has it now.
#pragma once

#include "core/domain.h"

/// True when the two documents differ at most in the <cpu> that domain_rewrite() edits and the
/// blanks before it.
bool domain_differs_in_cpu_only(const domain_document *a, const domain_document *b);

/// True where both say the same of all in <cpu> that domain_rewrite() replaces, in whatever order;
/// one without a <cpu> says nothing.
bool domain_has_same_definition(const domain_document *a, const domain_document *b);

/// Puts back into `now` what domain_rewrite() took out of `before`: the attributes and children of
/// <cpu> that are a definition's. All else stays, in <cpu> and around it; where nothing else
/// differs the text is `before`, byte for byte. *ret_text is NUL-terminated and the caller's.
/// CPULIFT_EINPUT: `now` has no <cpu>, or one of the two is XML that cannot be edited in place.
int domain_restore(const domain_document *now, const domain_document *before, char **ret_text,
                   cpulift_error **err);

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "platform/secrets.h"

#include <glib.h>
#include <string.h>

/// A password in a URL stands before the host (RFC 3986, 3.2.1) or, as JDBC has it, in the query.
#define IN_URL                                                                                     \
    "://[^/?#\\s@:'\"<>]*+:\\K[^/@\\s'\"<>]++(?=@)"                                                \
    "|[?&;](?i:pass\\w*+|pwd|secret|token)=\\K[^&;\\s'\"<>]++"

/// What libvirt formats under VIR_DOMAIN_DEF_FORMAT_SECURE, of graphics and of disks over HTTP, and
/// the words of <qemu:commandline>.
#define IN_DEFINITION                                                                              \
    " passwd='\\K[^']*+| passwd=\"\\K[^\"]*+|<cookie\\s[^<>]*+>\\K[^<]*+"                          \
    "|<qemu:(?:arg|env)\\s[^<>]*?\\bvalue=(?:'\\K[^']*+|\"\\K[^\"]*+)"

char *secrets_hide(const char *bytes, size_t *len, bool is_definition)
{
    if (memchr(bytes, '\0', *len) != NULL) { // no text: a diff shows nothing of it
        return g_memdup2(bytes, *len + 1);
    }
    g_autoptr(GRegex) secret = g_regex_new(is_definition ? IN_URL "|" IN_DEFINITION : IN_URL,
                                           G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, NULL);
    char *hidden = g_regex_replace_literal(secret, bytes, (gssize)*len, 0, "***", 0, NULL);
    hidden = hidden != NULL ? hidden : g_strdup("***\n"); // beyond the limits of the search
    *len = strlen(hidden);
    return hidden;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/// The options by which a command is told which hosts to ask, and what it says of those that were.
#pragma once

#include "virt/ask.h"

struct ask_options {
    char **connect;
    char *hosts;
    double timeout; ///< s
    int jobs;
    bool is_via_ssh; ///< see struct ask
};

#define ASK_OPTIONS_DEFAULT                                                                        \
    {                                                                                              \
        .timeout = 30, .jobs = 16                                                                  \
    }

/// Rows of a command's table.
#define ASK_OPTIONS_ENTRIES(options)                                                               \
    {"connect",                                                                                    \
     'c',                                                                                          \
     0,                                                                                            \
     G_OPTION_ARG_STRING_ARRAY,                                                                    \
     &(options).connect,                                                                           \
     "ask the libvirt at URI; may be given again",                                                 \
     "URI"},                                                                                       \
        {"hosts",                                                                                  \
         0,                                                                                        \
         0,                                                                                        \
         G_OPTION_ARG_FILENAME,                                                                    \
         &(options).hosts,                                                                         \
         "ask those that FILE lists: 'URI' or 'NAME URI' on each line",                            \
         "FILE"},                                                                                  \
        {"timeout",                                                                                \
         't',                                                                                      \
         0,                                                                                        \
         G_OPTION_ARG_DOUBLE,                                                                      \
         &(options).timeout,                                                                       \
         "give each host S seconds (30)",                                                          \
         "S"},                                                                                     \
    {                                                                                              \
        "jobs", 'j', 0, G_OPTION_ARG_INT, &(options).jobs, "ask N hosts at the same time (16)",    \
            "N"                                                                                    \
    }

/// True where the numbers are in their ranges; else *ret_status is what the command ends with.
bool ask_options_check(const struct ask_options *options, const char *command, int *ret_status);

/// True where hosts are named.
bool ask_options_has_hosts(const struct ask_options *options);

/// Adds those that are named (see ask_hosts_new).
int ask_options_find(const struct ask_options *options, GPtrArray *hosts, cpulift_error **err);

/// Asks them all this, with a word on a terminal of how far it is, and says what is doubtful of
/// those that answered.
void ask_options_ask(const struct ask_options *options, GPtrArray *hosts, enum ask_what what,
                     const catalog *map);

/// The host's document (borrowed), NULL where it did not answer.
const json_t *ask_options_get_document(const struct ask_host *host);

/// What a host that did not answer is called: as it was listed, else as its URI calls it. Never as
/// one that did. The caller's.
char *ask_options_name_silent(const struct ask_host *host, const GPtrArray *hosts);

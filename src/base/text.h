// SPDX-License-Identifier: LGPL-2.1-or-later
/// Small text helpers, independent of the locale.
#pragma once

#include <glib.h>
#include <stdbool.h>

/// Replaces by '?', in place, control and format characters (those that turn text around among
/// them), separators of lines and paragraphs, and bytes that are not UTF-8.
void text_make_printable(char *text);

/// The same for a text of lines: their ends and tabs stay.
void text_make_lines_printable(char *text);

/// True where text_make_printable() would change nothing of what is UTF-8: no control characters,
/// no second line.
bool text_is_line(const char *text);

/// True for a name that may stand for a host, pool or domain in documents and file names: 1 to 255
/// bytes of letters, digits and . _ - : @ +, not beginning with a dot or a dash.
bool text_is_name(const char *name);

/// True for a pattern of the shell that means something: each bracket is closed, and no backslash
/// is the last. fnmatch() takes another for the characters themselves, or for what fits nothing.
bool text_is_pattern(const char *pattern);

/// True for a path below a root: relative, nothing in it goes up, and no part can be left out.
bool text_is_below(const char *path);

/// Parses the whole of `text` as an unsigned number (decimal, or hexadecimal after 0x), at most
/// `max`.
bool text_to_uint(const char *text, guint64 max, guint64 *ret_value);

/// Orders strings byte-wise: for qsort and g_ptr_array_sort over `char *` elements.
int text_compare(const void *a, const void *b);

/// The one of `names` (NULL-terminated) that `word` was probably meant to be: at most two letters
/// differ, are missing, too many or exchanged with their neighbour, and less than half of a short
/// word. NULL: none is near.
const char *text_find_nearest(const char *word, const char *const *names);

/// " (did you mean 'plan'?)" for messages, or "" where none of the names is near. The caller frees
/// it.
char *text_suggest(const char *word, const char *const *names);

/// Where the first line of `text` ends that is `width` columns wide: at the last blank that fits,
/// or behind a word that is wider; at the text's end where all of it fits.
size_t text_find_break(const char *text, size_t width);

/// How many columns the terminal has; 0 where the descriptor is none, or that is not known.
size_t text_get_columns(int fd);

/// Appends the text in lines of at most `width` columns, broken at blanks, each ended. The first
/// begins in column `indent`, to which the others are indented.
void text_append_wrapped(GString *out, const char *text, size_t indent, size_t width);

/// What a program complained of, its lines in one: "a; b". The caller frees it.
char *text_join_lines(const char *text);

/// "a, b and 3 more": the first `most` of the names; for messages. The caller frees it.
char *text_join_some(const char *const *names, size_t count, size_t most);

/// A version as libvirt counts: "10.0.2" is 10000002. At most three parts count; 0 when `text` is
/// no version.
unsigned text_parse_version(const char *text);

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "probe/collect.h"

#include "probe/image.h"
#include "probe/proof.h"
#include "probe/statement.h"
#include "virt/kernel.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/// How often the starter is asked whether the guest can still go on.
#define TURN_MS 250

const unsigned char *collect_get_image(const cpulift_plan *plan, size_t *ret_size)
{
    bool is_long = g_strv_contains((const char *const *)plan->features, "lm");
    *ret_size = is_long ? image_64_size : image_32_size;
    return is_long ? image_64 : image_32;
}

/// A probe guest prints without a pause; a kernel may say a word and take its time.
static const struct collect_end ends[] = {
    {transcript_has_end, TRANSCRIPT_MAX, 3000},
    {statement_has_end, STATEMENT_MAX, 60000},
};

const struct collect_end *collect_get_end(const struct start_kernel *kernel)
{
    return &ends[kernel != NULL];
}

unsigned collect_get_memory(const struct start_kernel *kernel)
{
    return kernel != NULL ? 256 : 32;
}

char *collect_format_line(const cpulift_plan *plan, const struct start_kernel *kernel,
                          const probe_shape *shape)
{
    if (kernel != NULL) {
        return g_strdup(KERNEL_LINE);
    }
    g_autofree char *sets = proof_format_sets(plan);
    return g_strdup_printf("sets=%s cpus=%u", sets, shape->vcpus);
}

int collect_left_ms(gint64 end)
{
    gint64 left = (end - g_get_monotonic_time()) / G_TIME_SPAN_MILLISECOND;
    return (int)CLAMP(left, 0, G_MAXINT);
}

int collect_receive_fd(void *source, int timeout_ms, GString *text)
{
    const int *fd = source;
    struct pollfd wait = {.fd = *fd, .events = POLLIN};
    if (poll(&wait, 1, timeout_ms) <= 0) {
        return 0;
    }
    char buffer[4096];
    ssize_t n = read(*fd, buffer, sizeof(buffer));
    if (n > 0) {
        g_string_append_len(text, buffer, n);
    }
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)) ? 1 : -1;
}

static char *describe_silence(const GString *text, const char *why)
{
    return text->len == 0
               ? g_strdup_printf("%s before it printed anything", why)
               : g_strdup_printf("%s after it had printed %zu bytes", why, (size_t)text->len);
}

void collect_read(const struct collect *collect, GString *text, char **ret_hang)
{
    gint64 last = g_get_monotonic_time();
    const char *why = NULL;
    while (why == NULL && !collect->what->has_end(text->str, text->len)) {
        int came =
            collect->receive(collect->source, MIN(collect_left_ms(collect->end), TURN_MS), text);
        gint64 now = g_get_monotonic_time();
        if (came != 0) {
            why = came > 0 ? NULL : "it ended";
            last = now;
        } else if (now >= collect->end) {
            why = "out of time";
        } else if (text->len > 0 &&
                   now - last > collect->what->silence_ms * G_TIME_SPAN_MILLISECOND) {
            why = "silent for too long";
        } else if (collect->find_stop != NULL) {
            why = collect->find_stop(collect->data);
        }
        if (text->len > collect->what->max) {
            why = "it prints without end";
        }
    }
    *ret_hang = why == NULL ? NULL : describe_silence(text, why);
}

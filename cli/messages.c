/* SPDX-License-Identifier: MIT
 *
 * Messages on standard error, and numbers with units.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json_memory.h"
#include "messages.h"

static const char *message_verb;

void cli_set_message_verb(const char *name) { message_verb = name; }

/* Always one line: control characters, which file names may contain, are printed as \xHH. */
static void print_message(const char *format, va_list args) {
    char text[1536];
    vsnprintf(text, sizeof text, format, args);
    fprintf(stderr, "spiral%s%s: ", message_verb ? " " : "", message_verb ? message_verb : "");
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            fprintf(stderr, "\\x%02x", (unsigned)*c);
        else
            fputc(*c, stderr);
    fputc('\n', stderr);
}

int cli_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_message(format, args);
    va_end(args);
    return CLI_FAILED;
}

int cli_usage(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_message(format, args);
    va_end(args);
    return CLI_USAGE;
}

int cli_no_memory(size_t bytes) {
    return bytes ? cli_fail("out of memory: %zu bytes could not be allocated", bytes)
                 : cli_fail("out of memory");
}

int cli_error(const spiral_error *err) {
    size_t refused = cli_json_refused();
    if (refused) return cli_no_memory(refused);
    return cli_fail("%s", *err->text ? err->text : spiral_status_message(err->status));
}

int cli_error_in(const char *path, const spiral_error *err) {
    if (cli_json_refused() || err->status == SPIRAL_NO_MEMORY) return cli_error(err);
    return cli_fail("%s: %s", strcmp(path, "-") ? path : "standard input",
                    *err->text ? err->text : spiral_status_message(err->status));
}

void cli_note(const cli_common *common, const char *format, ...) {
    if (common->quiet) return;
    va_list args;
    va_start(args, format);
    print_message(format, args);
    va_end(args);
}

int cli_flush(void) {
    if (!fflush(stdout) && !ferror(stdout)) return CLI_DONE;
    return cli_fail("standard output: cannot write: %s", strerror(errno));
}

static char *next_buffer(void) {
    static char buffers[4][32];
    static int next;
    return buffers[next++ % 4];
}

const char *cli_thousands(uint64_t n) {
    char digits[24], *out = next_buffer();
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

const char *cli_duration(double s) {
    char *out = next_buffer();
    if (s > 0 && s < 1)
        snprintf(out, 32, "%.3g ms", s * 1e3);
    else if (s < 100)
        snprintf(out, 32, "%.3g s", s);
    else if (s < 6000)
        snprintf(out, 32, "%.3g min", s / 60);
    else if (s < 360000)
        snprintf(out, 32, "%.3g h", s / 3600);
    else
        snprintf(out, 32, "%.4g days", s / 86400);
    return out;
}

/* SPDX-License-Identifier: MIT
 *
 * Everything the program says: errors and remarks on stderr, results on stdout.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void say(const char *format, va_list args) {
    fprintf(stderr, "spiral %s: ", cli_current()->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int cli_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    return CLI_FAILED;
}

int cli_usage(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    return CLI_USAGE;
}

int cli_error(const spiral_error *err) {
    const char *text = *err->text ? err->text : spiral_status_name(err->status);
    return err->status == SPIRAL_BAD_ARG ? cli_usage("%s", text) : cli_fail("%s", text);
}

void cli_note(const cli_common *common, const char *format, ...) {
    if (common->quiet) return;
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

int cli_finish(const cli_common *common, json_t *result) {
    int failed = 0;
    if (common->json) failed = json_dumpf(result, stdout, JSON_INDENT(2)) || putchar('\n') == EOF;
    json_decref(result);
    if (fflush(stdout) || ferror(stdout) || failed)
        return cli_fail("standard output: cannot write the result");
    return CLI_DONE;
}

static char *buffer(void) {
    static char buffers[4][32];
    static int next;
    return buffers[next++ % 4];
}

const char *cli_thousands(uint64_t n) {
    char digits[24], *out = buffer();
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
    return out;
}

const char *cli_duration(double s) {
    char *out = buffer();
    if (s < 1)
        snprintf(out, 32, "%.4g ms", s * 1e3);
    else if (s < 100)
        snprintf(out, 32, "%.3g s", s);
    else if (s < 6000)
        snprintf(out, 32, "%.3g min", s / 60);
    else
        snprintf(out, 32, "%.4g h", s / 3600);
    return out;
}

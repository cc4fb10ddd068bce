/* SPDX-License-Identifier: MIT
 *
 * Everything the program says: errors and remarks on stderr, results on stdout.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* One line, whatever the names and bytes in it: a control character is shown, not obeyed. */
static void say(const char *format, va_list args) {
    char text[1536];
    const cli_verb *verb = cli_current();
    vsnprintf(text, sizeof text, format, args);
    fprintf(stderr, "spiral%s%s: ", verb ? " " : "", verb ? verb->name : "");
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
    return cli_fail("%s", *err->text ? err->text : spiral_status_message(err->status));
}

int cli_error_in(const char *path, const spiral_error *err) {
    return cli_fail("%s: %s", strcmp(path, "-") ? path : "standard input",
                    *err->text ? err->text : spiral_status_message(err->status));
}

void cli_note(const cli_common *common, const char *format, ...) {
    if (common->quiet) return;
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

int cli_flush(void) {
    if (!fflush(stdout) && !ferror(stdout)) return CLI_DONE;
    return cli_fail("standard output: cannot write: %s", strerror(errno));
}

json_t *cli_number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

json_t *cli_text(const char *text) {
    json_t *json = json_string(text);
    if (json) return json;
    char *plain = malloc(4 * strlen(text) + 1), *to = plain; /* not UTF-8: what is not ASCII becomes \xHH */
    if (!plain) return json_null();
    for (; *text; text++)
        if ((unsigned char)*text < 0x80)
            *to++ = *text;
        else
            to += sprintf(to, "\\x%02x", (unsigned)(unsigned char)*text);
    *to = 0;
    json = json_string(plain);
    free(plain);
    return json;
}

int cli_finish(const cli_common *common, json_t *result) {
    int failed = 0;
    if (common->json)
        failed = json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) || putchar('\n') == EOF;
    json_decref(result);
    return cli_flush() || failed ? CLI_FAILED : CLI_DONE;
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

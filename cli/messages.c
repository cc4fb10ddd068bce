/* SPDX-License-Identifier: MIT
 *
 * Messages on standard error, and numbers with units.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "messages.h"

static const char *message_verb;

void cli_set_message_verb(const char *name) { message_verb = name; }

/* The length in bytes of the character at s if it can be printed on a terminal unchanged; 0: it cannot.
 * Characters are UTF-8 (RFC 3629); control characters are those below 0x20, DEL, and U+0080 to U+009F, among
 * which is one that begins an escape sequence. */
static size_t printable_size(const unsigned char *s) {
    if (s[0] < 0x80) return s[0] >= 0x20 && s[0] != 0x7f;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    const size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++)
        if (s[i] >> 6 != 2) return 0;
    const int control = s[0] == 0xc2 && s[1] < 0xa0, surrogate = s[0] == 0xed && s[1] > 0x9f;
    const int overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    return control || surrogate || overlong || (s[0] == 0xf4 && s[1] > 0x8f) ? 0 : n;
}

void cli_print_name(FILE *to, const char *text) {
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        const size_t n = printable_size(s);
        if (n)
            fwrite(s, 1, n, to);
        else
            fprintf(to, "\\x%02x", (unsigned)*s);
        s += n ? n : 1;
    }
}

/* Always one line. The buffer holds two paths and what is said about them. */
static void write_message(FILE *to, const char *format, va_list args) {
    static char text[2 * 4096 + 1024];
    vsnprintf(text, sizeof text, format, args);
    fprintf(to, "spiral%s%s: ", message_verb ? " " : "", message_verb ? message_verb : "");
    cli_print_name(to, text);
    fputc('\n', to);
}

static void print_message(const char *format, va_list args) { write_message(stderr, format, args); }

void cli_keep_message(char *text, size_t size, const char *format, ...) {
    FILE *to = fmemopen(text, size, "w");
    *text = 0;
    if (!to) return;
    va_list args;
    va_start(args, format);
    write_message(to, format, args);
    va_end(args);
    fclose(to);
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
    return cli_fail("%s", *err->text ? err->text : spiral_status_message(err->status));
}

int cli_error_in(const char *path, const spiral_error *err) {
    if (err->status == SPIRAL_NO_MEMORY) return cli_error(err);
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

void cli_note_large(const cli_common *common, const char *path, double bytes, const char *what) {
    const double large = 50e6;
    if (bytes >= large) cli_note(common, "%s: takes about %.0f MB %s", path, bytes / 1e6, what);
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

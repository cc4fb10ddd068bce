/* SPDX-License-Identifier: MIT
 *
 * NumPy files (see npy.h).
 */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "messages.h"
#include "npy.h"
#include "output.h"
#include "spiral/file.h"

enum { HEADER_MAX = 4096, MAGIC = 8 };

static const size_t NUMBERS_MAX = (size_t)1 << 28;

/* ---- writing ---- */

static void put_number(unsigned char *to, float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(bits >> 8 * i);
}

/* The header is padded with spaces so that the numbers begin at a multiple of 64. */
int cli_npy_save(const char *path, size_t rows, size_t columns, const float *x) {
    char header[256];
    spiral_error err = {.text = ""};
    const int n = snprintf(header, sizeof header,
                           "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows, columns);
    const int total = (MAGIC + 2 + n + 1 + 63) / 64 * 64, length = total - MAGIC - 2;
    const size_t size = (size_t)total + 4 * rows * columns;
    int status = cli_check_target(path, CLI_OUTPUT_NPY);
    if (status >= 0) return status;
    unsigned char *bytes = malloc(size);
    if (!bytes) return cli_no_memory(size);
    memcpy(bytes, "\x93NUMPY\x01\x00", MAGIC);
    bytes[MAGIC] = (unsigned char)(length & 255);
    bytes[MAGIC + 1] = (unsigned char)(length >> 8);
    memset(bytes + MAGIC + 2, ' ', (size_t)length);
    memcpy(bytes + MAGIC + 2, header, (size_t)n);
    bytes[total - 1] = '\n';
    for (size_t i = 0; i < rows * columns; i++) put_number(bytes + total + 4 * i, x[i]);
    const spiral_status saved = spiral_file_write(path, bytes, size, &err);
    free(bytes);
    return saved == SPIRAL_OK ? -1 : cli_error(&err);
}

/* ---- reading ---- */

/* The text after "'name':" in the header, or NULL. */
static const char *value_of(const char *header, const char *name) {
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", name);
    const char *at = strstr(header, quoted);
    if (!at) return NULL;
    at += strlen(quoted);
    return at + strspn(at, " ");
}

static int parse_header(const char *path, const char *header, size_t *rows, size_t *columns) {
    const char *type = value_of(header, "descr"), *order = value_of(header, "fortran_order"),
               *shape = value_of(header, "shape");
    if (!type || !order || !shape) return cli_fail("%s: not a NumPy file: its header is damaged", path);
    if (strncmp(type, "'<f4'", 5))
        return cli_fail("%s: its numbers are of type %.8s, must be '<f4' (float32)", path, type);
    if (strncmp(order, "False", 5))
        return cli_fail("%s: its matrix is in Fortran order, must be in C order", path);
    unsigned long long r, c;
    int end = 0;
    if (sscanf(shape, "(%llu, %llu%n", &r, &c, &end) != 2 || !strchr("), ", shape[end]) || shape[1] == '-' ||
        strspn(shape + end, ", ") + (size_t)end >= strlen(shape) ||
        shape[end + (int)strspn(shape + end, ", ")] != ')')
        return cli_fail("%s: its shape is not that of a matrix (rows, columns)", path);
    if (!r || !c || r > NUMBERS_MAX || c > NUMBERS_MAX / r)
        return cli_fail("%s: a matrix of %llu x %llu numbers, must be 1 to %zu in all", path, r, c,
                        NUMBERS_MAX);
    *rows = (size_t)r;
    *columns = (size_t)c;
    return -1;
}

static int read_header(FILE *f, const char *path, size_t *rows, size_t *columns) {
    unsigned char magic[MAGIC], size[4] = {0};
    char header[HEADER_MAX + 1];
    if (fread(magic, MAGIC, 1, f) != 1 || memcmp(magic, "\x93NUMPY", 6) || magic[6] < 1 || magic[6] > 2)
        return cli_fail("%s: not a NumPy file of version 1.0 or 2.0", path);
    const size_t wide = magic[6] == 1 ? 2 : 4;
    if (fread(size, wide, 1, f) != 1) return cli_fail("%s: not a NumPy file: it ends in its header", path);
    const uint32_t length =
        size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
    if (length > HEADER_MAX || fread(header, 1, length, f) != length)
        return cli_fail("%s: not a NumPy file: its header is damaged", path);
    header[length] = 0;
    return parse_header(path, header, rows, columns);
}

static int read_numbers(FILE *f, const char *path, size_t count, float *x) {
    unsigned char b[4];
    for (size_t i = 0; i < count; i++) {
        if (fread(b, sizeof b, 1, f) != 1)
            return cli_fail("%s: it ends after %zu of its %zu numbers", path, i, count);
        const uint32_t bits = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        memcpy(&x[i], &bits, sizeof bits);
        if (!isfinite(x[i])) return cli_fail("%s: number %zu is not finite", path, i);
    }
    return fgetc(f) == EOF ? -1 : cli_fail("%s: there are bytes after its %zu numbers", path, count);
}

int cli_npy_load(const char *path, size_t *rows, size_t *columns, float **x) {
    const int standard = !strcmp(path, "-");
    struct stat info;
    *x = NULL;
    int status = cli_check_input(path);
    if (status >= 0) return status;
    if (!standard && !stat(path, &info) && !S_ISREG(info.st_mode))
        return cli_fail("%s: is a folder, a pipe or a device, not a file", path);
    FILE *f = standard ? stdin : fopen(path, "rb");
    if (!f) return cli_fail("%s: cannot open: %s", path, strerror(errno));
    status = cli_note_input(path);
    if (status < 0) status = read_header(f, path, rows, columns);
    if (status < 0) {
        *x = malloc(*rows * *columns * sizeof **x);
        status =
            *x ? read_numbers(f, path, *rows * *columns, *x) : cli_no_memory(*rows * *columns * sizeof **x);
    }
    if (!standard) fclose(f);
    return status;
}

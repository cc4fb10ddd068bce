/* SPDX-License-Identifier: MIT
 *
 * NumPy's file format for one matrix of float32: NEP 1, versions 1.0 and 2.0, '<f4', C order.
 */
#ifndef SPIRAL_CLI_NPY_H
#define SPIRAL_CLI_NPY_H

#include <stddef.h>

/* Each returns -1 or the exit status after printing why. "-" is standard input or output. */

/* Writes x (rows, columns). */
int cli_npy_save(const char *path, size_t rows, size_t columns, const float *x);
/* Reads a matrix (rows, columns); the caller frees *x. Numbers must be finite. */
int cli_npy_load(const char *path, size_t *rows, size_t *columns, float **x);

#endif

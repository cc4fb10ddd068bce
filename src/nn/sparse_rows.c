/* SPDX-License-Identifier: MIT
 *
 * The sparse layer (see sparse_rows.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "nn/sparse_rows.h"

spiral_status spiral__sparse_rows_create(size_t max, size_t each, spiral__sparse_rows *rows,
                                         spiral_error *err) {
    *rows = (spiral__sparse_rows){.max = max, .each = each};
    rows->entries = malloc(max * each * sizeof *rows->entries + 1);
    rows->begin = calloc(max + 1, sizeof *rows->begin);
    if (rows->entries && rows->begin) return SPIRAL_OK;
    spiral__sparse_rows_clear(rows);
    return spiral__no_memory(err, max * each * sizeof(spiral__entry));
}

void spiral__sparse_rows_clear(spiral__sparse_rows *rows) {
    free(rows->entries);
    free(rows->begin);
    memset(rows, 0, sizeof *rows);
}

void spiral__sparse_rows_forward(const spiral__sparse_rows *rows, size_t n, const float *W, float *y) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    for (size_t i = 0; i < rows->units; i++)
        k->add_rows(rows->begin[i + 1] - rows->begin[i], rows->entries + rows->begin[i], W, n, y + i * n);
}

void spiral__sparse_rows_backward(const spiral__sparse_rows *rows, size_t n, const float *dy, float *dW) {
    const spiral__recurrent_kernels *k = spiral__recurrent_kernels_get();
    for (size_t i = 0; i < rows->units; i++)
        k->scatter_rows(rows->begin[i + 1] - rows->begin[i], rows->entries + rows->begin[i], dy + i * n, n,
                        dW);
}

/* SPDX-License-Identifier: MIT
 *
 * The library's own dense matrix product, used where there is no BLAS, or none that knows the processor.
 */
#ifndef SPIRAL_SIMD_GEMM_KERNEL_H
#define SPIRAL_SIMD_GEMM_KERNEL_H

#include <stddef.h>

#include "simd/isa.h"

/* Numbers that a product packs at once. */
enum { SPIRAL__GEMM_SCRATCH = (128 + 48) * 192 };

typedef struct spiral__gemm_table {
    /* C (m, n) = A (m, k) B (k, n) + beta C. Element (i, j) of A is A[i * a_row + j * a_col], of B likewise,
     * of C C[i * c_row + j]. A row of C depends on the same row of A alone. scratch: SPIRAL__GEMM_SCRATCH
     * floats at a multiple of 64 bytes; without it (NULL) the product packs on the stack, of which it uses
     * up to 90 kB, in smaller blocks: a few per cent slower, the same bits. */
    void (*gemm)(size_t m, size_t n, size_t k, const float *A, size_t a_row, size_t a_col, const float *B,
                 size_t b_row, size_t b_col, float beta, float *C, size_t c_row, float *scratch);
    /* Runs multiply-adds on registers, enough at once to hide their latency: no product can be faster.
     * Returns the number of operations, two for each multiply-add. */
    double (*peak)(size_t rounds);
} spiral__gemm_table;

/* The table of the current instruction set. */
const spiral__gemm_table *spiral__gemm_kernel_get(void);

#endif

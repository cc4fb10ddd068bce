/* SPDX-License-Identifier: MIT
 *
 * The dense product, by CBLAS where there is one and by our own kernel where there is none. Always on the
 * calling thread: parallelism is the pool's business, which keeps results the same for any thread count.
 */
#ifndef SPIRAL_MODEL_GEMM_H
#define SPIRAL_MODEL_GEMM_H

#include <stddef.h>

/* C = op(A) op(B) + beta C; op(A) is (m, k), op(B) is (k, n), C (m, n), all row-major with the row strides
 * a_row, b_row, c_row. A is stored (k, m) if a_transposed, B (n, k) if b_transposed. */
void spiral__gemm(int a_transposed, int b_transposed, size_t m, size_t n, size_t k, const float *A,
                  size_t a_row, const float *B, size_t b_row, float beta, float *C, size_t c_row);

/* "openblas", "cblas" or "built-in". */
const char *spiral__gemm_name(void);

/* Tells a threaded BLAS to stay on its caller's thread; call once before the first product. */
void spiral__gemm_setup(void);

#endif

/* SPDX-License-Identifier: MIT
 *
 * The matrix product, by CBLAS where the build has one that knows the processor, else by our own kernel
 * (simd/gemm_kernel.h). It runs on the calling thread alone: parallel work is the pool's (base/par.h), which
 * keeps results the same for any number of threads. The settings of the BLAS are the same after a call as
 * before.
 */
#ifndef SPIRAL_NN_GEMM_H
#define SPIRAL_NN_GEMM_H

#include <stddef.h>

/* C = op(A) op(B) + beta C; op(A) is (m, k), op(B) is (k, n), C (m, n), all row-major with the row strides
 * a_row, b_row, c_row. A is stored (k, m) if a_transposed, B (n, k) if b_transposed. With beta 0, C may hold
 * anything before. */
void spiral__gemm(int a_transposed, int b_transposed, size_t m, size_t n, size_t k, const float *A,
                  size_t a_row, const float *B, size_t b_row, float beta, float *C, size_t c_row);

/* What spiral__gemm calls: "openblas", "cblas" or "built-in". */
const char *spiral__gemm_name(void);

#endif

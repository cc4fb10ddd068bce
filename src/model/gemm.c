/* SPDX-License-Identifier: MIT
 *
 * The dense product (see gemm.h).
 */
#include "kern/net_kern.h"
#include "model/gemm.h"
#include "spiral_config.h"

#ifdef SPIRAL_HAVE_CBLAS

#include <cblas.h>

/* OpenBLAS has threads of its own; other libraries have not got this symbol. */
extern void openblas_set_num_threads(int) __attribute__((weak));

void spiral__gemm_setup(void) {
    if (openblas_set_num_threads) openblas_set_num_threads(1);
}

const char *spiral__gemm_name(void) { return openblas_set_num_threads ? "openblas" : "cblas"; }

void spiral__gemm(int a_transposed, int b_transposed, size_t m, size_t n, size_t k, const float *A,
                  size_t a_row, const float *B, size_t b_row, float beta, float *C, size_t c_row) {
    cblas_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                b_transposed ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1.0f, A, (int)a_row, B,
                (int)b_row, beta, C, (int)c_row);
}

#else

void spiral__gemm_setup(void) {}

const char *spiral__gemm_name(void) { return "built-in"; }

void spiral__gemm(int a_transposed, int b_transposed, size_t m, size_t n, size_t k, const float *A,
                  size_t a_row, const float *B, size_t b_row, float beta, float *C, size_t c_row) {
    spiral__net_kern_get()->gemm(m, n, k, A, a_transposed ? 1 : a_row, a_transposed ? a_row : 1, B,
                                 b_transposed ? 1 : b_row, b_transposed ? b_row : 1, beta, C, c_row);
}

#endif

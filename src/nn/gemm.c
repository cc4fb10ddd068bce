/* SPDX-License-Identifier: MIT
 *
 * The dense product (see gemm.h).
 */
#include "simd/gemm_kernel.h"
#include "nn/gemm.h"
#include "spiral_config.h"

static void own(int a_transposed, int b_transposed, size_t m, size_t n, size_t k, const float *A,
                size_t a_row, const float *B, size_t b_row, float beta, float *C, size_t c_row) {
    spiral__gemm_kernel_get()->gemm(m, n, k, A, a_transposed ? 1 : a_row, a_transposed ? a_row : 1, B,
                                    b_transposed ? 1 : b_row, b_transposed ? b_row : 1, beta, C, c_row);
}

#ifdef SPIRAL_HAVE_CBLAS

#include <cblas.h>
#include <string.h>
#include <strings.h>

/* OpenBLAS has threads of its own and chooses its kernels by the processor's name; other libraries have not
 * got these symbols. */
extern void openblas_set_num_threads(int) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));

/* A processor newer than the library is often taken for a very old one: then our own product is several times
 * faster. Which one is used follows from names alone, never from a clock: the same machine gives the same
 * bits. */
static int blas_knows_processor(void) {
    static const char *const avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids", NULL};
    static const char *const avx2[] = {"Haswell", "Zen", "Excavator", NULL};
    const char *isa = spiral_isa_name();
    if (!openblas_get_corename || !strcmp(isa, "baseline")) return 1;
    const char *core = openblas_get_corename();
    for (const char *const *name = avx512; *name; name++)
        if (!strcasecmp(core, *name)) return 1;
    for (const char *const *name = avx2; !strcmp(isa, "avx2") && *name; name++)
        if (!strcasecmp(core, *name)) return 1;
    return 0;
}

void spiral__gemm_setup(void) {
    if (openblas_set_num_threads) openblas_set_num_threads(1);
}

const char *spiral__gemm_name(void) {
    return !blas_knows_processor() ? "built-in" : openblas_get_corename ? "openblas" : "cblas";
}

void spiral__gemm(int a_transposed, int b_transposed, size_t m, size_t n, size_t k, const float *A,
                  size_t a_row, const float *B, size_t b_row, float beta, float *C, size_t c_row) {
    if (blas_knows_processor())
        cblas_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                    b_transposed ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1.0f, A, (int)a_row, B,
                    (int)b_row, beta, C, (int)c_row);
    else
        own(a_transposed, b_transposed, m, n, k, A, a_row, B, b_row, beta, C, c_row);
}

#else

void spiral__gemm_setup(void) {}

const char *spiral__gemm_name(void) { return "built-in"; }

void spiral__gemm(int a_transposed, int b_transposed, size_t m, size_t n, size_t k, const float *A,
                  size_t a_row, const float *B, size_t b_row, float beta, float *C, size_t c_row) {
    own(a_transposed, b_transposed, m, n, k, A, a_row, B, b_row, beta, C, c_row);
}

#endif

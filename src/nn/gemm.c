/* SPDX-License-Identifier: MIT
 *
 * Which matrix product is called, and with how many threads (see gemm.h).
 */
#include "base/par.h"
#include "simd/gemm_kernel.h"
#include "nn/gemm.h"
#include "spiral_config.h"

_Static_assert(SPIRAL__GEMM_SCRATCH * sizeof(float) <= SPIRAL__SCRATCH,
               "a product fits into a task's memory");

static void own_gemm(int a_transposed, int b_transposed, size_t m, size_t n, size_t k, const float *A,
                     size_t a_row, const float *B, size_t b_row, float beta, float *C, size_t c_row) {
    spiral__gemm_kernel_get()->gemm(m, n, k, A, a_transposed ? 1 : a_row, a_transposed ? a_row : 1, B,
                                    b_transposed ? 1 : b_row, b_transposed ? b_row : 1, beta, C, c_row,
                                    spiral__par_scratch());
}

#ifdef SPIRAL_HAVE_CBLAS

#include <cblas.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* OpenBLAS has threads of its own and chooses its kernels by the processor's name. Other BLAS libraries do
 * not have these functions. Built on OpenMP, OpenBLAS asks that library for the number of threads. */
extern int openblas_get_num_threads(void) __attribute__((weak));
extern void openblas_set_num_threads(int) __attribute__((weak));
extern int openblas_get_parallel(void) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));
extern int omp_get_max_threads(void) __attribute__((weak));
extern void omp_set_num_threads(int) __attribute__((weak));

/* OpenBLAS allocates a working area of 128 MB for each thread that is in a product. If it cannot, it retries
 * forever and does not react to signals. So it is not called where addresses are limited (ulimit -v) to less
 * than a machine of many threads needs, nor where the system refuses this much memory now. Decided once, so
 * that a model is always computed by the same product. */
static int has_room;

static void look_for_room(void) {
    static const size_t area = (size_t)128 << 20, least = (size_t)16 << 30;
    static const int limits[] = {RLIMIT_AS, RLIMIT_DATA};
    has_room = 1;
    for (int i = 0; i < 2; i++) {
        struct rlimit limit;
        if (!getrlimit(limits[i], &limit) && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < least)
            has_room = 0;
    }
    void *probe = mmap(NULL, 2 * area, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED)
        has_room = 0;
    else
        munmap(probe, 2 * area);
}

static int blas_has_room(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look_for_room);
    return has_room;
}

/* OpenBLAS treats a processor newer than itself as a much older one; then our own product is several times
 * faster. The choice depends on names alone and never on a measured time, so that the same machine always
 * gives the same bits. */
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

/* The number of OpenBLAS's threads belongs to the whole process, and the program around us may have chosen
 * it. It is 1 while at least one of our products runs, and then what it was before. With OpenMP the number
 * belongs to the calling thread. */
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static int products_running, threads_before;

static int uses_openmp(void) {
    enum { OPENMP = 2 }; /* OPENBLAS_OPENMP, which only OpenBLAS's own cblas.h has */
    return openblas_get_parallel && openblas_get_parallel() == OPENMP && omp_get_max_threads &&
           omp_set_num_threads;
}

/* Returns what one_thread_end needs. */
static int one_thread_begin(void) {
    if (!openblas_set_num_threads || !openblas_get_num_threads) return 0;
    if (uses_openmp()) {
        int before = omp_get_max_threads();
        omp_set_num_threads(1);
        return before;
    }
    pthread_mutex_lock(&threads_lock);
    if (products_running++ == 0) {
        threads_before = openblas_get_num_threads();
        if (threads_before != 1) openblas_set_num_threads(1);
    }
    pthread_mutex_unlock(&threads_lock);
    return 0;
}

static void one_thread_end(int before) {
    if (!openblas_set_num_threads || !openblas_get_num_threads) return;
    if (uses_openmp()) {
        omp_set_num_threads(before);
        return;
    }
    pthread_mutex_lock(&threads_lock);
    if (--products_running == 0 && threads_before != 1) openblas_set_num_threads(threads_before);
    pthread_mutex_unlock(&threads_lock);
}

static int uses_blas(void) { return blas_knows_processor() && blas_has_room(); }

const char *spiral__gemm_name(void) {
    return !uses_blas() ? "built-in" : openblas_get_corename ? "openblas" : "cblas";
}

void spiral__gemm(int a_transposed, int b_transposed, size_t m, size_t n, size_t k, const float *A,
                  size_t a_row, const float *B, size_t b_row, float beta, float *C, size_t c_row) {
    if (!uses_blas()) {
        own_gemm(a_transposed, b_transposed, m, n, k, A, a_row, B, b_row, beta, C, c_row);
        return;
    }
    int before = one_thread_begin();
    cblas_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                b_transposed ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1.0f, A, (int)a_row, B,
                (int)b_row, beta, C, (int)c_row);
    one_thread_end(before);
}

#else

const char *spiral__gemm_name(void) { return "built-in"; }

void spiral__gemm(int a_transposed, int b_transposed, size_t m, size_t n, size_t k, const float *A,
                  size_t a_row, const float *B, size_t b_row, float beta, float *C, size_t c_row) {
    own_gemm(a_transposed, b_transposed, m, n, k, A, a_row, B, b_row, beta, C, c_row);
}

#endif

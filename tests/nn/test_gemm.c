/* SPDX-License-Identifier: MIT
 *
 * The dense product against three loops in double: the library's own kernel for every instruction set of this
 * processor, and the one that spiral__gemm chooses. Sizes on both sides of every block, vector and tile
 * border.
 */
#include <float.h>
#include <math.h>
#include <pthread.h>

#include "testing.h"
#include "base/floats.h"
#include "base/par.h"
#include "base/rng.h"
#include "simd/gemm_kernel.h"
#include "nn/gemm.h"
#include "spiral/isa.h"

static const float UNTOUCHED = 12345.0f; /* fills the gaps between the rows of C */

typedef struct product {
    size_t m, n, k;
    size_t a_row, a_col, b_row, b_col, c_row; /* strides */
    float beta;
    float *A, *B, *C;
    double *wanted, *bound; /* (m, n): the product, and the allowed error of a float sum */
    size_t a_size, b_size, c_size;
} product;

static void *zeros(size_t n, size_t size) {
    void *p = calloc(n + 1, size);
    assert_non_null(p);
    return p;
}

static float *random_floats(size_t n, spiral__rng *rng) {
    float *x = zeros(n, sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)spiral__rng_normal(rng);
    return x;
}

/* Element (i, j) of a (rows, columns) matrix lies at i * row + j * col: by rows or by columns, with `gap`
 * elements between them. Returns how many floats that spans. */
static size_t lay(size_t rows, size_t columns, int transposed, size_t gap, size_t *row, size_t *col) {
    *row = transposed ? 1 : columns + gap;
    *col = transposed ? rows + gap : 1;
    return transposed ? columns * *col : rows * *row;
}

/* Fills C (with NaN if beta is 0, because it must be overwritten) and the wanted product. */
static void create(product *p, int a_transposed, int b_transposed, size_t gap, spiral__rng *rng) {
    p->a_size = lay(p->m, p->k, a_transposed, gap, &p->a_row, &p->a_col);
    p->b_size = lay(p->k, p->n, b_transposed, gap, &p->b_row, &p->b_col);
    p->c_row = p->n + gap;
    p->c_size = p->m * p->c_row;
    p->A = random_floats(p->a_size, rng);
    p->B = random_floats(p->b_size, rng);
    p->C = random_floats(p->c_size, rng);
    p->wanted = zeros(p->m * p->n, sizeof *p->wanted);
    p->bound = zeros(p->m * p->n, sizeof *p->bound);
    for (size_t i = 0; i < p->m; i++) {
        float *c = p->C + i * p->c_row;
        for (size_t j = p->n; j < p->c_row; j++) c[j] = UNTOUCHED;
        for (size_t j = 0; j < p->n; j++) {
            double sum = p->beta == 0 ? 0 : (double)p->beta * c[j], size = fabs(sum);
            if (p->beta == 0) c[j] = NAN;
            for (size_t l = 0; l < p->k; l++) {
                double x = (double)p->A[i * p->a_row + l * p->a_col] * p->B[l * p->b_row + j * p->b_col];
                sum += x;
                size += fabs(x);
            }
            p->wanted[i * p->n + j] = sum;
            p->bound[i * p->n + j] = ((double)p->k + 3) * FLT_EPSILON * size;
        }
    }
}

static void check(const product *p, const char *who) {
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->c_row; j++) {
            double c = p->C[i * p->c_row + j];
            if (j >= p->n ? c != UNTOUCHED : !(fabs(c - p->wanted[i * p->n + j]) <= p->bound[i * p->n + j]))
                fail_msg("%s: (%zu, %zu, %zu), beta %g: C[%zu, %zu] is %g, not %g", who, p->m, p->n, p->k,
                         (double)p->beta, i, j, c, j < p->n ? p->wanted[i * p->n + j] : UNTOUCHED);
        }
}

static void clear(product *p) {
    free(p->A);
    free(p->B);
    free(p->C);
    free(p->wanted);
    free(p->bound);
}

static void own(const product *p, float *scratch) {
    spiral__gemm_kernel_get()->gemm(p->m, p->n, p->k, p->A, p->a_row, p->a_col, p->B, p->b_row, p->b_col,
                                    p->beta, p->C, p->c_row, scratch);
}

static const float BETAS[] = {0.0f, 1.0f, -0.5f};

/* Sizes on both sides of tiles (4, 8 rows; 12, 24, 48 columns), of blocks of 64 and 128 rows, and of a depth
 * of 192; packed in scratch memory and on the stack. */
static void own_kernel(const char *isa) {
    const size_t m[] = {1, 3, 4, 5, 8, 9, 31, 127, 128, 129}, n[] = {1, 5, 12, 13, 24, 47, 48, 49, 97};
    const size_t k[] = {0, 1, 3, 4, 7, 191, 192, 193, 390};
    const size_t every = VALGRIND ? 7 : 1; /* step through the 810 sizes */
    spiral__rng rng = spiral__rng_init(1, 2);
    if (spiral_isa_set(isa, NULL) != SPIRAL_OK) {
        print_message("# %s: not on this processor\n", isa);
        return;
    }
    float *scratch = spiral__floats(SPIRAL__GEMM_SCRATCH);
    assert_non_null(scratch);
    for (size_t a = 0; a < sizeof m / sizeof *m; a++)
        for (size_t b = 0; b < sizeof n / sizeof *n; b++)
            for (size_t c = 0; c < sizeof k / sizeof *k; c++) {
                if ((a * 81 + b * 9 + c) % every) continue;
                uint64_t way = spiral__rng_u64(&rng);
                product p = {.m = m[a], .n = n[b], .k = k[c], .beta = BETAS[way % 3]};
                create(&p, way >> 8 & 1, way >> 9 & 1, (way >> 10 & 1) * 3, &rng);
                own(&p, way >> 11 & 1 ? scratch : NULL);
                check(&p, isa);
                clear(&p);
            }
    free(scratch);
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

static void own_product_baseline(void **state) { (void)state, own_kernel("baseline"); }
static void own_product_avx2(void **state) { (void)state, own_kernel("avx2"); }
static void own_product_avx512(void **state) { (void)state, own_kernel("avx512"); }

/* No axis of A or B is contiguous. */
static void own_product_on_any_strides(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(3, 4);
    for (size_t m = 1; m < 20; m += 6)
        for (size_t n = 1; n < 60; n += 29) {
            product p = {.m = m, .n = n, .k = 11, .beta = 1};
            create(&p, 0, 0, 0, &rng);
            float *A = zeros(2 * p.a_size, sizeof *A), *B = zeros(3 * p.b_size, sizeof *B);
            for (size_t i = 0; i < p.a_size; i++) A[2 * i] = p.A[i];
            for (size_t i = 0; i < p.b_size; i++) B[3 * i] = p.B[i];
            spiral__gemm_kernel_get()->gemm(m, n, p.k, A, 2 * p.a_row, 2, B, 3 * p.b_row, 3, 1, p.C, p.c_row,
                                            NULL);
            check(&p, "strides");
            free(A);
            free(B);
            clear(&p);
        }
}

/* A row of C has the same bits whatever the other rows of A contain, even NaN. */
static void rows_of_the_own_product_are_independent(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(5, 6);
    product p = {.m = 21, .n = 50, .k = 200, .beta = 0};
    create(&p, 0, 0, 0, &rng);
    own(&p, NULL);
    float *before = zeros(p.c_size, sizeof *before);
    memcpy(before, p.C, p.c_size * sizeof *before);
    for (size_t l = 0; l < p.k; l++) p.A[7 * p.a_row + l] = NAN;
    own(&p, NULL);
    for (size_t i = 0; i < p.m; i++)
        for (size_t j = 0; j < p.n; j++)
            assert_true(i == 7 ? isnan(p.C[i * p.c_row + j])
                               : p.C[i * p.c_row + j] == before[i * p.c_row + j]);
    free(before);
    clear(&p);
}

static void scratch_memory_does_not_change_the_bits(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(9, 10);
    float *scratch = spiral__floats(SPIRAL__GEMM_SCRATCH);
    assert_non_null(scratch);
    product p = {.m = 300, .n = 100, .k = 400, .beta = 0};
    create(&p, 0, 1, 0, &rng);
    own(&p, scratch);
    float *with = zeros(p.c_size, sizeof *with);
    memcpy(with, p.C, p.c_size * sizeof *with);
    own(&p, NULL);
    assert_memory_equal(with, p.C, p.c_size * sizeof *with);
    free(with);
    free(scratch);
    clear(&p);
}

/* NULL in builds without OpenBLAS. */
extern void openblas_set_num_threads(int) __attribute__((weak));
extern int openblas_get_num_threads(void) __attribute__((weak));

/* A thread of the host may have as little stack as the default of musl: 128 kB. */
static void *product_on_a_small_stack(void *context) {
    product *p = context;
    spiral__gemm(0, 0, p->m, p->n, p->k, p->A, p->a_row, p->B, p->b_row, p->beta, p->C, p->c_row);
    return NULL;
}

static void a_product_needs_less_than_100_kB_of_stack(void **state) {
    (void)state;
    if (SANITIZED) LEAVE_OUT("a sanitizer needs stack of its own");
    if (openblas_set_num_threads) LEAVE_OUT("OpenBLAS takes a part of each thread's stack for its variables");
    for (int isa = 0; isa < 3; isa++) {
        static const char *const names[] = {"baseline", "avx2", "avx512"};
        spiral__rng rng = spiral__rng_init(11, 12);
        pthread_attr_t attributes;
        pthread_t thread;
        if (spiral_isa_set(names[isa], NULL) != SPIRAL_OK) continue;
        product p = {.m = 200, .n = 100, .k = 200, .beta = 0};
        create(&p, 0, 0, 0, &rng);
        assert_int_equal(pthread_attr_init(&attributes), 0);
        assert_int_equal(pthread_attr_setstacksize(&attributes, 100 << 10), 0);
        assert_int_equal(pthread_create(&thread, &attributes, product_on_a_small_stack, &p), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        pthread_attr_destroy(&attributes);
        check(&p, "small stack");
        clear(&p);
    }
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

/* The product that the network calls: that of a BLAS which supports the processor, else our own. For the
 * instruction set "baseline" any BLAS does. */
static void dense(const char *isa) {
    assert_int_equal(spiral_isa_set(isa, NULL), SPIRAL_OK);
    const size_t sizes[] = {1, 2, 7, 16, 65, 130};
    const size_t every = VALGRIND ? 5 : 1;
    enum { COUNT = sizeof sizes / sizeof *sizes };
    spiral__rng rng = spiral__rng_init(7, 8);
    print_message("# %s: %s\n", isa, spiral__gemm_name());
    for (size_t i = 0; i < COUNT * COUNT * COUNT * 4; i += every) {
        int a_transposed = (int)i & 1, b_transposed = (int)i >> 1 & 1;
        product p = {.m = sizes[i / 4 % COUNT],
                     .n = sizes[i / 4 / COUNT % COUNT],
                     .k = sizes[i / 4 / COUNT / COUNT],
                     .beta = BETAS[spiral__rng_below(&rng, 3)]};
        create(&p, a_transposed, b_transposed, spiral__rng_below(&rng, 2) * 5, &rng);
        spiral__gemm(a_transposed, b_transposed, p.m, p.n, p.k, p.A, a_transposed ? p.a_col : p.a_row, p.B,
                     b_transposed ? p.b_col : p.b_row, p.beta, p.C, p.c_row);
        check(&p, spiral__gemm_name());
        clear(&p);
    }
}

static void the_chosen_product_is_right(void **state) {
    (void)state;
    dense("baseline");
    dense("auto");
}

/* The number of threads of the BLAS belongs to the program: our products leave it unchanged, also products on
 * several threads at once. */
static void small_product(void *context, size_t i, int worker) {
    (void)context, (void)i, (void)worker;
    const float A[4] = {1, 2, 3, 4}, B[4] = {5, 6, 7, 8};
    float C[4] = {0};
    spiral__gemm(0, 0, 2, 2, 2, A, 2, B, 2, 0, C, 2);
    assert_true(C[0] == 19 && C[1] == 22 && C[2] == 43 && C[3] == 50);
}

static void the_threads_of_the_blas_stay_as_they_are(void **state) {
    (void)state;
    if (!openblas_set_num_threads || !openblas_get_num_threads) {
        print_message("# no OpenBLAS in this build: nothing to check\n");
        return;
    }
    spiral__pool *pool;
    const int before = openblas_get_num_threads();
    assert_int_equal(spiral_isa_set("baseline", NULL), SPIRAL_OK); /* uses the BLAS */
    assert_int_equal(spiral__pool_create(3, &pool, NULL), SPIRAL_OK);
    for (int threads = 1; threads <= 3; threads++) {
        openblas_set_num_threads(threads);
        small_product(NULL, 0, 0);
        assert_int_equal(openblas_get_num_threads(), threads);
        spiral__par_for(pool, 200, small_product, NULL);
        assert_int_equal(openblas_get_num_threads(), threads);
    }
    openblas_set_num_threads(before);
    spiral__pool_destroy(pool);
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

/* A row has the same bits when it is computed alone and together with others, so a model's output for a
 * window does not depend on the other windows. */
static void test_one_row_alone(void **state) {
    spiral_error err;
    (void)state;
    for (int isa = 0; isa < 3; isa++) {
        static const char *const names[] = {"baseline", "avx2", "avx512"};
        if (spiral_isa_set(names[isa], &err) != SPIRAL_OK) continue;
        for (uint64_t seed = 0; seed < (VALGRIND ? 5 : 60); seed++) {
            spiral__rng rng = spiral__rng_init(seed, 9);
            const size_t n = 1 + (size_t)spiral__rng_below(&rng, 300),
                         k = 1 + (size_t)spiral__rng_below(&rng, 500);
            float *A = random_floats(5 * k, &rng), *B = random_floats(k * n, &rng);
            float *all = random_floats(5 * n, &rng), *one = zeros(n, sizeof *one);
            for (int beta = 0; beta < 2; beta++) {
                memcpy(one, all + 3 * n, n * sizeof *one);
                spiral__gemm_kernel_get()->gemm(5, n, k, A, k, 1, B, n, 1, (float)beta, all, n, NULL);
                spiral__gemm_kernel_get()->gemm(1, n, k, A + 3 * k, k, 1, B, n, 1, (float)beta, one, n, NULL);
                assert_memory_equal(one, all + 3 * n, n * sizeof *one);
            }
            free(A), free(B), free(all), free(one);
        }
    }
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_row_alone),
        cmocka_unit_test(own_product_baseline),
        cmocka_unit_test(own_product_avx2),
        cmocka_unit_test(own_product_avx512),
        cmocka_unit_test(own_product_on_any_strides),
        cmocka_unit_test(rows_of_the_own_product_are_independent),
        cmocka_unit_test(scratch_memory_does_not_change_the_bits),
        cmocka_unit_test(a_product_needs_less_than_100_kB_of_stack),
        cmocka_unit_test(the_chosen_product_is_right),
        cmocka_unit_test(the_threads_of_the_blas_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

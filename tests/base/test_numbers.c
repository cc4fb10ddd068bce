/* SPDX-License-Identifier: MIT
 *
 * Random numbers, SHA-256, Cholesky factors, binary search.
 */
#include <math.h>

#include "testing.h"
#include "base/linalg.h"
#include "base/rng.h"
#include "base/search.h"
#include "base/sha256.h"

static void streams_differ_and_have_the_right_moments(void **state) {
    (void)state;
    spiral__rng a = spiral__rng_init(1, 0), b = spiral__rng_init(1, 0), c = spiral__rng_init(1, 1);
    int same = 0;
    double sum = 0, squares = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t x = spiral__rng_u64(&a);
        assert_int_equal(x, spiral__rng_u64(&b));
        same += x == spiral__rng_u64(&c);
        double n = spiral__rng_normal(&a);
        spiral__rng_normal(&b);
        sum += n;
        squares += n * n;
        assert_true(spiral__rng_below(&c, 7) < 7);
    }
    assert_int_equal(same, 0);
    assert_true(fabs(sum / 20000) < 0.03); /* four standard errors */
    assert_true(fabs(squares / 20000 - 1) < 0.04);
}

static void sha256_of_the_published_examples(void **state) {
    (void)state;
    char hex[65], million[1000];
    spiral__sha256("", 0, hex); /* the examples of FIPS 180-4 and NIST's test vectors */
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    spiral__sha256("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    spiral__sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(million, 'a', sizeof million);
    spiral__sha256(million, sizeof million, hex);
    assert_string_equal(hex, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

static void the_inner_product_is_summed_in_double(void **state) {
    (void)state;
    const float x[] = {1e8f, 1, -1e8f, 3}, y[] = {1, 0.5f, 1, 2};
    assert_true(spiral__dot(4, x, y) == 6.5 && spiral__dot(0, x, y) == 0);
}

static void cholesky_factor_times_its_transpose_is_the_matrix(void **state) {
    (void)state;
    enum { N = 7 };
    double A[N * N], C[N * N] = {0}, F[N * N];
    spiral__rng rng = spiral__rng_init(1, 1);
    for (size_t i = 0; i < N * N; i++) A[i] = spiral__rng_normal(&rng);
    for (size_t i = 0; i < N * N; i++)
        for (size_t k = 0; k < N; k++) C[i] += A[i / N * N + k] * A[i % N * N + k];
    memcpy(F, C, sizeof C);
    spiral__cholesky(N, F, 0);
    for (size_t i = 0; i < N * N; i++) {
        double sum = 0;
        for (size_t k = 0; k < N; k++) sum += F[i / N * N + k] * F[i % N * N + k];
        assert_true(fabs(sum - C[i]) < 1e-12);
        if (i % N > i / N) assert_true(F[i] == 0);
    }
    double x[2 * N], B[2 * N] = {0}; /* solves x C = b for two rows */
    for (size_t i = 0; i < 2 * N; i++) x[i] = spiral__rng_normal(&rng);
    for (size_t i = 0; i < 2 * N; i++)
        for (size_t k = 0; k < N; k++) B[i] += x[i / N * N + k] * C[k * N + i % N];
    spiral__cholesky_solve(N, F, 2, B);
    for (size_t i = 0; i < 2 * N; i++) assert_true(fabs(B[i] - x[i]) < 1e-9);
}

static void cholesky_raises_small_pivots(void **state) {
    (void)state;
    double rank_one[4] = {4, 2, 2, 1}, negative[1] = {-3}, small[1] = {1e-9};
    spiral__cholesky(2, rank_one, 0);
    assert_true(rank_one[0] == 2 && rank_one[1] == 0 && rank_one[2] == 1 && rank_one[3] == 0);
    spiral__cholesky(1, negative, 0);
    assert_true(negative[0] == 0);
    spiral__cholesky(1, small, 0.25);
    assert_true(small[0] == 0.5);
}

static int at_least(const void *context, size_t i) { return i >= *(const size_t *)context; }

static void search_finds_the_first_index_of_any_length(void **state) {
    (void)state;
    for (size_t n = 0; n < 40; n++)
        for (size_t first = 0; first <= n; first++)
            assert_int_equal(spiral__search(n, at_least, &first), first);
    size_t far = SIZE_MAX - 3;
    assert_true(spiral__search(SIZE_MAX, at_least, &far) == far); /* the middle does not overflow */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_differ_and_have_the_right_moments),
        cmocka_unit_test(sha256_of_the_published_examples),
        cmocka_unit_test(the_inner_product_is_summed_in_double),
        cmocka_unit_test(cholesky_factor_times_its_transpose_is_the_matrix),
        cmocka_unit_test(cholesky_raises_small_pivots),
        cmocka_unit_test(search_finds_the_first_index_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

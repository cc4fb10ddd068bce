/* SPDX-License-Identifier: MIT
 *
 * The recurrent layer against its equations in double precision, its gradients against central differences of
 * these, and the sparse layer against a dense product, for every instruction set of this processor.
 */
#include <math.h>

#include "testing.h"
#include "base/floats.h"
#include "base/rng.h"
#include "nn/gru.h"
#include "nn/sparse_rows.h"
#include "spiral/isa.h"

enum { STEPS = 5, ROWS = 7, H = 19, STATE = ROWS * H, GATES = ROWS * 3 * H };
enum { X = 0, U = STEPS * GATES, BIAS = U + H * 3 * H, START = BIAS + 3 * H, COUNT = START + STATE };

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* The sum of weight * h over all steps; h (STEPS + 1, ROWS, H). */
static double reference(const double *v, const double *weight, double *h) {
    double sum = 0;
    memcpy(h, v + START, STATE * sizeof *h);
    for (int t = 0; t < STEPS; t++)
        for (int r = 0; r < ROWS; r++) {
            const double *before = h + t * STATE + r * H, *x = v + X + t * GATES + r * 3 * H;
            double s[3 * H];
            for (int j = 0; j < 3 * H; j++) {
                s[j] = v[BIAS + j];
                for (int i = 0; i < H; i++) s[j] += before[i] * v[U + i * 3 * H + j];
            }
            for (int j = 0; j < H; j++) {
                const double reset = sigmoid(x[j] + s[j]), z = sigmoid(x[H + j] + s[H + j]);
                const double c = tanh(x[2 * H + j] + reset * s[2 * H + j]);
                h[(t + 1) * STATE + r * H + j] = (1 - z) * c + z * before[j];
                sum += weight[t * STATE + r * H + j] * h[(t + 1) * STATE + r * H + j];
            }
        }
    return sum;
}

static void check_gru(void) {
    static double v[COUNT], weight[STEPS * STATE], h[(STEPS + 1) * STATE];
    float *x = spiral__floats(STEPS * GATES), *u = spiral__floats(H * 3 * H), *b = spiral__floats(3 * H);
    float *state = spiral__floats((STEPS + 1) * STATE), *s = spiral__floats(STEPS * GATES);
    float *dh = spiral__floats(STEPS * STATE), *dU = spiral__floats(H * 3 * H), *db = spiral__floats(3 * H);
    spiral__rng rng = spiral__rng_init(3, 0);
    for (int i = 0; i < COUNT; i++) v[i] = (float)(spiral__rng_normal(&rng) * (i >= U && i < BIAS ? 0.3 : 1));
    for (int i = 0; i < STEPS * STATE; i++) dh[i] = (float)(weight[i] = (float)spiral__rng_normal(&rng));
    for (int i = 0; i < STEPS * GATES; i++) x[i] = (float)v[X + i];
    for (int i = 0; i < H * 3 * H; i++) u[i] = (float)v[U + i], dU[i] = 1;
    for (int i = 0; i < 3 * H; i++) b[i] = (float)v[BIAS + i], db[i] = 1;
    for (int i = 0; i < STATE; i++) state[i] = (float)v[START + i];
    spiral__gru_forward(STEPS, ROWS, H, x, u, b, state, s);
    reference(v, weight, h);
    for (int i = 0; i < (STEPS + 1) * STATE; i++) assert_true(fabs(state[i] - h[i]) < 3e-6);
    spiral__gru_backward(STEPS, ROWS, H, x, u, state, s, dh, dU, db);
    static double other[(STEPS + 1) * STATE];
    for (int i = 0; i < START; i += 1 + (int)spiral__rng_below(&rng, 9)) {
        const double step = 1e-5, was = v[i];
        v[i] = was + step;
        const double up = reference(v, weight, other);
        v[i] = was - step;
        const double wanted = (up - reference(v, weight, other)) / (2 * step);
        v[i] = was;
        const double got = i < U      ? x[i]
                           : i < BIAS ? dU[i - U] - 1
                                      : db[i - BIAS] - 1; /* gradients are added to 1 */
        if (!(fabs(got - wanted) < 3e-5 * (1 + fabs(wanted))))
            fail_msg("number %d: %g, not %g", i, got, wanted);
    }
    float *owned[] = {x, u, b, state, s, dh, dU, db};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
}

enum { INPUTS = 11, UNITS = 6 };

static void check_sparse_rows_of(size_t n) {
    spiral__rng rng = spiral__rng_init(4, n);
    spiral__sparse_rows rows;
    float dense[UNITS][INPUTS] = {{0}};
    float *W = spiral__floats(INPUTS * n), *y = spiral__floats(UNITS * n), *dW = spiral__floats(INPUTS * n);
    for (size_t i = 0; i < INPUTS * n; i++) W[i] = (float)spiral__rng_normal(&rng);
    assert_int_equal(spiral__sparse_rows_create(UNITS, INPUTS, &rows, NULL), SPIRAL_OK);
    for (size_t u = 0; u < UNITS; u++) { /* unit u has u entries */
        spiral__entry *to = spiral__sparse_rows_next(&rows);
        for (size_t e = 0; e < u; e++) {
            to[e] =
                (spiral__entry){(uint32_t)spiral__rng_below(&rng, INPUTS), (float)spiral__rng_normal(&rng)};
            dense[u][to[e].row] += to[e].value;
        }
        spiral__sparse_rows_add(&rows, u);
    }
    for (size_t i = 0; i < UNITS * n; i++) y[i] = 1;
    spiral__sparse_rows_forward(&rows, n, W, y);
    for (size_t u = 0; u < UNITS; u++)
        for (size_t j = 0; j < n; j++) {
            double sum = 1;
            for (size_t i = 0; i < INPUTS; i++) sum += (double)dense[u][i] * W[i * n + j];
            assert_true(fabs(y[u * n + j] - sum) < 1e-5);
        }
    spiral__sparse_rows_backward(&rows, n, y, dW);
    for (size_t i = 0; i < INPUTS; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t u = 0; u < UNITS; u++) sum += (double)dense[u][i] * y[u * n + j];
            assert_true(fabs(dW[i * n + j] - sum) < 1e-4);
        }
    spiral__sparse_rows_clear(&rows);
    free(W);
    free(y);
    free(dW);
}

static void check_sparse_rows(void) {
    const size_t widths[] = {1, 3, 16, 31, 96, 288, 300};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) check_sparse_rows_of(widths[i]);
}

static void on_every_isa(void (*check)(void)) {
    const char *const isas[] = {"baseline", "avx2", "avx512"};
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        if (spiral_isa_set(isas[i], NULL) == SPIRAL_OK)
            check();
        else
            print_message("# %s: not on this processor\n", isas[i]);
    }
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

static void the_gru_and_its_gradients_follow_the_equations(void **state) {
    (void)state, on_every_isa(check_gru);
}
static void the_sparse_layer_is_a_product_with_few_terms(void **state) {
    (void)state, on_every_isa(check_sparse_rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gru_and_its_gradients_follow_the_equations),
        cmocka_unit_test(the_sparse_layer_is_a_product_with_few_terms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

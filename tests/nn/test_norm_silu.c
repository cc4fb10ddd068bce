/* SPDX-License-Identifier: MIT
 *
 * Layer normalisation and SiLU: the output against the formula in double precision, the gradients against
 * central differences of it.
 */
#include <math.h>

#include "testing.h"
#include "base/rng.h"
#include "nn/norm_silu.h"
#include "spiral/isa.h"

enum { ROWS = 5, N_MAX = 70, GAP = 2 };
static const double STEP = 1e-5;

/* The layer in double precision, and weights of a scalar objective: the sum of weight * y. */
typedef struct problem {
    size_t n;
    double pre[ROWS][N_MAX], gain[N_MAX], shift[N_MAX], weight[ROWS][N_MAX];
} problem;

static double normalised(const double *pre, size_t n, size_t i) {
    double mean = 0, variance = 0;
    for (size_t k = 0; k < n; k++) mean += pre[k] / (double)n;
    for (size_t k = 0; k < n; k++) variance += (pre[k] - mean) * (pre[k] - mean) / (double)n;
    return (pre[i] - mean) / sqrt(variance + 1e-5);
}

static double output(const problem *p, size_t row, size_t i) {
    double a = p->gain[i] * normalised(p->pre[row], p->n, i) + p->shift[i];
    return a / (1 + exp(-a));
}

static double objective(const problem *p) {
    double sum = 0;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < p->n; i++) sum += p->weight[r][i] * output(p, r, i);
    return sum;
}

/* d objective / d *number; number points into *p. */
static double derivative(problem *p, double *number) {
    const double kept = *number;
    *number = kept + STEP;
    double above = objective(p);
    *number = kept - STEP;
    double below = objective(p);
    *number = kept;
    return (above - below) / (2 * STEP);
}

static void draw(problem *p, size_t n, spiral__rng *rng) {
    p->n = n;
    for (size_t i = 0; i < n; i++) {
        p->gain[i] = (float)(1 + 0.4 * spiral__rng_normal(rng)); /* rounded, so both get the same */
        p->shift[i] = (float)(0.5 * spiral__rng_normal(rng));
        for (size_t r = 0; r < ROWS; r++) {
            p->pre[r][i] = (float)(3 + 2 * spiral__rng_normal(rng));
            p->weight[r][i] = (float)spiral__rng_normal(rng);
        }
    }
}

static void assert_near(double got, double wanted, double tolerance, const char *what) {
    if (!(fabs(got - wanted) <= tolerance * (1 + fabs(wanted))))
        fail_msg("%s: %.9g, not %.9g", what, got, wanted);
}

static void check(size_t n, spiral__rng *rng) {
    problem p;
    const size_t stride = n + GAP;
    float x[ROWS * (N_MAX + GAP)], y[ROWS * (N_MAX + GAP)], dy[ROWS * (N_MAX + GAP)], inverse[ROWS];
    float gain[N_MAX] = {0}, shift[N_MAX] = {0}, dgain[N_MAX], dshift[N_MAX];
    draw(&p, n, rng);
    for (size_t i = 0; i < n; i++) {
        gain[i] = (float)p.gain[i], shift[i] = (float)p.shift[i];
        dgain[i] = 10, dshift[i] = 20; /* gradients are added to these */
        for (size_t r = 0; r < ROWS; r++) {
            x[r * stride + i] = (float)p.pre[r][i];
            dy[r * stride + i] = (float)p.weight[r][i];
        }
    }
    spiral__norm_silu_forward(ROWS, n, x, stride, gain, shift, inverse, y, stride);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < n; i++) {
            assert_near(x[r * stride + i], normalised(p.pre[r], n, i), 1e-5, "normalised");
            assert_near(y[r * stride + i], output(&p, r, i), 1e-5, "output");
        }
    spiral__norm_silu_backward(ROWS, n, x, stride, gain, shift, inverse, dy, stride, dgain, dshift);
    for (size_t i = 0; i < n; i++) {
        assert_near(dgain[i] - 10, derivative(&p, &p.gain[i]), 2e-5, "gradient of the gain");
        assert_near(dshift[i] - 20, derivative(&p, &p.shift[i]), 2e-5, "gradient of the shift");
        for (size_t r = 0; r < ROWS; r++)
            assert_near(x[r * stride + i], derivative(&p, &p.pre[r][i]), 2e-5, "gradient of the input");
    }
}

/* Widths on both sides of 16, the number of partial sums of a row. */
static void output_and_gradients_follow_the_formula(void **state) {
    (void)state;
    const char *const isas[] = {"baseline", "avx2", "avx512"};
    const size_t widths[] = {2, 3, 15, 16, 17, 48, 70};
    for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
        spiral__rng rng = spiral__rng_init(2, k);
        if (spiral_isa_set(isas[k], NULL) != SPIRAL_OK) {
            print_message("# %s: not on this processor\n", isas[k]);
            continue;
        }
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) check(widths[i], &rng);
    }
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

/* If all numbers of a row are equal, the variance is 0, the output is SiLU of the shift and nothing is
 * divided by 0. */
static void a_constant_row_has_finite_gradients(void **state) {
    (void)state;
    float x[4] = {3, 3, 3, 3}, y[4], inverse, dy[4] = {1, -2, 3, 4};
    const float gain[4] = {1, 2, 3, 4}, shift[4] = {0, 1, -1, 0.5f};
    float dgain[4] = {0}, dshift[4] = {0};
    spiral__norm_silu_forward(1, 4, x, 4, gain, shift, &inverse, y, 4);
    for (int i = 0; i < 4; i++) assert_near(y[i], shift[i] / (1 + exp(-shift[i])), 1e-6, "output");
    spiral__norm_silu_backward(1, 4, x, 4, gain, shift, &inverse, dy, 4, dgain, dshift);
    for (int i = 0; i < 4; i++) {
        assert_true(isfinite(x[i]));
        assert_true(dgain[i] == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_gradients_follow_the_formula),
        cmocka_unit_test(a_constant_row_has_finite_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

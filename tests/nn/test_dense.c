/* SPDX-License-Identifier: MIT
 *
 * The dense layer and its gradients against loops in double precision, with gaps between rows, for every
 * instruction set of this processor.
 */
#include <float.h>
#include <math.h>

#include "testing.h"
#include "base/floats.h"
#include "base/rng.h"
#include "nn/dense.h"
#include "spiral/isa.h"

enum { GAP = 3 }; /* floats between two rows of x and y */
static const float UNTOUCHED = 777.0f;

typedef struct layer {
    size_t rows, in, out, x_stride, y_stride;
    float *x, *W, *b, *y, *dy, *dx, *dW, *db;
} layer;

static float *random_floats(size_t n, spiral__rng *rng) {
    float *x = spiral__floats(n);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (float)spiral__rng_normal(rng);
    return x;
}

static void create(layer *l, size_t rows, size_t in, size_t out, spiral__rng *rng) {
    *l = (layer){.rows = rows, .in = in, .out = out, .x_stride = in + GAP, .y_stride = out + GAP};
    l->x = random_floats(rows * l->x_stride, rng);
    l->W = random_floats(in * out, rng);
    l->b = random_floats(out, rng);
    l->y = random_floats(rows * l->y_stride, rng);
    l->dy = random_floats(rows * l->y_stride, rng);
    l->dx = random_floats(rows * l->x_stride, rng);
    l->dW = random_floats(in * out, rng);
    l->db = random_floats(out, rng);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < GAP; i++)
            l->y[r * l->y_stride + out + i] = l->dx[r * l->x_stride + in + i] = UNTOUCHED;
}

static void clear(layer *l) {
    float *owned[] = {l->x, l->W, l->b, l->y, l->dy, l->dx, l->dW, l->db};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
}

/* A sum of n products of normal numbers in float arithmetic. */
static void assert_sum(double got, double wanted, size_t n) {
    if (!(fabs(got - wanted) <= 8 * ((double)n + 4) * FLT_EPSILON)) fail_msg("%.9g, not %.9g", got, wanted);
}

static void assert_gap(const float *row, size_t n) {
    for (size_t i = 0; i < GAP; i++) assert_true(row[n + i] == UNTOUCHED);
}

static double product(const layer *l, size_t row, size_t j) {
    double sum = 0;
    for (size_t i = 0; i < l->in; i++) sum += (double)l->x[row * l->x_stride + i] * l->W[i * l->out + j];
    return sum;
}

static void check_forward(layer *l) {
    float *before = spiral__floats(l->rows * l->y_stride);
    memcpy(before, l->y, l->rows * l->y_stride * sizeof *before);
    spiral__dense_forward_add(l->rows, l->in, l->out, l->x, l->x_stride, l->W, l->y, l->y_stride);
    for (size_t r = 0; r < l->rows; r++)
        for (size_t j = 0; j < l->out; j++)
            assert_sum(l->y[r * l->y_stride + j], before[r * l->y_stride + j] + product(l, r, j), l->in);
    for (int bias = 0; bias < 2; bias++) {
        for (size_t r = 0; r < l->rows; r++) l->y[r * l->y_stride] = NAN; /* must be overwritten */
        spiral__dense_forward(l->rows, l->in, l->out, l->x, l->x_stride, l->W, bias ? l->b : NULL, l->y,
                              l->y_stride);
        for (size_t r = 0; r < l->rows; r++) {
            for (size_t j = 0; j < l->out; j++)
                assert_sum(l->y[r * l->y_stride + j], product(l, r, j) + (bias ? l->b[j] : 0), l->in);
            assert_gap(l->y + r * l->y_stride, l->out);
        }
    }
    free(before);
}

static void check_input_gradient(layer *l) {
    for (int add = 0; add < 2; add++) {
        float *before = spiral__floats(l->rows * l->x_stride);
        memcpy(before, l->dx, l->rows * l->x_stride * sizeof *before);
        if (add)
            spiral__dense_backward_input_add(l->rows, l->in, l->out, l->dy, l->y_stride, l->W, l->dx,
                                             l->x_stride);
        else
            spiral__dense_backward_input(l->rows, l->in, l->out, l->dy, l->y_stride, l->W, l->dx,
                                         l->x_stride);
        for (size_t r = 0; r < l->rows; r++) {
            for (size_t i = 0; i < l->in; i++) {
                double sum = add ? before[r * l->x_stride + i] : 0;
                for (size_t j = 0; j < l->out; j++)
                    sum += (double)l->dy[r * l->y_stride + j] * l->W[i * l->out + j];
                assert_sum(l->dx[r * l->x_stride + i], sum, l->out);
            }
            assert_gap(l->dx + r * l->x_stride, l->in);
        }
        free(before);
    }
}

/* The gradient of W in two tasks, each of which computes a part of the rows. */
static void check_weight_gradients(layer *l) {
    float *dW = spiral__floats(l->in * l->out), *db = spiral__floats(l->out);
    memcpy(dW, l->dW, l->in * l->out * sizeof *dW);
    memcpy(db, l->db, l->out * sizeof *db);
    size_t half = l->in / 2;
    spiral__dense_backward_weight(l->rows, half, l->out, l->x, l->x_stride, l->dy, l->y_stride, l->dW);
    spiral__dense_backward_weight(l->rows, l->in - half, l->out, l->x + half, l->x_stride, l->dy, l->y_stride,
                                  l->dW + half * l->out);
    spiral__dense_backward_bias(l->rows, l->out, l->dy, l->y_stride, l->db);
    for (size_t j = 0; j < l->out; j++) {
        double bias = db[j];
        for (size_t r = 0; r < l->rows; r++) bias += l->dy[r * l->y_stride + j];
        assert_sum(l->db[j], bias, l->rows);
        for (size_t i = 0; i < l->in; i++) {
            double sum = dW[i * l->out + j];
            for (size_t r = 0; r < l->rows; r++)
                sum += (double)l->x[r * l->x_stride + i] * l->dy[r * l->y_stride + j];
            assert_sum(l->dW[i * l->out + j], sum, l->rows);
        }
    }
    free(dW);
    free(db);
}

static void on_every_isa(void (*check)(layer *)) {
    const char *const isas[] = {"baseline", "avx2", "avx512"};
    const size_t sizes[][3] = {{1, 1, 1}, {2, 5, 3}, {64, 31, 17}, {7, 130, 66}, {65, 64, 129}};
    for (size_t k = 0; k < sizeof isas / sizeof *isas; k++) {
        spiral__rng rng = spiral__rng_init(1, k);
        if (spiral_isa_set(isas[k], NULL) != SPIRAL_OK) {
            print_message("# %s: not on this processor\n", isas[k]);
            continue;
        }
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            layer l;
            create(&l, sizes[i][0], sizes[i][1], sizes[i][2], &rng);
            check(&l);
            clear(&l);
        }
    }
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
}

static void forward_is_x_W_plus_b(void **state) { (void)state, on_every_isa(check_forward); }
static void the_gradient_of_the_input_is_dy_W_transposed(void **state) {
    (void)state, on_every_isa(check_input_gradient);
}
static void the_gradients_of_the_weights_are_sums_over_rows(void **state) {
    (void)state, on_every_isa(check_weight_gradients);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_x_W_plus_b),
        cmocka_unit_test(the_gradient_of_the_input_is_dy_W_transposed),
        cmocka_unit_test(the_gradients_of_the_weights_are_sums_over_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * AdamW against its formula in double precision, and the schedule of the learning rate.
 */
#include <math.h>

#include "testing.h"
#include "base/floats.h"
#include "base/rng.h"
#include "train/optimizer.h"

/* Two matrices and two vectors; the second matrix is larger than a task. */
static spiral__tensor_list some_tensors(void) {
    spiral__tensor_list list = {.count = 0};
    spiral__tensor_add(&list, "a", SPIRAL_TENSOR_MATRIX, 3, 5);
    spiral__tensor_add(&list, "b", SPIRAL_TENSOR_VECTOR, 1, 7);
    spiral__tensor_add(&list, "c", SPIRAL_TENSOR_MATRIX, 300, 70);
    spiral__tensor_add(&list, "d", SPIRAL_TENSOR_VECTOR, 1, 33);
    spiral__tensor_add(&list, "e", SPIRAL_TENSOR_MEASURED, 1, 9);
    spiral__tensors_layout(&list);
    return list;
}

/* Three steps, on one thread and on three, give the same bits, near to the formula. Only matrices decay,
 * measured tensors do not change, and the gradient is 0 afterwards. */
static void a_step_follows_the_formula(void **state) {
    (void)state;
    enum { COUNT = 4, STEPS = 3 };
    const double rate = 0.01, decay = 0.3, b1 = 0.9, b2 = 0.99;
    spiral__tensor_list list = some_tensors();
    const size_t n = list.trained;
    float *weights[2], *grad = spiral__floats(n);
    double *w = calloc(n, sizeof *w), *m = calloc(n, sizeof *m), *v = calloc(n, sizeof *v);
    for (int k = 0; k < 2; k++) {
        spiral__optimizer o;
        spiral__pool *pool;
        spiral__rng rng = spiral__rng_init(1, 1);
        assert_int_equal(spiral__pool_create(1 + 2 * k, &pool, NULL), SPIRAL_OK);
        assert_int_equal(spiral__optimizer_create(list.trained, &o, NULL), SPIRAL_OK);
        weights[k] = spiral__floats(list.floats);
        for (size_t i = 0; i < list.floats; i++) weights[k][i] = (float)spiral__rng_normal(&rng);
        for (size_t i = 0; i < n && !k; i++) w[i] = weights[0][i];
        const float measured = weights[k][n];
        for (int step = 0; step < STEPS; step++) {
            for (size_t i = 0; i < n; i++) grad[i] = (float)spiral__rng_normal(&rng);
            for (size_t i = 0; i < n && !k; i++) {
                const double g = grad[i] / (double)COUNT;
                m[i] = b1 * m[i] + (1 - b1) * g;
                v[i] = b2 * v[i] + (1 - b2) * g * g;
                const double up = m[i] / (1 - pow(b1, step + 1)), down = v[i] / (1 - pow(b2, step + 1));
                w[i] -= rate * (up / (sqrt(down) + 1e-8) + (i < list.matrices ? decay : 0) * w[i]);
            }
            const spiral__optimizer_plan plan = {.ranges = {{0, list.matrices}, {list.matrices, n}},
                                                 .step = step,
                                                 .rate = rate,
                                                 .decay = decay,
                                                 .beta2 = b2,
                                                 .scale = 1.0 / COUNT};
            spiral__optimizer_step(&o, &plan, weights[k], grad, pool);
            for (size_t i = 0; i < n; i++) assert_true(grad[i] == 0);
        }
        assert_true(weights[k][n] == measured);
        spiral__optimizer_reset(&o);
        for (size_t i = 0; i < n; i++) assert_true(o.moment1[i] == 0 && o.moment2[i] == 0);
        spiral__optimizer_clear(&o);
        spiral__pool_destroy(pool);
    }
    assert_memory_equal(weights[0], weights[1], list.floats * sizeof(float));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(weights[0][i] - w[i]) < 2e-6 * (1 + fabs(w[i]))))
            fail_msg("%zu: %g, not %g", i, weights[0][i], w[i]);
    free(grad);
    free(weights[0]);
    free(weights[1]);
    free(w);
    free(m);
    free(v);
}

/* A linear rise to the peak, then half a cosine to 0. */
static void the_learning_rate_rises_and_falls(void **state) {
    (void)state;
    double sum = 0, before = 0;
    for (int64_t step = 0; step < 1000; step++) {
        double rate = spiral__learning_rate(0.5, step + 1, 1000);
        assert_true(rate >= 0 && rate <= 0.5);
        if (step < 50)
            assert_true(rate > before);
        else
            assert_true(rate < before || step == 50);
        sum += before = rate;
    }
    assert_true(fabs(spiral__learning_rate(0.5, 50, 1000) - 0.5) < 1e-9);
    assert_true(fabs(spiral__learning_rate(0.5, 1, 1000) - 0.01) < 1e-12);
    assert_true(before < 1e-5);
    assert_true(fabs(sum / 1000 - 0.25) < 0.001);
    assert_true(spiral__learning_rate(0.5, 1001, 1000) == 0);
    assert_true(spiral__learning_rate(0.5, 1, 0) == 0); /* not started */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_follows_the_formula),
        cmocka_unit_test(the_learning_rate_rises_and_falls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The shape of the losses: exact zeros, no negative values, metrics, positive definiteness, convexity and
 * propriety.
 */
#include "harness.h"

enum { MANY = 100000, BLOCK = 2000 }; /* columns in all, and in a call */

/* Rolls that hold both what is played and what is right: at y = t value and gradient are exactly 0. */
static void group03_zero_is_exact(void **state) {
    (void)state;
    for (int mixture = 0; mixture < 48; mixture++) {
        spiral_loss_options o = alone(geometric[mixture % GEOMETRIC]);
        o.time_blur = mixture & 4 ? 1.7 : 0;
        o.helix = preset(mixture / 12);
        batch b = batch_make(o, 2, 21, KEYS, mixture & 8);
        batch_fill(&b, 40, mixture & 16, 0);
        for (size_t i = 0; i < b.cells; i++) b.pred[i] = b.target[i];
        double *grad = doubles(b.cells);
        float *single = calloc(b.cells, sizeof *single);
        assert_true(call_f64(&b, NULL, grad) == 0);
        b.o.reduction = SPIRAL_REDUCE_NONE;
        assert_true(call_f32(&b, single) == 0);
        for (size_t i = 0; i < b.cells; i++) assert_true(grad[i] == 0 && single[i] == 0);
        free(grad), free(single);
        batch_free(&b);
    }
}

/* From far apart to equal up to the 12th decimal, in both precisions. */
static void group03_never_negative(void **state) {
    (void)state;
    for (int k = 0; k < GEOMETRIC; k++)
        for (uint64_t round = 0; round < MANY / BLOCK; round++) {
            spiral_loss_options o = alone(geometric[k]);
            o.reduction = SPIRAL_REDUCE_NONE;
            batch b = batch_make(o, 1, BLOCK, KEYS, 0);
            batch_fill(&b, round, 1, 0);
            double *columns = doubles(BLOCK), near = round % 2 ? 1 : pow(10, -(double)(round % 12));
            for (size_t i = 0; i < b.cells; i++) b.pred[i] = b.target[i] + near * (b.pred[i] - b.target[i]);
            call_f64(&b, columns, NULL);
            for (int j = 0; j < BLOCK; j++) assert_true(columns[j] > 0);
            call_f32_columns(&b, columns, NULL);
            for (int j = 0; j < BLOCK; j++) assert_true(columns[j] >= 0);
            free(columns);
            batch_free(&b);
        }
}

/* sqrt(2E) is a distance of rolls: symmetric, and no detour is shorter. */
static void group03_root_of_energy_is_a_metric(void **state) {
    (void)state;
    for (int k = 1; k < GEOMETRIC; k++)
        for (uint64_t round = 0; round < MANY / BLOCK; round++) {
            spiral_loss_options o = alone(geometric[k]);
            o.reduction = SPIRAL_REDUCE_NONE;
            o.helix = preset((int)round % PRESETS);
            batch pair = batch_make(o, 1, BLOCK, KEYS, 0), other = batch_make(o, 1, BLOCK, KEYS, 0);
            batch_fill(&pair, round, 1, 0), batch_fill(&other, 1000 + round, 0, 0);
            double *ab = doubles(BLOCK), *ba = doubles(BLOCK), *bc = doubles(BLOCK), *ac = doubles(BLOCK);
            double *a = pair.pred, *b = pair.target, *c = round % 2 ? other.pred : other.target;
            call_f64(&pair, ab, NULL);
            pair.pred = b, pair.target = a;
            call_f64(&pair, ba, NULL);
            pair.target = c;
            call_f64(&pair, bc, NULL);
            pair.pred = a;
            call_f64(&pair, ac, NULL);
            pair.target = b;
            for (int j = 0; j < BLOCK; j++) {
                assert_true(ab[j] == ba[j]);
                assert_true(sqrt(2 * ac[j]) <= sqrt(2 * ab[j]) + sqrt(2 * bc[j]) + 1e-13);
            }
            free(ab), free(ba), free(bc), free(ac);
            batch_free(&pair), batch_free(&other);
        }
}

/* Whether a symmetric matrix has a Cholesky factor, with pivots above `least`. The factor of its first P rows
 * and columns is the first P rows of the whole's, so 128 keys answer for 1 to 128. */
enum { MOST = 128 };
static int has_cholesky(double K[MOST][MOST], double least) {
    for (int p = 0; p < MOST; p++)
        for (int q = 0; q <= p; q++) {
            for (int j = 0; j < q; j++) K[p][q] -= K[p][j] * K[q][j];
            if (p == q && !(K[p][p] > least)) return 0;
            K[p][q] = p == q ? sqrt(K[p][p]) : K[p][q] / K[q][q];
        }
    return 1;
}

static void group07_kernels_are_positive_definite(void **state) {
    (void)state;
    static double K[MOST][MOST];
    int matrices = 0;
    for (int k = 1; k < GEOMETRIC; k++)
        for (int shape = 0; shape < PRESETS; shape++)
            for (int radius = 0; radius < 5; radius++)
                for (int octave = 0; octave < 5; octave++) {
                    spiral_loss_options o = alone(geometric[k]);
                    o.helix = preset(shape);
                    for (int m = 0; m < 6; m++) o.helix.radii[m] *= (double[]){0.2, 0.5, 1, 2, 10}[radius];
                    o.helix.octave *= (double[]){0.5, 1, 2, 5, 20}[octave];
                    /* A wider gauss is as definite, but not in 53 bits. */
                    o.sigma = 0.5 * fmin(o.helix.octave, 1);
                    for (int p = 0; p < MOST; p++)
                        for (int q = 0; q < MOST; q++) K[p][q] = spiral__ref_kernel(&o, p - q);
                    if (!has_cholesky(K, 1e-9))
                        fail_msg("%s on %s, radii times %d, octave %g", spiral_loss_kind_name(o.kind),
                                 presets[shape], radius, o.helix.octave);
                    matrices++;
                }
    printf("# %d kernels of 128 keys\n", matrices);
}

/* D is of negative type, so exp(-D) is a kernel, just if its Gram matrix seen from key 0,
 * (D(p, 0) + D(0, q) - D(p, q)) / 2 with a little on the diagonal, is positive (Schoenberg). */
static int of_negative_type(double (*D)(int)) {
    static double G[MOST][MOST];
    for (int p = 0; p < MOST; p++)
        for (int q = 0; q < MOST; q++) G[p][q] = (D(p + 1) + D(q + 1) - D(p - q)) / 2 + (p == q ? 1e-9 : 0);
    return has_cholesky(G, 0);
}
static double chord(int delta) {
    spiral_helix helix = spiral_helix_default();
    return spiral_helix_distance(&helix, delta);
}
static double circle_and_octaves(int delta) {
    int turn = abs(delta) % 12;
    return sqrt(pow(turn < 6 ? turn : 12 - turn, 2) + pow(delta / 12., 2));
}
static double sum_of_squares(int delta) { return pow(circle_and_octaves(delta), 2); }

static void group07_arc_and_octave_is_indefinite(void **state) {
    (void)state;
    assert_true(of_negative_type(chord));
    assert_false(of_negative_type(circle_and_octaves));
    assert_false(of_negative_type(sum_of_squares));
    /* So somewhere an "energy" made of it is below 0: two rolls that differ are better than equal. */
    static double K[MOST][MOST];
    int indefinite = 0;
    for (int scale = 0; scale < 8; scale++) {
        for (int p = 0; p < MOST; p++)
            for (int q = 0; q < MOST; q++) K[p][q] = 2 * exp(-circle_and_octaves(p - q) / (1 << scale));
        indefinite += !has_cholesky(K, 0);
    }
    assert_true(indefinite > 0);
}

/* Over a finite set of targets the mean gradient vanishes where y is their mean, in y and in logits. */
static void group08_proper(void **state) {
    (void)state;
    enum { TARGETS = 16, P = 12 };
    for (int kind = SPIRAL_LOSS_BCE; kind <= SPIRAL_LOSS_GAUSS; kind++)
        for (uint64_t round = 0; round < 40; round++) {
            spiral_loss_options o = alone((spiral_loss_kind)kind);
            o.bce = kind == SPIRAL_LOSS_BCE || round & 1;
            o.from_logits = round & 2;
            batch b = batch_make(o, 1, TARGETS, P, 0);
            batch_fill(&b, round, round & 4, 0);
            for (size_t p = 0; p < P; p++) b.target[p] = 0.5; /* no mean is 0 or 1 */
            for (size_t p = 0; p < P; p++) {
                double mean = 0;
                for (size_t j = 0; j < TARGETS; j++) mean += b.target[j * P + p] / TARGETS;
                for (size_t j = 0; j < TARGETS; j++)
                    b.pred[j * P + p] = o.from_logits ? log(mean / (1 - mean)) : mean;
            }
            double grad[TARGETS * P];
            call_f64(&b, NULL, grad);
            for (size_t p = 0; p < P; p++) {
                double sum = 0;
                for (size_t j = 0; j < TARGETS; j++) sum += grad[j * P + p];
                assert_true(fabs(sum) < 1e-11);
            }
            batch_free(&b);
        }
}

/* C4 or C5, equally likely: the weighted cross-entropy asks for pi / (pi + (1 - pi) a), a = epsilon +
 * D(12) / D0, of each, as docs/math.md says, and not for 1/2. */
static void group08_weighted_is_not_proper(void **state) {
    (void)state;
    spiral_loss_options o = alone(SPIRAL_LOSS_WEIGHTED_BCE);
    double stray = SPIRAL__REF_FLOOR + spiral__ref_near(&o, 12), best = 0.5 / (0.5 + 0.5 * stray);
    batch b = batch_make(o, 1, 2, KEYS, 0);
    b.target[C4 - LOW] = b.target[KEYS + C5 - LOW] = 1;
    for (int j = 0; j < 2; j++) b.pred[j * KEYS + C4 - LOW] = b.pred[j * KEYS + C5 - LOW] = best;
    double grad[2 * KEYS];
    call_f64(&b, NULL, grad);
    assert_true(fabs(grad[C4 - LOW] + grad[KEYS + C4 - LOW]) < 1e-12);
    assert_true(fabs(grad[C5 - LOW] + grad[KEYS + C5 - LOW]) < 1e-12);
    assert_true(best > 0.7);
    batch_free(&b);
}

/* L((a + b) / 2) <= (L(a) + L(b)) / 2, strictly for a != b. */
static void group08_convex_at_midpoints(void **state) {
    (void)state;
    for (int kind = SPIRAL_LOSS_BCE; kind <= SPIRAL_LOSS_WEIGHTED_BCE; kind++)
        for (uint64_t round = 0; round < 10; round++) {
            spiral_loss_options o = alone((spiral_loss_kind)kind);
            o.bce = kind == SPIRAL_LOSS_BCE;
            o.reduction = SPIRAL_REDUCE_NONE;
            batch b = batch_make(o, 1, BLOCK, KEYS, 0), c = batch_make(o, 1, BLOCK, KEYS, 0);
            batch_fill(&b, round, round & 1, 1e-3), batch_fill(&c, 500 + round, 0, 1e-3);
            double at_b[BLOCK], at_c[BLOCK], between[BLOCK];
            call_f64(&b, at_b, NULL);
            memcpy(c.target, b.target, b.cells * sizeof *b.target);
            call_f64(&c, at_c, NULL);
            for (size_t i = 0; i < b.cells; i++) b.pred[i] = (b.pred[i] + c.pred[i]) / 2;
            call_f64(&b, between, NULL);
            for (int j = 0; j < BLOCK; j++) assert_true(between[j] < (at_b[j] + at_c[j]) / 2);
            batch_free(&b), batch_free(&c);
        }
}

/* As the floor grows the spiral becomes a quadratic form: value * unit * b -> |S d|^2 / 2, as 1/b. */
static void group08_large_floor_is_quadratic(void **state) {
    (void)state;
    enum { P = 12 };
    double off[2];
    for (int k = 0; k < 2; k++) {
        spiral_loss_options o = alone(SPIRAL_LOSS_SPIRAL);
        o.kl_offset = k ? 1000 : 100;
        batch b = batch_make(o, 1, 3, P, 0);
        batch_fill(&b, 3, 1, 0);
        double square = 0;
        for (int j = 0; j < 3; j++)
            for (int r = -o.blur_radius; r < P + o.blur_radius; r++) {
                double sum = 0;
                for (int p = 0; p < P; p++)
                    sum += spiral__ref_profile(&o, r - p) * (b.pred[j * P + p] - b.target[j * P + p]);
                square += sum * sum / 2;
            }
        double value = call_f64(&b, NULL, NULL) * spiral__ref_unit(&o) * o.kl_offset;
        off[k] = fabs(value / square - 1);
        batch_free(&b);
    }
    assert_true(off[1] < 1e-3 && fabs(off[0] / off[1] - 10) < 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group03_zero_is_exact),
        cmocka_unit_test(group03_never_negative),
        cmocka_unit_test(group03_root_of_energy_is_a_metric),
        cmocka_unit_test(group07_kernels_are_positive_definite),
        cmocka_unit_test(group07_arc_and_octave_is_indefinite),
        cmocka_unit_test(group08_proper),
        cmocka_unit_test(group08_weighted_is_not_proper),
        cmocka_unit_test(group08_convex_at_midpoints),
        cmocka_unit_test(group08_large_floor_is_quadratic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

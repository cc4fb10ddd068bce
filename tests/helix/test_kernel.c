/* SPDX-License-Identifier: MIT
 *
 * Kernels on the helix are positive definite, the blur profile sums to 1, and distances that are not
 * Euclidean give no kernel.
 */
#include <math.h>

#include "presets.h"
#include "testing.h"

#include "helix/kernel.h"
#include "spiral/loss.h"

/* Whether a symmetric matrix has a Cholesky factor, with pivots above `least`. The factor of its first P rows
 * and columns is the first P rows of the factor, so one test with 128 keys covers 1 to 128 keys. */
enum { KEYS = 128 };
static int has_cholesky(double K[KEYS][KEYS], double least) {
    for (int p = 0; p < KEYS; p++)
        for (int q = 0; q <= p; q++) {
            for (int j = 0; j < q; j++) K[p][q] -= K[p][j] * K[q][j];
            if (p == q && !(K[p][p] > least)) return 0;
            K[p][q] = p == q ? sqrt(K[p][p]) : K[p][q] / K[q][q];
        }
    return 1;
}

static void check_kernel(const spiral_helix *helix, const char *name, int gauss) {
    static double K[KEYS][KEYS];
    /* A wider gauss is positive definite too, but its pivots are below the rounding of a double. */
    const double sigma = 0.5 * fmin(helix->octave, 1);
    for (int p = 0; p < KEYS; p++)
        for (int q = 0; q < KEYS; q++)
            K[p][q] = gauss ? spiral__helix_gauss_kernel(helix, sigma, p - q)
                            : spiral__helix_energy_kernel(helix, p - q);
    assert_true(K[0][0] == 2);
    if (!has_cholesky(K, 1e-9))
        fail_msg("%s kernel on %s, radius %g, octave %g", gauss ? "gauss" : "energy", name, helix->radii[0],
                 helix->octave);
}

static void kernels_are_positive_definite(void **state) {
    (void)state;
    for (int round = 0; round < PRESETS * 5 * 5; round += VALGRIND ? 20 : 1) {
        spiral_helix helix;
        assert_int_equal(spiral_helix_from_name(presets[round / 25], &helix, NULL), SPIRAL_OK);
        for (int m = 0; m < 6; m++) helix.radii[m] *= (double[]){0.2, 0.5, 1, 2, 10}[round / 5 % 5];
        helix.octave *= (double[]){0.5, 1, 2, 5, 20}[round % 5];
        check_kernel(&helix, presets[round / 25], 0);
        check_kernel(&helix, presets[round / 25], 1);
    }
}

/* D is of negative type, so exp(-D) is a kernel, if and only if its Gram matrix with key 0 as the origin,
 * (D(p, 0) + D(0, q) - D(p, q)) / 2 with a little on the diagonal, is positive definite (Schoenberg 1938). */
static int of_negative_type(double (*D)(int)) {
    static double G[KEYS][KEYS];
    for (int p = 0; p < KEYS; p++)
        for (int q = 0; q < KEYS; q++) G[p][q] = (D(p + 1) + D(q + 1) - D(p - q)) / 2 + (p == q ? 1e-9 : 0);
    return has_cholesky(G, 0);
}
static double helix_distance(int delta) {
    spiral_helix helix = spiral_helix_default();
    return spiral_helix_distance(&helix, delta);
}
static double semitones_and_octaves(int delta) {
    int turn = abs(delta) % 12;
    return sqrt(pow(turn < 6 ? turn : 12 - turn, 2) + pow(delta / 12., 2));
}
static double its_square(int delta) { return pow(semitones_and_octaves(delta), 2); }

static void semitones_and_octaves_as_axes_give_no_kernel(void **state) {
    (void)state;
    assert_true(of_negative_type(helix_distance));
    assert_false(of_negative_type(semitones_and_octaves));
    assert_false(of_negative_type(its_square));
    /* So some "energy" made of it is below 0: two different rolls would cost less than equal ones. */
    static double K[KEYS][KEYS];
    int indefinite = 0;
    for (int scale = 0; scale < 8; scale++) {
        for (int p = 0; p < KEYS; p++)
            for (int q = 0; q < KEYS; q++) K[p][q] = 2 * exp(-semitones_and_octaves(p - q) / (1 << scale));
        indefinite += !has_cholesky(K, 0);
    }
    assert_true(indefinite > 0);
}

static void blur_profile_sums_to_1_and_follows_the_distance(void **state) {
    (void)state;
    static const int radii[] = {0, 1, 24, 127};
    for (int i = 0; i < PRESETS * 4; i++) {
        const int W = radii[i % 4];
        const double length = 0.7;
        spiral_helix helix;
        double s[255], sum = 0;
        assert_int_equal(spiral_helix_from_name(presets[i / 4], &helix, NULL), SPIRAL_OK);
        spiral__helix_blur_profile(&helix, length, W, s);
        for (int k = -W; k <= W; k++) {
            sum += s[W + k];
            assert_true(s[W + k] == s[W - k]);
            assert_true(fabs(s[W + k] / s[W] - exp(-spiral_helix_distance(&helix, k) / length)) < 1e-15);
        }
        assert_true(fabs(sum - 1) < 1e-14);
    }
}

/* The default blur length on the preset octaves gives the weights of experiments/002-wrong-octaves, which
 * used a smaller helix and a shorter blur: only D / l matters. */
static void channel_on_octaves_moves_by_one_octave(void **state) {
    (void)state;
    enum { W = 24 };
    const spiral_helix measured = {{4}, 0.25};
    spiral_helix octaves;
    double a[2 * W + 1], b[2 * W + 1];
    assert_int_equal(spiral_helix_from_name("octaves", &octaves, NULL), SPIRAL_OK);
    spiral_loss_options o;
    spiral_loss_options_default(&o, sizeof o);
    assert_int_equal(o.blur_radius, W);
    spiral__helix_channel_profile(&octaves, o.blur_length, W, a);
    spiral__helix_channel_profile(&measured, 0.05, W, b);
    for (int k = 0; k <= 2 * W; k++) assert_true(fabs(a[k] - b[k]) <= 1e-12 * b[k]);
    assert_true(fabs(a[W - 12] + a[W + 12] - 0.9933) < 5e-5);
    for (int k = 1; k < 12; k++) assert_true(a[W + k] < 1e-15);
}

static void relative_distance_is_1_at_the_farthest_pitch_class_and_beyond(void **state) {
    (void)state;
    spiral_helix helix = spiral_helix_default();
    assert_true(spiral__helix_relative_distance(&helix, 0) == 0);
    assert_true(spiral__helix_relative_distance(&helix, 6) == 1); /* the tritone is the farthest of 1 .. 11 */
    assert_true(fabs(spiral__helix_relative_distance(&helix, 12) -
                     helix.octave / spiral_helix_distance(&helix, 6)) < 1e-15);
    assert_true(spiral__helix_relative_distance(&helix, -3) == spiral__helix_relative_distance(&helix, 3));
    assert_true(spiral__helix_relative_distance(&helix, 127) == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_are_positive_definite),
        cmocka_unit_test(semitones_and_octaves_as_axes_give_no_kernel),
        cmocka_unit_test(blur_profile_sums_to_1_and_follows_the_distance),
        cmocka_unit_test(channel_on_octaves_moves_by_one_octave),
        cmocka_unit_test(relative_distance_is_1_at_the_farthest_pitch_class_and_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Decoding by the lowest expected energy: comparison with exhaustive search and with the threshold, the time
 * term, and the speed.
 */
#include <math.h>
#include <time.h>

#include "testing.h"
#include "base/rng.h"
#include "helix/kernel.h"
#include "spiral/decode.h"

enum { FEW = 10, SETS = 1 << FEW, LOW = 60 };

static spiral_min_risk_options default_options(void) {
    spiral_min_risk_options o;
    spiral_min_risk_options_default(&o, sizeof o);
    return o;
}

static float logit(double y) { return (float)log(y / (1 - y)); }

static unsigned bits_of(const spiral_keys *keys) {
    unsigned bits = 0;
    for (int p = 0; p < FEW; p++) bits |= (unsigned)spiral_keys_get(keys, LOW + p) << p;
    return bits;
}

/* Computes x'Kx/2 - x'K y of every set; returns the lowest. */
static double exhaustive(const spiral_min_risk_options *o, const float *logits, double *risks) {
    double k[FEW], y[FEW], least = 0;
    for (int d = 0; d < FEW; d++) k[d] = spiral__helix_energy_kernel(&o->helix, d);
    for (int p = 0; p < FEW; p++) y[p] = o->scale / (1 + exp(-(double)logits[p]));
    for (unsigned set = 0; set < SETS; set++) {
        risks[set] = 0;
        for (int p = 0; p < FEW; p++)
            for (int q = 0; q < FEW && set >> p & 1; q++)
                risks[set] += k[abs(p - q)] * ((double)(set >> q & 1) / 2 - y[q]);
        least = fmin(least, risks[set]);
    }
    return least;
}

static void draw(spiral__rng *r, int manner, float *logits) {
    for (int p = 0; p < FEW; p++) {
        const double u = spiral__rng_uniform(r);
        if (manner == 0) logits[p] = logit(0.001 + 0.998 * u);
        if (manner == 1) logits[p] = logit(0.001 + 0.998 * u * (spiral__rng_uniform(r) < 0.3 ? 1 : 0.1));
        if (manner == 2) logits[p] = (float)(2 * spiral__rng_normal(r) - 1);
    }
}

/* At least 99 % of 10,000 random frames of each of three kinds are optimal: uniform probabilities, sparse
 * ones like those of music, and normally distributed logits. */
static void few_frames_differ_from_exhaustive_search(void **state) {
    (void)state;
    enum { FRAMES = VALGRIND ? 200 : SLOW ? 1000 : 10000 };
    static const char *const names[] = {"uniform", "sparse", "normal"};
    static double risks[SETS];
    for (int manner = 0; manner < 3; manner++) {
        spiral__rng r = spiral__rng_init(5, (uint64_t)manner);
        spiral_min_risk_options o = default_options();
        int equal = 0;
        double worst = 0;
        for (int n = 0; n < FRAMES; n++) {
            float logits[FEW];
            spiral_keys keys;
            draw(&r, manner, logits);
            const double least = exhaustive(&o, logits, risks);
            assert_int_equal(spiral_decode_min_risk(&o, logits, 1, LOW, FEW, 0, &keys, NULL, NULL),
                             SPIRAL_OK);
            const double found = risks[bits_of(&keys)];
            equal += found <= least + 1e-4;
            worst = fmax(worst, found - least);
        }
        printf("# %s: %d of %d frames have the lowest risk; that of the others is higher by at most %.3f\n",
               names[manner], equal, FRAMES, worst);
        assert_true(equal >= FRAMES / 100 * (VALGRIND ? 98 : 99));
    }
}

static double risk_of(const spiral_min_risk_options *o, const float *logits, size_t frames, int keys,
                      const spiral_keys *x) {
    double risk;
    assert_int_equal(spiral_decode_risk(o, logits, frames, 0, keys, x, &risk, NULL), SPIRAL_OK);
    return risk;
}

static void the_risk_is_never_above_that_of_the_threshold(void **state) {
    (void)state;
    enum { T = 12, P = 60 };
    for (uint64_t round = 0; round < (VALGRIND ? 9 : 300); round++) {
        spiral__rng r = spiral__rng_init(6, round);
        spiral_min_risk_options o = default_options();
        o.scale = (double[]){0.6, 1, 1.7}[round % 3];
        o.time_blur = (double[]){0, 0.5, 3}[round / 3 % 3];
        o.helix.octave = round & 1 ? 0.5 : 4;
        float logits[T * P];
        for (int i = 0; i < T * P; i++) logits[i] = (float)(2 * spiral__rng_normal(&r) - 2);
        spiral_keys plain[T], found[T], silent[T];
        memset(silent, 0, sizeof silent);
        const float half = o.scale > 0.5 ? logit(0.5 / o.scale) : INFINITY;
        assert_int_equal(spiral_decode_threshold(logits, T, 0, P, half, 0, plain, NULL, NULL), SPIRAL_OK);
        assert_int_equal(spiral_decode_min_risk(&o, logits, T, 0, P, 0, found, NULL, NULL), SPIRAL_OK);
        const double risk = risk_of(&o, logits, T, P, found);
        assert_true(risk <= risk_of(&o, logits, T, P, plain) + 1e-3);
        assert_true(risk <= risk_of(&o, logits, T, P, silent) + 1e-3 || o.time_blur > 0);
        for (int t = 0; t < T; t++) /* no change of one cell lowers the risk */
            for (int p = 0; p < P; p++) {
                spiral_keys_set(&found[t], p, !spiral_keys_get(&found[t], p));
                assert_true(risk <= risk_of(&o, logits, T, P, found) + 1e-3);
                spiral_keys_set(&found[t], p, !spiral_keys_get(&found[t], p));
            }
    }
}

/* Probabilities .45 of C and .45 of C sharp give one note, where a threshold of 1/2 gives none; so do .6 and
 * .55, where it gives two. */
static void near_probabilities_are_one_note(void **state) {
    (void)state;
    const spiral_min_risk_options o = default_options();
    const double cases[][2] = {{0.45, 0.45}, {0.6, 0.55}, {0.3, 0.1}, {0.99, 0.99}};
    static const int wanted[] = {1, 1, 0, 2};
    for (int i = 0; i < 4; i++) {
        float logits[FEW];
        spiral_keys keys;
        for (int p = 0; p < FEW; p++) logits[p] = -20;
        logits[4] = logit(cases[i][0]), logits[5] = logit(cases[i][1]);
        assert_int_equal(spiral_decode_min_risk(&o, logits, 1, LOW, FEW, 0, &keys, NULL, NULL), SPIRAL_OK);
        assert_int_equal(__builtin_popcount(bits_of(&keys)), wanted[i]);
    }
}

/* Probabilities .45 in one frame and .45 in the next give one note, in one of the two. */
static void a_time_term_adds_up_what_is_in_adjacent_frames(void **state) {
    (void)state;
    enum { T = 6 };
    spiral_min_risk_options o = default_options();
    float logits[T * FEW];
    spiral_keys keys[T];
    for (int i = 0; i < T * FEW; i++) logits[i] = -12;
    logits[2 * FEW + 3] = logits[3 * FEW + 3] = logit(0.45);
    int before = 0, after = 0;
    assert_int_equal(spiral_decode_min_risk(&o, logits, T, LOW, FEW, 0, keys, NULL, NULL), SPIRAL_OK);
    for (int t = 0; t < T; t++) before += bits_of(&keys[t]) != 0;
    o.time_blur = 2;
    assert_int_equal(spiral_decode_min_risk(&o, logits, T, LOW, FEW, 0, keys, NULL, NULL), SPIRAL_OK);
    for (int t = 0; t < T; t++) after += bits_of(&keys[t]) == (t == 2 || t == 3 ? 8u : 1u);
    assert_true(before == 0 && after == 1);
}

static void onsets_have_a_threshold_and_need_a_key_that_sounds(void **state) {
    (void)state;
    const spiral_min_risk_options o = default_options();
    const float logits[] = {5, -5, NAN, -5, /* onsets */ 0.4f, 9, 9, 0.6f};
    spiral_keys keys, onsets;
    assert_int_equal(spiral_decode_min_risk(&o, logits, 1, LOW, 4, 0.3f, &keys, &onsets, NULL), SPIRAL_OK);
    assert_true(bits_of(&keys) == 1 && bits_of(&onsets) == 1);
    assert_int_equal(spiral_decode_min_risk(&o, logits, 1, LOW, 4, 0.5f, &keys, &onsets, NULL), SPIRAL_OK);
    assert_true(bits_of(&keys) == 1 && bits_of(&onsets) == 0);
}

static void options_out_of_range_are_refused(void **state) {
    (void)state;
    float logits[FEW] = {0};
    spiral_keys keys;
    spiral_error err;
    spiral_min_risk_options o = default_options();
    o.scale = 0;
    assert_fails(spiral_decode_min_risk(&o, logits, 1, LOW, FEW, 0, &keys, NULL, &err), SPIRAL_BAD_ARG, &err,
                 "scale is 0: must be 0.01 to 100");
    o = default_options(), o.time_blur = NAN;
    assert_fails(spiral_decode_min_risk(&o, logits, 1, LOW, FEW, 0, &keys, NULL, &err), SPIRAL_BAD_ARG, &err,
                 "time_blur is nan");
    o = default_options(), o.helix.octave = 0;
    assert_fails(spiral_decode_min_risk(&o, logits, 1, LOW, FEW, 0, &keys, NULL, &err), SPIRAL_BAD_ARG, &err,
                 "octave");
    o = default_options(), o.struct_size = 3;
    assert_fails(spiral_decode_min_risk(&o, logits, 1, LOW, FEW, 0, &keys, NULL, &err), SPIRAL_BAD_ARG, &err,
                 "3");
    o = default_options();
    assert_fails(spiral_decode_min_risk(&o, logits, 1, 120, FEW, 0, &keys, NULL, &err), SPIRAL_BAD_ARG, &err,
                 "10 keys from 120 on");
}

/* Prints the time for 1,000 frames of 88 keys with about four notes each. The limit is high, because the
 * machine may be slow or busy. */
static void a_thousand_frames_take_milliseconds(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    enum { T = 1000, P = 88 };
    const spiral_min_risk_options o = default_options();
    float *logits = calloc(T * P, sizeof *logits);
    spiral_keys *keys = calloc(T, sizeof *keys);
    spiral__rng r = spiral__rng_init(7, 0);
    double least = INFINITY;
    assert_true(logits && keys);
    for (int i = 0; i < T * P; i++)
        logits[i] = (float)(spiral__rng_normal(&r) * 2 + (spiral__rng_below(&r, P / 4) ? -6 : 2));
    for (int n = 0; n < 7; n++) {
        struct timespec a, b;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        assert_int_equal(spiral_decode_min_risk(&o, logits, T, 21, P, 0, keys, NULL, NULL), SPIRAL_OK);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
        least = fmin(least, (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) * 1e-6);
    }
    printf("# 1,000 frames of 88 keys: %.2f ms\n", least);
    assert_true(least < 1000);
    free(logits), free(keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_frames_differ_from_exhaustive_search),
        cmocka_unit_test(the_risk_is_never_above_that_of_the_threshold),
        cmocka_unit_test(near_probabilities_are_one_note),
        cmocka_unit_test(a_time_term_adds_up_what_is_in_adjacent_frames),
        cmocka_unit_test(onsets_have_a_threshold_and_need_a_key_that_sounds),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(a_thousand_frames_take_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The pitch helix: presets, limits, and a helix computed from given costs.
 */
#include <math.h>

#include "presets.h"
#include "testing.h"

#include "spiral/helix.h"

static spiral_helix preset(int i) {
    spiral_helix helix;
    assert_int_equal(spiral_helix_from_name(presets[i], &helix, NULL), SPIRAL_OK);
    return helix;
}

static void presets_are_found_by_name(void **state) {
    (void)state;
    spiral_error err = {0};
    spiral_helix helix, before = preset(1);
    const spiral_helix first = preset(0), usual = spiral_helix_default();
    assert_memory_equal(&first, &usual, sizeof first);
    helix = before;
    assert_int_equal(spiral_helix_from_name("moebius", &helix, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text,
                        "helix preset \"moebius\": not one of chromatic fifths tonnetz mixed octaves");
    assert_memory_equal(&helix, &before, sizeof helix);
    assert_fails(spiral_helix_from_name(NULL, &helix, &err), SPIRAL_BAD_ARG, &err, "NULL");
    assert_fails(spiral_helix_from_name("mixed", NULL, &err), SPIRAL_BAD_ARG, &err, "NULL");
}

/* D by interval 1 .. 6 (without height) times 1.3 / sqrt(sum of the shape's squared radii). */
static void presets_whose_costs_compare_have_the_documented_distances(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double scale, D[6];
    } documented[] = {
        {"chromatic", 1.3, {0.5176, 1.0000, 1.4142, 1.7321, 1.9319, 2.0000}},
        {"fifths", 1.3, {1.9319, 1.0000, 1.4142, 1.7321, 0.5176, 2.0000}},
        {"tonnetz", 1.3 / 1.5, {2.5460, 2.3979, 2.0000, 1.9365, 1.7372, 2.8284}},
        {"mixed", 1.3, {1.4142, 1.0000, 1.4142, 1.7321, 1.4142, 2.0000}},
    };
    for (int i = 0; i < 4; i++) {
        spiral_helix helix;
        assert_int_equal(spiral_helix_from_name(documented[i].name, &helix, NULL), SPIRAL_OK);
        assert_int_equal(spiral_helix_check(&helix, NULL), SPIRAL_OK);
        double mean = 0;
        for (int d = 1; d <= 12; d++) {
            double square = pow(spiral_helix_distance(&helix, d), 2) - pow(helix.octave * d / 12, 2);
            mean += square / 12;
            if (d <= 6) assert_true(fabs(sqrt(square) - documented[i].scale * documented[i].D[d - 1]) < 2e-4);
            assert_true(spiral_helix_distance(&helix, -d) == spiral_helix_distance(&helix, d));
        }
        assert_true(fabs(mean - 2 * 1.3 * 1.3) < 1e-12);
        assert_true(spiral_helix_distance(&helix, 12) == helix.octave);
        assert_true(spiral_helix_distance(&helix, 0) == 0);
    }
}

/* One bad number is enough, whatever the others are, and it is named. */
static void each_bad_number_of_a_helix_is_refused(void **state) {
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY, -1, -1e-300, 1000.1};
    spiral_error err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char name[32], value[32];
        snprintf(value, sizeof value, "is %g:", bad[i]);
        for (int m = 0; m < 6; m++) {
            spiral_helix h = preset(2);
            h.radii[m] = bad[i];
            snprintf(name, sizeof name, "radii[%d]", m);
            assert_fails(spiral_helix_check(&h, &err), SPIRAL_BAD_ARG, &err, name, value);
        }
        spiral_helix h = preset(2);
        h.octave = bad[i];
        assert_fails(spiral_helix_check(&h, &err), SPIRAL_BAD_ARG, &err, "octave", value);
    }
    for (int zero = 0; zero < 2; zero++) {
        spiral_helix h = {{zero ? 0 : 1e-7}, 0.5};
        assert_int_equal(spiral_helix_check(&h, NULL), SPIRAL_BAD_ARG);
        h = (spiral_helix){{1.3}, zero ? 0 : 1e-7};
        assert_int_equal(spiral_helix_check(&h, NULL), SPIRAL_BAD_ARG);
    }
    assert_int_equal(spiral_helix_check(NULL, NULL), SPIRAL_BAD_ARG);
    spiral_helix flat = {{0}, 0.5};
    assert_int_equal(spiral_helix_check(&flat, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "largest of the helix radii is 0: must be 1e-06 or more");
    spiral_helix least = {{0, 0, 1e-6}, 1e-6};
    assert_int_equal(spiral_helix_check(&least, NULL), SPIRAL_OK);
}

/* 2 (1 - exp(-D/2)) in long double, D from its definition. */
static long double one_note(const spiral_helix *h, int delta) {
    const long double pi = 3.141592653589793238462643383279503L;
    long double square = powl((long double)h->octave * delta / 12, 2);
    for (int m = 1; m <= 6; m++) square += powl(2 * h->radii[m - 1] * sinl(pi * m * delta / 12), 2);
    return -2 * expm1l(-sqrtl(square) / 2);
}

static void helix_from_costs_gives_these_costs(void **state) {
    (void)state;
    spiral_helix h;
    assert_int_equal(spiral_helix_from_costs(0.8, 1, &h, NULL), SPIRAL_OK);
    assert_true(fabs(h.radii[0] - 2.673) < 5e-4 && fabs(h.octave - 1.022) < 5e-4);
    static const double wanted[] = {1.00, 1.48, 1.70}; /* semitone, tone, minor third */
    for (int d = 1; d <= 3; d++) assert_true(fabs((double)one_note(&h, d) - wanted[d - 1]) < 5e-3);
    int solved = 0;
    for (int i = 1; i < 40; i++)
        for (int j = 1; j < 40; j++) {
            double octave = i * 0.05, semitone = j * 0.05;
            if (spiral_helix_from_costs(octave, semitone, &h, NULL)) continue;
            assert_int_equal(spiral_helix_check(&h, NULL), SPIRAL_OK);
            assert_true(fabsl(one_note(&h, 12) - octave) < 1e-14);
            assert_true(fabsl(one_note(&h, 1) - semitone) < 1e-14);
            for (int m = 1; m < 6; m++) assert_true(h.radii[m] == 0);
            solved++;
        }
    assert_true(solved > 1400 && solved < 39 * 39); /* for some octaves the cost of the semitone is too low */
}

static void impossible_costs_are_refused(void **state) {
    (void)state;
    const spiral_helix before = spiral_helix_default();
    static const struct {
        double octave, semitone;
        const char *name, *value;
    } bad[] = {
        {0, 1, "octave", "is 0:"},
        {2, 1, "octave", "is 2:"},
        {NAN, 1, "octave", "is nan:"},
        {1, -1, "semitone", "is -1:"},
        {1, INFINITY, "semitone", "is inf:"},
        {1.5, 0.1, "semitone", "above 0.218203"},
        {1e-9, 1, "octave", "is 1e-09:"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        spiral_helix h = before;
        spiral_error err = {0};
        assert_fails(spiral_helix_from_costs(bad[i].octave, bad[i].semitone, &h, &err), SPIRAL_BAD_ARG, &err,
                     bad[i].name, bad[i].value);
        assert_memory_equal(&h, &before, sizeof h);
    }
    assert_int_equal(spiral_helix_from_costs(1, 1, NULL, NULL), SPIRAL_BAD_ARG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_found_by_name),
        cmocka_unit_test(presets_whose_costs_compare_have_the_documented_distances),
        cmocka_unit_test(each_bad_number_of_a_helix_is_refused),
        cmocka_unit_test(helix_from_costs_gives_these_costs),
        cmocka_unit_test(impossible_costs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

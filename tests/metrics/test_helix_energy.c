/* SPDX-License-Identifier: MIT
 *
 * The energy of frames on the helix: cases solved by hand, and the quadratic form over all keys.
 */
#include <math.h>

#include "testing.h"

#include "metrics_testing.h"

static double distance(int interval) { /* on the helix of the tests, from its definition */
    double turn = 2 * 1.3 * sin(acos(-1.) * interval / 12), rise = .5 * interval / 12;
    return sqrt(turn * turn + rise * rise);
}

static double helix_energy(spiral_keys t, spiral_keys p) {
    spiral_metrics_counts c = NO_COUNTS;
    add_helix(&c, &helix, &t, &p, 1);
    return c.helix_energy;
}

static void test_energy_by_hand(void **state) {
    (void)state;
    spiral_keys silence = {{0, 0}}, c4 = KEYS(60);
    assert_near(helix_energy(c4, silence), 1);
    assert_near(helix_energy(silence, c4), 1);
    assert_near(helix_energy(c4, c4), 0);
    for (int key = 0; key < SPIRAL_KEY_COUNT; key++)
        assert_near(helix_energy(c4, KEYS(key)), 2 * (1 - exp(-distance(abs(key - 60)) / 2)));
    /* A missed fifth: the cost of each key and of the pair. */
    assert_near(helix_energy(KEYS(60, 67), silence), 2 + 2 * exp(-distance(7) / 2));
    spiral_metrics_counts c = NO_COUNTS;
    spiral_keys t[] = {KEYS(60, 64), KEYS(60, 64)}, p[] = {KEYS(60, 64), KEYS(60, 76)};
    add_helix(&c, &helix, t, p, 2);
    assert_int_equal(c.helix_cells, 4);
    assert_near(ratios_of(&c).spiral_error, 2 * (1 - exp(-.25)) / 4);
}

/* The sum over differing keys equals 1/2 d^T K d over all keys, and is never negative. */
static void test_energy_is_the_quadratic_form(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(3, 0);
    for (int round = 0; round < (VALGRIND ? 8 : 200); round++) {
        spiral_keys t = random_keys(&rng, .2), p = random_keys(&rng, .2);
        double sum = 0, got = helix_energy(t, p);
        for (int i = 0; i < SPIRAL_KEY_COUNT; i++)
            for (int j = 0; j < SPIRAL_KEY_COUNT; j++)
                sum += (spiral_keys_get(&t, i) - spiral_keys_get(&p, i)) * exp(-distance(abs(i - j)) / 2) *
                       (spiral_keys_get(&t, j) - spiral_keys_get(&p, j));
        assert_true(fabs(got - sum) < 1e-10 && got >= 0);
    }
}

static void test_invalid_helix_is_refused(void **state) {
    (void)state;
    const spiral_helix bad = {{0, 0, 0, 0, 0, 0}, .5};
    spiral_keys c4 = KEYS(60);
    spiral_metrics_counts c = NO_COUNTS, unchanged = NO_COUNTS;
    spiral_error err = {0};
    assert_int_equal(spiral_metrics_add_helix(&c, &bad, &c4, &c4, 1, &err), SPIRAL_BAD_ARG);
    assert_memory_equal(&c, &unchanged, sizeof c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_energy_by_hand),
        cmocka_unit_test(test_energy_is_the_quadratic_form),
        cmocka_unit_test(test_invalid_helix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

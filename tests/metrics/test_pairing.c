/* SPDX-License-Identifier: MIT
 *
 * The helix distance of a frame: against every possible pairing; against another algorithm where there are
 * too many pairings; and that it is a metric.
 */
#include <math.h>

#include "testing.h"

#include "metrics/pairing.h"
#include "metrics_testing.h"

/* Some distances are above 2, so that two cells without partners cost less. */
static const spiral_helix wide = {{2.673, 0, 0, 0, 0, 0}, 1.022};

static void distances(const spiral_helix *h, double *distance) {
    for (int d = 0; d < SPIRAL_KEY_COUNT; d++) distance[d] = spiral_helix_distance(h, d);
}

/* The lowest cost over all ways to pair keys of a with keys of b that are not in the set `used`. */
static double every_pairing(const double *distance, const int *a, int n, const int *b, int m, unsigned used) {
    if (!n) return m - __builtin_popcount(used);
    double best = 1 + every_pairing(distance, a + 1, n - 1, b, m, used);
    for (int j = 0; j < m; j++)
        if (!(used >> j & 1))
            best = fmin(best, distance[abs(*a - b[j])] +
                                  every_pairing(distance, a + 1, n - 1, b, m, used | 1u << j));
    return best;
}

static int draw_keys(spiral__rng *r, int n, int range, int *keys) {
    int found = 0;
    for (int p = 0; p < range; p++) /* draws n of `range` keys, all sets with equal probability */
        if ((int)spiral__rng_below(r, (uint32_t)(range - p)) < n - found) keys[found++] = p;
    return found;
}

static void test_cost_is_the_least_of_every_pairing(void **state) {
    (void)state;
    spiral__rng r = spiral__rng_init(1, 0);
    double distance[SPIRAL_KEY_COUNT];
    for (int round = 0; round < (VALGRIND ? 200 : 4000); round++) {
        int a[6], b[6], range = round % 3 ? 128 : 24;
        int n = draw_keys(&r, (int)spiral__rng_below(&r, 7), range, a);
        int m = draw_keys(&r, (int)spiral__rng_below(&r, 7), range, b);
        distances(round % 2 ? &helix : &wide, distance);
        double wanted = every_pairing(distance, a, n, b, m, 0),
               got = spiral__pairing_cost(distance, a, n, b, m);
        if (!(fabs(got - wanted) < 1e-12))
            fail_msg("round %d, %d and %d keys: %.17g, best %.17g", round, n, m, got, wanted);
    }
}

/* Minimum cost flow by Bellman and Ford: adds pairs as long as the sum becomes smaller. */
enum { MAX_NOTES = 64 };
static double flow(const double *distance, const int *a, int n, const int *b, int m) {
    int partner_a[MAX_NOTES], partner_b[MAX_NOTES], from[MAX_NOTES];
    double sum = n + m;
    memset(partner_a, -1, sizeof partner_a);
    memset(partner_b, -1, sizeof partner_b);
    for (;;) {
        double to[MAX_NOTES];
        for (int j = 0; j < m; j++) to[j] = INFINITY;
        for (int changed = 1; changed;) { /* the lowest change of cost at which j can be reached */
            changed = 0;
            for (int i = 0; i < n; i++) {
                double base = partner_a[i] < 0 ? 0 : to[partner_a[i]] - distance[abs(a[i] - b[partner_a[i]])];
                for (int j = 0; j < m; j++)
                    if (j != partner_a[i] && base + distance[abs(a[i] - b[j])] < to[j] - 1e-13)
                        to[j] = base + distance[abs(a[i] - b[j])], from[j] = i, changed = 1;
            }
        }
        int best = -1;
        for (int j = 0; j < m; j++)
            if (partner_b[j] < 0 && (best < 0 || to[j] < to[best])) best = j;
        if (best < 0 || !(to[best] < 2)) return sum;
        sum += to[best] - 2;
        for (int j = best, next; j >= 0; j = next) {
            next = partner_a[from[j]];
            partner_a[from[j]] = j, partner_b[j] = from[j];
        }
    }
}

static void test_cost_of_many_cells_is_that_of_a_flow(void **state) {
    (void)state;
    spiral__rng r = spiral__rng_init(2, 0);
    double distance[SPIRAL_KEY_COUNT];
    for (int round = 0; round < (VALGRIND ? 8 : 200); round++) {
        int a[SPIRAL_KEY_COUNT], b[SPIRAL_KEY_COUNT];
        int n = draw_keys(&r, 1 + (int)spiral__rng_below(&r, MAX_NOTES), 128, a);
        int m = draw_keys(&r, round % 4 ? 1 + (int)spiral__rng_below(&r, MAX_NOTES) : n, 128, b);
        distances(round % 2 ? &helix : &wide, distance);
        double wanted = flow(distance, a, n, b, m), got = spiral__pairing_cost(distance, a, n, b, m);
        if (!(fabs(got - wanted) < 1e-10))
            fail_msg("round %d, %d and %d keys: %.17g, flow %.17g", round, n, m, got, wanted);
    }
}

static double between(const spiral_helix *h, const spiral_keys *t, const spiral_keys *p) {
    spiral_metrics_counts c = NO_COUNTS;
    add_helix(&c, h, t, p, 1);
    return c.helix_distance;
}

static spiral_keys some_keys(spiral__rng *r, int notes) {
    spiral_keys c = {{0, 0}};
    for (int i = 0; i < notes; i++) spiral_keys_set(&c, (int)spiral__rng_below(r, SPIRAL_KEY_COUNT), 1);
    return c;
}

/* It is symmetric, 0 only for equal frames, and satisfies the triangle inequality. It is at most 1 for each
 * cell, and at least the difference of the numbers of cells. */
static void test_it_is_a_distance(void **state) {
    (void)state;
    spiral__rng r = spiral__rng_init(3, 0);
    for (int round = 0; round < (VALGRIND ? 300 : 20000); round++) {
        const spiral_helix *h = round % 2 ? &helix : &wide;
        spiral_keys x[3];
        int notes[3];
        for (int i = 0; i < 3; i++) {
            x[i] = some_keys(&r, (int)spiral__rng_below(&r, 6));
            notes[i] = __builtin_popcountll(x[i].word[0]) + __builtin_popcountll(x[i].word[1]);
        }
        double ab = between(h, &x[0], &x[1]), bc = between(h, &x[1], &x[2]), ac = between(h, &x[0], &x[2]);
        assert_true(fabs(ab - between(h, &x[1], &x[0])) < 1e-13);
        assert_true(ac <= ab + bc + 1e-13);
        assert_true((ab == 0) == !memcmp(&x[0], &x[1], sizeof x[0]));
        assert_true(ab <= notes[0] + notes[1] && ab >= abs(notes[0] - notes[1]));
        assert_true(between(h, &x[0], &x[0]) == 0);
    }
}

static void test_distance_by_hand(void **state) {
    (void)state;
    spiral_keys silence = {{0, 0}}, c4 = silence, c5 = silence, chord = silence, other = silence;
    spiral_keys_set(&c4, 60, 1), spiral_keys_set(&c5, 72, 1);
    assert_true(between(&helix, &c4, &silence) == 1);
    assert_true(between(&helix, &silence, &c4) == 1);
    assert_true(between(&helix, &c4, &c5) == helix.octave);
    for (int p = 0; p < SPIRAL_KEY_COUNT; p++) { /* one cell each: min(D, 2), and not below the energy */
        spiral_keys one = silence;
        spiral_keys_set(&one, p, 1);
        spiral_metrics_counts c = NO_COUNTS;
        add_helix(&c, &wide, &c4, &one, 1);
        assert_true(c.helix_distance == fmin(spiral_helix_distance(&wide, p - 60), 2));
        assert_true(c.helix_energy <= c.helix_distance + 1e-15);
    }
    /* C4 E4 G4 played as C5 E4 F#4 A0: C4 and C5 are a pair, G4 and F#4 too, A0 has no partner. */
    spiral_keys_set(&chord, 60, 1), spiral_keys_set(&chord, 64, 1), spiral_keys_set(&chord, 67, 1);
    spiral_keys_set(&other, 72, 1), spiral_keys_set(&other, 64, 1), spiral_keys_set(&other, 66, 1);
    spiral_keys_set(&other, 21, 1);
    double wanted = .5 + spiral_helix_distance(&helix, 1) + 1;
    assert_true(fabs(between(&helix, &chord, &other) - wanted) < 1e-15);
    spiral_keys target[] = {chord, c4}, played[] = {other, c4};
    spiral_metrics_counts c = NO_COUNTS, more = NO_COUNTS;
    add_helix(&c, &helix, target, played, 2);
    add_helix(&more, &helix, target, played, 2);
    add_counts(&c, &more);
    assert_true(fabs(ratios_of(&c).helix_distance - 2 * wanted / 8) < 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance_by_hand),
        cmocka_unit_test(test_cost_is_the_least_of_every_pairing),
        cmocka_unit_test(test_cost_of_many_cells_is_that_of_a_flow),
        cmocka_unit_test(test_it_is_a_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

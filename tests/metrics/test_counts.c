/* SPDX-License-Identifier: MIT
 *
 * Adding counts, ratios of nothing, and structs of other sizes.
 */
#include <math.h>

#include "testing.h"

#include "metrics_testing.h"

/* Every field is added. */
static void test_counts_of_parts_give_those_of_the_whole(void **state) {
    (void)state;
    enum { N = 60, HALF = 25 };
    spiral__rng rng = spiral__rng_init(6, 0);
    spiral_keys t[N], p[N];
    for (int i = 0; i < N; i++) t[i] = random_keys(&rng, .2), p[i] = random_keys(&rng, .2);
    spiral_metrics_counts whole = NO_COUNTS, first = NO_COUNTS, second = NO_COUNTS;
    const size_t begin[2] = {0, HALF}, end[2] = {HALF, N};
    for (int part = 0; part < 2; part++) {
        spiral_metrics_counts *counts[] = {&whole, part ? &second : &first};
        for (int k = 0; k < 2; k++) {
            size_t from = begin[part], n = end[part] - from;
            spiral_roll target = roll_over(t + from, NULL, n), predicted = roll_over(p + from, NULL, n);
            add_frames(counts[k], t + from, p + from, n);
            add_helix(counts[k], &helix, t + from, p + from, n);
            add_notes(counts[k], &target, &predicted, .05);
        }
    }
    assert_true(first.chroma_true_positives > first.true_positives && first.matched_notes > 0);
    add_counts(&first, &second);
    assert_true(fabs(first.helix_energy - whole.helix_energy) < 1e-9 * whole.helix_energy);
    assert_true(fabs(first.helix_distance - whole.helix_distance) < 1e-9 * whole.helix_distance);
    first.helix_energy = whole.helix_energy; /* sums of reals depend on their order */
    first.helix_distance = whole.helix_distance;
    assert_memory_equal(&first, &whole, sizeof whole);
}

static void test_nothing_counted_gives_0(void **state) {
    (void)state;
    spiral_metrics_counts c = NO_COUNTS;
    spiral_metrics zero, m = ratios_of(&c);
    memset(&zero, 0, sizeof zero);
    zero.struct_size = sizeof zero;
    assert_memory_equal(&m, &zero, sizeof m);
    add_frames(&c, NULL, NULL, 0);
    assert_int_equal(c.windows_exact, 1); /* nothing differs */
    spiral_keys silence[3] = {{{0, 0}}};
    add_frames(&c, silence, silence, 3);
    add_helix(&c, &helix, silence, silence, 3);
    spiral_roll nothing = roll_over(NULL, NULL, 0), quiet = roll_over(silence, NULL, 3);
    add_notes(&c, &nothing, &quiet, .05);
    m = ratios_of(&c);
    zero.exact_windows = 1;
    assert_memory_equal(&m, &zero, sizeof m);
}

/* A caller with another struct_size is refused by every call, and no byte of its struct changes. */
static void test_struct_sizes_are_checked(void **state) {
    (void)state;
    const spiral_keys c4 = KEYS(60);
    spiral_keys sounding[1] = {KEYS(60)};
    const spiral_roll roll = roll_over(sounding, NULL, 1);
    const size_t sizes[] = {0, sizeof(spiral_metrics_counts) - 1, sizeof(spiral_metrics_counts) + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        spiral_metrics_counts c = {.struct_size = sizes[i], .frames = 3}, before = c, good = NO_COUNTS;
        spiral_metrics m = {.struct_size = sizeof m};
        spiral_error err = {0};
        char number[40];
        snprintf(number, sizeof number, "metrics counts struct_size is %zu", sizes[i]);
        assert_fails(spiral_metrics_add_frames(&c, &c4, &c4, 1, &err), SPIRAL_BAD_ARG, &err, number);
        assert_fails(spiral_metrics_add_helix(&c, &helix, &c4, &c4, 1, &err), SPIRAL_BAD_ARG, &err, number);
        assert_fails(spiral_metrics_add_notes(&c, &roll, &roll, 0, &err), SPIRAL_BAD_ARG, &err, number);
        assert_fails(spiral_metrics_counts_add(&c, &good, &err), SPIRAL_BAD_ARG, &err, number);
        assert_fails(spiral_metrics_counts_add(&good, &c, &err), SPIRAL_BAD_ARG, &err, number);
        assert_fails(spiral_metrics_from_counts(&c, &m, &err), SPIRAL_BAD_ARG, &err, number);
        assert_memory_equal(&c, &before, sizeof c);
    }
    spiral_metrics_counts c = NO_COUNTS;
    spiral_metrics m = {.struct_size = sizeof m - 1, .f1 = 7};
    spiral_error err = {0};
    assert_fails(spiral_metrics_from_counts(&c, &m, &err), SPIRAL_BAD_ARG, &err, "metrics struct_size");
    assert_true(m.f1 == 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_of_parts_give_those_of_the_whole),
        cmocka_unit_test(test_nothing_counted_gives_0),
        cmocka_unit_test(test_struct_sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

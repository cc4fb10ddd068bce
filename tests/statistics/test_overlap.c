/* SPDX-License-Identifier: MIT
 *
 * Densities of lists whose overlap is known, and the overlap of sets. tests/oracle/test_statistics.py
 * compares random lists with SciPy, used as in mgeval.
 */
#include "testing.h"

#include "statistics/density.h"
#include "statistics_testing.h"

static spiral_overlap overlap_of(const double *a, size_t n, const double *b, size_t m, size_t copies) {
    const spiral__sample x = {a, n, copies}, y = {b, m, copies};
    spiral_overlap out;
    spiral_error err = {0};
    succeeds(spiral__density_overlap(&x, &y, &out, &err), &err);
    return out;
}

/* Two numbers -1 and 1: bandwidth sqrt(2) 2^(-1/5). The area is that of the density between them. */
static void a_density_overlaps_itself(void **state) {
    (void)state;
    const double x[2] = {-1, 1}, h = sqrt(2) * pow(2, -.2);
    const spiral_overlap o = overlap_of(x, 2, x, 2, 1);
    const double inside = .5 * erf(2 / h / sqrt(2)); /* the mass of each kernel between the two numbers */
    assert_true(fabs(o.area - inside) < 1e-5);
    assert_near(o.kl_divergence, 0);
}

/* Two pairs of numbers 2 d apart: their densities overlap by the tails beyond the middle. The result is
 * compared with a sum over fine steps. Repeating the numbers only changes the bandwidth. */
static void separate_densities_overlap_little(void **state) {
    (void)state;
    const double a[3] = {0, 1, 2}, b[3] = {4, 5, 6}, far[3] = {1e6, 1e6 + 1, 1e6 + 2};
    for (size_t copies = 1; copies < 4; copies++) {
        const double N = 3. * (double)copies, h = sqrt(2. * (double)copies / (N - 1)) * pow(N, -.2);
        double area = 0;
        for (int i = 0; i < 600000; i++) {
            const double t = (i + .5) * 1e-5;
            double p = 0, q = 0;
            for (int k = 0; k < 3; k++) {
                p += exp(-(t - a[k]) * (t - a[k]) / (2 * h * h));
                q += exp(-(t - b[k]) * (t - b[k]) / (2 * h * h));
            }
            area += fmin(p, q) * 1e-5 / (3 * h * sqrt(2 * acos(-1.)));
        }
        assert_true(fabs(overlap_of(a, 3, b, 3, copies).area - area) < 1e-5);
    }
    assert_true(overlap_of(a, 3, far, 3, 1).area == 0);
    assert_true(fabs(overlap_of(a, 3, far, 3, 1).kl_divergence) < 1e-6); /* each density on its own range */
}

/* One number far from 99,999 others widens the range to 3,000 bandwidths. */
static void an_outlier_does_not_make_the_steps_too_coarse(void **state) {
    (void)state;
    enum { N = 100000 };
    double *x = calloc(N, sizeof *x);
    assert_non_null(x);
    x[0] = 1;
    const double h = sqrt(1. / N) * pow(N, -.2);     /* variance (1/N)(1 - 1/N) N/(N - 1) */
    const double inside = .5 * erf(1 / h / sqrt(2)); /* of each kernel: those at 0 and the one at 1 */
    assert_true(fabs(overlap_of(x, N, x, N, 1).area - inside) < 1e-4);
    free(x);
}

static void equal_numbers_have_no_density(void **state) {
    (void)state;
    const double same[3] = {2, 2, 2}, two[2] = {1, 2};
    assert_true(isnan(overlap_of(same, 3, two, 2, 1).area));
    assert_true(isnan(overlap_of(two, 2, same, 3, 1).kl_divergence));
    assert_true(isnan(overlap_of(two, 1, two, 2, 1).area));
    assert_true(isnan(overlap_of(two, 0, two, 2, 1).area));
}

/* Sets of one kind overlap more than sets of different kinds. */
static void sets_of_one_kind_overlap_more(void **state) {
    (void)state;
    enum { N = 12 };
    spiral__rng rng = spiral__rng_init(8, 8);
    spiral_statistics_counts c[3][N];
    const spiral_statistics_counts *list[3][N];
    for (int set = 0; set < 3; set++)
        for (int i = 0; i < N; i++) {
            spiral_roll roll = random_roll(&rng, (set == 2 ? 25 : 5) + (int)spiral__rng_below(&rng, 3));
            c[set][i] = counts_of(&roll);
            list[set][i] = &c[set][i];
            spiral_roll_clear(&roll);
        }
    spiral_overlaps same = {.struct_size = sizeof same}, different = same;
    assert_int_equal(spiral_statistics_overlap(list[0], N, list[1], N, &same, NULL), SPIRAL_OK);
    assert_int_equal(spiral_statistics_overlap(list[0], N, list[2], N, &different, NULL), SPIRAL_OK);
    assert_true(same.note_count.area > .7 && different.note_count.area < .1);
    assert_true(same.pitch_classes.area > different.pitch_classes.area);
    assert_true(same.lengths.area > .7 && same.lengths.area <= 1);
    /* A silent piece has no histograms and no onsets, so it is left out of their overlaps. */
    spiral_roll silence = sixteenths(4);
    c[1][0] = counts_of(&silence);
    spiral_roll_clear(&silence);
    spiral_overlaps without = {.struct_size = sizeof without}, with = without;
    assert_int_equal(spiral_statistics_overlap(list[0], N, list[1], N, &with, NULL), SPIRAL_OK);
    assert_int_equal(spiral_statistics_overlap(list[0], N, list[1] + 1, N - 1, &without, NULL), SPIRAL_OK);
    assert_true(with.lengths.area == without.lengths.area);
    assert_true(with.note_count.area != without.note_count.area);
}

static void small_sets(void **state) {
    (void)state;
    spiral_statistics_counts c = NO_COUNTS;
    const spiral_statistics_counts *list[] = {&c};
    spiral_overlaps o = {.struct_size = sizeof o, .lengths = {3, 3}};
    spiral_error err = {0};
    assert_fails(spiral_statistics_overlap(list, 0, list, 1, &o, &err), SPIRAL_BAD_ARG, &err, "reference",
                 "0");
    assert_fails(spiral_statistics_overlap(list, 1, list, 0, &o, &err), SPIRAL_BAD_ARG, &err, "other", "0");
    assert_true(o.lengths.area == 3);
    assert_int_equal(spiral_statistics_overlap(list, 1, list, 1, &o, &err), SPIRAL_OK);
    assert_true(isnan(o.lengths.area) && isnan(o.note_count.kl_divergence));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_density_overlaps_itself),
        cmocka_unit_test(separate_densities_overlap_little),
        cmocka_unit_test(an_outlier_does_not_make_the_steps_too_coarse),
        cmocka_unit_test(equal_numbers_have_no_density),
        cmocka_unit_test(sets_of_one_kind_overlap_more),
        cmocka_unit_test(small_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

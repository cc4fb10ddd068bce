/* SPDX-License-Identifier: MIT
 *
 * Adding counts, statistics of empty counts and of sets, and structs of other sizes.
 */
#include "testing.h"

#include "statistics_testing.h"

static void a_scale_has_no_other_notes(void **state) {
    (void)state;
    static const int scale[7] = {0, 2, 4, 5, 7, 9, 11};
    spiral_roll roll = sixteenths(32);
    for (size_t i = 0; i < 7; i++) add_note(&roll, 62 + scale[i], 2 * i, 2 * i + 2); /* D major */
    spiral_statistics_counts c = counts_of(&roll);
    spiral_statistics s = statistics_of(&c);
    assert_near(s.scale_consistency, 1);
    assert_near(s.pitch_entropy, log2(7));
    assert_near(s.pitch_class_entropy, log2(7));
    assert_near(s.pitch_range, 11);
    assert_near(s.pitch_count, 7);
    assert_near(s.polyphony, 1);
    assert_near(s.polyphony_rate, 0);
    add_note(&roll, 60, 14, 16); /* two Cs, which are in G major together with six of the others */
    add_note(&roll, 72, 14, 16);
    c = counts_of(&roll);
    s = statistics_of(&c);
    assert_near(s.scale_consistency, 8. / 9);
    assert_near(s.pitch_class_count, 8);
    assert_near(s.pitch_count, 9);
    assert_near(s.pitch_range, 13);
    assert_near(s.pitch_class_entropy, 7. / 9 * log2(9) + 2. / 9 * log2(4.5));
    assert_near(s.onsets_per_frame, 9. / 32);
    spiral_roll_clear(&roll);
}

static void nothing_counted_is_not_a_number(void **state) {
    (void)state;
    spiral_roll silence = sixteenths(8), nothing = sixteenths(0);
    const spiral_statistics_counts c = counts_of(&silence), d = counts_of(&nothing);
    spiral_statistics s = statistics_of(&c);
    assert_true(isnan(s.polyphony) && isnan(s.polyphony_rate) && isnan(s.scale_consistency));
    assert_true(isnan(s.pitch_entropy) && isnan(s.pitch_class_entropy) && isnan(s.groove_consistency));
    assert_true(isnan(s.empty_beat_rate) && isnan(s.clashes) && isnan(s.parallels));
    assert_near(s.triads, 0);
    assert_near(s.pitch_range, 0);
    assert_near(s.note_count, 0);
    s = statistics_of(&d);
    assert_true(isnan(s.triads) && isnan(s.onsets_per_frame));
    spiral_roll_clear(&silence);
    spiral_roll_clear(&nothing);
}

static void sets_are_means_or_pooled(void **state) {
    (void)state;
    spiral_roll rolls[3] = {sixteenths(2), sixteenths(6), sixteenths(4)};
    add_note(&rolls[0], 60, 0, 2); /* a clash in two frames */
    add_note(&rolls[0], 61, 0, 2);
    add_note(&rolls[1], 60, 0, 6); /* none in six */
    add_note(&rolls[1], 67, 0, 6); /* the third piece is silent */
    add_note(&rolls[1], 72, 0, 6);
    spiral_statistics_counts c[3], sum = NO_COUNTS;
    const spiral_statistics_counts *list[3];
    for (int i = 0; i < 3; i++) {
        c[i] = counts_of(&rolls[i]);
        list[i] = &c[i];
        assert_int_equal(spiral_statistics_counts_add(&sum, &c[i], NULL), SPIRAL_OK);
        spiral_roll_clear(&rolls[i]);
    }
    spiral_statistics s = {.struct_size = sizeof s}, pooled = statistics_of(&sum);
    assert_int_equal(spiral_statistics_of_set(list, 3, &s, NULL), SPIRAL_OK);
    assert_near(s.polyphony, (2. + 3) / 2); /* mean of the two that sound */
    assert_near(s.note_count, (2. + 3 + 0) / 3);
    assert_near(s.clashes, 2. / (2 + 18)); /* pooled */
    assert_near(pooled.polyphony, (4. + 18) / 8);
    assert_near(pooled.clashes, s.clashes);
    assert_near(pooled.note_count, 5);
    assert_int_equal(spiral_statistics_of_set(NULL, 0, &s, NULL), SPIRAL_OK);
    assert_true(isnan(s.note_count) && isnan(s.clashes));
}

/* Every field is added: counting into one struct or into two gives the same result. */
static void counts_of_parts_give_those_of_the_whole(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(3, 1);
    spiral_statistics_counts whole = NO_COUNTS, sum = NO_COUNTS;
    for (int i = 0; i < 60; i++) {
        spiral_roll roll = random_roll(&rng, 35);
        const spiral_statistics_counts one = counts_of(&roll);
        assert_int_equal(spiral_statistics_add_roll(&whole, &roll, 0, 0, NULL), SPIRAL_OK);
        assert_int_equal(spiral_statistics_counts_add(&sum, &one, NULL), SPIRAL_OK);
        spiral_roll_clear(&roll);
    }
    assert_true(whole.parallels > 0 && whole.similar_motions > 0 && whole.triad_frames > 0);
    assert_memory_equal(&whole, &sum, sizeof sum);
}

static void struct_sizes_are_checked(void **state) {
    (void)state;
    spiral_roll roll = sixteenths(2);
    const size_t sizes[] = {0, sizeof(spiral_statistics_counts) - 1, sizeof(spiral_statistics_counts) + 1};
    for (size_t i = 0; i < 3; i++) {
        spiral_statistics_counts c = {.struct_size = sizes[i], .frames = 3}, before = c, good = NO_COUNTS;
        const spiral_statistics_counts *list[] = {&good, &c};
        spiral_statistics s = {.struct_size = sizeof s};
        spiral_overlaps o = {.struct_size = sizeof o};
        spiral_error err = {0};
        char number[60];
        snprintf(number, sizeof number, "statistics counts struct_size is %zu", sizes[i]);
        assert_fails(spiral_statistics_add_roll(&c, &roll, 0, 0, &err), SPIRAL_BAD_ARG, &err, number);
        assert_fails(spiral_statistics_counts_add(&c, &good, &err), SPIRAL_BAD_ARG, &err, number);
        assert_fails(spiral_statistics_counts_add(&good, &c, &err), SPIRAL_BAD_ARG, &err, number);
        assert_fails(spiral_statistics_from_counts(&c, &s, &err), SPIRAL_BAD_ARG, &err, number);
        assert_fails(spiral_statistics_of_set(list, 2, &s, &err), SPIRAL_BAD_ARG, &err, number);
        assert_fails(spiral_statistics_overlap(list, 1, list, 2, &o, &err), SPIRAL_BAD_ARG, &err, number);
        assert_memory_equal(&c, &before, sizeof c);
    }
    spiral_statistics_counts c = NO_COUNTS;
    const spiral_statistics_counts *list[] = {&c};
    spiral_statistics s = {.struct_size = sizeof s - 1, .triads = 7};
    spiral_overlaps o = {.struct_size = 5};
    spiral_error err = {0};
    assert_fails(spiral_statistics_from_counts(&c, &s, &err), SPIRAL_BAD_ARG, &err, "statistics struct_size");
    assert_fails(spiral_statistics_of_set(list, 1, &s, &err), SPIRAL_BAD_ARG, &err, "statistics struct_size");
    assert_fails(spiral_statistics_overlap(list, 1, list, 1, &o, &err), SPIRAL_BAD_ARG, &err,
                 "overlaps struct_size is 5");
    assert_near(s.triads, 7);
    spiral_roll_clear(&roll);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scale_has_no_other_notes),
        cmocka_unit_test(nothing_counted_is_not_a_number),
        cmocka_unit_test(sets_are_means_or_pooled),
        cmocka_unit_test(counts_of_parts_give_those_of_the_whole),
        cmocka_unit_test(struct_sizes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

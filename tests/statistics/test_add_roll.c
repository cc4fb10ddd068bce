/* SPDX-License-Identifier: MIT
 *
 * Counts of small rolls, against counts by hand. tests/oracle/test_statistics.py compares random rolls with
 * MusPy.
 */
#include "testing.h"

#include "statistics_testing.h"

static void chords_are_counted(void **state) {
    (void)state;
    spiral_roll roll = sixteenths(6);
    /* Frame 0: C E G, a triad. 1: C E G and a C above, a triad in four voices. 2: C C# D, two clashes of
     * three pairs. 3: C E G Bb: no triad. 4: silence. 5: one key. */
    const int keys[6][5] = {
        {60, 64, 67, -1}, {60, 64, 67, 72, -1}, {60, 61, 62, -1}, {60, 64, 67, 70, -1}, {-1}, {127, -1}};
    for (size_t t = 0; t < 6; t++)
        for (int i = 0; keys[t][i] >= 0; i++) spiral_keys_set(&roll.sounding[t], keys[t][i], 1);
    const spiral_statistics_counts c = counts_of(&roll);
    assert_int_equal(c.pieces, 1);
    assert_int_equal(c.frames, 6);
    assert_int_equal(c.length, 6);
    assert_int_equal(c.cells, 3 + 4 + 3 + 4 + 1);
    assert_int_equal(c.sounding_frames, 5);
    assert_int_equal(c.polyphonic_frames, 4);
    assert_int_equal(c.four_frames, 2);
    assert_int_equal(c.triad_frames, 2);
    assert_int_equal(c.pairs, 3 + 6 + 3 + 6);
    assert_int_equal(c.clashes, 2);
    assert_int_equal(c.pitch_classes[0], 5); /* C of frames 0 to 3, twice in frame 1 */
    assert_int_equal(c.pitch_classes[7], 3 + 1);
    spiral_roll_clear(&roll);
}

/* Every transposition of the two triads, and no other set of three pitch classes. */
static void all_triads_and_no_others(void **state) {
    (void)state;
    int found = 0;
    for (int a = 0; a < 12; a++)
        for (int b = a + 1; b < 12; b++)
            for (int c = b + 1; c < 12; c++) {
                spiral_roll roll = sixteenths(1);
                spiral_keys_set(&roll.sounding[0], 36 + a, 1);
                spiral_keys_set(&roll.sounding[0], 60 + b, 1);
                spiral_keys_set(&roll.sounding[0], 48 + c, 1);
                const int steps[3] = {b - a, c - b, 12 + a - c};
                int wanted = 0;
                for (int i = 0; i < 3; i++) { /* major 4 3 5, minor 3 4 5, starting at any of the notes */
                    const int x = steps[i], y = steps[(i + 1) % 3];
                    wanted |= (x == 4 && y == 3) || (x == 3 && y == 4);
                }
                const spiral_statistics_counts counts = counts_of(&roll);
                assert_int_equal(counts.triad_frames, wanted);
                found += wanted;
                spiral_roll_clear(&roll);
            }
    assert_int_equal(found, 24);
}

/* One step of two voices; counts its similar motions and parallels. */
static void check_motion(int low, int high, int low_then, int high_then, int similar, int parallel) {
    spiral_roll roll = sixteenths(2);
    add_note(&roll, low, 0, 1);
    add_note(&roll, high, 0, 1);
    add_note(&roll, low_then, 1, 2);
    add_note(&roll, high_then, 1, 2);
    const spiral_statistics_counts c = counts_of(&roll);
    assert_int_equal(c.similar_motions, similar);
    assert_int_equal(c.parallels, parallel);
    spiral_roll_clear(&roll);
}

static void parallels_are_counted(void **state) {
    (void)state;
    check_motion(60, 67, 62, 69, 1, 1); /* fifths */
    check_motion(60, 72, 59, 71, 1, 1); /* octaves, down */
    check_motion(60, 79, 62, 69, 0, 0); /* contrary */
    check_motion(48, 67, 50, 81, 1, 1); /* twelfth, then a fifth and two octaves */
    check_motion(60, 67, 62, 70, 1, 0); /* a fifth, then a sixth */
    check_motion(60, 64, 62, 66, 1, 0); /* thirds */
    check_motion(60, 67, 60, 69, 0, 0); /* oblique */
    spiral_roll roll = sixteenths(2);   /* three keys, then two: no voices */
    for (int i = 0; i < 3; i++) spiral_keys_set(&roll.sounding[0], 60 + 7 * i, 1);
    for (int i = 0; i < 2; i++) spiral_keys_set(&roll.sounding[1], 62 + 7 * i, 1);
    assert_int_equal(counts_of(&roll).similar_motions, 0);
    spiral_roll_clear(&roll);
}

static void notes_and_their_histograms_are_counted(void **state) {
    (void)state;
    spiral_roll roll = sixteenths(40);        /* a bar has 16 frames: 6 of 96 each */
    add_note(&roll, 60, 0, 16);               /* C: a bar */
    add_note(&roll, 64, 0, 4);                /* E: a quarter, struck again as */
    add_note(&roll, 64, 4, 10);               /* a dotted quarter */
    add_note(&roll, 67, 16, 17);              /* G: a sixteenth, where C ends */
    spiral_keys_set(&roll.onsets[30], 90, 1); /* on a silent key: no note */
    const spiral_statistics_counts c = counts_of(&roll);
    assert_int_equal(c.notes, 4);
    assert_int_equal(c.keys[60] + c.keys[67], 2);
    assert_int_equal(c.keys[64], 2);
    assert_int_equal(c.lengths[0], 1); /* 96 */
    assert_int_equal(c.lengths[2], 1); /* 24 */
    assert_int_equal(c.lengths[6], 1); /* 36 */
    assert_int_equal(c.lengths[4], 1); /* 6 */
    assert_int_equal(c.pitch_class_transitions[4 * 12 + 4], 1);
    assert_int_equal(c.pitch_class_transitions[0 * 12 + 7], 1);
    uint64_t transitions = 0, intervals = 0;
    for (int i = 0; i < 144; i++) transitions += c.pitch_class_transitions[i];
    for (int i = 0; i < SPIRAL_LENGTH_CLASSES; i++) intervals += c.onset_intervals[i];
    assert_int_equal(transitions, 2);
    assert_int_equal(intervals, 2);            /* 0 to 4, 4 to 16 */
    assert_int_equal(c.onset_intervals[2], 1); /* a quarter */
    assert_int_equal(c.onset_intervals[5], 1); /* three quarters: 72 */
    assert_int_equal(c.note_gaps, 3);
    assert_near(c.note_gaps_s, 16 * .125); /* sixteenths at 120 quarters a minute */
    assert_int_equal(c.length, 17);
    spiral_roll_clear(&roll);
}

/* On a grid of seconds: a bar of 2 s, and transitions up to, but not at, 50 ms. */
static void seconds_have_lengths_but_no_beats(void **state) {
    (void)state;
    for (size_t gap = 3; gap < 7; gap++) {
        const spiral_grid grid = {.kind = SPIRAL_GRID_SECONDS, .frame_us = 10000};
        spiral_roll roll;
        assert_int_equal(spiral_roll_create(grid, 200, 1, &roll, NULL), SPIRAL_OK);
        add_note(&roll, 60, 0, 50);
        add_note(&roll, 62, 50 + gap, 150 + gap);
        spiral_statistics_counts c = counts_of(&roll);
        assert_int_equal(c.lengths[2], 1);
        assert_int_equal(c.lengths[1], 1);
        assert_int_equal(c.pitch_class_transitions[2], gap < 5);
        assert_int_equal(c.beats + c.empty_beats + c.groove_positions + c.groove_differences, 0);
        const spiral_statistics s = statistics_of(&c);
        assert_true(isnan(s.groove_consistency) && isnan(s.empty_beat_rate));
        assert_int_equal(spiral_statistics_add_roll(&c, &roll, 50, 200, NULL), SPIRAL_OK);
        assert_int_equal(c.beats, 4);
        spiral_roll_clear(&roll);
    }
}

static void beats_and_bars_are_those_of_muspy(void **state) {
    (void)state;
    spiral_roll roll = sixteenths(64);
    add_note(&roll, 60, 0, 4);   /* fills beat 0, and beat 1 because it ends there */
    add_note(&roll, 60, 18, 19); /* beat 4 */
    add_note(&roll, 62, 32, 33); /* beat 8 */
    spiral_statistics_counts c = counts_of(&roll);
    assert_int_equal(c.length, 33);
    assert_int_equal(c.beats, 9);
    assert_int_equal(c.empty_beats, 5);           /* 2 3 5 6 7 */
    assert_int_equal(c.groove_positions, 2 * 16); /* bars 0 1, 1 2 */
    assert_int_equal(c.groove_differences, 4);
    assert_near(statistics_of(&c).groove_consistency, 1 - 4. / 32);
    c = NO_COUNTS;
    assert_int_equal(spiral_statistics_add_roll(&c, &roll, 8, 33, NULL), SPIRAL_OK);
    assert_int_equal(c.beats, 5);
    assert_int_equal(c.empty_beats, 2); /* 1 and 3 */
    assert_int_equal(c.groove_positions, 33);
    assert_int_equal(c.groove_differences, 3);
    spiral_roll_clear(&roll);
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    spiral_roll roll = sixteenths(4);
    spiral_statistics_counts c = NO_COUNTS, before = c;
    spiral_error err = {0};
    assert_fails(spiral_statistics_add_roll(&c, &roll, -1, 0, &err), SPIRAL_BAD_ARG, &err, "frames_per_beat",
                 "-1");
    assert_fails(spiral_statistics_add_roll(&c, &roll, 1, -7, &err), SPIRAL_BAD_ARG, &err, "frames_per_bar",
                 "-7");
    roll.quarters_per_min = 0;
    assert_fails(spiral_statistics_add_roll(&c, &roll, 0, 0, &err), SPIRAL_BAD_ARG, &err, "frame length");
    roll.quarters_per_min = 120;
    roll.grid.steps_per_quarter = 97;
    assert_fails(spiral_statistics_add_roll(&c, &roll, 0, 0, &err), SPIRAL_BAD_ARG, &err, "97");
    assert_memory_equal(&c, &before, sizeof c);
    spiral_roll_clear(&roll);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chords_are_counted),
        cmocka_unit_test(all_triads_and_no_others),
        cmocka_unit_test(parallels_are_counted),
        cmocka_unit_test(notes_and_their_histograms_are_counted),
        cmocka_unit_test(seconds_have_lengths_but_no_beats),
        cmocka_unit_test(beats_and_bars_are_those_of_muspy),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

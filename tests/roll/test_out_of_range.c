/* SPDX-License-Identifier: MIT
 *
 * Notes outside the range of keys: dropped, folded by octaves or fitted by transposition, and counted.
 */
#include "testing.h"

#include "base/rng.h"
#include "rolls.h"

enum { MAX_NOTES = 200 };

/* Quarters of these pitches, one after another. */
static spiral_midi scale(const int *pitches, size_t n, spiral_note *notes) {
    for (size_t i = 0; i < n; i++)
        notes[i] = (spiral_note){(int64_t)i * 96, (int64_t)(i + 1) * 96, 0, 0, (uint8_t)pitches[i], 64};
    return (spiral_midi){.ticks_per_quarter = 96, .note_count = n, .notes = notes};
}

/* A frame per quarter, keys low..high. Writes the lowest key of each frame to text: "60 -- 62". */
static spiral_roll_report rolled(const spiral_midi *midi, int low, int high, spiral_out_of_range what,
                                 int drums, char *text, size_t size) {
    spiral_roll_options options = beats(1, 0);
    spiral_roll_report report;
    size_t used = 0;
    options.low = low;
    options.high = high;
    options.drums = drums;
    options.out_of_range = what;
    spiral_roll roll = roll_of(midi, &options, &report);
    text[0] = 0;
    for (size_t t = 0; t < roll.frames && used < size; t++) {
        int key = 0;
        while (key < 128 && !spiral_keys_get(&roll.sounding[t], key)) key++;
        used += (size_t)snprintf(text + used, size - used, key < 128 ? "%s%d" : "%s--", t ? " " : "", key);
    }
    spiral_roll_clear(&roll);
    assert_int_equal(report.notes, report.notes_kept + report.notes_low + report.notes_high);
    return report;
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(spiral_out_of_range_name(SPIRAL_OUT_OF_RANGE_DROP), "drop");
    assert_string_equal(spiral_out_of_range_name(SPIRAL_OUT_OF_RANGE_FOLD), "fold");
    assert_string_equal(spiral_out_of_range_name(SPIRAL_OUT_OF_RANGE_FIT), "fit");
    assert_string_equal(spiral_out_of_range_name((spiral_out_of_range)77), "unknown");
}

static void test_fold_moves_notes_by_octaves(void **state) {
    (void)state;
    const int pitches[] = {60, 47, 48, 83, 84, 0, 127, 35, 96};
    spiral_note notes[9];
    char text[200];
    spiral_midi midi = scale(pitches, 9, notes);
    spiral_roll_report r = rolled(&midi, 48, 83, SPIRAL_OUT_OF_RANGE_DROP, 0, text, sizeof text);
    assert_string_equal(text, "60 -- 48 83");
    assert_int_equal(r.notes_low, 3);
    assert_int_equal(r.notes_high, 3);
    assert_int_equal(r.notes_folded, 0);
    r = rolled(&midi, 48, 83, SPIRAL_OUT_OF_RANGE_FOLD, 0, text, sizeof text);
    assert_string_equal(text, "60 59 48 83 72 48 79 59 72");
    assert_int_equal(r.notes_kept, 9);
    assert_int_equal(r.notes_folded, 6);
    assert_int_equal(r.notes_low + r.notes_high, 0);
    assert_int_equal(r.transposed_by, 0);
    /* In a range of less than an octave, notes of other pitch classes are left out, as too low or too
     * high. */
    r = rolled(&midi, 60, 66, SPIRAL_OUT_OF_RANGE_FOLD, 0, text, sizeof text);
    assert_string_equal(text, "60 -- 60 -- 60 60 -- -- 60");
    assert_int_equal(r.notes_folded, 4);
    assert_int_equal(r.notes_low, 2);
    assert_int_equal(r.notes_high, 2);
}

/* A folded note can begin together with another note of its new key, or while that note sounds. */
static void test_folded_notes_that_meet_others_are_counted(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 192, 0, 0, 60, 64}, {0, 96, 0, 0, 36, 64}, {96, 288, 0, 0, 84, 64}};
    spiral_midi midi = {.ticks_per_quarter = 96, .note_count = 3, .notes = notes};
    char text[100];
    spiral_roll_report r = rolled(&midi, 60, 71, SPIRAL_OUT_OF_RANGE_FOLD, 0, text, sizeof text);
    assert_string_equal(text, "60 60 60");
    assert_int_equal(r.notes_folded, 2);
    assert_int_equal(r.notes_doubled, 1);
    assert_int_equal(r.onsets_merged, 1);
}

static void test_fit_moves_all_notes_by_the_fewest_semitones(void **state) {
    (void)state;
    const int low[] = {40, 44, 47, 52}, high[] = {90, 80, 85}, wide[] = {20, 60, 62, 100}, both[] = {40, 88};
    spiral_note notes[4];
    char text[200];
    spiral_midi midi = scale(low, 4, notes);
    spiral_roll_report r = rolled(&midi, 48, 83, SPIRAL_OUT_OF_RANGE_FIT, 0, text, sizeof text);
    assert_string_equal(text, "48 52 55 60"); /* by the fewest semitones, not by an octave */
    assert_int_equal(r.transposed_by, 8);
    assert_int_equal(r.notes_kept, 4);
    midi = scale(high, 3, notes);
    r = rolled(&midi, 48, 83, SPIRAL_OUT_OF_RANGE_FIT, 0, text, sizeof text);
    assert_string_equal(text, "83 73 78");
    assert_int_equal(r.transposed_by, -7);
    midi = scale(wide, 4, notes); /* two are in the range already, and no transposition keeps three */
    r = rolled(&midi, 48, 83, SPIRAL_OUT_OF_RANGE_FIT, 0, text, sizeof text);
    assert_string_equal(text, "-- 60 62");
    assert_int_equal(r.transposed_by, 0);
    assert_int_equal(r.notes_low, 1);
    assert_int_equal(r.notes_high, 1);
    midi = scale(both, 2, notes); /* only one of the two can be kept; 5 down is less than 8 up */
    r = rolled(&midi, 48, 83, SPIRAL_OUT_OF_RANGE_FIT, 0, text, sizeof text);
    assert_string_equal(text, "-- 83");
    assert_int_equal(r.transposed_by, -5);
    assert_int_equal(r.notes_low, 1);
    const int ends[] = {0, 127};
    midi = scale(ends, 2, notes); /* the same number of semitones up and down: up is taken */
    r = rolled(&midi, 60, 67, SPIRAL_OUT_OF_RANGE_FIT, 0, text, sizeof text);
    assert_string_equal(text, "60");
    assert_int_equal(r.transposed_by, 60);
}

/* Of all transpositions by -127..127, the reported one keeps the most notes, and no smaller one keeps as
 * many. */
static void test_fit_keeps_as_many_notes_as_any_transposition(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(3, 1);
    spiral_note notes[MAX_NOTES];
    int pitches[MAX_NOTES];
    char text[1000];
    for (int round = 0; round < 200; round++) {
        size_t n = 1 + spiral__rng_below(&rng, MAX_NOTES), most = 0, kept[255] = {0};
        int low = (int)spiral__rng_below(&rng, 128),
            high = low + (int)spiral__rng_below(&rng, (uint64_t)(128 - low));
        int centre = (int)spiral__rng_below(&rng, 128), spread = 1 + (int)spiral__rng_below(&rng, 64);
        for (size_t i = 0; i < n; i++) {
            int p = centre + (int)spiral__rng_below(&rng, (uint64_t)spread);
            pitches[i] = p < 128 ? p : 127;
            for (int move = -127; move <= 127; move++)
                kept[move + 127] += pitches[i] + move >= low && pitches[i] + move <= high;
        }
        for (int i = 0; i < 255; i++) most = kept[i] > most ? kept[i] : most;
        spiral_midi midi = scale(pitches, n, notes);
        spiral_roll_report r = rolled(&midi, low, high, SPIRAL_OUT_OF_RANGE_FIT, 0, text, sizeof text);
        assert_int_equal(r.notes_kept, most);
        assert_int_equal(kept[r.transposed_by + 127], most);
        for (int move = -127; move <= 127; move++)
            if (abs(move) < abs(r.transposed_by)) assert_true(kept[move + 127] < most);
    }
}

/* The key of a drum note names an instrument, so drums are not moved and do not influence the
 * transposition. */
static void test_drums_are_not_moved(void **state) {
    (void)state;
    const int pitches[] = {40, 42, 36, 35};
    spiral_note notes[4];
    char text[200];
    spiral_midi midi = scale(pitches, 4, notes);
    notes[2].channel = notes[3].channel = SPIRAL_DRUM_CHANNEL;
    spiral_roll_report r = rolled(&midi, 36, 83, SPIRAL_OUT_OF_RANGE_FIT, 1, text, sizeof text);
    assert_string_equal(text, "40 42 36");
    assert_int_equal(r.transposed_by, 0);
    assert_int_equal(r.notes_low, 1);
    r = rolled(&midi, 48, 83, SPIRAL_OUT_OF_RANGE_FIT, 0, text, sizeof text);
    assert_string_equal(text, "48 50");
    assert_int_equal(r.notes_drums, 2);
    r = rolled(&midi, 48, 83, SPIRAL_OUT_OF_RANGE_FOLD, 1, text, sizeof text);
    assert_string_equal(text, "52 54");
    assert_int_equal(r.notes_folded, 2);
    assert_int_equal(r.notes_low, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_fold_moves_notes_by_octaves),
        cmocka_unit_test(test_folded_notes_that_meet_others_are_counted),
        cmocka_unit_test(test_fit_moves_all_notes_by_the_fewest_semitones),
        cmocka_unit_test(test_fit_keeps_as_many_notes_as_any_transposition),
        cmocka_unit_test(test_drums_are_not_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

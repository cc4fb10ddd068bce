/* SPDX-License-Identifier: MIT
 *
 * The length of a roll: long stretches of frames without a change, which a single wrong time in a file can
 * cause, are cut on request, and the length is limited by the number of notes.
 */
#include "testing.h"

#include "base/rng.h"
#include "rolls.h"

/* Keys 60 .. 62, stretches cut to `longest` frames; sixteenths, 120 ticks a frame. */
static spiral_roll cut_roll(const spiral_midi *midi, int longest, spiral_roll_report *report) {
    spiral_roll_options options = beats(4, 1);
    options.unchanged_frames_max = longest;
    return roll_of(midi, &options, report);
}

static void check_keys(const spiral_roll *roll, const char *key60, const char *key61) {
    char text[400];
    assert_string_equal(key_text(roll, 60, text), key60);
    assert_string_equal(key_text(roll, 61, text), key61);
}

static void test_silence_is_cut_to_the_limit(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 240, 0, 0, 60, 1}, {240, 360, 0, 0, 61, 1}, {360 + 1200, 1680, 0, 0, 60, 1}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    spiral_roll_report report;
    spiral_roll roll = cut_roll(&midi, 0, &report);
    check_keys(&roll, "O#-----------O", "--O-----------");
    assert_int_equal(report.stretches_cut, 0);
    spiral_roll_clear(&roll);
    roll = cut_roll(&midi, 10, &report); /* ten frames are not too many */
    assert_int_equal(roll.frames, 14);
    assert_int_equal(report.frames_cut, 0);
    spiral_roll_clear(&roll);
    roll = cut_roll(&midi, 4, &report);
    check_keys(&roll, "O#-----O", "--O-----");
    assert_int_equal(report.stretches_cut, 1);
    assert_int_equal(report.frames_cut, 6);
    assert_int_equal(report.notes_kept, 3);
    spiral_roll_clear(&roll);
}

static void test_silence_at_the_start_is_cut(void **state) {
    (void)state;
    spiral_note notes[] = {{12000, 12120, 0, 0, 60, 1}};
    spiral_midi midi = midi_of(notes, 1);
    spiral_roll_report report;
    spiral_roll roll = cut_roll(&midi, 3, &report);
    check_keys(&roll, "---O", "----");
    assert_int_equal(report.frames_cut, 97);
    spiral_roll_clear(&roll);
}

/* A chord that is held too long is cut like silence; beginnings and ends of notes within it are kept. */
static void test_held_notes_are_cut_to_the_limit(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 2400, 0, 0, 60, 1}, {1200, 1320, 0, 0, 61, 1}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    spiral_roll_report report;
    spiral_roll roll = cut_roll(&midi, 4, &report);
    check_keys(&roll, "O########", "----O----");
    assert_int_equal(report.stretches_cut, 2);
    assert_int_equal(report.frames_cut, 11);
    spiral_roll_clear(&roll);
}

/* Notes out of range do not count as changes. */
static void test_notes_that_are_left_out_do_not_keep_frames(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 120, 0, 0, 60, 1}, {600, 720, 0, 9, 61, 1}, {1200, 1320, 0, 0, 60, 1}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    spiral_roll roll = cut_roll(&midi, 2, NULL);
    check_keys(&roll, "O--O", "----");
    spiral_roll_clear(&roll);
}

/* Against a roll without cuts: a frame is left out if no note begins or ends in it or in the LIMIT - 1 frames
 * before it. */
static void test_random_rolls_are_cut_frame_by_frame(void **state) {
    (void)state;
    enum { NOTES = 12, LIMIT = 5 };
    spiral__rng rng = spiral__rng_init(8, 1);
    size_t cut_frames = 0;
    for (int round = 0; round < 300; round++) {
        spiral_note notes[NOTES];
        char change[2000] = {0}; /* whether a note begins or ends at the frame */
        for (int i = 0; i < NOTES; i++) {
            int64_t on = (int64_t)spiral__rng_below(&rng, 200),
                    off = on + 1 + (int64_t)spiral__rng_below(&rng, 60);
            notes[i] =
                (spiral_note){120 * on, 120 * off, 0, 0, (uint8_t)(60 + spiral__rng_below(&rng, 3)), 1};
            change[on] = change[off] = 1;
        }
        spiral_midi midi = midi_of(notes, NOTES);
        spiral_roll_report report;
        spiral_roll whole = cut_roll(&midi, 0, NULL), cut = cut_roll(&midi, LIMIT, &report);
        size_t t = 0, unchanged = 0;
        for (size_t i = 0; i < whole.frames; i++) {
            unchanged = change[i] ? 1 : unchanged + 1;
            if (unchanged > LIMIT) continue;
            assert_true(t < cut.frames);
            assert_memory_equal(&cut.sounding[t], &whole.sounding[i], sizeof *cut.sounding);
            assert_memory_equal(&cut.onsets[t], &whole.onsets[i], sizeof *cut.onsets);
            t++;
        }
        assert_int_equal(t, cut.frames);
        assert_int_equal(report.frames_cut, whole.frames - cut.frames);
        cut_frames += report.frames_cut;
        spiral_roll_clear(&whole);
        spiral_roll_clear(&cut);
    }
    assert_true(cut_frames > 1000);
}

/* If the time between two notes is far too long, the roll is refused or, with a limit, cut. */
static void test_roll_is_bounded_by_its_notes(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 480, 0, 0, 60, 1},
                           {INT64_C(480) * 16000000, INT64_C(480) * 16000001, 0, 0, 60, 1}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    spiral_roll_options options = beats(4, 1);
    spiral_roll roll;
    spiral_error err = {0};
    assert_fails(spiral_roll_from_midi(&midi, &options, &roll, NULL, &err), SPIRAL_TOO_BIG, &err,
                 "64000004 frames", "2 notes, 4227072", "64000000 frames from frame 0");
    assert_null(roll.sounding);
    options.unchanged_frames_max = 128;
    spiral_roll_report report;
    roll = roll_of(&midi, &options, &report);
    assert_int_equal(roll.frames, 4 + 128 + 4);
    assert_int_equal(report.frames_cut, 64000000 - 4 - 128);
    spiral_roll_clear(&roll);
    midi.note_count = 1; /* one note that lasts too long */
    notes[0].off_ticks = SPIRAL_MIDI_TICKS_MAX;
    roll = roll_of(&midi, &options, &report);
    assert_int_equal(roll.frames, 128);
    spiral_roll_clear(&roll);
    /* the limit grows with the notes */
    options.unchanged_frames_max = 0;
    notes[0].off_ticks = 120 * (int64_t)(SPIRAL_ROLL_FRAMES_BASE + SPIRAL_ROLL_FRAMES_PER_NOTE);
    roll = roll_of(&midi, &options, NULL);
    assert_int_equal(roll.frames, SPIRAL_ROLL_FRAMES_BASE + SPIRAL_ROLL_FRAMES_PER_NOTE);
    spiral_roll_clear(&roll);
    notes[0].off_ticks += 120;
    assert_fails(spiral_roll_from_midi(&midi, &options, &roll, NULL, &err), SPIRAL_TOO_BIG, &err, "1 note,");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence_is_cut_to_the_limit),
        cmocka_unit_test(test_silence_at_the_start_is_cut),
        cmocka_unit_test(test_held_notes_are_cut_to_the_limit),
        cmocka_unit_test(test_notes_that_are_left_out_do_not_keep_frames),
        cmocka_unit_test(test_random_rolls_are_cut_frame_by_frame),
        cmocka_unit_test(test_roll_is_bounded_by_its_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

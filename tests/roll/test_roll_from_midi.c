/* SPDX-License-Identifier: MIT
 *
 * Notes -> roll: the frames in which a note sounds, the counts of the report, tempos, and refused arguments.
 * Notes outside the range of keys: test_out_of_range.c.
 */
#include <math.h>

#include "testing.h"

#include "base/rng.h"
#include "midi/tempo.h"
#include "rolls.h"

static void test_default_options_are_36_keys_of_10_ms(void **state) {
    (void)state;
    spiral_roll_options o = default_options();
    assert_int_equal(o.grid.kind, SPIRAL_GRID_SECONDS);
    assert_int_equal(o.grid.frame_us, 10000);
    assert_int_equal(o.low, 48);
    assert_int_equal(o.high, 83);
    assert_int_equal(o.onsets, 0);
    assert_int_equal(o.drums, 0);
    assert_int_equal(o.pedal, 0);
    assert_int_equal(o.out_of_range, SPIRAL_OUT_OF_RANGE_DROP);
    assert_int_equal(o.drum_channels, 0);
    assert_int_equal(o.unchanged_frames_max, 0);
}

/* Frames of 10 ms at 120 bpm and 480 ticks per quarter: 9.6 ticks per frame. */
static void test_notes_on_frames_of_10_ms(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 48, 0, 0, 48, 1},  /* 0 .. 5 */
                           {4, 43, 0, 0, 50, 1},  /* .417 -> 0, 4.48 -> 4 */
                           {5, 44, 0, 0, 52, 1},  /* .521 -> 1, 4.58 -> 5 */
                           {24, 72, 0, 0, 83, 1}, /* 2.5 -> 3, 7.5 -> 8: halves round up */
                           {25, 26, 0, 0, 60, 1}, /* 2.604 -> 3, 2.708 -> 3: at least one frame */
                           {48, 48, 0, 0, 61, 1}, /* zero length: one frame */
                           {0, 96, 0, 0, 47, 1},  {0, 96, 0, 0, 84, 1}, {0, 96, 0, 9, 60, 1}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    spiral_roll_options options = default_options();
    spiral_roll_report report;
    spiral_roll roll = roll_of(&midi, &options, &report);
    char text[100];
    assert_int_equal(roll.frames, 8);
    assert_null(roll.onsets);
    assert_string_equal(key_text(&roll, 48, text), "#####---");
    assert_string_equal(key_text(&roll, 50, text), "####----");
    assert_string_equal(key_text(&roll, 52, text), "-####---");
    assert_string_equal(key_text(&roll, 83, text), "---#####");
    assert_string_equal(key_text(&roll, 60, text), "---#----");
    assert_string_equal(key_text(&roll, 61, text), "-----#--");
    assert_string_equal(key_text(&roll, 47, text), "--------");
    assert_string_equal(key_text(&roll, 84, text), "--------");
    assert_int_equal(report.notes, 8);
    assert_int_equal(report.notes_drums, 1);
    assert_int_equal(report.notes_kept, 6);
    assert_int_equal(report.notes_low, 1);
    assert_int_equal(report.notes_high, 1);
    assert_int_equal(report.notes_short, 2);
    assert_int_equal(report.onsets_merged, 0);
    assert_int_equal(report.notes_doubled, 0);
    assert_true(spiral_roll_frame_s(&roll) == 0.01);
    spiral_roll_clear(&roll);
    assert_null(roll.sounding);
    spiral_roll_clear(&roll);
    spiral_roll_clear(NULL);
    options.drums = 1;
    roll = roll_of(&midi, &options, &report);
    assert_string_equal(key_text(&roll, 60, text), "##########");
    assert_int_equal(report.notes, 9);
    assert_int_equal(report.notes_drums, 0);
    spiral_roll_clear(&roll);
}

/* The notes say whether they are percussion, unless drum_channels says it for their channels. */
static void test_percussion_is_left_out_or_kept(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 480, 0, 9, 60, 1, 0, 0},
                           {0, 480, 0, 10, 61, 1, 0, SPIRAL_DRUM_YES},
                           {0, 480, 0, 9, 62, 1, 1, SPIRAL_DRUM_NO},
                           {0, 480, 0, 3, 63, 1, 0, 0}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    static const struct {
        int drums;
        uint32_t channels;
        const char *keys; /* 60 .. 63 in the first frame */
        size_t left_out;
    } cases[] = {{0, 0, "--##", 2},      {1, 0, "####", 0},      {0, 1 << 9, "-#-#", 2},
                 {0, 1 << 3, "###-", 1}, {1, 1 << 3, "####", 0}, {0, 1 << 15, "####", 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        spiral_roll_options options = beats(1, 0);
        spiral_roll_report report;
        options.drums = cases[i].drums;
        options.drum_channels = cases[i].channels;
        spiral_roll roll = roll_of(&midi, &options, &report);
        char keys[5] = "";
        for (int k = 0; k < 4; k++) keys[k] = spiral_keys_get(&roll.sounding[0], 60 + k) ? '#' : '-';
        assert_string_equal(keys, cases[i].keys);
        assert_int_equal(report.notes_drums, cases[i].left_out);
        assert_int_equal(report.notes, 4 - cases[i].left_out);
        spiral_roll_clear(&roll);
    }
}

static void test_repeated_and_doubled_notes_are_counted(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 240, 0, 0, 60, 1},     {0, 480, 0, 1, 60, 1}, /* doubled in another channel */
                           {480, 720, 0, 0, 60, 1}, /* struck again as the first ends */
                           {600, 960, 0, 0, 60, 1}, /* struck again while it sounds */
                           {1080, 1200, 0, 0, 60, 1}, {1080, 1200, 0, 0, 61, 1}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    spiral_roll_report report;
    spiral_roll_options options = beats(4, 0);
    spiral_roll roll = roll_of(&midi, &options, &report);
    char text[100];
    assert_string_equal(key_text(&roll, 60, text), "########-#");
    assert_int_equal(report.notes_kept, 6);
    assert_int_equal(report.onsets_merged, 2);
    assert_int_equal(report.notes_doubled, 1);
    spiral_roll_clear(&roll);
    options.onsets = 1;
    roll = roll_of(&midi, &options, &report);
    assert_string_equal(key_text(&roll, 60, text), "O###OO##-O");
    assert_int_equal(report.onsets_merged, 0);
    assert_int_equal(report.notes_doubled, 1);
    spiral_roll_clear(&roll);
}

static void test_notes_may_be_in_any_order(void **state) {
    (void)state;
    spiral_note notes[] = {{480, 720, 0, 0, 60, 1}, {0, 480, 0, 0, 60, 1}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    spiral_roll_report report;
    spiral_roll_options options = beats(4, 0);
    spiral_roll roll = roll_of(&midi, &options, &report);
    assert_int_equal(report.onsets_merged, 1);
    assert_int_equal(roll.frames, 6);
    spiral_roll_clear(&roll);
}

static void test_frames_follow_the_tempo_map(void **state) {
    (void)state;
    /* a quarter of 1 s, a quarter of .25 s, then 120 again; quarters at 0, 1, 1.25, 1.75 s */
    spiral_tempo tempos[] = {{0, 1000000, 0}, {480, 250000, 0}, {960, 500000, 0}};
    spiral_note notes[] = {{0, 480, 0, 0, 60, 1},
                           {240, 720, 0, 0, 61, 1},
                           {480, 960, 0, 0, 62, 1},
                           {960, 960 + 480, 0, 0, 63, 1}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    midi.tempo_count = COUNT(tempos);
    midi.tempos = tempos;
    spiral_roll_options options = default_options();
    options.grid.frame_us = 125000;
    spiral_roll roll = roll_of(&midi, &options, NULL);
    char text[100];
    assert_string_equal(key_text(&roll, 60, text), "########------");
    assert_string_equal(key_text(&roll, 61, text), "----#####-----");
    assert_string_equal(key_text(&roll, 62, text), "--------##----");
    assert_string_equal(key_text(&roll, 63, text), "----------####");
    spiral_roll_clear(&roll);
    options = beats(2, 0);
    roll = roll_of(&midi, &options, NULL);
    assert_string_equal(key_text(&roll, 61, text), "-##---");
    assert_true(fabs(roll.quarters_per_min - 60 * 3 / 1.75) < 1e-9);
    assert_true(fabs(spiral_roll_frame_s(&roll) - 1.75 / 6) < 1e-12);
    spiral_roll_clear(&roll);
}

/* Tempos whose quarters are no whole number of frames: the last frame is that of exact integer arithmetic. */
static void test_positions_are_exact_over_70000_tempos(void **state) {
    (void)state;
    enum { TEMPOS = 70000 };
    spiral_tempo *tempos = malloc(TEMPOS * sizeof *tempos);
    for (int i = 0; i < TEMPOS; i++) tempos[i] = (spiral_tempo){i, 480 * 333 + i % 2, 0}; /* 333 us + 1/480 */
    int64_t end = 69999;
    /* sums microseconds * 480 up to `end`, alternately 333 * 480 and 333 * 480 + 1 */
    int64_t sum = 0;
    for (int64_t i = 0; i < end; i++) sum += 480 * 333 + i % 2;
    spiral_note notes[] = {{0, end, 0, 0, 60, 1}};
    spiral_midi midi = midi_of(notes, 1);
    midi.tempo_count = TEMPOS;
    midi.tempos = tempos;
    spiral_roll_options options = default_options();
    options.grid.frame_us = 1000;
    spiral_roll roll = roll_of(&midi, &options, NULL);
    assert_int_equal(roll.frames, (sum + 240 * 1000) / (480 * 1000));
    spiral_roll_clear(&roll);
    spiral__tempo_fill_seconds(&midi);
    assert_true(fabs(spiral_midi_seconds(&midi, end) - (double)sum / 480e6) < 1e-12);
    free(tempos);
}

static void test_smpte_rates(void **state) {
    (void)state;
    static const double rates[] = {24 * 5, 25 * 40, 30 * 80, 30000.0 * 100 / 1001};
    for (size_t i = 0; i < COUNT(rates); i++) {
        int64_t at = (int64_t)round(10 * rates[i]); /* ten seconds; at 29.97 differing by 1/3 ms */
        spiral_note notes[] = {{0, at, 0, 0, 60, 1}};
        spiral_midi midi = {.ticks_per_s = rates[i], .note_count = 1, .notes = notes};
        spiral_roll_options options = default_options();
        spiral_roll roll = roll_of(&midi, &options, NULL);
        assert_int_equal(roll.frames, 1000);
        spiral_roll_clear(&roll);
        options = beats(96, 0); /* 120 quarters a minute */
        roll = roll_of(&midi, &options, NULL);
        assert_int_equal(roll.frames, 1920);
        assert_true(roll.quarters_per_min == 120);
        spiral_roll_clear(&roll);
    }
    /* Exactly half a frame, which floating point could round either way. */
    spiral_note notes[] = {{0, 15, 0, 0, 60, 1}}; /* 15 frames of 29.97: 500.5 ms */
    spiral_midi midi = {.ticks_per_s = 30000.0 / 1001, .note_count = 1, .notes = notes};
    spiral_roll_options options = default_options();
    options.grid.frame_us = 1000;
    spiral_roll roll = roll_of(&midi, &options, NULL);
    assert_int_equal(roll.frames, 501);
    spiral_roll_clear(&roll);
}

static void test_no_note_in_range_gives_no_frames(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 480, 0, 0, 20, 1}};
    spiral_midi midi = midi_of(notes, 1);
    spiral_roll_options options = default_options();
    options.onsets = 1;
    spiral_roll roll = roll_of(&midi, &options, NULL);
    assert_int_equal(roll.frames, 0);
    spiral_midi back;
    assert_int_equal(spiral_midi_from_roll(&roll, &back, NULL), SPIRAL_OK);
    assert_int_equal(back.note_count, 0);
    spiral_midi_clear(&back);
    spiral_roll_clear(&roll);
}

static void refused(spiral_midi midi, spiral_roll_options options, spiral_status status, const char *words) {
    spiral_roll roll;
    spiral_error err = {0};
    assert_fails(spiral_roll_from_midi(&midi, &options, &roll, NULL, &err), status, &err, words);
    assert_null(roll.sounding);
}

static void test_values_out_of_range_are_refused(void **state) {
    (void)state;
    spiral_note notes[] = {{0, SPIRAL_MIDI_TICKS_MAX, 0, 0, 60, 1}};
    spiral_midi midi = midi_of(notes, 1);
    const spiral_roll_options good = default_options();
    spiral_roll_options bad = good;
    refused(midi, good, SPIRAL_TOO_BIG,
            "a roll of 28633115307 frames is longer than the limit for 1 note, 4210688");
    midi.ticks_per_quarter = 1; /* the longest possible time */
    midi.tempo_count = 1;
    midi.tempos = &(spiral_tempo){0, 0xffffff, 0};
    bad.grid.frame_us = 1000;
    refused(midi, bad, SPIRAL_TOO_BIG, "4611685743532704");
    bad = good, bad.low = -1, refused(midi, bad, SPIRAL_BAD_ARG, "keys -1..83 are not a range within 0..127");
    bad = good, bad.high = 128, refused(midi, bad, SPIRAL_BAD_ARG, "48..128");
    bad = good, bad.low = 84, refused(midi, bad, SPIRAL_BAD_ARG, "84..83");
    bad = good, bad.grid.frame_us = 999;
    refused(midi, bad, SPIRAL_BAD_ARG, "frame_us 999 is not within 1000..1000000");
    bad = beats(97, 0), refused(midi, bad, SPIRAL_BAD_ARG, "steps_per_quarter 97 is not within 1..96");
    bad.grid.kind = (spiral_grid_kind)2;
    refused(midi, bad, SPIRAL_BAD_ARG, "grid kind 2 is neither seconds nor beats");
    notes[0].pitch = 128;
    refused(midi, good, SPIRAL_BAD_ARG, "note 0: pitch 128 is not within 0..127");
    bad = good, bad.out_of_range = (spiral_out_of_range)3;
    midi.notes[0].pitch = 60;
    refused(midi, bad, SPIRAL_BAD_ARG, "out_of_range 3 is not drop, fold or fit");
    bad = good, bad.drum_channels = 0x10000, refused(midi, bad, SPIRAL_BAD_ARG, "drum_channels 0x10000");
    bad = good, bad.unchanged_frames_max = -1, refused(midi, bad, SPIRAL_BAD_ARG, "unchanged_frames_max -1");
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(good.grid, SPIRAL_ROLL_FRAMES_MAX + 1, 0, &roll, NULL),
                     SPIRAL_TOO_BIG);
    assert_null(roll.sounding);
}

/* Structs of a size that no version had are refused, and not written to. */
static void test_struct_sizes_are_checked(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 480, 0, 0, 60, 1}};
    spiral_midi midi = midi_of(notes, 1);
    spiral_error err = {0};
    spiral_roll roll;
    spiral_roll_options options = default_options();
    const size_t sizes[] = {0, sizeof options - 1, sizeof options + 1};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char number[40];
        snprintf(number, sizeof number, "%zu", sizes[i]);
        options.struct_size = sizes[i];
        assert_fails(spiral_roll_from_midi(&midi, &options, &roll, NULL, &err), SPIRAL_BAD_ARG, &err,
                     "roll options", number);
        assert_null(roll.sounding);
    }
    options.struct_size = sizeof options;
    spiral_roll_report report = {.struct_size = sizeof report - 1, .notes = 7};
    assert_fails(spiral_roll_from_midi(&midi, &options, &roll, &report, &err), SPIRAL_BAD_ARG, &err,
                 "roll report");
    assert_int_equal(report.notes, 7);
    assert_fails(spiral_roll_from_midi(&midi, NULL, &roll, NULL, &err), SPIRAL_BAD_ARG, &err, "NULL");
}

/* No byte after a struct that is smaller than today's is written. */
static void test_defaults_fill_only_the_given_size(void **state) {
    (void)state;
    spiral_roll_options options;
    memset(&options, 0x55, sizeof options);
    const size_t size = offsetof(spiral_roll_options, drums);
    spiral_roll_options_default(&options, size);
    assert_int_equal(options.struct_size, size);
    assert_int_equal(options.high, 83);
    assert_int_equal(options.drums, 0x55555555);
}

/* As many notes as a megabyte of MIDI can contain, all sounding in all frames. A key's frames must be marked
 * once, not for each note, which would take minutes. */
static void test_many_notes_held_over_many_frames(void **state) {
    (void)state;
    enum { NOTES = 300000, FRAMES = 1 << 20 };
    spiral_note *notes = calloc(NOTES, sizeof *notes);
    for (int i = 0; i < NOTES; i++)
        notes[i] = (spiral_note){.on_ticks = i / 1000, .off_ticks = FRAMES, .pitch = 60, .velocity = 1};
    spiral_midi midi = {
        .ticks_per_quarter = 1, .tracks = 1, .end_ticks = FRAMES, .note_count = NOTES, .notes = notes};
    const spiral_roll_options options = beats(1, 1);
    spiral_roll_report report;
    spiral_roll roll = roll_of(&midi, &options, &report);
    assert_int_equal(roll.frames, FRAMES);
    assert_int_equal(report.notes_doubled, NOTES - NOTES / 1000);
    for (size_t t = 0; t < FRAMES; t++) {
        assert_true(spiral_keys_get(&roll.sounding[t], 60));
        assert_int_equal(spiral_keys_get(&roll.onsets[t], 60), t < NOTES / 1000);
    }
    spiral_roll_clear(&roll);
    free(notes);
}

/* Notes of few keys that overlap, contain and touch each other. */
static void test_overlapping_notes_against_marking_each_alone(void **state) {
    (void)state;
    enum { NOTES = 60, FRAMES = 200 };
    spiral__rng rng = spiral__rng_init(4, 0);
    for (int round = 0; round < 500; round++) {
        spiral_note notes[NOTES];
        spiral_keys sounding[FRAMES] = {{{0, 0}}}, onsets[FRAMES] = {{{0, 0}}};
        size_t last = 0;
        for (int i = 0; i < NOTES; i++) {
            size_t on = spiral__rng_below(&rng, 150),
                   off = on + spiral__rng_below(&rng, 1 + spiral__rng_below(&rng, 40));
            int key = 62 + (int)spiral__rng_below(&rng, 4);
            notes[i] = (spiral_note){(int64_t)on, (int64_t)off, 0, 0, (uint8_t)key, 1};
            if (off == on) off++; /* at least one frame */
            for (size_t t = on; t < off; t++) spiral_keys_set(&sounding[t], key, 1);
            spiral_keys_set(&onsets[on], key, 1);
            if (off > last) last = off;
        }
        spiral_midi midi = {.ticks_per_quarter = 1, .note_count = NOTES, .notes = notes};
        const spiral_roll_options options = beats(1, round % 2);
        spiral_roll_report report;
        size_t merged = 0;
        spiral_roll roll = roll_of(&midi, &options, &report);
        assert_int_equal(roll.frames, last);
        assert_memory_equal(roll.sounding, sounding, last * sizeof *sounding);
        if (options.onsets) assert_memory_equal(roll.onsets, onsets, last * sizeof *onsets);
        for (size_t t = 1; t < last && !options.onsets; t++)
            for (int key = 62; key < 66; key++)
                merged += spiral_keys_get(&onsets[t], key) && spiral_keys_get(&sounding[t - 1], key);
        assert_int_equal(report.onsets_merged, merged);
        spiral_roll_clear(&roll);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_options_are_36_keys_of_10_ms),
        cmocka_unit_test(test_notes_on_frames_of_10_ms),
        cmocka_unit_test(test_percussion_is_left_out_or_kept),
        cmocka_unit_test(test_repeated_and_doubled_notes_are_counted),
        cmocka_unit_test(test_notes_may_be_in_any_order),
        cmocka_unit_test(test_frames_follow_the_tempo_map),
        cmocka_unit_test(test_positions_are_exact_over_70000_tempos),
        cmocka_unit_test(test_smpte_rates),
        cmocka_unit_test(test_no_note_in_range_gives_no_frames),
        cmocka_unit_test(test_values_out_of_range_are_refused),
        cmocka_unit_test(test_struct_sizes_are_checked),
        cmocka_unit_test(test_defaults_fill_only_the_given_size),
        cmocka_unit_test(test_many_notes_held_over_many_frames),
        cmocka_unit_test(test_overlapping_notes_against_marking_each_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

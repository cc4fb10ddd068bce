/* SPDX-License-Identifier: MIT
 *
 * Rolls: which columns a note sounds in, what the report counts, and that bits come back the same from a MIDI
 * file, for random bits on both grids.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "midi/tempo.h"
#include "roll/frame_map.h"
#include "spiral/roll.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Key `key` along the columns, as '-' silent, '#' sounding, 'O' sounding with an onset. */
static const char *row(const spiral_roll *roll, int key, char *text) {
    for (size_t c = 0; c < roll->frames; c++) {
        int frame = spiral_keys_get(&roll->sounding[c], key);
        int onset = roll->onsets && spiral_keys_get(&roll->onsets[c], key);
        text[c] = onset ? (frame ? 'O' : '?') : frame ? '#' : '-';
    }
    text[roll->frames] = 0;
    return text;
}

static spiral_midi midi_of(spiral_note *notes, size_t n) {
    return (spiral_midi){.ticks_per_quarter = 480, .note_count = n, .notes = notes};
}

static spiral_roll roll_of(const spiral_midi *midi, const spiral_roll_options *options,
                           spiral_roll_report *report) {
    spiral_roll roll;
    spiral_error err = {0};
    if (spiral_roll_from_midi(midi, options, &roll, report, &err) != SPIRAL_OK) fail_msg("%s", err.text);
    return roll;
}

static spiral_roll_options beats(int steps, int onsets) {
    return (spiral_roll_options){
        .grid = {.kind = SPIRAL_GRID_BEATS, .steps_per_quarter = steps}, .high = 127, .onsets = onsets};
}

static void test_default_options_are_the_seed(void **state) {
    (void)state;
    spiral_roll_options o = spiral_roll_options_default();
    assert_int_equal(o.grid.kind, SPIRAL_GRID_SECONDS);
    assert_int_equal(o.grid.frame_us, 10000);
    assert_int_equal(o.low, 48);
    assert_int_equal(o.high, 83);
    assert_int_equal(o.onsets, 0);
    assert_int_equal(o.drums, 0);
}

/* 10 ms columns at 120 bpm and 480 ticks: 9.6 ticks a column. */
static void test_seed_grid(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 48, 0, 0, 48, 1},  /* 0 .. 5 */
                           {4, 43, 0, 0, 50, 1},  /* .417 -> 0, 4.48 -> 4 */
                           {5, 44, 0, 0, 52, 1},  /* .521 -> 1, 4.58 -> 5 */
                           {24, 72, 0, 0, 83, 1}, /* 2.5 -> 3, 7.5 -> 8: halves round up */
                           {25, 26, 0, 0, 60, 1}, /* 2.604 -> 3, 2.708 -> 3: at least one column */
                           {48, 48, 0, 0, 61, 1}, /* no length: one column */
                           {0, 96, 0, 0, 47, 1},  {0, 96, 0, 0, 84, 1}, {0, 96, 0, 9, 60, 1}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    spiral_roll_options options = spiral_roll_options_default();
    spiral_roll_report report;
    spiral_roll roll = roll_of(&midi, &options, &report);
    char text[100];
    assert_int_equal(roll.frames, 8);
    assert_null(roll.onsets);
    assert_string_equal(row(&roll, 48, text), "#####---");
    assert_string_equal(row(&roll, 50, text), "####----");
    assert_string_equal(row(&roll, 52, text), "-####---");
    assert_string_equal(row(&roll, 83, text), "---#####");
    assert_string_equal(row(&roll, 60, text), "---#----");
    assert_string_equal(row(&roll, 61, text), "-----#--");
    assert_string_equal(row(&roll, 47, text), "--------");
    assert_string_equal(row(&roll, 84, text), "--------");
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
    assert_string_equal(row(&roll, 60, text), "##########");
    assert_int_equal(report.notes, 9);
    assert_int_equal(report.notes_drums, 0);
    spiral_roll_clear(&roll);
}

static void test_repeated_and_doubled_notes(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 240, 0, 0, 60, 1},     {0, 480, 0, 1, 60, 1}, /* doubled in another channel */
                           {480, 720, 0, 0, 60, 1},                          /* struck again at once */
                           {600, 960, 0, 0, 60, 1},                          /* and while it sounds */
                           {1080, 1200, 0, 0, 60, 1}, {1080, 1200, 0, 0, 61, 1}};
    spiral_midi midi = midi_of(notes, COUNT(notes));
    spiral_roll_report report;
    spiral_roll_options options = beats(4, 0);
    spiral_roll roll = roll_of(&midi, &options, &report);
    char text[100];
    assert_string_equal(row(&roll, 60, text), "########-#");
    assert_int_equal(report.notes_kept, 6);
    assert_int_equal(report.onsets_merged, 2);
    assert_int_equal(report.notes_doubled, 1);
    spiral_roll_clear(&roll);
    options.onsets = 1;
    roll = roll_of(&midi, &options, &report);
    assert_string_equal(row(&roll, 60, text), "O###OO##-O");
    assert_int_equal(report.onsets_merged, 0);
    assert_int_equal(report.notes_doubled, 1);
    spiral_roll_clear(&roll);
}

static void test_notes_in_any_order(void **state) {
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

static void test_tempo_changes(void **state) {
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
    spiral_roll_options options = spiral_roll_options_default();
    options.grid.frame_us = 125000;
    spiral_roll roll = roll_of(&midi, &options, NULL);
    char text[100];
    assert_string_equal(row(&roll, 60, text), "########------");
    assert_string_equal(row(&roll, 61, text), "----#####-----");
    assert_string_equal(row(&roll, 62, text), "--------##----");
    assert_string_equal(row(&roll, 63, text), "----------####");
    spiral_roll_clear(&roll);
    options = beats(2, 0);
    roll = roll_of(&midi, &options, NULL);
    assert_string_equal(row(&roll, 61, text), "-##---");
    assert_true(fabs(roll.quarters_per_min - 60 * 3 / 1.75) < 1e-9);
    assert_true(fabs(spiral_roll_frame_s(&roll) - 1.75 / 6) < 1e-12);
    spiral_roll_clear(&roll);
}

/* Ten hours of a tempo that is no round number of columns: the last edge still lies where it must. */
static void test_no_drift(void **state) {
    (void)state;
    enum { TEMPOS = 70000 };
    spiral_tempo *tempos = malloc(TEMPOS * sizeof *tempos);
    for (int i = 0; i < TEMPOS; i++) tempos[i] = (spiral_tempo){i, 480 * 333 + i % 2, 0}; /* 333 us + 1/480 */
    int64_t end = 69999;
    /* microseconds * 480 up to `end`, by hand: pairs of (333 * 480) + (333 * 480 + 1) */
    int64_t sum = 0;
    for (int64_t i = 0; i < end; i++) sum += 480 * 333 + i % 2;
    spiral_note notes[] = {{0, end, 0, 0, 60, 1}};
    spiral_midi midi = midi_of(notes, 1);
    midi.tempo_count = TEMPOS;
    midi.tempos = tempos;
    spiral_roll_options options = spiral_roll_options_default();
    options.grid.frame_us = 1000;
    spiral_roll roll = roll_of(&midi, &options, NULL);
    assert_int_equal(roll.frames, (sum + 240 * 1000) / (480 * 1000));
    spiral_roll_clear(&roll);
    spiral__tempo_fill_seconds(&midi);
    assert_true(fabs(spiral_midi_seconds(&midi, end) - (double)sum / 480e6) < 1e-12);
    free(tempos);
}

static void test_smpte_files(void **state) {
    (void)state;
    static const double rates[] = {24 * 5, 25 * 40, 30 * 80, 30000.0 * 100 / 1001};
    for (size_t i = 0; i < COUNT(rates); i++) {
        int64_t at = (int64_t)round(10 * rates[i]); /* ten seconds, or 1/3 ms beside them at 29.97 */
        spiral_note notes[] = {{0, at, 0, 0, 60, 1}};
        spiral_midi midi = {.ticks_per_s = rates[i], .note_count = 1, .notes = notes};
        spiral_roll_options options = spiral_roll_options_default();
        spiral_roll roll = roll_of(&midi, &options, NULL);
        assert_int_equal(roll.frames, 1000);
        spiral_roll_clear(&roll);
        options = beats(96, 0); /* 120 a minute */
        roll = roll_of(&midi, &options, NULL);
        assert_int_equal(roll.frames, 1920);
        assert_true(roll.quarters_per_min == 120);
        spiral_roll_clear(&roll);
    }
    /* Half a column exactly, where floating point would not know: 1001 ticks at 30000/1001 are 1001^2/30000
     * s. */
    spiral_note notes[] = {{0, 15, 0, 0, 60, 1}}; /* 15 frames of 29.97: 500.5 ms */
    spiral_midi midi = {.ticks_per_s = 30000.0 / 1001, .note_count = 1, .notes = notes};
    spiral_roll_options options = spiral_roll_options_default();
    options.grid.frame_us = 1000;
    spiral_roll roll = roll_of(&midi, &options, NULL);
    assert_int_equal(roll.frames, 501);
    spiral_roll_clear(&roll);
}

static void test_nothing_in_range(void **state) {
    (void)state;
    spiral_note notes[] = {{0, 480, 0, 0, 20, 1}};
    spiral_midi midi = midi_of(notes, 1);
    spiral_roll_options options = spiral_roll_options_default();
    options.onsets = 1;
    spiral_roll roll = roll_of(&midi, &options, NULL);
    assert_int_equal(roll.frames, 0);
    spiral_midi back;
    assert_int_equal(spiral_midi_from_roll(&roll, &back, NULL), SPIRAL_OK);
    assert_int_equal(back.note_count, 0);
    spiral_midi_clear(&back);
    spiral_roll_clear(&roll);
}

static void refused(spiral_midi midi, spiral_roll_options options, spiral_status status,
                    const char *sentence) {
    spiral_roll roll;
    spiral_error err = {0};
    assert_int_equal(spiral_roll_from_midi(&midi, &options, &roll, NULL, &err), status);
    assert_string_equal(err.text, sentence);
    assert_null(roll.sounding);
}

static void test_refusals(void **state) {
    (void)state;
    spiral_note notes[] = {{0, SPIRAL_MIDI_TICKS_MAX, 0, 0, 60, 1}};
    spiral_midi midi = midi_of(notes, 1);
    const spiral_roll_options good = spiral_roll_options_default();
    spiral_roll_options bad = good;
    refused(midi, good, SPIRAL_TOO_BIG, "a roll of 28633115307 frames is longer than the limit, 67108864");
    midi.ticks_per_quarter = 1; /* the longest time there is */
    midi.tempo_count = 1;
    midi.tempos = &(spiral_tempo){0, 0xffffff, 0};
    bad.grid.frame_us = 1000;
    refused(midi, bad, SPIRAL_TOO_BIG,
            "a roll of 4611685743532704 frames is longer than the limit, 67108864");
    bad = good, bad.low = -1, refused(midi, bad, SPIRAL_BAD_ARG, "keys -1..83 are no range within 0..127");
    bad = good, bad.high = 128, refused(midi, bad, SPIRAL_BAD_ARG, "keys 48..128 are no range within 0..127");
    bad = good, bad.low = 84, refused(midi, bad, SPIRAL_BAD_ARG, "keys 84..83 are no range within 0..127");
    bad = good, bad.grid.frame_us = 999;
    refused(midi, bad, SPIRAL_BAD_ARG, "frame_us 999 is not within 1000..1000000");
    bad = beats(97, 0), refused(midi, bad, SPIRAL_BAD_ARG, "steps_per_quarter 97 is not within 1..96");
    bad.grid.kind = (spiral_grid_kind)2;
    refused(midi, bad, SPIRAL_BAD_ARG, "grid kind 2 is neither seconds nor beats");
    notes[0].pitch = 128;
    refused(midi, good, SPIRAL_BAD_ARG, "note 0: pitch 128 is not within 0..127");
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(good.grid, SPIRAL_ROLL_FRAMES_MAX + 1, 0, &roll, NULL),
                     SPIRAL_TOO_BIG);
    assert_null(roll.sounding);
}

static void test_tempo_that_midi_cannot_say(void **state) {
    (void)state;
    spiral_roll roll;
    spiral_midi midi;
    spiral_error err = {0};
    assert_int_equal(spiral_roll_create(beats(4, 0).grid, 3, 0, &roll, NULL), SPIRAL_OK);
    static const double tempos[] = {0, -1, 3.57, 2e8, NAN, INFINITY};
    for (size_t i = 0; i < COUNT(tempos); i++) {
        roll.quarters_per_min = tempos[i];
        assert_int_equal(spiral_midi_from_roll(&roll, &midi, &err), SPIRAL_BAD_ARG);
        assert_null(midi.tempos);
    }
    roll.quarters_per_min = 3.5763;
    assert_int_equal(spiral_midi_from_roll(&roll, &midi, NULL), SPIRAL_OK);
    spiral_midi_clear(&midi);
    spiral_roll_clear(&roll);
}

/* Through the bytes of a file and back. */
static spiral_roll there_and_back(const spiral_roll *roll, int onsets) {
    spiral_midi midi, read;
    spiral_error err = {0};
    if (spiral_midi_from_roll(roll, &midi, &err) != SPIRAL_OK) fail_msg("%s", err.text);
    assert_int_equal(midi.end_ticks % (int64_t)roll->frames, 0); /* whole ticks a column */
    size_t size;
    assert_int_equal(spiral_midi_size(&midi, &size, NULL), SPIRAL_OK);
    void *bytes = malloc(size);
    assert_int_equal(spiral_midi_write(&midi, bytes, size, NULL), SPIRAL_OK);
    assert_int_equal(spiral_midi_read(bytes, size, &read, NULL), SPIRAL_OK);
    assert_int_equal(read.end_ticks, midi.end_ticks);
    /* a tempo in MIDI is whole microseconds: exact for seconds, within half of one for beats */
    double precision = roll->grid.kind == SPIRAL_GRID_SECONDS ? 1e-12 : 0.5e-6 * roll->quarters_per_min / 60;
    double ratio =
        spiral_midi_seconds(&read, read.end_ticks) / ((double)roll->frames * spiral_roll_frame_s(roll));
    assert_true(fabs(ratio - 1) <= 1.01 * precision);
    free(bytes);
    spiral_roll_options options = {.grid = roll->grid, .high = 127, .onsets = onsets};
    spiral_roll back = roll_of(&read, &options, NULL);
    spiral_midi_clear(&midi);
    spiral_midi_clear(&read);
    return back;
}

static void same_columns(const spiral_keys *a, const spiral_keys *b, size_t columns) {
    assert_memory_equal(a, b, columns * sizeof *a);
}

/* Any bits: frames return, and the onsets that return are the starts. What returned returns unchanged. */
static void check_random_roll(spiral__rng *rng, spiral_grid grid, int onsets) {
    spiral_roll roll;
    size_t columns = 1 + spiral__rng_below(rng, 200);
    assert_int_equal(spiral_roll_create(grid, columns, onsets, &roll, NULL), SPIRAL_OK);
    roll.quarters_per_min = 30 + 300 * spiral__rng_uniform(rng);
    for (size_t c = 0; c < columns; c++)
        for (int w = 0; w < 2; w++) {
            uint64_t change = spiral__rng_u64(rng) & spiral__rng_u64(rng) & spiral__rng_u64(rng);
            roll.sounding[c].word[w] = (c ? roll.sounding[c - 1].word[w] : 0) ^ change;
            if (onsets) roll.onsets[c].word[w] = spiral__rng_u64(rng) & spiral__rng_u64(rng);
        }
    spiral_keys_set(&roll.sounding[columns - 1], 0, 1); /* no silence at the end */
    spiral_roll back = there_and_back(&roll, 1), again = there_and_back(&back, 1);
    assert_int_equal(back.frames, columns);
    same_columns(roll.sounding, back.sounding, columns);
    for (size_t c = 0; c < columns; c++) {
        spiral_keys starts = spiral_keys_starts(c ? &roll.sounding[c - 1] : NULL, &roll.sounding[c],
                                                onsets ? &roll.onsets[c] : NULL);
        assert_memory_equal(&back.onsets[c], &starts, sizeof starts);
    }
    assert_int_equal(again.frames, columns);
    same_columns(back.sounding, again.sounding, columns);
    same_columns(back.onsets, again.onsets, columns);
    spiral_roll one = there_and_back(&roll, 0); /* one plane: the frames all the same */
    assert_null(one.onsets);
    same_columns(roll.sounding, one.sounding, columns);
    spiral_roll_clear(&roll);
    spiral_roll_clear(&back);
    spiral_roll_clear(&again);
    spiral_roll_clear(&one);
}

static void test_random_rolls_return(void **state) {
    (void)state;
    const uint64_t seed = 5;
    print_message("# seed %llu\n", (unsigned long long)seed);
    spiral__rng rng = spiral__rng_init(seed, 0);
    static const int32_t edges[] = {1000, 1001, 9999, 10000, 333333, 333334, 499999, 500001, 999999, 1000000};
    for (int round = 0; round < 60; round++) {
        int32_t us =
            round < (int)COUNT(edges) ? edges[round] : 1000 + (int32_t)spiral__rng_below(&rng, 999001);
        check_random_roll(&rng, (spiral_grid){SPIRAL_GRID_SECONDS, us, 0}, round & 1);
        check_random_roll(&rng, (spiral_grid){SPIRAL_GRID_SECONDS, us, 0}, !(round & 1));
    }
    for (int steps = 1; steps <= 96; steps++)
        check_random_roll(&rng, (spiral_grid){SPIRAL_GRID_BEATS, 0, steps}, steps & 1);
}

static void test_onset_without_frame_is_no_note(void **state) {
    (void)state;
    spiral_roll roll;
    spiral_midi midi;
    assert_int_equal(spiral_roll_create(beats(4, 1).grid, 6, 1, &roll, NULL), SPIRAL_OK);
    spiral_keys_set(&roll.onsets[0], 60, 1);
    for (size_t c = 2; c < 5; c++) spiral_keys_set(&roll.sounding[c], 60, 1);
    spiral_keys_set(&roll.onsets[3], 60, 1);
    assert_int_equal(spiral_midi_from_roll(&roll, &midi, NULL), SPIRAL_OK);
    assert_int_equal(midi.note_count, 2);
    assert_int_equal(midi.notes[0].on_ticks, 2 * 120);
    assert_int_equal(midi.notes[0].off_ticks, 3 * 120);
    assert_int_equal(midi.notes[1].on_ticks, 3 * 120);
    assert_int_equal(midi.notes[1].off_ticks, 5 * 120);
    assert_int_equal(midi.end_ticks, 6 * 120); /* the silence at the end is kept in the file */
    assert_int_equal(midi.ticks_per_quarter, 480);
    assert_int_equal(midi.notes[0].velocity, 80);
    spiral_midi_clear(&midi);
    spiral_roll_clear(&roll);
}

static void test_column_mask(void **state) {
    (void)state;
    for (int low = 0; low < 128; low++)
        for (int high = low; high < 128; high++) {
            spiral_keys mask = spiral_keys_range(low, high);
            for (int key = 0; key < 128; key++)
                if (spiral_keys_get(&mask, key) != (key >= low && key <= high))
                    fail_msg("mask %d..%d at key %d", low, high, key);
        }
}

static void test_column_transpose(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(3, 0);
    for (int semitones = -127; semitones <= 127; semitones++) {
        spiral_keys c = {{spiral__rng_u64(&rng), spiral__rng_u64(&rng)}};
        spiral_keys moved = spiral_keys_transpose(c, semitones);
        for (int key = 0; key < 128; key++) {
            int from = key - semitones;
            if (spiral_keys_get(&moved, key) != (from >= 0 && from < 128 && spiral_keys_get(&c, from)))
                fail_msg("transposed by %d at key %d", semitones, key);
        }
    }
}

static void test_column_bits(void **state) {
    (void)state;
    spiral_keys c = {{0, 0}};
    for (int key = 0; key < 128; key += 3) spiral_keys_set(&c, key, 1);
    for (int key = 0; key < 128; key += 2) spiral_keys_set(&c, key, 0);
    for (int key = 0; key < 128; key++) assert_int_equal(spiral_keys_get(&c, key), key % 6 == 3);
}

/* As many notes as a megabyte can give, each struck in the first columns and held over all: a key is drawn
 * once. */
static void test_notes_held_over_all_columns(void **state) {
    (void)state;
    enum { NOTES = 300000, COLUMNS = 1 << 20 };
    spiral_note *notes = calloc(NOTES, sizeof *notes);
    for (int i = 0; i < NOTES; i++)
        notes[i] = (spiral_note){.on_ticks = i / 1000, .off_ticks = COLUMNS, .pitch = 60, .velocity = 1};
    spiral_midi midi = {
        .ticks_per_quarter = 1, .tracks = 1, .end_ticks = COLUMNS, .note_count = NOTES, .notes = notes};
    const spiral_roll_options options = {.grid = {SPIRAL_GRID_BEATS, 0, 1}, .high = 127, .onsets = 1};
    spiral_roll roll;
    spiral_roll_report report;
    clock_t begin = clock();
    assert_int_equal(spiral_roll_from_midi(&midi, &options, &roll, &report, NULL), SPIRAL_OK);
    assert_true(clock() - begin < 20 * CLOCKS_PER_SEC); /* drawn for each note, it takes minutes */
    assert_int_equal(roll.frames, COLUMNS);
    assert_int_equal(report.notes_doubled, NOTES - NOTES / 1000);
    for (size_t c = 0; c < COLUMNS; c++) {
        assert_true(spiral_keys_get(&roll.sounding[c], 60));
        assert_int_equal(spiral_keys_get(&roll.onsets[c], 60), c < NOTES / 1000);
    }
    spiral_roll_clear(&roll);
    free(notes);
}

/* Where a tick lies does not depend on where was looked before. */
static void test_ruler_in_any_order(void **state) {
    (void)state;
    enum { TEMPOS = 300, LAST = 5000 };
    spiral__rng rng = spiral__rng_init(3, 0);
    spiral_tempo tempos[TEMPOS];
    int64_t at = 0;
    for (int i = 0; i < TEMPOS; i++) {
        tempos[i] = (spiral_tempo){at, 1 + (int32_t)spiral__rng_below(&rng, 900000), 0};
        at += 1 + (int64_t)spiral__rng_below(&rng, 30);
    }
    const spiral_midi midi = {.ticks_per_quarter = 96, .tempo_count = TEMPOS, .tempos = tempos};
    spiral__frame_map map;
    assert_int_equal(spiral__frame_map_create(&midi, (spiral_grid){SPIRAL_GRID_SECONDS, 10000, 0}, &map, NULL),
                     SPIRAL_OK);
    size_t near = 0;
    int64_t sum = 0, sums[LAST];
    for (int64_t tick = 0, i = -1; tick < LAST; tick++) { /* microseconds times 96, tick by tick */
        while (i + 1 < TEMPOS && tempos[i + 1].at_ticks <= tick) i++;
        sums[tick] = sum;
        sum += tempos[i].us_per_quarter;
    }
    for (int i = 0; i < 20000; i++) {
        int64_t tick = (int64_t)spiral__rng_below(&rng, LAST);
        assert_int_equal(spiral__frame_map_at(&map, tick, &near), sums[tick]);
    }
    spiral__frame_map_destroy(&map);
}

/* Notes of few keys that lie over, in and beside each other, against drawing each alone. */
static void test_notes_over_each_other(void **state) {
    (void)state;
    enum { NOTES = 60, COLUMNS = 200 };
    spiral__rng rng = spiral__rng_init(4, 0);
    for (int round = 0; round < 500; round++) {
        spiral_note notes[NOTES];
        spiral_keys frames[COLUMNS] = {{{0, 0}}}, onsets[COLUMNS] = {{{0, 0}}};
        size_t last = 0;
        for (int i = 0; i < NOTES; i++) {
            size_t on = spiral__rng_below(&rng, 150),
                   off = on + spiral__rng_below(&rng, 1 + spiral__rng_below(&rng, 40));
            int key = 62 + (int)spiral__rng_below(&rng, 4);
            notes[i] = (spiral_note){(int64_t)on, (int64_t)off, 0, 0, (uint8_t)key, 1};
            if (off == on) off++; /* drawn as one column */
            for (size_t c = on; c < off; c++) spiral_keys_set(&frames[c], key, 1);
            spiral_keys_set(&onsets[on], key, 1);
            if (off > last) last = off;
        }
        spiral_midi midi = {.ticks_per_quarter = 1, .note_count = NOTES, .notes = notes};
        const spiral_roll_options options = {
            .grid = {SPIRAL_GRID_BEATS, 0, 1}, .high = 127, .onsets = round % 2};
        spiral_roll roll;
        spiral_roll_report report;
        size_t merged = 0;
        assert_int_equal(spiral_roll_from_midi(&midi, &options, &roll, &report, NULL), SPIRAL_OK);
        assert_int_equal(roll.frames, last);
        assert_memory_equal(roll.sounding, frames, last * sizeof *frames);
        if (options.onsets) assert_memory_equal(roll.onsets, onsets, last * sizeof *onsets);
        for (size_t c = 1; c < last && !options.onsets; c++)
            for (int key = 62; key < 66; key++)
                merged += spiral_keys_get(&onsets[c], key) && spiral_keys_get(&frames[c - 1], key);
        assert_int_equal(report.onsets_merged, merged);
        spiral_roll_clear(&roll);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_options_are_the_seed),
        cmocka_unit_test(test_seed_grid),
        cmocka_unit_test(test_repeated_and_doubled_notes),
        cmocka_unit_test(test_notes_in_any_order),
        cmocka_unit_test(test_tempo_changes),
        cmocka_unit_test(test_no_drift),
        cmocka_unit_test(test_smpte_files),
        cmocka_unit_test(test_nothing_in_range),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_tempo_that_midi_cannot_say),
        cmocka_unit_test(test_random_rolls_return),
        cmocka_unit_test(test_onset_without_frame_is_no_note),
        cmocka_unit_test(test_column_mask),
        cmocka_unit_test(test_column_transpose),
        cmocka_unit_test(test_notes_held_over_all_columns),
        cmocka_unit_test(test_column_bits),
        cmocka_unit_test(test_ruler_in_any_order),
        cmocka_unit_test(test_notes_over_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

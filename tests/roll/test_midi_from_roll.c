/* SPDX-License-Identifier: MIT
 *
 * Roll -> notes: any bits are the same after writing and reading a MIDI file, on both grids; and which tempos
 * and onset bits a roll may have.
 */
#include <math.h>

#include "testing.h"

#include "../midi/midi_text.h"
#include "base/rng.h"
#include "rolls.h"

static void test_tempo_that_midi_cannot_express_is_refused(void **state) {
    (void)state;
    spiral_roll roll;
    spiral_midi midi;
    spiral_error err = {0};
    assert_int_equal(spiral_roll_create(beats(4, 0).grid, 3, 0, &roll, NULL), SPIRAL_OK);
    static const double tempos[] = {0, -1, 3.57, 2e8, NAN, INFINITY};
    for (size_t i = 0; i < COUNT(tempos); i++) {
        roll.quarters_per_min = tempos[i];
        assert_fails(spiral_midi_from_roll(&roll, &midi, &err), SPIRAL_BAD_ARG, &err, "quarters a minute");
        assert_null(midi.tempos);
    }
    roll.quarters_per_min = 3.5763;
    assert_int_equal(spiral_midi_from_roll(&roll, &midi, NULL), SPIRAL_OK);
    spiral_midi_clear(&midi);
    spiral_roll_clear(&roll);
}

/* Writes *roll as MIDI and returns the roll of that. */
static spiral_roll written_and_rolled(const spiral_roll *roll, int onsets) {
    spiral_midi midi;
    spiral_error err = {0};
    if (spiral_midi_from_roll(roll, &midi, &err) != SPIRAL_OK) fail_msg("%s", err.text);
    assert_int_equal(midi.end_ticks % (int64_t)roll->frames, 0); /* whole ticks per frame */
    spiral_midi read = written_and_read(&midi);
    assert_int_equal(read.end_ticks, midi.end_ticks);
    /* a tempo in MIDI is in whole microseconds: exact on a grid of seconds, rounded on a grid of beats */
    double precision = roll->grid.kind == SPIRAL_GRID_SECONDS ? 1e-12 : 0.5e-6 * roll->quarters_per_min / 60;
    double ratio =
        spiral_midi_seconds(&read, read.end_ticks) / ((double)roll->frames * spiral_roll_frame_s(roll));
    assert_true(fabs(ratio - 1) <= 1.01 * precision);
    spiral_roll_options options = beats(1, onsets);
    options.grid = roll->grid;
    spiral_roll back = roll_of(&read, &options, NULL);
    spiral_midi_clear(&midi);
    spiral_midi_clear(&read);
    return back;
}

static void same_keys(const spiral_keys *a, const spiral_keys *b, size_t n) {
    assert_memory_equal(a, b, n * sizeof *a);
}

/* With any bits, the sounding plane is the same after a round trip, and the onset plane has the starts of
 * notes. A second round trip changes nothing. */
static void check_random_roll(spiral__rng *rng, spiral_grid grid, int onsets) {
    spiral_roll roll;
    size_t frames = 1 + spiral__rng_below(rng, 200);
    assert_int_equal(spiral_roll_create(grid, frames, onsets, &roll, NULL), SPIRAL_OK);
    roll.quarters_per_min = 30 + 300 * spiral__rng_uniform(rng);
    for (size_t t = 0; t < frames; t++)
        for (int w = 0; w < 2; w++) {
            uint64_t change = spiral__rng_u64(rng) & spiral__rng_u64(rng) & spiral__rng_u64(rng);
            roll.sounding[t].word[w] = (t ? roll.sounding[t - 1].word[w] : 0) ^ change;
            if (onsets) roll.onsets[t].word[w] = spiral__rng_u64(rng) & spiral__rng_u64(rng);
        }
    spiral_keys_set(&roll.sounding[frames - 1], 0, 1); /* so that the roll does not end with silence */
    spiral_roll back = written_and_rolled(&roll, 1), again = written_and_rolled(&back, 1);
    assert_int_equal(back.frames, frames);
    same_keys(roll.sounding, back.sounding, frames);
    for (size_t t = 0; t < frames; t++) {
        spiral_keys starts = spiral_keys_starts(t ? &roll.sounding[t - 1] : NULL, &roll.sounding[t],
                                                onsets ? &roll.onsets[t] : NULL);
        assert_memory_equal(&back.onsets[t], &starts, sizeof starts);
    }
    assert_int_equal(again.frames, frames);
    same_keys(back.sounding, again.sounding, frames);
    same_keys(back.onsets, again.onsets, frames);
    spiral_roll one = written_and_rolled(&roll, 0); /* one plane */
    assert_null(one.onsets);
    same_keys(roll.sounding, one.sounding, frames);
    spiral_roll_clear(&roll);
    spiral_roll_clear(&back);
    spiral_roll_clear(&again);
    spiral_roll_clear(&one);
}

static void test_random_rolls_come_back(void **state) {
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

static void test_onset_on_a_silent_key_is_no_note(void **state) {
    (void)state;
    spiral_roll roll;
    spiral_midi midi;
    assert_int_equal(spiral_roll_create(beats(4, 1).grid, 6, 1, &roll, NULL), SPIRAL_OK);
    spiral_keys_set(&roll.onsets[0], 60, 1);
    for (size_t t = 2; t < 5; t++) spiral_keys_set(&roll.sounding[t], 60, 1);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tempo_that_midi_cannot_express_is_refused),
        cmocka_unit_test(test_random_rolls_come_back),
        cmocka_unit_test(test_onset_on_a_silent_key_is_no_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

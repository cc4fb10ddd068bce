/* SPDX-License-Identifier: MIT
 *
 * Windows of rolls: counted, cut, drawn at random, and as floats.
 */
#include "testing.h"
#include "pieces.h"
#include "base/rng.h"
#include "data/corpus.h"
#include "data/window.h"

/* Silent windows are counted separately; the last one may extend beyond the end of the roll. */
static void windows_and_silent_windows_are_counted(void **state) {
    (void)state;
    pieces p;
    pieces_open(&p);
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 3 * PIECE_T + 1, 0, &roll, NULL), SPIRAL_OK);
    spiral_keys_set(&roll.sounding[2], 60, 1);
    spiral_keys_set(&roll.sounding[3 * PIECE_T], 71, 1);
    pieces_add_roll(&p, "gap.mid", &roll);
    spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T);
    const spiral_corpus_file *f = spiral_corpus_get_file(c, 0);
    assert_int_equal(f->windows, 2);
    assert_int_equal(f->windows_silent, 2);
    spiral_corpus_destroy(c);
    spiral_roll_clear(&roll);
    pieces_close(&p);
}

/* A roll with one note at frame 2 and one at the last frame, and the planes of both. */
static spiral_roll two_notes(void) {
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 3 * PIECE_T + 1, 1, &roll, NULL), SPIRAL_OK);
    for (int plane = 0; plane < 2; plane++) {
        spiral_keys *frames = plane ? roll.onsets : roll.sounding;
        spiral_keys_set(&frames[2], 60, 1);
        spiral_keys_set(&frames[3 * PIECE_T], 71, 1);
    }
    return roll;
}

static void a_window_beyond_the_end_is_filled_with_silence(void **state) {
    (void)state;
    spiral_roll roll = two_notes();
    spiral_keys window[2 * PIECE_T];
    memset(window, 255, sizeof window);
    spiral__window_cut(&roll, 3 * PIECE_T, PIECE_T, -3, window); /* one frame of music */
    for (int t = 0; t < 2 * PIECE_T; t++)
        assert_true(window[t].word[0] == 0 && window[t].word[1] == (t % PIECE_T ? 0 : 1 << (68 - 64)));
    spiral__window_cut(&roll, 2, PIECE_T, 0, window);
    assert_true(spiral_keys_get(&window[0], 60) && spiral_keys_get(&window[PIECE_T], 60));
    roll.onsets = (free(roll.onsets), NULL); /* one plane: half as many sets are written */
    memset(window, 255, sizeof window);
    spiral__window_cut(&roll, 2, PIECE_T, 0, window);
    assert_true(window[PIECE_T - 1].word[0] == 0 && window[PIECE_T].word[0] == UINT64_MAX);
    spiral_roll_clear(&roll);
}

static void silence_is_judged_within_the_keys(void **state) {
    (void)state;
    spiral_keys window[PIECE_T] = {{{0, 0}}};
    spiral_keys_set(&window[PIECE_T - 1], 68, 1);
    assert_false(spiral__window_is_silent(window, PIECE_T, 68, 68));
    assert_true(spiral__window_is_silent(window, PIECE_T, 69, 127));
    assert_true(spiral__window_is_silent(window, PIECE_T, 0, 67));
    assert_true(spiral__window_is_silent(window, PIECE_T - 1, 0, 127));
}

static void floats_are_the_bits_of_the_range(void **state) {
    (void)state;
    enum { ROWS = 3, LOW = 62, KEYS = 5 };
    spiral_keys window[ROWS] = {{{0, 0}}};
    float x[ROWS * KEYS];
    spiral_keys_set(&window[0], 61, 1); /* outside */
    spiral_keys_set(&window[0], 62, 1);
    spiral_keys_set(&window[1], 66, 1);
    spiral_keys_set(&window[2], 64, 1);
    spiral_keys_set(&window[2], 67, 1); /* outside */
    spiral__window_floats(window, ROWS, LOW, KEYS, x);
    for (int i = 0; i < ROWS * KEYS; i++) assert_true(x[i] == (i == 0 || i == KEYS + 4 || i == 2 * KEYS + 2));
}

/* Each drawn window is one of the corpus, transposed by at most the given number of semitones. Every position
 * and every shift occurs. Seed and stream determine the windows. */
static void windows_are_drawn_from_every_position(void **state) {
    (void)state;
    enum { DRAWS = 4000, SHIFT = 2 };
    pieces p;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, PIECE_T + 3); /* 4 positions */
    pieces_add(&p, "b.mid", 2, 5);           /* 1 */
    spiral_corpus *c = pieces_corpus(p.folder, 0, PIECE_T);
    size_t seen[5][2 * SHIFT + 1] = {{0}};
    assert_int_equal(c->positions, 5);
    for (uint64_t stream = 0; stream < DRAWS; stream++) {
        spiral_keys window[PIECE_T], again[PIECE_T], cut[PIECE_T];
        size_t file = spiral__window_draw(c, SHIFT, 9, stream, window), found = 0;
        assert_int_equal(spiral__window_draw(c, SHIFT, 9, stream, again), file);
        assert_memory_equal(window, again, sizeof window);
        for (size_t position = 0; position < 5; position++)
            for (int shift = -SHIFT; shift <= SHIFT; shift++) {
                size_t frame, of = spiral__corpus_locate(c, position, &frame);
                spiral__window_cut(&c->entries[of].roll, frame, PIECE_T, shift, cut);
                if (of != file || memcmp(cut, window, sizeof cut)) continue;
                seen[position][shift + SHIFT]++;
                found++;
            }
        assert_true(found > 0);
    }
    for (int i = 0; i < 25; i++) assert_true(seen[i / 5][i % 5] > DRAWS / 25 / 2);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* A corpus of rolls with long silences, of lengths around that of a window. */
static spiral_corpus *corpus_with_gaps(pieces *p, int T) {
    spiral__rng rng = spiral__rng_init(5, (uint64_t)T);
    for (int i = 0; i < 12; i++) {
        spiral_roll roll;
        char name[20];
        const size_t frames = 1 + spiral__rng_below(&rng, (uint64_t)(6 * T));
        assert_int_equal(spiral_roll_create(PIECE_GRID, frames, 0, &roll, NULL), SPIRAL_OK);
        for (size_t t = 0; t < frames; t++)
            if (t + 1 == frames || spiral__rng_below(&rng, (uint64_t)(2 * T)) == 0)
                spiral_keys_set(&roll.sounding[t], 60 + (int)spiral__rng_below(&rng, 12), 1);
        snprintf(name, sizeof name, "%02d.mid", i);
        pieces_add_roll(p, name, &roll);
        spiral_roll_clear(&roll);
    }
    return pieces_corpus(p->folder, 0, T);
}

/* The positions are all frames, in order, at which a window inside the roll begins and has a sounding key. */
static void windows_begin_where_one_has_a_note(void **state) {
    (void)state;
    for (int T = 1; T <= 17; T += 4) {
        pieces p;
        pieces_open(&p);
        spiral_corpus *c = corpus_with_gaps(&p, T);
        size_t position = 0, left_out = 0;
        for (size_t file = 0; file < c->count; file++) {
            const spiral_roll *roll = &c->entries[file].roll;
            for (size_t begin = 0; begin == 0 || begin + (size_t)T <= roll->frames; begin++) {
                spiral_keys window[17];
                size_t frame = 0;
                spiral__window_cut(roll, begin, T, 0, window);
                if (spiral__window_is_silent(window, T, 0, 127)) {
                    left_out++;
                    continue;
                }
                assert_true(position < c->positions);
                assert_int_equal(spiral__corpus_locate(c, position++, &frame), file);
                assert_int_equal(frame, begin);
            }
        }
        assert_int_equal(position, c->positions);
        assert_true(left_out > 10);
        spiral_corpus_destroy(c);
        pieces_close(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_and_silent_windows_are_counted),
        cmocka_unit_test(a_window_beyond_the_end_is_filled_with_silence),
        cmocka_unit_test(silence_is_judged_within_the_keys),
        cmocka_unit_test(floats_are_the_bits_of_the_range),
        cmocka_unit_test(windows_are_drawn_from_every_position),
        cmocka_unit_test(windows_begin_where_one_has_a_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

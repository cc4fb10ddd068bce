/* SPDX-License-Identifier: MIT
 *
 * The nearest passage: against an exhaustive search by the definition in data.h, and the origin of a copy.
 */
#include <math.h>

#include "testing.h"
#include "../data/pieces.h"
#include "data/corpus.h"

enum { T = 8, FILES = 3 };

/* A corpus over rolls that the caller owns. */
typedef struct fake {
    spiral__corpus_entry entries[FILES];
    spiral_corpus corpus;
} fake;

static void fake_init(fake *f, const spiral_roll *rolls, size_t count) {
    *f = (fake){.corpus = {.count = count}};
    for (size_t i = 0; i < count; i++) f->entries[i].roll = rolls[i];
    f->corpus.entries = f->entries;
}

static spiral_roll silence(size_t frames) {
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(PIECE_GRID, frames, 0, &roll, NULL), SPIRAL_OK);
    return roll;
}

/* Notes of 1 to 9 frames on the keys from `low` on, which lie in both words. */
static spiral_roll noise(spiral__rng *rng, size_t frames, int notes, int low, int keys) {
    spiral_roll roll = silence(frames);
    for (int i = 0; i < notes; i++) {
        const int key = low + (int)spiral__rng_below(rng, (uint64_t)keys);
        size_t t = spiral__rng_below(rng, frames), end = t + 1 + spiral__rng_below(rng, 9);
        for (; t < end && t < frames; t++) spiral_keys_set(&roll.sounding[t], key, 1);
    }
    return roll;
}

static int bits(spiral_keys a) { return __builtin_popcountll(a.word[0]) + __builtin_popcountll(a.word[1]); }

static void cells(const spiral_roll *x, size_t i, const spiral_roll *y, size_t k, int up, int *both,
                  int *either) {
    int sum = 0;
    *both = 0;
    for (size_t t = 0; t < T; t++) {
        const spiral_keys moved = spiral_keys_transpose(x->sounding[i + t], up), *other = &y->sounding[k + t];
        *both += bits((spiral_keys){{moved.word[0] & other->word[0], moved.word[1] & other->word[1]}});
        sum += bits(x->sounding[i + t]) + bits(*other); /* keys transposed out of 0..127 count too */
    }
    *either = sum - *both;
}

/* Exhaustive search by the definition; of equal passages it takes the one that data.h says. */
static spiral_passage search(const spiral_roll *roll, const fake *f) {
    spiral_passage best = {.struct_size = sizeof best, .share = -1};
    int best_both = -1, best_either = 1;
    for (size_t i = 0; i < f->corpus.count; i++)
        for (size_t k = 0; k + T <= f->entries[i].roll.frames; k++)
            for (size_t b = 0; b + T <= roll->frames; b += T / 4) {
                int on = 0;
                for (size_t t = b; t < b + T; t++) on += bits(roll->sounding[t]);
                for (int d = 0; on && d < 255; d++) { /* 0 1 -1 2 -2 .. */
                    int both, either, up = d % 2 ? (d + 1) / 2 : -d / 2;
                    cells(roll, b, &f->entries[i].roll, k, up, &both, &either);
                    if (both * best_either <= best_both * either) continue;
                    best_both = both, best_either = either;
                    best = (spiral_passage){sizeof best, b, i, k, up, (double)both / either};
                }
            }
    return best;
}

static void the_nearest_is_what_a_plain_search_finds(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(1, 1);
    for (int round = 0; round < 60; round++) {
        const int keys = round % 4 == 3 ? 60 : 7;
        spiral_roll roll = noise(&rng, 8 + spiral__rng_below(&rng, 20), 1 + round % 9, 62, keys);
        spiral_roll rolls[FILES];
        for (int i = 0; i < FILES; i++)
            rolls[i] = noise(&rng, 3 + spiral__rng_below(&rng, 20), round % 12, 55 + 3 * i, keys);
        fake f;
        fake_init(&f, rolls, FILES);
        const spiral_passage wanted = search(&roll, &f);
        for (int threads = 1; threads < 4; threads += 2) {
            spiral_passage got = {.struct_size = sizeof got};
            spiral_error err = {0};
            const spiral_status status =
                spiral_corpus_nearest_passage(&f.corpus, &roll, T, threads, &got, &err);
            if (wanted.share < 0) {
                assert_int_equal(status, SPIRAL_NO_DATA);
                continue;
            }
            if (status != SPIRAL_OK) fail_msg("round %d: %s", round, err.text);
            if (got.share != wanted.share || got.begin != wanted.begin || got.file != wanted.file ||
                got.file_begin != wanted.file_begin ||
                (got.share > 0 && got.transposition != wanted.transposition))
                fail_msg("round %d: %g at %zu of %zu, %zu, %+d; not %g at %zu of %zu, %zu, %+d", round,
                         got.share, got.file_begin, got.file, got.begin, got.transposition, wanted.share,
                         wanted.file_begin, wanted.file, wanted.begin, wanted.transposition);
        }
        spiral_roll_clear(&roll);
        for (int i = 0; i < FILES; i++) spiral_roll_clear(&rolls[i]);
    }
}

static void a_transposed_copy_is_found(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(2, 2);
    spiral_roll rolls[2] = {noise(&rng, 40, 40, 60, 12), noise(&rng, 50, 50, 60, 12)};
    spiral_roll roll = noise(&rng, 24, 24, 60, 12);
    fake f;
    fake_init(&f, rolls, 2);
    for (int t = 0; t < T; t++) /* a copy, five semitones lower, at the second quarter passage */
        roll.sounding[2 + t] = spiral_keys_transpose(rolls[1].sounding[17 + t], -5);
    spiral_passage p = {.struct_size = sizeof p};
    assert_int_equal(spiral_corpus_nearest_passage(&f.corpus, &roll, T, 1, &p, NULL), SPIRAL_OK);
    assert_true(p.share == 1);
    assert_int_equal(p.begin, 2);
    assert_int_equal(p.file, 1);
    assert_int_equal(p.file_begin, 17);
    assert_int_equal(p.transposition, 5);
    spiral_keys_set(&roll.sounding[4], 20, 1); /* one more cell */
    int both, either;
    cells(&roll, 2, &rolls[1], 17, 5, &both, &either);
    assert_int_equal(spiral_corpus_nearest_passage(&f.corpus, &roll, T, 1, &p, NULL), SPIRAL_OK);
    assert_true(p.share == (double)both / either && either == both + 1);
    spiral_roll_clear(&roll);
    for (int i = 0; i < 2; i++) spiral_roll_clear(&rolls[i]);
}

/* All keys sound: the counts of a block and of a passage, and the sums, are as large as they can be. */
static void full_rolls_do_not_overflow(void **state) {
    (void)state;
    spiral_roll roll = silence(SPIRAL_WINDOW_FRAMES_MAX), corpus = silence(SPIRAL_WINDOW_FRAMES_MAX);
    const uint64_t all = ~(uint64_t)0;
    for (size_t t = 0; t < SPIRAL_WINDOW_FRAMES_MAX; t++)
        roll.sounding[t] = corpus.sounding[t] = (spiral_keys){{all, all}};
    fake f;
    fake_init(&f, &corpus, 1);
    spiral_passage p = {.struct_size = sizeof p};
    assert_int_equal(spiral_corpus_nearest_passage(&f.corpus, &roll, SPIRAL_WINDOW_FRAMES_MAX, 1, &p, NULL),
                     SPIRAL_OK);
    assert_true(p.share == 1);
    assert_int_equal(p.transposition, 0);
    spiral_roll_clear(&roll);
    spiral_roll_clear(&corpus);
}

/* Percentiles of the shares of three files, of which one is silent and does not count. */
static void percentiles_are_between_files(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(4, 4);
    spiral_roll rolls[FILES], unseen[FILES];
    double share[FILES], got;
    fake f, g;
    for (int i = 0; i < FILES; i++) {
        rolls[i] = noise(&rng, 40, 30, 60, 12);
        unseen[i] = i == 1 ? silence(20) : noise(&rng, 30, 20, 60, 12);
    }
    fake_init(&f, rolls, FILES);
    fake_init(&g, unseen, FILES);
    for (int i = 0; i < FILES; i += 2) {
        spiral_passage p = {.struct_size = sizeof p};
        assert_int_equal(spiral_corpus_nearest_passage(&f.corpus, &unseen[i], T, 1, &p, NULL), SPIRAL_OK);
        share[i] = p.share;
    }
    const double low = fmin(share[0], share[2]), high = fmax(share[0], share[2]);
    assert_true(low < high);
    for (int percent = 0; percent <= 100; percent += 25) {
        assert_int_equal(spiral_corpus_passage_percentile(&f.corpus, &g.corpus, T, percent, 2, &got, NULL),
                         SPIRAL_OK);
        assert_true(fabs(got - (low + (high - low) * percent / 100)) < 1e-12);
    }
    spiral_error err = {0};
    fake_init(&g, unseen + 1, 1);
    assert_fails(spiral_corpus_passage_percentile(&f.corpus, &g.corpus, T, 99, 1, &got, &err), SPIRAL_NO_DATA,
                 &err, "8");
    assert_fails(spiral_corpus_passage_percentile(&f.corpus, &g.corpus, T, 101, 1, &got, &err),
                 SPIRAL_BAD_ARG, &err, "percentile", "101");
    assert_fails(spiral_corpus_passage_percentile(&f.corpus, &g.corpus, T, (double)NAN, 1, &got, &err),
                 SPIRAL_BAD_ARG, &err, "percentile");
    for (int i = 0; i < FILES; i++) spiral_roll_clear(&rolls[i]), spiral_roll_clear(&unseen[i]);
}

static void what_cannot_be_compared_is_refused(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(5, 5);
    spiral_roll roll = noise(&rng, 20, 20, 60, 12), corpus = noise(&rng, 9, 20, 60, 12), quiet = silence(20);
    fake f;
    fake_init(&f, &corpus, 1);
    spiral_passage p = {.struct_size = sizeof p, .share = 7};
    spiral_error err = {0};
    const int bad[] = {-4, 0, 2, 6, SPIRAL_WINDOW_FRAMES_MAX + 4};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", bad[i]);
        assert_fails(spiral_corpus_nearest_passage(&f.corpus, &roll, bad[i], 1, &p, &err), SPIRAL_BAD_ARG,
                     &err, number);
    }
    assert_fails(spiral_corpus_nearest_passage(&f.corpus, &quiet, T, 1, &p, &err), SPIRAL_NO_DATA, &err,
                 "20");
    assert_fails(spiral_corpus_nearest_passage(&f.corpus, &roll, 24, 1, &p, &err), SPIRAL_NO_DATA, &err,
                 "24");
    assert_fails(spiral_corpus_nearest_passage(&f.corpus, &roll, 12, 1, &p, &err), SPIRAL_NO_DATA, &err,
                 "corpus", "9", "12");
    roll.grid.steps_per_quarter = 8;
    assert_fails(spiral_corpus_nearest_passage(&f.corpus, &roll, T, 1, &p, &err), SPIRAL_BAD_ARG, &err,
                 "grid");
    roll.grid.steps_per_quarter = 4;
    p.struct_size--;
    assert_fails(spiral_corpus_nearest_passage(&f.corpus, &roll, T, 1, &p, &err), SPIRAL_BAD_ARG, &err,
                 "passage struct_size");
    assert_true(p.share == 7);
    p.struct_size++;
    memset(corpus.sounding, 0, 9 * sizeof *corpus.sounding); /* a silent corpus has nothing in common */
    assert_int_equal(spiral_corpus_nearest_passage(&f.corpus, &roll, T, 1, &p, NULL), SPIRAL_OK);
    assert_true(p.share == 0);
    spiral_roll_clear(&roll);
    spiral_roll_clear(&corpus);
    spiral_roll_clear(&quiet);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_is_what_a_plain_search_finds),
        cmocka_unit_test(a_transposed_copy_is_found),
        cmocka_unit_test(full_rolls_do_not_overflow),
        cmocka_unit_test(percentiles_are_between_files),
        cmocka_unit_test(what_cannot_be_compared_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The distance of a roll from a corpus: 0 for a copied window, otherwise that of an exhaustive search.
 */
#include <math.h>

#include "testing.h"
#include "../data/pieces.h"
#include "data/corpus.h"

enum { T = 6 };

static spiral_roll noise(spiral__rng *rng, size_t frames, int density) {
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(PIECE_GRID, frames, 0, &roll, NULL), SPIRAL_OK);
    for (size_t t = 0; t < frames; t++)
        for (int k = 0; k < density; k++)
            spiral_keys_set(&roll.sounding[t], 62 + (int)spiral__rng_below(rng, 5), 1);
    return roll;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
/* The distance of the nearest window of a corpus of these rolls. */
static double nearest(const spiral_roll *roll, const spiral_roll *const *rolls, size_t count, int frames) {
    spiral__corpus_entry entries[2] = {{.left_out = NULL}};
    const spiral_corpus corpus = {.count = count, .entries = entries};
    for (size_t i = 0; i < count; i++) entries[i].roll = *rolls[i];
    return spiral_corpus_nearest(&corpus, roll, frames);
}
#pragma GCC diagnostic pop

/* Exhaustive search, by the definition in data.h. */
static double search(const spiral_roll *roll, const spiral_roll *const *corpus, size_t count) {
    double least = INFINITY;
    for (size_t begin = 0; begin + T <= roll->frames; begin += T)
        for (size_t k = 0; k < count; k++)
            for (size_t c = 0; c + T <= corpus[k]->frames; c++) {
                int differ = 0, on = 0;
                for (size_t t = 0; t < T; t++)
                    for (int key = 0; key < 128; key++) {
                        int x = spiral_keys_get(&roll->sounding[begin + t], key);
                        on += x;
                        differ += x != spiral_keys_get(&corpus[k]->sounding[c + t], key);
                    }
                if (on) least = fmin(least, (double)differ / on);
            }
    return least;
}

static void the_nearest_is_what_a_plain_search_finds(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(1, 1);
    for (int round = 0; round < 200; round++) {
        spiral_roll a = noise(&rng, 5 + spiral__rng_below(&rng, 30), 1 + round % 3);
        spiral_roll b = noise(&rng, 4 + spiral__rng_below(&rng, 12), 1 + round % 2);
        spiral_roll c = noise(&rng, 6 + spiral__rng_below(&rng, 12), 2);
        if (round % 2) /* windows with few notes and windows with many */
            for (size_t t = 0; t < a.frames; t++)
                if (t / T % 2) a.sounding[t].word[0] = 0, a.sounding[t].word[1] &= t % 2 ? 3 : 0;
        const spiral_roll *corpus[] = {&b, &c};
        double wanted = search(&a, corpus, 2), got = nearest(&a, corpus, 2, T);
        if (isinf(wanted) ? !isinf(got) : fabs(got - wanted) > 1e-12)
            fail_msg("round %d: %g, not %g", round, got, wanted);
        spiral_roll_clear(&a);
        spiral_roll_clear(&b);
        spiral_roll_clear(&c);
    }
}

/* The search stops counting when a window can no longer be the nearest; that limit depends on the window. */
static void a_window_of_few_notes_does_not_hide_a_nearer_one(void **state) {
    (void)state;
    spiral_roll roll, corpus;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 2 * T, 0, &roll, NULL), SPIRAL_OK);
    assert_int_equal(spiral_roll_create(PIECE_GRID, T, 0, &corpus, NULL), SPIRAL_OK);
    corpus.sounding[0].word[1] = 1;       /* one note */
    roll.sounding[0].word[1] = 1 | 2 | 4; /* three, of which it has one: 2/3 */
    roll.sounding[T].word[1] = 8 | 16;    /* two others: 3/2 */
    const spiral_roll *list[] = {&corpus};
    assert_true(fabs(nearest(&roll, list, 1, T) - 2.0 / 3) < 1e-12);
    spiral_roll_clear(&roll);
    spiral_roll_clear(&corpus);
}

static void a_copied_window_is_at_distance_zero(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(2, 2);
    spiral_roll a = noise(&rng, 5 * T, 2), b = noise(&rng, 40, 2);
    const spiral_roll *corpus[] = {&b};
    assert_true(nearest(&a, corpus, 1, T) > 0);
    memcpy(a.sounding + 3 * T, b.sounding + 17, T * sizeof *a.sounding);
    assert_true(nearest(&a, corpus, 1, T) == 0);
    spiral_keys_set(&a.sounding[3 * T + 2], 100, 1); /* one more cell */
    size_t on = 0;
    for (size_t t = 3 * T; t < 4 * T; t++)
        on += (size_t)__builtin_popcountll(a.sounding[t].word[0]) +
              (size_t)__builtin_popcountll(a.sounding[t].word[1]);
    assert_true(fabs(nearest(&a, corpus, 1, T) - 1.0 / (double)on) < 1e-12);
    /* No roll to compare, or no corpus to compare with: infinity. */
    assert_true(isinf(nearest(&a, NULL, 0, T)));
    assert_true(isinf(nearest(&a, corpus, 1, 5 * T + 1)));
    assert_true(isinf(nearest(&a, corpus, 1, 0)));
    assert_true(isinf(nearest(&a, corpus, 1, -1)));
    memset(a.sounding, 0, 5 * T * sizeof *a.sounding);
    assert_true(isinf(nearest(&a, corpus, 1, T)));
    spiral_roll_clear(&a);
    spiral_roll_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_is_what_a_plain_search_finds),
        cmocka_unit_test(a_window_of_few_notes_does_not_hide_a_nearer_one),
        cmocka_unit_test(a_copied_window_is_at_distance_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

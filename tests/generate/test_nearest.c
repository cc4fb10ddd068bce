/* SPDX-License-Identifier: MIT
 *
 * How near music comes to a corpus: nothing for a copied window, and else what a plain search finds.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../data/pieces.h"
#include "spiral/generate.h"

enum { T = 6 };

static spiral_roll noise(spiral__rng *rng, size_t columns, int density) {
    spiral_roll roll;
    assert_int_equal(spiral_roll_create(PIECE_GRID, columns, 0, &roll, NULL), SPIRAL_OK);
    for (size_t t = 0; t < columns; t++)
        for (int k = 0; k < density; k++)
            spiral_keys_set(&roll.sounding[t], 62 + (int)spiral__rng_below(rng, 5), 1);
    return roll;
}

/* By the definition in create.h. */
static double search(const spiral_roll *roll, const spiral_roll *const *corpus, size_t count) {
    double nearest = INFINITY;
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
                if (on) nearest = fmin(nearest, (double)differ / on);
            }
    return nearest;
}

static void test_against_search(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(1, 1);
    for (int round = 0; round < 200; round++) {
        spiral_roll a = noise(&rng, 5 + spiral__rng_below(&rng, 30), 1 + round % 3);
        spiral_roll b = noise(&rng, 4 + spiral__rng_below(&rng, 12), 1 + round % 2);
        spiral_roll c = noise(&rng, 6 + spiral__rng_below(&rng, 12), 2);
        if (round % 2) /* windows with few notes beside windows with many */
            for (size_t t = 0; t < a.frames; t++)
                if (t / T % 2) a.sounding[t].word[0] = 0, a.sounding[t].word[1] &= t % 2 ? 3 : 0;
        const spiral_roll *corpus[] = {&b, &c};
        double wanted = search(&a, corpus, 2), got = spiral_roll_nearest(&a, corpus, 2, T);
        if (isinf(wanted) ? !isinf(got) : fabs(got - wanted) > 1e-12)
            fail_msg("round %d: %g, not %g", round, got, wanted);
        spiral_roll_clear(&a);
        spiral_roll_clear(&b);
        spiral_roll_clear(&c);
    }
}

/* A window of few notes must not make the search believe in a nearer one than there is. */
static void test_few_notes(void **state) {
    (void)state;
    spiral_roll roll, corpus;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 2 * T, 0, &roll, NULL), SPIRAL_OK);
    assert_int_equal(spiral_roll_create(PIECE_GRID, T, 0, &corpus, NULL), SPIRAL_OK);
    corpus.sounding[0].word[1] = 1;       /* one note */
    roll.sounding[0].word[1] = 1 | 2 | 4; /* three, of which it has one: 2/3 */
    roll.sounding[T].word[1] = 8 | 16;    /* two others: 3/2 */
    const spiral_roll *list[] = {&corpus};
    assert_true(fabs(spiral_roll_nearest(&roll, list, 1, T) - 2.0 / 3) < 1e-12);
    spiral_roll_clear(&roll);
    spiral_roll_clear(&corpus);
}

static void test_copies(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(2, 2);
    spiral_roll a = noise(&rng, 5 * T, 2), b = noise(&rng, 40, 2);
    const spiral_roll *corpus[] = {&b};
    assert_true(spiral_roll_nearest(&a, corpus, 1, T) > 0);
    memcpy(a.sounding + 3 * T, b.sounding + 17, T * sizeof *a.sounding);
    assert_true(spiral_roll_nearest(&a, corpus, 1, T) == 0);
    spiral_keys_set(&a.sounding[3 * T + 2], 100, 1); /* one stray cell */
    size_t on = 0;
    for (size_t t = 3 * T; t < 4 * T; t++)
        on += (size_t)__builtin_popcountll(a.sounding[t].word[0]) +
              (size_t)__builtin_popcountll(a.sounding[t].word[1]);
    assert_true(fabs(spiral_roll_nearest(&a, corpus, 1, T) - 1.0 / (double)on) < 1e-12);
    /* Nothing to compare, or nothing to compare with: infinitely far. */
    assert_true(isinf(spiral_roll_nearest(&a, NULL, 0, T)));
    assert_true(isinf(spiral_roll_nearest(&a, corpus, 1, 5 * T + 1)));
    assert_true(isinf(spiral_roll_nearest(&a, corpus, 1, 0)));
    assert_true(isinf(spiral_roll_nearest(&a, corpus, 1, -1)));
    memset(a.sounding, 0, 5 * T * sizeof *a.sounding);
    assert_true(isinf(spiral_roll_nearest(&a, corpus, 1, T)));
    spiral_roll_clear(&a);
    spiral_roll_clear(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_search),
        cmocka_unit_test(test_few_notes),
        cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

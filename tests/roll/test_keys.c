/* SPDX-License-Identifier: MIT
 *
 * Sets of keys: single bits, ranges, transposition, counts, comparison.
 */
#include "testing.h"

#include "base/rng.h"
#include "spiral/roll.h"

static void test_bits_are_set_and_removed(void **state) {
    (void)state;
    spiral_keys keys = {{0, 0}};
    for (int key = 0; key < 128; key += 3) spiral_keys_set(&keys, key, 1);
    for (int key = 0; key < 128; key += 2) spiral_keys_set(&keys, key, 0);
    for (int key = 0; key < 128; key++) assert_int_equal(spiral_keys_get(&keys, key), key % 6 == 3);
}

static void test_every_range(void **state) {
    (void)state;
    for (int low = 0; low < 128; low++)
        for (int high = low; high < 128; high++) {
            spiral_keys range = spiral_keys_range(low, high);
            for (int key = 0; key < 128; key++)
                if (spiral_keys_get(&range, key) != (key >= low && key <= high))
                    fail_msg("range %d..%d at key %d", low, high, key);
        }
}

static void test_every_transposition(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(3, 0);
    for (int semitones = -127; semitones <= 127; semitones++) {
        spiral_keys keys = {{spiral__rng_u64(&rng), spiral__rng_u64(&rng)}};
        spiral_keys moved = spiral_keys_transpose(keys, semitones);
        for (int key = 0; key < 128; key++) {
            int from = key - semitones;
            if (spiral_keys_get(&moved, key) != (from >= 0 && from < 128 && spiral_keys_get(&keys, from)))
                fail_msg("transposed by %d at key %d", semitones, key);
        }
    }
}

/* Of sets with one key, with all but one, and of random ones, against key by key. */
static void test_counts_and_common_keys(void **state) {
    (void)state;
    spiral__rng rng = spiral__rng_init(4, 0);
    const spiral_keys none = {{0, 0}}, all = spiral_keys_range(0, 127);
    assert_int_equal(spiral_keys_any(none), 0);
    assert_int_equal(spiral_keys_count(all), 128);
    for (int key = 0; key < 128; key++) {
        const spiral_keys a = {{spiral__rng_u64(&rng), spiral__rng_u64(&rng)}};
        const spiral_keys b = {{spiral__rng_u64(&rng), spiral__rng_u64(&rng)}};
        const spiral_keys common = spiral_keys_and(a, b);
        int count = 0;
        for (int k = 0; k < 128; k++) {
            assert_int_equal(spiral_keys_get(&common, k), spiral_keys_get(&a, k) && spiral_keys_get(&b, k));
            count += spiral_keys_get(&a, k);
        }
        assert_int_equal(spiral_keys_count(a), count);
        spiral_keys one = none, others = all;
        spiral_keys_set(&one, key, 1);
        spiral_keys_set(&others, key, 0);
        assert_true(spiral_keys_any(one) == 1 && spiral_keys_count(one) == 1);
        assert_int_equal(spiral_keys_count(others), 127);
        assert_true(spiral_keys_equal(all, all) && !spiral_keys_equal(all, others));
        assert_false(spiral_keys_equal(none, one));
        assert_false(spiral_keys_any(spiral_keys_and(one, others)));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_are_set_and_removed),
        cmocka_unit_test(test_every_range),
        cmocka_unit_test(test_every_transposition),
        cmocka_unit_test(test_counts_and_common_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Decoding by thresholds: logits above the threshold and equal to it, onsets of silent keys, keys at the
 * limits of the range, and the threshold for a given number of cells.
 */
#include <math.h>

#include "testing.h"
#include "base/rng.h"
#include "spiral/decode.h"

static int is_only(const spiral_keys *keys, int key) {
    spiral_keys wanted = {{0, 0}};
    if (key >= 0) spiral_keys_set(&wanted, key, 1);
    return !memcmp(keys, &wanted, sizeof wanted);
}

/* Cells above the threshold sound, those equal to it do not; an onset needs a sounding key; each plane has
 * its own threshold. */
static void cells_above_the_threshold_sound(void **state) {
    (void)state;
    const float logits[] = {1, 2, 3, /**/ 2, 1, 2.5f, /* onsets */ 9, 9, 9, /**/ 9, 9, 1};
    spiral_keys sounding[2], onsets[2];
    memset(sounding, 255, sizeof sounding); /* must be overwritten */
    memset(onsets, 255, sizeof onsets);
    assert_int_equal(spiral_decode_threshold(logits, 2, 63, 3, 2, 2, sounding, onsets, NULL), SPIRAL_OK);
    assert_true(is_only(&sounding[0], 65) && is_only(&sounding[1], 65));
    assert_true(is_only(&onsets[0], 65) && is_only(&onsets[1], -1));
    assert_int_equal(spiral_decode_threshold(logits, 2, 63, 3, 2, 0.5f, sounding, onsets, NULL), SPIRAL_OK);
    assert_true(is_only(&onsets[1], 65));
    spiral_keys four[4]; /* one plane: twice as many frames of the same numbers */
    assert_int_equal(spiral_decode_threshold(logits, 4, 63, 3, 8, 0, four, NULL, NULL), SPIRAL_OK);
    assert_true(is_only(&four[0], -1) && is_only(&four[1], -1));
    assert_true(four[2].word[0] == UINT64_C(1) << 63 && four[2].word[1] == 3);
    assert_true(four[3].word[0] == UINT64_C(1) << 63 && four[3].word[1] == 1);
}

static void what_is_not_a_number_is_silent(void **state) {
    (void)state;
    const float logits[] = {NAN, INFINITY, -INFINITY};
    spiral_keys sounding;
    assert_int_equal(spiral_decode_threshold(logits, 1, 60, 3, -1e30f, 0, &sounding, NULL, NULL), SPIRAL_OK);
    assert_true(is_only(&sounding, 61));
}

static void keys_must_be_within_0_to_127(void **state) {
    (void)state;
    float logits[128];
    spiral_keys sounding;
    for (int p = 0; p < 128; p++) logits[p] = 1;
    assert_int_equal(spiral_decode_threshold(logits, 1, 0, 128, 0, 0, &sounding, NULL, NULL), SPIRAL_OK);
    assert_true(sounding.word[0] == UINT64_MAX && sounding.word[1] == UINT64_MAX);
    const int bad[][2] = {{-1, 5}, {0, 0}, {0, 129}, {127, 2}, {128, 1}, {60, -3}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        spiral_error err;
        assert_int_equal(
            spiral_decode_threshold(logits, 1, bad[i][0], bad[i][1], 0, 0, &sounding, NULL, &err),
            SPIRAL_BAD_ARG);
    }
    spiral_error err;
    assert_int_equal(spiral_decode_threshold(logits, 1, 127, 2, 0, 0, &sounding, NULL, &err), SPIRAL_BAD_ARG);
    assert_string_equal(err.text, "2 keys from 127 on are not within 0 to 127");
}

static size_t above(const float *logits, size_t n, float threshold) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += logits[i] > threshold;
    return count;
}

static void a_threshold_for_a_number_of_cells(void **state) {
    (void)state;
    enum { N = 50 };
    float logits[N], sorted[N];
    spiral__rng rng = spiral__rng_init(1, 1);
    for (size_t i = 0; i < N; i++) logits[i] = (float)spiral__rng_normal(&rng);
    for (size_t wanted = 1; wanted <= N; wanted++)
        assert_int_equal(above(logits, N, spiral_decode_threshold_for_count(logits, N, wanted, sorted)),
                         wanted);
    assert_int_equal(above(logits, N, spiral_decode_threshold_for_count(logits, N, 0, sorted)), 0);
    assert_int_equal(above(logits, N, spiral_decode_threshold_for_count(logits, N, N + 9, sorted)), N);
    /* Equal logits are all above the threshold, even far from zero, where floats are far apart. */
    for (float value = -1000; value <= 1000; value += 1000) {
        for (size_t i = 0; i < N; i++) logits[i] = value;
        assert_int_equal(above(logits, N, spiral_decode_threshold_for_count(logits, N, 3, sorted)), N);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_above_the_threshold_sound),
        cmocka_unit_test(what_is_not_a_number_is_silent),
        cmocka_unit_test(keys_must_be_within_0_to_127),
        cmocka_unit_test(a_threshold_for_a_number_of_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

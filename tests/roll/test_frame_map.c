/* SPDX-License-Identifier: MIT
 *
 * The exact map from ticks to frames: positions summed tick by tick, in any order of calls.
 */
#include "testing.h"

#include "base/rng.h"
#include "roll/frame_map.h"

static void test_positions_do_not_depend_on_earlier_calls(void **state) {
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
    assert_int_equal(
        spiral__frame_map_create(&midi, (spiral_grid){SPIRAL_GRID_SECONDS, 10000, 0}, &map, NULL), SPIRAL_OK);
    size_t segment = 0;
    int64_t sum = 0, sums[LAST];
    for (int64_t tick = 0, i = -1; tick < LAST; tick++) { /* sums microseconds * 96, tick by tick */
        while (i + 1 < TEMPOS && tempos[i + 1].at_ticks <= tick) i++;
        sums[tick] = sum;
        sum += tempos[i].us_per_quarter;
    }
    for (int i = 0; i < 20000; i++) {
        int64_t tick = (int64_t)spiral__rng_below(&rng, LAST);
        assert_int_equal(spiral__frame_map_at(&map, tick, &segment), sums[tick]);
    }
    spiral__frame_map_destroy(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions_do_not_depend_on_earlier_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

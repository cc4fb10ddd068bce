/* SPDX-License-Identifier: MIT
 *
 * What is counted in a frame that was sampled, and the weight that it gets.
 */
#include <math.h>

#include "testing.h"
#include "decode/sampling.h"

/* The events of a frame with the keys `now` after one with the keys `before`; lists end with -1. */
static spiral__frame_events events_of(const int *before, const int *now, int parallels) {
    const spiral__features features = {.low = 0, .P = SPIRAL_KEY_COUNT};
    spiral__history history = {.t = 1};
    spiral__moment moment = {.features = &features, .history = &history};
    spiral__decided decided = {.count = 0};
    for (int i = 0; before[i] >= 0; i++) {
        spiral_keys_set(&history.sounding, before[i], 1);
        moment.before_count++;
    }
    for (int i = 0; now[i] >= 0; i++) {
        spiral_keys_set(&decided.sounding, now[i], 1);
        decided.key[decided.count++] = (uint8_t)now[i];
    }
    return spiral__frame_events_get(&moment, &decided, parallels);
}

static void parallels_count_only_where_the_number_of_keys_stays(void **state) {
    (void)state;
    const int two[] = {60, 67, -1}, moved[] = {62, 69, -1}, more[] = {62, 69, 76, -1};
    assert_int_equal(events_of(two, moved, 1).parallels, 1);
    assert_int_equal(events_of(two, more, 1).parallels, 0);
    assert_int_equal(events_of(more, two, 1).parallels, 0);
}

static void keys_a_semitone_apart_and_held_keys_are_counted(void **state) {
    (void)state;
    const int before[] = {60, 64, -1}, now[] = {60, 64, 65, -1};
    const spiral__frame_events e = events_of(before, now, 0);
    assert_int_equal(e.clashes, 1);
    assert_int_equal(e.held, 2);
    assert_int_equal(e.before, 2);
    assert_int_equal(e.now, 3);
    assert_true(e.changed);
    assert_false(events_of(before, before, 0).changed);
}

static void the_weight_is_the_sum_of_what_happens_and_at_most_0(void **state) {
    (void)state;
    spiral__frame_weights s = {.changed = -1, .clash = -2, .parallel = -4};
    const int two[] = {60, 67, -1}, moved[] = {62, 69, -1}, clash[] = {62, 63, -1};
    const spiral__frame_events plain = events_of(two, two, 0), parallel = events_of(two, moved, 1),
                               close = events_of(two, clash, 0);
    assert_true(spiral__frame_log_weight(&s, &plain, 1) == 0);
    assert_true(spiral__frame_log_weight(&s, &parallel, 1) == -5);
    assert_true(spiral__frame_log_weight(&s, &close, 1) == -3);
    s.same = 3;
    assert_true(spiral__frame_log_weight(&s, &plain, 1) == 0);
}

/* A positive weight of more keys weighs against frames that do not have more; voices 0: it does not count. */
static void a_wish_for_more_keys_weighs_against_fewer(void **state) {
    (void)state;
    spiral__frame_weights s = {.same = 0};
    s.more[2] = 2;
    const int one[] = {60, -1}, two[] = {60, 67, -1}, three[] = {60, 64, 67, -1};
    const spiral__frame_events fewer = events_of(two, one, 0), same = events_of(two, two, 0),
                               more = events_of(two, three, 0);
    assert_true(spiral__frame_log_weight(&s, &fewer, 1) == -2);
    assert_true(spiral__frame_log_weight(&s, &same, 1) == -2);
    assert_true(spiral__frame_log_weight(&s, &more, 1) == 0);
    assert_true(spiral__frame_log_weight(&s, &same, 0) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parallels_count_only_where_the_number_of_keys_stays),
        cmocka_unit_test(keys_a_semitone_apart_and_held_keys_are_counted),
        cmocka_unit_test(the_weight_is_the_sum_of_what_happens_and_at_most_0),
        cmocka_unit_test(a_wish_for_more_keys_weighs_against_fewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

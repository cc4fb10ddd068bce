/* SPDX-License-Identifier: MIT
 *
 * What is counted in a frame that was sampled, and the weight that it gets.
 */
#include <math.h>

#include "testing.h"
#include "decode/sampling.h"

/* The events of frame t with the keys `now` after one with the keys `before`; lists end with -1. */
static spiral__frame_events events_at(size_t t, const int *before, const int *now, int parallels) {
    const spiral__features features = {.low = 0, .P = SPIRAL_KEY_COUNT, .bar = 16};
    spiral__history history = {.t = t};
    spiral__moment moment = {.features = &features, .history = &history};
    spiral__decided decided = {.count = 0};
    for (int i = 0; before[i] >= 0; i++) {
        spiral_keys_set(&history.sounding, before[i], 1);
        moment.before[moment.before_count++] = (uint8_t)before[i];
    }
    for (int i = 0; now[i] >= 0; i++) {
        spiral_keys_set(&decided.sounding, now[i], 1);
        decided.key[decided.count++] = (uint8_t)now[i];
    }
    return spiral__frame_events_get(&moment, &decided, parallels);
}

static spiral__frame_events events_of(const int *before, const int *now, int parallels) {
    return events_at(1, before, now, parallels);
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
    spiral__frame_weights s = {.change = {-1}, .clash = -2, .parallel = -4};
    const int two[] = {60, 67, -1}, moved[] = {62, 69, -1}, clash[] = {62, 63, -1};
    const spiral__frame_events plain = events_of(two, two, 0), parallel = events_of(two, moved, 1),
                               close = events_of(two, clash, 0);
    assert_true(spiral__frame_log_weight(&s, &plain, 1) == 0);
    assert_true(spiral__frame_log_weight(&s, &parallel, 1) == -5);
    assert_true(spiral__frame_log_weight(&s, &close, 1) == -3);
    s.change[0] = 3; /* weighs against frames that do not change */
    assert_true(spiral__frame_log_weight(&s, &plain, 1) == -3);
    assert_true(spiral__frame_log_weight(&s, &parallel, 1) == -4);
    const spiral__frame_events beat = events_at(4, two, two, 0);
    assert_true(spiral__frame_log_weight(&s, &beat, 1) == 0);
}

static void frames_without_a_triad_and_beats_with_a_new_chord_weigh_less(void **state) {
    (void)state;
    const spiral__frame_weights s = {.no_triad = -1, .new_chord = -2};
    const int triad[] = {60, 64, 67, 76, -1}, minor[] = {57, 64, 72, -1}, fifth[] = {60, 67, -1};
    const spiral__frame_events off = events_at(5, triad, fifth, 0), on = events_at(8, triad, fifth, 0);
    assert_false(off.on_beat || off.new_chord);
    assert_true(off.no_triad);
    assert_true(on.on_beat && on.no_triad && on.new_chord);
    assert_true(spiral__frame_log_weight(&s, &off, 1) == -1);
    assert_true(spiral__frame_log_weight(&s, &on, 1) == -3);
    assert_false(events_at(8, fifth, triad, 0).no_triad);
    assert_false(events_at(8, fifth, minor, 0).no_triad);
}

/* A negative weight is for each semitone of the voices that rise, a positive one for those that fall. */
static void rising_and_falling_voices_are_weighed_by_semitones(void **state) {
    (void)state;
    const int before[] = {48, 60, 67, -1}, now[] = {50, 57, 67, -1}, two[] = {50, 57, -1};
    const spiral__frame_events e = events_of(before, now, 0);
    assert_int_equal(e.rises, 2);
    assert_int_equal(e.falls, 3);
    assert_int_equal(events_of(before, two, 0).rises, 0);
    const spiral__frame_weights down = {.rise = -0.5f}, up = {.rise = 0.5f};
    assert_true(spiral__frame_log_weight(&down, &e, 1) == -1);
    assert_true(spiral__frame_log_weight(&up, &e, 1) == -1.5f);
}

/* The keys 60 and 64 sounded for 20 frames and go on; then 71 begins too. It is fresh, and far from where the
 * third voice was. */
static void kept_keys_fresh_ones_and_strays_are_counted(void **state) {
    (void)state;
    const spiral__features features = {.low = 0, .P = SPIRAL_KEY_COUNT, .bar = 16};
    const int keys[] = {60, 64, 66};
    spiral__history history;
    spiral__history_begin(&history);
    for (int t = 0; t < 20; t++) {
        spiral_keys chord = {{0, 0}};
        for (int i = 0; i < (t < 10 ? 3 : 2); i++) spiral_keys_set(&chord, keys[i], 1);
        spiral__history_add(&features, &history, chord, NULL);
    }
    for (int i = 0; i < 2; i++) {
        spiral__moment moment;
        spiral__decided decided = {.count = 0};
        spiral__moment_init(&features, &history, NULL, &moment);
        spiral__decided_add(&features, &decided, 60, 0);
        spiral__decided_add(&features, &decided, 64, 0);
        if (i) spiral__decided_add(&features, &decided, 71, 1);
        const spiral__frame_events e = spiral__frame_events_get(&moment, &decided, 0);
        assert_int_equal(e.starts, i);
        assert_int_equal(e.kept, 2 * i);
        assert_int_equal(e.fresh, i);
        assert_int_equal(e.strays, i);
        assert_true(e.on_beat);
        assert_int_equal(e.new_chord, i);
    }
}

/* A positive weight of more keys weighs against frames that do not have more; voices 0: it does not count. */
static void a_density_of_more_keys_weighs_against_fewer(void **state) {
    (void)state;
    spiral__frame_weights s = {.clash = 0};
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
        cmocka_unit_test(frames_without_a_triad_and_beats_with_a_new_chord_weigh_less),
        cmocka_unit_test(rising_and_falling_voices_are_weighed_by_semitones),
        cmocka_unit_test(kept_keys_fresh_ones_and_strays_are_counted),
        cmocka_unit_test(a_density_of_more_keys_weighs_against_fewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * The events that are counted in a sampled frame, and the weight of the frame.
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

/* How often this way of a choice was chosen in this context. */
static int chosen(const spiral__frame_events *e, spiral__choice choice, int context, int way) {
    const spiral__choice_shape *shape = &spiral__choice_shapes[choice];
    int count = 0;
    assert_true(context < shape->contexts && way < shape->ways);
    for (int i = 0; i < e->chosen_count; i++)
        count += e->chosen[i] == shape->first + context * shape->ways + way;
    return count;
}

/* How often any way of a choice was chosen, in all contexts. */
static int chosen_at_all(const spiral__frame_events *e, spiral__choice choice) {
    int count = 0;
    for (int context = 0; context < spiral__choice_shapes[choice].contexts; context++)
        for (int way = 0; way < spiral__choice_shapes[choice].ways; way++)
            count += chosen(e, choice, context, way);
    return count;
}

static spiral_keys keys_of(const int *list) {
    spiral_keys keys = {{0, 0}};
    for (; *list >= 0; list++) spiral_keys_set(&keys, *list, 1);
    return keys;
}

/* The events of a frame in which the keys `now` sound; those that did not sound before begin. */
static spiral__frame_events events_after(const spiral__features *f, const spiral__history *h,
                                         const int *now) {
    spiral__moment moment;
    spiral__decided decided = {.count = 0};
    spiral__moment_init(f, h, NULL, &moment);
    for (; *now >= 0; now++)
        spiral__decided_add(f, &decided, *now, !spiral_keys_get(&h->sounding, f->low + *now));
    return spiral__frame_events_get(&moment, &decided, 0);
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
}

static void the_weight_is_the_sum_of_what_happens_and_at_most_0(void **state) {
    (void)state;
    spiral__frame_weights s = {.clash = -2, .parallel = -4};
    const int two[] = {60, 67, -1}, moved[] = {62, 69, -1}, clash[] = {62, 63, -1};
    const spiral__frame_events plain = events_of(two, two, 0), parallel = events_of(two, moved, 1),
                               close = events_of(two, clash, 0);
    assert_true(spiral__frame_log_weight(&s, &plain, 1) == 0);
    assert_true(spiral__frame_log_weight(&s, &parallel, 1) == -4);
    assert_true(spiral__frame_log_weight(&s, &close, 1) == -2);
    assert_int_equal(plain.chosen_count, 7); /* STARTS, CHORD, SPACING; REGISTER and OUTER of both keys */
    for (int i = 0; i < SPIRAL__WAYS; i++) s.way[i] = 0.25f;
    assert_true(spiral__frame_log_weight(&s, &plain, 1) == 0);
    assert_true(spiral__frame_log_weight(&s, &parallel, 1) == -2.25f);
    s.headroom = 2;
    assert_true(spiral__frame_log_weight(&s, &plain, 1) == -0.25f);
    assert_true(spiral__frame_log_weight(&s, &parallel, 1) == -4.25f);
}

static void a_beat_with_a_new_chord_weighs_less(void **state) {
    (void)state;
    const spiral__frame_weights s = {.new_chord = -2};
    const int triad[] = {60, 64, 67, 76, -1}, fifth[] = {60, 67, -1};
    const spiral__frame_events off = events_at(5, triad, fifth, 0), on = events_at(8, triad, fifth, 0);
    assert_false(off.on_beat || off.new_chord);
    assert_true(on.on_beat && on.new_chord);
    assert_true(spiral__frame_log_weight(&s, &off, 1) == 0);
    assert_true(spiral__frame_log_weight(&s, &on, 1) == -2);
}

/* Chords by their lowest key: C major and minor in three positions, and others. */
static void kinds_of_chords_are_counted_by_place(void **state) {
    (void)state;
    const struct {
        int keys[6], kind;
    } chords[] = {
        {{-1}, 0},
        {{60, 67, 72, -1}, 0},
        {{48, 64, 67, 72, -1}, 1},
        {{52, 60, 67, -1}, 2},
        {{55, 60, 64, -1}, 3},
        {{48, 63, 67, -1}, 4},
        {{51, 60, 67, -1}, 5},
        {{55, 60, 63, -1}, 6},
        {{43, 47, 53, 62, -1}, 7},  /* a dominant seventh chord */
        {{47, 53, 55, 62, -1}, 8},  /* with its third as the lowest key */
        {{50, 53, 55, 59, -1}, 9},  /* with its fifth */
        {{41, 50, 55, 59, -1}, 10}, /* with its seventh */
        {{47, 62, 65, -1}, 11},     /* diminished */
        {{48, 52, 56, -1}, 11},     /* augmented */
        {{48, 53, 55, -1}, 12},
        {{48, 50, 53, 55, -1}, 13},
        {{48, 50, 52, 53, 55, -1}, 14},
    };
    const int none[] = {-1};
    for (size_t i = 0; i < sizeof chords / sizeof *chords; i++)
        for (int t = 0; t < 32; t++) {
            const spiral__frame_events e = events_at((size_t)t, none, chords[i].keys, 0);
            const int place = !t ? SPIRAL__PLACES : t % 4 == 0 ? t / 4 % 4 : t % 4 == 2 ? 4 : 5;
            assert_int_equal(chosen(&e, SPIRAL__CHORD, place, chords[i].kind), 1);
            assert_int_equal(chosen_at_all(&e, SPIRAL__CHORD), 1);
            if (!t) assert_int_equal(e.chosen_count, 1 + chosen_at_all(&e, SPIRAL__REGISTER));
        }
}

/* In each bar a chord begins on three beats, and half a beat after the first and the third. */
static void keys_that_begin_are_counted_by_what_began_before(void **state) {
    (void)state;
    const spiral__features features = {.low = 0, .P = SPIRAL_KEY_COUNT, .planes = 2, .bar = 16};
    const int chord[] = {60, 64, -1}, other[] = {59, 65, 68, -1};
    const int begins[16] = {[0] = 1, [2] = 1, [4] = 1, [8] = 1, [10] = 1};
    /* On beats: half beats since a key last began. On half beats: on half of them a key began, the third of
     * five classes. */
    const int quiet[16] = {[0] = 2, [2] = 2, [4] = 0, [6] = 2, [8] = 1, [10] = 2, [12] = 0, [14] = 2};
    const spiral_keys keys = keys_of(chord), silent = {{0, 0}};
    spiral__history h;
    spiral__history_begin(&h);
    for (int t = 0; t < 80; t++) {
        const int at = t % 16, on_beat = t % 4 == 0, place = on_beat ? at / 4 : SPIRAL__HALF_BEAT;
        const int two_bars = t < 32 ? 0 : 1 + begins[at], four_bars = t < 64 ? 0 : 1 + begins[at];
        if (t >= 16 && t % 2 == 0) {
            const spiral__frame_events e = events_after(&features, &h, other);
            const int kind = !on_beat ? 0 : at == 12 ? 2 : 3; /* no key begins on beat 4 */
            assert_int_equal(chosen(&e, SPIRAL__ECHO, 9 * kind + 3 * two_bars + four_bars, 1), 1);
            assert_int_equal(chosen_at_all(&e, SPIRAL__ECHO), 1);
            assert_int_equal(chosen(&e, SPIRAL__STARTS, place * SPIRAL__QUIET + quiet[at], 3), 1);
            assert_int_equal(chosen_at_all(&e, SPIRAL__STARTS), 1);
        }
        spiral__history_add(&features, &h, keys, begins[at] ? &keys : &silent);
    }
    const spiral__frame_events e = events_after(&features, &h, chord); /* no key begins on this first beat */
    assert_int_equal(chosen(&e, SPIRAL__ECHO, 9 * 3 + 3 * 2 + 2, 0), 1);
    assert_int_equal(chosen(&e, SPIRAL__STARTS, 2, 0), 1);
}

/* A grid without bars has no beats. */
static void without_bars_all_frames_are_one_place(void **state) {
    (void)state;
    const spiral__features features = {.low = 0, .P = SPIRAL_KEY_COUNT, .planes = 2};
    const int chord[] = {60, 64, -1};
    const spiral_keys keys = keys_of(chord);
    spiral__history h;
    spiral__history_begin(&h);
    for (int t = 0; t < 100; t++) {
        const spiral__frame_events e = events_after(&features, &h, chord);
        assert_int_equal(chosen(&e, SPIRAL__STARTS, 0, t ? 0 : 2), t > 0);
        assert_int_equal(chosen(&e, SPIRAL__ECHO, t > 1 ? 9 * 2 : 9, 0), t > 0);
        assert_int_equal(chosen(&e, SPIRAL__OUTER, 0, 0), t > 0);
        assert_int_equal(chosen(&e, SPIRAL__CHORD, t ? 0 : SPIRAL__PLACES, 0), 1);
        spiral__history_add(&features, &h, keys, NULL);
    }
}

/* The lowest key rises and the highest falls; then both go on, reverse or stay. */
static void moves_of_the_outer_keys_are_counted_by_the_last_one(void **state) {
    (void)state;
    enum { ROSE_BY_A_STEP = 0, LEAPT = 1, FELL = 2, HIGHEST = 4, DOWN = 6 };
    const spiral__features features = {.low = 0, .P = SPIRAL_KEY_COUNT, .planes = 1, .bar = 16};
    const int first[] = {48, 60, 72, -1}, second[] = {50, 60, 69, -1}, third[] = {50, 60, 69, -1},
              fourth[] = {57, 60, 73, -1}, fifth[] = {45, 60, 68, -1};
    const int *frames[] = {first, second, third};
    spiral__history h;
    spiral__history_begin(&h);
    for (int t = 0; t < 3; t++) {
        const spiral__frame_events e = events_after(&features, &h, frames[t]);
        assert_int_equal(chosen_at_all(&e, SPIRAL__MOVE), 0); /* no key moved both before and now */
        spiral__history_add(&features, &h, keys_of(frames[t]), NULL);
    }
    const spiral__frame_events up = events_after(&features, &h, fourth),
                               down = events_after(&features, &h, fifth);
    assert_int_equal(chosen(&up, SPIRAL__MOVE, ROSE_BY_A_STEP, 4), 1);         /* a fifth */
    assert_int_equal(chosen(&up, SPIRAL__MOVE, HIGHEST + FELL + LEAPT, 2), 1); /* a third */
    assert_int_equal(chosen(&down, SPIRAL__MOVE, ROSE_BY_A_STEP, DOWN + 3), 1);
    assert_int_equal(chosen(&down, SPIRAL__MOVE, HIGHEST + FELL + LEAPT, DOWN), 1);
    assert_int_equal(chosen_at_all(&up, SPIRAL__MOVE), 2);
}

/* Key 48 has sounded for 3 frames and goes on; 70 began in the frame before, and 71 follows it. */
static void registers_and_onsets_of_the_outer_keys_are_counted(void **state) {
    (void)state;
    enum { ON_HALF_BEAT = SPIRAL__HALF_BEAT * SPIRAL__QUIET, HIGHEST = SPIRAL__PLACES * SPIRAL__QUIET };
    const spiral__features features = {.low = 21, .P = 88, .planes = 1, .bar = 16};
    const int first[] = {48, -1}, now[] = {48 - 21, 71 - 21, -1};
    spiral_keys keys = keys_of(first);
    spiral__history h;
    spiral__history_begin(&h);
    for (int t = 0; t < 6; t++) {
        if (t == 5) spiral_keys_set(&keys, 70, 1);
        spiral__history_add(&features, &h, t < 3 ? (spiral_keys){{0, 0}} : keys, NULL);
    }
    const spiral__frame_events e = events_after(&features, &h, now);
    assert_int_equal(chosen(&e, SPIRAL__REGISTER, 0, 24), 1);
    assert_int_equal(chosen(&e, SPIRAL__REGISTER, 1, 35), 1);
    assert_int_equal(chosen(&e, SPIRAL__OUTER, ON_HALF_BEAT + 1, 0), 1);
    assert_int_equal(chosen(&e, SPIRAL__OUTER, HIGHEST + ON_HALF_BEAT + 0, 1), 1);
    assert_int_equal(chosen_at_all(&e, SPIRAL__REGISTER) + chosen_at_all(&e, SPIRAL__OUTER), 4);
    const spiral__moment moment = {
        .features = &features, .history = &h, .before = {48 - 21, 70 - 21}, .before_count = 2};
    spiral__decided again = {.count = 0};
    for (int i = 0; i < 2; i++) spiral__decided_add(&features, &again, moment.before[i], i);
    const spiral__frame_events same = spiral__frame_events_get(&moment, &again, 0);
    assert_int_equal(chosen(&same, SPIRAL__OUTER, ON_HALF_BEAT + 1, 0), 1);
    assert_int_equal(chosen(&same, SPIRAL__OUTER, HIGHEST + ON_HALF_BEAT + 0, 2), 1);
}

static void spacings_and_strays_are_counted_by_semitones(void **state) {
    (void)state;
    const spiral__features features = {.low = 0, .P = SPIRAL_KEY_COUNT, .planes = 1, .bar = 16};
    const int first[] = {48, 60, 64, -1}, now[] = {48, 63, 90, -1};
    spiral__history h;
    spiral__history_begin(&h);
    for (int t = 0; t < 3; t++) spiral__history_add(&features, &h, keys_of(first), NULL);
    const spiral__frame_events e = events_after(&features, &h, now);
    assert_int_equal(chosen(&e, SPIRAL__SPACING, 0, 14), 1);
    assert_int_equal(chosen(&e, SPIRAL__SPACING, 1, 15), 1); /* 27 semitones count as 16 */
    assert_int_equal(chosen(&e, SPIRAL__STRAY, 1, 3), 1);    /* 60 -> 63; 48 did not begin */
    assert_int_equal(chosen(&e, SPIRAL__STRAY, 2, 15), 1);   /* 64 -> 90 */
    assert_int_equal(chosen(&e, SPIRAL__MOVE, 8, 2), 1);     /* the middle voice: a third up */
    assert_int_equal(chosen_at_all(&e, SPIRAL__MOVE), 1);    /* the highest did not move before */
    assert_int_equal(chosen_at_all(&e, SPIRAL__STRAY), 2);
}

/* Twenty voices that all move as they did before: the largest number of choices. */
static void many_keys_fit(void **state) {
    (void)state;
    const spiral__features features = {.low = 0, .P = SPIRAL_KEY_COUNT, .planes = 2, .bar = 16};
    int frames[3][21];
    for (int i = 0; i < 20; i++)
        for (int t = 0; t < 3; t++) frames[t][i] = 30 + 4 * i + t;
    for (int t = 0; t < 3; t++) frames[t][20] = -1;
    spiral__history h;
    spiral__history_begin(&h);
    for (int t = 0; t < 2; t++) spiral__history_add(&features, &h, keys_of(frames[t]), NULL);
    const spiral__frame_events e = events_after(&features, &h, frames[2]);
    assert_int_equal(e.chosen_count, SPIRAL__CHOSEN_MAX);
    assert_int_equal(chosen(&e, SPIRAL__STARTS, SPIRAL__HALF_BEAT * SPIRAL__QUIET + 2, SPIRAL__VOICES - 1),
                     1);
}

/* A negative weight counts each semitone of the voices that rise, a positive one of those that fall. */
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

/* The keys 60 and 64 have sounded for 20 frames and go on; then 71 begins, which makes it fresh. */
static void fresh_keys_are_counted(void **state) {
    (void)state;
    const spiral__features features = {.low = 0, .P = SPIRAL_KEY_COUNT, .bar = 16};
    const int keys[] = {60, 64, -1}, more[] = {60, 64, 71, -1};
    spiral__history history;
    spiral__history_begin(&history);
    for (int t = 0; t < 20; t++) spiral__history_add(&features, &history, keys_of(keys), NULL);
    const spiral__frame_events same = events_after(&features, &history, keys),
                               fresh = events_after(&features, &history, more);
    assert_int_equal(same.fresh, 0);
    assert_int_equal(same.new_chord, 0);
    assert_int_equal(fresh.begins, 1);
    assert_int_equal(fresh.fresh, 1);
    assert_int_equal(fresh.new_chord, 1);
}

/* A positive weight for more keys lowers the weight of frames that do not have more. With 0 voices it has no
 * effect. */
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
        cmocka_unit_test(a_beat_with_a_new_chord_weighs_less),
        cmocka_unit_test(kinds_of_chords_are_counted_by_place),
        cmocka_unit_test(keys_that_begin_are_counted_by_what_began_before),
        cmocka_unit_test(without_bars_all_frames_are_one_place),
        cmocka_unit_test(moves_of_the_outer_keys_are_counted_by_the_last_one),
        cmocka_unit_test(registers_and_onsets_of_the_outer_keys_are_counted),
        cmocka_unit_test(spacings_and_strays_are_counted_by_semitones),
        cmocka_unit_test(many_keys_fit),
        cmocka_unit_test(rising_and_falling_voices_are_weighed_by_semitones),
        cmocka_unit_test(fresh_keys_are_counted),
        cmocka_unit_test(a_density_of_more_keys_weighs_against_fewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

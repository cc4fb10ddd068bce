/* SPDX-License-Identifier: MIT
 *
 * spiral_generate_calibrate: each basis is sampled with its own weights, and these bring samples nearer to
 * the training music.
 */
#include <math.h>

#include "decode/sampling.h"
#include "model/decoder.h"
#include "random_models.h"

/* Of the open keys that sounded before, the share that begins again. */
static double again(const spiral_roll *roll, const spiral_keys *known) {
    double held = 0, begins = 0;
    for (size_t t = 1; t < roll->frames; t++)
        for (int key = LOW; key <= HIGH; key++) {
            if (known && spiral_keys_get(&known[t], key)) continue;
            if (!spiral_keys_get(&roll->sounding[t], key) || !spiral_keys_get(&roll->sounding[t - 1], key))
                continue;
            held++;
            begins += spiral_keys_get(&roll->onsets[t], key);
        }
    assert_true(held > 0);
    return begins / held;
}

/* Held keys always begin again in one basis, never in the others. */
static void each_basis_is_sampled_with_its_own_weights(void **state) {
    (void)state;
    spiral_model *m = random_model(2, 7);
    size_t n;
    float *tensor_data = tensor(m, "notes.sampling", &n), sketch[T * 2 * (HIGH - LOW + 1)];
    cells c;
    memset(&c, 0, sizeof c);
    for (size_t t = 0; t < T; t++) {
        c.known[t] = spiral_keys_range(HIGH - 4, 127);
        spiral_keys_set(&c.sounding[t], HIGH - 4, 1);
    }
    for (size_t i = 0; i < sizeof sketch / sizeof *sketch; i++) sketch[i] = 0.5f;
    for (int chosen = 0; chosen < SPIRAL__BASES; chosen++) {
        spiral__sampling s = {.calibrated = SPIRAL__CALIBRATED};
        for (int basis = 0; basis < SPIRAL__BASES; basis++)
            s.weights[basis].again = basis == chosen ? 60 : -60;
        memcpy(tensor_data, &s, sizeof s);
        for (int basis = 0; basis < SPIRAL__BASES; basis++) {
            spiral_generate_request q = request();
            spiral_roll roll;
            if (basis == SPIRAL__UNDER_GIVEN) give(&q, &c);
            if (basis == SPIRAL__SKETCHED) q.sketch = sketch;
            assert_int_equal(spiral_generate(m, &q, 1, &roll, NULL, NULL), SPIRAL_OK);
            assert_true(again(&roll, q.known) == (basis == chosen ? 1 : 0));
            spiral_roll_clear(&roll);
        }
    }
    /* Numbers that mean something else are not used. */
    tensor_data[0] = 1;
    assert_true(spiral__decoder_get_sampling(m).weights[0].again == 0);
    spiral_model_destroy(m);
}

/* Frames that equal the one before, in a share of all. */
static double unchanged(const spiral_roll *rolls, size_t n) {
    double same_frames = 0, frames = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 1; t < rolls[i].frames; t++, frames++)
            same_frames +=
                !memcmp(&rolls[i].sounding[t], &rolls[i].sounding[t - 1], sizeof *rolls[i].sounding);
    return same_frames / frames;
}

/* A model that was trained for a second: its errors are large. */
static void calibration_brings_samples_nearer_to_the_music(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    pieces p;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 300);
    pieces_add(&p, "b.mid", 2, 300);
    training t = piece_training();
    spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T);
    t.config.planes = 2;
    t.config.decoder = 12;
    t.plan.decoder_steps = 60;
    spiral_model *m = train(&t, c, c);
    enum { N = 60 };
    spiral_roll rolls[N];
    spiral_generate_request q = request();
    q.frames = 128, q.tries = 1;
    const double music = unchanged(spiral_corpus_get_roll(c, 0), 1);
    assert_true(spiral_generate_passage_limit(m) == 1); /* the music is compared with itself */
    size_t n = 0;
    float first[SPIRAL__SAMPLING_SIZE], *sampling = tensor(m, "notes.sampling", &n);
    assert_int_equal(n, SPIRAL__SAMPLING_SIZE);
    assert_int_equal(spiral_generate(m, &q, N, rolls, NULL, NULL), SPIRAL_OK);
    const double after = unchanged(rolls, N);
    clear(rolls, N);
    memcpy(first, sampling, sizeof first);
    memset(sampling, 0, sizeof first);
    assert_int_equal(spiral_generate(m, &q, N, rolls, NULL, NULL), SPIRAL_OK);
    const double before = unchanged(rolls, N);
    clear(rolls, N);
    assert_true(fabs(after - music) < fabs(before - music) / 2);
    assert_true(isnan(spiral_generate_passage_limit(m)));
    assert_int_equal(spiral_generate_calibrate(m, c, c, 64, 3, NULL), SPIRAL_OK);
    assert_memory_equal(first, sampling, sizeof first);
    spiral_error err;
    assert_fails(spiral_generate_calibrate(m, c, c, 7, 1, &err), SPIRAL_BAD_ARG, &err,
                 "samples is 7, must be 8 to 64");
    assert_fails(spiral_generate_calibrate(m, c, c, 65, 1, &err), SPIRAL_BAD_ARG, &err, "samples is 65");
    assert_memory_equal(first, sampling, sizeof first);
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* Under given voices eight pieces are sampled, every second of these sixteen: all have a single frame. */
static void music_of_single_frames_gives_finite_weights(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    pieces p;
    pieces_open(&p);
    for (int i = 0; i < 16; i++) {
        const char name[] = {(char)('a' + i), '.', 'm', 'i', 'd', 0};
        spiral_roll roll = piece_roll((uint64_t)i, i % 2 ? 40 : 1);
        if (i % 2 == 0) {
            roll.sounding[0] = (spiral_keys){{0, 0}};
            spiral_keys_set(&roll.sounding[0], PIECE_LOW + i / 2, 1);
        }
        pieces_add_roll(&p, name, &roll);
        spiral_roll_clear(&roll);
    }
    spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T);
    assert_int_equal(spiral_corpus_file_count(c), 16);
    for (size_t i = 0; i < 16; i += 2) assert_int_equal(spiral_corpus_get_roll(c, i)->frames, 1);
    spiral_model *m = random_model(2, 7);
    size_t n;
    assert_int_equal(spiral_generate_calibrate(m, c, NULL, 64, 1, NULL), SPIRAL_OK);
    const float *sampling = tensor(m, "notes.sampling", &n);
    assert_true(sampling[0] == SPIRAL__CALIBRATED);
    for (size_t i = 0; i < n; i++) assert_true(isfinite(sampling[i]));
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_basis_is_sampled_with_its_own_weights),
        cmocka_unit_test(calibration_brings_samples_nearer_to_the_music),
        cmocka_unit_test(music_of_single_frames_gives_finite_weights),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

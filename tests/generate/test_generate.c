/* SPDX-License-Identifier: MIT
 *
 * What comes out of a trained model: pieces as long as they went in, samples that a seed repeats and another
 * changes, never silence, ways from one piece to another that begin and end where they should.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../data/pieces.h"
#include "generate/path.h"
#include "spiral/generate.h"

static pieces p;
static spiral_model *models[3]; /* one plane; two planes, vae; trained to silence */

static spiral_model *train(int onsets, spiral_loss_kind loss) {
    spiral_train_options o = piece_training();
    spiral_corpus *c = pieces_corpus(p.folder, onsets, PIECE_T);
    spiral_model *m = NULL;
    spiral_error err = {.text = ""};
    o.model.planes = 1 + onsets;
    o.model.kind = onsets ? SPIRAL_MODEL_VAE : SPIRAL_MODEL_AE;
    o.steps = 200;
    o.loss.kind = loss;
    if (loss == SPIRAL_LOSS_DISTANCE_MASK) o.loss.bce = 0, o.learning_rate = 0.02;
    if (spiral_train(&o, c, c, p.model, 0, NULL, NULL, NULL, &m, &err) != SPIRAL_OK) fail_msg("%s", err.text);
    spiral_corpus_destroy(c);
    return m;
}

static int set_up(void **state) {
    (void)state;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 200);
    pieces_add(&p, "b.mid", 2, 200);
    models[0] = train(0, SPIRAL_LOSS_SPIRAL);
    models[1] = train(1, SPIRAL_LOSS_SPIRAL);
    models[2] = train(0, SPIRAL_LOSS_DISTANCE_MASK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) spiral_model_destroy(models[i]);
    pieces_close(&p);
    return 0;
}

/* A piece with its onsets, as the corpus has it. */
static spiral_roll piece(uint64_t seed, size_t columns, int onsets) {
    spiral_roll roll = piece_roll(seed, columns), out;
    spiral_roll_options options = piece_options();
    spiral_midi midi;
    options.onsets = onsets;
    assert_int_equal(spiral_midi_from_roll(&roll, &midi, NULL), SPIRAL_OK);
    assert_int_equal(spiral_roll_from_midi(&midi, &options, &out, NULL, NULL), SPIRAL_OK);
    assert_int_equal(out.frames, columns);
    spiral_midi_clear(&midi);
    spiral_roll_clear(&roll);
    return out;
}

static size_t cells(const spiral_roll *roll) {
    size_t on = 0;
    for (size_t t = 0; t < roll->frames; t++)
        for (int k = 0; k < 128; k++) on += (size_t)spiral_keys_get(&roll->sounding[t], k);
    return on;
}

static int same(const spiral_roll *a, const spiral_roll *b) {
    size_t size = a->frames * sizeof *a->sounding;
    return a->frames == b->frames && !a->onsets == !b->onsets && !memcmp(a->sounding, b->sounding, size) &&
           (!a->onsets || !memcmp(a->onsets, b->onsets, size));
}

/* Grid, planes and keys are the model's; the report tells the truth; every note lasts. */
static void check_roll(const spiral_model *m, const spiral_roll *roll, size_t columns,
                       const spiral_generate_report *report) {
    const spiral_keys mask = spiral_keys_range(PIECE_LOW, PIECE_HIGH);
    size_t repeats = 0;
    spiral_midi midi;
    assert_int_equal(roll->frames, columns);
    assert_int_equal(roll->grid.kind, SPIRAL_GRID_BEATS);
    assert_int_equal(roll->grid.steps_per_quarter, 4);
    assert_int_equal(roll->onsets != NULL, m->ae.planes == 2);
    for (size_t t = 0; t < columns; t++)
        for (int w = 0; w < 2; w++) {
            assert_true((roll->sounding[t].word[w] & ~mask.word[w]) == 0);
            if (roll->onsets) assert_true((roll->onsets[t].word[w] & ~roll->sounding[t].word[w]) == 0);
        }
    for (size_t t = 1; t < columns; t++)
        repeats += !memcmp(&roll->sounding[t], &roll->sounding[t - 1], sizeof *roll->sounding);
    assert_true(fabs(report->density - (double)cells(roll) / (double)columns) < 1e-12);
    assert_true(columns < 2 || fabs(report->edge_repeats - (double)repeats / (double)(columns - 1)) < 1e-12);
    assert_int_equal(spiral_midi_from_roll(roll, &midi, NULL), SPIRAL_OK);
    assert_true((midi.note_count > 0) == (cells(roll) > 0));
    for (size_t i = 0; i < midi.note_count; i++)
        assert_true(midi.notes[i].off_ticks > midi.notes[i].on_ticks);
    spiral_midi_clear(&midi);
}

/* Also lengths that are no multiple of anything, and shorter than a window. */
static void test_reconstruction(void **state) {
    (void)state;
    const size_t lengths[] = {200, 1, 3, PIECE_T, PIECE_T + 1, 61};
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            spiral_roll in = piece(1, lengths[k], i), out, again;
            spiral_generate_report report;
            in.quarters_per_min = 93;
            assert_int_equal(spiral_generate_reconstruction(models[i], &in, &out, &report, NULL), SPIRAL_OK);
            check_roll(models[i], &out, lengths[k], &report);
            assert_true(out.quarters_per_min == 93);
            if (k == 0) { /* a piece of the training, nearly as it was */
                size_t wrong = 0;
                for (size_t t = 0; t < in.frames; t++)
                    for (int w = 0; w < 2; w++)
                        wrong +=
                            (size_t)__builtin_popcountll(in.sounding[t].word[w] ^ out.sounding[t].word[w]);
                print_message("# model %d: %zu of %zu cells are wrong\n", i, wrong, cells(&in));
                assert_true(wrong < cells(&in) / 10);
                assert_int_equal(report.lowered, 0);
                assert_true(report.threshold == spiral_model_get_threshold(models[i]));
            }
            assert_int_equal(spiral_generate_reconstruction(models[i], &in, &again, NULL, NULL), SPIRAL_OK);
            assert_true(same(&out, &again));
            spiral_roll_clear(&in);
            spiral_roll_clear(&out);
            spiral_roll_clear(&again);
        }
}

static void test_sample(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        spiral_roll a, b, c, longer, still;
        spiral_generate_report report;
        assert_int_equal(spiral_generate_sample(models[i], 7, 1, 150, 77, &a, &report, NULL), SPIRAL_OK);
        check_roll(models[i], &a, 150, &report);
        assert_true(a.quarters_per_min == 77);
        assert_true(cells(&a) > 0 && report.edge_repeats < 0.95);
        assert_int_equal(spiral_generate_sample(models[i], 7, 1, 150, 77, &b, NULL, NULL), SPIRAL_OK);
        assert_true(same(&a, &b));
        assert_int_equal(spiral_generate_sample(models[i], 8, 1, 150, 77, &c, NULL, NULL), SPIRAL_OK);
        assert_false(same(&a, &c));
        /* A longer sample of the same seed begins with the shorter one. */
        assert_int_equal(spiral_generate_sample(models[i], 7, 1, 300, 77, &longer, &report, NULL), SPIRAL_OK);
        if (!report.lowered) assert_memory_equal(longer.sounding, a.sounding, 150 * sizeof *a.sounding);
        /* Without temperature the mean code for ever: every window is the same one. */
        assert_int_equal(spiral_generate_sample(models[i], 7, 0, 90, 77, &still, NULL, NULL), SPIRAL_OK);
        size_t hop = PIECE_T / 2;
        for (size_t t = 0; t + hop < 90; t++)
            assert_memory_equal(&still.sounding[t], &still.sounding[t + hop], sizeof *still.sounding);
        assert_true(cells(&still) > 0);
        spiral_roll_clear(&a);
        spiral_roll_clear(&b);
        spiral_roll_clear(&c);
        spiral_roll_clear(&longer);
        spiral_roll_clear(&still);
    }
}

/* A model of silence still sings: the threshold is lowered until as much sounds as in its training. */
static void test_never_silent(void **state) {
    (void)state;
    const spiral_model *m = models[2];
    double density = (double)*spiral__tensor_data(m, m->ae.density);
    const size_t lengths[] = {1, 2, 7, 150};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            spiral_roll out;
            spiral_generate_report report;
            assert_int_equal(spiral_generate_sample(m, seed, 1, lengths[k], 120, &out, &report, NULL),
                             SPIRAL_OK);
            check_roll(m, &out, lengths[k], &report);
            assert_true(cells(&out) > 0);
            assert_int_equal(report.lowered, 1);
            assert_true(report.threshold < spiral_model_get_threshold(m));
            if (lengths[k] == 150)
                assert_true(report.density > 0.8 * density && report.density < 1.5 * density);
            spiral_roll_clear(&out);
        }
    /* A silent piece comes back through a model that says next to nothing about it: not silent either. */
    spiral_roll in = piece(1, 60, 0), out;
    spiral_generate_report report;
    assert_int_equal(spiral_generate_reconstruction(m, &in, &out, &report, NULL), SPIRAL_OK);
    assert_true(report.lowered && cells(&out) > 0);
    spiral_roll_clear(&in);
    spiral_roll_clear(&out);
}

/* One key, one column, a logit far below zero: the smallest thing that can sound. */
static void test_one_cell(void **state) {
    (void)state;
    spiral_model_config config = models[0]->config;
    spiral_model *m;
    config.low = config.high = 60;
    config.frames = 1;
    assert_int_equal(spiral_model_create(&config, 1, &m, NULL), SPIRAL_OK);
    *spiral__tensor_data(m, m->ae.out_bias) = -1000;
    *spiral__tensor_data(m, m->ae.density) = 1;
    for (size_t columns = 1; columns <= 3; columns++) {
        spiral_roll out;
        spiral_generate_report report;
        assert_int_equal(spiral_generate_sample(m, 1, 1, columns, 120, &out, &report, NULL), SPIRAL_OK);
        assert_true(report.lowered && cells(&out) > 0);
        spiral_roll_clear(&out);
    }
    spiral_model_destroy(m);
}

static void test_between(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        spiral_roll a = piece(1, 120, i), b = piece(5, 120, i), from, to, out;
        spiral_generate_report report;
        a.quarters_per_min = 100, b.quarters_per_min = 140;
        assert_int_equal(spiral_generate_reconstruction(models[i], &a, &from, NULL, NULL), SPIRAL_OK);
        assert_int_equal(spiral_generate_reconstruction(models[i], &b, &to, NULL, NULL), SPIRAL_OK);
        assert_false(same(&from, &to));
        for (int path = SPIRAL_INTERPOLATION_SLERP; path <= SPIRAL_INTERPOLATION_LERP; path++) {
            const spiral_interpolation how = (spiral_interpolation)path;
            assert_int_equal(spiral_generate_interpolation(models[i], &a, &b, 0, how, &out, &report, NULL),
                             SPIRAL_OK);
            assert_true(same(&out, &from) && out.quarters_per_min == 100);
            spiral_roll_clear(&out);
            assert_int_equal(spiral_generate_interpolation(models[i], &a, &b, 1, how, &out, &report, NULL),
                             SPIRAL_OK);
            assert_true(same(&out, &to) && out.quarters_per_min == 140);
            spiral_roll_clear(&out);
            assert_int_equal(spiral_generate_interpolation(models[i], &a, &b, 0.5, how, &out, &report, NULL),
                             SPIRAL_OK);
            check_roll(models[i], &out, 120, &report);
            assert_false(same(&out, &from));
            assert_false(same(&out, &to));
            assert_true(out.quarters_per_min == 120);
            spiral_roll_clear(&out);
            /* From a piece to itself there is no way to go. */
            assert_int_equal(spiral_generate_interpolation(models[i], &a, &a, 0.3, how, &out, NULL, NULL),
                             SPIRAL_OK);
            assert_true(same(&out, &from));
            spiral_roll_clear(&out);
        }
        spiral_roll_clear(&a);
        spiral_roll_clear(&b);
        spiral_roll_clear(&from);
        spiral_roll_clear(&to);
    }
}

/* The shorter piece is repeated: the way begins with as many rounds of it as fit. */
static void test_between_lengths(void **state) {
    (void)state;
    spiral_roll a = piece(1, 40, 0), b = piece(2, 95, 0), round, out, wanted;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 200, 0, &round, NULL), SPIRAL_OK);
    for (size_t t = 0; t < 200; t++) round.sounding[t] = a.sounding[t % 40];
    assert_int_equal(
        spiral_generate_interpolation(models[0], &a, &b, 0, SPIRAL_INTERPOLATION_LERP, &out, NULL, NULL),
        SPIRAL_OK);
    assert_int_equal(spiral_generate_reconstruction(models[0], &round, &wanted, NULL, NULL), SPIRAL_OK);
    assert_int_equal(out.frames, 95);
    for (size_t t = 0; t < 95; t++) /* before its beginning and after its end it goes round as well */
        assert_memory_equal(&out.sounding[t], &wanted.sounding[40 + t], sizeof *out.sounding);
    spiral_roll_clear(&out);
    assert_int_equal(
        spiral_generate_interpolation(models[0], &b, &a, 0.5, SPIRAL_INTERPOLATION_SLERP, &out, NULL, NULL),
        SPIRAL_OK);
    assert_int_equal(out.frames, 95);
    spiral_roll_clear(&a);
    spiral_roll_clear(&b);
    spiral_roll_clear(&round);
    spiral_roll_clear(&out);
    spiral_roll_clear(&wanted);
}

/* The codes themselves: window i of a piece that goes round is a window of its repetitions written out. */
static void test_path_goes_round(void **state) {
    (void)state;
    const spiral_model *m = models[0];
    spiral_roll a = piece(1, 40, 0), round;
    spiral__path path, out;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 200, 0, &round, NULL), SPIRAL_OK);
    for (size_t t = 0; t < 200; t++) round.sounding[t] = a.sounding[t % 40];
    assert_int_equal(spiral__path_create(m, 95, &path, NULL), SPIRAL_OK);
    assert_int_equal(spiral__path_create(m, 200, &out, NULL), SPIRAL_OK);
    assert_int_equal(path.hop, PIECE_T / 2);
    assert_int_equal(spiral__path_encode(m, &a, 1, &path, NULL), SPIRAL_OK);
    assert_int_equal(spiral__path_encode(m, &round, 0, &out, NULL), SPIRAL_OK);
    assert_memory_equal(path.codes, out.codes + 40 / path.hop * m->ae.Z,
                        path.count * m->ae.Z * sizeof(float));
    /* Without going round the first window begins in silence. */
    assert_true(memcmp(path.codes, out.codes, m->ae.Z * sizeof(float)) != 0);
    assert_memory_equal(path.codes + m->ae.Z, out.codes + m->ae.Z, m->ae.Z * sizeof(float));
    spiral__path_clear(&path);
    spiral__path_clear(&out);
    spiral_roll_clear(&a);
    spiral_roll_clear(&round);
}

static void test_errors(void **state) {
    (void)state;
    spiral_roll in = piece(1, 40, 0), out = {.frames = 77}, bad = in;
    spiral_model *untrained;
    spiral_error err;
#define REFUSED(call, status, words)                            \
    do {                                                        \
        assert_int_equal(call, status);                         \
        if (!strstr(err.text, words)) fail_msg("%s", err.text); \
    } while (0)
    bad.grid.steps_per_quarter = 5;
    REFUSED(spiral_generate_reconstruction(models[0], &bad, &out, NULL, &err), SPIRAL_BAD_ARG, "grid");
    REFUSED(
        spiral_generate_interpolation(models[0], &in, &bad, 0, SPIRAL_INTERPOLATION_LERP, &out, NULL, &err),
        SPIRAL_BAD_ARG, "grid");
    bad.grid = (spiral_grid){SPIRAL_GRID_SECONDS, 10000, 4};
    REFUSED(spiral_generate_reconstruction(models[0], &bad, &out, NULL, &err), SPIRAL_BAD_ARG, "grid");
    bad = in;
    bad.frames = 0;
    REFUSED(spiral_generate_reconstruction(models[0], &bad, &out, NULL, &err), SPIRAL_BAD_ARG,
            "the roll has 0 columns, must be 1 to 4194304");
    REFUSED(spiral_generate_reconstruction(models[1], &in, &out, NULL, &err), SPIRAL_BAD_ARG, "onset");
    REFUSED(
        spiral_generate_interpolation(models[0], &in, &in, 1.5, SPIRAL_INTERPOLATION_LERP, &out, NULL, &err),
        SPIRAL_BAD_ARG, "position is 1.5, must be 0 to 1");
    REFUSED(
        spiral_generate_interpolation(models[0], &in, &in, NAN, SPIRAL_INTERPOLATION_LERP, &out, NULL, &err),
        SPIRAL_BAD_ARG, "position is nan");
    REFUSED(spiral_generate_sample(models[0], 1, -0.1, 9, 120, &out, NULL, &err), SPIRAL_BAD_ARG,
            "temperature is -0.1, must be 0 to 10");
    REFUSED(spiral_generate_sample(models[0], 1, NAN, 9, 120, &out, NULL, &err), SPIRAL_BAD_ARG,
            "temperature is nan");
    REFUSED(spiral_generate_sample(models[0], 1, 1, 0, 120, &out, NULL, &err), SPIRAL_BAD_ARG,
            "length is 0 columns");
    REFUSED(spiral_generate_sample(models[0], 1, 1, ((size_t)1 << 22) + 1, 120, &out, NULL, &err),
            SPIRAL_BAD_ARG, "length is 4194305 columns, must be 1 to 4194304");
    REFUSED(spiral_generate_sample(models[0], 1, 1, 9, 0, &out, NULL, &err), SPIRAL_BAD_ARG, "tempo is 0");
    assert_int_equal(spiral_model_create(&models[0]->config, 1, &untrained, NULL), SPIRAL_OK);
    REFUSED(spiral_generate_sample(untrained, 1, 1, 9, 120, &out, NULL, &err), SPIRAL_NO_DATA,
            "training is not finished");
#undef REFUSED
    assert_int_equal(out.frames, 77); /* untouched by all of these */
    spiral_model_destroy(untrained);
    spiral_roll_clear(&in);
}

/* Every column lies in a window with a weight, for odd and even windows, the shortest too: with logits that
 * do not depend on the code, the mixture is the window's own columns where only one is right. */
static void test_mixing(void **state) {
    (void)state;
    for (int T = 1; T <= 6; T++) {
        spiral_model_config config = models[0]->config;
        spiral_model *m;
        spiral_roll out;
        config.frames = T;
        assert_int_equal(spiral_model_create(&config, 1, &m, NULL), SPIRAL_OK);
        memset(m->arena, 0, m->tensors.trained * sizeof(float));
        for (size_t d = 0; d < m->ae.D; d++) /* key 3 sounds, whatever the column */
            spiral__tensor_data(m, m->ae.out_bias)[d] = d % (size_t)m->ae.P == 3 ? 0.75f : -0.75f;
        *spiral__tensor_data(m, m->ae.density) = 1;
        for (size_t columns = 1; columns < 20; columns++) {
            spiral_generate_report report;
            assert_int_equal(spiral_generate_sample(m, 1, 1, columns, 120, &out, &report, NULL), SPIRAL_OK);
            for (size_t t = 0; t < columns; t++)
                assert_true(out.sounding[t].word[0] == UINT64_C(1) << (PIECE_LOW + 3) &&
                            out.sounding[t].word[1] == 0);
            assert_int_equal(report.lowered, 0);
            spiral_roll_clear(&out);
        }
        spiral_model_destroy(m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reconstruction),  cmocka_unit_test(test_sample),
        cmocka_unit_test(test_never_silent),    cmocka_unit_test(test_one_cell),
        cmocka_unit_test(test_between),         cmocka_unit_test(test_between_lengths),
        cmocka_unit_test(test_errors),          cmocka_unit_test(test_mixing),
        cmocka_unit_test(test_path_goes_round),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

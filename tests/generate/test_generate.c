/* SPDX-License-Identifier: MIT
 *
 * What a trained model generates: reconstructions have the piece's length, a sample depends on its seed, no
 * result is silent, and interpolations begin and end at the reconstructions of their pieces.
 */
#include <math.h>

#include "testing.h"
#include "../train/training.h"
#include "generate/latents.h"

static pieces p;
static spiral_model *models[3]; /* one plane; two planes, vae; one that would give silence */

static spiral_model *train_on_pieces(int onsets, spiral_loss_kind loss) {
    training t = piece_training();
    spiral_corpus *c = pieces_corpus(p.folder, onsets, PIECE_T);
    t.config.planes = 1 + onsets;
    t.config.kind = onsets ? SPIRAL_MODEL_VAE : SPIRAL_MODEL_AE;
    t.plan.steps = 200;
    t.loss.kind = loss;
    if (loss == SPIRAL_LOSS_DISTANCE_MASK) t.loss.bce = 0, t.options.learning_rate = 0.02;
    spiral_model *m = train(&t, c, c);
    spiral_corpus_destroy(c);
    return m;
}

/* report may be NULL. */
static spiral_status sample(const spiral_model *m, uint64_t seed, double temperature, size_t frames,
                            double quarters_per_min, spiral_roll *out, spiral_generate_report *report,
                            spiral_error *err) {
    spiral_sample_options o;
    spiral_sample_options_default(&o, sizeof o);
    o.seed = seed, o.temperature = temperature, o.frames = frames, o.quarters_per_min = quarters_per_min;
    return spiral_generate_sample(m, &o, out, report, err);
}

static int set_up(void **state) {
    (void)state;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 200);
    pieces_add(&p, "b.mid", 2, 200);
    models[0] = train_on_pieces(0, SPIRAL_LOSS_SPIRAL);
    models[1] = train_on_pieces(1, SPIRAL_LOSS_SPIRAL);
    models[2] = train_on_pieces(0, SPIRAL_LOSS_DISTANCE_MASK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) spiral_model_destroy(models[i]);
    pieces_close(&p);
    return 0;
}

/* A piece as a corpus would have it, with onsets if they are wanted. */
static spiral_roll piece(uint64_t seed, size_t frames, int onsets) {
    spiral_roll roll = piece_roll(seed, frames), out;
    spiral_roll_options options = piece_options();
    spiral_midi midi;
    options.onsets = onsets;
    assert_int_equal(spiral_midi_from_roll(&roll, &midi, NULL), SPIRAL_OK);
    assert_int_equal(spiral_roll_from_midi(&midi, &options, &out, NULL, NULL), SPIRAL_OK);
    assert_int_equal(out.frames, frames);
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

/* Grid, planes and keys are the model's; the report is correct; every note has a length above 0. */
static void check_roll(const spiral_model *m, const spiral_roll *roll, size_t frames,
                       const spiral_generate_report *report) {
    const spiral_keys mask = spiral_keys_range(PIECE_LOW, PIECE_HIGH);
    size_t repeats = 0;
    spiral_midi midi;
    assert_int_equal(roll->frames, frames);
    assert_int_equal(roll->grid.kind, SPIRAL_GRID_BEATS);
    assert_int_equal(roll->grid.steps_per_quarter, 4);
    assert_int_equal(roll->onsets != NULL, m->ae.planes == 2);
    for (size_t t = 0; t < frames; t++)
        for (int w = 0; w < 2; w++) {
            assert_true((roll->sounding[t].word[w] & ~mask.word[w]) == 0);
            if (roll->onsets) assert_true((roll->onsets[t].word[w] & ~roll->sounding[t].word[w]) == 0);
        }
    for (size_t t = 1; t < frames; t++)
        repeats += !memcmp(&roll->sounding[t], &roll->sounding[t - 1], sizeof *roll->sounding);
    assert_true(fabs(report->density - (double)cells(roll) / (double)frames) < 1e-12);
    assert_true(frames < 2 || fabs(report->repeated_frames - (double)repeats / (double)(frames - 1)) < 1e-12);
    assert_int_equal(spiral_midi_from_roll(roll, &midi, NULL), SPIRAL_OK);
    assert_true((midi.note_count > 0) == (cells(roll) > 0));
    for (size_t i = 0; i < midi.note_count; i++)
        assert_true(midi.notes[i].off_ticks > midi.notes[i].on_ticks);
    spiral_midi_clear(&midi);
}

/* Also for lengths that are no multiple of a window, or shorter than one. */
static void a_reconstruction_is_as_long_as_the_piece(void **state) {
    (void)state;
    const size_t lengths[] = {200, 1, 3, PIECE_T, PIECE_T + 1, 61};
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
            spiral_roll in = piece(1, lengths[k], i), out, again;
            spiral_generate_report report = {.struct_size = sizeof report};
            in.quarters_per_min = 93;
            assert_int_equal(spiral_generate_reconstruction(models[i], &in, &out, &report, NULL), SPIRAL_OK);
            check_roll(models[i], &out, lengths[k], &report);
            assert_true(out.quarters_per_min == 93);
            if (k == 0) { /* a training piece is nearly unchanged */
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

static void the_same_seed_gives_the_same_sample(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        spiral_roll a, b, c, longer, still;
        spiral_generate_report report = {.struct_size = sizeof report};
        assert_int_equal(sample(models[i], 7, 1, 150, 77, &a, &report, NULL), SPIRAL_OK);
        check_roll(models[i], &a, 150, &report);
        assert_true(a.quarters_per_min == 77);
        assert_true(cells(&a) > 0 && report.repeated_frames < 0.95);
        assert_int_equal(sample(models[i], 7, 1, 150, 77, &b, NULL, NULL), SPIRAL_OK);
        assert_true(same(&a, &b));
        assert_int_equal(sample(models[i], 8, 1, 150, 77, &c, NULL, NULL), SPIRAL_OK);
        assert_false(same(&a, &c));
        /* A longer sample of the same seed begins with the shorter one. */
        assert_int_equal(sample(models[i], 7, 1, 300, 77, &longer, &report, NULL), SPIRAL_OK);
        if (!report.lowered) assert_memory_equal(longer.sounding, a.sounding, 150 * sizeof *a.sounding);
        /* At temperature 0 every latent is the mean: all windows are the same. */
        assert_int_equal(sample(models[i], 7, 0, 90, 77, &still, NULL, NULL), SPIRAL_OK);
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

/* If a model would give silence, the threshold is lowered until its training music's density is reached. */
static void a_result_is_never_silent(void **state) {
    (void)state;
    const spiral_model *m = models[2];
    double density = (double)*spiral__tensor_data(m, m->ae.density);
    const size_t lengths[] = {1, 2, 7, 150};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            spiral_roll out;
            spiral_generate_report report = {.struct_size = sizeof report};
            assert_int_equal(sample(m, seed, 1, lengths[k], 120, &out, &report, NULL), SPIRAL_OK);
            check_roll(m, &out, lengths[k], &report);
            assert_true(cells(&out) > 0);
            assert_int_equal(report.lowered, 1);
            assert_true(report.threshold < spiral_model_get_threshold(m));
            if (lengths[k] == 150)
                assert_true(report.density > 0.8 * density && report.density < 1.5 * density);
            spiral_roll_clear(&out);
        }
    /* The reconstruction by such a model is not silent either. */
    spiral_roll in = piece(1, 60, 0), out;
    spiral_generate_report report = {.struct_size = sizeof report};
    assert_int_equal(spiral_generate_reconstruction(m, &in, &out, &report, NULL), SPIRAL_OK);
    assert_true(report.lowered && cells(&out) > 0);
    spiral_roll_clear(&in);
    spiral_roll_clear(&out);
}

/* One key, one frame, a logit far below 0. */
static void the_smallest_model_is_never_silent(void **state) {
    (void)state;
    spiral_model_config config = models[0]->config;
    spiral_model *m;
    config.low = config.high = 60;
    config.frames = 1;
    assert_int_equal(spiral_model_create(&config, 1, &m, NULL), SPIRAL_OK);
    *spiral__tensor_data(m, m->ae.out_bias) = -1000;
    *spiral__tensor_data(m, m->ae.density) = 1;
    for (size_t frames = 1; frames <= 3; frames++) {
        spiral_roll out;
        spiral_generate_report report = {.struct_size = sizeof report};
        assert_int_equal(sample(m, 1, 1, frames, 120, &out, &report, NULL), SPIRAL_OK);
        assert_true(report.lowered && cells(&out) > 0);
        spiral_roll_clear(&out);
    }
    spiral_model_destroy(m);
}

static void an_interpolation_begins_and_ends_at_its_pieces(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        spiral_roll a = piece(1, 120, i), b = piece(5, 120, i), from, to, out;
        spiral_generate_report report = {.struct_size = sizeof report};
        a.quarters_per_min = 100, b.quarters_per_min = 140;
        assert_int_equal(spiral_generate_reconstruction(models[i], &a, &from, NULL, NULL), SPIRAL_OK);
        assert_int_equal(spiral_generate_reconstruction(models[i], &b, &to, NULL, NULL), SPIRAL_OK);
        assert_false(same(&from, &to));
        for (int i_kind = SPIRAL_INTERPOLATION_SLERP; i_kind <= SPIRAL_INTERPOLATION_LERP; i_kind++) {
            const spiral_interpolation how = (spiral_interpolation)i_kind;
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
            /* An interpolation from a piece to itself is its reconstruction. */
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

/* At position 0 the result is the reconstruction of the repeated piece. */
static void the_shorter_piece_is_repeated(void **state) {
    (void)state;
    spiral_roll a = piece(1, 40, 0), b = piece(2, 95, 0), round, out, wanted;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 200, 0, &round, NULL), SPIRAL_OK);
    for (size_t t = 0; t < 200; t++) round.sounding[t] = a.sounding[t % 40];
    assert_int_equal(
        spiral_generate_interpolation(models[0], &a, &b, 0, SPIRAL_INTERPOLATION_LERP, &out, NULL, NULL),
        SPIRAL_OK);
    assert_int_equal(spiral_generate_reconstruction(models[0], &round, &wanted, NULL, NULL), SPIRAL_OK);
    assert_int_equal(out.frames, 95);
    for (size_t t = 0; t < 95; t++) /* the piece is also repeated before frame 0 and after the last */
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

/* The windows of a piece encoded with `repeated` are those of a roll that has the piece five times. */
static void a_repeated_piece_has_the_latents_of_its_repetitions(void **state) {
    (void)state;
    const spiral_model *m = models[0];
    spiral_roll a = piece(1, 40, 0), round;
    spiral__latents latents, out;
    assert_int_equal(spiral_roll_create(PIECE_GRID, 200, 0, &round, NULL), SPIRAL_OK);
    for (size_t t = 0; t < 200; t++) round.sounding[t] = a.sounding[t % 40];
    assert_int_equal(spiral__latents_create(m, 95, &latents, NULL), SPIRAL_OK);
    assert_int_equal(spiral__latents_create(m, 200, &out, NULL), SPIRAL_OK);
    assert_int_equal(latents.hop, PIECE_T / 2);
    assert_int_equal(spiral__latents_encode(m, &a, 1, &latents, NULL), SPIRAL_OK);
    assert_int_equal(spiral__latents_encode(m, &round, 0, &out, NULL), SPIRAL_OK);
    assert_memory_equal(latents.z, out.z + 40 / latents.hop * m->ae.Z,
                        latents.count * m->ae.Z * sizeof(float));
    /* Not repeated, the first window begins in silence. */
    assert_true(memcmp(latents.z, out.z, m->ae.Z * sizeof(float)) != 0);
    assert_memory_equal(latents.z + m->ae.Z, out.z + m->ae.Z, m->ae.Z * sizeof(float));
    spiral__latents_clear(&latents);
    spiral__latents_clear(&out);
    spiral_roll_clear(&a);
    spiral_roll_clear(&round);
}

static void bad_arguments_are_refused(void **state) {
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
            "a roll of 0 frames, must be 1 to 4194304");
    REFUSED(spiral_generate_reconstruction(models[1], &in, &out, NULL, &err), SPIRAL_BAD_ARG, "onset");
    REFUSED(
        spiral_generate_interpolation(models[0], &in, &in, 1.5, SPIRAL_INTERPOLATION_LERP, &out, NULL, &err),
        SPIRAL_BAD_ARG, "position is 1.5, must be 0 to 1");
    REFUSED(
        spiral_generate_interpolation(models[0], &in, &in, NAN, SPIRAL_INTERPOLATION_LERP, &out, NULL, &err),
        SPIRAL_BAD_ARG, "position is nan");
    REFUSED(sample(models[0], 1, -0.1, 9, 120, &out, NULL, &err), SPIRAL_BAD_ARG,
            "temperature is -0.1, must be 0 to 10");
    REFUSED(sample(models[0], 1, NAN, 9, 120, &out, NULL, &err), SPIRAL_BAD_ARG, "temperature is nan");
    REFUSED(sample(models[0], 1, 1, 0, 120, &out, NULL, &err), SPIRAL_BAD_ARG, "a sample of 0 frames");
    REFUSED(sample(models[0], 1, 1, ((size_t)1 << 22) + 1, 120, &out, NULL, &err), SPIRAL_BAD_ARG,
            "a sample of 4194305 frames, must be 1 to 4194304");
    REFUSED(sample(models[0], 1, 1, 9, 0, &out, NULL, &err), SPIRAL_BAD_ARG, "tempo is 0");
    assert_int_equal(spiral_model_create(&models[0]->config, 1, &untrained, NULL), SPIRAL_OK);
    REFUSED(sample(untrained, 1, 1, 9, 120, &out, NULL, &err), SPIRAL_NO_DATA, "measure(rolls) before save");
#undef REFUSED
    assert_int_equal(out.frames, 77); /* no failed call has changed it */
    spiral_model_destroy(untrained);
    spiral_roll_clear(&in);
}

/* The weights of the windows of a frame never add up to 0, for odd and even T from 1 on: if the logits do not
 * depend on the latent, their weighted mean is the same logits. */
static void every_frame_is_in_a_window(void **state) {
    (void)state;
    for (int T = 1; T <= 6; T++) {
        spiral_model_config config = models[0]->config;
        spiral_model *m;
        spiral_roll out;
        config.frames = T;
        assert_int_equal(spiral_model_create(&config, 1, &m, NULL), SPIRAL_OK);
        memset(m->arena, 0, m->tensors.trained * sizeof(float));
        for (size_t d = 0; d < m->ae.D; d++) /* key 3 sounds, whatever the frame */
            spiral__tensor_data(m, m->ae.out_bias)[d] = d % (size_t)m->ae.P == 3 ? 0.75f : -0.75f;
        *spiral__tensor_data(m, m->ae.density) = 1;
        for (size_t frames = 1; frames < 20; frames++) {
            spiral_generate_report report = {.struct_size = sizeof report};
            assert_int_equal(sample(m, 1, 1, frames, 120, &out, &report, NULL), SPIRAL_OK);
            for (size_t t = 0; t < frames; t++)
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
        cmocka_unit_test(a_reconstruction_is_as_long_as_the_piece),
        cmocka_unit_test(the_same_seed_gives_the_same_sample),
        cmocka_unit_test(a_result_is_never_silent),
        cmocka_unit_test(the_smallest_model_is_never_silent),
        cmocka_unit_test(an_interpolation_begins_and_ends_at_its_pieces),
        cmocka_unit_test(the_shorter_piece_is_repeated),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(every_frame_is_in_a_window),
        cmocka_unit_test(a_repeated_piece_has_the_latents_of_its_repetitions),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

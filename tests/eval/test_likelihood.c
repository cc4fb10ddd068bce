/* SPDX-License-Identifier: MIT
 *
 * The likelihood of pieces: against the logits of the stream, cell by cell; the two simple models against
 * counts by hand; limits and errors.
 */
#include "model/decoder.h"
#include "testing.h"
#include "scoring.h"
#include "decode/stream.h"
#include "eval/baselines.h"
#include "eval/conditional.h"
#include "eval/likelihood.h"
#include "spiral/eval.h"

static spiral_model *decoding_model(int planes) {
    spiral_model_config config = scored_config(SPIRAL_MODEL_AE);
    spiral_model *m;
    config.planes = planes;
    config.decoder = 12;
    assert_int_equal(spiral_model_create(&config, 1, &m, NULL), SPIRAL_OK);
    return m;
}

/* Two pieces of a few frames. With an onset plane, notes are struck again in every fourth frame. */
static spiral_corpus *corpus_of(pieces *p, int planes) {
    pieces_open(p);
    pieces_add(p, "a.mid", 1, 70);
    pieces_add(p, "b.mid", 2, 21);
    return pieces_corpus(p->folder, planes == 2, PIECE_T);
}

static double nats_by_stream(const spiral_model *m, const spiral_roll *roll, size_t *notes,
                             double *changing) {
    const spiral__decoder_weights weights = spiral__decoder_get_weights(m);
    const int planes = m->config.planes;
    spiral__stream s;
    double sum = 0;
    assert_int_equal(spiral__stream_create(&weights, &s, NULL), SPIRAL_OK);
    spiral__stream_begin(&s);
    for (size_t t = 0; t < roll->frames; t++) {
        double frame = 0;
        int changes = 0;
        spiral__stream_begin_frame(&s, NULL);
        for (int p = 0; p < m->ae.P; p++) {
            const int key = m->config.low + p, on = spiral_keys_get(&roll->sounding[t], key);
            const int was = t > 0 && spiral_keys_get(&roll->sounding[t - 1], key);
            const int begins = on && (planes == 2 ? spiral_keys_get(&roll->onsets[t], key) : !was);
            float logits[2];
            spiral__stream_logits(&s, p, logits);
            frame +=
                bce_of(logits[0], (float)on) + (on && planes == 2 ? bce_of(logits[1], (float)begins) : 0);
            spiral__stream_set_key(&s, p, on, begins);
            *notes += (size_t)(begins || (on && !was));
            changes |= begins || on != was;
        }
        spiral__stream_end_frame(&s);
        sum += frame;
        if (changes) *changing += frame;
    }
    spiral__stream_clear(&s);
    return sum;
}

static void it_is_the_sum_over_the_streams_cells(void **state) {
    (void)state;
    for (int planes = 1; planes <= 2; planes++) {
        pieces p;
        spiral_corpus *c = corpus_of(&p, planes);
        spiral_model *m = decoding_model(planes);
        spiral__likelihood l;
        size_t notes = 0;
        double changing = 0, nats = 0;
        for (size_t i = 0; i < 2; i++)
            nats += nats_by_stream(m, spiral_corpus_get_roll(c, i), &notes, &changing);
        assert_int_equal(spiral__likelihood_of_corpus(m, c, 0, NULL, &l, NULL), SPIRAL_OK);
        assert_true(fabs(l.nats / nats - 1) < 1e-6);
        assert_true(fabs(l.changing_nats / changing - 1) < 1e-6 && changing < nats);
        assert_int_equal(l.frames, 91);
        assert_int_equal(l.notes, notes);
        /* Half of the frames: the beginnings of both pieces. */
        assert_int_equal(spiral__likelihood_of_corpus(m, c, 46, NULL, &l, NULL), SPIRAL_OK);
        assert_in_range(l.frames, 46, 47);
        spiral_model_destroy(m);
        spiral_corpus_destroy(c);
        pieces_close(&p);
    }
}

/* One key that sounds for two frames and is silent for two, repeatedly. */
static void the_simple_models_follow_their_counts(void **state) {
    (void)state;
    enum { T = 40 };
    pieces p;
    spiral_roll roll;
    pieces_open(&p);
    assert_int_equal(spiral_roll_create(PIECE_GRID, T, 0, &roll, NULL), SPIRAL_OK);
    for (size_t t = 0; t < T; t++) spiral_keys_set(&roll.sounding[t], PIECE_LOW, t % 4 < 2 || t + 1 == T);
    pieces_add_roll(&p, "a.mid", &roll);
    spiral_roll_clear(&roll);
    spiral_corpus *c = pieces_corpus(p.folder, 1, PIECE_T);
    spiral_model *m = decoding_model(2);
    spiral__baselines_measure(m, c);
    const float *markov = spiral__tensor_data(m, m->decoder.markov),
                *repeat = spiral__tensor_data(m, m->decoder.repeat);
    /* Transitions: silent -> silent 9, silent -> begins 11 (including the first and the last frame), begins
     * -> goes on 10, goes on -> silent 10. */
    const float of_key[9] = {9, 11, 0, 0, 0, 10, 10, 0, 0};
    assert_memory_equal(markov, of_key, sizeof of_key);
    assert_true(markov[9] == T); /* the next key never sounds */
    double nats, repeat_nats, all[3][3] = {{0}}, wanted = 0;
    spiral__baselines_score(m, c, &nats, &repeat_nats);
    const int keys = PIECE_HIGH - PIECE_LOW + 1;
    for (int from = 0; from < 3; from++)
        for (int to = 0; to < 3; to++) {
            double sum = 0, row = 0;
            for (int j = 0; j < 3; j++) row += (double)of_key[3 * from + j] + (from + j ? 0 : T * (keys - 1));
            sum = (double)of_key[3 * from + to] + (from + to ? 0 : T * (keys - 1));
            all[from][to] = (sum + 1.0 / 3) / (row + 1);
        }
    for (int from = 0; from < 3; from++)
        for (int to = 0; to < 3; to++) {
            const double n = (double)of_key[3 * from + to], row = from ? 10 : 20;
            if (n > 0) wanted -= n * log((n + all[from][to]) / (row + 1));
        }
    wanted -= T * (keys - 1) * log((T + all[0][0]) / (T + 1.0));
    assert_true(fabs(nats - wanted) < 1e-9 * wanted);
    double frames = 0;
    for (int i = 0; i < 9; i++) frames += (double)repeat[i];
    assert_true(frames == T * keys);
    assert_true(repeat_nats > 0);
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

/* Nats of the cells of frames begin .. end - 1 that are not in `known` (NULL: none is); the stream is given
 * `given` (NULL: nothing). */
static double open_nats_by_stream(const spiral_model *m, const spiral_roll *roll, const spiral_keys *given,
                                  size_t begin, size_t end, const spiral_keys *known) {
    const spiral__decoder_weights weights = spiral__decoder_get_weights(m);
    const spiral__conditions conditions = {
        .frames = roll->frames, .known = given, .sounding = roll->sounding, .onsets = roll->onsets};
    spiral__stream s;
    double sum = 0;
    assert_int_equal(spiral__stream_create(&weights, &s, NULL), SPIRAL_OK);
    spiral__stream_begin(&s);
    for (size_t t = 0; t < end; t++) {
        spiral__stream_begin_frame(&s, given ? &conditions : NULL);
        for (int p = 0; p < m->ae.P; p++) {
            const int key = m->config.low + p, on = spiral_keys_get(&roll->sounding[t], key);
            const int begins = spiral_keys_get(&roll->onsets[t], key);
            float logits[2];
            spiral__stream_logits(&s, p, logits);
            if (t >= begin && !(known && spiral_keys_get(&known[t], key)))
                sum += bce_of(logits[0], (float)on) + (on ? bce_of(logits[1], (float)begins) : 0);
            spiral__stream_set_key(&s, p, on, begins);
        }
        spiral__stream_end_frame(&s);
    }
    spiral__stream_clear(&s);
    return sum;
}

static void what_commands_would_write_is_scored_given_what_they_are_given(void **state) {
    (void)state;
    pieces p;
    spiral_corpus *c = corpus_of(&p, 2);
    spiral_model *m = decoding_model(2);
    spiral_task_nats continued, filled, harmonized;
    double half = 0, gap = 0, gap_past = 0, below = 0, below_past = 0, markov, repeat;
    const size_t bar = spiral__baselines_period(m);
    size_t gap_frames = 0;
    for (size_t i = 0; i < 2; i++) {
        const spiral_roll *roll = spiral_corpus_get_roll(c, i);
        spiral_keys around[70], top[70];
        const size_t begin = 2 * bar, end = 4 * bar < roll->frames ? 4 * bar : roll->frames;
        for (size_t t = 0; t < roll->frames; t++) {
            int highest = m->config.high; /* no frame of the pieces is silent */
            while (!spiral_keys_get(&roll->sounding[t], highest)) highest--;
            top[t] = spiral_keys_range(highest, m->config.high);
            around[t] = t >= begin && t < end ? (spiral_keys){{0, 0}} : spiral_keys_range(0, 127);
        }
        half += open_nats_by_stream(m, roll, NULL, roll->frames / 2, roll->frames, NULL);
        below += open_nats_by_stream(m, roll, top, 0, roll->frames, top);
        below_past += open_nats_by_stream(m, roll, NULL, 0, roll->frames, top);
        if (begin >= end) continue;
        gap += open_nats_by_stream(m, roll, around, begin, end, NULL);
        gap_past += open_nats_by_stream(m, roll, NULL, begin, end, NULL);
        gap_frames += end - begin;
    }
    assert_true(gap_frames > 0 && gap != gap_past && below != below_past);
    spiral__baselines_measure(m, c);
    assert_int_equal(spiral__conditional_likelihood(m, c, NULL, &continued, &filled, &harmonized, NULL),
                     SPIRAL_OK);
    assert_int_equal(continued.frames, 35 + 11);
    assert_int_equal(filled.frames, gap_frames);
    assert_int_equal(harmonized.frames, 91);
    assert_true(fabs(continued.nats_per_frame * 46 / half - 1) < 1e-6);
    assert_true(continued.past_only == continued.nats_per_frame);
    assert_true(fabs(filled.nats_per_frame * (double)gap_frames / gap - 1) < 1e-6);
    assert_true(fabs(filled.past_only * (double)gap_frames / gap_past - 1) < 1e-6);
    assert_true(fabs(harmonized.nats_per_frame * 91 / below - 1) < 1e-6);
    assert_true(fabs(harmonized.past_only * 91 / below_past - 1) < 1e-6);
    /* All cells are below the top voice, in it, or above it. */
    spiral__baselines_score(m, c, &markov, &repeat);
    assert_true(harmonized.markov > 0 && harmonized.markov * 91 < markov);
    assert_true(harmonized.repeat_bar > 0 && harmonized.repeat_bar * 91 < repeat);
    spiral_model_destroy(m);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

static void evaluation_has_it_for_models_with_a_decoder(void **state) {
    (void)state;
    pieces p;
    spiral_corpus *c = corpus_of(&p, 2);
    spiral_model *m = decoding_model(2);
    spiral_evaluation e = {.struct_size = sizeof e};
    spiral_metrics metrics = {.struct_size = sizeof metrics};
    spiral__likelihood l;
    spiral__baselines_measure(m, c);
    assert_int_equal(spiral__likelihood_of_corpus(m, c, 0, NULL, &l, NULL), SPIRAL_OK);
    for (int threads = 1; threads < 4; threads += 2) {
        assert_int_equal(spiral_model_evaluate(m, c, 0.05, threads, &e, &metrics, NULL, NULL), SPIRAL_OK);
        assert_int_equal(e.frames, l.frames);
        assert_true(e.nats_per_frame == l.nats / (double)l.frames);
        assert_true(e.nats_per_note == l.nats / (double)l.notes);
        assert_int_equal(e.harmonized.frames, l.frames);
        assert_true(e.markov_nats_per_frame > 0 && e.markov_nats_per_frame < e.nats_per_frame);
    }
    float *bias = spiral__tensor_data(m, m->decoder.out_bias);
    bias[0] = NAN;
    spiral_error err;
    assert_fails(spiral_model_evaluate(m, c, 0.05, 1, &e, &metrics, NULL, &err), SPIRAL_NUMERIC, &err,
                 "a.mid", "likelihood");
    spiral_model_destroy(m);
    const spiral_model_config without = scored_config(SPIRAL_MODEL_AE);
    spiral_corpus *one_plane = pieces_corpus(p.folder, 0, PIECE_T);
    assert_int_equal(spiral_model_create(&without, 1, &m, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_evaluate(m, one_plane, 0.05, 1, &e, &metrics, NULL, NULL), SPIRAL_OK);
    assert_true(e.frames == 0 && e.nats_per_frame == 0);
    spiral_model_destroy(m);
    spiral_corpus_destroy(one_plane);
    spiral_corpus_destroy(c);
    pieces_close(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_sum_over_the_streams_cells),
        cmocka_unit_test(the_simple_models_follow_their_counts),
        cmocka_unit_test(what_commands_would_write_is_scored_given_what_they_are_given),
        cmocka_unit_test(evaluation_has_it_for_models_with_a_decoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

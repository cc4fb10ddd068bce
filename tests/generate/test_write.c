/* SPDX-License-Identifier: MIT
 *
 * Writing with the note-by-note decoder: what is given stays, the same request gives the same bytes, key and
 * density have an effect, faults are found. Most models have random weights: these promises hold for any.
 */
#include <math.h>

#include "decode/sampling.h"
#include "decode/stream.h"
#include "eval/likelihood.h"
#include "model/decoder.h"
#include "spiral/isa.h"
#include "random_models.h"

/* ---- what is given ---- */

static spiral_keys random_keys(spiral__rng *rng, double share) {
    spiral_keys keys = {{0, 0}};
    for (int k = 0; k < 128; k++) spiral_keys_set(&keys, k, spiral__rng_uniform(rng) < share);
    return keys;
}

/* A mask of one of several kinds: single cells, whole frames, ranges of keys, a known beginning. */
static cells random_cells(uint64_t seed) {
    cells c;
    spiral__rng rng = spiral__rng_init(seed, 5);
    const int kind = (int)(seed % 4), cut = (int)spiral__rng_below(&rng, 128);
    const size_t end = (size_t)spiral__rng_below(&rng, T);
    for (size_t t = 0; t < T; t++) {
        const int whole = kind == 1 ? spiral__rng_uniform(&rng) < 0.5 : t < end;
        c.known[t] = kind == 0   ? random_keys(&rng, 0.3)
                     : kind == 2 ? spiral_keys_range(cut, 127)
                     : whole     ? spiral_keys_range(0, 127)
                                 : (spiral_keys){{0, 0}};
        c.sounding[t] = random_keys(&rng, 0.1);
        c.onsets[t] = random_keys(&rng, 0.5);
    }
    return c;
}

static void given_cells_are_never_changed(void **state) {
    (void)state;
    const spiral_keys range = spiral_keys_range(LOW, HIGH);
    for (uint64_t seed = 0; seed < 40; seed++)
        for (int i = 0; i < 2; i++) {
            const cells c = random_cells(seed);
            spiral_generate_request q = request();
            spiral_roll roll;
            give(&q, &c);
            q.seed = seed;
            assert_int_equal(spiral_generate(models[i], &q, 1, &roll, NULL, NULL), SPIRAL_OK);
            for (size_t t = 0; t < T; t++)
                for (int w = 0; w < 2; w++) {
                    const uint64_t known = c.known[t].word[w], sounds = roll.sounding[t].word[w];
                    assert_true((sounds & known) == (c.sounding[t].word[w] & known));
                    assert_true((sounds & ~known & ~range.word[w]) == 0);
                    if (i) assert_true((roll.onsets[t].word[w] & known) == (c.onsets[t].word[w] & known));
                    if (i) assert_true((roll.onsets[t].word[w] & ~known & ~sounds) == 0);
                }
            spiral_roll_clear(&roll);
        }
}

static void a_given_note_is_not_prolonged(void **state) {
    (void)state;
    size_t seen = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        const cells c = random_cells(seed);
        spiral_generate_request q = request();
        spiral_roll roll;
        give(&q, &c);
        assert_int_equal(spiral_generate(models[1], &q, 1, &roll, NULL, NULL), SPIRAL_OK);
        for (size_t t = 1; t < T; t++)
            for (int k = LOW; k <= HIGH; k++) {
                const int given =
                    spiral_keys_get(&c.known[t - 1], k) && spiral_keys_get(&c.sounding[t - 1], k);
                if (!given || spiral_keys_get(&c.known[t], k) || !spiral_keys_get(&roll.sounding[t], k))
                    continue;
                assert_true(spiral_keys_get(&roll.onsets[t], k));
                seen++;
            }
        spiral_roll_clear(&roll);
    }
    assert_true(seen > 5);
}

static void a_piece_that_is_all_given_comes_back(void **state) {
    (void)state;
    cells c = random_cells(1);
    spiral_generate_request q = request();
    spiral_generate_result result = {.struct_size = sizeof result};
    spiral_roll roll;
    for (size_t t = 0; t < T; t++) c.known[t] = spiral_keys_range(0, 127);
    give(&q, &c);
    assert_int_equal(spiral_generate(models[1], &q, 1, &roll, &result, NULL), SPIRAL_OK);
    assert_memory_equal(roll.sounding, c.sounding, sizeof c.sounding);
    assert_memory_equal(roll.onsets, c.onsets, sizeof c.onsets);
    assert_int_equal(result.open_frames, 0);
    assert_int_equal(result.faults, 0);
    spiral_roll_clear(&roll);
}

/* ---- repeatable ---- */

static void any_number_of_threads_gives_the_same_rolls(void **state) {
    (void)state;
    enum { N = 5 };
    spiral_roll first[N], rolls[N];
    spiral_generate_result results[N];
    for (int i = 0; i < N; i++) results[i].struct_size = sizeof results[i];
    spiral_generate_request q = request();
    q.seed = 11;
    for (int threads = 1; threads <= 3; threads++) {
        q.threads = threads;
        assert_int_equal(spiral_generate(models[1], &q, N, threads == 1 ? first : rolls, results, NULL),
                         SPIRAL_OK);
        for (int i = 0; i < N; i++) assert_int_equal(results[i].seed, 11 + i);
        for (int i = 0; threads > 1 && i < N; i++) assert_true(same(&first[i], &rolls[i]));
        if (threads > 1) clear(rolls, N);
    }
    q.seed = 14;
    assert_int_equal(spiral_generate(models[1], &q, 1, rolls, NULL, NULL), SPIRAL_OK);
    assert_true(same(&first[3], rolls)); /* variation 3 of seed 11 */
    for (int i = 1; i < N; i++) assert_false(same(&first[0], &first[i]));
    clear(rolls, 1);
    clear(first, N);
}

static void every_instruction_set_gives_the_same_rolls(void **state) {
    (void)state;
    const char *const isas[] = {"baseline", "avx2", "avx512"};
    spiral_roll first = {0}, roll;
    float sketch[T * 2 * (HIGH - LOW + 1)];
    const cells c = random_cells(4);
    spiral_generate_request q = request();
    for (size_t i = 0; i < sizeof sketch / sizeof *sketch; i++) sketch[i] = (float)(i % 97) / 97;
    give(&q, &c);
    q.sketch = sketch;
    q.tonic = 2;
    q.density = 1;
    for (int i = 0; i < 3; i++) {
        if (spiral_isa_set(isas[i], NULL) != SPIRAL_OK) continue;
        assert_int_equal(spiral_generate(models[1], &q, 1, i ? &roll : &first, NULL, NULL), SPIRAL_OK);
        if (i) assert_true(same(&first, &roll));
        if (i) spiral_roll_clear(&roll);
    }
    assert_int_equal(spiral_isa_set("auto", NULL), SPIRAL_OK);
    spiral_roll_clear(&first);
}

static void at_temperature_0_seeds_make_no_difference(void **state) {
    (void)state;
    spiral_roll rolls[2];
    spiral_generate_request q = request();
    q.temperature = 0;
    assert_int_equal(spiral_generate(models[1], &q, 2, rolls, NULL, NULL), SPIRAL_OK);
    assert_true(same(&rolls[0], &rolls[1]));
    clear(rolls, 2);
}

/* ---- likelihood ---- */

static void nats_are_those_of_the_training_code(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        spiral_generate_request q = request();
        spiral_generate_result result = {.struct_size = sizeof result};
        spiral__decoder_part part;
        spiral_roll roll;
        double nats = 0;
        assert_int_equal(spiral_generate(models[i], &q, 1, &roll, &result, NULL), SPIRAL_OK);
        assert_int_equal(spiral__decoder_part_create(models[i], T, 0, &part, NULL), SPIRAL_OK);
        spiral__decoder_part_forward(&part, T, roll.sounding, roll.onsets, NULL, NULL, NULL);
        for (size_t t = 0; t < T; t++)
            nats += spiral__frame_nats(
                &models[i]->decoder.features, part.logits + t * (size_t)((HIGH - LOW + 1) * (1 + i)),
                &roll.sounding[t], roll.onsets ? &roll.onsets[t] : NULL, NULL, 1, NULL);
        assert_true(fabs(result.nats_per_frame - nats / T) < 1e-4);
        assert_int_equal(result.open_frames, T);
        spiral__decoder_part_clear(&part);
        spiral_roll_clear(&roll);
    }
}

/* ---- key and density
 * ---------------------------------------------------------------------------------------
 */

enum { MANY = 24 };

static double scale_share(const spiral_roll *rolls, unsigned scale) {
    double inside = 0, all = 0;
    for (int i = 0; i < MANY; i++)
        for (size_t t = 0; t < T; t++)
            for (int k = LOW; k <= HIGH; k++) {
                const int on = spiral_keys_get(&rolls[i].sounding[t], k);
                all += on;
                inside += on && scale >> k % 12 & 1;
            }
    return inside / all;
}

/* p^(1 / temperature), divided by their sum, of where the lowest key of the first frame is; P: nowhere. */
static void lowest_key(const spiral_model *m, double temperature, double *p) {
    const spiral__decoder_weights weights = spiral__decoder_get_weights(m);
    const int P = HIGH - LOW + 1;
    spiral__stream stream;
    double left = 1, sum = 0;
    assert_int_equal(spiral__stream_create(&weights, &stream, NULL), SPIRAL_OK);
    spiral__stream_begin(&stream);
    spiral__stream_begin_frame(&stream, NULL);
    for (int k = 0; k < P; k++) {
        float x[2];
        spiral__stream_logits(&stream, k, x);
        p[k] = left / (1 + exp(-(double)x[0]));
        left -= p[k];
    }
    p[P] = left;
    for (int k = 0; k <= P; k++) sum += p[k] = pow(p[k], 1 / temperature);
    for (int k = 0; k <= P; k++) p[k] /= sum;
    spiral__stream_clear(&stream);
}

/* A bias up or down would show in the lowest key: each cell's bit alone is less likely than silence. */
static void temperature_sharpens_where_a_key_is_and_not_each_bit(void **state) {
    (void)state;
    enum { N = VALGRIND ? 200 : 4000, P = HIGH - LOW + 1 };
    static spiral_roll rolls[N];
    for (int i = 0; i < 3; i++) {
        spiral_generate_request q = request();
        q.frames = 1, q.tries = 1, q.temperature = (double[]){0.5, 1, 2}[i];
        double p[P + 1], counted[P + 1] = {0};
        lowest_key(models[1], q.temperature, p);
        assert_int_equal(spiral_generate(models[1], &q, N, rolls, NULL, NULL), SPIRAL_OK);
        for (int k = 0; k < N; k++) {
            int lowest = 0;
            while (lowest < P && !spiral_keys_get(&rolls[k].sounding[0], LOW + lowest)) lowest++;
            counted[lowest]++;
        }
        for (int k = 0; k <= P; k++) assert_true(fabs(counted[k] - N * p[k]) < 4.5 * sqrt(N * p[k]) + 2);
        clear(rolls, N);
    }
}

static void a_key_raises_the_share_of_its_scale(void **state) {
    (void)state;
    const unsigned d_major = 1u << 2 | 1u << 4 | 1u << 6 | 1u << 7 | 1u << 9 | 1u << 11 | 1u << 1;
    const unsigned d_minor = 1u << 2 | 1u << 4 | 1u << 5 | 1u << 7 | 1u << 9 | 1u << 10 | 1u << 0;
    spiral_roll rolls[MANY];
    spiral_generate_request q = request();
    assert_int_equal(spiral_generate(models[1], &q, MANY, rolls, NULL, NULL), SPIRAL_OK);
    const double major = scale_share(rolls, d_major), minor = scale_share(rolls, d_minor);
    clear(rolls, MANY);
    q.tonic = 2;
    assert_int_equal(spiral_generate(models[1], &q, MANY, rolls, NULL, NULL), SPIRAL_OK);
    assert_true(scale_share(rolls, d_major) > major + 0.15);
    clear(rolls, MANY);
    q.minor = 1;
    assert_int_equal(spiral_generate(models[1], &q, MANY, rolls, NULL, NULL), SPIRAL_OK);
    assert_true(scale_share(rolls, d_minor) > minor + 0.1);
    clear(rolls, MANY);
}

static void more_density_gives_more_voices(void **state) {
    (void)state;
    spiral_model *m = random_model(2, 3);
    size_t n;
    spiral_roll rolls[MANY];
    spiral_generate_request q = request();
    double before = 0;
    q.tries = 1;
    *tensor(m, "latents.density", &n) = 4;
    for (int density = -2; density <= 2; density++) {
        q.density = density;
        assert_int_equal(spiral_generate(m, &q, MANY, rolls, NULL, NULL), SPIRAL_OK);
        const double now = voices(rolls, MANY);
        assert_true(now > before + 0.2);
        before = now;
        clear(rolls, MANY);
    }
    spiral_model_destroy(m);
}

static void a_sketch_is_followed_by_a_model_that_reads_it(void **state) {
    (void)state;
    spiral_model *m = random_model(2, 3);
    const spiral__decoder *d = &m->decoder;
    /* One way through the head from "the sketch has this key" to "it sounds". */
    const size_t H = d->H, row = d->features.first_row[SPIRAL__HEAD_SKETCH_NEAR] + 6;
    memset(spiral__tensor_data(m, d->head_rows), 0, d->features.rows[SPIRAL__HEAD] * H * sizeof(float));
    memset(spiral__tensor_data(m, d->head0_weight), 0, H * H * sizeof(float));
    memset(spiral__tensor_data(m, d->head1_weight), 0, H * H * sizeof(float));
    memset(spiral__tensor_data(m, d->out_weight), 0, H * 2 * sizeof(float));
    spiral__tensor_data(m, d->head_rows)[row * H] = 40;
    spiral__tensor_data(m, d->head1_weight)[0] = 1;
    spiral__tensor_data(m, d->out_weight)[0] = 1;
    spiral__tensor_data(m, d->out_bias)[0] = -20;
    spiral_model_update(m);
    enum { P = HIGH - LOW + 1 };
    static float sketch[T * 2 * P];
    spiral_generate_request q = request();
    spiral_roll roll;
    memset(sketch, 0, sizeof sketch);
    for (size_t t = 0; t < T; t++) sketch[t * 2 * P + (t / 4) % P] = 1;
    q.sketch = sketch;
    q.tries = 1;
    assert_int_equal(spiral_generate(m, &q, 1, &roll, NULL, NULL), SPIRAL_OK);
    for (size_t t = 0; t < T; t++)
        for (int p = 0; p < P; p++)
            assert_int_equal(spiral_keys_get(&roll.sounding[t], LOW + p), p == (int)(t / 4) % P);
    spiral_roll_clear(&roll);
    spiral_model_destroy(m);
}

/* ---- guards ---- */

/* The random network gives every cell about the same logit; the sketch decides, at temperature 0 only. */
static void at_temperature_0_a_certain_sketch_is_written_out(void **state) {
    (void)state;
    enum { P = HIGH - LOW + 1 };
    static float sketch[T * 2 * P];
    spiral_roll out[2];
    spiral_generate_request q = request();
    for (size_t t = 0; t < T; t++)
        for (int p = 0; p < P; p++) sketch[t * 2 * P + (size_t)p] = p == (int)(t / 4) % P ? 1 : 0;
    q.sketch = sketch;
    q.temperature = 0;
    q.tries = 1;
    assert_int_equal(spiral_generate(models[1], &q, 1, &out[0], NULL, NULL), SPIRAL_OK);
    q.temperature = 1;
    assert_int_equal(spiral_generate(models[1], &q, 1, &out[1], NULL, NULL), SPIRAL_OK);
    for (size_t t = 0; t < T; t++) {
        assert_int_equal(count(out[0].sounding[t]), 1);
        assert_true(spiral_keys_get(&out[0].sounding[t], LOW + (int)(t / 4) % P));
    }
    assert_false(same(&out[0], &out[1]));
    clear(out, 2);
}

static spiral_generate_result guarded(float sounds, float begins, int tries) {
    spiral_model *m = random_model(2, 5);
    size_t n;
    spiral_roll roll;
    spiral_generate_request q = request();
    spiral_generate_result result = {.struct_size = sizeof result};
    float *bias = tensor(m, "notes.out.bias", &n);
    bias[0] = sounds, bias[1] = begins;
    q.frames = 200;
    q.tries = tries;
    assert_int_equal(spiral_generate(m, &q, 1, &roll, &result, NULL), SPIRAL_OK);
    spiral_roll_clear(&roll);
    spiral_model_destroy(m);
    return result;
}

static void faults_are_found_and_tried_again(void **state) {
    (void)state;
    spiral_generate_result r = guarded(-60, 0, 3);
    assert_true(r.faults & SPIRAL_GENERATE_SILENT && r.faults & SPIRAL_GENERATE_STUCK);
    assert_int_equal(r.tries, 3);
    r = guarded(60, -60, 1);
    assert_true(r.faults & SPIRAL_GENERATE_SMEARED && r.faults & SPIRAL_GENERATE_STUCK);
    assert_false(r.faults & SPIRAL_GENERATE_SILENT);
    assert_int_equal(r.tries, 1);
    assert_true(r.faults_seen == r.faults);
    r = guarded(-2, 0, 4);
    assert_int_equal(r.faults, 0);
    assert_int_equal(r.tries, 1);
}

/* ---- latents ---- */

static void latents_and_sketches_are_those_of_the_windows(void **state) {
    (void)state;
    enum { P = HIGH - LOW + 1, FRAMES = 21, W = 8, Z = 4 };
    const spiral_model *m = models[1];
    spiral_roll roll;
    spiral_model_work *work;
    float latents[3 * Z], one[Z], logits[2 * W * P], sketch[FRAMES * 2 * P];
    spiral_keys window[2 * W];
    assert_int_equal(spiral_roll_create(PIECE_GRID, FRAMES, 1, &roll, NULL), SPIRAL_OK);
    spiral__rng rng = spiral__rng_init(3, 3);
    for (size_t t = 0; t < FRAMES; t++) roll.sounding[t] = roll.onsets[t] = random_keys(&rng, 0.1);
    assert_int_equal(spiral_latents_count(m, FRAMES), 3);
    assert_int_equal(spiral_latents_from_roll(m, &roll, latents, NULL), SPIRAL_OK);
    assert_int_equal(spiral_sketch_from_latents(m, latents, FRAMES, sketch, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_work_create(m, &work, NULL), SPIRAL_OK);
    for (size_t i = 0; i < 3; i++) {
        memset(window, 0, sizeof window);
        for (size_t t = 0; t < W && i * W + t < FRAMES; t++)
            window[t] = window[W + t] = roll.sounding[i * W + t];
        spiral_model_encode(m, 1, window, one, NULL, work);
        assert_memory_equal(one, latents + i * Z, sizeof one);
        spiral_model_decode(m, 1, one, logits, work);
        for (size_t t = 0; t < W && i * W + t < FRAMES; t++)
            for (int k = 0; k < 2 * P; k++) {
                const double logit = logits[(k / P * W + (int)t) * P + k % P];
                assert_true(fabs(sketch[(i * W + t) * 2 * P + (size_t)k] - 1 / (1 + exp(-logit))) < 1e-6);
            }
    }
    spiral_model_work_destroy(work);
    spiral_roll_clear(&roll);
}

/* ---- refusals ---- */

static void refused(const spiral_model *m, const spiral_generate_request *q, size_t n, spiral_status status,
                    const char *word) {
    spiral_roll roll;
    spiral_error err = {.text = ""};
    assert_int_equal(spiral_generate(m, q, n, &roll, NULL, &err), status);
    if (!strstr(err.text, word)) fail_msg("\"%s\" is not in \"%s\"", word, err.text);
}

static void bad_requests_are_refused_by_value(void **state) {
    (void)state;
    const spiral_model *m = models[1];
    const cells c = random_cells(0);
    static float sketch[T * 2 * (HIGH - LOW + 1)];
    const struct {
        size_t offset;
        double value;
        int is_int;
        const char *word;
    } bad[] = {
#define FIELD(name, value, is_int, word) {offsetof(spiral_generate_request, name), value, is_int, word}
        FIELD(temperature, -1, 0, "-1"),
        FIELD(temperature, 10.5, 0, "10.5"),
        FIELD(temperature, NAN, 0, "nan"),
        FIELD(quarters_per_min, 0, 0, "tempo"),
        FIELD(quarters_per_min, 1001, 0, "1001"),
        FIELD(density, 4.5, 0, "4.5"),
        FIELD(density, INFINITY, 0, "inf"),
        FIELD(tonic, 12, 1, "12"),
        FIELD(tonic, -2, 1, "-2"),
        FIELD(tries, 0, 1, "tries is 0"),
        FIELD(tries, 101, 1, "101"),
        FIELD(threads, -1, 1, "threads is -1"),
        FIELD(threads, 1025, 1, "threads is 1025"),
#undef FIELD
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        spiral_generate_request q = request();
        unsigned char *field = (unsigned char *)&q + bad[i].offset;
        const int number = (int)bad[i].value;
        memcpy(field, bad[i].is_int ? (const void *)&number : (const void *)&bad[i].value,
               bad[i].is_int ? sizeof number : sizeof bad[i].value);
        refused(m, &q, 1, SPIRAL_BAD_ARG, bad[i].word);
    }
    spiral_generate_request q = request();
    q.frames = 0;
    refused(m, &q, 1, SPIRAL_BAD_ARG, "0 frames");
    q.frames = SPIRAL_GENERATE_FRAMES_MAX + 1;
    refused(m, &q, 1, SPIRAL_BAD_ARG, "4194305");
    q = request();
    refused(m, &q, 0, SPIRAL_BAD_ARG, "0 variations");
    q.known = c.known;
    refused(m, &q, 1, SPIRAL_BAD_ARG, "sounding");
    q.sounding = c.sounding;
    refused(m, &q, 1, SPIRAL_BAD_ARG, "onsets");
    q = request();
    sketch[17] = 1.5f;
    q.sketch = sketch;
    refused(m, &q, 1, SPIRAL_BAD_ARG, "sketch[17] is 1.5");
    q = request();
    q.struct_size = 8;
    refused(m, &q, 1, SPIRAL_BAD_ARG, "8");
    spiral_model_config config;
    spiral_model *none;
    spiral_model_config_default(&config, sizeof config);
    config.hidden = 8;
    assert_int_equal(spiral_model_create(&config, 1, &none, NULL), SPIRAL_OK);
    q = request();
    refused(none, &q, 1, SPIRAL_UNSUPPORTED, "decoder");
    spiral_model_destroy(none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_cells_are_never_changed),
        cmocka_unit_test(a_given_note_is_not_prolonged),
        cmocka_unit_test(a_piece_that_is_all_given_comes_back),
        cmocka_unit_test(any_number_of_threads_gives_the_same_rolls),
        cmocka_unit_test(every_instruction_set_gives_the_same_rolls),
        cmocka_unit_test(at_temperature_0_seeds_make_no_difference),
        cmocka_unit_test(nats_are_those_of_the_training_code),
        cmocka_unit_test(temperature_sharpens_where_a_key_is_and_not_each_bit),
        cmocka_unit_test(a_key_raises_the_share_of_its_scale),
        cmocka_unit_test(more_density_gives_more_voices),
        cmocka_unit_test(a_sketch_is_followed_by_a_model_that_reads_it),
        cmocka_unit_test(at_temperature_0_a_certain_sketch_is_written_out),
        cmocka_unit_test(faults_are_found_and_tried_again),
        cmocka_unit_test(latents_and_sketches_are_those_of_the_windows),
        cmocka_unit_test(bad_requests_are_refused_by_value),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: MIT
 *
 * Packs: the engine reads what the program wrote; damaged packs are refused with a message.
 */
#include <math.h>

#include "testing.h"
#include "../train/training.h"
#include "base/rng.h"
#include "pack/axes.h"
#include "pack/pack.h"
#include "spiral/generate.h"

static pieces p;
static spiral_model *model;
static spiral_corpus *music;

static int set_up(void **state) {
    training t = piece_training();
    (void)state;
    pieces_open(&p);
    pieces_add(&p, "a.mid", 1, 200);
    pieces_add(&p, "b.mid", 2, 120);
    music = pieces_corpus(p.folder, 1, PIECE_T);
    t.config.planes = 2;
    t.config.decoder = 16;
    t.plan.steps = 60;
    model = train(&t, music, music);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    spiral_model_destroy(model);
    spiral_corpus_destroy(music);
    pieces_close(&p);
    return 0;
}

static unsigned char *write_pack(int exact, size_t *size, spiral_pack_report *report) {
    spiral_pack_options o;
    unsigned char *bytes = NULL;
    spiral_error err;
    spiral_pack_options_default(&o, sizeof o);
    o.text = "{\"name\": \"h\xc3\xa9lice\"}";
    o.music = music;
    o.exact = exact;
    assert_int_equal(spiral_pack_write(model, &o, &bytes, size, report, &err), SPIRAL_OK);
    return bytes;
}

static void set_crc(unsigned char *bytes, size_t size) {
    const uint32_t crc = spiral__pack_crc(bytes + SPIRAL__PACK_HEAD, size - SPIRAL__PACK_HEAD);
    for (int i = 0; i < 4; i++) bytes[8 + i] = (unsigned char)(crc >> 8 * i);
}

/* ---- what is read is what was written ---- */

static void test_crc_is_that_of_png(void **state) {
    (void)state;
    assert_int_equal(spiral__pack_crc((const unsigned char *)"123456789", 9), 0xcbf43926);
}

static void test_exact_pack_has_the_same_weights(void **state) {
    size_t size, compared = 0;
    spiral_pack_report report = {.struct_size = sizeof report};
    unsigned char *bytes = write_pack(1, &size, &report);
    spiral__pack pack;
    (void)state;
    assert_true(report.sketch_error == 0 && report.sketch_largest == 0);
    assert_int_equal(spiral__pack_read(bytes, size, &pack, NULL), SPIRAL_OK);
    for (size_t i = 0; i < model->tensors.count; i++) {
        const spiral__tensor *t = &model->tensors.at[i];
        if (t->group == SPIRAL_TENSOR_MEASURED) continue;
        assert_memory_equal(model->arena + t->offset, pack.model->arena + t->offset,
                            t->rows * t->columns * sizeof(float));
        compared++;
    }
    assert_true(compared > 10);
    assert_string_equal(pack.text, "{\"name\": \"h\xc3\xa9lice\"}");
    spiral__pack_clear(&pack);
    free(bytes);
}

/* Weights of 8 bits change nothing without a sketch, and little with one. */
static void test_8_bits_leave_the_decoder_exact(void **state) {
    size_t size[2];
    spiral_pack_report report = {.struct_size = sizeof report};
    unsigned char *bytes[2] = {write_pack(0, &size[0], &report), write_pack(1, &size[1], NULL)};
    spiral__pack pack;
    spiral_generate_request q;
    spiral_roll rolls[2];
    (void)state;
    assert_true(size[0] + 4096 < size[1]);
    assert_true(report.sketch_error > 0 && report.sketch_error < 0.005);
    assert_true(report.sketch_largest < 0.1);
    assert_int_equal(spiral__pack_read(bytes[0], size[0], &pack, NULL), SPIRAL_OK);
    spiral_generate_request_default(&q, sizeof q);
    q.frames = 64;
    for (q.seed = 1; q.seed < 6; q.seed++) {
        assert_int_equal(spiral_generate(model, &q, 1, &rolls[0], NULL, NULL), SPIRAL_OK);
        assert_int_equal(spiral_generate(pack.model, &q, 1, &rolls[1], NULL, NULL), SPIRAL_OK);
        assert_memory_equal(rolls[0].sounding, rolls[1].sounding, 64 * sizeof(spiral_keys));
        assert_memory_equal(rolls[0].onsets, rolls[1].onsets, 64 * sizeof(spiral_keys));
        spiral_roll_clear(&rolls[0]);
        spiral_roll_clear(&rolls[1]);
    }
    spiral__pack_clear(&pack);
    free(bytes[0]);
    free(bytes[1]);
}

static void test_music_comes_back(void **state) {
    size_t size;
    unsigned char *bytes = write_pack(0, &size, NULL);
    spiral__pack pack;
    (void)state;
    assert_int_equal(spiral__pack_read(bytes, size, &pack, NULL), SPIRAL_OK);
    assert_int_equal(pack.music->count, 2);
    for (size_t i = 0; i < 2; i++) {
        const spiral_roll *roll = spiral_corpus_get_roll(music, i), *back = &pack.music->entries[i].roll;
        assert_int_equal(roll->frames, back->frames);
        assert_memory_equal(roll->sounding, back->sounding, roll->frames * sizeof(spiral_keys));
    }
    assert_string_equal(pack.music->entries[0].path, "a.mid");
    spiral__pack_clear(&pack);
    free(bytes);
}

/* ---- axes ---- */

/* The coordinates of typical latents give the latent again, and have mean 0, deviation 1 and no
 * correlation. */
static void test_coordinates_are_white_and_reversible(void **state) {
    enum { POINTS = 4000 };
    const size_t Z = model->ae.Z;
    float *axes = calloc(2 * Z * Z, sizeof *axes), *inverse = axes + Z * Z, z[64];
    double c[64], sum[64][64] = {{0}};
    const float *mean = spiral__tensor_data(model, model->ae.latents_mean);
    (void)state;
    assert_true(Z <= 64);
    assert_int_equal(spiral__axes_find(model, music, axes, inverse, NULL, NULL), SPIRAL_OK);
    for (size_t i = 0; i < POINTS; i++) {
        spiral__axes_typical_latent(model, i, z);
        for (size_t k = 0; k < Z; k++) {
            c[k] = 0;
            for (size_t j = 0; j < Z; j++)
                c[k] += (double)inverse[k * Z + j] * ((double)z[j] - (double)mean[j]);
        }
        for (size_t j = 0; j < Z; j++) {
            double back = (double)mean[j];
            for (size_t k = 0; k < Z; k++) back += c[k] * (double)axes[k * Z + j];
            assert_true(fabs(back - (double)z[j]) < 1e-3 * (1 + fabs((double)z[j])));
            for (size_t k = 0; k < Z; k++) sum[j][k] += c[j] * c[k] / POINTS;
        }
    }
    for (size_t j = 0; j < Z; j++)
        for (size_t k = 0; k < Z; k++) assert_true(fabs(sum[j][k] - (j == k)) < 0.15);
    free(axes);
}

static void test_an_axis_points_where_its_largest_effect_rises(void **state) {
    spiral_axis axes[4];
    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        assert_int_equal(spiral_pack_measure_axes(model, pass ? music : NULL, 4, axes, NULL), SPIRAL_OK);
        for (int i = 0; i < 4; i++) {
            double largest = 0;
#define SPIRAL_X(name) \
    if (fabs(axes[i].name##_sd) > fabs(largest)) largest = axes[i].name##_sd;
            SPIRAL_AXIS_EFFECT_LIST(SPIRAL_X)
#undef SPIRAL_X
            assert_true(largest > 0);
        }
    }
}

/* ---- what is refused ---- */

static void test_bad_arguments(void **state) {
    spiral_pack_options o;
    spiral_pack_report report = {.struct_size = 3};
    spiral_axis axis;
    spiral_error err;
    unsigned char *bytes;
    size_t size;
    spiral_model_config c = model->config;
    spiral_model *other;
    (void)state;
    spiral_pack_options_default(&o, sizeof o);
    assert_fails(spiral_pack_write(model, &o, &bytes, &size, &report, &err), SPIRAL_BAD_ARG, &err, "3");
    o.struct_size = 1;
    assert_fails(spiral_pack_write(model, &o, &bytes, &size, NULL, &err), SPIRAL_BAD_ARG, &err, "1");
    assert_fails(spiral_pack_measure_axes(model, music, 0, &axis, &err), SPIRAL_BAD_ARG, &err, "0 axes");
    assert_fails(spiral_pack_measure_axes(model, music, 99, &axis, &err), SPIRAL_BAD_ARG, &err, "99 axes");
    spiral_pack_options_default(&o, sizeof o);
    assert_int_equal(spiral_model_create(&c, 1, &other, NULL), SPIRAL_OK);
    assert_fails(spiral_pack_write(other, &o, &bytes, &size, NULL, &err), SPIRAL_NO_DATA, &err,
                 "not finished");
    spiral_model_destroy(other);
    c.decoder = 0;
    assert_int_equal(spiral_model_create(&c, 1, &other, NULL), SPIRAL_OK);
    assert_fails(spiral_pack_write(other, &o, &bytes, &size, NULL, &err), SPIRAL_UNSUPPORTED, &err,
                 "decoder");
    spiral_model_destroy(other);
}

static void test_every_shorter_pack_is_refused(void **state) {
    size_t size;
    unsigned char *bytes = write_pack(0, &size, NULL);
    spiral__pack pack;
    spiral_error err;
    (void)state;
    for (size_t n = 0; n < size; n += n < 200 || n + 200 > size ? 1 : 997) {
        unsigned char *part = malloc(n + 1); /* so that a sanitizer sees a read beyond it */
        memcpy(part, bytes, n);
        if (n > SPIRAL__PACK_HEAD) set_crc(part, n);
        part = realloc(part, n ? n : 1);
        assert_fails(spiral__pack_read(part, n, &pack, &err), SPIRAL_FORMAT, &err, "damaged");
        free(part);
    }
    free(bytes);
}

/* With bytes changed at random, and a wrong or a right checksum, a pack can be used or is refused. */
static void test_damage(void **state) {
    size_t size, refused = 0, read = 0;
    unsigned char *bytes = write_pack(0, &size, NULL), *copy = malloc(size);
    spiral_error err;
    (void)state;
    for (uint64_t i = 0; i < (SLOW ? 200 : 1000); i++) {
        spiral__rng rng = spiral__rng_init(i, 1);
        spiral__pack pack;
        memcpy(copy, bytes, size);
        const size_t within = i % 2 ? 200 : size; /* the head and the config, or anywhere */
        for (uint64_t k = 0; k <= i % 5; k++)
            copy[spiral__rng_below(&rng, within)] = (unsigned char)spiral__rng_below(&rng, 256);
        if (i % 3) {
            set_crc(copy, size);
            memcpy(copy, bytes, 8);
        }
        const spiral_status status = spiral__pack_read(copy, size, &pack, &err);
        read += status == SPIRAL_OK;
        refused += status != SPIRAL_OK && *err.text;
        spiral__pack_clear(&pack);
    }
    assert_true(refused > 50 && read > 10);
    assert_int_equal(refused + read, SLOW ? 200 : 1000);
    free(bytes);
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc_is_that_of_png),
        cmocka_unit_test(test_exact_pack_has_the_same_weights),
        cmocka_unit_test(test_8_bits_leave_the_decoder_exact),
        cmocka_unit_test(test_music_comes_back),
        cmocka_unit_test(test_coordinates_are_white_and_reversible),
        cmocka_unit_test(test_an_axis_points_where_its_largest_effect_rises),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_every_shorter_pack_is_refused),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

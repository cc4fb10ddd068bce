/* SPDX-License-Identifier: MIT
 *
 * Models made, saved and loaded: options out of range are refused, a file gives back every bit of its model,
 * and a damaged or foreign file is refused with a sentence that names it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "model/model.h"

static char folder[] = "/tmp/spiral-checkpoint-XXXXXX", path[64];

static int make_folder(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails if a temporary file was left behind */
}

static spiral_model_config tiny(void) {
    spiral_model_config config = spiral_model_config_default();
    config.roll.low = 60, config.roll.high = 61;
    config.frames = 2, config.latent = 2, config.hidden = 3;
    return config;
}

static spiral_model *create(const spiral_model_config *config, uint64_t seed) {
    spiral_model *m;
    assert_int_equal(spiral_model_create(config, seed, &m, NULL), SPIRAL_OK);
    return m;
}

/* Config, facts, threshold and notes that are not their defaults, so that none can be forgotten. */
static void test_round_trip(void **state) {
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        spiral_model_config config = tiny();
        if (variant & 1) config.kind = SPIRAL_MODEL_VAE, config.layers = 3, config.roll.drums = 1;
        if (variant & 2) {
            config.roll.onsets = 1;
            config.roll.grid = (spiral_grid){SPIRAL_GRID_BEATS, 0, 4};
        }
        spiral_model *a = create(&config, 9), *b = NULL;
        spiral__rng rng = spiral__rng_init(2, 2);
        for (size_t i = 0; i < spiral_model_tensor_count(a); i++) {
            spiral_tensor t = spiral_model_get_tensor(a, i);
            for (size_t k = 0; k < t.rows * t.columns; k++) t.data[k] = (float)spiral__rng_normal(&rng);
        }
        spiral__model_update(a, NULL);
        spiral_model_set_threshold(a, -0.7f);
        assert_int_equal(spiral_model_set_metadata(a, "data", "{\"files\":3}", NULL), SPIRAL_OK);
        assert_int_equal(spiral_model_set_metadata(a, "training", "{\"loss\":\"caf\xc3\xa9\"}", NULL),
                         SPIRAL_OK);
        assert_int_equal(spiral_model_save(a, path, NULL), SPIRAL_OK);
        assert_int_equal(spiral_model_load(path, &b, NULL), SPIRAL_OK);
        assert_memory_equal(&a->config, &b->config, sizeof a->config);
        assert_int_equal(a->tensors.floats, b->tensors.floats);
        assert_memory_equal(a->arena, b->arena, a->tensors.floats * sizeof(float));
        const spiral__note_input *x = &a->ae.input, *y = &b->ae.input; /* is up to date too */
        assert_memory_equal(x->sums, y->sums,
                            (size_t)(x->planes * x->keys * (x->frames + 1)) * x->width * sizeof(float));
        assert_true(spiral_model_get_threshold(b) == -0.7f);
        assert_string_equal(spiral_model_get_metadata(b, "data"), "{\"files\":3}");
        assert_string_equal(spiral_model_get_metadata(b, "training"), "{\"loss\":\"caf\xc3\xa9\"}");
        assert_string_equal(spiral_model_get_sha256(a), "");

        /* The same model gives the same file, and its digest is known. */
        unsigned char *first, *second;
        size_t first_size, second_size;
        char digest[65];
        assert_int_equal(spiral__file_read(path, 1 << 20, &first, &first_size, NULL), SPIRAL_OK);
        spiral__sha256(first, first_size, digest);
        assert_string_equal(spiral_model_get_sha256(b), digest);
        assert_int_equal(spiral_model_save(b, path, NULL), SPIRAL_OK);
        assert_int_equal(spiral__file_read(path, 1 << 20, &second, &second_size, NULL), SPIRAL_OK);
        assert_int_equal(first_size, second_size);
        assert_memory_equal(first, second, first_size);
        free(first);
        free(second);
        spiral_model_destroy(a);
        spiral_model_destroy(b);
    }
}

/* Names are all different, shapes fill the arena, the seed decides the weights. */
static void test_tensors(void **state) {
    (void)state;
    spiral_model_config config = tiny();
    config.layers = 3;
    spiral_model *a = create(&config, 1), *b = create(&config, 1), *c = create(&config, 2);
    size_t count = spiral_model_tensor_count(a);
    assert_int_equal(count, 4 + 2 * 2 + 4 * 3 + 2 + 7);
    for (size_t i = 0; i < count; i++) {
        spiral_tensor t = spiral_model_get_tensor(a, i);
        assert_true((uintptr_t)t.data % 64 == 0);
        for (size_t k = 0; k < i; k++) assert_string_not_equal(t.name, spiral_model_get_tensor(a, k).name);
    }
    assert_string_equal(spiral_model_get_tensor(a, 1).name, "encoder.1.weight");
    assert_string_equal(spiral_model_get_tensor(a, 2).name, "encoder.2.weight");
    assert_string_equal(spiral_model_get_tensor(a, count).name, ""); /* one past the last */
    assert_memory_equal(a->arena, b->arena, a->tensors.floats * sizeof(float));
    assert_true(memcmp(a->arena, c->arena, a->tensors.floats * sizeof(float)) != 0);
    assert_int_equal(spiral_model_set_metadata(a, "other", "{}", NULL), SPIRAL_BAD_ARG);
    assert_string_equal(spiral_model_get_metadata(a, "other"), "");
    spiral_model_destroy(a);
    spiral_model_destroy(b);
    spiral_model_destroy(c);
    spiral_model_destroy(NULL);
}

static void test_config_limits(void **state) {
    (void)state;
    const struct {
        size_t offset;
        int bad[2];
        const char *name;
    } fields[] = {
        {offsetof(spiral_model_config, roll.low), {-1, 128}, "lowest key is"},
        {offsetof(spiral_model_config, roll.high), {59, 128}, "highest key is"},
        {offsetof(spiral_model_config, frames), {0, 513}, "columns of a window is"},
        {offsetof(spiral_model_config, kind), {-1, 2}, "kind is"},
        {offsetof(spiral_model_config, latent), {0, 1025}, "code size is"},
        {offsetof(spiral_model_config, hidden), {0, 4097}, "hidden units is"},
        {offsetof(spiral_model_config, layers), {0, 9}, "hidden layers is"},
        {offsetof(spiral_model_config, roll.grid.kind), {-1, 2}, "grid is"},
        {offsetof(spiral_model_config, roll.grid.frame_us), {999, 1000001}, "microseconds per column is"},
    };
    spiral_model *m;
    spiral_error err;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        for (int k = 0; k < 2; k++) {
            spiral_model_config config = tiny();
            memcpy((char *)&config + fields[i].offset, &fields[i].bad[k], sizeof(int));
            assert_int_equal(spiral_model_create(&config, 0, &m, &err), SPIRAL_BAD_ARG);
            char value[40];
            snprintf(value, sizeof value, "%s %d, must be ", fields[i].name, fields[i].bad[k]);
            if (strncmp(err.text, value, strlen(value))) fail_msg("%s", err.text);
        }
    spiral_model_config config = tiny();
    config.roll.low = 0, config.roll.high = 127, config.frames = 512, config.roll.onsets = 1;
    assert_int_equal(spiral_model_create(&config, 0, &m, &err), SPIRAL_TOO_BIG);
    assert_string_equal(err.text, "a window of 131072 cells is above 65536, the limit");
    config.roll.onsets = 0;
    assert_int_equal(spiral_model_create(&config, 0, &m, &err), SPIRAL_OK); /* just as many as may be */
    spiral_model_destroy(m);
}

static void expect(spiral_status status, const char *text) {
    spiral_model *m = NULL;
    spiral_error err = {.text = ""};
    spiral_status got = spiral_model_load(path, &m, &err);
    if (got != status || !strstr(err.text, text) || strncmp(err.text, path, strlen(path)))
        fail_msg("status %d, \"%s\"; wanted \"%s\"", got, err.text, text);
    assert_null(m);
}

/* A new file each time: some file systems flush one that is cut to nothing and written again. */
static void write_bytes(const void *bytes, size_t size) {
    unlink(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Every cut and many flips of a whole model file: refused, or a model of finite numbers. */
static void test_damaged(void **state) {
    (void)state;
    spiral_model_config config = tiny();
    spiral_model *m = create(&config, 1);
    unsigned char *bytes;
    size_t size;
    assert_int_equal(spiral_model_save(m, path, NULL), SPIRAL_OK);
    spiral_model_destroy(m);
    assert_int_equal(spiral__file_read(path, 1 << 20, &bytes, &size, NULL), SPIRAL_OK);
    for (size_t cut = 0; cut < size; cut += 1 + cut / 64) {
        write_bytes(bytes, cut);
        expect(SPIRAL_FORMAT, "");
    }
    spiral__rng rng = spiral__rng_init(4, 4);
    size_t header = 8 + (size_t)spiral__le64(bytes), loaded = 0;
    for (int flip = 0; flip < 3000; flip++) {
        size_t bit = spiral__rng_below(&rng, 8 * header);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        write_bytes(bytes, size);
        spiral_error err = {.text = ""};
        spiral_status status = spiral_model_load(path, &m, &err);
        if (status == SPIRAL_OK) {
            for (size_t i = 0; i < m->tensors.floats; i++) assert_true(isfinite(m->arena[i]));
            assert_true(isfinite(m->threshold));
            spiral_model_destroy(m);
            loaded++;
        } else {
            assert_true(err.status == status && !strncmp(err.text, path, strlen(path)));
        }
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    print_message("# %zu of 3000 flips left a model\n", loaded);
    free(bytes);
}

/* Replaces the first `from` in the file's header by `to`, of the same length. */
static void edit(const char *from, const char *to) {
    unsigned char *bytes;
    size_t size, n = strlen(from);
    assert_int_equal(n, strlen(to));
    assert_int_equal(spiral__file_read(path, 1 << 24, &bytes, &size, NULL), SPIRAL_OK);
    size_t at = 8, end = 8 + (size_t)spiral__le64(bytes);
    while (at + n <= end && memcmp(bytes + at, from, n)) at++;
    if (at + n > end) fail_msg("no %s in the header", from);
    memcpy(bytes + at, to, n);
    write_bytes(bytes, size);
    free(bytes);
}

/* A valid model in the file: saved once, then written again from memory. */
static void save_tiny(void) {
    static unsigned char saved[8192];
    static size_t size;
    if (!size) {
        spiral_model_config config = tiny();
        spiral_model *m = create(&config, 1);
        unsigned char *bytes;
        assert_int_equal(spiral_model_save(m, path, NULL), SPIRAL_OK);
        assert_int_equal(spiral__file_read(path, sizeof saved, &bytes, &size, NULL), SPIRAL_OK);
        memcpy(saved, bytes, size);
        free(bytes);
        spiral_model_destroy(m);
    }
    write_bytes(saved, size);
}

static void edited(const char *from, const char *to, spiral_status status, const char *text) {
    save_tiny();
    edit(from, to);
    expect(status, text);
}

static void test_edited_config(void **state) {
    (void)state;
    edited("spiral-autoencoder-1", "spiral-autoencoder-2", SPIRAL_UNSUPPORTED,
           "model format \"spiral-autoencoder-2\" is not spiral-autoencoder-1");
    edited("\\\"seconds\\\"", "\\\"fortnit\\\"", SPIRAL_FORMAT, "grid \"fortnit\"");
    edited("\\\"kind\\\":\\\"ae\\\"", "\\\"kind\\\":\\\"xx\\\"", SPIRAL_FORMAT, "kind \"xx\"");
    edited("\\\"planes\\\":1", "\\\"planes\\\":3", SPIRAL_FORMAT, "planes");
    edited("\\\"planes\\\":1", "\\\"planes\\\":0", SPIRAL_FORMAT, "planes");
    edited("\\\"planes\\\":1", "\\\"planes\\\":2", SPIRAL_FORMAT, "");
    edited("\\\"hidden\\\":3", "\\\"hidden\\\":4", SPIRAL_FORMAT, "");
    edited("\\\"hidden\\\":3", "\\\"hidden\\\":0", SPIRAL_BAD_ARG, "hidden units is 0");
    edited("\\\"layers\\\":1", "\\\"layers\\\":2", SPIRAL_FORMAT, "");
    edited("\\\"layers\\\":1", "\\\"Layers\\\":1", SPIRAL_BAD_ARG, "hidden layers is -1");
    edited("\\\"code\\\":2", "\\\"code\\\":x", SPIRAL_FORMAT, "no config");

    edited("\\\"threshold\\\":0.0", "\\\"Threshold\\\":0.0", SPIRAL_FORMAT, "threshold is missing");
    edited("code.weight", "code.Weight", SPIRAL_FORMAT, "tensor \"code.weight\" is missing");
    edited("[3,2]", "[2,3]", SPIRAL_FORMAT, "tensor \"code.weight\"");
}

/* A kilobyte that says it is a model of gigabytes costs neither the memory nor the time. */
static void test_boasting_config(void **state) {
    (void)state;
    const char config[] = "{\\\"format\\\":\\\"spiral-autoencoder-1\\\",\\\"grid\\\":\\\"beats\\\","
                          "\\\"steps_per_quarter\\\":4,\\\"low\\\":0,\\\"high\\\":127,\\\"planes\\\":1,"
                          "\\\"kind\\\":\\\"ae\\\",\\\"columns\\\":512,\\\"code\\\":1024,\\\"hidden\\\":4096,"
                          "\\\"layers\\\":8,\\\"threshold\\\":0.0}";
    char header[1024];
    unsigned char bytes[1100] = {0};
    int n = snprintf(header, sizeof header, "{\"__metadata__\":{\"spiral\":\"%s\"}}", config);
    spiral__put_le64(bytes, (uint64_t)n);
    memcpy(bytes + 8, header, (size_t)n);
    write_bytes(bytes, 8 + (size_t)n);
    clock_t begin = clock();
    expect(SPIRAL_FORMAT, "");
    assert_true(clock() - begin < CLOCKS_PER_SEC / 2);
}

static void test_foreign(void **state) {
    (void)state;
    const char *const foreign[] = {
        "{\"weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"__metadata__\":{\"format\":\"pt\"},\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"
        "}",
        "{\"__metadata__\":{\"spiral\":\"no json\"},"
        "\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
    };
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        unsigned char bytes[300] = {0};
        size_t n = strlen(foreign[i]);
        spiral__put_le64(bytes, n);
        memcpy(bytes + 8, foreign[i], n);
        write_bytes(bytes, 8 + n + 4);
        expect(SPIRAL_FORMAT, "a safetensors file, but not a Spiral model: no config in it");
    }
    write_bytes("MThd\0\0\0\6 and so on", 18);
    expect(SPIRAL_FORMAT, "not a safetensors file, or cut short");
    unlink(path);
    expect(SPIRAL_IO, "cannot open");
    save_tiny();
}

static void test_not_finite(void **state) {
    (void)state;
    spiral_model_config config = tiny();
    spiral_model *m = create(&config, 1);
    spiral_model_get_tensor(m, 0).data[5] = NAN;
    assert_int_equal(spiral_model_save(m, path, NULL), SPIRAL_OK);
    expect(SPIRAL_NUMERIC, "tensor \"encoder.0.weight\": number 5 is not finite");
    spiral_model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_config_limits), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_edited_config), cmocka_unit_test(test_boasting_config),
        cmocka_unit_test(test_foreign),       cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

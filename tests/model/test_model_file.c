/* SPDX-License-Identifier: MIT
 *
 * Model files: every bit of a model is in its file, unknown fields are kept, and a damaged file or one of
 * another format is refused with a message that names it.
 */
#include <math.h>
#include <unistd.h>

#include "testing.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "model/checksum.h"
#include "model/model_file.h"

static char folder[] = "/tmp/spiral-model-file-XXXXXX", path[64];

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
    spiral_model_config config;
    spiral_model_config_default(&config, sizeof config);
    config.low = 60, config.high = 61;
    config.frames = 2, config.latent = 2, config.hidden = 3;
    return config;
}

static spiral_model *create(const spiral_model_config *config, uint64_t seed) {
    spiral_model *m;
    assert_int_equal(spiral_model_create(config, seed, &m, NULL), SPIRAL_OK);
    return m;
}

static spiral_model *load(void) {
    spiral_model *m;
    spiral_error err = {.text = ""};
    if (spiral_model_load(path, &m, &err) != SPIRAL_OK) fail_msg("%s", err.text);
    return m;
}

/* Every field, tensor, threshold and text differs from its initial value, so a field that is not saved is
 * found. */
static spiral_model *unusual_model(int variant) {
    spiral_model_config config = tiny();
    if (variant & 1) config.kind = SPIRAL_MODEL_VAE, config.layers = 3, config.drums = 1;
    if (variant & 2) {
        config.planes = 2, config.pedal = 1, config.out_of_range = SPIRAL_OUT_OF_RANGE_FOLD;
        config.grid = (spiral_grid){SPIRAL_GRID_BEATS, 10000, 6};
    }
    spiral_model *m = create(&config, 9);
    spiral__rng rng = spiral__rng_init(2, 2);
    for (size_t i = 0; i < spiral_model_tensor_count(m); i++) {
        const spiral_tensor *t = spiral_model_get_tensor(m, i);
        for (size_t k = 0; k < t->rows * t->columns; k++) t->data[k] = (float)spiral__rng_normal(&rng);
    }
    spiral_model_update(m);
    assert_int_equal(spiral_model_set_threshold(m, -0.7f, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_set_metadata(m, "data", "{\"files\":3}", NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_set_metadata(m, "training", "{\"loss\":\"caf\xc3\xa9\"}", NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_set_metadata(m, "card", "of another program", NULL), SPIRAL_OK);
    return m;
}

static void assert_same_model(const spiral_model *a, const spiral_model *b) {
    assert_memory_equal(&a->config, &b->config, sizeof a->config);
    assert_int_equal(a->tensors.floats, b->tensors.floats);
    assert_memory_equal(a->arena, b->arena, a->tensors.floats * sizeof(float));
    const spiral__note_input *x = &a->ae.input, *y = &b->ae.input; /* derived from the weights */
    assert_memory_equal(x->sums, y->sums,
                        (size_t)(x->planes * x->keys * (x->frames + 1)) * x->width * sizeof(float));
    assert_true(spiral_model_get_threshold(a) == spiral_model_get_threshold(b));
    assert_true(json_equal(a->metadata, b->metadata));
    assert_true(json_equal(a->unknown, b->unknown));
}

static void a_saved_model_returns_bit_for_bit(void **state) {
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        spiral_model *a = unusual_model(variant);
        assert_string_equal(spiral_model_get_sha256(a), "");
        assert_int_equal(spiral_model_save(a, path, NULL), SPIRAL_OK);
        spiral_model *b = load();
        assert_same_model(a, b);
        assert_string_equal(spiral_model_get_metadata(b, "card"), "of another program");

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

/* Other weights than the model's own, and further arrays, as training saves them. */
static void weights_and_more_arrays_can_be_given(void **state) {
    (void)state;
    spiral_model *a = unusual_model(0);
    const size_t n = a->tensors.trained;
    float *other = calloc(n, sizeof *other), *arena = malloc(a->tensors.floats * sizeof *arena);
    const float more[3] = {1, 2, 3};
    float back[3];
    memcpy(arena, a->arena, a->tensors.floats * sizeof *arena);
    for (size_t i = 0; i < a->tensors.count; i++) /* only tensors, not the gaps between them */
        for (size_t k = 0; k < a->tensors.at[i].rows * a->tensors.at[i].columns; k++)
            if (a->tensors.at[i].group != SPIRAL_TENSOR_MEASURED)
                other[a->tensors.at[i].offset + k] = (float)(i + k) / 8;
    const spiral__array extra = {"resume.something", 1, 3, more};
    const spiral__model_parts parts = {a, other, &extra, 1};
    spiral__model_file file;
    assert_int_equal(spiral__model_file_save(&parts, path, NULL), SPIRAL_OK);
    assert_memory_equal(a->arena, arena, a->tensors.floats * sizeof *arena); /* the model is unchanged */
    spiral_model *b = load();
    assert_memory_equal(b->arena, other, n * sizeof *other);
    assert_memory_equal(b->arena + n, arena + n, (a->tensors.floats - n) * sizeof *arena);
    assert_int_equal(spiral__model_file_load(path, &file, NULL), SPIRAL_OK);
    assert_int_equal(spiral__safetensors_get(&file.container, "resume.something", 1, 3, back, NULL),
                     SPIRAL_OK);
    assert_memory_equal(back, more, sizeof back);

    /* Reading the trained tensors into another arena does not change the model's own. */
    memset(other, 0, n * sizeof *other);
    assert_int_equal(spiral__model_file_get_tensors(&file, a, other, NULL), SPIRAL_OK);
    assert_memory_equal(other, b->arena, n * sizeof *other);
    assert_memory_equal(a->arena, arena, a->tensors.floats * sizeof *arena);
    spiral__model_file_clear(&file);
    free(other);
    free(arena);
    spiral_model_destroy(a);
    spiral_model_destroy(b);
}

/* ---- what is refused ---- */

static void expect(spiral_status status, const char *text) {
    spiral_model *m = NULL;
    spiral_error err = {.text = ""};
    spiral_status got = spiral_model_load(path, &m, &err);
    if (got != status || !strstr(err.text, text) || strncmp(err.text, path, strlen(path)))
        fail_msg("status %d, \"%s\"; wanted \"%s\"", got, err.text, text);
    assert_null(m);
}

/* A new file each time, because some file systems flush a file that is truncated and written again. */
static void write_bytes(const void *bytes, size_t size) {
    unlink(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Updates the checksum for the changed bytes, if the file still has one. */
static void seal(unsigned char *bytes, size_t size) {
    static const char entry[] = "\"checksum\":\"";
    for (size_t at = 8; at + sizeof entry + 64 < size; at++)
        if (!memcmp(bytes + at, entry, sizeof entry - 1)) {
            memset(bytes + at + sizeof entry - 1, '0', 64);
            spiral__checksum_put(bytes, size);
            return;
        }
}

/* Flips each bit of a whole model file, including those of the checksum and its name. */
static void every_flipped_bit_is_noticed(void **state) {
    (void)state;
    spiral_model_config config = tiny();
    spiral_model *m = create(&config, 1);
    unsigned char *bytes;
    size_t size;
    assert_int_equal(spiral_model_save(m, path, NULL), SPIRAL_OK);
    spiral_model_destroy(m);
    assert_int_equal(spiral__file_read(path, 1 << 20, &bytes, &size, NULL), SPIRAL_OK);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        write_bytes(bytes, size);
        spiral_error err = {.text = ""};
        if (spiral_model_load(path, &m, &err) == SPIRAL_OK) fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    print_message("# %zu flips\n", 8 * size);
    free(bytes);
}

/* Files cut at each byte, and many changes with a correct checksum, are refused or give a model of finite
 * numbers. */
static void a_damaged_file_is_refused_or_finite(void **state) {
    (void)state;
    spiral_model_config config = tiny();
    spiral_model *m = create(&config, 1);
    unsigned char *bytes;
    size_t size;
    assert_int_equal(spiral_model_save(m, path, NULL), SPIRAL_OK);
    spiral_model_destroy(m);
    assert_int_equal(spiral__file_read(path, 1 << 20, &bytes, &size, NULL), SPIRAL_OK);
    unsigned char *changed = malloc(size);
    for (size_t cut = 0; cut < size; cut += 1 + cut / 64) {
        write_bytes(bytes, cut);
        expect(SPIRAL_FORMAT, "");
    }
    spiral__rng rng = spiral__rng_init(4, 4);
    size_t header = 8 + (size_t)spiral__le64(bytes), loaded = 0;
    for (int flip = 0; flip < 3000; flip++) {
        size_t bit = spiral__rng_below(&rng, 8 * header);
        memcpy(changed, bytes, size);
        changed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        seal(changed, size);
        write_bytes(changed, size);
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
    }
    free(changed);
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
    seal(bytes, size);
    write_bytes(bytes, size);
    free(bytes);
}

static void save_tiny(void) {
    spiral_model_config config = tiny();
    spiral_model *m = create(&config, 1);
    assert_int_equal(spiral_model_save(m, path, NULL), SPIRAL_OK);
    spiral_model_destroy(m);
}

static void edited(const char *from, const char *to, spiral_status status, const char *text) {
    save_tiny();
    edit(from, to);
    expect(status, text);
}

#define Q "\\\""

static void a_config_that_cannot_be_is_refused(void **state) {
    (void)state;
    edited("spiral-model-2", "spiral-model-9", SPIRAL_UNSUPPORTED,
           "model format \"spiral-model-9\" is not spiral-model-2");
    edited("[" Q "autoencoder" Q "]", "[" Q "autoencodes" Q "]", SPIRAL_UNSUPPORTED,
           "network \"autoencodes\", which this version does not know");
    edited(Q "seconds" Q, Q "fortnit" Q, SPIRAL_UNSUPPORTED, "grid is \"fortnit\"");
    edited(Q "kind" Q ":" Q "ae" Q, Q "kind" Q ":" Q "xx" Q, SPIRAL_UNSUPPORTED, "kind is \"xx\"");
    edited(Q "planes" Q ":1", Q "planes" Q ":3", SPIRAL_BAD_ARG, "planes is 3");
    edited(Q "planes" Q ":1", Q "planes" Q ":2", SPIRAL_FORMAT, "numbers");
    edited(Q "hidden" Q ":3", Q "hidden" Q ":4", SPIRAL_FORMAT, "numbers");
    edited(Q "hidden" Q ":3", Q "hidden" Q ":0", SPIRAL_BAD_ARG, "hidden is 0, must be 1 to 4096");
    edited(Q "layers" Q ":1", Q "layers" Q ":2", SPIRAL_FORMAT, "");
    edited(Q "layers" Q ":1", Q "Layers" Q ":1", SPIRAL_FORMAT, "the config has no layers");
    edited(Q "latent" Q ":2", Q "latent" Q ":x", SPIRAL_FORMAT, "no config");
    edited(Q "pedal" Q ":false", Q "pedal" Q ":11111", SPIRAL_FORMAT, "pedal");
    edited(Q "threshold" Q ":0.0", Q "Threshold" Q ":0.0", SPIRAL_FORMAT, "threshold is missing");
    edited("latent.weight", "latent.Weight", SPIRAL_FORMAT, "tensor \"latent.weight\" is missing");
    edited("[3,2]", "[2,3]", SPIRAL_FORMAT, "tensor \"latent.weight\"");
}

/* Members of the config and texts that another version wrote are kept. */
static void what_is_unknown_survives_loading_and_saving(void **state) {
    (void)state;
    save_tiny();
    edit(Q "pedal" Q ":false", Q "lapde" Q ":false"); /* pedal is optional */
    spiral_model *a = load();
    assert_int_equal(spiral_model_get_config(a)->pedal, 0);
    assert_int_equal(json_object_size(a->unknown), 1);
    assert_true(json_is_false(json_object_get(a->unknown, "lapde")));
    assert_int_equal(spiral_model_set_metadata(a, "of 2030", "{\"new\":[1,2]}", NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_save(a, path, NULL), SPIRAL_OK);
    spiral_model *b = load();
    assert_same_model(a, b);
    assert_int_equal(json_object_size(b->unknown), 1);
    assert_string_equal(spiral_model_get_metadata(b, "of 2030"), "{\"new\":[1,2]}");
    spiral_model_destroy(a);
    spiral_model_destroy(b);
}

/* A file of a kilobyte whose config describes a model of gigabytes is refused before memory is allocated. */
static void a_config_larger_than_the_file_is_refused_first(void **state) {
    (void)state;
    const char config[] =
        "{" Q "format" Q ":" Q "spiral-model-2" Q "," Q "grid" Q ":" Q "beats" Q "," Q "steps_per_quarter" Q
        ":4," Q "low" Q ":0," Q "high" Q ":127," Q "planes" Q ":1," Q "kind" Q ":" Q "ae" Q "," Q "frames" Q
        ":512," Q "latent" Q ":1024," Q "hidden" Q ":4096," Q "layers" Q ":8," Q "threshold" Q ":0.0}";
    char header[1024];
    unsigned char bytes[1100] = {0};
    int n = snprintf(header, sizeof header, "{\"__metadata__\":{\"spiral\":\"%s\"}}", config);
    spiral__put_le64(bytes, (uint64_t)n);
    memcpy(bytes + 8, header, (size_t)n);
    write_bytes(bytes, 8 + (size_t)n);
    expect(SPIRAL_FORMAT, " numbers, the file 0");
}

static void other_files_are_refused(void **state) {
    (void)state;
    const char *const foreign[] = {
        "{\"weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"__metadata__\":{\"format\":\"pt\"},\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"
        "}",
        "{\"__metadata__\":{\"spiral\":\"no json\"},"
        "\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"__metadata__\":{\"spiral\":\"[1]\"},\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]"
        "}}",
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

static void a_number_that_is_not_finite_is_refused(void **state) {
    (void)state;
    spiral_model_config config = tiny();
    spiral_model *m = create(&config, 1);
    spiral_model_get_tensor(m, 0)->data[5] = NAN;
    assert_int_equal(spiral_model_save(m, path, NULL), SPIRAL_OK);
    expect(SPIRAL_NUMERIC, "tensor \"encoder.0.weight\": number 5 is not finite");
    spiral_model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_model_returns_bit_for_bit),
        cmocka_unit_test(weights_and_more_arrays_can_be_given),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(a_damaged_file_is_refused_or_finite),
        cmocka_unit_test(a_config_that_cannot_be_is_refused),
        cmocka_unit_test(what_is_unknown_survives_loading_and_saving),
        cmocka_unit_test(a_config_larger_than_the_file_is_refused_first),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(a_number_that_is_not_finite_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

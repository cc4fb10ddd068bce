/* SPDX-License-Identifier: MIT
 *
 * Model files of earlier versions: before-pedal.safetensors was written before the fields `pedal` and
 * `out_of_range` existed, version-0.1.safetensors by version 0.1, when some fields and tensors had other
 * names.
 */
#include <unistd.h>

#include "testing.h"
#include "model/model_file.h"

static char folder[] = "/tmp/spiral-old-XXXXXX", path[64];

static int make_folder(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static const char *old_path(const char *name, char text[4096]) {
    const char *source = getenv("SPIRAL_SOURCE");
    assert_non_null(source);
    snprintf(text, 4096, "%s/tests/model/%s", source, name);
    return text;
}

static spiral_model *load(const char *from) {
    spiral_model *m;
    spiral_error err = {.text = ""};
    if (spiral_model_load(from, &m, &err) != SPIRAL_OK) fail_msg("%s", err.text);
    return m;
}

/* The old names of tensors that were renamed, with "code" for "latent". */
static const char *old_name(const char *name, char text[64]) {
    if (strncmp(name, "latent", 6)) return name;
    snprintf(text, 64, "code%s", name + 6);
    return text;
}

/* Every tensor of the model has the numbers of the array that has its old name in the file. */
static void check_tensors(const spiral_model *m, const char *from) {
    spiral__model_file file;
    assert_int_equal(spiral__model_file_load(from, &file, NULL), SPIRAL_OK);
    for (size_t i = 0; i < spiral_model_tensor_count(m); i++) {
        const spiral_tensor *t = spiral_model_get_tensor(m, i);
        char name[64];
        float *wanted = malloc(t->rows * t->columns * sizeof *wanted);
        assert_int_equal(spiral__safetensors_get(&file.container, old_name(t->name, name), t->rows,
                                                 t->columns, wanted, NULL),
                         SPIRAL_OK);
        assert_memory_equal(t->data, wanted, t->rows * t->columns * sizeof *wanted);
        free(wanted);
    }
    spiral__model_file_clear(&file);
}

/* Saving the model gives a file of today's format with the same model. */
static void check_saved_again(const spiral_model *a) {
    spiral__model_file file;
    assert_int_equal(spiral_model_save(a, path, NULL), SPIRAL_OK);
    spiral_model *b = load(path);
    assert_memory_equal(&a->config, &b->config, sizeof a->config);
    assert_memory_equal(a->arena, b->arena, a->tensors.floats * sizeof(float));
    assert_true(a->threshold == b->threshold);
    assert_true(json_equal(a->metadata, b->metadata));
    assert_string_not_equal(spiral_model_get_sha256(a), spiral_model_get_sha256(b));
    spiral_model_destroy(b);
    assert_int_equal(spiral__model_file_load(path, &file, NULL), SPIRAL_OK);
    assert_true(spiral__safetensors_has(&file.container, "latent.weight"));
    assert_false(spiral__safetensors_has(&file.container, "code.weight"));
    assert_int_equal(json_object_size(file.unknown),
                     0); /* the old names are not kept in addition to the new ones */
    spiral__model_file_clear(&file);
}

static void a_file_without_later_fields_has_their_initial_values(void **state) {
    (void)state;
    char old[4096];
    spiral_model *m = load(old_path("before-pedal.safetensors", old));
    const spiral_model_config *c = spiral_model_get_config(m);
    assert_int_equal(c->pedal, 0);
    assert_int_equal(c->out_of_range, SPIRAL_OUT_OF_RANGE_DROP);
    assert_true(c->low == 60 && c->high == 71 && c->frames == 4 && c->latent == 2);
    assert_true(c->grid.kind == SPIRAL_GRID_BEATS && c->grid.steps_per_quarter == 4);
    assert_non_null(strstr(spiral_model_get_metadata(m, "training"), "\"finished\":true"));
    check_tensors(m, old);
    check_saved_again(m);
    spiral_model_destroy(m);
}

static void a_file_of_version_0_1_opens_under_new_names(void **state) {
    (void)state;
    char old[4096];
    spiral_model *m = load(old_path("version-0.1.safetensors", old));
    const spiral_model_config *c = spiral_model_get_config(m);
    assert_true(c->pedal == 1 && c->drums == 0 && c->out_of_range == SPIRAL_OUT_OF_RANGE_FOLD);
    assert_true(c->low == 60 && c->high == 71 && c->frames == 4 && c->planes == 2);
    assert_true(c->latent == 2 && c->hidden == 4 && c->layers == 2 && c->kind == SPIRAL_MODEL_VAE);
    assert_true(spiral_model_get_threshold(m) == -1.2f);
    assert_non_null(strstr(spiral_model_get_metadata(m, "data"), "\"files\":22"));
    check_tensors(m, old);
    check_saved_again(m);
    spiral_model_destroy(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_without_later_fields_has_their_initial_values),
        cmocka_unit_test(a_file_of_version_0_1_opens_under_new_names),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

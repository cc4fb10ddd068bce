/* SPDX-License-Identifier: MIT
 *
 * Model files that say nothing about a setting keep loading, as what the setting is when nobody asks for it:
 * before-pedal.safetensors was trained without the keys `pedal` and `out_of_range`.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "model/model.h"

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

static void test_a_file_without_the_keys(void **state) {
    (void)state;
    const char *source = getenv("SPIRAL_SOURCE");
    char old[4096];
    unsigned char *bytes;
    size_t size;
    spiral_model *a, *b;
    assert_non_null(source);
    snprintf(old, sizeof old, "%s/tests/model/before-pedal.safetensors", source);
    assert_int_equal(spiral__file_read(old, 1 << 20, &bytes, &size, NULL), SPIRAL_OK);
    for (size_t i = 0; i + 5 < size; i++)
        assert_true(memcmp(bytes + i, "pedal", 5) != 0 && memcmp(bytes + i, "out_o", 5) != 0);
    free(bytes);
    assert_int_equal(spiral_model_load(old, &a, NULL), SPIRAL_OK);
    const spiral_model_config *c = spiral_model_get_config(a);
    assert_int_equal(c->roll.pedal, 0);
    assert_int_equal(c->roll.out_of_range, SPIRAL_OUT_OF_RANGE_DROP);
    assert_int_equal(c->roll.low, 60);
    assert_int_equal(c->roll.high, 71);
    assert_int_equal(c->roll.grid.steps_per_quarter, 4);
    assert_int_equal(c->frames, 4);
    assert_int_equal(c->latent, 2);
    assert_non_null(strstr(spiral_model_get_metadata(a, "training"), "\"finished\":true"));
    spiral_keys window[4] = {{{0, 1}}, {{0, 1}}, {{0, 16}}, {{0, 0}}};
    float code[2], logits[48];
    spiral_model_work *work;
    assert_int_equal(spiral_model_work_create(a, &work, NULL), SPIRAL_OK);
    spiral_model_encode(a, 1, window, code, NULL, work);
    spiral_model_decode(a, 1, code, logits, work);
    for (int i = 0; i < 48; i++) assert_true(isfinite(logits[i]));
    spiral_model_work_destroy(work);

    /* Saved again it says more and is the same model. */
    assert_int_equal(spiral_model_save(a, path, NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_load(path, &b, NULL), SPIRAL_OK);
    assert_memory_equal(&a->config, &b->config, sizeof a->config);
    assert_memory_equal(a->arena, b->arena, a->tensors.floats * sizeof(float));
    assert_string_not_equal(spiral_model_get_sha256(a), spiral_model_get_sha256(b));
    spiral_model_destroy(a);
    spiral_model_destroy(b);
}

static void test_settings_come_back(void **state) {
    (void)state;
    for (int i = 0; i < 2 * SPIRAL_OUT_OF_RANGE_COUNT; i++) {
        spiral_model_config config = spiral_model_config_default();
        spiral_model *m;
        config.frames = 2, config.latent = 2, config.hidden = 3;
        config.roll.pedal = i % 2;
        config.roll.out_of_range = (spiral_out_of_range)(i / 2);
        assert_int_equal(spiral_model_create(&config, 1, &m, NULL), SPIRAL_OK);
        assert_int_equal(spiral_model_save(m, path, NULL), SPIRAL_OK);
        spiral_model_destroy(m);
        assert_int_equal(spiral_model_load(path, &m, NULL), SPIRAL_OK);
        assert_int_equal(spiral_model_get_config(m)->roll.pedal, i % 2);
        assert_int_equal(spiral_model_get_config(m)->roll.out_of_range, i / 2);
        spiral_model_destroy(m);
    }
}

/* The last file, that says "fit", changed to say what nobody knows. */
static void test_a_setting_of_the_future_is_refused(void **state) {
    (void)state;
    unsigned char *bytes;
    size_t size, at = 0;
    spiral_model *m = NULL;
    spiral_error err;
    assert_int_equal(spiral__file_read(path, 1 << 20, &bytes, &size, NULL), SPIRAL_OK);
    while (at + 3 < size && memcmp(bytes + at, "fit", 3)) at++;
    assert_true(at + 3 < size);
    memcpy(bytes + at, "bag", 3);
    assert_int_equal(spiral__file_write(path, bytes, size, NULL), SPIRAL_OK);
    free(bytes);
    assert_int_equal(spiral_model_load(path, &m, &err), SPIRAL_UNSUPPORTED);
    assert_non_null(strstr(err.text, "out_of_range \"bag\" is not drop, fold or fit"));
    assert_null(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_without_the_keys),
        cmocka_unit_test(test_settings_come_back),
        cmocka_unit_test(test_a_setting_of_the_future_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

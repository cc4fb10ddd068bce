/* SPDX-License-Identifier: MIT
 *
 * Models in memory: their tensors, first weights, threshold and metadata.
 */
#include <math.h>

#include "testing.h"
#include "model/model.h"

static spiral_model *create(int layers, uint64_t seed) {
    spiral_model_config config;
    spiral_model *m;
    spiral_model_config_default(&config, sizeof config);
    config.low = 60, config.high = 61, config.frames = 2, config.latent = 2, config.hidden = 3;
    config.layers = layers;
    assert_int_equal(spiral_model_create(&config, seed, &m, NULL), SPIRAL_OK);
    return m;
}

/* Names differ, the tensors of a group are contiguous, nothing overlaps, and every tensor is aligned. */
static void tensors_share_one_arena(void **state) {
    (void)state;
    spiral_model *m = create(3, 1);
    const size_t count = spiral_model_tensor_count(m);
    assert_int_equal(count, 4 + 2 * 2 + 4 * 3 + 2 + 7);
    const float *end[3] = {m->arena, m->arena + m->tensors.matrices, m->arena + m->tensors.trained};
    for (size_t i = 0; i < count; i++) {
        const spiral_tensor *t = spiral_model_get_tensor(m, i);
        assert_true((uintptr_t)t->data % 64 == 0);
        assert_true(t->data == end[t->group]); /* right after the one before it */
        end[t->group] += (t->rows * t->columns + 15) / 16 * 16;
        assert_int_equal(spiral__tensor_find(&m->tensors, t->name), i);
        for (size_t k = 0; k < i; k++) assert_string_not_equal(t->name, spiral_model_get_tensor(m, k)->name);
    }
    assert_true(end[SPIRAL_TENSOR_MATRIX] == m->arena + m->tensors.matrices);
    assert_true(end[SPIRAL_TENSOR_VECTOR] == m->arena + m->tensors.trained);
    assert_true(end[SPIRAL_TENSOR_MEASURED] == m->arena + m->tensors.floats);
    assert_string_equal(spiral_model_get_tensor(m, 1)->name, "encoder.1.weight");
    assert_string_equal(spiral_model_get_tensor(m, 2)->name, "encoder.2.weight");
    assert_null(spiral_model_get_tensor(m, count));
    assert_int_equal(spiral__tensor_find(&m->tensors, "none"), -1);
    spiral_model_destroy(m);
    spiral_model_destroy(NULL);
}

static void the_seed_decides_the_weights(void **state) {
    (void)state;
    spiral_model *a = create(2, 1), *b = create(2, 1), *c = create(2, 2);
    const size_t size = a->tensors.floats * sizeof(float);
    assert_memory_equal(a->arena, b->arena, size);
    assert_true(memcmp(a->arena, c->arena, size) != 0);
    spiral__model_init(c, 1, NULL);
    assert_memory_equal(a->arena, c->arena, size);
    spiral_model_destroy(a);
    spiral_model_destroy(b);
    spiral_model_destroy(c);
}

/* The entries of matrices are normal with deviation scale / sqrt(rows), and no two matrices are equal. Gains
 * are 1, all else is 0. */
static void first_weights_have_the_right_size(void **state) {
    (void)state;
    spiral_model_config config;
    spiral_model *m;
    spiral_model_config_default(&config, sizeof config);
    config.layers = 3, config.hidden = 128;
    assert_int_equal(spiral_model_create(&config, 4, &m, NULL), SPIRAL_OK);
    for (size_t i = 0; i < m->tensors.count; i++) {
        const spiral__tensor *t = &m->tensors.at[i];
        const float *x = spiral__tensor_data(m, (int)i);
        const size_t n = t->rows * t->columns;
        double squares = 0;
        for (size_t k = 0; k < n; k++) squares += (double)x[k] * x[k];
        const int is_gain = strstr(t->name, "norm.weight") != NULL,
                  is_matrix = t->group == SPIRAL_TENSOR_MATRIX;
        const int scaled = is_matrix && strcmp(t->name, "latent.weight") && strcmp(t->name, "out.weight");
        const double wanted = is_gain ? 1 : !is_matrix ? 0 : (scaled ? 2 : 1) / (double)t->rows;
        if (!(fabs(squares / (double)n - wanted) <= wanted * (is_gain ? 0 : 6 / sqrt((double)n))))
            fail_msg("%s: mean square %g, not %g", t->name, squares / (double)n, wanted);
    }
    const int *hidden = m->ae.encoder_hidden; /* the matrices of several layers continue one random stream */
    assert_true(memcmp(spiral__tensor_data(m, hidden[1]), spiral__tensor_data(m, hidden[2]), 64) != 0);
    spiral_model_destroy(m);
}

static void the_threshold_must_be_finite(void **state) {
    (void)state;
    spiral_model *m = create(1, 1);
    spiral_error err;
    assert_true(spiral_model_get_threshold(m) == 0);
    assert_int_equal(spiral_model_set_threshold(m, -1.5f, NULL), SPIRAL_OK);
    assert_fails(spiral_model_set_threshold(m, NAN, &err), SPIRAL_BAD_ARG, &err, "threshold", "nan");
    assert_fails(spiral_model_set_threshold(m, INFINITY, &err), SPIRAL_BAD_ARG, &err, "inf");
    assert_true(spiral_model_get_threshold(m) == -1.5f);
    spiral_model_destroy(m);
}

static void metadata_is_kept_by_name(void **state) {
    (void)state;
    spiral_model *m = create(1, 1);
    spiral_error err;
    assert_string_equal(spiral_model_get_metadata(m, "data"), "");
    assert_string_equal(spiral_model_get_metadata(m, "no such name"), "");
    assert_int_equal(spiral_model_set_metadata(m, "mine", "one", NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_set_metadata(m, "mine", "caf\xc3\xa9", NULL), SPIRAL_OK);
    assert_string_equal(spiral_model_get_metadata(m, "mine"), "caf\xc3\xa9");
    assert_fails(spiral_model_set_metadata(m, "spiral", "{}", &err), SPIRAL_BAD_ARG, &err, "spiral");
    assert_fails(spiral_model_set_metadata(m, "mine", "\xff", &err), SPIRAL_BAD_ARG, &err, "mine", "UTF-8");
    assert_string_equal(spiral_model_get_metadata(m, "mine"), "caf\xc3\xa9");
    spiral_model_destroy(m);
}

/* Data derived from the weights is updated with them: after weights are changed by hand, encoding is that of
 * a model which always had these weights. */
static void an_update_follows_changed_weights(void **state) {
    (void)state;
    spiral_model *a = create(1, 1), *b = create(1, 2);
    spiral_model_work *work[2];
    const spiral_keys window[2] = {{{UINT64_C(1) << 60, 0}}, {{UINT64_C(3) << 60, 0}}};
    float latents[2][2];
    for (size_t i = 0; i < spiral_model_tensor_count(a); i++) {
        const spiral_tensor *from = spiral_model_get_tensor(a, i), *to = spiral_model_get_tensor(b, i);
        memcpy(to->data, from->data, to->rows * to->columns * sizeof *to->data);
    }
    spiral_model_update(b);
    assert_int_equal(spiral_model_work_create(a, &work[0], NULL), SPIRAL_OK);
    assert_int_equal(spiral_model_work_create(b, &work[1], NULL), SPIRAL_OK);
    spiral_model_encode(a, 1, window, latents[0], NULL, work[0]);
    spiral_model_encode(b, 1, window, latents[1], NULL, work[1]);
    assert_memory_equal(latents[0], latents[1], sizeof latents[0]);
    for (int i = 0; i < 2; i++) spiral_model_work_destroy(work[i]);
    spiral_model_work_destroy(NULL);
    spiral_model_destroy(a);
    spiral_model_destroy(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_share_one_arena),
        cmocka_unit_test(the_seed_decides_the_weights),
        cmocka_unit_test(first_weights_have_the_right_size),
        cmocka_unit_test(the_threshold_must_be_finite),
        cmocka_unit_test(metadata_is_kept_by_name),
        cmocka_unit_test(an_update_follows_changed_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

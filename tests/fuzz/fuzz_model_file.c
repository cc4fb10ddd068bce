/* SPDX-License-Identifier: MIT
 *
 * Checks of model files (see fuzz_model.h).
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_model.h"
#include "model/model_file.h"
#include "spiral/decode.h"

static void *json_memory(size_t size) { return malloc(size); }
static void json_forget(void *block) { free(block); }

void fuzz_json_counted(void) { json_set_alloc_funcs(json_memory, json_forget); }

size_t fuzz_json_limit(size_t size) { return 256 * size + 65536; }

static void check_config(const spiral_model *m) {
    const spiral_model_config *c = spiral_model_get_config(m);
    for (size_t i = 0; i < spiral_model_field_count(); i++) {
        const spiral_model_field *f = spiral_model_get_field(i);
        int value = spiral_model_config_get_value(c, i);
        FUZZ_CHECK((f->grid >= 0 && f->grid != (int)c->grid.kind) || (value >= f->least && value <= f->most));
    }
    FUZZ_CHECK(c->low <= c->high);
    FUZZ_CHECK(spiral_model_keys(m) == c->high - c->low + 1);
    FUZZ_CHECK(isfinite(spiral_model_get_threshold(m)) && strlen(spiral_model_get_sha256(m)) == 64);
    for (size_t i = 0; i < spiral_model_tensor_count(m); i++) {
        const spiral_tensor *t = spiral_model_get_tensor(m, i);
        for (size_t k = 0; k < t->rows * t->columns; k++) FUZZ_CHECK(isfinite(t->data[k]));
    }
}

/* Encodes and decodes one window. The result may be any numbers, because the weights may be. */
static void use(const spiral_model *m) {
    spiral_model_work *work;
    size_t cells = spiral_model_cells(m);
    size_t window_size =
        (size_t)spiral_model_get_config(m)->planes * (size_t)spiral_model_get_config(m)->frames;
    spiral_keys *window = malloc(window_size * sizeof *window);
    float *latents = malloc((size_t)spiral_model_get_config(m)->latent * sizeof *latents);
    float *logits = malloc(cells * sizeof *logits);
    FUZZ_CHECK(window && latents && logits && spiral_model_work_create(m, &work, NULL) == SPIRAL_OK);
    double kl;
    memset(window, 0xa5, window_size * sizeof *window);
    spiral_model_encode(m, 1, window, latents, &kl, work);
    spiral_model_decode(m, 1, latents, logits, work);
    const spiral_model_config *c = spiral_model_get_config(m);
    const size_t frames = (size_t)spiral_model_get_config(m)->frames;
    const float threshold = spiral_model_get_threshold(m);
    FUZZ_CHECK(spiral_decode_threshold(
                   logits, frames, c->low, spiral_model_keys(m), threshold, threshold, window,
                   spiral_model_get_config(m)->planes == 2 ? window + frames : NULL, NULL) == SPIRAL_OK);
    const spiral_keys range = spiral_keys_range(c->low, c->high);
    for (size_t i = 0; i < window_size; i++)
        FUZZ_CHECK(!(window[i].word[0] & ~range.word[0]) && !(window[i].word[1] & ~range.word[1]));
    spiral_model_work_destroy(work);
    free(window);
    free(latents);
    free(logits);
}

static void check_same(const spiral_model *a, const spiral_model *b) {
    FUZZ_CHECK(!memcmp(spiral_model_get_config(a), spiral_model_get_config(b), sizeof(spiral_model_config)));
    FUZZ_CHECK(json_equal(a->metadata, b->metadata) && json_equal(a->unknown, b->unknown));
    FUZZ_CHECK(spiral_model_get_threshold(a) == spiral_model_get_threshold(b));
    for (size_t i = 0; i < spiral_model_tensor_count(a); i++) {
        const spiral_tensor *x = spiral_model_get_tensor(a, i), *y = spiral_model_get_tensor(b, i);
        FUZZ_CHECK(!strcmp(x->name, y->name) && x->rows == y->rows && x->columns == y->columns);
        FUZZ_CHECK(!memcmp(x->data, y->data, x->rows * x->columns * sizeof(float)));
    }
}

static spiral_status read_model(const unsigned char *bytes, size_t size, spiral_model **m,
                                spiral_error *err) {
    spiral__model_file file;
    spiral_status status = spiral__model_file_read(bytes, size, &file, err);
    if (status == SPIRAL_OK) {
        status = spiral__model_file_create(&file, m, err);
        spiral__model_file_clear(&file);
    }
    return status;
}

static void write_model(const spiral_model *m, unsigned char **bytes, size_t *size) {
    FUZZ_CHECK(spiral__model_file_write(&(spiral__model_parts){.model = m}, bytes, size, NULL) == SPIRAL_OK);
}

static void check_round_trip(const spiral_model *m) {
    spiral_model *back;
    unsigned char *bytes, *again;
    size_t size, again_size;
    write_model(m, &bytes, &size);
    FUZZ_CHECK(read_model(bytes, size, &back, NULL) == SPIRAL_OK);
    check_same(m, back);
    write_model(back, &again, &again_size);
    FUZZ_CHECK(size == again_size && !memcmp(bytes, again, size));
    spiral_model_destroy(back);
    free(bytes);
    free(again);
}

void fuzz_model_file(const unsigned char *bytes, size_t size) {
    spiral_model *m = NULL;
    spiral_error err = {0};
    fuzz_memory_begin();
    spiral_status status = read_model(bytes, size, &m, &err);
    /* Besides the JSON, a model has its weights, and those of the first layer a second time, with a frame
     * more. */
    fuzz_memory_end(fuzz_json_limit(size) + 4 * size, status != SPIRAL_OK);
    if (status != SPIRAL_OK) {
        fuzz_refusal(status, &err);
        FUZZ_CHECK(!m && (status == SPIRAL_FORMAT || status == SPIRAL_NUMERIC || status == SPIRAL_BAD_ARG ||
                          status == SPIRAL_UNSUPPORTED || status == SPIRAL_TOO_BIG));
        return;
    }
    check_config(m);
    use(m);
    check_round_trip(m);
    spiral_model_destroy(m);
    fuzz_memory_end(SIZE_MAX / 2, 1);
}

/* SPDX-License-Identifier: MIT
 *
 * The promises about model files (see fuzz_model.h).
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_model.h"
#include "model/checkpoint.h"
#include "spiral/decode.h"

static void *json_memory(size_t size) { return malloc(size); }
static void json_forget(void *block) { free(block); }

void fuzz_json_counted(void) { json_set_alloc_funcs(json_memory, json_forget); }

size_t fuzz_json_limit(size_t size) { return 256 * size + 65536; }

static void check_config(const spiral_model *m) {
    const spiral_model_config *c = spiral_model_get_config(m);
    FUZZ_CHECK(c->roll.low >= 0 && c->roll.low <= c->roll.high && c->roll.high <= 127);
    FUZZ_CHECK(c->frames >= 1 && c->frames <= 512 && c->latent >= 1 && c->latent <= 1024);
    FUZZ_CHECK(c->hidden >= 1 && c->hidden <= 4096 && c->layers >= 1 && c->layers <= 8);
    FUZZ_CHECK(spiral_model_planes(m) == 1 + (c->roll.onsets != 0));
    FUZZ_CHECK(spiral_model_keys(m) == c->roll.high - c->roll.low + 1);
    FUZZ_CHECK(isfinite(spiral_model_get_threshold(m)) && strlen(spiral_model_get_sha256(m)) == 64);
    for (size_t i = 0; i < spiral_model_tensor_count(m); i++) {
        spiral_tensor t = spiral_model_get_tensor(m, i);
        for (size_t k = 0; k < t.rows * t.columns; k++) FUZZ_CHECK(isfinite(t.data[k]));
    }
}

/* One window there and back. Its numbers may be anything: the weights may be. */
static void use(const spiral_model *m) {
    spiral_model_work *work;
    size_t cells = spiral_model_cells(m);
    size_t columns = (size_t)spiral_model_planes(m) * (size_t)spiral_model_get_config(m)->frames;
    spiral_keys *window = malloc(columns * sizeof *window);
    float *codes = malloc((size_t)spiral_model_get_config(m)->latent * sizeof *codes);
    float *logits = malloc(cells * sizeof *logits);
    FUZZ_CHECK(window && codes && logits && spiral_model_work_create(m, &work, NULL) == SPIRAL_OK);
    double kl;
    memset(window, 0xa5, columns * sizeof *window);
    spiral_model_encode(m, 1, window, codes, &kl, work);
    spiral_model_decode(m, 1, codes, logits, work);
    const spiral_roll_options *roll = &spiral_model_get_config(m)->roll;
    const size_t frames = (size_t)spiral_model_get_config(m)->frames;
    const float threshold = spiral_model_get_threshold(m);
    FUZZ_CHECK(spiral_decode_threshold(logits, frames, roll->low, spiral_model_keys(m), threshold, threshold,
                                       window, spiral_model_planes(m) == 2 ? window + frames : NULL,
                                       NULL) == SPIRAL_OK);
    const spiral_keys range = spiral_keys_range(roll->low, roll->high);
    for (size_t i = 0; i < columns; i++)
        FUZZ_CHECK(!(window[i].word[0] & ~range.word[0]) && !(window[i].word[1] & ~range.word[1]));
    spiral_model_work_destroy(work);
    free(window);
    free(codes);
    free(logits);
}

static void check_same(const spiral_model *a, const spiral_model *b) {
    FUZZ_CHECK(!memcmp(spiral_model_get_config(a), spiral_model_get_config(b), sizeof(spiral_model_config)));
    FUZZ_CHECK(spiral_model_get_threshold(a) == spiral_model_get_threshold(b));
    FUZZ_CHECK(!strcmp(spiral_model_get_metadata(a, "data"), spiral_model_get_metadata(b, "data")));
    FUZZ_CHECK(!strcmp(spiral_model_get_metadata(a, "training"), spiral_model_get_metadata(b, "training")));
    for (size_t i = 0; i < spiral_model_tensor_count(a); i++) {
        spiral_tensor x = spiral_model_get_tensor(a, i), y = spiral_model_get_tensor(b, i);
        FUZZ_CHECK(!strcmp(x.name, y.name) && x.rows == y.rows && x.columns == y.columns);
        FUZZ_CHECK(!memcmp(x.data, y.data, x.rows * x.columns * sizeof(float)));
    }
}

static void check_round_trip(const spiral_model *m) {
    spiral_model *back;
    unsigned char *bytes, *again;
    size_t size, again_size;
    FUZZ_CHECK(spiral__checkpoint_write(m, NULL, 0, &bytes, &size, NULL) == SPIRAL_OK);
    FUZZ_CHECK(spiral__checkpoint_read(bytes, size, NULL, NULL, &back, NULL) == SPIRAL_OK);
    check_same(m, back);
    FUZZ_CHECK(spiral__checkpoint_write(back, NULL, 0, &again, &again_size, NULL) == SPIRAL_OK);
    FUZZ_CHECK(size == again_size && !memcmp(bytes, again, size));
    spiral_model_destroy(back);
    free(bytes);
    free(again);
}

void fuzz_checkpoint(const unsigned char *bytes, size_t size) {
    spiral_model *m = NULL;
    spiral_error err = {0};
    fuzz_memory_begin();
    spiral_status status = spiral__checkpoint_read(bytes, size, NULL, NULL, &m, &err);
    /* A model is its weights, and the first layer's once more and a column longer, beside the JSON. */
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

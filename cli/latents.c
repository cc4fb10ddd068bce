/* SPDX-License-Identifier: MIT
 *
 * Latents of pieces (see latents.h).
 */
#include <math.h>
#include <string.h>

#include "latents.h"
#include "messages.h"
#include "spiral/decode.h"
#include "spiral/helix.h"

int cli_decodes_notes(const cli_writing *w, int way) {
    return way == DECODE_NOTES && cli_writing_has_decoder(w);
}

static size_t floats_of(const spiral_model *model, size_t frames) {
    return spiral_latents_count(model, frames) * (size_t)spiral_model_get_config(model)->latent;
}

/* A roll, repeated. */
static spiral_status repeat(const spiral_roll *roll, size_t frames, spiral_roll *out, spiral_error *err) {
    const spiral_status status = spiral_roll_create(roll->grid, frames, roll->onsets != NULL, out, err);
    for (size_t t = 0; status == SPIRAL_OK && t < frames; t++) {
        out->sounding[t] = roll->sounding[t % roll->frames];
        if (roll->onsets) out->onsets[t] = roll->onsets[t % roll->frames];
    }
    return status;
}

int cli_latents_of(const spiral_model *model, const spiral_roll *roll, size_t frames, float **latents) {
    spiral_roll repeated = {0};
    spiral_error err = {.text = ""};
    *latents = malloc(floats_of(model, frames) * sizeof **latents);
    if (!*latents) return cli_fail("out of memory");
    spiral_status status = frames > roll->frames ? repeat(roll, frames, &repeated, &err) : SPIRAL_OK;
    if (status == SPIRAL_OK)
        status = spiral_latents_from_roll(model, repeated.frames ? &repeated : roll, *latents, &err);
    spiral_roll_clear(&repeated);
    return status == SPIRAL_OK ? -1 : cli_error(&err);
}

int cli_latents_copy(const spiral_model *model, size_t frames, const float *latents, float **copy) {
    const size_t bytes = floats_of(model, frames) * sizeof **copy;
    *copy = malloc(bytes);
    if (!*copy) return cli_fail("out of memory");
    memcpy(*copy, latents, bytes);
    return -1;
}

/* (frames, planes, P), to be freed. */
static int make_sketch(const spiral_model *model, const float *latents, size_t frames, float **sketch) {
    const size_t width = (size_t)(spiral_model_get_config(model)->planes * spiral_model_keys(model));
    spiral_error err = {.text = ""};
    *sketch = frames <= SPIRAL_GENERATE_FRAMES_MAX ? malloc(frames * width * sizeof **sketch) : NULL;
    if (!*sketch) return cli_fail("out of memory for a sketch of %zu frames", frames);
    return spiral_sketch_from_latents(model, latents, frames, *sketch, &err) == SPIRAL_OK ? -1
                                                                                          : cli_error(&err);
}

int cli_write_latents(cli_writing *w, const float *latents, size_t frames, double quarters_per_min,
                      uint64_t seed, spiral_roll *out, spiral_generate_result *result) {
    spiral_generate_request q;
    spiral_error err = {.text = ""};
    float *sketch;
    int status = cli_writing_request(w, &q);
    if (status >= 0) return status;
    status = make_sketch(w->model, latents, frames, &sketch);
    q.sketch = sketch;
    q.frames = frames;
    q.seed = seed;
    if (quarters_per_min > 0) q.quarters_per_min = quarters_per_min;
    if (status < 0 && spiral_generate(w->model, &q, 1, out, result, &err) != SPIRAL_OK)
        status = cli_error_in(w->v->model, &err);
    free(sketch);
    return status;
}

/* The cells of a sketch (frames, planes, P) to notes, by the rule that the model is set to. */
static spiral_status decode_sketch(const spiral_model *model, const float *sketch, float *logits,
                                   spiral_roll *out, spiral_error *err) {
    const spiral_model_config *c = spiral_model_get_config(model);
    const size_t P = (size_t)spiral_model_keys(model), planes = (size_t)c->planes;
    const float threshold = spiral_model_get_threshold(model);
    for (size_t i = 0; i < out->frames * planes * P; i++) { /* (planes, frames, P) */
        const size_t t = i / (planes * P), plane = i / P % planes;
        const double y = (double)sketch[i];
        logits[(plane * out->frames + t) * P + i % P] = (float)(log(y) - log1p(-y));
    }
    if (spiral_model_get_decoding(model) == SPIRAL_DECODING_THRESHOLD)
        return spiral_decode_threshold(logits, out->frames, c->low, (int)P, threshold, threshold,
                                       out->sounding, out->onsets, err);
    spiral_min_risk_options o;
    spiral_min_risk_options_default(&o, sizeof o);
    o.scale = (double)spiral_model_get_min_risk_scale(model);
    return spiral_decode_min_risk(&o, logits, out->frames, c->low, (int)P, threshold, out->sounding,
                                  out->onsets, err);
}

int cli_threshold_latents(const spiral_model *model, const float *latents, size_t frames,
                          double quarters_per_min, spiral_roll *out) {
    const spiral_model_config *c = spiral_model_get_config(model);
    const size_t cells = frames * (size_t)(spiral_model_keys(model) * c->planes);
    spiral_error err = {.text = ""};
    float *sketch, *logits = NULL;
    int status = make_sketch(model, latents, frames, &sketch);
    if (status < 0 && !(logits = malloc(cells * sizeof *logits)))
        status = cli_fail("out of memory for a sketch of %zu frames", frames);
    if (status < 0 && (spiral_roll_create(c->grid, frames, c->planes == 2, out, &err) != SPIRAL_OK ||
                       decode_sketch(model, sketch, logits, out, &err) != SPIRAL_OK))
        status = cli_error(&err);
    if (status < 0 && quarters_per_min > 0) out->quarters_per_min = quarters_per_min;
    free(sketch);
    free(logits);
    return status;
}

int cli_distance(const spiral_roll *a, const spiral_roll *b, double *distance) {
    const spiral_helix helix = spiral_helix_default();
    spiral_metrics_counts counts = {.struct_size = sizeof counts};
    spiral_metrics m = {.struct_size = sizeof m};
    spiral_error err = {.text = ""};
    spiral_status status = spiral_metrics_add_frames(&counts, a->sounding, b->sounding, a->frames, &err);
    if (status == SPIRAL_OK)
        status = spiral_metrics_add_helix(&counts, &helix, a->sounding, b->sounding, a->frames, &err);
    if (status == SPIRAL_OK) status = spiral_metrics_from_counts(&counts, &m, &err);
    *distance = m.spiral_error;
    return status == SPIRAL_OK ? -1 : cli_error(&err);
}

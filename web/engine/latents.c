/* SPDX-License-Identifier: MIT
 *
 * Latents as coordinates on the axes of the sliders (pack/axes.h), from the mean latent.
 */
#include <math.h>
#include <stdlib.h>

#include "engine.h"

static const float *mean_latent(void) {
    const spiral_model *m = e.pack.model;
    return spiral__tensor_data(m, m->ae.latents_mean);
}

/* How many windows a roll of `frames` frames has. */
size_t EXPORT(engine_windows)(size_t frames) {
    return e.pack.model ? spiral_latents_count(e.pack.model, frames) : 0;
}

/* Encodes a roll: latents (windows, Z). */
int EXPORT(engine_encode)(size_t frames, spiral_keys *sounding, spiral_keys *onsets, float *latents) {
    if (engine_need_pack()) return -1;
    const spiral_model *m = e.pack.model;
    const size_t Z = m->ae.Z, windows = spiral_latents_count(m, frames);
    const spiral_roll roll = engine_borrow(frames, sounding, onsets, 120);
    float *z = malloc((windows + 1) * Z * sizeof *z);
    if (!z) return engine_fail("out of memory");
    const spiral_status status = spiral_latents_from_roll(m, &roll, z, &e.error);
    for (size_t i = 0; status == SPIRAL_OK && i < windows; i++)
        for (size_t k = 0; k < Z; k++) {
            double sum = 0;
            for (size_t j = 0; j < Z; j++)
                sum += (double)e.pack.inverse[k * Z + j] * ((double)z[i * Z + j] - (double)mean_latent()[j]);
            latents[i * Z + k] = (float)sum;
        }
    free(z);
    return status == SPIRAL_OK ? 0 : -1;
}

/* sketch (frames, planes, P) of variation `number` of a roll, as in `spiral vary`. The bytes of the result
 * are its floats. */
int EXPORT(engine_vary)(size_t frames, spiral_keys *sounding, spiral_keys *onsets, double amount,
                        uint32_t seed_low, uint32_t seed_high, uint32_t number) {
    if (engine_need_pack()) return -1;
    const spiral_model *m = e.pack.model;
    const size_t windows = spiral_latents_count(m, frames), width = m->ae.D / (size_t)m->ae.T;
    const uint64_t seed = ((uint64_t)seed_high << 32 | seed_low) + number;
    const spiral_roll roll = engine_borrow(frames, sounding, onsets, 120);
    if (frames < 1 || frames > SPIRAL_GENERATE_FRAMES_MAX) return engine_fail("the music is too long");
    if (frames > SIZE_MAX / sizeof(float) / width) return engine_fail("out of memory");
    float *z = malloc(windows * m->ae.Z * sizeof *z), *sketch = malloc(frames * width * sizeof *sketch);
    int result = z && sketch ? 0 : engine_fail("out of memory");
    if (!result && (spiral_latents_from_roll(m, &roll, z, &e.error) != SPIRAL_OK ||
                    spiral_latents_vary(m, windows, amount, seed, z, &e.error) != SPIRAL_OK ||
                    spiral_sketch_from_latents(m, z, frames, sketch, &e.error) != SPIRAL_OK))
        result = -1;
    free(z);
    if (!result)
        engine_keep_bytes((unsigned char *)sketch, frames * width * sizeof *sketch);
    else
        free(sketch);
    return result;
}

/* sketch (windows * T, planes, P) of latents (windows, Z). The bytes of the result (engine_bytes) are its
 * floats. */
int EXPORT(engine_sketch)(size_t windows, const float *latents) {
    if (engine_need_pack()) return -1;
    const spiral_model *m = e.pack.model;
    const size_t Z = m->ae.Z, D = m->ae.D, frames = windows * (size_t)m->ae.T;
    if (windows < 1 || windows > SPIRAL_GENERATE_FRAMES_MAX / (size_t)m->ae.T)
        return engine_fail("the music is too long");
    if (windows > SIZE_MAX / sizeof(float) / (D + Z)) return engine_fail("out of memory");
    float *z = malloc(windows * Z * sizeof *z), *sketch = malloc(windows * D * sizeof *sketch);
    int result = z && sketch ? 0 : engine_fail("out of memory");
    for (size_t i = 0; !result && i < windows; i++)
        for (size_t j = 0; j < Z; j++) {
            double sum = (double)mean_latent()[j];
            for (size_t k = 0; k < Z; k++) sum += (double)latents[i * Z + k] * (double)e.pack.axes[k * Z + j];
            z[i * Z + j] = (float)sum;
            if (!isfinite(z[i * Z + j])) result = engine_fail("a slider is not a number");
        }
    if (!result && spiral_sketch_from_latents(m, z, frames, sketch, &e.error) != SPIRAL_OK) result = -1;
    free(z);
    if (!result)
        engine_keep_bytes((unsigned char *)sketch, windows * D * sizeof *sketch);
    else
        free(sketch);
    return result;
}

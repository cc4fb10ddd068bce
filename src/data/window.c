/* SPDX-License-Identifier: MIT
 *
 * Cutting windows out of rolls (see window.h).
 */
#include "base/error.h"
#include "base/rng.h"
#include "data/corpus.h"
#include "data/window.h"

void spiral__window_cut(const spiral_roll *roll, size_t begin, int T, int semitones, spiral_keys *window) {
    for (int plane = 0; plane < (roll->onsets ? 2 : 1); plane++) {
        const spiral_keys *from = plane ? roll->onsets : roll->sounding;
        for (size_t t = begin; t < begin + (size_t)T; t++)
            *window++ = t < roll->frames ? spiral_keys_transpose(from[t], semitones) : (spiral_keys){{0, 0}};
    }
}

int spiral__window_is_silent(const spiral_keys *window, int T, int low, int high) {
    const spiral_keys range = spiral_keys_range(low, high);
    int any = 0;
    for (int t = 0; t < T; t++) any |= spiral_keys_any(spiral_keys_and(window[t], range));
    return !any;
}

void spiral__window_floats(const spiral_keys *window, size_t rows, int low, int P, float *x) {
    for (size_t row = 0; row < rows; row++)
        for (int p = 0; p < P; p++) *x++ = (float)spiral_keys_get(&window[row], low + p);
}

size_t spiral__window_draw(const spiral_corpus *corpus, int transpose, uint64_t seed, uint64_t stream,
                           spiral_keys *window) {
    spiral__rng rng = spiral__rng_init(seed, stream);
    size_t frame, file = spiral__corpus_locate(corpus, spiral__rng_below(&rng, corpus->positions), &frame);
    int shift = transpose ? (int)spiral__rng_below(&rng, 2 * (uint64_t)transpose + 1) - transpose : 0;
    spiral__window_cut(&corpus->entries[file].roll, frame, corpus->T, shift, window);
    return file;
}

spiral_status spiral_corpus_draw_windows(const spiral_corpus *corpus, int transpose, uint64_t seed,
                                         uint64_t first, size_t count, spiral_keys *windows, size_t *files,
                                         spiral_error *err) {
    const size_t size = (size_t)corpus->T * (corpus->options.onsets ? 2 : 1);
    if (transpose < 0 || transpose > 24)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "transpose is %d, must be 0 to 24", transpose);
    for (size_t i = 0; i < count; i++) {
        const size_t file = spiral__window_draw(corpus, transpose, seed, first + i, windows + i * size);
        if (files) files[i] = file;
    }
    return SPIRAL_OK;
}

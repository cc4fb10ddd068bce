/* SPDX-License-Identifier: MIT
 *
 * The first layer, which works on notes, equals the dense product of the window's cells and the first matrix,
 * forward and backward: on chords, on noise, on full and empty windows, and at the limits of the key range
 * and of the two words of a key set.
 */
#include <math.h>

#include "testing.h"
#include "base/floats.h"
#include "base/rng.h"
#include "nn/note_input.h"

enum { B = 5, WIDTH = 13 };

typedef enum texture { CHORDS, NOISE, STRIPES, FULL, SILENCE, TEXTURES } texture;

typedef struct fixture {
    spiral__note_input layer;
    spiral__note_runs runs;
    size_t cells;
    float *W;             /* (cells, WIDTH) */
    spiral_keys *windows; /* (B, planes * frames) */
    spiral__rng rng;
} fixture;

static void create(int low, int high, int frames, int planes, fixture *f) {
    const int keys = high - low + 1;
    f->cells = (size_t)planes * (size_t)frames * (size_t)keys;
    f->rng = spiral__rng_init(7, (uint64_t)(low + 128 * high + 16384 * frames));
    f->W = spiral__floats(f->cells * WIDTH);
    f->windows = calloc(B * (size_t)planes * (size_t)frames, sizeof *f->windows);
    assert_true(f->W && f->windows);
    for (size_t i = 0; i < f->cells * WIDTH; i++) f->W[i] = (float)spiral__rng_normal(&f->rng);
    assert_int_equal(spiral__note_input_create(planes, frames, low, keys, WIDTH, &f->layer, NULL), SPIRAL_OK);
    assert_int_equal(spiral__note_runs_create(&f->layer, B, 1, &f->runs, NULL), SPIRAL_OK);
    spiral__note_input_set_weights(&f->layer, f->W, NULL);
}

static void clear(fixture *f) {
    spiral__note_input_clear(&f->layer);
    spiral__note_runs_clear(&f->runs);
    free(f->W);
    free(f->windows);
}

static size_t window_size(const fixture *f) { return (size_t)f->layer.planes * (size_t)f->layer.frames; }

/* Notes are drawn on all 128 keys: those outside the range must be ignored. */
static void draw(fixture *f, texture kind, spiral_keys *window) {
    const spiral__note_input *l = &f->layer;
    int held[4] = {0};
    memset(window, 0, window_size(f) * sizeof *window);
    for (int t = 0; t < (int)window_size(f); t++) {
        if (kind == NOISE)
            for (int w = 0; w < 2; w++) window[t].word[w] = spiral__rng_u64(&f->rng);
        if (kind == FULL || (kind == STRIPES && t % l->frames % 2 == 0))
            window[t].word[0] = window[t].word[1] = ~UINT64_C(0);
        for (int voice = 0; kind == CHORDS && voice < 4; voice++) {
            if (t == 0 || spiral__rng_below(&f->rng, 8) == 0)
                held[voice] = l->low - 3 + (int)spiral__rng_below(&f->rng, (uint64_t)l->keys + 6);
            if (held[voice] >= 0 && held[voice] < 128) spiral_keys_set(&window[t], held[voice], 1);
        }
    }
}

/* x by its definition: (planes, frames, keys), one bit each. */
static double cell(const spiral__note_input *l, const spiral_keys *window, size_t d) {
    const size_t row = d / (size_t)l->keys;
    return spiral_keys_get(&window[row], l->low + (int)(d % (size_t)l->keys));
}

/* Float errors of sums along time of up to `frames` normal numbers, added for all runs. */
static double tolerance(const fixture *f) { return 1e-6 * (double)f->layer.frames * sqrt((double)f->cells); }

static void check_forward(const fixture *f, size_t row, const float *y) {
    for (size_t n = 0; n < WIDTH; n++) {
        double sum = 0;
        for (size_t d = 0; d < f->cells; d++)
            sum += cell(&f->layer, f->windows + row * window_size(f), d) * f->W[d * WIDTH + n];
        if (!(fabs(y[n] - sum) <= tolerance(f)))
            fail_msg("%d frames, %d keys: %g, not %g", f->layer.frames, f->layer.keys, (double)y[n], sum);
    }
}

/* dW += x' dy over all windows, key by key from the last one. */
static void check_backward(fixture *f) {
    enum { STRIDE = WIDTH + 2 };
    const size_t keys = (size_t)(f->layer.planes * f->layer.keys);
    float *dy = spiral__floats(B * STRIDE), *dW = spiral__floats(f->cells * WIDTH);
    float *scratch = spiral__floats(((size_t)f->layer.frames + 1) * WIDTH);
    for (size_t i = 0; i < B * STRIDE; i++) dy[i] = (float)spiral__rng_normal(&f->rng);
    for (size_t i = 0; i < f->cells * WIDTH; i++) dW[i] = (float)(i % 7); /* the gradient is added to this */
    spiral__note_runs_sort(&f->layer, &f->runs);
    for (size_t key = keys; key-- > 0;) {
        spiral__note_input_backward_key(&f->layer, &f->runs, key, dy, STRIDE, scratch);
        for (size_t t = 0; t < (size_t)f->layer.frames; t++)
            for (size_t n = 0; n < WIDTH; n++)
                dW[spiral__note_input_row(&f->layer, key, t) * WIDTH + n] += scratch[(t + 1) * WIDTH + n];
    }
    for (size_t d = 0; d < f->cells; d++)
        for (size_t n = 0; n < WIDTH; n++) {
            double sum = (double)((d * WIDTH + n) % 7);
            for (size_t b = 0; b < B; b++)
                sum += cell(&f->layer, f->windows + b * window_size(f), d) * dy[b * STRIDE + n];
            if (!(fabs(dW[d * WIDTH + n] - sum) <= 1e-5 * f->layer.frames))
                fail_msg("%d frames, %d keys: gradient %g, not %g", f->layer.frames, f->layer.keys,
                         (double)dW[d * WIDTH + n], sum);
        }
    free(dy);
    free(dW);
    free(scratch);
}

static void check(int low, int high, int frames, int planes) {
    fixture f;
    create(low, high, frames, planes, &f);
    const size_t keys = (size_t)planes * (size_t)f.layer.keys;
    for (int kind = 0; kind < TEXTURES; kind++) {
        for (size_t b = 0; b < B; b++) {
            float y[WIDTH] = {NAN}; /* must be overwritten */
            draw(&f, (texture)kind, f.windows + b * window_size(&f));
            spiral__note_input_forward(&f.layer, f.windows + b * window_size(&f), b, &f.runs, y);
            const size_t count = f.runs.count[b];
            if (kind == SILENCE) assert_int_equal(count, 0);
            if (kind == FULL) assert_int_equal(count, keys);
            if (kind == STRIPES) assert_int_equal(count, f.runs.max);
            for (size_t i = 0; i < count; i++) {
                const spiral__note_run *r = &f.runs.runs[b * f.runs.max + i];
                assert_true(r->row == b && r->begin < r->end && r->end <= frames && r->key < keys);
            }
            check_forward(&f, b, y);
        }
        check_backward(&f);
    }
    clear(&f);
}

static void on_36_keys_and_36_frames(void **state) {
    (void)state;
    check(48, 83, 36, 1);
    check(48, 83, 36, 2);
}

static void at_the_limits_of_the_key_range(void **state) {
    (void)state;
    check(0, 127, 7, 2); /* all keys */
    check(63, 64, 9, 2); /* a word's last key and the next one's first */
    check(0, 0, 5, 1);   /* one key, the lowest */
    check(127, 127, 5, 1);
    check(64, 75, 6, 1);
}

static void on_the_shortest_and_longest_windows(void **state) {
    (void)state;
    check(60, 71, 1, 1);
    check(60, 71, 1, 2);
    check(60, 71, 2, 1);
    check(60, 65, 512, 1); /* sums along time have the largest rounding errors here */
}

/* Sums along time: their values, and the same bits on one thread and on three. */
static void sums_along_time_follow_the_weights(void **state) {
    (void)state;
    enum { FRAMES = 4, KEYS = 6 };
    fixture f;
    spiral__pool *pool;
    create(60, 65, FRAMES, 2, &f);
    const size_t size = 2 * KEYS * (FRAMES + 1) * WIDTH * sizeof(float);
    for (size_t i = 0; i < f.cells * WIDTH; i++) f.W[i] = (float)i / 64;
    spiral__note_input_set_weights(&f.layer, f.W, NULL);
    const float *sums = f.layer.sums;
    for (size_t n = 0; n < WIDTH; n++) { /* key 62 of plane 1: frames 4 to 7 of the rows of the window */
        double sum = 0;
        for (size_t t = 0; t < FRAMES; t++) sum += f.W[((FRAMES + t) * KEYS + 2) * WIDTH + n];
        assert_true(fabs(sums[((KEYS + 2) * (FRAMES + 1) + FRAMES) * WIDTH + n] - sum) < 1e-3);
        assert_true(sums[(KEYS + 2) * (FRAMES + 1) * WIDTH + n] == 0);
    }
    float *alone = malloc(size);
    assert_non_null(alone);
    memcpy(alone, f.layer.sums, size);
    memset(f.layer.sums, 1, size);
    assert_int_equal(spiral__pool_create(3, &pool, NULL), SPIRAL_OK);
    spiral__note_input_set_weights(&f.layer, f.W, pool);
    assert_memory_equal(alone, f.layer.sums, size);
    spiral__pool_destroy(pool);
    free(alone);
    clear(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_36_keys_and_36_frames),
        cmocka_unit_test(at_the_limits_of_the_key_range),
        cmocka_unit_test(on_the_shortest_and_longest_windows),
        cmocka_unit_test(sums_along_time_follow_the_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

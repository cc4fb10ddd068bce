/* SPDX-License-Identifier: MIT
 *
 * Memory, the model pack and results (see engine.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

engine e;

int engine_fail(const char *sentence) {
    snprintf(e.error.text, sizeof e.error.text, "%s", sentence);
    return -1;
}

int engine_need_pack(void) { return e.pack.model ? 0 : engine_fail("no model is loaded"); }

spiral_roll engine_borrow(size_t frames, spiral_keys *sounding, spiral_keys *onsets, double tempo) {
    const spiral_model_config *c = &e.pack.model->config;
    return (spiral_roll){.grid = c->grid,
                         .quarters_per_min = tempo,
                         .frames = frames,
                         .sounding = sounding,
                         .onsets = c->planes == 2 ? onsets : NULL};
}

void engine_keep_bytes(unsigned char *bytes, size_t size) {
    free(e.bytes);
    e.bytes = bytes;
    e.size = size;
}

/* ---- memory ---- */

/* size bytes for the worker, on a multiple of 16; 0: out of memory. */
void *EXPORT(engine_alloc)(size_t size) {
    if (size > SIZE_MAX - 16) return NULL;
    return aligned_alloc(16, (size + 16) / 16 * 16);
}
void EXPORT(engine_free)(void *p) { free(p); }

/* ---- the model pack ---- */

int EXPORT(engine_load)(const unsigned char *bytes, size_t size) {
    spiral__pack pack;
    if (spiral__pack_read(bytes, size, &pack, &e.error) != SPIRAL_OK) return -1;
    spiral_roll_clear(&e.roll);
    spiral__pack_clear(&e.pack);
    e.pack = pack;
    return 0;
}

/* UTF-8, ends with NUL. */
const char *EXPORT(engine_text)(void) { return e.pack.text ? e.pack.text : ""; }
const char *EXPORT(engine_error)(void) { return e.error.text; }
const char *EXPORT(engine_version)(void) { return spiral_version(); }

/* Of the model, which must be loaded. */
int EXPORT(engine_low)(void) { return e.pack.model->config.low; }
int EXPORT(engine_high)(void) { return e.pack.model->config.high; }
int EXPORT(engine_latent)(void) { return (int)e.pack.model->ae.Z; }
int EXPORT(engine_window)(void) { return e.pack.model->ae.T; }
/* Frames per quarter note, 0 on a grid of seconds; and there, the seconds of a frame. */
int EXPORT(engine_steps)(void) {
    const spiral_grid *grid = &e.pack.model->config.grid;
    return grid->kind == SPIRAL_GRID_BEATS ? grid->steps_per_quarter : 0;
}
double EXPORT(engine_frame_s)(void) { return e.pack.model->config.grid.frame_us * 1e-6; }

/* ---- results ---- */

size_t EXPORT(engine_frames)(void) { return e.roll.frames; }
spiral_keys *EXPORT(engine_sounding)(void) { return e.roll.sounding; }

/* Where notes begin; a roll of one plane is given a second one. 0: out of memory. */
spiral_keys *EXPORT(engine_onsets)(void) {
    if (!e.roll.onsets) e.roll.onsets = calloc(e.roll.frames + 1, sizeof *e.roll.onsets);
    for (size_t t = 0; e.roll.onsets && t < e.roll.frames; t++)
        e.roll.onsets[t] =
            spiral_keys_starts(t ? &e.roll.sounding[t - 1] : NULL, &e.roll.sounding[t], &e.roll.onsets[t]);
    return e.roll.onsets;
}
/* Of a written roll: nats per frame; of a MIDI file: its tempo; of other calls: their comments. */
double EXPORT(engine_number)(void) { return e.number; }
unsigned char *EXPORT(engine_bytes)(void) { return e.bytes; }
size_t EXPORT(engine_size)(void) { return e.size; }

/* SPDX-License-Identifier: MIT
 *
 * What the two synthesisers share: a list of notes in seconds, and a buffer to add them to.
 */
#ifndef SPIRAL_SOUND_SOUND_H
#define SPIRAL_SOUND_SOUND_H

#include "spiral/audio.h"

/* One note in seconds, off_s > on_s. */
typedef struct spiral__timed_note {
    double on_s, off_s;
    int pitch, velocity, channel;
} spiral__timed_note;

/* Interleaved stereo, left first. */
typedef struct spiral__audio {
    int rate_hz;
    size_t frames;
    float *samples; /* (frames, 2) */
} spiral__audio;

/* How long a tone goes on after its key is let go, at most. */
#define SPIRAL__RELEASE_S 0.35

/* Adds the notes to audio (zeroed by the caller). */
void spiral__additive_render(const spiral__timed_note *notes, size_t count, spiral__audio *audio);

/* The highest sample rate FluidSynth accepts. */
enum { SPIRAL__FLUID_MAX_HZ = 96000 };

/* Path of a SoundFont at one of the usual places, or NULL. Static storage. */
const char *spiral__soundfont_find(void);
/* The same through FluidSynth. UNSUPPORTED: not built in; IO: the SoundFont cannot be read. */
spiral_status spiral__fluid_render(const spiral__timed_note *notes, size_t count, const char *soundfont,
                                   spiral__audio *audio, spiral_error *err);

/* Writes audio as a 16-bit WAV file: times gain, then scaled down if that would clip. */
spiral_status spiral__wav_save(const spiral__audio *audio, double gain, const char *path, spiral_error *err);

#endif

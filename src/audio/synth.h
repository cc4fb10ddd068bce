/* SPDX-License-Identifier: MIT
 *
 * What the two synthesisers have in common: notes in seconds, and a buffer that they are added to. Channel
 * events are for FluidSynth only.
 */
#ifndef SPIRAL_AUDIO_SYNTH_H
#define SPIRAL_AUDIO_SYNTH_H

#include <math.h>

#include "spiral/audio.h"

/* One note in seconds, off_s > on_s. channel: of the synthesiser, port * 16 + channel of the file. */
typedef struct spiral__timed_note {
    double on_s, off_s;
    int pitch, velocity, channel;
} spiral__timed_note;

/* A program change, controller or pitch bend, as spiral_channel_event. */
typedef struct spiral__timed_message {
    double at_s;
    int channel;
    unsigned char kind; /* B, C or E */
    unsigned char data[2];
} spiral__timed_message;

/* The channels of a synthesiser: sixteen for each of the first sixteen ports of a file; further ports have
 * those of the sixteenth. */
enum { SPIRAL__SYNTH_PORTS = 16, SPIRAL__SYNTH_CHANNELS = 16 * SPIRAL__SYNTH_PORTS };

/* Stereo samples; here a frame is the pair of samples of one moment. */
typedef struct spiral__audio {
    int rate_hz; /* frames per second */
    size_t frames;
    float *samples; /* (frames, 2) left, right */
} spiral__audio;

/* The frame nearest to a time, at most audio->frames. */
static inline size_t spiral__audio_frame_at(const spiral__audio *audio, double seconds) {
    double frame = floor(seconds * audio->rate_hz + 0.5);
    return frame < (double)audio->frames ? (size_t)frame : audio->frames;
}

/* The longest time a tone sounds after its note ends. */
#define SPIRAL__RELEASE_S 0.35

/* Adds the notes to audio, whose samples the caller has set to 0. */
void spiral__additive_render(const spiral__timed_note *notes, size_t count, spiral__audio *audio);

/* The highest sample rate that FluidSynth accepts. */
enum { SPIRAL__FLUID_MAX_HZ = 96000 };

/* Path of a SoundFont in one of the usual places, or NULL. Static storage. */
const char *spiral__soundfont_find(void);
/* The same with FluidSynth, which also plays the messages, in order of time. UNSUPPORTED: it is not built in;
 * IO: the SoundFont cannot be read; NO_MEMORY. */
spiral_status spiral__fluid_render(const spiral__timed_note *notes, size_t count,
                                   const spiral__timed_message *messages, size_t message_count,
                                   const char *soundfont, spiral__audio *audio, spiral_error *err);

/* audio times gain as the bytes of a 16-bit WAV file, scaled down if it would clip. bytes may be the memory
 * of the samples, if these begin SPIRAL__WAV_HEADER bytes or more after it: they are read before they are
 * overwritten. TOO_BIG: nothing is written. */
enum { SPIRAL__WAV_HEADER = 44 };
spiral_status spiral__wav_write(const spiral__audio *audio, double gain, unsigned char *bytes, size_t *size,
                                spiral_error *err);

/* What spiral_audio_save writes, as bytes in memory; used may be NULL. */
spiral_status spiral__audio_write(const spiral_midi *midi, const spiral_audio_options *options,
                                  unsigned char **bytes, size_t *size, spiral_synth *used, spiral_error *err);

#endif

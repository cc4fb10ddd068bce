/* SPDX-License-Identifier: MIT
 *
 * Notes -> audio: a 16-bit stereo WAV file, by FluidSynth with a SoundFont found at run time, or by a small
 * additive synthesiser that every build has.
 */
#ifndef SPIRAL_AUDIO_H
#define SPIRAL_AUDIO_H

#include "midi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum spiral_synth { SPIRAL_SYNTH_ANY, SPIRAL_SYNTH_ADDITIVE, SPIRAL_SYNTH_FLUID } spiral_synth;

typedef struct spiral_audio_options {
    size_t struct_size; /* sizeof(spiral_audio_options), set by spiral_audio_options_default */
    spiral_synth synth; /* default ANY: FluidSynth if it is built in, a SoundFont is found and rate_hz is at
                           most 96000, else ADDITIVE. With a soundfont, ANY means FLUID */
    int rate_hz;        /* frames per second, 8000 .. 192000, default 44100 */
    double gain;        /* above 0, at most 1000, default 1; what would clip is scaled down */
    const char *soundfont; /* path of an .sf2 or .sf3 file, or NULL (default): the usual places */
} spiral_audio_options;

/* Fills struct_size bytes of *options and sets the field. */
SPIRAL_API void spiral_audio_options_default(spiral_audio_options *options, size_t struct_size);

/* Renders *midi to a WAV file, which is written under a temporary name and then renamed. FluidSynth plays its
 * programs, controllers and pitch bends, each port on channels of its own; percussion of all ports is played
 * on channel 10 of the first. Pedals do nothing: see spiral_midi_apply_pedal. The sound ends when the last
 * note has died away. *used, if not NULL, is the synthesiser that was used. The same notes and options give
 * the same bytes. While FluidSynth plays, its log functions, which are global to the process, are silenced;
 * afterwards they are FluidSynth's own again. BAD_ARG: an option or a field of *midi is out of range.
 * UNSUPPORTED: FLUID is asked for, but not built in, without a SoundFont, or above 96000 Hz. NO_DATA: no
 * notes. TOO_BIG: more than two hours. FORMAT: the soundfont is not one, or is cut off. IO, NO_MEMORY. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_audio_save(const spiral_midi *midi,
                                                             const spiral_audio_options *options,
                                                             const char *path, spiral_synth *used,
                                                             spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif

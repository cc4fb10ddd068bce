/* SPDX-License-Identifier: MIT
 *
 * Notes -> audio: 16-bit stereo WAV through FluidSynth and a SoundFont found at run time, or through the
 * small additive synthesiser that is always there.
 */
#ifndef SPIRAL_AUDIO_H
#define SPIRAL_AUDIO_H

#include "midi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum spiral_synth { SPIRAL_SYNTH_ANY, SPIRAL_SYNTH_ADDITIVE, SPIRAL_SYNTH_FLUID } spiral_synth;

typedef struct spiral_audio_options {
    spiral_synth synth;    /* ANY: FluidSynth if built in, a SoundFont is found and rate_hz is at most 96000,
                              else additive; naming a soundfont asks for FluidSynth */
    int rate_hz;           /* 8000 .. 192000, default 44100 */
    double gain;           /* > 0, default 1; the result is never clipped: it is scaled down if too loud */
    const char *soundfont; /* path of an .sf2/.sf3, or NULL: the usual places */
} spiral_audio_options;

SPIRAL_API spiral_audio_options spiral_audio_options_default(void);

/* Renders *midi to a WAV file (temporary name, then renamed). Ends when the last note has died away.
 * *used, if not NULL, tells which synthesiser played. Same notes, same options, same bytes.
 * UNSUPPORTED: FLUID asked for and not there, or above 96000 Hz. NO_DATA: no notes. TOO_BIG: more than two
 * hours. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_audio_save(const spiral_midi *midi,
                                                             const spiral_audio_options *options,
                                                             const char *path, spiral_synth *used,
                                                             spiral_error *err);

#ifdef __cplusplus
}
#endif
#endif

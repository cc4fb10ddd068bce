/* SPDX-License-Identifier: MIT
 *
 * From notes and channel events in ticks to seconds, through one of the synthesisers, to a file.
 */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/sized.h"
#include "audio/synth.h"
#include "midi/midi_check.h"
#include "spiral_config.h"

static const double MAX_SECONDS = 7200;
static const double TAIL_S = 0.5; /* silence after the last release */

static const spiral_audio_options default_options = {.synth = SPIRAL_SYNTH_ANY, .rate_hz = 44100, .gain = 1};

/* Size of the struct in the first version with struct_size. A field added later begins there. */
enum { OPTIONS_FIRST = sizeof(spiral_audio_options) };

void spiral_audio_options_default(spiral_audio_options *options, size_t struct_size) {
    spiral__sized_write(&default_options, sizeof default_options, options, struct_size);
}

static spiral_status check_options(const spiral_audio_options *o, spiral_error *err) {
    if (o->rate_hz < 8000 || o->rate_hz > 192000)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "sample rate is %d Hz, must be 8000 to 192000",
                            o->rate_hz);
    if (!(o->gain > 0 && o->gain <= 1000))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "gain is %g, must be above 0, at most 1000", o->gain);
    if ((int)o->synth < SPIRAL_SYNTH_ANY || o->synth > SPIRAL_SYNTH_FLUID)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "synthesiser is %d, must be 0 to 2", (int)o->synth);
    return SPIRAL_OK;
}

static int by_time(const void *a, const void *b) {
    const spiral__timed_note *x = a, *y = b;
    if (x->on_s != y->on_s) return x->on_s < y->on_s ? -1 : 1;
    if (x->pitch != y->pitch) return x->pitch - y->pitch;
    if (x->channel != y->channel) return x->channel - y->channel;
    if (x->off_s != y->off_s) return x->off_s < y->off_s ? -1 : 1;
    return x->velocity - y->velocity;
}

static int first_channel_of(unsigned port) {
    return 16 * (port < SPIRAL__SYNTH_PORTS ? (int)port : SPIRAL__SYNTH_PORTS - 1);
}

/* The channel that the synthesisers play a note on: percussion of all ports on channel 10, and nothing else
 * there.
 */
static int channel_of(const spiral_note *note) {
    if (spiral_note_is_drum(note)) return SPIRAL_DRUM_CHANNEL;
    return first_channel_of(note->port) +
           (note->channel == SPIRAL_DRUM_CHANNEL ? SPIRAL_DRUM_CHANNEL + 1 : note->channel);
}

/* Lists the channel events with their times. Those of channel 10 act on percussion, whatever port they are
 * for. *out: (midi->event_count). */
static spiral_status time_messages(const spiral_midi *midi, spiral__timed_message **out, spiral_error *err) {
    spiral__timed_message *messages = calloc(midi->event_count + 1, sizeof *messages);
    if (!messages) return spiral__no_memory(err, midi->event_count * sizeof *messages);
    for (size_t i = 0; i < midi->event_count; i++) {
        const spiral_channel_event *e = &midi->events[i];
        const int channel = e->status & 15;
        messages[i] = (spiral__timed_message){
            spiral_midi_seconds(midi, e->at_ticks),
            channel == SPIRAL_DRUM_CHANNEL ? channel : first_channel_of(e->port) + channel,
            e->status >> 4,
            {e->data[0], e->data[1]}};
    }
    *out = messages;
    return SPIRAL_OK;
}

/* Lists the notes in order of time; those of zero length are left out. *end_s: when the last one ends. */
static spiral_status time_notes(const spiral_midi *midi, spiral__timed_note **out, size_t *count,
                                double *end_s, spiral_error *err) {
    spiral__timed_note *notes = calloc(midi->note_count + 1, sizeof *notes);
    if (!notes) return spiral__no_memory(err, midi->note_count * sizeof *notes);
    size_t n = 0;
    *end_s = 0;
    for (size_t i = 0; i < midi->note_count; i++) {
        const spiral_note *note = &midi->notes[i];
        double on = spiral_midi_seconds(midi, note->on_ticks),
               off = spiral_midi_seconds(midi, note->off_ticks);
        if (!(off > on)) continue;
        notes[n++] = (spiral__timed_note){on, off, note->pitch, note->velocity, channel_of(note)};
        *end_s = fmax(*end_s, off);
    }
    spiral_status status = SPIRAL_OK;
    if (!n) status = spiral__fail(err, SPIRAL_NO_DATA, -1, "there are no notes to play");
    if (*end_s > MAX_SECONDS)
        status = spiral__fail(err, SPIRAL_TOO_BIG, -1, "the music lasts %.0f s, the limit is %.0f s", *end_s,
                              MAX_SECONDS);
    if (status != SPIRAL_OK) {
        free(notes);
        return status;
    }
    qsort(notes, n, sizeof *notes, by_time);
    *out = notes;
    *count = n;
    return SPIRAL_OK;
}

/* Chooses the synthesiser, and the SoundFont for FluidSynth. */
static spiral_status choose_synth(const spiral_audio_options *o, spiral_synth *synth, const char **soundfont,
                                  spiral_error *err) {
#ifdef SPIRAL_HAVE_FLUIDSYNTH
    const int built_in = 1;
#else
    const int built_in = 0;
#endif
    *soundfont = o->soundfont ? o->soundfont : spiral__soundfont_find();
    *synth = SPIRAL_SYNTH_ADDITIVE;
    if (o->synth == SPIRAL_SYNTH_ADDITIVE) return SPIRAL_OK;
    int required = o->synth == SPIRAL_SYNTH_FLUID || o->soundfont;
    if (required && !built_in)
        return spiral__fail(
            err, SPIRAL_UNSUPPORTED, -1,
            "this build plays no SoundFonts: it was made without FluidSynth (Debian: libfluidsynth-dev)");
    if (required && !*soundfont)
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                            "no SoundFont found (Debian: timgm6mb-soundfont), and none was named");
    if (required && o->rate_hz > SPIRAL__FLUID_MAX_HZ)
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                            "sample rate is %d Hz, FluidSynth renders at most %d", o->rate_hz,
                            SPIRAL__FLUID_MAX_HZ);
    if (built_in && *soundfont && o->rate_hz <= SPIRAL__FLUID_MAX_HZ) *synth = SPIRAL_SYNTH_FLUID;
    return SPIRAL_OK;
}

static spiral_status render(const spiral_midi *midi, const spiral__timed_note *notes, size_t count,
                            double end_s, spiral_synth synth, const char *soundfont,
                            const spiral_audio_options *o, unsigned char **bytes, size_t *size,
                            spiral_error *err) {
    spiral__audio audio = {.rate_hz = o->rate_hz};
    audio.frames = (size_t)ceil((end_s + SPIRAL__RELEASE_S + TAIL_S) * o->rate_hz);
    /* The samples, with room for the file's header before them: they are converted to the file in place. */
    const size_t head = 64, memory = head + 2 * audio.frames * sizeof *audio.samples;
    *bytes = calloc(1, memory);
    if (!*bytes) return spiral__no_memory(err, memory);
    audio.samples = (float *)(void *)(*bytes + head);
    spiral_status status = SPIRAL_OK;
    spiral__timed_message *messages = NULL;
    if (synth == SPIRAL_SYNTH_FLUID) {
        status = time_messages(midi, &messages, err);
        if (status == SPIRAL_OK)
            status = spiral__fluid_render(notes, count, messages, midi->event_count, soundfont, &audio, err);
        free(messages);
    } else
        spiral__additive_render(notes, count, &audio);
    if (status == SPIRAL_OK) status = spiral__wav_write(&audio, o->gain, *bytes, size, err);
    if (status != SPIRAL_OK) free(*bytes);
    return status;
}

spiral_status spiral__audio_write(const spiral_midi *midi, const spiral_audio_options *options,
                                  unsigned char **bytes, size_t *size, spiral_synth *used,
                                  spiral_error *err) {
    spiral_audio_options known = default_options;
    spiral_synth synth;
    const char *soundfont;
    spiral__timed_note *notes = NULL;
    size_t count = 0;
    double end_s = 0;
    SPIRAL_TRY(spiral__sized_read("audio options", options, OPTIONS_FIRST, &known, sizeof known, err));
    SPIRAL_TRY(check_options(&known, err));
    SPIRAL_TRY(spiral__midi_check(midi, err));
    SPIRAL_TRY(choose_synth(&known, &synth, &soundfont, err));
    SPIRAL_TRY(time_notes(midi, &notes, &count, &end_s, err));
    spiral_status status = render(midi, notes, count, end_s, synth, soundfont, &known, bytes, size, err);
    if (status == SPIRAL_OK && used) *used = synth;
    free(notes);
    return status;
}

spiral_status spiral_audio_save(const spiral_midi *midi, const spiral_audio_options *options,
                                const char *path, spiral_synth *used, spiral_error *err) {
    unsigned char *bytes;
    size_t size;
    SPIRAL_TRY(spiral__path_check(path, err));
    SPIRAL_TRY(spiral__audio_write(midi, options, &bytes, &size, used, err));
    const spiral_status status = spiral_file_write(path, bytes, size, err);
    free(bytes);
    return status;
}

/* SPDX-License-Identifier: MIT
 *
 * FluidSynth, fed with our own events: its file player is not used (some files it plays for ever).
 */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "audio/audio.h"
#include "spiral_config.h"

const char *spiral__soundfont_find(void) {
    static const char *const places[] = {
        "/usr/share/sounds/sf3/default-GM.sf3", "/usr/share/sounds/sf2/default-GM.sf2",
        "/usr/share/sounds/sf2/FluidR3_GM.sf2", "/usr/share/sounds/sf2/TimGM6mb.sf2",
        "/usr/share/soundfonts/default.sf2",    "/usr/local/share/soundfonts/default.sf2",
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], R_OK) == 0) return places[i];
    return NULL;
}

#ifdef SPIRAL_HAVE_FLUIDSYNTH

#include <fluidsynth.h>

/* A key goes down or up. */
typedef struct event {
    size_t frame;
    int off; /* at one time keys go up first */
    const spiral__timed_note *note;
} event;

static int by_frame(const void *a, const void *b) {
    const event *x = a, *y = b;
    if (x->frame != y->frame) return x->frame < y->frame ? -1 : 1;
    if (x->off != y->off) return y->off - x->off;
    return x->note < y->note ? -1 : x->note > y->note;
}

static size_t frame_of(double seconds, const spiral__audio *audio) {
    double frame = floor(seconds * audio->rate_hz + 0.5);
    return frame < (double)audio->frames ? (size_t)frame : audio->frames;
}

static void list_events(const spiral__timed_note *notes, size_t count, const spiral__audio *audio,
                        event *events) {
    for (size_t i = 0; i < count; i++) {
        size_t on = frame_of(notes[i].on_s, audio), off = frame_of(notes[i].off_s, audio);
        events[2 * i] = (event){on, 0, &notes[i]};
        events[2 * i + 1] = (event){off > on ? off : on + 1, 1, &notes[i]};
    }
    qsort(events, 2 * count, sizeof *events, by_frame);
}

/* One event. FluidSynth keeps one note per key: a key that two notes hold goes up with the last of them. */
static void send(fluid_synth_t *synth, const event *e, unsigned held[16][128]) {
    const spiral__timed_note *note = e->note;
    unsigned *notes = &held[note->channel & 15][note->pitch & 127];
    if (!e->off) {
        ++*notes;
        fluid_synth_noteon(synth, note->channel, note->pitch, note->velocity);
    } else if (--*notes == 0) {
        fluid_synth_noteoff(synth, note->channel, note->pitch);
    }
}

static void play(fluid_synth_t *synth, const event *events, size_t count, spiral__audio *audio) {
    unsigned held[16][128] = {{0}}; /* notes that hold a key of a channel down */
    size_t at = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t until = i < count && events[i].frame < audio->frames ? events[i].frame : audio->frames;
        while (at < until) { /* FluidSynth counts frames in an int */
            int n = until - at < (1 << 20) ? (int)(until - at) : 1 << 20;
            fluid_synth_write_float(synth, n, audio->samples + 2 * at, 0, 2, audio->samples + 2 * at, 1, 2);
            at += (size_t)n;
        }
        if (i == count) break;
        send(synth, &events[i], held);
    }
}

spiral_status spiral__fluid_render(const spiral__timed_note *notes, size_t count, const char *soundfont,
                                   spiral__audio *audio, spiral_error *err) {
    for (int level = 0; level < LAST_LOG_LEVEL; level++)
        fluid_set_log_function(level, NULL, NULL); /* no printing */
    event *events = calloc(2 * count, sizeof *events);
    fluid_settings_t *settings = new_fluid_settings();
    spiral_status status =
        events && settings ? SPIRAL_OK : spiral__no_memory(err, 2 * count * sizeof *events);
    fluid_synth_t *synth = NULL;
    if (status == SPIRAL_OK) {
        if (fluid_settings_setnum(settings, "synth.sample-rate", audio->rate_hz) == FLUID_FAILED)
            status = spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "FluidSynth refuses a sample rate of %d Hz",
                                  audio->rate_hz);
        fluid_settings_setnum(settings, "synth.gain", 0.5);
        fluid_settings_setint(settings, "synth.polyphony", 1024);
        if (status == SPIRAL_OK) synth = new_fluid_synth(settings);
        if (status == SPIRAL_OK && !synth)
            status = spiral__fail(err, SPIRAL_NO_MEMORY, -1, "FluidSynth could not be started");
    }
    if (status == SPIRAL_OK && fluid_synth_sfload(synth, soundfont, 1) == FLUID_FAILED)
        status = spiral__fail(err, SPIRAL_IO, -1, "%s: FluidSynth cannot read this SoundFont", soundfont);
    if (status == SPIRAL_OK) {
        list_events(notes, count, audio, events);
        play(synth, events, 2 * count, audio);
    }
    if (synth) delete_fluid_synth(synth);
    if (settings) delete_fluid_settings(settings);
    free(events);
    return status;
}

#else

spiral_status spiral__fluid_render(const spiral__timed_note *notes, size_t count, const char *soundfont,
                                   spiral__audio *audio, spiral_error *err) {
    (void)notes, (void)count, (void)soundfont, (void)audio;
    return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "FluidSynth is not built in");
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * Rendering with FluidSynth, note by note and message by message: its own file player is not used, as it
 * never ends on some files.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "audio/synth.h"
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

#include <dlfcn.h>
#include <fluidsynth.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- loading ----
 *
 * FluidSynth needs 70 libraries, among them those of every sound system; loading them takes 10 ms, more than
 * the rest of the program's start. So it is loaded when it is first needed, if the build knows its file name.
 */

#define FLUID_FUNCTIONS(X)        \
    X(new_fluid_settings)         \
    X(delete_fluid_settings)      \
    X(fluid_settings_setnum)      \
    X(fluid_settings_setint)      \
    X(new_fluid_synth)            \
    X(delete_fluid_synth)         \
    X(fluid_synth_sfload)         \
    X(fluid_synth_noteon)         \
    X(fluid_synth_noteoff)        \
    X(fluid_synth_cc)             \
    X(fluid_synth_program_change) \
    X(fluid_synth_pitch_bend)     \
    X(fluid_synth_write_float)    \
    X(fluid_set_log_function)     \
    X(fluid_default_log_function)

static struct {
#define SPIRAL_X(function) __typeof__(function) *function;
    FLUID_FUNCTIONS(SPIRAL_X)
#undef SPIRAL_X
} api;
static const char *missing; /* why FluidSynth cannot be used, or NULL */

#ifdef SPIRAL_FLUIDSYNTH_FILE
static void load(void) {
    void *library = dlopen(SPIRAL_FLUIDSYNTH_FILE, RTLD_LAZY | RTLD_LOCAL); /* never closed */
    if (!library) {
        missing = "cannot be loaded";
        return;
    }
#define SPIRAL_X(function)                               \
    *(void **)&api.function = dlsym(library, #function); \
    if (!api.function) missing = "has no function " #function;
    FLUID_FUNCTIONS(SPIRAL_X)
#undef SPIRAL_X
}
#else
static void load(void) {
#define SPIRAL_X(function) api.function = function;
    FLUID_FUNCTIONS(SPIRAL_X)
#undef SPIRAL_X
}
#define SPIRAL_FLUIDSYNTH_FILE "FluidSynth"
#endif

static spiral_status load_once(spiral_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (!missing) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "sound from a SoundFont: %s %s", SPIRAL_FLUIDSYNTH_FILE,
                        missing);
}

/* ---- FluidSynth's messages ----
 *
 * Its log functions are global, and by default print to standard error. They are silenced while any thread
 * renders. FluidSynth has no call that reads a log function's data, so a host's own functions cannot be
 * restored; its defaults are set instead, as audio.h says. */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int rendering; /* threads, guarded by log_lock */

static void silence_log(void) {
    pthread_mutex_lock(&log_lock);
    if (rendering++ == 0)
        for (int level = 0; level < LAST_LOG_LEVEL; level++) api.fluid_set_log_function(level, NULL, NULL);
    pthread_mutex_unlock(&log_lock);
}

static void restore_log(void) {
    pthread_mutex_lock(&log_lock);
    if (--rendering == 0)
        for (int level = 0; level < LAST_LOG_LEVEL; level++)
            api.fluid_set_log_function(level, api.fluid_default_log_function, NULL);
    pthread_mutex_unlock(&log_lock);
}

/* ---- notes and messages ---- */

/* In the order in which those of one frame are played. */
typedef enum event_kind { NOTE_ENDS, MESSAGE, NOTE_BEGINS } event_kind;

typedef struct event {
    size_t frame;
    event_kind kind;
    size_t index; /* of the note or message */
} event;

/* What is played. */
typedef struct music {
    const spiral__timed_note *notes;
    size_t count;
    const spiral__timed_message *messages;
    size_t message_count;
    event *events; /* (event_count) in order */
    size_t event_count;
    unsigned held[SPIRAL__SYNTH_CHANNELS][128]; /* notes that hold each key of each channel */
} music;

static int by_frame(const void *a, const void *b) {
    const event *x = a, *y = b;
    if (x->frame != y->frame) return x->frame < y->frame ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void list_events(music *m, const spiral__audio *audio) {
    event *e = m->events;
    for (size_t i = 0; i < m->count; i++) {
        size_t on = spiral__audio_frame_at(audio, m->notes[i].on_s);
        size_t off = spiral__audio_frame_at(audio, m->notes[i].off_s);
        *e++ = (event){on, NOTE_BEGINS, i};
        *e++ = (event){off > on ? off : on + 1, NOTE_ENDS, i};
    }
    for (size_t i = 0; i < m->message_count; i++)
        *e++ = (event){spiral__audio_frame_at(audio, m->messages[i].at_s), MESSAGE, i};
    qsort(m->events, m->event_count, sizeof *m->events, by_frame);
}

static void send_message(fluid_synth_t *synth, const spiral__timed_message *m) {
    switch (m->kind) {
    case 0xb: api.fluid_synth_cc(synth, m->channel, m->data[0], m->data[1]); break;
    case 0xc: api.fluid_synth_program_change(synth, m->channel, m->data[0]); break;
    default: api.fluid_synth_pitch_bend(synth, m->channel, m->data[0] | m->data[1] << 7); break;
    }
}

/* FluidSynth has one note per key and channel: a key that several notes hold ends with the last one. */
static void send_event(fluid_synth_t *synth, music *m, const event *e) {
    if (e->kind == MESSAGE) {
        send_message(synth, &m->messages[e->index]);
        return;
    }
    const spiral__timed_note *note = &m->notes[e->index];
    unsigned *held = &m->held[note->channel % SPIRAL__SYNTH_CHANNELS][note->pitch & 127];
    if (e->kind == NOTE_BEGINS) {
        ++*held;
        api.fluid_synth_noteon(synth, note->channel, note->pitch, note->velocity);
    } else if (--*held == 0) {
        api.fluid_synth_noteoff(synth, note->channel, note->pitch);
    }
}

static void render_events(fluid_synth_t *synth, music *m, spiral__audio *audio) {
    enum { FRAMES_AT_ONCE = 1 << 20 }; /* FluidSynth counts frames in an int */
    const event *events = m->events;
    const size_t count = m->event_count;
    size_t at = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t until = i < count && events[i].frame < audio->frames ? events[i].frame : audio->frames;
        while (at < until) {
            int n = until - at < FRAMES_AT_ONCE ? (int)(until - at) : FRAMES_AT_ONCE;
            api.fluid_synth_write_float(synth, n, audio->samples + 2 * at, 0, 2, audio->samples + 2 * at, 1,
                                        2);
            at += (size_t)n;
        }
        if (i < count) send_event(synth, m, &events[i]);
    }
}

/* Refuses what is not a SoundFont, or only the beginning of one, before FluidSynth reads it: the library that
 * it uses for files that it does not know prints to standard error. SoundFont 2.04, section 4: a RIFF chunk
 * "sfbk" that begins with a list "INFO"; FluidSynth may also read DLS files, a RIFF chunk "DLS ". */
static spiral_status check_soundfont(const char *path, spiral_error *err) {
    unsigned char head[24] = "";
    char text[SPIRAL__PATH_TEXT];
    const char *name = spiral__error_path(path, text);
    struct stat info;
    if (stat(path, &info)) return spiral__fail_io(err, path, "open");
    if (!S_ISREG(info.st_mode)) return spiral__fail(err, SPIRAL_IO, -1, "%s: is not a file", name);
    FILE *stream = fopen(path, "rb");
    if (!stream) return spiral__fail_io(err, path, "open");
    const size_t size = fread(head, 1, sizeof head, stream);
    fclose(stream);
    const uint64_t chunk =
        head[4] | (uint64_t)head[5] << 8 | (uint64_t)head[6] << 16 | (uint64_t)head[7] << 24;
    const int soundfont = !memcmp(head + 8, "sfbkLIST", 8) && !memcmp(head + 20, "INFO", 4);
    if (size < sizeof head || memcmp(head, "RIFF", 4) || !(soundfont || !memcmp(head + 8, "DLS ", 4)))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "%s: not a SoundFont", name);
    if (chunk + 8 > (uint64_t)info.st_size)
        return spiral__fail(err, SPIRAL_FORMAT, -1,
                            "%s: the SoundFont is cut off: it has %lld bytes, its header says %llu", name,
                            (long long)info.st_size, (unsigned long long)chunk + 8);
    return SPIRAL_OK;
}

/* How many channels the music needs: sixteen for each port. */
static int channels_of(const music *m) {
    int last = 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->notes[i].channel > last) last = m->notes[i].channel;
    for (size_t i = 0; i < m->message_count; i++)
        if (m->messages[i].channel > last) last = m->messages[i].channel;
    return last / 16 * 16 + 16;
}

/* Whether any note is sent to the chorus; if not, its output would be silence. */
static int uses_chorus(const music *m) {
    enum { CHORUS = 93 };
    for (size_t i = 0; i < m->message_count; i++)
        if (m->messages[i].kind == 0xb && m->messages[i].data[0] == CHORUS && m->messages[i].data[1])
            return 1;
    return 0;
}

/* A synthesiser with the SoundFont loaded. */
static spiral_status make_synth(fluid_settings_t *settings, const music *m, const char *soundfont,
                                int rate_hz, fluid_synth_t **synth, spiral_error *err) {
    if (api.fluid_settings_setnum(settings, "synth.sample-rate", rate_hz) == FLUID_FAILED)
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "FluidSynth refuses a sample rate of %d Hz",
                            rate_hz);
    api.fluid_settings_setnum(settings, "synth.gain", 0.5);
    api.fluid_settings_setint(settings, "synth.polyphony", 1024);
    api.fluid_settings_setint(settings, "synth.midi-channels", channels_of(m));
    api.fluid_settings_setint(settings, "synth.chorus.active", uses_chorus(m));
    /* Only the samples that are played are read. */
    api.fluid_settings_setint(settings, "synth.dynamic-sample-loading", 1);
    api.fluid_settings_setint(settings, "synth.lock-memory", 0); /* nothing waits for a sample in real time */
    *synth = api.new_fluid_synth(settings);
    if (!*synth) return spiral__fail(err, SPIRAL_NO_MEMORY, -1, "FluidSynth could not be started");
    if (api.fluid_synth_sfload(*synth, soundfont, 1) == FLUID_FAILED)
        return spiral__fail(err, SPIRAL_IO, -1, "%s: FluidSynth cannot read this SoundFont", soundfont);
    return SPIRAL_OK;
}

spiral_status spiral__fluid_render(const spiral__timed_note *notes, size_t count,
                                   const spiral__timed_message *messages, size_t message_count,
                                   const char *soundfont, spiral__audio *audio, spiral_error *err) {
    fluid_synth_t *synth = NULL;
    SPIRAL_TRY(load_once(err));
    SPIRAL_TRY(check_soundfont(soundfont, err));
    silence_log();
    const size_t event_count = 2 * count + message_count;
    music *m = calloc(1, sizeof *m);
    event *events = calloc(event_count, sizeof *events);
    fluid_settings_t *settings = api.new_fluid_settings();
    spiral_status status = SPIRAL_OK;
    if (m)
        *m = (music){.notes = notes,
                     .count = count,
                     .messages = messages,
                     .message_count = message_count,
                     .events = events,
                     .event_count = event_count};
    if (m && events && settings)
        status = make_synth(settings, m, soundfont, audio->rate_hz, &synth, err);
    else
        status = spiral__no_memory(err, sizeof *m + event_count * sizeof *events);
    if (status == SPIRAL_OK) {
        list_events(m, audio);
        render_events(synth, m, audio);
    }
    if (synth) api.delete_fluid_synth(synth);
    if (settings) api.delete_fluid_settings(settings);
    free(events);
    free(m);
    restore_log();
    return status;
}

#else

spiral_status spiral__fluid_render(const spiral__timed_note *notes, size_t count,
                                   const spiral__timed_message *messages, size_t message_count,
                                   const char *soundfont, spiral__audio *audio, spiral_error *err) {
    (void)notes, (void)count, (void)messages, (void)message_count, (void)soundfont, (void)audio;
    return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "FluidSynth is not built in");
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * Standard MIDI Files (MIDI 1.0 detailed specification, RP-001) <-> notes.
 *
 * The reader accepts faulty files: it repairs and counts the faults, and refuses only files that contain no
 * MIDI at all or were changed in transfer as if they were text. Times are kept in whole ticks;
 * spiral_midi_seconds turns them into seconds through the tempo map of the whole file. Percussion is kept and
 * marked. A note ends when its key comes up; events of the sustain and sostenuto pedals are kept beside the
 * notes, and so are programs, other controllers and pitch bends. Which note-off ends which note, how faults
 * are repaired and what is percussion: docs/formats.md. Read next: roll.h, which turns notes into frames.
 */
#ifndef SPIRAL_MIDI_H
#define SPIRAL_MIDI_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SPIRAL_DRUM_CHANNEL 9 /* "channel 10": percussion by General MIDI */

/* The latest tick of a file: nine years at 480 ticks per quarter and 120 bpm. Sums over a tempo map of that
 * length still fit an int64_t, so times are exact fractions until they become doubles. */
#define SPIRAL_MIDI_TICKS_MAX ((INT64_C(1) << 38) - 1)

/* Ports: a file may address several devices (meta event FF 21), each with sixteen channels of its own. */
#define SPIRAL_MIDI_PORT_MAX        127
#define SPIRAL_MIDI_TRACK_PORTS_MAX 16 /* different ports that one track may use */

/* Whether a note is percussion. BY_CHANNEL, as in General MIDI, is 0, so a program that makes notes may leave
 * the field at 0. YES and NO are for files that say otherwise (GS, XG and GM2). */
typedef enum spiral_drum { SPIRAL_DRUM_BY_CHANNEL, SPIRAL_DRUM_YES, SPIRAL_DRUM_NO } spiral_drum;

/* One note. 0 <= on_ticks <= off_ticks <= SPIRAL_MIDI_TICKS_MAX; from the reader, on and off are equal only
 * if they are equal in the file (a zero-length note). When a key is struck again before its note-off, the
 * first note-off ends the first note (first in, first out, per track, port, channel and key). */
typedef struct spiral_note {
    int64_t on_ticks;
    int64_t off_ticks;
    uint16_t track;   /* index of the MTrk chunk it came from, 0..65534 */
    uint8_t channel;  /* 0..15 */
    uint8_t pitch;    /* MIDI number, 0..127; 60 = C4 */
    uint8_t velocity; /* 1..127 */
    uint8_t port;     /* 0..SPIRAL_MIDI_PORT_MAX */
    uint8_t drum;     /* spiral_drum */
} spiral_note;

/* Whether the note is percussion: 0 or 1. */
static inline int spiral_note_is_drum(const spiral_note *n) {
    return n->drum == SPIRAL_DRUM_BY_CHANNEL ? n->channel == SPIRAL_DRUM_CHANNEL : n->drum == SPIRAL_DRUM_YES;
}

typedef struct spiral_tempo {
    int64_t at_ticks;
    int32_t us_per_quarter; /* 1 .. 16777215 */
    double at_s; /* seconds from the start to at_ticks. Filled by every call that makes a spiral_midi, used by
                    spiral_midi_seconds, ignored by the writer and the roll */
} spiral_tempo;

typedef struct spiral_meter {
    int64_t at_ticks;
    int numerator;   /* 1..255 */
    int denominator; /* a power of two, 1..64 */
} spiral_meter;

/* SUSTAIN is controller 64 and holds every note whose key comes up while it is down. SOSTENUTO is controller
 * 66 and holds only the notes whose keys are down when it goes down. */
typedef enum spiral_pedal_kind { SPIRAL_PEDAL_SUSTAIN, SPIRAL_PEDAL_SOSTENUTO } spiral_pedal_kind;

/* A pedal of a channel goes down (64..127) or comes up (0..63, or a reset of all controllers). It acts on all
 * notes of its port and channel, whichever track they and the event are on. */
typedef struct spiral_pedal {
    int64_t at_ticks;
    uint16_t track;  /* 0..65534 */
    uint8_t channel; /* 0..15 */
    uint8_t down;    /* 1: goes down, 0: comes up */
    uint8_t port;    /* 0..SPIRAL_MIDI_PORT_MAX */
    uint8_t kind;    /* spiral_pedal_kind */
} spiral_pedal;

/* A program change, controller or pitch bend. It acts on its port and channel, whichever track it is on. They
 * are written, and played by FluidSynth. */
typedef struct spiral_channel_event {
    int64_t at_ticks;
    uint16_t track;  /* 0..65534 */
    uint8_t port;    /* 0..SPIRAL_MIDI_PORT_MAX */
    uint8_t status;  /* as in the file: B0..BF a controller, C0..CF a program, E0..EF a pitch bend; the lowest
                        four bits are the channel */
    uint8_t data[2]; /* 0..127 each: controller and value, program and 0, or the bend's low and high seven
                        bits. Controllers are 0..119 without 64 and 66, the pedals */
} spiral_channel_event;

/* The faults that the reader repairs; each has a count in spiral_midi.warnings: of chunks, events or bytes,
 * or, for the names that begin with NOTE, of the notes that were changed. X(name, text) */
#define SPIRAL_MIDI_WARNING_LIST(X)                                                                \
    X(HEADER, "header chunk of unusual length or with a wrong track count")                        \
    X(UNKNOWN_CHUNK, "chunk that is neither MThd nor MTrk, or bytes between or after the chunks")  \
    X(TRUNCATED, "track whose declared length is wrong, or that ends in the middle of an event")   \
    X(NO_END_OF_TRACK, "track without an end-of-track event")                                      \
    X(AFTER_END_OF_TRACK, "bytes after a track's end-of-track event")                              \
    X(BAD_STATUS, "status byte that is not allowed in a file, or data without a running status")   \
    X(BAD_DATA, "data byte above 127 or missing, or a meta event whose length is wrong")           \
    X(BAD_DELTA, "variable-length number longer than four bytes, or a time beyond the limit")      \
    X(NOTE_NEVER_ENDS, "note without a note-off, lengthened to the end of the music of its track") \
    X(NOTE_NEVER_STARTS, "note-off without a note")                                                \
    X(DIVISION, "division of zero or of an unknown frame rate, read as 480 ticks per quarter")     \
    X(NOTE_SHORTENED, "note without a note-off, shortened: it ends where its key is struck again") \
    X(NOTE_DROPPED, "note dropped: its key is struck twice at one tick and comes up once")         \
    X(NOTE_OTHER_TRACK, "note that ends with a note-off on another track")                         \
    X(SYSEX, "system exclusive message without a length, or whose length is wrong")

typedef enum spiral_midi_warning {
#define SPIRAL_X(name, text) SPIRAL_MIDI_WARN_##name,
    SPIRAL_MIDI_WARNING_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL_MIDI_WARNING_COUNT
} spiral_midi_warning;

/* Length of the array spiral_midi.warnings: it has room for warnings that later versions add. */
#define SPIRAL_MIDI_WARNING_CAPACITY 32

SPIRAL_API const char *spiral_midi_warning_name(spiral_midi_warning warning); /* static storage, never NULL */
/* Writes "3 x note-off without a note; 1 x ..." to text[0 .. size), cut off where it does not fit; "" if
 * nothing was repaired. Returns the length of the whole text, as snprintf does. warnings:
 * (SPIRAL_MIDI_WARNING_COUNT) counts. */
SPIRAL_API int spiral_midi_warnings_text(const uint32_t *warnings, char *text, size_t size);

/* What a file contains that is skipped: no call writes or plays it. The first three are in
 * spiral_midi.events, so the reader counts none of them; a program that does not use the events can count
 * them itself and name them with the others. X(name, text) */
#define SPIRAL_MIDI_NOT_KEPT_LIST(X)                                              \
    X(PROGRAM, "program change")                                                  \
    X(CONTROLLER, "controller")                                                   \
    X(PITCH_BEND, "pitch bend")                                                   \
    X(RESET, "reset of all controllers") /* controller 121; the pedals come up */ \
    X(AFTERTOUCH, "aftertouch")          /* of keys and of channels */            \
    X(SYSEX, "system exclusive message")                                          \
    X(NAME, "name") /* all but the first; of instruments, programs and devices */ \
    X(TEXT, "text") /* all but the first; copyrights */                           \
    X(LYRIC, "lyric")                                                             \
    X(MARKER, "marker or cue")                                                    \
    X(KEY_SIGNATURE, "key signature")                                             \
    X(OTHER, "other meta event")

typedef enum spiral_midi_not_kept {
#define SPIRAL_X(name, text) SPIRAL_MIDI_NOT_KEPT_##name,
    SPIRAL_MIDI_NOT_KEPT_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL_MIDI_NOT_KEPT_COUNT
} spiral_midi_not_kept;

/* Length of the array spiral_midi.not_kept: it has room for kinds that later versions add. */
#define SPIRAL_MIDI_NOT_KEPT_CAPACITY 16

SPIRAL_API const char *spiral_midi_not_kept_name(spiral_midi_not_kept kind); /* static storage, never NULL */
/* As spiral_midi_warnings_text: "2 x program change; 1 x lyric". counts: (SPIRAL_MIDI_NOT_KEPT_COUNT). */
SPIRAL_API int spiral_midi_not_kept_text(const uint32_t *counts, char *text, size_t size);

/* A file's notes, tempo map, metres, pedals and other channel events. Zero-initialise it, or let the reader
 * fill it; free it with spiral_midi_clear. All arrays and texts are owned by the struct (malloc). */
typedef struct spiral_midi {
    int format;            /* 0, 1 or 2; from the reader: 1 for a file of format 0 that has several tracks */
    int ticks_per_quarter; /* 1..32767, or 0 when the file counts SMPTE time */
    double ticks_per_s;    /* SMPTE files only, else 0: 24, 25, 30000/1001 or 30 SMPTE frames times 1..255;
                              tempos then do not change the time */
    int tracks;            /* MTrk chunks found, empty ones too; at most 65535 */
    int64_t end_ticks;     /* time of the latest event of any track; the music may end long before
                              (spiral_midi_music_end) */
    size_t note_count;
    spiral_note *notes; /* (note_count) from the reader sorted by on_ticks, then pitch, channel, track,
                           off_ticks, velocity, port; the writer and the roll accept any order */
    size_t tempo_count;
    spiral_tempo *tempos; /* (tempo_count) sorted by at_ticks, one per tick; may be empty: 120 bpm */
    size_t meter_count;
    spiral_meter *meters; /* (meter_count) sorted by at_ticks, one per tick; may be empty: 4/4 */
    size_t pedal_count;
    spiral_pedal *pedals; /* (pedal_count) sorted by at_ticks, then track; from the reader each one changes
                             the state of its channel's pedal, which is up at the start */
    size_t event_count;
    spiral_channel_event *events; /* (event_count) sorted by at_ticks, then track; those of one tick and track
                                     in the order of the file */
    char *name; /* first track name (FF 03) that is not empty, or NULL: the bytes of the file, in
                   whatever encoding it has (spiral_midi_text_utf8) */
    char *text; /* first text (FF 01) that is not empty, or NULL: likewise */
    uint32_t warnings[SPIRAL_MIDI_WARNING_CAPACITY];  /* counts, by spiral_midi_warning */
    uint32_t not_kept[SPIRAL_MIDI_NOT_KEPT_CAPACITY]; /* events, by spiral_midi_not_kept */
} spiral_midi;

/* Reads size bytes at bytes into *midi (overwritten; what it owned must have been freed). Memory stays below
 * 24 times size plus 4 KiB, and 16 KiB for each further port that one track uses, whatever lengths the file
 * claims. The tracks of a format 2 file are sequences of their own: they are placed one after another, each
 * with its own tempos and metres, and with pedals up. FORMAT: not a MIDI file, or one that was damaged in
 * transfer, with the reason; TOO_BIG: 4 GiB or more; NO_MEMORY. *midi is then empty. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_read(const void *bytes, size_t size, spiral_midi *midi,
                                                            spiral_error *err);
/* The same from a file ("-": standard input). IO when it cannot be read; TOO_BIG above 1 GiB. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_load(const char *path, spiral_midi *midi,
                                                            spiral_error *err);
/* Frees what *midi owns and zeroes it. NULL and zeroed structs are accepted. */
SPIRAL_API void spiral_midi_clear(spiral_midi *midi);

/* The number of bytes that spiral_midi_write needs for *midi. BAD_ARG: a field is out of its range; format is
 * 0 and a note, pedal or event is on another track than 0; a track has more than SPIRAL_MIDI_TRACK_PORTS_MAX
 * ports from its first note on; a note lies inside an earlier note of its track, port, channel and key (it
 * begins later and ends sooner), since a file cannot tell which of the two a note-off ends; or two notes of a
 * port and channel begin at one tick and only one is percussion. TOO_BIG: a track of 4 GiB; NO_MEMORY (it
 * sorts the events). */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_size(const spiral_midi *midi, size_t *size,
                                                            spiral_error *err);
/* Writes *midi as a Standard MIDI File into bytes[0 .. size), size exactly as spiral_midi_size gave it.
 * Format 0 has one track; formats 1 and 2 are written as 1, with as many tracks as `tracks`, the notes,
 * pedals and events need, and with tempos, metres, name and text on the first; ports as FF 21 events, and
 * percussion that is neither that of General MIDI nor follows from the bank selects as GS messages on the
 * first. At one tick, notes that began before end first, then pedals and then events follow, then notes
 * begin. Reading the file gives the same notes, tempos, metres, pedals (except those that change nothing),
 * events, end, name and text ("" becomes NULL; control characters but tabs and line ends become spaces)
 * without a warning. Metronome clicks and release velocities are not kept. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_write(const spiral_midi *midi, void *bytes,
                                                             size_t size, spiral_error *err);
/* The same to a file ("-": standard output), which is written under a temporary name in the same folder and
 * then renamed. IO. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_save(const spiral_midi *midi, const char *path,
                                                            spiral_error *err);

/* Lengthens the notes that the pedals hold, removes the pedals, and sorts the notes as the reader does. A
 * note whose key comes up while the sustain pedal of its port and channel is down sounds until that pedal
 * comes up; so does one whose key was down when the sostenuto pedal went down, until this one comes up; if
 * both hold it, until neither does. It ends before that where the same key of the port and channel is struck
 * again, and no later than four quarters after the last note-off or the end of the file. A pedal that goes
 * down at the very tick of a note-off does not hold that note; a sostenuto pedal that goes down at the very
 * tick of a note-on does not either. BAD_ARG: a field is out of its range; NO_MEMORY. *midi is then
 * unchanged. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_apply_pedal(spiral_midi *midi, spiral_error *err);

/* The tick at which the last note ends, 0 without notes: the length of the music, which a tempo or an
 * end-of-track event after it does not change. Takes time in proportion to the number of notes. */
SPIRAL_API int64_t spiral_midi_music_end(const spiral_midi *midi);

/* Writes a text of a file (name, text) as UTF-8 to utf8[0 .. size), cut off after the last character that
 * fits. A file does not say how its texts are encoded. A text that is valid UTF-8 is copied. One that is
 * valid Shift-JIS, with more two-byte Japanese characters than Latin letters, is read as Shift-JIS, if the C
 * library's iconv knows it (CP932). Any other is read as Windows-1252 (Latin-1 with printable characters at
 * 80..9F), byte by byte: right for Western European files; other encodings become wrong characters, but the
 * result is always valid. Returns the length of the whole, as snprintf does. */
SPIRAL_API int spiral_midi_text_utf8(const char *text, char *utf8, size_t size);

/* Seconds from the start of the file to `ticks`, through the tempo map (120 bpm before the first tempo). 0 if
 * *midi has neither ticks_per_quarter nor ticks_per_s. */
SPIRAL_API double spiral_midi_seconds(const spiral_midi *midi, int64_t ticks);

#ifdef __cplusplus
}
#endif
#endif

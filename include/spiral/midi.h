/* SPDX-License-Identifier: MIT
 *
 * Standard MIDI Files (MIDI 1.0 detailed specification, RP-001) <-> notes.
 *
 * The reader accepts faulty files: it repairs and counts the faults, and refuses only files that contain no
 * MIDI at all. Times stay whole ticks; spiral_midi_seconds turns them into seconds through the tempo map of
 * the whole file. Percussion is kept. A note ends when its key comes up; events of the sustain pedal are kept
 * beside the notes. Other controllers (sostenuto, soft pedal, all notes off) and pitch bends are ignored.
 * Read next: roll.h, which turns notes into frames.
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

/* One note. 0 <= on_ticks <= off_ticks <= SPIRAL_MIDI_TICKS_MAX; on and off are equal only if they are equal
 * in the file (a zero-length note). When a key is struck again before its note-off, the first note-off ends
 * the first note (first in, first out, per track, channel and key). */
typedef struct spiral_note {
    int64_t on_ticks;
    int64_t off_ticks;
    uint16_t track;   /* index of the MTrk chunk it came from, 0..65534 */
    uint8_t channel;  /* 0..15 */
    uint8_t pitch;    /* MIDI number, 0..127; 60 = C4 */
    uint8_t velocity; /* 1..127 */
} spiral_note;

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

/* The sustain pedal of a channel (controller 64) goes down (64..127) or comes up (0..63, or a reset of all
 * controllers). It acts on all notes of its channel, whichever track they and the event are on. */
typedef struct spiral_pedal {
    int64_t at_ticks;
    uint16_t track; /* 0..65534 */
    uint8_t channel;
    uint8_t down; /* 1: goes down, 0: comes up */
} spiral_pedal;

/* The faults that the reader repairs; each has a count in spiral_midi.warnings. X(name, text) */
#define SPIRAL_MIDI_WARNING_LIST(X)                                                               \
    X(HEADER, "header chunk of unusual length or with a wrong track count")                       \
    X(UNKNOWN_CHUNK, "chunk that is neither MThd nor MTrk, or bytes between or after the chunks") \
    X(TRUNCATED, "track whose declared length is wrong, or that ends in the middle of an event")  \
    X(NO_END_OF_TRACK, "track without an end-of-track event")                                     \
    X(AFTER_END_OF_TRACK, "bytes after a track's end-of-track event")                             \
    X(BAD_STATUS, "status byte that is not allowed in a file, or data without a running status")  \
    X(BAD_DATA, "data byte above 127, or a meta event whose length is wrong")                     \
    X(BAD_DELTA, "variable-length number longer than four bytes, or a time beyond the limit")     \
    X(NOTE_NEVER_ENDS, "note without a note-off, ended at the end of its track")                  \
    X(NOTE_NEVER_STARTS, "note-off without a note")                                               \
    X(DIVISION, "division of zero or of an unknown frame rate, read as 480 ticks per quarter")

typedef enum spiral_midi_warning {
#define SPIRAL_X(name, text) SPIRAL_MIDI_WARN_##name,
    SPIRAL_MIDI_WARNING_LIST(SPIRAL_X)
#undef SPIRAL_X
        SPIRAL_MIDI_WARNING_COUNT
} spiral_midi_warning;

/* Length of the array spiral_midi.warnings: it has places for warnings that later versions add. */
#define SPIRAL_MIDI_WARNING_CAPACITY 32

SPIRAL_API const char *spiral_midi_warning_name(spiral_midi_warning warning); /* static storage, never NULL */
/* Writes "3 x note-off without a note; 1 x ..." to text[0 .. size), cut off where it does not fit; "" if
 * nothing was repaired. Returns the length of the whole text, as snprintf does. warnings:
 * (SPIRAL_MIDI_WARNING_COUNT) counts. */
SPIRAL_API int spiral_midi_warnings_text(const uint32_t *warnings, char *text, size_t size);

/* A file's notes, tempo map, metres and pedals. Zero-initialise it, or let the reader fill it; free it with
 * spiral_midi_clear. All arrays and texts are owned by the struct (malloc). */
typedef struct spiral_midi {
    int format;            /* 0, 1 or 2; from the reader: 1 for a file of format 0 that has several tracks */
    int ticks_per_quarter; /* 1..32767, or 0 when the file counts SMPTE time */
    double ticks_per_s;    /* SMPTE files only, else 0: 24, 25, 30000/1001 or 30 SMPTE frames times 1..255;
                              tempos then do not change the time */
    int tracks;            /* MTrk chunks found, empty ones too; at most 65535 */
    int64_t end_ticks;     /* time of the latest event of any track */
    size_t note_count;
    spiral_note *notes; /* (note_count) from the reader sorted by on_ticks, then pitch, channel, track,
                           off_ticks, velocity; the writer and the roll accept any order */
    size_t tempo_count;
    spiral_tempo *tempos; /* (tempo_count) sorted by at_ticks, one per tick; may be empty: 120 bpm */
    size_t meter_count;
    spiral_meter *meters; /* (meter_count) sorted by at_ticks, one per tick; may be empty: 4/4 */
    size_t pedal_count;
    spiral_pedal *pedals; /* (pedal_count) sorted by at_ticks, then track; from the reader each one changes
                             the state of its channel's pedal, which is up at the start */
    char *name;           /* first track name (FF 03) that is not empty, the bytes of the file, or NULL */
    char *text;           /* first text (FF 01) that is not empty, the bytes of the file, or NULL */
    uint32_t warnings[SPIRAL_MIDI_WARNING_CAPACITY]; /* counts, by spiral_midi_warning */
} spiral_midi;

/* Reads size bytes at bytes into *midi (overwritten; what it owned must have been freed). Memory stays below
 * 16 times size plus 4 KiB, whatever lengths the file claims. The tracks of a format 2 file are sequences of
 * their own: they are placed one after another, each with its own tempos and metres, and with pedals up.
 * FORMAT: not a MIDI file, with the reason; TOO_BIG: 4 GiB or more; NO_MEMORY. *midi is then empty. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_read(const void *bytes, size_t size, spiral_midi *midi,
                                                            spiral_error *err);
/* The same from a file ("-": standard input). IO when it cannot be read; TOO_BIG above 1 GiB. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_load(const char *path, spiral_midi *midi,
                                                            spiral_error *err);
/* Frees what *midi owns and zeroes it. NULL and zeroed structs are accepted. */
SPIRAL_API void spiral_midi_clear(spiral_midi *midi);

/* The number of bytes that spiral_midi_write needs for *midi. BAD_ARG: a field is out of its range; format is
 * 0 and a note or pedal is on another track than 0; or a note lies inside an earlier note of its track,
 * channel and key (it begins later and ends sooner), since a file cannot tell which of the two a note-off
 * ends. TOO_BIG: a track of 4 GiB; NO_MEMORY (it sorts the events). */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_size(const spiral_midi *midi, size_t *size,
                                                            spiral_error *err);
/* Writes *midi as a Standard MIDI File into bytes[0 .. size), size exactly as spiral_midi_size gave it.
 * Format 0 has one track; formats 1 and 2 are written as 1, with as many tracks as `tracks`, the notes and
 * the pedals need, and with tempos, metres, name and text on the first. Reading the file gives the same
 * notes, tempos, metres, pedals (except those that change nothing), end, name and text ("" becomes NULL)
 * without a warning. Metronome clicks and release velocities are not kept. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_write(const spiral_midi *midi, void *bytes,
                                                             size_t size, spiral_error *err);
/* The same to a file ("-": standard output), which is written under a temporary name in the same folder and
 * then renamed. IO. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_save(const spiral_midi *midi, const char *path,
                                                            spiral_error *err);

/* Lengthens the notes that the sustain pedal holds, removes the pedals, and sorts the notes as the reader
 * does. A note whose key comes up while its channel's pedal is down sounds until the pedal comes up, the same
 * key of the channel is struck again, or the file ends. A pedal that goes down at the very tick of a note-off
 * does not hold that note. BAD_ARG: a field is out of its range; NO_MEMORY. *midi is then unchanged. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_midi_apply_pedal(spiral_midi *midi, spiral_error *err);

/* Seconds from the start of the file to `ticks`, through the tempo map (120 bpm before the first tempo). 0 if
 * *midi has neither ticks_per_quarter nor ticks_per_s. */
SPIRAL_API double spiral_midi_seconds(const spiral_midi *midi, int64_t ticks);

#ifdef __cplusplus
}
#endif
#endif

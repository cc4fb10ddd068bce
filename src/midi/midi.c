/* SPDX-License-Identifier: MIT
 *
 * Freeing, loading and saving a spiral_midi, and its counts as text. The formats: midi_read.c,
 * midi_write.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "spiral/midi.h"

#define FILE_LIMIT ((size_t)1 << 30) /* bytes */

_Static_assert(SPIRAL_MIDI_WARNING_COUNT <= SPIRAL_MIDI_WARNING_CAPACITY,
               "spiral_midi.warnings is too short");
_Static_assert(SPIRAL_MIDI_NOT_KEPT_COUNT <= SPIRAL_MIDI_NOT_KEPT_CAPACITY,
               "spiral_midi.not_kept is too short");

const char *spiral_midi_warning_name(spiral_midi_warning warning) {
    static const char *const names[] = {
#define SPIRAL_X(name, text) text,
        SPIRAL_MIDI_WARNING_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
    return (unsigned)warning < SPIRAL_MIDI_WARNING_COUNT ? names[warning] : "unknown warning";
}

const char *spiral_midi_not_kept_name(spiral_midi_not_kept kind) {
    static const char *const names[] = {
#define SPIRAL_X(name, text) text,
        SPIRAL_MIDI_NOT_KEPT_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
    return (unsigned)kind < SPIRAL_MIDI_NOT_KEPT_COUNT ? names[kind] : "unknown kind of event";
}

/* Appends "; 3 x name" to text, of which *used bytes are used; where it does not fit, only the length is
 * counted. */
static void add_count(uint32_t count, const char *name, char *text, size_t size, size_t *used) {
    const size_t at = *used < size ? *used : size;
    if (count)
        *used +=
            (size_t)snprintf(text + at, size - at, "%s%u x %s", *used ? "; " : "", (unsigned)count, name);
}

int spiral_midi_warnings_text(const uint32_t *warnings, char *text, size_t size) {
    size_t used = 0;
    if (size) text[0] = 0;
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++)
        add_count(warnings[i], spiral_midi_warning_name((spiral_midi_warning)i), text, size, &used);
    return (int)used;
}

int spiral_midi_not_kept_text(const uint32_t *counts, char *text, size_t size) {
    size_t used = 0;
    if (size) text[0] = 0;
    for (int i = 0; i < SPIRAL_MIDI_NOT_KEPT_COUNT; i++)
        add_count(counts[i], spiral_midi_not_kept_name((spiral_midi_not_kept)i), text, size, &used);
    return (int)used;
}

void spiral_midi_clear(spiral_midi *midi) {
    if (!midi) return;
    free(midi->notes);
    free(midi->tempos);
    free(midi->meters);
    free(midi->pedals);
    free(midi->events);
    free(midi->name);
    free(midi->text);
    *midi = (spiral_midi){0};
}

int64_t spiral_midi_music_end(const spiral_midi *midi) {
    int64_t end = 0;
    for (size_t i = 0; i < midi->note_count; i++)
        if (midi->notes[i].off_ticks > end) end = midi->notes[i].off_ticks;
    return end;
}

spiral_status spiral_midi_load(const char *path, spiral_midi *midi, spiral_error *err) {
    unsigned char *bytes;
    size_t size;
    *midi = (spiral_midi){0};
    SPIRAL_TRY(spiral__file_read(path, FILE_LIMIT, &bytes, &size, err));
    spiral_status status = spiral_midi_read(bytes, size, midi, err);
    free(bytes);
    return status == SPIRAL_OK ? status : spiral__error_prefix(err, status, spiral__input_name(path));
}

spiral_status spiral_midi_save(const spiral_midi *midi, const char *path, spiral_error *err) {
    size_t size;
    SPIRAL_TRY(spiral_midi_size(midi, &size, err));
    void *bytes = malloc(size);
    if (!bytes) return spiral__no_memory(err, size);
    spiral_status status = spiral_midi_write(midi, bytes, size, err);
    if (status == SPIRAL_OK) status = spiral_file_write(path, bytes, size, err);
    free(bytes);
    return status;
}

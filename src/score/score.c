/* SPDX-License-Identifier: MIT
 *
 * Text scores (docs/score.md) -> notes. The lines are first stored by section and voice (score_lines.c), so
 * that it is known which bar is the last one; then each voice of each section is read (score_part.c), and the
 * sections are put in the order in which they are played.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "midi/note_order.h"
#include "midi/tempo.h"
#include "score/score_lines.h"
#include "spiral/score.h"

enum { TEXT_LIMIT = 1 << 20 /* bytes */, PLAYED_NOTE_LIMIT = 1 << 20 };

static const struct {
    const char *name, *steps;
} built_in_figures[] = {
    {"block", "1.:*"},   {"waltz", "4:1 + +"},     {"march", "4:1 +"},        {"polka", "8:1 +"},
    {"lilt", "4:1 8:+"}, {"alberti", "8:2 4 3 4"}, {"harp", "8:1 2 3 4 3 2"}, {"rolling", "8:1 3 2 3"},
};

static spiral_status read_lines(spiral__score *r) {
    const char *zero = r->text < r->end ? memchr(r->text, 0, (size_t)(r->end - r->text)) : NULL;
    if (zero) return spiral__score_fail_at(r, zero, "a zero byte, which a text cannot contain");
    for (const char *at = r->text; at < r->end;) {
        const char *end = memchr(at, '\n', (size_t)(r->end - at));
        if (!end) end = r->end;
        SPIRAL_TRY(spiral__score_read_line(r, (spiral__word){at, end}));
        at = end < r->end ? end + 1 : end;
    }
    return r->line_count ? SPIRAL_OK
                         : spiral__fail(r->err, SPIRAL_NO_DATA, -1, "the score has no line of music");
}

/* ---- sections ---- */

/* The number of bars of a voice in a section. *at is left at the start of its last line. */
static int count_bars(const spiral__score *r, int s, int v, const char **at) {
    int bars = 0;
    for (size_t i = 0; i < r->line_count; i++) {
        if (r->lines[i].section != s || r->lines[i].voice != v) continue;
        spiral__word rest = r->lines[i].music, bar;
        *at = rest.at;
        while (spiral__score_bar_next(&rest, &bar)) bars++;
    }
    return bars;
}

static spiral_status read_part(spiral__score *r, int s, int v, int bars) {
    const spiral__score_section *sec = &r->sections[s];
    const spiral__score_voice *vo = &r->voices[v];
    spiral__score_part part = {.text = r->text,
                               .name = vo->name,
                               .key = sec->set.key,
                               .low = vo->low,
                               .track = (uint16_t)v,
                               .figure = vo->figure < 0 ? NULL : &r->figures[vo->figure].steps,
                               .channel = (uint8_t)(v < SPIRAL_DRUM_CHANNEL ? v : v + 1),
                               .velocity = vo->velocity,
                               .bar_ticks = sec->set.bar_ticks,
                               .pickup_ticks = sec->set.pickup_ticks,
                               .last_ticks = sec->set.last_ticks,
                               .meter = {sec->set.meter[0], sec->set.meter[1]},
                               .bars = bars,
                               .notes = &r->notes,
                               .err = r->err};
    for (size_t i = 0; i < r->line_count; i++)
        if (r->lines[i].section == s && r->lines[i].voice == v)
            SPIRAL_TRY(spiral__score_part_line(&part, r->lines[i].music));
    SPIRAL_TRY(spiral__score_part_end(&part));
    r->sections[s].ticks = part.at_ticks;
    return SPIRAL_OK;
}

static spiral_status read_music(spiral__score *r, int s) {
    spiral__score_section *sec = &r->sections[s];
    int bars = 0, first = -1;
    sec->first_note = r->notes.count;
    if (!sec->has_music)
        return spiral__score_fail_at(r, sec->name.at, "section '%.*s' has no music", SPIRAL__WORD(sec->name));
    for (int v = 0; v < r->voice_count; v++) {
        const char *at = NULL;
        int own = count_bars(r, s, v, &at);
        if (!own) continue; /* the voice rests in this section */
        if (first >= 0 && own != bars)
            return spiral__score_fail_at(r, at, "voice %.*s has %d bars in this section, voice %.*s has %d",
                                         SPIRAL__WORD(r->voices[v].name), own,
                                         SPIRAL__WORD(r->voices[first].name), bars);
        if (first < 0) first = v;
        bars = own;
        SPIRAL_TRY(read_part(r, s, v, bars));
    }
    sec->end_note = r->notes.count;
    return SPIRAL_OK;
}

static spiral_status read_order(spiral__score *r) {
    spiral__word rest = r->play, w;
    if (!r->play.at)
        for (int s = 0; s < r->section_count; s++) r->play_order[r->plays++] = s;
    else
        while (w = spiral__word_next(&rest), w.at < w.end) {
            int s = spiral__score_find_section(r, w);
            if (s < 0)
                return spiral__score_fail_at(r, w.at, "there is no section '%.*s' to play", SPIRAL__WORD(w));
            if (r->plays == SPIRAL__SCORE_PLAYS)
                return spiral__score_fail_at(r, w.at, "more than %d sections to play", SPIRAL__SCORE_PLAYS);
            r->play_order[r->plays++] = s;
        }
    for (int i = 0; i < r->plays; i++) r->sections[r->play_order[i]].plays++;
    for (int s = 0; s < r->section_count; s++)
        if (!r->sections[s].plays)
            return spiral__score_fail_at(r, r->sections[s].name.at, "section '%.*s' is never played",
                                         SPIRAL__WORD(r->sections[s].name));
    return SPIRAL_OK;
}

/* ---- the sections in play order -> midi ---- */

static void add_tempo(spiral_midi *midi, int64_t at, int32_t us_per_quarter) {
    const spiral_tempo *before = midi->tempo_count ? &midi->tempos[midi->tempo_count - 1] : NULL;
    if (before && before->us_per_quarter == us_per_quarter) return;
    midi->tempos[midi->tempo_count++] = (spiral_tempo){at, us_per_quarter, 0};
}

/* Adds a meter. After a section that is only a pickup, the next section's meter replaces the one at its
 * start. */
static void put_meter(spiral_midi *midi, int64_t at, int over, int under) {
    if (midi->meter_count && midi->meters[midi->meter_count - 1].at_ticks == at) midi->meter_count--;
    midi->meters[midi->meter_count++] = (spiral_meter){at, over, under};
}

/* Adds the meter of a section that begins at `at`, unless the meter before it is the same and its bar lines
 * coincide. A pickup is a bar with a meter of its own. */
static void add_meter(spiral_midi *midi, int64_t at, const spiral__score_setting *set) {
    const spiral_meter *before = midi->meter_count ? &midi->meters[midi->meter_count - 1] : NULL;
    int64_t bar_at = at + set->pickup_ticks;
    if (before && before->numerator == set->meter[0] && before->denominator == set->meter[1] &&
        (bar_at - before->at_ticks) % set->bar_ticks == 0)
        return;
    if (set->pickup_ticks) {
        int under = 64, over = (int)(set->pickup_ticks * 64 / SPIRAL__SCORE_WHOLE);
        for (; over % 2 == 0 && under > 1; under /= 2) over /= 2;
        put_meter(midi, at, over, under);
    }
    put_meter(midi, bar_at, set->meter[0], set->meter[1]);
}

static char *copy_word(spiral__word w) {
    size_t size = (size_t)(w.end - w.at);
    char *copy = malloc(size + 1);
    if (!copy) return NULL;
    if (size) memcpy(copy, w.at, size);
    copy[size] = 0;
    return copy;
}

static spiral_status allocate(const spiral__score *r, spiral_midi *midi) {
    size_t notes = 0;
    for (int s = 0; s < r->section_count; s++)
        notes += (r->sections[s].end_note - r->sections[s].first_note) * (size_t)r->sections[s].plays;
    if (!notes) return spiral__fail(r->err, SPIRAL_NO_DATA, -1, "the score has no notes, only rests");
    if (notes > PLAYED_NOTE_LIMIT)
        return spiral__fail(r->err, SPIRAL_TOO_BIG, -1, "the score plays %zu notes, above %d, the limit",
                            notes, PLAYED_NOTE_LIMIT);
    midi->notes = malloc(notes * sizeof *midi->notes);
    midi->tempos = malloc((size_t)r->plays * sizeof *midi->tempos);
    midi->meters = malloc((size_t)r->plays * 2 * sizeof *midi->meters);
    midi->name = copy_word(r->title);
    midi->text = r->from.at ? copy_word(r->from) : NULL;
    if (midi->notes && midi->tempos && midi->meters && midi->name && (midi->text || !r->from.at))
        return SPIRAL_OK;
    return spiral__no_memory(r->err, notes * sizeof *midi->notes);
}

/* Ends each note where its key is struck again: the lines of a figure can hold and strike one key, which MIDI
 * cannot express. Of two notes that begin together the longer is kept. Needs notes in order. */
static void separate_notes(spiral_midi *midi) {
    size_t latest[16 * 128] = {0}, kept = 0; /* 1 + index of the latest note of each channel and key */
    for (size_t i = 0; i < midi->note_count; i++) {
        spiral_note n = midi->notes[i];
        size_t *at = &latest[n.channel << 7 | n.pitch];
        spiral_note *before = *at ? &midi->notes[*at - 1] : NULL;
        if (before && before->on_ticks == n.on_ticks) {
            before->off_ticks = n.off_ticks; /* the later one in the order is the longer one */
            continue;
        }
        if (before && before->off_ticks > n.on_ticks) before->off_ticks = n.on_ticks;
        midi->notes[kept++] = n;
        *at = kept;
    }
    midi->note_count = kept;
}

static spiral_status make_midi(const spiral__score *r, spiral_midi *midi) {
    SPIRAL_TRY(allocate(r, midi));
    midi->format = 1;
    midi->ticks_per_quarter = SPIRAL__SCORE_QUARTER;
    midi->tracks = r->voice_count;
    for (int i = 0; i < r->plays; i++) {
        const spiral__score_section *s = &r->sections[r->play_order[i]];
        add_tempo(midi, midi->end_ticks, s->set.us_per_quarter);
        add_meter(midi, midi->end_ticks, &s->set);
        for (size_t n = s->first_note; n < s->end_note; n++) {
            spiral_note *note = &midi->notes[midi->note_count++];
            *note = r->notes.at[n];
            note->on_ticks += midi->end_ticks;
            note->off_ticks += midi->end_ticks;
        }
        midi->end_ticks += s->ticks;
    }
    spiral__tempo_fill_seconds(midi);
    SPIRAL_TRY(spiral__notes_sort(midi->notes, midi->note_count, r->err));
    separate_notes(midi);
    return SPIRAL_OK;
}

static spiral_status read_score(spiral__score *r, spiral_midi *midi) {
    for (size_t i = 0; i < sizeof built_in_figures / sizeof *built_in_figures; i++)
        SPIRAL_TRY(spiral__score_add_figure(r, spiral__word_of(built_in_figures[i].name),
                                            spiral__word_of(built_in_figures[i].steps)));
    SPIRAL_TRY(read_lines(r));
    SPIRAL_TRY(read_order(r));
    for (int s = 0; s < r->section_count; s++) SPIRAL_TRY(read_music(r, s));
    return make_midi(r, midi);
}

spiral_status spiral_score_read(const char *text, size_t size, spiral_midi *midi, spiral_error *err) {
    *midi = (spiral_midi){0};
    if (size > TEXT_LIMIT)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "the score has %zu bytes, above %d, the limit", size,
                            TEXT_LIMIT);
    spiral__score *r = calloc(1, sizeof *r);
    if (!r) return spiral__no_memory(err, sizeof *r);
    r->text = text;
    r->end = text + size;
    r->err = err;
    spiral_status status = read_score(r, midi);
    if (status) spiral_midi_clear(midi);
    free(r->lines);
    free(r->notes.at);
    free(r);
    return status;
}

spiral_status spiral_score_load(const char *path, spiral_midi *midi, spiral_error *err) {
    unsigned char *text;
    size_t size;
    *midi = (spiral_midi){0};
    SPIRAL_TRY(spiral__file_read(path, TEXT_LIMIT, &text, &size, err));
    spiral_status status = spiral_score_read((const char *)text, size, midi, err);
    free(text);
    return status ? spiral__error_prefix(err, status, spiral__input_name(path)) : SPIRAL_OK;
}

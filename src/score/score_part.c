/* SPDX-License-Identifier: MIT
 *
 * One voice of one section of a text score (see score_part.h). Notes are appended as they are read; a tie
 * lengthens the note before it. The length of each bar is checked before the next bar is read.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "score/score_error.h"
#include "score/score_part.h"

enum { NOTE_LIMIT = 1 << 20 /* in all sections */, SHARE_LIMIT = 64 /* chords in one bar */ };

typedef spiral__score_part part;

/* "line 7, bar 2 of melody: " and the sentence. */
__attribute__((format(printf, 3, 4))) static spiral_status fail(const part *p, const char *at,
                                                                const char *format, ...) {
    char sentence[sizeof p->err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return spiral__score_fail(p->err, p->text, at, ", bar %d of %.*s: %s", p->bar + 1, SPIRAL__WORD(p->name),
                              sentence);
}

/* A length as a fraction of a whole note, such as 3/8. */
typedef struct fraction {
    int64_t over, under;
} fraction;

static fraction fraction_of_ticks(int64_t ticks) {
    int64_t a = ticks, b = SPIRAL__SCORE_WHOLE;
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return (fraction){ticks / a, SPIRAL__SCORE_WHOLE / a};
}

static spiral_status add_note(part *p, int64_t on, int64_t off, int pitch) {
    spiral__score_notes *notes = p->notes;
    if (notes->count == NOTE_LIMIT)
        return spiral__fail(p->err, SPIRAL_TOO_BIG, -1, "the score has more than %d notes, the limit",
                            NOTE_LIMIT);
    if (notes->count == notes->capacity) {
        size_t capacity = notes->capacity ? 2 * notes->capacity : 256;
        spiral_note *larger = realloc(notes->at, capacity * sizeof *larger);
        if (!larger) return spiral__no_memory(p->err, capacity * sizeof *larger);
        notes->at = larger;
        notes->capacity = capacity;
    }
    notes->at[notes->count++] = (spiral_note){on, off, p->track, p->channel, (uint8_t)pitch, p->velocity};
    return SPIRAL_OK;
}

static int64_t expected_ticks(const part *p) {
    if (p->bar == 0 && p->pickup_ticks) return p->pickup_ticks;
    if (p->bar == p->bars - 1 && p->last_ticks) return p->last_ticks;
    return p->bar_ticks;
}

/* ---- entries of a bar ---- */

/* The next entry of a bar: "(3", ")", a note or a chord, whose < > may contain blanks. Empty at the end. */
static spiral__word entry_next(spiral__word *rest) {
    spiral__word blank = *rest, w = spiral__word_next(&blank);
    if (w.at == w.end) return w;
    if (*w.at == ')') {
        w.end = w.at + 1;
    } else {
        int inside = 0;
        for (w.end = w.at; w.end < rest->end; w.end++) {
            inside += (*w.end == '<') - (*w.end == '>');
            if (inside <= 0 && (spiral__is_blank(*w.end) || *w.end == ')')) break;
        }
    }
    rest->at = w.end;
    return w;
}

int spiral__score_bar_next(spiral__word *rest, spiral__word *bar) {
    spiral__word blank = *rest, w = spiral__word_next(&blank);
    if (w.at == w.end) return 0;
    const char *line = memchr(rest->at, '|', (size_t)(rest->end - rest->at));
    *bar = (spiral__word){rest->at, line ? line : rest->end};
    rest->at = line ? line + 1 : rest->end;
    return 1;
}

/* ---- notes ---- */

/* The pitch of a tone in an entry: the octave may come from the note before it, the sign from the key. */
static spiral_status read_tone(part *p, spiral__word entry, spiral__word *w, int *pitch) {
    spiral__score_tone tone;
    const char *rule = spiral__word_tone(w, &tone);
    if (rule) return fail(p, entry.at, "'%.*s' is not a note: %s", SPIRAL__WORD(entry), rule);
    if (tone.octave >= 0) p->octave = tone.octave;
    if (p->octave < 0)
        return fail(p, entry.at, "'%.*s' has no octave: the first note of a line names it, like c4",
                    SPIRAL__WORD(entry));
    uint8_t *altered = &p->altered[7 * p->octave + tone.step];
    if (*altered && !tone.signed_)
        return fail(p, entry.at,
                    "'%.*s' follows the same note with a sign in this bar: write #, b or n again",
                    SPIRAL__WORD(entry));
    *altered |= (uint8_t)tone.signed_;
    *pitch = spiral__score_pitch(&tone, p->key, p->octave);
    if (*pitch < 0 || *pitch > 127)
        return fail(p, entry.at, "'%.*s' is key %d, above the highest, 127 (g9)", SPIRAL__WORD(entry),
                    *pitch);
    return SPIRAL_OK;
}

/* The keys that one entry strikes, and which of them are tied to the next entry. */
typedef struct struck {
    int count;
    int pitch[SPIRAL__SCORE_CHORD], tied[SPIRAL__SCORE_CHORD];
} struck;

static int take(spiral__word *w, char c) {
    if (w->at == w->end || *w->at != c) return 0;
    w->at++;
    return 1;
}

static spiral_status read_struck_tone(part *p, spiral__word entry, spiral__word *w, struck *s) {
    int pitch = 0;
    SPIRAL_TRY(read_tone(p, entry, w, &pitch));
    for (int i = 0; i < s->count; i++)
        if (s->pitch[i] == pitch)
            return fail(p, entry.at, "'%.*s' names the same key twice", SPIRAL__WORD(entry));
    if (s->count == SPIRAL__SCORE_CHORD)
        return fail(p, entry.at, "'%.*s' has more than %d notes", SPIRAL__WORD(entry), SPIRAL__SCORE_CHORD);
    s->pitch[s->count] = pitch;
    s->tied[s->count++] = take(w, '~');
    return SPIRAL_OK;
}

/* "c4" or "<c4 e g>", either followed by "~" or not. */
static spiral_status read_struck(part *p, spiral__word entry, spiral__word *w, struck *s) {
    s->count = 0;
    if (take(w, '<')) {
        for (;;) {
            while (take(w, ' ') || take(w, '\t')) {
            }
            if (take(w, '>')) break;
            if (w->at == w->end)
                return fail(p, entry.at, "'%.*s' is a chord without its >", SPIRAL__WORD(entry));
            SPIRAL_TRY(read_struck_tone(p, entry, w, s));
        }
        if (!s->count) return fail(p, entry.at, "'%.*s' is a chord without notes", SPIRAL__WORD(entry));
        if (take(w, '~'))
            for (int i = 0; i < s->count; i++) s->tied[i] = 1;
    } else {
        SPIRAL_TRY(read_struck_tone(p, entry, w, s));
    }
    if (w->at < w->end)
        return fail(p, entry.at, "'%.*s' should end before '%.*s': a note is length, letter, sign, octave, ~",
                    SPIRAL__WORD(entry), SPIRAL__WORD(*w));
    return SPIRAL_OK;
}

static spiral_status fail_tie(part *p, const char *at) {
    static const char *const names[12] = {"c", "c#", "d", "eb", "e", "f", "f#", "g", "ab", "a", "bb", "b"};
    int pitch = 0;
    while (!p->tie[pitch]) pitch++;
    return fail(p, at, "the tie before it needs %s%d here", names[pitch % 12], pitch / 12 - 1);
}

static spiral_status sound(part *p, spiral__word entry, const struck *s, int64_t length) {
    size_t open[SPIRAL__SCORE_CHORD]; /* index + 1 of the note of each pitch */
    for (int i = 0; i < s->count; i++) {
        size_t *tie = &p->tie[s->pitch[i]];
        open[i] = *tie;
        if (*tie) {
            p->notes->at[*tie - 1].off_ticks = p->at_ticks + length;
            p->ties--;
            p->now.tied |= *tie - 1 < p->now.first_note;
            *tie = 0;
        } else {
            SPIRAL_TRY(add_note(p, p->at_ticks, p->at_ticks + length, s->pitch[i]));
            open[i] = p->notes->count;
        }
    }
    if (p->ties) return fail_tie(p, entry.at);
    for (int i = 0; i < s->count; i++) {
        if (!s->tied[i]) continue;
        p->tie[s->pitch[i]] = open[i];
        p->tie_at = entry.at;
        p->ties++;
    }
    return SPIRAL_OK;
}

/* The length at the start of an entry, if there is one; else *ticks is not changed. */
static spiral_status read_length(part *p, spiral__word entry, spiral__word *w, int64_t *ticks) {
    if (w->at == w->end || *w->at < '0' || *w->at > '9') return SPIRAL_OK;
    const char *rule = spiral__word_length(w, ticks);
    return rule ? fail(p, entry.at, "'%.*s' has no length: %s", SPIRAL__WORD(entry), rule) : SPIRAL_OK;
}

static spiral_status read_entry(part *p, spiral__word entry) {
    spiral__word w = entry;
    SPIRAL_TRY(read_length(p, entry, &w, &p->length_ticks));
    int rest = spiral__word_is(w, "r");
    struck s = {0};
    if (!rest) SPIRAL_TRY(read_struck(p, entry, &w, &s));
    if (!p->length_ticks)
        return fail(p, entry.at, "'%.*s' has no length: the first note of a line names it, like 4c5",
                    SPIRAL__WORD(entry));
    int64_t length = p->triplet ? p->length_ticks * 2 / 3 : p->length_ticks;
    if (rest && p->ties) return fail_tie(p, entry.at);
    if (!rest) SPIRAL_TRY(sound(p, entry, &s, length));
    p->at_ticks += length;
    return SPIRAL_OK;
}

static spiral_status read_triplet_mark(part *p, spiral__word entry) {
    int opens = spiral__word_is(entry, "(3");
    if (!opens && !spiral__word_is(entry, ")"))
        return fail(p, entry.at, "'%.*s': a triplet is written (3 8c5 d e), with a blank after (3",
                    SPIRAL__WORD(entry));
    if (opens == p->triplet)
        return fail(p, entry.at, "'%.*s' %s", SPIRAL__WORD(entry),
                    opens ? "opens a triplet inside a triplet" : "closes no triplet");
    p->triplet = opens;
    return SPIRAL_OK;
}

static spiral_status read_notes_bar(part *p, spiral__word bar) {
    spiral__word rest = bar;
    for (;;) {
        spiral__word entry = entry_next(&rest);
        if (entry.at == entry.end) break;
        SPIRAL_TRY(*entry.at == '(' || *entry.at == ')' ? read_triplet_mark(p, entry) : read_entry(p, entry));
    }
    return p->triplet ? fail(p, bar.at, "the triplet is not closed by )") : SPIRAL_OK;
}

/* ---- chords ---- */

typedef struct share {
    spiral__word entry;
    spiral__score_chord chord; /* count 0: rest */
    int64_t ticks;             /* 0: an equal share of the bar */
} share;

static spiral_status read_share(part *p, spiral__word entry, share *s) {
    spiral__word w = entry;
    *s = (share){.entry = entry};
    SPIRAL_TRY(read_length(p, entry, &w, &s->ticks));
    if (spiral__word_is(w, "r")) return SPIRAL_OK;
    if (w.at < w.end && *w.at == '<') {
        struck notes = {0};
        SPIRAL_TRY(read_struck(p, entry, &w, &notes));
        for (int i = 0; i < notes.count; i++) {
            if (notes.tied[i]) return fail(p, entry.at, "'%.*s': a figure has no ties", SPIRAL__WORD(entry));
            s->chord.pitch[s->chord.count++] = (uint8_t)notes.pitch[i];
        }
        return SPIRAL_OK;
    }
    const char *rule = spiral__word_chord(&w, p->low, &s->chord);
    return rule ? fail(p, entry.at, "'%.*s' is not a chord: %s", SPIRAL__WORD(entry), rule) : SPIRAL_OK;
}

static spiral_status sound_step(part *p, const share *s, unsigned notes, int64_t on, int64_t off) {
    if (notes < SPIRAL__FIGURE_UPPER && notes >> s->chord.count)
        return fail(p, s->entry.at, "the figure needs a note that '%.*s' does not have: it has %d",
                    SPIRAL__WORD(s->entry), s->chord.count);
    for (int i = 0; i < s->chord.count; i++)
        if (notes >> i & 1) SPIRAL_TRY(add_note(p, on, off, s->chord.pitch[i]));
    return SPIRAL_OK;
}

/* Plays a chord with the figure: each line of the figure repeats from the chord's start and is cut at its
 * end. */
static spiral_status sound_share(part *p, const share *s) {
    const spiral__score_figure *f = p->figure;
    int64_t end = p->at_ticks + s->ticks;
    for (int first = 0, next; s->chord.count && first < f->count; first = next) {
        for (next = first; next < f->count && f->step[next].line == f->step[first].line;) next++;
        int64_t on = p->at_ticks;
        for (int i = first; on < end; i = i + 1 < next ? i + 1 : first) {
            int64_t off = on + f->step[i].ticks < end ? on + f->step[i].ticks : end;
            SPIRAL_TRY(sound_step(p, s, f->step[i].notes, on, off));
            on = off;
        }
    }
    p->at_ticks = end;
    return SPIRAL_OK;
}

static spiral_status read_chords_bar(part *p, spiral__word bar) {
    share shares[SHARE_LIMIT];
    int count = 0, sized = 0;
    for (spiral__word rest = bar;;) {
        spiral__word entry = entry_next(&rest);
        if (entry.at == entry.end) break;
        if (count == SHARE_LIMIT) return fail(p, entry.at, "more than %d chords", SHARE_LIMIT);
        SPIRAL_TRY(read_share(p, entry, &shares[count]));
        sized += shares[count++].ticks > 0;
    }
    if (sized && sized < count)
        return fail(p, bar.at, "%d of %d chords have a length: give it to all or to none", sized, count);
    int64_t whole = expected_ticks(p);
    int64_t beat = SPIRAL__SCORE_WHOLE / (p->meter[1] > 4 ? p->meter[1] : 4);
    if (!sized && count > 1 && whole % (count * beat))
        return fail(p, bar.at, "%d chords cannot share this bar in whole beats: give them lengths", count);
    for (int i = 0; i < count; i++) {
        if (!sized) shares[i].ticks = whole / count;
        SPIRAL_TRY(sound_share(p, &shares[i]));
    }
    return SPIRAL_OK;
}

/* ---- bars ---- */

/* '%': the notes of the bar before it again. */
static spiral_status repeat_bar(part *p, spiral__word mark, const spiral__score_bar *before) {
    size_t end = p->notes->count;
    if (p->bar == 0) return fail(p, mark.at, "'%%' has no bar before it in this section");
    if (before->tied || p->ties)
        return fail(p, mark.at, "'%%' cannot repeat a bar that a tie leads into or out of: write it out");
    int64_t length = p->now.start_ticks - before->start_ticks;
    for (size_t i = before->first_note; i < end; i++) {
        spiral_note n = p->notes->at[i];
        SPIRAL_TRY(add_note(p, n.on_ticks + length, n.off_ticks + length, n.pitch));
    }
    p->at_ticks += length;
    return SPIRAL_OK;
}

static spiral_status check_bar(part *p, spiral__word bar) {
    int64_t got = p->at_ticks - p->now.start_ticks, want = expected_ticks(p);
    if (got == want) return SPIRAL_OK;
    fraction g = fraction_of_ticks(got), w = fraction_of_ticks(want);
    if (want == p->bar_ticks)
        return fail(p, bar.at, "it adds up to %lld/%lld, the meter is %d/%d", (long long)g.over,
                    (long long)g.under, p->meter[0], p->meter[1]);
    return fail(p, bar.at, "it adds up to %lld/%lld, as %s bar it should have %lld/%lld", (long long)g.over,
                (long long)g.under, p->bar ? "the last" : "the pickup", (long long)w.over,
                (long long)w.under);
}

static spiral_status read_bar(part *p, spiral__word bar) {
    spiral__word rest = bar, lone = spiral__word_next(&rest), more = spiral__word_next(&rest);
    if (lone.at == lone.end)
        return fail(p, bar.at, "there is nothing between the bar lines: a bar of rest is R");
    int alone = more.at == more.end;
    spiral__score_bar before = p->now;
    p->now = (spiral__score_bar){p->at_ticks, p->notes->count, 0};
    memset(p->altered, 0, sizeof p->altered);
    if (alone && spiral__word_is(lone, "R")) {
        if (p->ties) return fail_tie(p, lone.at);
        p->at_ticks += expected_ticks(p);
    } else if (alone && spiral__word_is(lone, "%")) {
        SPIRAL_TRY(repeat_bar(p, lone, &before));
    } else {
        SPIRAL_TRY(p->figure ? read_chords_bar(p, bar) : read_notes_bar(p, bar));
    }
    SPIRAL_TRY(check_bar(p, lone));
    p->bar++;
    return SPIRAL_OK;
}

spiral_status spiral__score_part_line(spiral__score_part *p, spiral__word line) {
    spiral__word rest = line, bar;
    p->length_ticks = 0;
    p->octave = -1;
    while (spiral__score_bar_next(&rest, &bar)) SPIRAL_TRY(read_bar(p, bar));
    return SPIRAL_OK;
}

spiral_status spiral__score_part_end(spiral__score_part *p) {
    if (!p->ties) return SPIRAL_OK;
    p->bar--; /* the tie is in the bar read last */
    return fail(p, p->tie_at, "the tie ends with the section: it must lead to a note in it");
}

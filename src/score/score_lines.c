/* SPDX-License-Identifier: MIT
 *
 * The lines of a text score: header lines, section lines, and lines of music, which are stored and not yet
 * read (see score_lines.h).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "score/score_lines.h"

spiral_status spiral__score_fail_at(const spiral__score *r, const char *at, const char *format, ...) {
    char sentence[sizeof r->err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return spiral__score_fail(r->err, r->text, at, ": %s", sentence);
}

static spiral__word trim(spiral__word w) {
    while (w.at < w.end && spiral__is_blank(*w.at)) w.at++;
    while (w.end > w.at && spiral__is_blank(w.end[-1])) w.end--;
    return w;
}

static int same(spiral__word a, spiral__word b) {
    return a.end - a.at == b.end - b.at && !memcmp(a.at, b.at, (size_t)(a.end - a.at));
}

static int is_name(spiral__word w) {
    for (const char *c = w.at; c < w.end; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-'))
            return 0;
    return w.at < w.end;
}

static spiral_status read_name(const spiral__score *r, spiral__word *rest, const char *what,
                               spiral__word *name) {
    spiral__word w = spiral__word_next(rest);
    if (!is_name(w))
        return spiral__score_fail_at(
            r, w.at, "'%.*s' is not a name for a %s: names are letters, digits and -", SPIRAL__WORD(w), what);
    *name = w;
    return SPIRAL_OK;
}

static int find_voice(const spiral__score *r, spiral__word name) {
    int i = r->voice_count - 1;
    while (i >= 0 && !same(r->voices[i].name, name)) i--;
    return i;
}

int spiral__score_find_section(const spiral__score *r, spiral__word name) {
    int i = r->section_count - 1;
    while (i >= 0 && !same(r->sections[i].name, name)) i--;
    return i;
}

static int find_figure(const spiral__score *r, spiral__word name) {
    int i = r->figure_count - 1;
    while (i >= 0 && !same(r->figures[i].name, name)) i--;
    return i;
}

/* ---- lines with a keyword; each reader gets the text after it ---- */

typedef spiral_status line_reader(spiral__score *r, spiral__score_setting *set, spiral__word rest);

static spiral_status read_title(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    (void)set;
    r->title = rest;
    return SPIRAL_OK;
}

static spiral_status read_from(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    (void)set;
    r->from = rest;
    return SPIRAL_OK;
}

static spiral_status read_meter(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    spiral__word w = rest;
    int over = spiral__word_number(&w), slash = w.at < w.end && *w.at++ == '/',
        under = spiral__word_number(&w);
    if (over < 1 || over > 32 || !slash || under < 1 || under > 64 || (under & (under - 1)) ||
        over > 3 * under || w.at < w.end)
        return spiral__score_fail_at(
            r, rest.at,
            "'%.*s' is not a meter: 1 to 32, /, and 1, 2, 4, 8, 16, 32 or 64, at most three "
            "whole notes",
            SPIRAL__WORD(rest));
    set->meter[0] = over;
    set->meter[1] = under;
    set->bar_ticks = (int64_t)over * SPIRAL__SCORE_WHOLE / under;
    set->pickup_ticks = set->last_ticks = 0; /* they were for the bars of the meter before */
    return SPIRAL_OK;
}

static spiral_status read_key(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    spiral__word words = rest, tonic = spiral__word_next(&words), mode = trim(words);
    const char *rule = spiral__score_key(tonic, mode, set->key);
    return rule ? spiral__score_fail_at(r, rest.at, "'%.*s' is not a key: %s", SPIRAL__WORD(rest), rule)
                : SPIRAL_OK;
}

static spiral_status read_tempo(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    spiral__word w = rest;
    int64_t beat = 0;
    const char *rule = spiral__word_length(&w, &beat);
    w = trim(w);
    int equals = w.at < w.end && *w.at++ == '=';
    w = trim(w);
    int per_min = spiral__word_number(&w);
    if (rule || !equals || per_min < 10 || per_min > 400 || w.at < w.end)
        return spiral__score_fail_at(
            r, rest.at, "'%.*s' is not a tempo: a length, =, and 10 to 400 per minute, like 4. = 60",
            SPIRAL__WORD(rest));
    set->us_per_quarter = (int32_t)(60000000 * (int64_t)SPIRAL__SCORE_QUARTER / (per_min * beat));
    if (set->us_per_quarter < 1 || set->us_per_quarter > 0xffffff)
        return spiral__score_fail_at(r, rest.at, "'%.*s' is slower than a quarter in 16.7 s, the limit",
                                     SPIRAL__WORD(rest));
    return SPIRAL_OK;
}

/* "4", "2+8": a length inside the bar. */
static spiral_status read_partial(const spiral__score *r, const spiral__score_setting *set, spiral__word rest,
                                  int64_t *ticks) {
    spiral__word w = rest;
    int64_t sum = 0, part = 0;
    do {
        const char *rule = spiral__word_length(&w, &part);
        if (rule)
            return spiral__score_fail_at(r, rest.at, "'%.*s' is not a part of a bar: %s", SPIRAL__WORD(rest),
                                         rule);
        sum += part;
    } while (w.at < w.end && *w.at++ == '+');
    if (w.at < w.end || sum > set->bar_ticks || sum % (SPIRAL__SCORE_WHOLE / 64))
        return spiral__score_fail_at(
            r, rest.at, "'%.*s' is not a part of a bar: lengths of whole 64ths joined by +, at most %d/%d",
            SPIRAL__WORD(rest), set->meter[0], set->meter[1]);
    *ticks = sum;
    return SPIRAL_OK;
}

static spiral_status read_pickup(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    set->pickup_ticks = set->last_ticks = 0;
    if (spiral__word_is(rest, "none")) return SPIRAL_OK;
    if (!set->bar_ticks) return spiral__score_fail_at(r, rest.at, "'pickup' needs a meter line before it");
    SPIRAL_TRY(read_partial(r, set, rest, &set->pickup_ticks));
    set->last_ticks = set->bar_ticks - set->pickup_ticks;
    return SPIRAL_OK;
}

static spiral_status read_last(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    if (!set->bar_ticks) return spiral__score_fail_at(r, rest.at, "'last' needs a meter line before it");
    return read_partial(r, set, rest, &set->last_ticks);
}

static spiral_status read_play(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    (void)set;
    r->play = rest;
    return SPIRAL_OK;
}

spiral_status spiral__score_add_figure(spiral__score *r, spiral__word name, spiral__word steps) {
    if (r->figure_count == SPIRAL__SCORE_FIGURES)
        return spiral__score_fail_at(r, name.at, "more than %d figures, the built-in ones included",
                                     SPIRAL__SCORE_FIGURES);
    spiral__named_figure *f = &r->figures[r->figure_count];
    const char *rule = spiral__score_figure_read(steps, &f->steps);
    if (rule) return spiral__score_fail_at(r, name.at, "'%.*s': %s", SPIRAL__WORD(name), rule);
    f->name = name;
    r->figure_count++;
    return SPIRAL_OK;
}

static spiral_status read_figure(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    (void)set;
    spiral__word name = {0};
    SPIRAL_TRY(read_name(r, &rest, "figure", &name));
    if (find_figure(r, name) >= 0)
        return spiral__score_fail_at(r, name.at, "there is a figure '%.*s' already", SPIRAL__WORD(name));
    return spiral__score_add_figure(r, name, rest);
}

static spiral_status new_voice(spiral__score *r, spiral__word *rest, spiral__score_voice **v) {
    spiral__word name = {0};
    SPIRAL_TRY(read_name(r, rest, "voice", &name));
    if (find_voice(r, name) >= 0)
        return spiral__score_fail_at(r, name.at, "there is a voice '%.*s' already", SPIRAL__WORD(name));
    if (r->voice_count == SPIRAL__SCORE_VOICES)
        return spiral__score_fail_at(r, name.at, "more than %d voices", SPIRAL__SCORE_VOICES);
    *v = &r->voices[r->voice_count++];
    **v = (spiral__score_voice){.name = name, .figure = -1, .low = 48};
    return SPIRAL_OK;
}

static spiral_status read_voice(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    (void)set;
    spiral__score_voice *v;
    SPIRAL_TRY(new_voice(r, &rest, &v));
    spiral__word w = trim(rest);
    v->velocity = (uint8_t)spiral__score_velocity(w.at < w.end ? w : spiral__word_of("mf"));
    return v->velocity ? SPIRAL_OK
                       : spiral__score_fail_at(r, w.at, "'%.*s' is not a dynamic: pp, p, mp, mf, f or ff",
                                               SPIRAL__WORD(w));
}

/* "low g2": the lowest bass note of the voice's chord names. */
static spiral_status read_low(const spiral__score *r, spiral__word *rest, spiral__score_voice *v) {
    static const signed char natural[7] = {0};
    spiral__word word = spiral__word_next(rest), w = word;
    spiral__score_tone tone;
    const char *rule = spiral__word_tone(&w, &tone);
    if (!rule && w.at == w.end && tone.octave >= 0) v->low = spiral__score_pitch(&tone, natural, tone.octave);
    if (rule || w.at < w.end || tone.octave < 1 || tone.octave > 6)
        return spiral__score_fail_at(r, word.at,
                                     "'%.*s' is not a lowest bass: a note with an octave 1 to 6, like g2",
                                     SPIRAL__WORD(word));
    return SPIRAL_OK;
}

static spiral_status read_chords(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    (void)set;
    spiral__score_voice *v;
    SPIRAL_TRY(new_voice(r, &rest, &v));
    spiral__word w = spiral__word_next(&rest);
    v->figure = find_figure(r, w);
    if (v->figure < 0)
        return spiral__score_fail_at(
            r, w.at,
            "'%.*s' is not a figure: block, waltz, march, polka, lilt, alberti, harp, rolling, or "
            "one from a figure line above",
            SPIRAL__WORD(w));
    v->velocity = (uint8_t)spiral__score_velocity(spiral__word_of("p"));
    while (w = spiral__word_next(&rest), w.at < w.end) {
        int velocity = spiral__score_velocity(w);
        if (velocity)
            v->velocity = (uint8_t)velocity;
        else if (spiral__word_is(w, "low"))
            SPIRAL_TRY(read_low(r, &rest, v));
        else
            return spiral__score_fail_at(r, w.at, "'%.*s' is neither a dynamic (pp p mp mf f ff) nor low",
                                         SPIRAL__WORD(w));
    }
    return SPIRAL_OK;
}

static spiral_status read_section(spiral__score *r, spiral__score_setting *set, spiral__word rest) {
    (void)set;
    spiral__word name = {0};
    SPIRAL_TRY(read_name(r, &rest, "section", &name));
    rest = trim(rest);
    if (rest.at < rest.end)
        return spiral__score_fail_at(r, rest.at, "'%.*s' after the section's name", SPIRAL__WORD(rest));
    if (spiral__score_find_section(r, name) >= 0)
        return spiral__score_fail_at(r, name.at, "there is a section '%.*s' already", SPIRAL__WORD(name));
    if (r->section_count == SPIRAL__SCORE_SECTIONS)
        return spiral__score_fail_at(r, name.at, "more than %d sections", SPIRAL__SCORE_SECTIONS);
    if (r->section_count == 1 && r->sections[0].name.at == r->sections[0].name.end)
        return spiral__score_fail_at(r, name.at, "there is music before the first section");
    r->sections[r->section_count++] = (spiral__score_section){.name = name, .set = r->head};
    return SPIRAL_OK;
}

enum { ANYWHERE = 1, IN_SECTION = 2, OFTEN = 4, NEEDED = 8 };
static const struct keyword {
    const char *name;
    int where; /* ANYWHERE: before or between sections; IN_SECTION: in the header and before a section's
                  music; neither: in the header */
    line_reader *read;
} keywords[] = {
    {"title", NEEDED, read_title},
    {"from", 0, read_from},
    {"meter", NEEDED | IN_SECTION, read_meter},
    {"key", NEEDED | IN_SECTION, read_key},
    {"tempo", NEEDED | IN_SECTION, read_tempo},
    {"pickup", IN_SECTION, read_pickup},
    {"last", IN_SECTION, read_last},
    {"figure", OFTEN, read_figure},
    {"voice", OFTEN, read_voice},
    {"chords", OFTEN, read_chords},
    {"play", ANYWHERE, read_play},
    {"section", OFTEN | ANYWHERE, read_section},
};
enum { KEYWORDS = sizeof keywords / sizeof *keywords };

static spiral_status check_head(const spiral__score *r, const char *at) {
    for (int i = 0; i < KEYWORDS; i++)
        if (keywords[i].where & NEEDED && !(r->seen >> i & 1))
            return spiral__score_fail_at(r, at, "music begins, but the header has no line '%s'",
                                         keywords[i].name);
    return r->voice_count ? SPIRAL_OK
                          : spiral__score_fail_at(r, at, "music begins, but the header names no voice");
}

static spiral_status read_keyword(spiral__score *r, int k, spiral__word word, spiral__word rest) {
    spiral__score_section *s = r->section_count ? &r->sections[r->section_count - 1] : NULL;
    int where = keywords[k].where, in_section = s && where & IN_SECTION;
    if (rest.at == rest.end)
        return spiral__score_fail_at(r, word.at, "'%.*s' has no text after it", SPIRAL__WORD(word));
    if (s && !(where & (ANYWHERE | IN_SECTION)))
        return spiral__score_fail_at(r, word.at, "'%.*s' belongs in the header, before the first section",
                                     SPIRAL__WORD(word));
    if (in_section && s->has_music)
        return spiral__score_fail_at(r, word.at, "'%.*s' must come before the section's music",
                                     SPIRAL__WORD(word));
    if (!in_section && !(where & OFTEN)) {
        if (r->seen >> k & 1) return spiral__score_fail_at(r, word.at, "a second '%.*s'", SPIRAL__WORD(word));
        r->seen |= 1u << k;
    }
    if (keywords[k].read == read_section) SPIRAL_TRY(check_head(r, word.at));
    return keywords[k].read(r, in_section ? &s->set : &r->head, rest);
}

/* ---- lines of music ---- */

static spiral_status store_line(spiral__score *r, spiral__word name, spiral__word music) {
    int v = find_voice(r, name);
    if (v < 0)
        return spiral__score_fail_at(r, name.at, "there is no voice '%.*s' in the header",
                                     SPIRAL__WORD(name));
    if (!r->section_count) {
        SPIRAL_TRY(check_head(r, name.at));
        r->sections[r->section_count++] = (spiral__score_section){.name = {r->end, r->end}, .set = r->head};
    }
    if (r->line_count == r->line_capacity) {
        size_t capacity = r->line_capacity ? 2 * r->line_capacity : 64;
        spiral__score_line *larger = realloc(r->lines, capacity * sizeof *larger);
        if (!larger) return spiral__no_memory(r->err, capacity * sizeof *larger);
        r->lines = larger;
        r->line_capacity = capacity;
    }
    r->sections[r->section_count - 1].has_music = 1;
    r->lines[r->line_count++] = (spiral__score_line){r->section_count - 1, v, music};
    return SPIRAL_OK;
}

spiral_status spiral__score_read_line(spiral__score *r, spiral__word text) {
    spiral__word rest = trim(text), whole = rest, word = spiral__word_next(&rest);
    if (word.at == word.end || *word.at == '#') return SPIRAL_OK;
    const char *colon = memchr(word.at, ':', (size_t)(word.end - word.at));
    if (colon) {
        spiral__word music = {colon + 1, whole.end}, bar;
        while (music.at < music.end && spiral__is_blank(*music.at)) music.at++;
        if (music.at < music.end && *music.at == '|')
            music.at++; /* the first bar line of a line may be written */
        spiral__word bars = music;
        if (!spiral__score_bar_next(&bars, &bar))
            return spiral__score_fail_at(r, word.at, "'%.*s' has no bars after it", SPIRAL__WORD(word));
        return store_line(r, (spiral__word){word.at, colon}, music);
    }
    for (int k = 0; k < KEYWORDS; k++)
        if (spiral__word_is(word, keywords[k].name)) return read_keyword(r, k, word, trim(rest));
    return spiral__score_fail_at(
        r, word.at,
        "'%.*s' cannot begin a line: it must be a voice's name and a colon, #, or title, from, meter, key, "
        "tempo, pickup, last, figure, voice, chords, play, section",
        SPIRAL__WORD(word));
}

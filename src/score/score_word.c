/* SPDX-License-Identifier: MIT
 *
 * Reading the words of a text score (see score_word.h).
 */
#include <string.h>

#include "score/score_word.h"

static const char length_rule[] = "a length is 1, 2, 4, 8, 16, 32 or 64, with at most two dots";
static const char tone_rule[] = "a note is a letter a to g, a sign #, ##, b, bb or n, and an octave 0 to 9";
static const char chord_rule[] = "a chord name is a letter A to G, # or b, one of m 7 m7 maj7 6 m6 dim dim7 "
                                 "m7b5 aug sus2 sus4 7sus4 9 7b9, and /bass";
static const char figure_rule[] = "a figure is lengths and chord notes like 4:1 23 + * r, with / between "
                                  "its lines, each with a note, up to 64 steps";

static const int step_semitones[7] = {0, 2, 4, 5, 7, 9, 11};

static char first(const spiral__word *w) { return w->at < w->end ? *w->at : 0; }

static int take(spiral__word *w, char c) {
    if (first(w) != c) return 0;
    w->at++;
    return 1;
}

spiral__word spiral__word_next(spiral__word *rest) {
    while (rest->at < rest->end && spiral__is_blank(*rest->at)) rest->at++;
    spiral__word w = {rest->at, rest->at};
    while (w.end < rest->end && !spiral__is_blank(*w.end)) w.end++;
    rest->at = w.end;
    return w;
}

spiral__word spiral__word_of(const char *text) { return (spiral__word){text, text + strlen(text)}; }

int spiral__word_is(spiral__word w, const char *text) {
    size_t size = strlen(text);
    return (size_t)(w.end - w.at) == size && !memcmp(w.at, text, size);
}

int spiral__word_number(spiral__word *w) {
    int n = 0, digits = 0;
    for (; first(w) >= '0' && first(w) <= '9'; w->at++) {
        if (++digits > 6) return -1;
        n = 10 * n + (first(w) - '0');
    }
    return digits ? n : -1;
}

const char *spiral__word_length(spiral__word *w, int64_t *ticks) {
    int n = spiral__word_number(w);
    if (n < 1 || n > 64 || (n & (n - 1))) return length_rule;
    int64_t base = SPIRAL__SCORE_WHOLE / n, sum = base;
    for (int dots = 0; take(w, '.'); dots++) {
        if (dots == 2 || base % 2) return length_rule;
        base /= 2;
        sum += base;
    }
    *ticks = sum;
    return NULL;
}

/* The letter's step, 0 = c, for a to g; -1 for anything else. */
static int step_of(char letter) { return letter >= 'a' && letter <= 'g' ? (letter - 'a' + 5) % 7 : -1; }

const char *spiral__word_tone(spiral__word *w, spiral__score_tone *tone) {
    *tone = (spiral__score_tone){.step = step_of(first(w)), .octave = -1};
    if (tone->step < 0) return tone_rule;
    w->at++;
    if (first(w) == '#' || first(w) == 'b') {
        char sign = *w->at++;
        int twice = take(w, sign);
        tone->sign = (sign == '#' ? 1 : -1) * (1 + twice);
        tone->signed_ = 1;
    } else {
        tone->signed_ = take(w, 'n');
    }
    if (first(w) >= '0' && first(w) <= '9') tone->octave = *w->at++ - '0';
    return NULL;
}

int spiral__score_pitch(const spiral__score_tone *tone, const signed char *alter, int octave) {
    return 12 * (octave + 1) + step_semitones[tone->step] + (tone->signed_ ? tone->sign : alter[tone->step]);
}

/* "Eb", "F#", "C": reads the letter, whose step is stored, and the sign, which is returned. */
static int take_root(spiral__word *w, int *step) {
    *step = step_of((char)(first(w) | 0x20));
    if (*step < 0) return 0;
    w->at++;
    return take(w, '#') - take(w, 'b');
}

const char *spiral__score_key(spiral__word tonic, spiral__word mode, signed char *alter) {
    static const struct {
        const char *name;
        int fifths;
    } modes[] = {{"major", 0},  {"minor", -3},      {"dorian", -2},
                 {"lydian", 1}, {"mixolydian", -1}, {"phrygian", -4}};
    static const int tonic_fifths[7] = {0, 2, 4, -1, 1, 3, 5}; /* c d e f g a b */
    static const int sharps[7] = {3, 0, 4, 1,
                                  5, 2, 6}; /* steps in the order in which keys add sharps: f c g d a e b */
    static const char rule[] =
        "a key is a note like C, F# or Eb and major, minor, dorian, phrygian, lydian or "
        "mixolydian, with at most seven signs";
    int step, sign = take_root(&tonic, &step), fifths = -99;
    if (step < 0 || tonic.at < tonic.end) return rule;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (spiral__word_is(mode, modes[i].name)) fifths = tonic_fifths[step] + 7 * sign + modes[i].fifths;
    if (fifths < -7 || fifths > 7) return rule;
    memset(alter, 0, 7);
    for (int i = 0; i < fifths; i++) alter[sharps[i]] = 1;
    for (int i = 0; i < -fifths; i++) alter[sharps[6 - i]] = -1;
    return NULL;
}

/* The chord's notes as bits, in semitones above the root, by the text after the root's name; 0: unknown. */
static unsigned chord_kind(spiral__word suffix) {
    static const struct {
        const char *name;
        unsigned notes;
    } kinds[] = {
        {"", 1 | 1 << 4 | 1 << 7},
        {"m", 1 | 1 << 3 | 1 << 7},
        {"7", 1 | 1 << 4 | 1 << 7 | 1 << 10},
        {"m7", 1 | 1 << 3 | 1 << 7 | 1 << 10},
        {"maj7", 1 | 1 << 4 | 1 << 7 | 1 << 11},
        {"6", 1 | 1 << 4 | 1 << 7 | 1 << 9},
        {"m6", 1 | 1 << 3 | 1 << 7 | 1 << 9},
        {"dim", 1 | 1 << 3 | 1 << 6},
        {"dim7", 1 | 1 << 3 | 1 << 6 | 1 << 9},
        {"m7b5", 1 | 1 << 3 | 1 << 6 | 1 << 10},
        {"aug", 1 | 1 << 4 | 1 << 8},
        {"sus2", 1 | 1 << 2 | 1 << 7},
        {"sus4", 1 | 1 << 5 | 1 << 7},
        {"7sus4", 1 | 1 << 5 | 1 << 7 | 1 << 10},
        {"9", 1 | 1 << 2 | 1 << 4 | 1 << 7 | 1 << 10},
        {"7b9", 1 | 1 << 1 | 1 << 4 | 1 << 7 | 1 << 10},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (spiral__word_is(suffix, kinds[i].name)) return kinds[i].notes;
    return 0;
}

/* The pitch class (0 .. 11) of the root at the start of a chord name, a capital letter; -1: none. */
static int take_class(spiral__word *w) {
    if (first(w) < 'A' || first(w) > 'G') return -1;
    int step, sign = take_root(w, &step);
    return (step_semitones[step] + sign + 12) % 12;
}

const char *spiral__word_chord(spiral__word *w, int low, spiral__score_chord *chord) {
    int root = take_class(w);
    spiral__word suffix = {w->at, w->at};
    while (suffix.end < w->end && *suffix.end != '/') suffix.end++;
    unsigned kind = chord_kind(suffix);
    w->at = suffix.end;
    int bass = take(w, '/') ? take_class(w) : root;
    if (root < 0 || bass < 0 || !kind) return chord_rule;
    int lowest = low + (bass - low % 12 + 12) % 12, from = low + 7 > lowest ? low + 7 : lowest + 1;
    *chord = (spiral__score_chord){1, {(uint8_t)lowest}};
    for (int p = from; p < from + 12; p++)
        if (kind >> ((p - root + 12) % 12) & 1) chord->pitch[chord->count++] = (uint8_t)p;
    return NULL;
}

int spiral__score_velocity(spiral__word w) {
    static const struct {
        const char *name;
        int velocity;
    } dynamics[] = {{"pp", 44}, {"p", 56}, {"mp", 68}, {"mf", 80}, {"f", 94}, {"ff", 110}};
    for (size_t i = 0; i < sizeof dynamics / sizeof *dynamics; i++)
        if (spiral__word_is(w, dynamics[i].name)) return dynamics[i].velocity;
    return 0;
}

/* "r", "*", "+" or ascending digits 1 to 9 as bits; -1: none of them. */
static int figure_notes(spiral__word w) {
    if (spiral__word_is(w, "r")) return 0;
    if (spiral__word_is(w, "*")) return SPIRAL__FIGURE_ALL;
    if (spiral__word_is(w, "+")) return SPIRAL__FIGURE_UPPER;
    int notes = 0;
    for (; w.at < w.end; w.at++) {
        int bit = *w.at >= '1' && *w.at <= '9' ? 1 << (*w.at - '1') : 0;
        if (bit <= notes) return -1;
        notes |= bit;
    }
    return notes ? notes : -1;
}

const char *spiral__score_figure_read(spiral__word text, spiral__score_figure *figure) {
    int64_t ticks = 0;
    int line = 0, sounds = 0; /* sounds: a step of this line has a note */
    figure->count = 0;
    for (;;) {
        spiral__word w = spiral__word_next(&text);
        int ends = w.at == w.end;
        if (ends || spiral__word_is(w, "/")) {
            if (!sounds) return figure_rule;
            if (ends) return NULL;
            line++;
            sounds = 0;
            ticks = 0;
            continue;
        }
        if (memchr(w.at, ':', (size_t)(w.end - w.at)) && (spiral__word_length(&w, &ticks) || !take(&w, ':')))
            return figure_rule;
        int notes = figure_notes(w);
        if (notes < 0 || !ticks || figure->count == SPIRAL__SCORE_FIGURE_STEPS) return figure_rule;
        figure->step[figure->count].ticks = ticks;
        figure->step[figure->count].line = line;
        figure->step[figure->count++].notes = (unsigned)notes;
        sounds |= notes != 0;
    }
}

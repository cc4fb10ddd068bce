/* SPDX-License-Identifier: MIT
 *
 * The synthesiser that is always there: eight decaying partials a note, something like an electric piano, and
 * a plain drum for percussion. No tables, no state: the same notes give the same samples.
 *
 * A partial is a complex number that turns: each sample multiplies it by r exp(i w), which is a sine with an
 * exponential decay for four multiplications. All partials of a note go side by side, so the loop over them
 * is one vector operation.
 */
#include <math.h>

#include "base/rng.h"
#include "audio/audio.h"

enum { PARTIALS = 8, BLOCK = 1024 /* frames between two looks at what has died away */ };

typedef struct voice {
    float re[PARTIALS], im[PARTIALS];           /* the partials; the sound is the sum of im */
    float turn_re[PARTIALS], turn_im[PARTIALS]; /* what each sample multiplies them by */
} voice;

static const double ATTACK_S = 0.004;
static const double A4_HZ = 440;

static void voice_start(voice *v, const spiral__timed_note *note, int rate_hz) {
    const double pi = 3.14159265358979323846;
    double f = A4_HZ * exp2((note->pitch - 69) / 12.0);
    double loud = pow(note->velocity / 127.0, 1.5), bright = 0.35 + 0.5 * note->velocity / 127.0;
    double fade_s = 1.6 * exp2((60 - note->pitch) / 24.0); /* low notes ring longer */
    for (int k = 0; k < PARTIALS; k++) {
        double w = 2 * pi * f * (k + 1) / rate_hz;
        double level =
            w < pi ? 0.25 * loud * pow(bright, k) / (1 + 0.3 * k) : 0; /* nothing above half the rate */
        double shrink = exp(-(1 + 0.9 * k) / (fade_s * rate_hz));
        v->re[k] = (float)level;
        v->im[k] = 0;
        v->turn_re[k] = (float)(shrink * cos(w));
        v->turn_im[k] = (float)(shrink * sin(w));
    }
}

static float voice_next(voice *v) {
    float sum = 0;
    for (int k = 0; k < PARTIALS; k++) {
        float re = v->re[k] * v->turn_re[k] - v->im[k] * v->turn_im[k];
        float im = v->re[k] * v->turn_im[k] + v->im[k] * v->turn_re[k];
        v->re[k] = re;
        v->im[k] = im;
        sum += im;
    }
    return sum;
}

/* Silences the partials below 1e-10, far under the last bit at any gain: left alone they would become numbers
 * too small to be normal, on which processors are slow. Whether any is left. */
static int voice_trim(voice *v) {
    int left = 0;
    for (int k = 0; k < PARTIALS; k++) {
        if (v->re[k] * v->re[k] + v->im[k] * v->im[k] < 1e-20f)
            v->re[k] = v->im[k] = 0;
        else
            left = 1;
    }
    return left;
}

static size_t frame_of(double seconds, const spiral__audio *audio) {
    double frame = floor(seconds * audio->rate_hz + 0.5);
    return frame < (double)audio->frames ? (size_t)frame : audio->frames;
}

/* Loudness on each side: low notes a little left, high ones a little right. */
static void place(int pitch, float *left, float *right) {
    float pan = 0.5f + 0.3f * (float)(pitch - 60) / 40;
    pan = pan < 0.2f ? 0.2f : pan > 0.8f ? 0.8f : pan;
    *left = sqrtf(1 - pan);
    *right = sqrtf(pan);
}

static void render_tone(const spiral__timed_note *note, spiral__audio *audio) {
    voice v;
    size_t on = frame_of(note->on_s, audio), off = frame_of(note->off_s, audio);
    size_t end = frame_of(note->off_s + SPIRAL__RELEASE_S, audio);
    float attack = (float)(1 / (ATTACK_S * audio->rate_hz)), level = 0, left, right;
    float release = (float)exp(-7 / (SPIRAL__RELEASE_S * audio->rate_hz)); /* to a thousandth at the end */
    place(note->pitch, &left, &right);
    voice_start(&v, note, audio->rate_hz);
    for (size_t i = on; i < end; i++) {
        if ((i - on) % BLOCK == 0 && !voice_trim(&v)) break;
        if (i >= off)
            level *= release;
        else if (level < 1)
            level = level + attack < 1 ? level + attack : 1;
        float x = level * voice_next(&v);
        audio->samples[2 * i] += left * x;
        audio->samples[2 * i + 1] += right * x;
    }
}

/* What a key of the General MIDI percussion map sounds like here. */
typedef struct drum {
    double fade_s;  /* to 1/e */
    double from_hz; /* a skin: a tone that falls to half; 0: a cymbal or a hat, noise only */
    double noise;   /* share of noise */
} drum;

static drum drum_of(int key) {
    switch (key) {
    case 35:
    case 36: return (drum){0.09, 110, 0}; /* bass drum */
    case 37:
    case 38:
    case 39:
    case 40: return (drum){0.06, 220, 0.7}; /* snare, clap */
    case 41:
    case 43:
    case 45:
    case 47:
    case 48:
    case 50: /* toms */ return (drum){0.12, 110 + 14.0 * (key - 41), 0.1};
    case 46:
    case 49:
    case 51:
    case 52:
    case 53:
    case 55:
    case 57:
    case 59: return (drum){0.15, 0, 1};
    default: return (drum){0.03, 0, 1}; /* closed hats and small percussion */
    }
}

/* A drum is struck, not held: it ignores when its note ends, and is over in seven fades. */
static void render_drum(const spiral__timed_note *note, spiral__audio *audio) {
    const double pi = 3.14159265358979323846;
    drum d = drum_of(note->pitch);
    spiral__rng rng = spiral__rng_init((uint64_t)note->pitch, 0);
    double loud = 0.4 * pow(note->velocity / 127.0, 1.5), phase = 0, before = 0;
    size_t on = frame_of(note->on_s, audio), end = frame_of(note->on_s + 7 * d.fade_s, audio);
    float left, right;
    place(note->pitch, &left, &right);
    for (size_t i = on; i < end; i++) {
        double t = (double)(i - on) / audio->rate_hz, fall = exp(-t / d.fade_s);
        double white = spiral__rng_uniform(&rng) - 0.5, bright = white - before; /* without the low half */
        before = white;
        phase += 2 * pi * d.from_hz * (0.5 + 0.5 * fall) / audio->rate_hz;
        double rise = t < 0.001 ? t / 0.001 : 1, ending = (double)(end - i) / audio->rate_hz;
        double x =
            loud * fall * rise * fmin(1, ending / 0.002) * (d.noise * bright + (1 - d.noise) * sin(phase));
        audio->samples[2 * i] += left * (float)x;
        audio->samples[2 * i + 1] += right * (float)x;
    }
}

void spiral__additive_render(const spiral__timed_note *notes, size_t count, spiral__audio *audio) {
    for (size_t i = 0; i < count; i++) {
        if (notes[i].channel == SPIRAL_DRUM_CHANNEL)
            render_drum(&notes[i], audio);
        else
            render_tone(&notes[i], audio);
    }
}

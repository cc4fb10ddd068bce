/* SPDX-License-Identifier: MIT
 *
 * The additive synthesiser, which every build has: a note is eight decaying partials, which sound similar to
 * an electric piano; percussion is decaying noise and a falling sine. It has no state, so the same notes give
 * the same samples.
 *
 * A partial is a complex number that each sample multiplies by r exp(i w): a sine with exponential decay, for
 * four multiplications. The loop over the partials of a note is one vector operation.
 */
#include <math.h>

#include "base/rng.h"
#include "audio/synth.h"

enum { PARTIALS = 8, BLOCK = 1024 /* frames between two calls of voice_trim */ };

typedef struct voice {
    float re[PARTIALS], im[PARTIALS];               /* the partials; a sample is the sum of im */
    float factor_re[PARTIALS], factor_im[PARTIALS]; /* each sample multiplies them by this */
} voice;

static const double ATTACK_S = 0.004;
static const double A4_HZ = 440;

static void voice_start(voice *v, const spiral__timed_note *note, int rate_hz) {
    const double pi = 3.14159265358979323846;
    double f = A4_HZ * exp2((note->pitch - 69) / 12.0);
    double loud = pow(note->velocity / 127.0, 1.5), bright = 0.35 + 0.5 * note->velocity / 127.0;
    double fade_s = 1.6 * exp2((60 - note->pitch) / 24.0); /* low notes last longer */
    for (int k = 0; k < PARTIALS; k++) {
        double w = 2 * pi * f * (k + 1) / rate_hz;
        double level = w < pi ? 0.25 * loud * pow(bright, k) / (1 + 0.3 * k)
                              : 0; /* no partials above half the sample rate */
        double shrink = exp(-(1 + 0.9 * k) / (fade_s * rate_hz));
        v->re[k] = (float)level;
        v->im[k] = 0;
        v->factor_re[k] = (float)(shrink * cos(w));
        v->factor_im[k] = (float)(shrink * sin(w));
    }
}

static float voice_next(voice *v) {
    float sum = 0;
    for (int k = 0; k < PARTIALS; k++) {
        float re = v->re[k] * v->factor_re[k] - v->im[k] * v->factor_im[k];
        float im = v->re[k] * v->factor_im[k] + v->im[k] * v->factor_re[k];
        v->re[k] = re;
        v->im[k] = im;
        sum += im;
    }
    return sum;
}

/* Sets partials below 1e-10 to 0, which is below the last bit at any gain. They would otherwise become
 * denormal numbers, which processors compute slowly. Returns whether any partial is left. */
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

/* Gains of the two sides: low notes are a little to the left, high notes to the right. */
static void pan_of(int pitch, float *left, float *right) {
    float pan = 0.5f + 0.3f * (float)(pitch - 60) / 40;
    pan = pan < 0.2f ? 0.2f : pan > 0.8f ? 0.8f : pan;
    *left = sqrtf(1 - pan);
    *right = sqrtf(pan);
}

static void render_tone(const spiral__timed_note *note, spiral__audio *audio) {
    voice v;
    size_t on = spiral__audio_frame_at(audio, note->on_s), off = spiral__audio_frame_at(audio, note->off_s);
    size_t end = spiral__audio_frame_at(audio, note->off_s + SPIRAL__RELEASE_S);
    float attack = (float)(1 / (ATTACK_S * audio->rate_hz)), level = 0, left, right;
    float release = (float)exp(-7 / (SPIRAL__RELEASE_S * audio->rate_hz)); /* falls to exp(-7) */
    pan_of(note->pitch, &left, &right);
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

/* The sound of a key of the General MIDI percussion map. */
typedef struct drum {
    double fade_s;  /* time to fall to 1/e */
    double from_hz; /* frequency at the start, it falls to half; 0: noise only */
    double noise;   /* part of noise, 0 .. 1 */
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

/* The sound of a drum does not depend on the end of its note; it lasts seven times fade_s. */
static void render_drum(const spiral__timed_note *note, spiral__audio *audio) {
    const double pi = 3.14159265358979323846;
    drum d = drum_of(note->pitch);
    spiral__rng rng = spiral__rng_init((uint64_t)note->pitch, 0);
    double loud = 0.4 * pow(note->velocity / 127.0, 1.5), phase = 0, before = 0;
    size_t on = spiral__audio_frame_at(audio, note->on_s),
           end = spiral__audio_frame_at(audio, note->on_s + 7 * d.fade_s);
    float left, right;
    pan_of(note->pitch, &left, &right);
    for (size_t i = on; i < end; i++) {
        double t = (double)(i - on) / audio->rate_hz, fall = exp(-t / d.fade_s);
        double white = spiral__rng_uniform(&rng) - 0.5, bright = white - before; /* high-pass filtered */
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

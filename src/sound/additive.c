/* SPDX-License-Identifier: MIT
 *
 * The synthesiser that is always there: eight decaying partials a note, something like an electric piano. No
 * tables, no noise, no state: the same notes give the same samples.
 *
 * A partial is a complex number that turns: each sample multiplies it by r exp(i w), which is a sine with an
 * exponential decay for four multiplications. All partials of a note go side by side, so the loop over them
 * is one vector operation.
 */
#include <math.h>

#include "sound/sound.h"

enum { PARTIALS = 8 };

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

static size_t frame_of(double seconds, const spiral__audio *audio) {
    double frame = floor(seconds * audio->rate_hz + 0.5);
    return frame < (double)audio->frames ? (size_t)frame : audio->frames;
}

static void render_note(const spiral__timed_note *note, spiral__audio *audio) {
    voice v;
    size_t on = frame_of(note->on_s, audio), off = frame_of(note->off_s, audio);
    size_t end = frame_of(note->off_s + SPIRAL__RELEASE_S, audio);
    float attack = (float)(1 / (ATTACK_S * audio->rate_hz)), level = 0;
    float release = (float)exp(-7 / (SPIRAL__RELEASE_S * audio->rate_hz)); /* to a thousandth at the end */
    float pan = 0.5f + 0.3f * (float)(note->pitch - 60) / 40;              /* low left, high right */
    pan = pan < 0.2f ? 0.2f : pan > 0.8f ? 0.8f : pan;
    float left = sqrtf(1 - pan), right = sqrtf(pan);
    voice_start(&v, note, audio->rate_hz);
    for (size_t i = on; i < end; i++) {
        if (i >= off)
            level *= release;
        else if (level < 1)
            level = level + attack < 1 ? level + attack : 1;
        float x = level * voice_next(&v);
        audio->samples[2 * i] += left * x;
        audio->samples[2 * i + 1] += right * x;
    }
}

void spiral__additive_render(const spiral__timed_note *notes, size_t count, spiral__audio *audio) {
    for (size_t i = 0; i < count; i++) render_note(&notes[i], audio);
}

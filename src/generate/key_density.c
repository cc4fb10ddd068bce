/* SPDX-License-Identifier: MIT
 *
 * Key and density as biases (see key_density.h).
 */
#include <math.h>

#include "generate/key_density.h"
#include "model/decoder.h"

/* If a key outside the scale begins: OUTSIDE is added to its logit, OUTSIDE_WEIGHT to the weight of its
 * frame. With a large bias on the logit, voices would have no note, so the weight does most. The raised sixth
 * and seventh of minor get a third of both. NOT_FIRST is added to the logits of keys outside the tonic's
 * chord in the first frame: the network infers the key from this chord and then stays in it. */
static const float OUTSIDE = -1, OUTSIDE_WEIGHT = -2, NOT_FIRST = -4;

/* Bit i: the pitch class i semitones above the tonic is in the scale, or in the chord. */
enum {
    MAJOR_SCALE = 0xab5,
    MINOR_SCALE = 0x5ad,
    RAISED_DEGREES = 0xa00,
    MAJOR_CHORD = 0x91,
    MINOR_CHORD = 0x89
};

static void set_key(int tonic, int minor, spiral__request *r) {
    r->has_key = 1;
    const unsigned scale = minor ? MINOR_SCALE : MAJOR_SCALE, chord = minor ? MINOR_CHORD : MAJOR_CHORD;
    for (int i = 0; i < 12; i++) {
        const int class = (tonic + i) % 12, raised = minor && RAISED_DEGREES >> i & 1;
        const float outside = scale >> i & 1 ? 0 : raised ? 1.0f / 3 : 1;
        r->begins_bias[class] = OUTSIDE * outside;
        r->begins_weight[class] = OUTSIDE_WEIGHT * outside;
        r->first_bias[class] = chord >> i & 1 ? 0 : NOT_FIRST;
    }
}

/* The mean number of keys that should sound. A step of density is the standard deviation of this number in
 * the training music, but at least a quarter of its mean: in music of four voices the deviation is so small
 * that a step would not be heard. */
static float voices_for(const spiral_model *m, double density) {
    const spiral__sampling s = spiral__decoder_get_sampling(m);
    const double mean = s.calibrated ? s.voices_mean : *spiral__tensor_data(m, m->ae.density);
    const double step = s.voices_sd > mean / 4 ? s.voices_sd : mean / 4;
    const double wanted = mean + density * step;
    return (float)(wanted > 0.1 * mean ? wanted : 0.1 * mean);
}

spiral__request spiral__key_density_request(const spiral_model *m, const spiral_generate_request *q) {
    const int two = m->config.planes == 2;
    spiral__request r = {
        .frames = q->frames,
        .known = q->known,
        .sounding = q->sounding,
        .onsets = q->known && two ? q->onsets : NULL,
        .sketch = q->sketch,
        .temperature = (float)q->temperature,
        .voices = isnan(q->density) ? SPIRAL__ANY_DENSITY : voices_for(m, q->density),
        .tries = q->tries,
    };
    if (q->tonic >= 0) set_key(q->tonic, q->minor, &r);
    return r;
}

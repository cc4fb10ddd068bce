/* SPDX-License-Identifier: MIT
 *
 * Key and density as biases (see key_density.h).
 */
#include <math.h>

#include "generate/key_density.h"
#include "model/decoder.h"

/* Of a key that begins outside the scale: added to its logit, and to the weight of its frame. A large bias
 * would leave voices without a note, so most is left to the weight. The raised sixth and seventh of minor
 * have a third. In the first frame, outside the chord of the tonic: from that chord the network infers the
 * key, and then stays in it. */
static const float OUTSIDE = -1, OUTSIDE_WEIGHT = -2, NOT_FIRST = -4;

/* Bit i: i semitones above the tonic is in the scale, or in the chord. */
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

/* The number of keys that should sound. Where nearly all frames of the training music have as many, as in
 * four voices, one step is a quarter of their number: a smaller one could not be heard. */
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

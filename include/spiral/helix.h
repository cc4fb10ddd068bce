/* SPDX-License-Identifier: MIT
 *
 * The pitch helix: how far two keys are apart (docs/math.md, section 1).
 *
 * Key p sits on a coil: its pitch class turns around up to six circles, its height rises by `octave` per
 * twelve keys. The distance of two keys delta semitones apart is
 *     D(delta)^2 = sum_m 2 radii[m-1]^2 (1 - cos(2 pi m delta / 12)) + (octave delta / 12)^2 .
 * One octave costs exactly `octave`. D is Euclidean, so every kernel of the loss built on it is positive
 * definite.
 */
#ifndef SPIRAL_HELIX_H
#define SPIRAL_HELIX_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spiral_helix {
    double radii[6]; /* >= 0, radii[m-1] of the circle on which a semitone turns by m/12; [0] chromatic,
                        [2] minor thirds, [3] major thirds, [4] fifths; not all zero */
    double octave;   /* height of one turn, > 0 */
} spiral_helix;

/* name, meaning */
#define SPIRAL_HELIX_LIST(X)                                                                  \
    X(chromatic, "semitones are near: the wire itself, a wrong row of the roll costs little") \
    X(fifths, "fifths are near: the circle of fifths")                                        \
    X(tonnetz, "fifths and thirds are near: the harmonic network")                            \
    X(mixed, "half chromatic, half fifths")

SPIRAL_API spiral_helix spiral_helix_default(void); /* chromatic, radius 1.3, octave .5 */
/* A preset by name. BAD_ARG names the value and the list of names. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_helix_from_name(const char *name, spiral_helix *helix,
                                                                  spiral_error *err);
/* BAD_ARG with the reason if a radius is negative or not finite, all are zero, or octave is not > 0. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_helix_check(const spiral_helix *helix, spiral_error *err);

/* D(delta_st): the chord distance of two keys delta_st semitones apart. */
SPIRAL_API double spiral_helix_distance(const spiral_helix *helix, int delta_st);

#ifdef __cplusplus
}
#endif
#endif

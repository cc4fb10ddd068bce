/* SPDX-License-Identifier: MIT
 *
 * The pitch helix: how far two keys are apart (docs/math.md, section 1).
 *
 * Key p sits on a coil: its pitch class turns around up to six circles, its height rises by `octave` per
 * twelve keys. The distance of two keys delta semitones apart is
 *     D(delta)^2 = sum_m 2 radii[m-1]^2 (1 - cos(2 pi m delta / 12)) + (octave delta / 12)^2 .
 * One octave costs exactly `octave`. D is Euclidean, so every kernel of the loss built on it is positive
 * definite. A geometry for which that fails would need a squared radius below 0, which no radius has: it
 * cannot be written down, and a negative or NaN radius is refused by name.
 */
#ifndef SPIRAL_HELIX_H
#define SPIRAL_HELIX_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* radii[m-1] belongs to bin m of the twelve-point Fourier transform: the circle on which a semitone turns by
 * m twelfths. Intervals that close a circle fall together on it; its neighbours are a step apart.
 *
 *     radii[0]  m = 1  12 points  semitones are neighbours (chromatic circle)
 *     radii[1]  m = 2   6 points  tritones fall together
 *     radii[2]  m = 3   4 points  major thirds fall together, minor thirds are neighbours
 *     radii[3]  m = 4   3 points  minor thirds fall together, major thirds are neighbours
 *     radii[4]  m = 5  12 points  fifths and fourths are neighbours (circle of fifths)
 *     radii[5]  m = 6   2 points  whole tones fall together
 */
typedef struct spiral_helix {
    double radii[6]; /* 0 .. 1000, the largest at least 1e-6 */
    double octave;   /* height of one turn, 1e-6 .. 1000 */
} spiral_helix;

/* name, meaning. All share octave .5 and the sum of squared radii, so that their costs are comparable. */
#define SPIRAL_HELIX_LIST(X)                                                                  \
    X(chromatic, "semitones are near: the wire itself, a wrong row of the roll costs little") \
    X(fifths, "fifths are near: the circle of fifths")                                        \
    X(tonnetz, "fifths and thirds are near: the harmonic network")                            \
    X(mixed, "half chromatic, half fifths")

SPIRAL_API spiral_helix spiral_helix_default(void); /* chromatic, radius 1.3, octave .5 */
/* A preset by name. BAD_ARG names the value and the list of names. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_helix_from_name(const char *name, spiral_helix *helix,
                                                                  spiral_error *err);
/* The chromatic helix on which, in missed notes of the spiral energy, playing a note an octave off costs
 * octave_cost and a semitone off semitone_cost; (0.8, 1) gives radius 2.673, octave 1.022. Both must be above
 * 0 and below 2, the price of a missed note and a stray. BAD_ARG with the reason, also if a semitone is so
 * cheap that the twelfth part of an octave's rise alone costs more, or the helix is out of its range. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_helix_from_costs(double octave_cost, double semitone_cost,
                                                                   spiral_helix *helix, spiral_error *err);
/* BAD_ARG with the reason if a radius or the octave is out of its range or not finite, or all radii are 0. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_helix_check(const spiral_helix *helix, spiral_error *err);

/* D(delta_st): the chord distance of two keys delta_st semitones apart. */
SPIRAL_API double spiral_helix_distance(const spiral_helix *helix, int delta_st);

#ifdef __cplusplus
}
#endif
#endif

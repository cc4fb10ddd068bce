/* SPDX-License-Identifier: MIT
 *
 * The pitch helix: the distance between two keys (docs/math.md, section 1).
 *
 * A key is a point on a helix. Its pitch class is an angle on up to six circles, its height rises by `octave`
 * for every twelve keys. Two keys delta semitones apart have the distance D(delta)^2 = sum_m 2 radii[m-1]^2
 * (1 - cos(2 pi m delta / 12)) + (octave delta / 12)^2 . One octave has exactly the distance `octave`. D is a
 * distance in a Euclidean space, so the kernels that the losses build on it are positive definite.
 */
#ifndef SPIRAL_HELIX_H
#define SPIRAL_HELIX_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* radii[m-1] belongs to frequency m of the twelve-point Fourier transform: the circle on which one semitone
 * is m twelfths of a turn. An interval that completes whole turns has distance 0 on it.
 *
 *     radii[0]  m = 1  12 points  semitones are neighbours (chromatic circle)
 *     radii[1]  m = 2   6 points  tritones coincide
 *     radii[2]  m = 3   4 points  major thirds coincide, minor thirds are neighbours
 *     radii[3]  m = 4   3 points  minor thirds coincide, major thirds are neighbours
 *     radii[4]  m = 5  12 points  fifths and fourths are neighbours (circle of fifths)
 *     radii[5]  m = 6   2 points  whole tones coincide
 */
typedef struct spiral_helix {
    double radii[6]; /* 0 .. 1000, the largest at least 1e-6 */
    double octave;   /* height of one turn, 1e-6 .. 1000 */
} spiral_helix;

/* X(name, meaning). All presets but octaves have octave .5 and the same sum of squared radii, so that their
 * costs are comparable. octaves is for the loss channel (loss.h) and labels that are an octave off: with the
 * default blur length, 99.3 % of what that loss moves, it moves by one octave. */
#define SPIRAL_HELIX_LIST(X)                                                        \
    X(chromatic, "semitones are near: a note in the neighbouring row costs little") \
    X(fifths, "fifths are near: the circle of fifths")                              \
    X(tonnetz, "fifths and thirds are near: the tone network of Euler and Riemann") \
    X(mixed, "half chromatic, half fifths")                                         \
    X(octaves, "octaves alone are near: labels that are an octave off")

SPIRAL_API spiral_helix spiral_helix_default(void); /* chromatic: radius 1.3, octave .5 */
/* A preset by name. BAD_ARG: no such preset; the sentence lists the names. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_helix_from_name(const char *name, spiral_helix *helix,
                                                                  spiral_error *err);
/* The chromatic helix on which the energy loss charges octave_cost for playing a note an octave off and
 * semitone_cost for a semitone off, in missed notes: (0.8, 1) gives radius 2.673 and octave 1.022. Both must
 * be above 0 and below 2, the cost of one missed and one extra note. BAD_ARG: a cost is outside that range;
 * the semitone costs no more than the rise of a twelfth of the octave alone; or the helix is outside its
 * range. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_helix_from_costs(double octave_cost, double semitone_cost,
                                                                   spiral_helix *helix, spiral_error *err);
/* BAD_ARG: a radius or the octave is outside its range or not finite, or all radii are 0. */
SPIRAL_API SPIRAL_MUST_CHECK spiral_status spiral_helix_check(const spiral_helix *helix, spiral_error *err);

/* D(delta_st): the distance of two keys delta_st semitones apart. */
SPIRAL_API double spiral_helix_distance(const spiral_helix *helix, int delta_st);

#ifdef __cplusplus
}
#endif
#endif

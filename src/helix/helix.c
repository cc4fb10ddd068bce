/* SPDX-License-Identifier: MIT
 *
 * The pitch helix: presets, limits and the distance. Functions of the distance: kernel.c.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "spiral/helix.h"

/* All presets but octaves have the same sum of squared radii, 1.3^2. The mean squared distance of two pitch
 * classes is twice that sum (docs/math.md, equation 3), so a loss weight that suits one preset suits the
 * others. The radii of the tonnetz have the ratio 1 : 1/2 : 1 on the circles 3, 4, 5, as in Harte, Sandler
 * and Gasser 2006.
 *
 * octaves is for the kind channel, whose weights (equation 33) sum to 1 on any helix. With the default blur
 * length, 0.5, they are e^-5 for an octave, e^-10 for two and at most e^-41 for other intervals before they
 * are divided by their sum. */
#define LARGEST   1000.0 /* so that squares of distances are finite */
#define SMALLEST  1e-6   /* and above 0 */
#define PI        3.14159265358979323846
#define R_ONE     1.3
#define R_TWO     0.91923881554251182 /* each of two equal radii: 1.3 / sqrt(2) */
#define R_TONNETZ (1.3 / 1.5)

static const struct preset {
    const char *name;
    spiral_helix helix;
} presets[] = {
    {"chromatic", {{R_ONE, 0, 0, 0, 0, 0}, 0.5}},
    {"fifths", {{0, 0, 0, 0, R_ONE, 0}, 0.5}},
    {"tonnetz", {{0, 0, R_TONNETZ, R_TONNETZ / 2, R_TONNETZ, 0}, 0.5}},
    {"mixed", {{R_TWO, 0, 0, 0, R_TWO, 0}, 0.5}},
    {"octaves", {{40, 0, 0, 0, 0, 0}, 2.5}},
};

#define SPIRAL_X(name, text) +1
_Static_assert(sizeof presets / sizeof *presets == 0 SPIRAL_HELIX_LIST(SPIRAL_X), "a preset per list entry");
#undef SPIRAL_X

spiral_helix spiral_helix_default(void) { return presets[0].helix; }

spiral_status spiral_helix_from_name(const char *name, spiral_helix *helix, spiral_error *err) {
    if (!name || !helix)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "helix preset: name and helix must not be NULL");
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (!strcmp(name, presets[i].name)) return *helix = presets[i].helix, SPIRAL_OK;
#define SPIRAL_X(id, text) " " #id
    return spiral__fail(err, SPIRAL_BAD_ARG, -1,
                        "helix preset \"%.40s\": not one of" SPIRAL_HELIX_LIST(SPIRAL_X), name);
#undef SPIRAL_X
}

spiral_status spiral_helix_check(const spiral_helix *helix, spiral_error *err) {
    if (!helix) return spiral__fail(err, SPIRAL_BAD_ARG, -1, "helix must not be NULL");
    double largest = 0;
    for (int m = 0; m < 6; m++) {
        double r = helix->radii[m];
        if (!(r >= 0 && r <= LARGEST))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "helix radii[%d] is %g: must be 0 to %g", m, r,
                                LARGEST);
        if (r > largest) largest = r;
    }
    if (!(largest >= SMALLEST))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "largest of the helix radii is %g: must be %g or more",
                            largest, SMALLEST);
    if (!(helix->octave >= SMALLEST && helix->octave <= LARGEST))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "helix octave is %g: must be %g to %g", helix->octave,
                            SMALLEST, LARGEST);
    return SPIRAL_OK;
}

spiral_status spiral_helix_from_costs(double octave_cost, double semitone_cost, spiral_helix *helix,
                                      spiral_error *err) {
    if (!helix) return spiral__fail(err, SPIRAL_BAD_ARG, -1, "helix from costs: helix must not be NULL");
    const struct {
        const char *name;
        double value;
    } costs[] = {{"octave", octave_cost}, {"semitone", semitone_cost}};
    for (int i = 0; i < 2; i++)
        if (!(costs[i].value > 0 && costs[i].value < 2))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "cost of the %s is %g: must be above 0 and below 2",
                                costs[i].name, costs[i].value);
    /* Equation 17 solved for D, then equation 2 for the one radius: chord^2 = distance^2 - rise^2. */
    double octave = -2 * log1p(-octave_cost / 2), semitone = -2 * log1p(-semitone_cost / 2);
    double rise = octave / 12, square = (semitone - rise) * (semitone + rise);
    if (!(square > 0))
        return spiral__fail(
            err, SPIRAL_BAD_ARG, -1,
            "cost of the semitone is %g: must be above %g, the cost of its rise, a twelfth of the octave's",
            semitone_cost, -2 * expm1(-rise / 2));
    spiral_helix found = {{sqrt(square) / (2 * sin(PI / 12))}, octave};
    SPIRAL_TRY(spiral_helix_check(&found, err));
    *helix = found;
    return SPIRAL_OK;
}

double spiral_helix_distance(const spiral_helix *helix, int delta_st) {
    double height = helix->octave * delta_st / 12, square = height * height;
    for (int m = 1; m <= 6; m++) {
        /* Equation 2 with 1 - cos x = 2 sin^2(x / 2). m delta is reduced mod 12, so that an octave is exact.
         */
        double chord = 2 * helix->radii[m - 1] * sin(PI / 12 * ((m * (delta_st % 12)) % 12));
        square += chord * chord;
    }
    return sqrt(square);
}

/* SPDX-License-Identifier: MIT
 *
 * The names of the presets of the pitch helix, for tests with all of them.
 */
#ifndef SPIRAL_TESTS_PRESETS_H
#define SPIRAL_TESTS_PRESETS_H

#include "spiral/helix.h"

static const char *const presets[] = {
#define SPIRAL_X(name, text) #name,
    SPIRAL_HELIX_LIST(SPIRAL_X)
#undef SPIRAL_X
};
enum { PRESETS = sizeof presets / sizeof *presets };

#endif

/* SPDX-License-Identifier: MIT
 *
 * The presets of the pitch helix, as choices of a flag.
 */
#ifndef SPIRAL_CLI_HELICES_H
#define SPIRAL_CLI_HELICES_H

#include "spiral/helix.h"

static const char *const cli_helices[] = {
#define SPIRAL_X(name, text) #name,
    SPIRAL_HELIX_LIST(SPIRAL_X)
#undef SPIRAL_X
        0};

#endif

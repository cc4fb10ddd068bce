/* SPDX-License-Identifier: MIT
 *
 * The table of verbs.
 */
#include <stddef.h>

#include "verbs.h"

const cli_verb cli_verbs[] = {
#define SPIRAL_X(name, arguments, summary, example) {#name, arguments, summary, example, verb_##name},
    CLI_VERB_LIST(SPIRAL_X)
#undef SPIRAL_X
        {NULL, NULL, NULL, NULL, NULL}};

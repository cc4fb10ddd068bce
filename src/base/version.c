/* SPDX-License-Identifier: MIT
 *
 * The version of the library.
 */
#include "spiral/version.h"

const char *spiral_version(void) { return SPIRAL_VERSION; }

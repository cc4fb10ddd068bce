/* SPDX-License-Identifier: MIT
 *
 * The memory of jansson, which reads and makes JSON for the program and for libspiral-net.
 */
#ifndef SPIRAL_CLI_JSON_MEMORY_H
#define SPIRAL_CLI_JSON_MEMORY_H

#include <stddef.h>

/* Called once at the start: if jansson cannot have memory, the program ends at once with status 1, after a
 * sentence and without temporary files. So no call of jansson fails for want of memory, and no result lacks a
 * part. jansson must not be told of the failure: its lexer (up to 2.14 at least) goes on with a text that is
 * too short, and writes beyond its end. */
void cli_json_init(void);
/* What jansson allocates with: never NULL. */
void *cli_json_allocate(size_t size);

#endif

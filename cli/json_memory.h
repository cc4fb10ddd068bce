/* SPDX-License-Identifier: MIT
 *
 * The memory of jansson, which reads and makes JSON for the program and for libspiral-net.
 */
#ifndef SPIRAL_CLI_JSON_MEMORY_H
#define SPIRAL_CLI_JSON_MEMORY_H

#include <stddef.h>

/* Called once at the start: if jansson cannot have memory, the program ends at once with status 1, after a
 * sentence and without temporary files. So no call of jansson fails because memory is short, and no result
 * lacks a part. jansson must not see the failure: its lexer (up to 2.14 at least) continues with a buffer
 * that is too short, and writes beyond its end. */
void cli_json_init(void);
/* What jansson allocates with: never NULL. */
void *cli_json_allocate(size_t size);

#endif

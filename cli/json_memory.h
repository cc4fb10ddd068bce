/* SPDX-License-Identifier: MIT
 *
 * Whether jansson, which makes the results, was refused memory. A file of its own because both messages and
 * results depend on it.
 */
#ifndef SPIRAL_CLI_JSON_MEMORY_H
#define SPIRAL_CLI_JSON_MEMORY_H

#include <stddef.h>

/* Called once at the start: jansson allocates through cli_json_allocate and free from now on. */
void cli_json_init(void);
/* malloc; a failure is remembered. */
void *cli_json_allocate(size_t size);
/* Bytes of the first allocation that failed; 0: none has failed. */
size_t cli_json_refused(void);

#endif

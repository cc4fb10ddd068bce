/* SPDX-License-Identifier: MIT
 *
 * The memory of jansson (see json_memory.h).
 */
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "json_memory.h"
#include "messages.h"
#include "signals.h"

void *cli_json_allocate(size_t size) {
    void *memory = malloc(size);
    if (memory || !size) return memory;
    int status = cli_no_memory(size);
    cli_signals_remove_files();
    _exit(status); /* without what is waiting to be printed: it may be a part of a result */
}

void cli_json_init(void) { json_set_alloc_funcs(cli_json_allocate, free); }

/* SPDX-License-Identifier: MIT
 *
 * The memory of jansson (see json_memory.h).
 */
#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "json_memory.h"

static atomic_size_t refused;

void *cli_json_allocate(size_t size) {
    void *memory = malloc(size);
    size_t none = 0;
    if (!memory) atomic_compare_exchange_strong(&refused, &none, size ? size : 1);
    return memory;
}

void cli_json_init(void) { json_set_alloc_funcs(cli_json_allocate, free); }
size_t cli_json_refused(void) { return refused; }

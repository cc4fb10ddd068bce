/* SPDX-License-Identifier: MIT
 *
 * Finding and applying cuts (see frame_cuts.h).
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/search.h"
#include "roll/frame_cuts.h"

static int by_frame(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* Lists the cuts in items, unless that is NULL; returns their number. */
static size_t list_cuts(const uint64_t *changes, size_t count, uint64_t longest, spiral__frame_cut *items) {
    uint64_t before = 0, by = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; before = changes[i++]) {
        uint64_t stretch = changes[i] - before;
        if (stretch <= longest) continue;
        by += stretch - longest;
        if (items) items[n] = (spiral__frame_cut){changes[i], by};
        n++;
    }
    return n;
}

spiral_status spiral__frame_cuts_create(uint64_t *changes, size_t count, uint64_t longest,
                                        spiral__frame_cuts *cuts, spiral_error *err) {
    *cuts = (spiral__frame_cuts){NULL, 0};
    qsort(changes, count, sizeof *changes, by_frame);
    size_t n = list_cuts(changes, count, longest, NULL);
    if (n == 0) return SPIRAL_OK;
    cuts->items = malloc(n * sizeof *cuts->items);
    if (!cuts->items) return spiral__no_memory(err, n * sizeof *cuts->items);
    cuts->count = list_cuts(changes, count, longest, cuts->items);
    return SPIRAL_OK;
}

void spiral__frame_cuts_destroy(spiral__frame_cuts *cuts) {
    free(cuts->items);
    *cuts = (spiral__frame_cuts){NULL, 0};
}

typedef struct cut_search {
    const spiral__frame_cut *items;
    uint64_t frame;
} cut_search;

static int cut_is_later(const void *context, size_t i) {
    const cut_search *s = context;
    return s->items[i].frame > s->frame;
}

uint64_t spiral__frame_cuts_apply(const spiral__frame_cuts *cuts, uint64_t frame) {
    const cut_search s = {cuts->items, frame};
    size_t later = spiral__search(cuts->count, cut_is_later, &s);
    return later ? frame - cuts->items[later - 1].by : frame;
}

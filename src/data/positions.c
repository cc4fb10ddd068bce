/* SPDX-License-Identifier: MIT
 *
 * Where windows can begin in the files of a corpus (see spiral__corpus_index in corpus.h).
 *
 * The frames of a file from which a window has a sounding key are a few runs of frames, one in most files.
 * Only the runs are stored, so that the memory does not depend on the lengths of the files.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/search.h"
#include "data/corpus.h"

static int is_silent(const spiral_roll *roll, size_t frame) {
    return !spiral_keys_any(roll->sounding[frame]);
}

/* The first frame from `frame` on that is silent, or is not; the roll's length if there is none. */
static size_t next_frame(const spiral_roll *roll, size_t frame, int silent) {
    while (frame < roll->frames && is_silent(roll, frame) != silent) frame++;
    return frame;
}

/* Lists the runs of one file in runs, unless that is NULL; *position is moved. Returns their number.
 *
 * A window from frame b has the frames b .. b + T - 1. If frames i .. j - 1 sound, windows with some of them
 * begin in i - T + 1 .. j - 1, in a roll longer than a window at most in its frame frames - T. */
static size_t list_runs(const spiral_roll *roll, size_t file, size_t T, size_t *position,
                        spiral__window_run *runs) {
    const size_t last = roll->frames > T ? roll->frames - T : 0;
    size_t count = 0, end = 0; /* end of the run before */
    for (size_t j = 0;;) {
        const size_t i = next_frame(roll, j, 0);
        if (i == roll->frames) return count;
        j = next_frame(roll, i, 1);
        size_t begin = i + 1 > T ? i + 1 - T : 0;
        if (begin < end) begin = end;
        const size_t run_end = j - 1 < last ? j : last + 1;
        if (begin >= run_end) continue;
        if (begin > end || count == 0) {
            if (runs) runs[count] = (spiral__window_run){*position, file, begin};
            count++;
        }
        *position += run_end - begin;
        end = run_end;
    }
}

spiral_status spiral__corpus_index(spiral_corpus *c, spiral_error *err) {
    size_t count = 0, positions = 0;
    for (size_t i = 0; i < c->count; i++)
        count += list_runs(&c->entries[i].roll, i, (size_t)c->T, &positions, NULL);
    spiral__window_run *runs = malloc((count + 1) * sizeof *runs);
    if (!runs) return spiral__no_memory(err, (count + 1) * sizeof *runs);
    free(c->runs);
    c->runs = runs;
    c->run_count = count;
    c->positions = 0;
    for (size_t i = 0; i < c->count; i++)
        runs += list_runs(&c->entries[i].roll, i, (size_t)c->T, &c->positions, runs);
    return SPIRAL_OK;
}

typedef struct position_search {
    const spiral__window_run *runs;
    size_t position;
} position_search;

static int begins_later(const void *context, size_t i) {
    const position_search *s = context;
    return s->runs[i].position > s->position;
}

size_t spiral__corpus_locate(const spiral_corpus *c, size_t position, size_t *frame) {
    const position_search s = {c->runs, position};
    const spiral__window_run *run = &c->runs[spiral__search(c->run_count, begins_later, &s) - 1];
    *frame = run->frame + (position - run->position);
    return run->file;
}

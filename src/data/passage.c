/* SPDX-License-Identifier: MIT
 *
 * The search for the passage of a corpus that is most similar to a passage of a roll, in any transposition.
 *
 * For a file of the corpus, sums[t][key] is the number of frames before t in which the key sounds. A note of
 * the roll with key k that sounds in the frames a .. b-1, laid over the file with an offset o, then shares
 * sums[b + o][j] - sums[a + o][j] frames with key j, and this counts for the transposition j - k. So a row of
 * `common` cells, by transposition, is a sum of differences of rows, one per note however long it lasts. The
 * roll is cut into blocks of a quarter of a passage, and a passage is four blocks. Cells of a passage of the
 * file do not depend on the transposition, so the greatest number of common cells decides.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/par.h"
#include "base/sized.h"
#include "data/corpus.h"

/* The size of the struct in its first version. A field added later begins where it ends. */
enum { PASSAGE_FIRST = sizeof(spiral_passage) };

enum { BLOCKS = 4 /* of a passage */, LANES = 8 /* rows of sums are a multiple of this long */ };

/* A note, or the part of one that lies in a block. */
typedef struct segment {
    uint32_t begin, end; /* frames of the roll */
    int key;
} segment;

/* The best passage found so far: common cells, and cells that sound in either. */
typedef struct match {
    uint64_t common, either; /* either is 0: none */
    size_t begin, file_begin;
    int transposition;
} match;

typedef struct search {
    const spiral_corpus *corpus;
    size_t passage, block, blocks; /* frames of a passage and of a block; blocks of the roll */
    int low, high;                 /* keys of the roll */
    int file_low, width;           /* lowest key of the corpus, and length of a row of sums */
    size_t transpositions;         /* length of a row of common cells */
    segment *segments;             /* owned, by block */
    size_t *first_segment;         /* owned, (blocks + 1) */
    uint32_t *block_cells;         /* owned, (blocks) sounding cells */
    match *found;                  /* owned, (files of the corpus) */
    struct scratch *scratch;       /* owned, (threads) */
} search;

/* One thread's memory; all owned. */
typedef struct scratch {
    uint16_t *sums;   /* (frames of the longest file + 1, width), modulo 65536 */
    uint32_t *cells;  /* (the same + 1) cells before a frame */
    uint16_t *common; /* (BLOCKS, transpositions): of the last blocks */
} scratch;

/* Extends low..high by the keys of a roll's first `frames` frames; start with 127..0. */
static void extend_range(const spiral_roll *roll, size_t frames, int *low, int *high) {
    spiral_keys any = {{0, 0}};
    for (size_t t = 0; t < frames; t++)
        for (int w = 0; w < 2; w++) any.word[w] |= roll->sounding[t].word[w];
    for (int key = 0; key < SPIRAL_KEY_COUNT; key++) {
        if (!spiral_keys_get(&any, key)) continue;
        if (key < *low) *low = key;
        if (key > *high) *high = key;
    }
}

/* Lists the runs of each key in block b at out, or only counts them (out is NULL). Returns their number. */
static size_t list_segments(const spiral_roll *roll, size_t begin, size_t end, segment *out) {
    size_t n = 0;
    for (int key = 0; key < SPIRAL_KEY_COUNT; key++)
        for (size_t t = begin; t < end; t++) {
            if (!spiral_keys_get(&roll->sounding[t], key)) continue;
            const size_t first = t;
            while (t < end && spiral_keys_get(&roll->sounding[t], key)) t++;
            if (out) out[n] = (segment){(uint32_t)first, (uint32_t)t, key};
            n++;
        }
    return n;
}

static spiral_status list_all_segments(search *s, const spiral_roll *roll, spiral_error *err) {
    s->first_segment = malloc((s->blocks + 1) * sizeof *s->first_segment);
    s->block_cells = calloc(s->blocks, sizeof *s->block_cells);
    if (!s->first_segment || !s->block_cells) return spiral__no_memory(err, s->blocks * 12);
    size_t n = 0;
    for (size_t b = 0; b < s->blocks; b++) {
        s->first_segment[b] = n;
        n += list_segments(roll, b * s->block, (b + 1) * s->block, NULL);
        for (size_t t = b * s->block; t < (b + 1) * s->block; t++)
            s->block_cells[b] += (unsigned)spiral_keys_count(roll->sounding[t]);
    }
    s->first_segment[s->blocks] = n;
    s->segments = malloc((n + 1) * sizeof *s->segments);
    if (!s->segments) return spiral__no_memory(err, (n + 1) * sizeof *s->segments);
    for (size_t b = 0; b < s->blocks; b++)
        list_segments(roll, b * s->block, (b + 1) * s->block, s->segments + s->first_segment[b]);
    return SPIRAL_OK;
}

static void fill_sums(const search *s, const spiral_roll *roll, scratch *work) {
    const size_t width = (size_t)s->width;
    memset(work->sums, 0, width * sizeof *work->sums);
    work->cells[0] = 0;
    for (size_t t = 0; t < roll->frames; t++) {
        uint16_t *row = work->sums + (t + 1) * width;
        memcpy(row, row - width, width * sizeof *row);
        for (int w = 0; w < 2; w++)
            for (uint64_t bits = roll->sounding[t].word[w]; bits; bits &= bits - 1)
                row[64 * w + __builtin_ctzll(bits) - s->file_low]++;
        work->cells[t + 1] = work->cells[t] + (unsigned)spiral_keys_count(roll->sounding[t]);
    }
}

/* y += high - low; n is a multiple of LANES. */
static void add_difference(size_t n, const uint16_t *restrict high, const uint16_t *restrict low,
                           uint16_t *restrict y) {
    for (size_t i = 0; i < n; i += LANES)
        for (size_t k = 0; k < LANES; k++) y[i + k] = (uint16_t)(y[i + k] + high[i + k] - low[i + k]);
}

/* Common cells of block b and the file `offset` frames later, by transposition. */
static void count_block(const search *s, const scratch *work, size_t b, ptrdiff_t offset, uint16_t *common) {
    const size_t width = (size_t)s->width;
    memset(common, 0, s->transpositions * sizeof *common);
    for (size_t i = s->first_segment[b]; i < s->first_segment[b + 1]; i++) {
        const segment *note = &s->segments[i];
        add_difference(width, work->sums + (size_t)(note->end + offset) * width,
                       work->sums + (size_t)(note->begin + offset) * width, common + (s->high - note->key));
    }
}

/* The transposition of entry i of a row of common cells. */
static int transposition_of(const search *s, size_t i) { return (int)i + s->file_low - s->high; }

/* Compares a passage that ends with the last of the blocks in `common`; cells: of both. */
static void compare(const search *s, const uint16_t *common, uint64_t cells, size_t begin, size_t file_begin,
                    match *best) {
    const size_t n = s->transpositions;
    uint32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t sum = (uint32_t)common[i] + common[n + i] + common[2 * n + i] + common[3 * n + i];
        if (sum > most) most = sum;
    }
    if (best->either && (uint64_t)most * best->either < best->common * (cells - most)) return;
    const match here = {most, cells - most, begin, file_begin, 0};
    const int better = !best->either || here.common * best->either > best->common * here.either;
    if (!better && (here.file_begin > best->file_begin ||
                    (here.file_begin == best->file_begin && here.begin >= best->begin)))
        return;
    *best = here;
    best->transposition = 2 * SPIRAL_KEY_COUNT;
    for (size_t i = 0; i < n; i++) {
        const int up = transposition_of(s, i);
        if ((uint32_t)common[i] + common[n + i] + common[2 * n + i] + common[3 * n + i] == most &&
            (abs(up) < abs(best->transposition) || (abs(up) == abs(best->transposition) && up > 0)))
            best->transposition = up;
    }
}

/* All passages of the roll against those of a file that are `offset` frames later. */
static void search_offset(const search *s, scratch *work, size_t frames, ptrdiff_t offset, match *best) {
    size_t b = 0, counted = 0;
    while (b < s->blocks && (ptrdiff_t)(b * s->block) + offset < 0) b++;
    for (; b < s->blocks && (ptrdiff_t)((b + 1) * s->block) + offset <= (ptrdiff_t)frames; b++) {
        count_block(s, work, b, offset, work->common + b % BLOCKS * s->transpositions);
        if (++counted < BLOCKS) continue;
        const size_t first = b + 1 - BLOCKS, begin = first * s->block;
        const size_t file_begin = (size_t)((ptrdiff_t)begin + offset);
        uint64_t own = 0;
        for (size_t i = first; i <= b; i++) own += s->block_cells[i];
        if (!own) continue;
        compare(s, work->common, own + work->cells[file_begin + s->passage] - work->cells[file_begin], begin,
                file_begin, best);
    }
}

static void search_file(void *context, size_t i, int worker) {
    const search *s = context;
    const spiral_roll *roll = &s->corpus->entries[i].roll;
    scratch *work = &s->scratch[worker];
    match best = {0};
    if (roll->frames >= s->passage) {
        const ptrdiff_t first = (ptrdiff_t)s->passage - (ptrdiff_t)(s->blocks * s->block);
        fill_sums(s, roll, work);
        for (ptrdiff_t offset = first; offset + (ptrdiff_t)s->passage <= (ptrdiff_t)roll->frames; offset++)
            search_offset(s, work, roll->frames, offset, &best);
    }
    s->found[i] = best;
}

/* Fills what depends on the corpus, and allocates. *longest: frames of the longest file. */
static spiral_status prepare(search *s, int threads, spiral_error *err) {
    size_t longest = 0;
    int low = SPIRAL_KEY_COUNT - 1, high = 0;
    for (size_t i = 0; i < s->corpus->count; i++) {
        const spiral_roll *roll = &s->corpus->entries[i].roll;
        extend_range(roll, roll->frames, &low, &high);
        if (roll->frames > longest) longest = roll->frames;
    }
    if (longest < s->passage)
        return spiral__fail(err, SPIRAL_NO_DATA, -1,
                            "the longest file of the corpus has %zu frames: a passage has %zu", longest,
                            s->passage);
    if (low > high) low = high; /* silence */
    s->file_low = low;
    s->width = (high - low + LANES) / LANES * LANES;
    s->transpositions = (size_t)(s->width + s->high - s->low);
    s->found = calloc(s->corpus->count, sizeof *s->found);
    s->scratch = calloc((size_t)threads, sizeof *s->scratch);
    if (!s->found || !s->scratch) return spiral__no_memory(err, s->corpus->count * sizeof *s->found);
    for (int i = 0; i < threads; i++) {
        scratch *work = &s->scratch[i];
        work->sums = malloc((longest + 1) * (size_t)s->width * sizeof *work->sums);
        work->cells = malloc((longest + 1) * sizeof *work->cells);
        work->common = calloc(BLOCKS * s->transpositions, sizeof *work->common);
        if (!work->sums || !work->cells || !work->common)
            return spiral__no_memory(err, (longest + 1) * (size_t)s->width * sizeof *work->sums);
    }
    return SPIRAL_OK;
}

static void search_clear(search *s, int threads) {
    for (int i = 0; s->scratch && i < threads; i++) {
        free(s->scratch[i].sums);
        free(s->scratch[i].cells);
        free(s->scratch[i].common);
    }
    free(s->scratch);
    free(s->found);
    free(s->segments);
    free(s->first_segment);
    free(s->block_cells);
}

static spiral_status check_frames(int frames, spiral_error *err) {
    if (frames >= BLOCKS && frames <= SPIRAL_WINDOW_FRAMES_MAX && frames % BLOCKS == 0) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "a passage of %d frames: must be a multiple of 4 in 4..%d",
                        frames, SPIRAL_WINDOW_FRAMES_MAX);
}

/* The best of the files' matches; if several are equal, the first. */
static spiral_passage best_of(const search *s) {
    spiral_passage best = {.struct_size = sizeof best, .share = -1};
    for (size_t i = 0; i < s->corpus->count; i++) {
        const match *m = &s->found[i];
        const double share = m->either ? (double)m->common / (double)m->either : -1;
        if (share > best.share)
            best = (spiral_passage){sizeof best, m->begin, i, m->file_begin, m->transposition, share};
    }
    return best;
}

static spiral_status run(spiral__pool *pool, const spiral_corpus *corpus, const spiral_roll *roll, int frames,
                         spiral_passage *passage, spiral_error *err) {
    const int threads = spiral__pool_threads(pool);
    search s = {.corpus = corpus, .passage = (size_t)frames, .block = (size_t)frames / BLOCKS, .low = 127};
    s.blocks = roll->frames / s.block;
    extend_range(roll, s.blocks * s.block, &s.low, &s.high);
    if (s.blocks < BLOCKS || s.low > s.high)
        return spiral__fail(err, SPIRAL_NO_DATA, -1, "a roll of %zu frames has no passage of %d that sounds",
                            roll->frames, frames);
    spiral_status status = list_all_segments(&s, roll, err);
    if (status == SPIRAL_OK) status = prepare(&s, threads, err);
    if (status == SPIRAL_OK) {
        spiral__par_for(pool, corpus->count, search_file, &s);
        *passage = best_of(&s);
    }
    search_clear(&s, threads);
    return status;
}

static spiral_status check_grid(const spiral_corpus *corpus, const spiral_roll *roll, spiral_error *err) {
    for (size_t i = 0; i < corpus->count; i++)
        if (corpus->entries[i].roll.frames &&
            !spiral__grids_equal(&corpus->entries[i].roll.grid, &roll->grid))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "the roll and the corpus are on different grids");
    return SPIRAL_OK;
}

spiral_status spiral_corpus_nearest_passage(const spiral_corpus *corpus, const spiral_roll *roll, int frames,
                                            int threads, spiral_passage *passage, spiral_error *err) {
    spiral__pool *pool;
    spiral_passage found;
    SPIRAL_TRY(spiral__sized_check("passage", passage->struct_size, PASSAGE_FIRST, sizeof *passage, err));
    SPIRAL_TRY(check_frames(frames, err));
    SPIRAL_TRY(check_grid(corpus, roll, err));
    SPIRAL_TRY(spiral__pool_create(threads, &pool, err));
    const spiral_status status = run(pool, corpus, roll, frames, &found, err);
    spiral__pool_destroy(pool);
    if (status == SPIRAL_OK) spiral__sized_write(&found, sizeof found, passage, passage->struct_size);
    return status;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The share of each file of `unseen` that has one; shares: (its files). Returns their number in *count. */
static spiral_status shares_of(spiral__pool *pool, const spiral_corpus *corpus, const spiral_corpus *unseen,
                               int frames, double *shares, size_t *count, spiral_error *err) {
    *count = 0;
    for (size_t i = 0; i < unseen->count; i++) {
        const spiral_roll *roll = &unseen->entries[i].roll;
        spiral_passage found;
        if (!roll->frames) continue; /* left out of the corpus */
        SPIRAL_TRY(check_grid(corpus, roll, err));
        const spiral_status status = run(pool, corpus, roll, frames, &found, err);
        if (status == SPIRAL_OK) shares[(*count)++] = found.share;
        if (status != SPIRAL_OK && status != SPIRAL_NO_DATA) return status;
    }
    if (!*count)
        return spiral__fail(err, SPIRAL_NO_DATA, -1, "no passage of %d frames to compare in either corpus",
                            frames);
    return SPIRAL_OK;
}

spiral_status spiral_corpus_passage_percentile(const spiral_corpus *corpus, const spiral_corpus *unseen,
                                               int frames, double percentile, int threads, double *share,
                                               spiral_error *err) {
    spiral__pool *pool;
    size_t n;
    if (!(percentile >= 0 && percentile <= 100))
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "percentile %g: must be 0..100", percentile);
    SPIRAL_TRY(check_frames(frames, err));
    double *shares = malloc((unseen->count + 1) * sizeof *shares);
    if (!shares) return spiral__no_memory(err, (unseen->count + 1) * sizeof *shares);
    spiral_status status = spiral__pool_create(threads, &pool, err);
    if (status == SPIRAL_OK) {
        status = shares_of(pool, corpus, unseen, frames, shares, &n, err);
        spiral__pool_destroy(pool);
    }
    if (status == SPIRAL_OK) {
        qsort(shares, n, sizeof *shares, ascending);
        const double place = percentile / 100 * (double)(n - 1);
        const size_t below = (size_t)place, above = below + 1 < n ? below + 1 : below;
        *share = shares[below] + (place - (double)below) * (shares[above] - shares[below]);
    }
    free(shares);
    return status;
}

/* SPDX-License-Identifier: MIT
 *
 * Writing a corpus pack (see corpus_pack.h): the files are read and written in blocks of a few hundred; then
 * the rolls are mapped, to find duplicates, and the index is written.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/par.h"
#include "base/sized.h"
#include "data/corpus_pack.h"

/* Smallest struct_size that is accepted: that of version 0.2. */
#define FIRST_OPTIONS (offsetof(spiral_corpus_pack_options, threads) + sizeof(int))

enum { BLOCK = 512 }; /* files whose rolls are in memory at once */

static const spiral_corpus_pack_options OPTIONS = {.struct_size = sizeof OPTIONS, .frames = 36};

void spiral_corpus_pack_options_default(spiral_corpus_pack_options *options, size_t struct_size) {
    spiral__sized_write(&OPTIONS, sizeof OPTIONS, options, struct_size);
}

typedef struct writer {
    spiral_corpus_pack_options options;
    spiral_files *files;
    spiral_corpus *corpus;
    spiral__reading reading;
    spiral__file file;
    spiral_status *status; /* (count) of reading and rolling each file */
    spiral_error *failure; /* (BLOCK) for each file of the block: an error that ends the packing */
    uint64_t *at;          /* (count) where its planes are in the pack */
    uint64_t *hash;        /* (count) */
    uint64_t end;          /* of what is written */
    unsigned char *index;  /* (index_capacity) */
    size_t index_size, index_capacity;
    const char *path;
} writer;

/* ---- the planes ---- */

typedef struct block {
    writer *w;
    size_t first;
} block;

static void file_task(void *context, size_t i, int worker) {
    const block *b = context;
    writer *w = b->w;
    if (atomic_load(&w->reading.stopped)) return;
    spiral__file_notes *f = &w->files->files[b->first + i];
    spiral__corpus_entry *e = &w->corpus->entries[b->first + i];
    spiral__file_notes_read(f);
    if (spiral__file_notes_check(f, &w->failure[i]) == SPIRAL_OK)
        w->status[b->first + i] = spiral__corpus_entry_create(f, &w->corpus->options, w->corpus->T, e);
    if (!e->left_out) w->hash[b->first + i] = spiral__corpus_pack_hash(&e->roll);
    spiral__file_notes_clear(f);
    spiral__reading_count(&w->reading, worker);
}

static spiral_status put(writer *w, const void *bytes, size_t size, spiral_error *err) {
    if (size && fwrite(bytes, 1, size, w->file.stream) != size) return spiral__fail_io(err, w->path, "write");
    w->end += size;
    return SPIRAL_OK;
}

/* Writes the planes of a block's files and frees them; the rolls keep their other fields. */
static spiral_status put_block(writer *w, size_t first, size_t count, spiral_error *err) {
    for (size_t i = first; i < first + count; i++) {
        spiral_roll *roll = &w->corpus->entries[i].roll;
        const spiral_error *failure = &w->failure[i - first];
        if (failure->status != SPIRAL_OK) return spiral__fail(err, failure->status, -1, "%s", failure->text);
        if (w->status[i] == SPIRAL_NO_MEMORY) return spiral__no_memory(err, 0);
        if (w->status[i] == SPIRAL_BAD_ARG)
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s", w->corpus->entries[i].left_out);
        if (w->corpus->entries[i].left_out) continue;
        w->at[i] = w->end;
        SPIRAL_TRY(put(w, roll->sounding, roll->frames * sizeof *roll->sounding, err));
        if (roll->onsets) SPIRAL_TRY(put(w, roll->onsets, roll->frames * sizeof *roll->onsets, err));
        const spiral_roll kept = {roll->grid, roll->quarters_per_min, roll->frames, NULL, NULL};
        spiral_roll_clear(roll);
        *roll = kept;
        w->corpus->entries[i].mapped = 1;
    }
    return SPIRAL_OK;
}

static spiral_status put_planes(writer *w, spiral_error *err) {
    static const unsigned char head[SPIRAL__CORPUS_PACK_HEAD] = {0};
    spiral__pool *pool;
    SPIRAL_TRY(spiral__pool_create(w->options.threads, &pool, err));
    spiral_status status = put(w, head, sizeof head, err);
    for (size_t first = 0; first < w->corpus->count && status == SPIRAL_OK; first += BLOCK) {
        const size_t left = w->corpus->count - first, count = left < BLOCK ? left : BLOCK;
        block b = {w, first};
        spiral__par_for(pool, count, file_task, &b);
        if (atomic_load(&w->reading.stopped)) break;
        status = put_block(w, first, count, err);
    }
    spiral__pool_destroy(pool);
    return status == SPIRAL_OK ? spiral__reading_finish(&w->reading, err) : status;
}

/* Maps what is written, and points the rolls to it. */
static spiral_status map_planes(writer *w, spiral_error *err) {
    spiral_corpus *c = w->corpus;
    if (fflush(w->file.stream)) return spiral__fail_io(err, w->path, "write");
    if (!w->file.temporary)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "a corpus pack must be written to a regular file");
    SPIRAL_TRY(spiral__map_file(w->file.temporary, &c->mapping, err));
    for (size_t i = 0; i < c->count; i++) {
        spiral_roll *roll = &c->entries[i].roll;
        if (c->entries[i].left_out) continue;
        roll->sounding = (spiral_keys *)(uintptr_t)((const char *)c->mapping->bytes + w->at[i]);
        roll->onsets = c->options.onsets ? roll->sounding + roll->frames : NULL;
    }
    return SPIRAL_OK;
}

/* ---- the index ---- */

/* Makes room for `more` bytes. */
static spiral_status reserve(writer *w, size_t more, spiral_error *err) {
    if (w->index_capacity - w->index_size >= more) return SPIRAL_OK;
    const size_t capacity = 2 * w->index_capacity + more + 4096;
    unsigned char *larger = realloc(w->index, capacity);
    if (!larger) return spiral__no_memory(err, capacity);
    w->index = larger;
    w->index_capacity = capacity;
    return SPIRAL_OK;
}

/* The calls below follow a reserve. */
static void number(writer *w, uint64_t value) {
    for (; value > 0x7f; value >>= 7) w->index[w->index_size++] = (unsigned char)(value | 0x80);
    w->index[w->index_size++] = (unsigned char)value;
}

static void eight_bytes(writer *w, uint64_t value) {
    spiral__put_le64(w->index + w->index_size, value);
    w->index_size += 8;
}

static void real(writer *w, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    eight_bytes(w, bits);
}

static void text(writer *w, const char *value) {
    const size_t length = value ? strlen(value) : 0;
    number(w, length);
    if (length) memcpy(w->index + w->index_size, value, length);
    w->index_size += length;
}

static spiral_status index_options(writer *w, spiral_error *err) {
    const spiral_roll_options *o = &w->corpus->options;
    const int beats = o->grid.kind == SPIRAL_GRID_BEATS;
    const uint64_t numbers[] = {(uint64_t)o->grid.kind,
                                beats ? 0 : (uint64_t)o->grid.frame_us,
                                beats ? (uint64_t)o->grid.steps_per_quarter : 0,
                                (uint64_t)o->low,
                                (uint64_t)o->high,
                                o->onsets != 0,
                                o->drums != 0,
                                o->pedal != 0,
                                (uint64_t)o->out_of_range,
                                o->drum_channels,
                                (uint64_t)o->unchanged_frames_max,
                                (uint64_t)w->corpus->T,
                                w->corpus->count};
    SPIRAL_TRY(reserve(w, 10 * sizeof numbers / sizeof *numbers, err));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) number(w, numbers[i]);
    return SPIRAL_OK;
}

static size_t length(const char *text) { return text ? strlen(text) : 0; }

static spiral_status index_entry(writer *w, size_t i, spiral_error *err) {
    enum { NUMBERS = 40 + 2 * SPIRAL_MIDI_WARNING_CAPACITY }; /* more than there are */
    const spiral__corpus_entry *e = &w->corpus->entries[i];
    uint64_t kinds = 0;
    SPIRAL_TRY(reserve(w, 10 * NUMBERS + length(e->path) + length(e->left_out) + length(e->same_as), err));
    text(w, e->path);
    text(w, e->left_out);
    text(w, e->same_as);
    real(w, e->file.seconds);
#define SPIRAL_X(name) number(w, e->report.name);
    SPIRAL__CORPUS_PACK_REPORT_LIST(SPIRAL_X)
#undef SPIRAL_X
    number(w, (uint64_t)(e->report.transposed_by + SPIRAL_KEY_COUNT));
    for (int k = 0; k < SPIRAL_MIDI_WARNING_CAPACITY; k++) kinds += e->warnings[k] != 0;
    number(w, kinds);
    for (int k = 0; k < SPIRAL_MIDI_WARNING_CAPACITY; k++) {
        if (!e->warnings[k]) continue;
        number(w, (uint64_t)k);
        number(w, e->warnings[k]);
    }
    if (e->left_out) return SPIRAL_OK;
    number(w, w->at[i]);
    number(w, e->roll.frames);
    eight_bytes(w, w->hash[i]);
    real(w, e->roll.quarters_per_min);
    number(w, e->file.windows);
    number(w, e->file.windows_silent);
    return SPIRAL_OK;
}

static spiral_status put_index(writer *w, spiral_error *err) {
    unsigned char head[SPIRAL__CORPUS_PACK_HEAD] = {0};
    const uint64_t order = SPIRAL__CORPUS_PACK_ORDER, begin = w->end;
    char sum[65];
    SPIRAL_TRY(index_options(w, err));
    for (size_t i = 0; i < w->corpus->count; i++) SPIRAL_TRY(index_entry(w, i, err));
    SPIRAL_TRY(put(w, w->index, w->index_size, err));
    memcpy(head, SPIRAL__CORPUS_PACK_MAGIC, 8);
    memcpy(head + SPIRAL__CORPUS_PACK_ORDER_AT, &order, sizeof order);
    spiral__put_le64(head + SPIRAL__CORPUS_PACK_VERSION_AT, SPIRAL__CORPUS_PACK_VERSION);
    spiral__put_le64(head + SPIRAL__CORPUS_PACK_INDEX_AT, begin);
    spiral__put_le64(head + SPIRAL__CORPUS_PACK_SIZE_AT, w->end);
    spiral__corpus_pack_sum(head, w->index, w->index_size, sum);
    memcpy(head + SPIRAL__CORPUS_PACK_SUM_AT, sum, SPIRAL__CORPUS_PACK_SUM_SIZE);
    if (fseek(w->file.stream, 0, SEEK_SET)) return spiral__fail_io(err, w->path, "write");
    return put(w, head, sizeof head, err);
}

/* ---- the whole ---- */

static spiral_status allocate(writer *w, const spiral_roll_options *roll, spiral_error *err) {
    const size_t count = w->files->count;
    spiral_corpus *c = w->corpus = calloc(1, sizeof *c);
    if (c) c->entries = calloc(count, sizeof *c->entries);
    w->status = calloc(count, sizeof *w->status);
    w->at = calloc(count, sizeof *w->at);
    w->hash = calloc(count, sizeof *w->hash);
    w->failure = calloc(BLOCK, sizeof *w->failure);
    if (!c || !c->entries || !w->status || !w->at || !w->hash || !w->failure)
        return spiral__no_memory(err, count * sizeof *c->entries);
    w->reading.callback = w->options.callback;
    w->reading.context = w->options.context;
    w->reading.count = count;
    c->count = count;
    c->T = w->options.frames;
    c->options = *roll;
    return SPIRAL_OK;
}

static spiral_status filter(writer *w, spiral_error *err) {
    SPIRAL_TRY(spiral__corpus_index(w->corpus, err));
    SPIRAL_TRY(spiral__corpus_check_files_left(w->corpus, err));
    if (w->options.drop_repaired) SPIRAL_TRY(spiral_corpus_drop_repaired(w->corpus, NULL, err));
    if (!w->options.keep_duplicates) SPIRAL_TRY(spiral_corpus_drop_duplicates(w->corpus, NULL, NULL, err));
    return SPIRAL_OK;
}

static spiral_status make(writer *w, const char *const *paths, size_t count, spiral_error *err) {
    spiral_roll_options roll;
    spiral_roll_options_default(&roll, sizeof roll);
    if (w->options.roll)
        SPIRAL_TRY(spiral__sized_read("roll options", w->options.roll, sizeof roll, &roll, sizeof roll, err));
    if (w->options.frames < 1 || w->options.frames > SPIRAL_WINDOW_FRAMES_MAX)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "frames of a window is %d, must be 1 to %d",
                            w->options.frames, SPIRAL_WINDOW_FRAMES_MAX);
    for (size_t i = 0; i < count; i++)
        if (paths && paths[i] && !strcmp(paths[i], "-"))
            return spiral__fail(err, SPIRAL_BAD_ARG, -1, "standard input cannot be packed; name files");
    SPIRAL_TRY(spiral__files_list(paths, count, &w->files, err));
    SPIRAL_TRY(allocate(w, &roll, err));
    SPIRAL_TRY(spiral__file_open(w->path, &w->file, err));
    SPIRAL_TRY(put_planes(w, err));
    SPIRAL_TRY(map_planes(w, err));
    SPIRAL_TRY(filter(w, err));
    SPIRAL_TRY(put_index(w, err));
    return spiral__file_finish(&w->file, err);
}

spiral_status spiral_corpus_pack_create(const char *const *paths, size_t count,
                                        const spiral_corpus_pack_options *options, const char *path,
                                        spiral_corpus **corpus, spiral_files **skipped, spiral_error *err) {
    writer w = {.options = OPTIONS, .path = path};
    SPIRAL_TRY(
        spiral__sized_read("corpus pack options", options, FIRST_OPTIONS, &w.options, sizeof w.options, err));
    SPIRAL_TRY(spiral__path_check(path, err));
    const spiral_status status = make(&w, paths, count, err);
    if (status != SPIRAL_OK && w.file.path) spiral__file_abort(&w.file);
    free(w.status);
    free(w.failure);
    free(w.at);
    free(w.hash);
    free(w.index);
    if (status == SPIRAL_OK && corpus)
        *corpus = w.corpus;
    else
        spiral_corpus_destroy(w.corpus);
    if (status == SPIRAL_OK && skipped)
        *skipped = w.files;
    else
        spiral_files_destroy(w.files);
    return status;
}

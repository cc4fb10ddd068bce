/* SPDX-License-Identifier: MIT
 *
 * Opening a corpus pack (see corpus_pack.h). Its bytes are untrusted: lengths are checked before use.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/par.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "data/corpus_pack.h"
#include "roll/roll_check.h"

uint64_t spiral__corpus_pack_hash(const spiral_roll *roll) {
    uint64_t hash = spiral__mix(roll->frames);
    for (int plane = 0; plane < (roll->onsets ? 2 : 1); plane++) {
        const spiral_keys *keys = plane ? roll->onsets : roll->sounding;
        for (size_t t = 0; t < roll->frames; t++)
            for (int w = 0; w < 2; w++)
                hash = spiral__mix(hash ^ keys[t].word[w]) + UINT64_C(0x9e3779b97f4a7c15);
    }
    return hash;
}

void spiral__corpus_pack_sum(const unsigned char *head, const unsigned char *index, size_t index_size,
                             char hex[65]) {
    char both[2 * 64 + 1];
    spiral__sha256(head, SPIRAL__CORPUS_PACK_SUM_AT, hex);
    memcpy(both, hex, 64);
    spiral__sha256(index, index_size, hex);
    memcpy(both + 64, hex, 64);
    spiral__sha256(both, 128, hex);
}

/* ---- numbers of the index ---- */

typedef struct reader {
    spiral__bytes in;
    int failed; /* the index ended too early, or a number is too large */
} reader;

/* Seven bits a byte, the lowest first; the high bit says that more follow. */
static uint64_t number(reader *r) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && spiral__bytes_left(&r->in); shift += 7) {
        const unsigned char byte = *r->in.at++;
        if (shift == 63 && byte > 1) break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return value;
    }
    r->failed = 1;
    return 0;
}

static int small_number(reader *r, int most) {
    const uint64_t value = number(r);
    if (value > (uint64_t)most) r->failed = 1;
    return r->failed ? 0 : (int)value;
}

static double real(reader *r) {
    double value = 0;
    if (spiral__bytes_left(&r->in) < sizeof value) {
        r->failed = 1;
        return 0;
    }
    const uint64_t bits = spiral__le64(r->in.at);
    memcpy(&value, &bits, sizeof value);
    r->in.at += sizeof value;
    if (!(value >= 0 && value <= 1e300)) r->failed = 1;
    return value;
}

/* NULL for the length 0, which no text has. */
static spiral_status text(reader *r, char **out, spiral_error *err) {
    const uint64_t length = number(r);
    *out = NULL;
    if (length > spiral__bytes_left(&r->in)) r->failed = 1;
    if (r->failed || !length) return SPIRAL_OK;
    *out = malloc((size_t)length + 1);
    if (!*out) return spiral__no_memory(err, (size_t)length + 1);
    memcpy(*out, r->in.at, (size_t)length);
    (*out)[length] = 0;
    if (strlen(*out) != length) r->failed = 1;
    r->in.at += length;
    return SPIRAL_OK;
}

/* ---- the index ---- */

static spiral_status damaged(spiral_error *err, const char *what) {
    return spiral__fail(err, SPIRAL_FORMAT, -1, "the corpus pack is damaged: %s", what);
}

typedef struct index_of {
    reader in;
    const unsigned char *bytes;
    size_t planes_end; /* where the index begins */
    uint64_t *hash;    /* (count) of the files' planes */
    int frames;        /* of a window, as written */
} index_of;

static spiral_status read_options(index_of *x, spiral_corpus *c, spiral_error *err) {
    reader *r = &x->in;
    spiral_roll_options *o = &c->options;
    *o = (spiral_roll_options){.struct_size = sizeof *o};
    o->grid.kind = (spiral_grid_kind)small_number(r, SPIRAL_GRID_BEATS);
    o->grid.frame_us = small_number(r, 1000000);
    o->grid.steps_per_quarter = small_number(r, 96);
    o->low = small_number(r, SPIRAL_KEY_COUNT - 1);
    o->high = small_number(r, SPIRAL_KEY_COUNT - 1);
    o->onsets = small_number(r, 1);
    o->drums = small_number(r, 1);
    o->pedal = small_number(r, 1);
    o->out_of_range = (spiral_out_of_range)small_number(r, SPIRAL_OUT_OF_RANGE_COUNT - 1);
    o->drum_channels = (uint32_t)small_number(r, 0xffff);
    o->unchanged_frames_max = small_number(r, 1 << 30);
    x->frames = small_number(r, SPIRAL_WINDOW_FRAMES_MAX);
    const uint64_t count = number(r);
    if (r->failed || o->low > o->high || x->frames < 1 || spiral__roll_check(o->grid, 0, NULL) != SPIRAL_OK ||
        !count || count > spiral__bytes_left(&r->in))
        return damaged(err, "the options of its rolls");
    c->entries = calloc((size_t)count, sizeof *c->entries);
    x->hash = calloc((size_t)count, sizeof *x->hash);
    if (!c->entries || !x->hash) return spiral__no_memory(err, (size_t)count * sizeof *c->entries);
    c->count = (size_t)count;
    return SPIRAL_OK;
}

/* Points the roll of an entry to its planes. Returns 0 if they are not inside the pack. */
static int map_roll(const index_of *x, const spiral_roll_options *o, uint64_t at, uint64_t frames,
                    spiral__corpus_entry *e) {
    const uint64_t planes = o->onsets ? 2 : 1, end = x->planes_end;
    if (frames > SPIRAL_ROLL_FRAMES_MAX || at % sizeof(spiral_keys) || at < SPIRAL__CORPUS_PACK_HEAD ||
        at > end || frames * planes > (end - at) / sizeof(spiral_keys))
        return 0;
    /* The planes are only read: code that writes to a roll makes its own. */
    spiral_keys *keys = (spiral_keys *)(uintptr_t)(x->bytes + at);
    e->mapped = 1;
    e->roll.grid = o->grid;
    e->roll.frames = (size_t)frames;
    e->roll.sounding = keys;
    e->roll.onsets = o->onsets ? keys + frames : NULL;
    return 1;
}

static spiral_status read_entry(index_of *x, const spiral_corpus *c, size_t i, spiral_error *err) {
    reader *r = &x->in;
    spiral__corpus_entry *e = &c->entries[i];
    SPIRAL_TRY(text(r, &e->path, err));
    SPIRAL_TRY(text(r, &e->left_out, err));
    SPIRAL_TRY(text(r, &e->same_as, err));
    e->file.seconds = real(r);
    e->report.struct_size = sizeof e->report;
#define SPIRAL_X(name) e->report.name = (size_t)number(r);
    SPIRAL__CORPUS_PACK_REPORT_LIST(SPIRAL_X)
#undef SPIRAL_X
    e->report.transposed_by = small_number(r, 2 * SPIRAL_KEY_COUNT) - SPIRAL_KEY_COUNT;
    for (int kinds = small_number(r, SPIRAL_MIDI_WARNING_CAPACITY); kinds > 0 && !r->failed; kinds--) {
        const int kind = small_number(r, SPIRAL_MIDI_WARNING_CAPACITY - 1);
        e->warnings[kind] = (uint32_t)number(r);
    }
    if (r->failed || !e->path) return damaged(err, "its index");
    spiral__corpus_entry_update(e, c->T);
    if (e->left_out) return SPIRAL_OK;
    const uint64_t at = number(r), frames = number(r);
    x->hash[i] = r->in.at + 8 <= r->in.end ? spiral__le64(r->in.at) : 0;
    r->in.at += r->in.at + 8 <= r->in.end ? 8 : 0;
    e->roll.quarters_per_min = real(r);
    e->file.windows = (size_t)number(r);
    e->file.windows_silent = (size_t)number(r);
    if (r->failed || !frames || !map_roll(x, &c->options, at, frames, e)) return damaged(err, "its index");
    e->file.frames = e->roll.frames;
    return SPIRAL_OK;
}

static spiral_status read_index(index_of *x, spiral_corpus *c, spiral_error *err) {
    SPIRAL_TRY(read_options(x, c, err));
    for (size_t i = 0; i < c->count; i++) SPIRAL_TRY(read_entry(x, c, i, err));
    if (spiral__bytes_left(&x->in.in)) return damaged(err, "bytes after its index");
    return SPIRAL_OK;
}

/* ---- checks ---- */

static spiral_status check_head(const unsigned char *bytes, size_t size, spiral_error *err) {
    char sum[65];
    if (size < SPIRAL__CORPUS_PACK_HEAD || memcmp(bytes, SPIRAL__CORPUS_PACK_MAGIC, 8))
        return spiral__fail(err, SPIRAL_FORMAT, -1, "not a corpus pack");
    uint64_t order;
    memcpy(&order, bytes + SPIRAL__CORPUS_PACK_ORDER_AT, sizeof order);
    if (order != SPIRAL__CORPUS_PACK_ORDER)
        return spiral__fail(
            err, SPIRAL_UNSUPPORTED, -1,
            "the corpus pack was written on a machine with another byte order; pack the files again");
    const uint64_t version = spiral__le64(bytes + SPIRAL__CORPUS_PACK_VERSION_AT);
    if (version != SPIRAL__CORPUS_PACK_VERSION)
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                            "the corpus pack has version %llu, this program reads %d",
                            (unsigned long long)version, SPIRAL__CORPUS_PACK_VERSION);
    const uint64_t whole = spiral__le64(bytes + SPIRAL__CORPUS_PACK_SIZE_AT);
    const uint64_t index = spiral__le64(bytes + SPIRAL__CORPUS_PACK_INDEX_AT);
    if (whole != size)
        return spiral__fail(err, SPIRAL_FORMAT, (int64_t)size,
                            "the corpus pack is damaged: it has %zu bytes, not %llu", size,
                            (unsigned long long)whole);
    if (index < SPIRAL__CORPUS_PACK_HEAD || index > size) return damaged(err, "its head");
    spiral__corpus_pack_sum(bytes, bytes + index, size - (size_t)index, sum);
    if (memcmp(sum, bytes + SPIRAL__CORPUS_PACK_SUM_AT, SPIRAL__CORPUS_PACK_SUM_SIZE))
        return damaged(err, "the checksum of its index is wrong");
    for (size_t i = SPIRAL__CORPUS_PACK_SUM_AT + SPIRAL__CORPUS_PACK_SUM_SIZE; i < SPIRAL__CORPUS_PACK_HEAD;
         i++)
        if (bytes[i]) return damaged(err, "its head");
    return SPIRAL_OK;
}

typedef struct checking {
    const spiral_corpus *corpus;
    const uint64_t *hash;
    int recount; /* the windows have another length than when the pack was written */
    int check;
    unsigned char *wrong; /* (count) */
} checking;

static int keys_in_range(const spiral_roll *roll, const spiral_roll_options *o) {
    const spiral_keys range = spiral_keys_range(o->low, o->high);
    uint64_t outside = 0;
    for (size_t t = 0; t < roll->frames; t++)
        for (int w = 0; w < 2; w++)
            outside |=
                (roll->sounding[t].word[w] | (roll->onsets ? roll->onsets[t].word[w] : 0)) & ~range.word[w];
    return !outside;
}

static void check_task(void *context, size_t i, int worker) {
    (void)worker;
    const checking *x = context;
    spiral__corpus_entry *e = &x->corpus->entries[i];
    if (e->left_out) return;
    if (x->recount) spiral__corpus_entry_update(e, x->corpus->T);
    if (!x->check) return;
    x->wrong[i] =
        spiral__corpus_pack_hash(&e->roll) != x->hash[i] || !keys_in_range(&e->roll, &x->corpus->options);
}

static spiral_status check_planes(const spiral_corpus *c, const uint64_t *hash, int recount, int check,
                                  int threads, spiral_error *err) {
    char path_text[SPIRAL__PATH_TEXT];
    spiral__pool *pool = NULL;
    if (!recount && !check) return SPIRAL_OK;
    checking x = {c, hash, recount, check, calloc(c->count, 1)};
    spiral_status status = x.wrong ? SPIRAL_OK : spiral__no_memory(err, c->count);
    if (status == SPIRAL_OK) status = spiral__pool_create(threads, &pool, err);
    if (status == SPIRAL_OK) spiral__par_for(pool, c->count, check_task, &x);
    for (size_t i = 0; i < c->count && status == SPIRAL_OK; i++)
        if (x.wrong[i])
            status = spiral__fail(
                err, SPIRAL_FORMAT, -1,
                "the corpus pack is damaged: the roll of %s differs from the one that was written",
                spiral__error_path(c->entries[i].path, path_text));
    spiral__pool_destroy(pool);
    free(x.wrong);
    return status;
}

/* A file that is in a corpus has a note, so each part of a split can be trained or validated on. Call after
 * spiral__corpus_index. */
static spiral_status check_notes(const spiral_corpus *c, spiral_error *err) {
    char path_text[SPIRAL__PATH_TEXT];
    size_t run = 0;
    for (size_t i = 0; i < c->count; i++) {
        while (run < c->run_count && c->runs[run].file < i) run++;
        if (c->entries[i].left_out || (run < c->run_count && c->runs[run].file == i)) continue;
        return spiral__fail(err, SPIRAL_FORMAT, -1,
                            "the corpus pack is damaged: no note sounds in the roll of %s",
                            spiral__error_path(c->entries[i].path, path_text));
    }
    return SPIRAL_OK;
}

/* ---- opening ---- */

spiral_status spiral__corpus_pack_read(const unsigned char *bytes, size_t size, int frames, int check,
                                       int threads, spiral_corpus **out, spiral_error *err) {
    if (frames < 0 || frames > SPIRAL_WINDOW_FRAMES_MAX)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "frames of a window is %d, must be 0 to %d", frames,
                            SPIRAL_WINDOW_FRAMES_MAX);
    SPIRAL_TRY(check_head(bytes, size, err));
    const size_t index = (size_t)spiral__le64(bytes + SPIRAL__CORPUS_PACK_INDEX_AT);
    index_of x = {.in.in = {bytes + index, bytes + size}, .bytes = bytes, .planes_end = index};
    spiral_corpus *c = calloc(1, sizeof *c);
    if (!c) return spiral__no_memory(err, sizeof *c);
    c->T = 1; /* until the index says it */
    spiral_status status = read_index(&x, c, err);
    c->T = frames ? frames : x.frames;
    if (status == SPIRAL_OK) status = check_planes(c, x.hash, c->T != x.frames, check, threads, err);
    if (status == SPIRAL_OK) status = spiral__corpus_check_files_left(c, err);
    if (status == SPIRAL_OK) status = spiral__corpus_index(c, err);
    if (status == SPIRAL_OK) status = check_notes(c, err);
    free(x.hash);
    if (status != SPIRAL_OK)
        spiral_corpus_destroy(c);
    else
        *out = c;
    return status;
}

static void release(spiral__mapping *m) {
    munmap(m->bytes, m->size);
    free(m);
}

spiral_status spiral__map_file(const char *path, spiral__mapping **out, spiral_error *err) {
    struct stat info;
    char path_text[SPIRAL__PATH_TEXT];
    SPIRAL_TRY(spiral__path_check(path, err));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return spiral__fail_io(err, path, "open");
    spiral_status status = fstat(fd, &info) ? spiral__fail_io(err, path, "read") : SPIRAL_OK;
    if (status == SPIRAL_OK && (!S_ISREG(info.st_mode) || info.st_size < SPIRAL__CORPUS_PACK_HEAD))
        status = spiral__fail(err, SPIRAL_FORMAT, -1, "%s: not a corpus pack",
                              spiral__error_path(path, path_text));
    spiral__mapping *m = status == SPIRAL_OK ? calloc(1, sizeof *m) : NULL;
    if (status == SPIRAL_OK && !m) status = spiral__no_memory(err, sizeof *m);
    if (status == SPIRAL_OK) {
        m->size = (size_t)info.st_size;
        m->bytes = (uint64_t)info.st_size == m->size ? mmap(NULL, m->size, PROT_READ, MAP_SHARED, fd, 0)
                                                     : MAP_FAILED;
        m->users = 1;
        m->release = release;
        if (m->bytes == MAP_FAILED) {
            status = spiral__fail_io(err, path, "map");
            free(m);
        }
    }
    close(fd);
    if (status == SPIRAL_OK) *out = m;
    return status;
}

spiral_status spiral_corpus_pack_open(const char *path, int frames, int check, int threads,
                                      spiral_corpus **corpus, spiral_error *err) {
    spiral__mapping *m;
    SPIRAL_TRY(spiral__map_file(path, &m, err));
    spiral_status status = spiral__corpus_pack_read(m->bytes, m->size, frames, check, threads, corpus, err);
    if (status == SPIRAL_OK) {
        (*corpus)->mapping = m;
        return status;
    }
    m->release(m);
    return spiral__error_prefix(err, status, path);
}

int spiral_corpus_is_pack(const char *path) {
    struct stat info;
    char head[8];
    if (!path || stat(path, &info) || !S_ISREG(info.st_mode)) return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return 0;
    const ssize_t n = read(fd, head, sizeof head);
    close(fd);
    return n == (ssize_t)sizeof head && !memcmp(head, SPIRAL__CORPUS_PACK_MAGIC, sizeof head);
}

/* SPDX-License-Identifier: MIT
 *
 * Writes a model pack (see pack.h).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/sized.h"
#include "pack/axes.h"
#include "pack/pack.h"
#include "spiral/version.h"

/* Smallest struct_sizes that are accepted: those of version 0.2. */
#define FIRST_OPTIONS (offsetof(spiral_pack_options, exact) + sizeof(int))
#define FIRST_REPORT  (offsetof(spiral_pack_report, sketch_largest) + sizeof(double))

static const spiral_pack_options OPTIONS = {.struct_size = sizeof OPTIONS};

void spiral_pack_options_default(spiral_pack_options *options, size_t struct_size) {
    spiral__sized_write(&OPTIONS, sizeof OPTIONS, options, struct_size);
}

/* ---- bytes ---- */

/* Grows as it is written to; after a failure nothing more is written. */
typedef struct buffer {
    unsigned char *bytes;
    size_t size, capacity;
    int failed;
} buffer;

static void put(buffer *b, const void *bytes, size_t size) {
    if (b->failed) return;
    if (size > b->capacity - b->size) {
        const size_t capacity = 2 * (b->size + size) + 4096;
        unsigned char *grown = realloc(b->bytes, capacity);
        if (!grown) {
            b->failed = 1;
            return;
        }
        b->bytes = grown;
        b->capacity = capacity;
    }
    if (size) memcpy(b->bytes + b->size, bytes, size);
    b->size += size;
}

static void put_byte(buffer *b, unsigned value) {
    const unsigned char byte = (unsigned char)value;
    put(b, &byte, 1);
}

static void put_u32(buffer *b, uint32_t value) {
    for (int i = 0; i < 4; i++) put_byte(b, value >> 8 * i & 0xff);
}

static void put_float(buffer *b, float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    put_u32(b, bits);
}

static void put_text(buffer *b, const char *text) {
    put_u32(b, (uint32_t)strlen(text));
    put(b, text, strlen(text));
}

/* ---- the model ---- */

enum { SMALL = 4096 /* numbers; a tensor of fewer stays as it is */ };

/* Tensors that only training and evaluation read. */
static int is_needed(const spiral_model *m, int i) {
    return i != m->ae.pca_mean && i != m->ae.pca_basis && i != m->ae.latents_step &&
           i != m->ae.latents_noise && i != m->decoder.markov && i != m->decoder.repeat;
}

static spiral__pack_kind kind_of(const spiral_model *m, size_t i, int exact) {
    const spiral__tensor *t = &m->tensors.at[i];
    const spiral__decoder *d = &m->decoder;
    const int of_decoder = i >= d->first_tensor && i < d->first_tensor + d->tensors;
    if (!is_needed(m, (int)i)) return SPIRAL__PACK_ABSENT;
    if (exact || of_decoder || t->group != SPIRAL_TENSOR_MATRIX || t->rows * t->columns < SMALL)
        return SPIRAL__PACK_FLOATS;
    return SPIRAL__PACK_BYTES;
}

static float row_scale(const float *row, size_t n) {
    float largest = 0;
    for (size_t j = 0; j < n; j++) largest = fmaxf(largest, fabsf(row[j]));
    return largest / 127;
}

static int row_byte(float x, float scale) { return scale > 0 ? (int)lrintf(x / scale) : 0; }

static void put_tensor(buffer *b, const spiral__tensor *t, const float *x, spiral__pack_kind kind) {
    put_byte(b, kind);
    if (kind == SPIRAL__PACK_FLOATS)
        for (size_t i = 0; i < t->rows * t->columns; i++) put_float(b, x[i]);
    if (kind != SPIRAL__PACK_BYTES) return;
    for (size_t i = 0; i < t->rows; i++) put_float(b, row_scale(x + i * t->columns, t->columns));
    for (size_t i = 0; i < t->rows; i++) {
        const float scale = row_scale(x + i * t->columns, t->columns);
        for (size_t j = 0; j < t->columns; j++) put_byte(b, (unsigned)row_byte(x[i * t->columns + j], scale));
    }
}

static void put_model(buffer *b, const spiral_model *m, int exact) {
    put_u32(b, (uint32_t)spiral_model_field_count());
    for (size_t i = 0; i < spiral_model_field_count(); i++)
        put_u32(b, (uint32_t)spiral_model_config_get_value(&m->config, i));
    put_float(b, m->threshold);
    for (size_t i = 0; i < m->tensors.count; i++)
        put_tensor(b, &m->tensors.at[i], m->arena + m->tensors.at[i].offset, kind_of(m, i, exact));
}

/* ---- axes and music ---- */

static spiral_status put_axes(buffer *b, const spiral_model *m, const spiral_corpus *music,
                              spiral_error *err) {
    const size_t Z = m->ae.Z;
    float *axes = spiral__floats(2 * Z * Z), *inverse = axes ? axes + Z * Z : NULL;
    if (!axes) return spiral__no_memory(err, 2 * Z * Z * sizeof *axes);
    const spiral_status status = spiral__axes_find(m, music, axes, inverse, NULL, err);
    for (size_t i = 0; status == SPIRAL_OK && i < 2 * Z * Z; i++) put_float(b, axes[i]);
    free(axes);
    return status;
}

static void put_run(buffer *b, spiral_keys keys, size_t frames) {
    put_byte(b, (unsigned)frames);
    put_byte(b, (unsigned)spiral_keys_count(keys));
    for (int key = 0; key < SPIRAL_KEY_COUNT; key++)
        if (spiral_keys_get(&keys, key)) put_byte(b, (unsigned)key);
}

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void put_piece(buffer *b, const spiral__corpus_entry *e) {
    put_text(b, name_of(e->path));
    put_u32(b, (uint32_t)e->roll.frames);
    for (size_t t = 0, n; t < e->roll.frames; t += n) {
        n = 1;
        while (n < 255 && t + n < e->roll.frames &&
               spiral_keys_equal(e->roll.sounding[t], e->roll.sounding[t + n]))
            n++;
        put_run(b, e->roll.sounding[t], n);
    }
}

static spiral_status put_music(buffer *b, const spiral_corpus *music, spiral_error *err) {
    size_t frames = 0;
    put_u32(b, music ? (uint32_t)spiral__corpus_files_left(music) : 0);
    if (!music) return SPIRAL_OK;
    for (size_t i = 0; i < music->count; i++) frames += music->entries[i].roll.frames;
    if (frames > SPIRAL_PACK_FRAMES_MAX)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1,
                            "%zu frames of music for the page, at most %zu are possible", frames,
                            SPIRAL_PACK_FRAMES_MAX);
    for (size_t i = 0; i < music->count; i++)
        if (!music->entries[i].left_out) put_piece(b, &music->entries[i]);
    return SPIRAL_OK;
}

/* ---- what 8 bits change ---- */

static double probability(float logit) { return 1 / (1 + exp(-(double)logit)); }

/* Compares sketches of typical latents. */
static spiral_status compare(const spiral_model *m, const spiral_model *packed, spiral_pack_report *report,
                             spiral_error *err) {
    enum { POINTS = 64 };
    const size_t D = m->ae.D;
    spiral_model_work *work[2] = {NULL, NULL};
    float *x = spiral__floats(2 * D + m->ae.Z), *z = x ? x + 2 * D : NULL;
    spiral_status status =
        x ? spiral_model_work_create(m, &work[0], err) : spiral__no_memory(err, 2 * D * sizeof *x);
    if (status == SPIRAL_OK) status = spiral_model_work_create(packed, &work[1], err);
    for (size_t i = 0; status == SPIRAL_OK && i < POINTS; i++) {
        spiral__axes_typical_latent(m, i, z);
        spiral_model_decode(m, 1, z, x, work[0]);
        spiral_model_decode(packed, 1, z, x + D, work[1]);
        for (size_t d = 0; d < D; d++) {
            const double difference = fabs(probability(x[d]) - probability(x[D + d]));
            report->sketch_error += difference / (double)(POINTS * D);
            report->sketch_largest = fmax(report->sketch_largest, difference);
        }
    }
    spiral_model_work_destroy(work[0]);
    spiral_model_work_destroy(work[1]);
    free(x);
    return status;
}

static spiral_status check(const spiral_model *m, const spiral_pack_options *o, spiral_error *err) {
    if (o->music) SPIRAL_TRY(spiral__corpus_check(o->music, &m->config.grid, m->config.planes, err));
    const float *F = spiral__tensor_data(m, m->ae.latents_factor);
    float any = 0;
    if (!m->decoder.H)
        return spiral__fail(err, SPIRAL_UNSUPPORTED, -1,
                            "the model has no note-by-note decoder; models trained by this version have one");
    for (size_t i = 0; i < m->ae.Z * m->ae.Z; i++) any = fmaxf(any, fabsf(F[i]));
    if (!(any > 0)) return spiral__fail(err, SPIRAL_NO_DATA, -1, "the model's training is not finished");
    if (o->text && strlen(o->text) > UINT32_MAX / 4)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "the text for the page has %zu bytes", strlen(o->text));
    return SPIRAL_OK;
}

static spiral_status write_all(const spiral_model *m, const spiral_pack_options *o, buffer *b,
                               spiral_pack_report *report, spiral_error *err) {
    put(b, SPIRAL__PACK_NAME "\0\0\0\0", SPIRAL__PACK_HEAD);
    put_text(b, SPIRAL_VERSION);
    put_model(b, m, o->exact);
    SPIRAL_TRY(put_axes(b, m, o->music, err));
    const size_t before = b->size;
    SPIRAL_TRY(put_music(b, o->music, err));
    report->music_bytes = b->size - before;
    put_text(b, o->text ? o->text : "");
    if (b->failed) return spiral__no_memory(err, 2 * b->size);
    const uint32_t crc = spiral__pack_crc(b->bytes + SPIRAL__PACK_HEAD, b->size - SPIRAL__PACK_HEAD);
    for (int i = 0; i < 4; i++) b->bytes[8 + i] = (unsigned char)(crc >> 8 * i);
    /* Read back: what the engine will see. */
    spiral__pack pack;
    SPIRAL_TRY(spiral__pack_read(b->bytes, b->size, &pack, err));
    const spiral_status status = o->exact ? SPIRAL_OK : compare(m, pack.model, report, err);
    spiral__pack_clear(&pack);
    return status;
}

spiral_status spiral_pack_write(const spiral_model *m, const spiral_pack_options *options,
                                unsigned char **bytes, size_t *size, spiral_pack_report *out_report,
                                spiral_error *err) {
    spiral_pack_options o = OPTIONS;
    spiral_pack_report report = {.struct_size = sizeof report};
    buffer b = {NULL, 0, 0, 0};
    SPIRAL_TRY(spiral__sized_read("pack options", options, FIRST_OPTIONS, &o, sizeof o, err));
    if (out_report)
        SPIRAL_TRY(
            spiral__sized_check("pack report", out_report->struct_size, FIRST_REPORT, sizeof report, err));
    SPIRAL_TRY(check(m, &o, err));
    const spiral_status status = write_all(m, &o, &b, &report, err);
    if (status != SPIRAL_OK) {
        free(b.bytes);
        return status;
    }
    if (out_report) spiral__sized_write(&report, sizeof report, out_report, out_report->struct_size);
    *bytes = b.bytes;
    *size = b.size;
    return SPIRAL_OK;
}

spiral_status spiral_pack_measure_axes(const spiral_model *m, const spiral_corpus *music, size_t count,
                                       spiral_axis *out, spiral_error *err) {
    const size_t Z = m->ae.Z;
    spiral_pack_options options = OPTIONS;
    options.music = music;
    if (count < 1 || count > Z || count > SPIRAL__AXES_MEASURED)
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%zu axes of %zu latent numbers, must be 1 to %d", count,
                            Z, (int)(Z < SPIRAL__AXES_MEASURED ? Z : SPIRAL__AXES_MEASURED));
    SPIRAL_TRY(check(m, &options, err));
    spiral_axis measured[SPIRAL__AXES_MEASURED];
    SPIRAL_TRY(spiral__axes_find(m, music, NULL, NULL, measured, err));
    memcpy(out, measured, count * sizeof *out);
    return SPIRAL_OK;
}

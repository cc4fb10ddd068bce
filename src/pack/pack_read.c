/* SPDX-License-Identifier: MIT
 *
 * Reads a model pack (see pack.h). Also part of the page's engine.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/floats.h"
#include "base/utf8.h"
#include "model/config.h"
#include "pack/pack.h"
#include "spiral/version.h"

/* Four bits at a time: the remainders of the numbers 0..15. */
uint32_t spiral__pack_crc(const unsigned char *bytes, size_t size) {
    static const uint32_t remainders[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ remainders[crc & 15];
        crc = crc >> 4 ^ remainders[crc & 15];
    }
    return ~crc;
}

static spiral_status too_short(spiral_error *err) {
    return spiral__fail(err, SPIRAL_FORMAT, -1, "the model of this page is damaged: it ends too soon");
}

static spiral_status damaged(spiral_error *err, const char *what) {
    return spiral__fail(err, SPIRAL_FORMAT, -1, "the model of this page is damaged: %s", what);
}

/* ---- numbers ---- */

static spiral_status take(spiral__bytes *b, size_t n, const unsigned char **at, spiral_error *err) {
    *at = b->at;
    if (spiral__bytes_left(b) < n) return too_short(err);
    b->at += n;
    return SPIRAL_OK;
}

static uint32_t le32(const unsigned char *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static spiral_status take_u32(spiral__bytes *b, uint32_t *value, spiral_error *err) {
    const unsigned char *p;
    SPIRAL_TRY(take(b, 4, &p, err));
    *value = le32(p);
    return SPIRAL_OK;
}

static spiral_status take_byte(spiral__bytes *b, unsigned *value, spiral_error *err) {
    const unsigned char *p;
    SPIRAL_TRY(take(b, 1, &p, err));
    *value = *p;
    return SPIRAL_OK;
}

static spiral_status take_floats(spiral__bytes *b, size_t n, float *to, spiral_error *err) {
    const unsigned char *p;
    if (n > SIZE_MAX / sizeof *to) return too_short(err);
    SPIRAL_TRY(take(b, n * sizeof *to, &p, err));
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = le32(p + i * sizeof *to);
        memcpy(&to[i], &bits, sizeof bits);
        if (!isfinite(to[i])) return damaged(err, "a number is not finite");
    }
    return SPIRAL_OK;
}

/* A text as a new string: valid UTF-8 without NUL. */
static spiral_status take_text(spiral__bytes *b, char **text, spiral_error *err) {
    uint32_t size = 0;
    const unsigned char *p;
    SPIRAL_TRY(take_u32(b, &size, err));
    SPIRAL_TRY(take(b, size, &p, err));
    for (const unsigned char *at = p, *end = p + size; at < end;) {
        const size_t n = *at ? spiral__utf8_size(at, end) : 0;
        if (!n) return damaged(err, "a text is not UTF-8");
        at += n;
    }
    *text = malloc((size_t)size + 1);
    if (!*text) return spiral__no_memory(err, (size_t)size + 1);
    memcpy(*text, p, size);
    (*text)[size] = 0;
    return SPIRAL_OK;
}

/* ---- the model ---- */

static spiral_status read_config(spiral__bytes *b, spiral_model_config *c, spiral_error *err) {
    uint32_t fields = 0, value = 0;
    spiral_model_config_default(c, sizeof *c);
    SPIRAL_TRY(take_u32(b, &fields, err));
    if (fields != spiral_model_field_count()) return damaged(err, "its config has another number of fields");
    for (size_t i = 0; i < fields; i++) {
        SPIRAL_TRY(take_u32(b, &value, err));
        spiral__config_set_value(c, i, (int)value);
    }
    SPIRAL_TRY(spiral__config_check(c, err));
    if (!c->decoder) return damaged(err, "it has no note-by-note decoder");
    return SPIRAL_OK;
}

static spiral_status read_tensor(spiral__bytes *b, const spiral__tensor *t, float *to, spiral_error *err) {
    unsigned kind;
    const unsigned char *p;
    SPIRAL_TRY(take_byte(b, &kind, err));
    if (kind == SPIRAL__PACK_ABSENT) {
        if (t->group != SPIRAL_TENSOR_MEASURED) return damaged(err, "weights are missing");
        return SPIRAL_OK;
    }
    if (kind == SPIRAL__PACK_FLOATS) return take_floats(b, t->rows * t->columns, to, err);
    if (kind != SPIRAL__PACK_BYTES) return damaged(err, "numbers of an unknown kind");
    float *scale = spiral__floats(t->rows);
    if (!scale) return spiral__no_memory(err, t->rows * sizeof *scale);
    spiral_status status = take_floats(b, t->rows, scale, err);
    if (status == SPIRAL_OK) status = take(b, t->rows * t->columns, &p, err);
    for (size_t i = 0; status == SPIRAL_OK && i < t->rows; i++)
        for (size_t j = 0; j < t->columns; j++)
            to[i * t->columns + j] = scale[i] * (float)(signed char)p[i * t->columns + j];
    free(scale);
    return status;
}

static spiral_status read_model(spiral__bytes *b, spiral_model **out, spiral_error *err) {
    spiral_model_config config;
    const unsigned char *p;
    size_t numbers;
    SPIRAL_TRY(read_config(b, &config, err));
    SPIRAL_TRY(take(b, 4, &p, err));
    b->at -= 4;
    SPIRAL_TRY(spiral__model_number_count(&config, &numbers, err));
    /* Each weight has at least one byte, and less than half of the numbers may be absent. */
    if (numbers / 2 > spiral__bytes_left(b)) return too_short(err);
    SPIRAL_TRY(spiral__model_create_zeros(&config, out, err));
    spiral_model *m = *out;
    SPIRAL_TRY(take_floats(b, 1, &m->threshold, err));
    for (size_t i = 0; i < m->tensors.count; i++)
        SPIRAL_TRY(read_tensor(b, &m->tensors.at[i], m->arena + m->tensors.at[i].offset, err));
    spiral_model_update(m);
    return SPIRAL_OK;
}

static spiral_status read_axes(spiral__bytes *b, spiral__pack *pack, spiral_error *err) {
    const size_t Z = pack->model->ae.Z;
    pack->axes = spiral__floats(Z * Z);
    pack->inverse = spiral__floats(Z * Z);
    if (!pack->axes || !pack->inverse) return spiral__no_memory(err, Z * Z * sizeof *pack->axes);
    SPIRAL_TRY(take_floats(b, Z * Z, pack->axes, err));
    return take_floats(b, Z * Z, pack->inverse, err);
}

/* ---- the music ---- */

static spiral_status read_run(spiral__bytes *b, spiral_roll *roll, size_t *t, spiral_error *err) {
    unsigned frames, count, key;
    int below = -1;
    spiral_keys keys = {{0, 0}};
    SPIRAL_TRY(take_byte(b, &frames, err));
    SPIRAL_TRY(take_byte(b, &count, err));
    if (!frames || frames > roll->frames - *t) return damaged(err, "a run of frames does not fit its piece");
    for (unsigned i = 0; i < count; i++) {
        SPIRAL_TRY(take_byte(b, &key, err));
        if (key >= SPIRAL_KEY_COUNT || (int)key <= below)
            return damaged(err, "keys of a frame are not in rising order");
        spiral_keys_set(&keys, (int)key, 1);
        below = (int)key;
    }
    for (unsigned i = 0; i < frames; i++) roll->sounding[(*t)++] = keys;
    return SPIRAL_OK;
}

static spiral_status read_piece(spiral__bytes *b, const spiral_grid *grid, size_t *total,
                                spiral__corpus_entry *entry, spiral_error *err) {
    uint32_t frames;
    size_t t = 0;
    SPIRAL_TRY(take_text(b, &entry->path, err));
    SPIRAL_TRY(take_u32(b, &frames, err));
    if (frames > SPIRAL_PACK_FRAMES_MAX - *total) return damaged(err, "its music is too long");
    *total += frames;
    SPIRAL_TRY(spiral_roll_create(*grid, frames, 0, &entry->roll, err));
    while (t < frames) SPIRAL_TRY(read_run(b, &entry->roll, &t, err));
    return SPIRAL_OK;
}

static spiral_status read_music(spiral__bytes *b, spiral__pack *pack, spiral_error *err) {
    uint32_t count;
    size_t total = 0;
    SPIRAL_TRY(take_u32(b, &count, err));
    if (!count) return SPIRAL_OK;
    if (count > spiral__bytes_left(b) / 8) return too_short(err);
    spiral_corpus *music = calloc(1, sizeof *music);
    pack->music = music;
    if (music) music->entries = calloc(count, sizeof *music->entries);
    if (!music || !music->entries) return spiral__no_memory(err, count * sizeof *music->entries);
    music->count = count;
    for (size_t i = 0; i < count; i++)
        SPIRAL_TRY(read_piece(b, &pack->model->config.grid, &total, &music->entries[i], err));
    return SPIRAL_OK;
}

/* ---- all of it ---- */

static spiral_status read_head(spiral__bytes *b, spiral_error *err) {
    const unsigned char *p;
    uint32_t size;
    SPIRAL_TRY(take(b, SPIRAL__PACK_HEAD, &p, err));
    if (memcmp(p, SPIRAL__PACK_NAME, 8)) return damaged(err, "it does not begin as a model for a page");
    if (le32(p + 8) != spiral__pack_crc(b->at, spiral__bytes_left(b)))
        return damaged(err, "its checksum is wrong");
    SPIRAL_TRY(take_u32(b, &size, err));
    SPIRAL_TRY(take(b, size, &p, err));
    if (size != strlen(SPIRAL_VERSION) || memcmp(p, SPIRAL_VERSION, size))
        return spiral__fail(err, SPIRAL_FORMAT, -1,
                            "the model of this page is from a different version than its engine, %s",
                            SPIRAL_VERSION);
    return SPIRAL_OK;
}

spiral_status spiral__pack_read(const unsigned char *bytes, size_t size, spiral__pack *pack,
                                spiral_error *err) {
    spiral__bytes b = {bytes, bytes + size};
    memset(pack, 0, sizeof *pack);
    spiral_status status = read_head(&b, err);
    if (status == SPIRAL_OK) status = read_model(&b, &pack->model, err);
    if (status == SPIRAL_OK) status = read_axes(&b, pack, err);
    if (status == SPIRAL_OK) status = read_music(&b, pack, err);
    if (status == SPIRAL_OK) status = take_text(&b, &pack->text, err);
    if (status == SPIRAL_OK && b.at != b.end) status = damaged(err, "bytes follow its end");
    if (status != SPIRAL_OK) spiral__pack_clear(pack);
    return status;
}

void spiral__pack_clear(spiral__pack *pack) {
    spiral_model_destroy(pack->model);
    free(pack->axes);
    free(pack->inverse);
    spiral_corpus_destroy(pack->music);
    free(pack->text);
    memset(pack, 0, sizeof *pack);
}

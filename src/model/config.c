/* SPDX-License-Identifier: MIT
 *
 * The config of a model (see config.h). A new field is a line in the table; files without it need `optional`.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "model/autoencoder_tensors.h"
#include "model/config.h"
#include "spiral/data.h"

/* Smallest struct_size that is accepted: the config of version 0.2. */
#define FIRST_SIZE (offsetof(spiral_model_config, layers) + sizeof(int))

static const char *const grids[] = {"seconds", "beats"};
static const char *const kinds[] = {"ae", "vae"};
static const char *const out_of_ranges[] = {
#define SPIRAL_X(id, word) word,
    SPIRAL_OUT_OF_RANGE_LIST(SPIRAL_X)
#undef SPIRAL_X
};

enum { ALL_GRIDS = -1, MAX_CELLS = 65536 };

#define INT(name, old, member, least, most, initial, grid)                  \
    {                                                                       \
        {name, old, SPIRAL_FIELD_INT, least, most, initial, 0, grid, NULL}, \
            offsetof(spiral_model_config, member)                           \
    }
#define OPTIONAL_INT(name, member, least, most, initial)                          \
    {                                                                             \
        {name, NULL, SPIRAL_FIELD_INT, least, most, initial, 1, ALL_GRIDS, NULL}, \
            offsetof(spiral_model_config, member)                                 \
    }
#define FLAG(name, member) \
    { {name, NULL, SPIRAL_FIELD_FLAG, 0, 1, 0, 1, ALL_GRIDS, NULL}, offsetof(spiral_model_config, member) }
#define CHOICE(name, member, words, optional)                                                \
    {                                                                                        \
        {name, NULL,     SPIRAL_FIELD_CHOICE, 0,    (int)(sizeof words / sizeof *words) - 1, \
         0,    optional, ALL_GRIDS,           words},                                        \
            offsetof(spiral_model_config, member)                                            \
    }

/* Every field is an int or an enum of the same size. */
static const struct field {
    spiral_model_field field;
    size_t offset;
} fields[] = {
    CHOICE("grid", grid.kind, grids, 0),
    INT("frame_us", "column_us", grid.frame_us, 1000, 1000000, 10000, SPIRAL_GRID_SECONDS),
    INT("steps_per_quarter", NULL, grid.steps_per_quarter, 1, 96, 4, SPIRAL_GRID_BEATS),
    INT("low", NULL, low, 0, 127, 48, ALL_GRIDS),
    INT("high", NULL, high, 0, 127, 83, ALL_GRIDS),
    INT("planes", NULL, planes, 1, 2, 1, ALL_GRIDS),
    FLAG("drums", drums),
    FLAG("pedal", pedal),
    CHOICE("out_of_range", out_of_range, out_of_ranges, 1),
    INT("frames", "columns", frames, 1, SPIRAL_WINDOW_FRAMES_MAX, 36, ALL_GRIDS),
    CHOICE("kind", kind, kinds, 0),
    INT("latent", "code", latent, 1, 1024, 16, ALL_GRIDS),
    INT("hidden", NULL, hidden, 1, 4096, 512, ALL_GRIDS),
    INT("layers", NULL, layers, 1, SPIRAL__MAX_LAYERS, 1, ALL_GRIDS),
    OPTIONAL_INT("decoder", decoder, 0, 512, 0),
    OPTIONAL_INT("drum_channels", drum_channels, 0, 0xffff, 0),
};
enum { FIELDS = sizeof fields / sizeof *fields };

_Static_assert(sizeof(spiral_grid_kind) == sizeof(int) && sizeof(spiral_model_kind) == sizeof(int) &&
                   sizeof(spiral_out_of_range) == sizeof(int) && sizeof(int32_t) == sizeof(int),
               "fields of a config are read and written as int");

static int get(const spiral_model_config *c, const struct field *f) {
    int value;
    memcpy(&value, (const char *)c + f->offset, sizeof value);
    return value;
}

static void set(spiral_model_config *c, const struct field *f, int value) {
    memcpy((char *)c + f->offset, &value, sizeof value);
}

static int applies(const spiral_model_config *c, const struct field *f) {
    return f->field.grid == ALL_GRIDS || f->field.grid == (int)c->grid.kind;
}

void spiral__config_set_value(spiral_model_config *config, size_t index, int value) {
    set(config, &fields[index], value);
}

int spiral__config_field_applies(const spiral_model_config *config, size_t index) {
    return applies(config, &fields[index]);
}

size_t spiral_model_field_count(void) { return FIELDS; }

const spiral_model_field *spiral_model_get_field(size_t index) {
    return index < FIELDS ? &fields[index].field : NULL;
}

int spiral_model_config_get_value(const spiral_model_config *config, size_t index) {
    return get(config, &fields[index]);
}

static spiral_model_config defaults(void) {
    spiral_model_config c = {.struct_size = sizeof c};
    for (int i = 0; i < FIELDS; i++) set(&c, &fields[i], fields[i].field.initial);
    return c;
}

void spiral_model_config_default(spiral_model_config *config, size_t struct_size) {
    spiral_model_config c = defaults();
    spiral__sized_write(&c, sizeof c, config, struct_size);
}

void spiral_model_config_get_roll(const spiral_model_config *c, spiral_roll_options *o) {
    o->grid = c->grid;
    o->low = c->low;
    o->high = c->high;
    o->onsets = c->planes == 2;
    o->drums = c->drums;
    o->pedal = c->pedal;
    o->out_of_range = c->out_of_range;
    o->drum_channels = (uint32_t)c->drum_channels;
}

void spiral_model_config_set_roll(spiral_model_config *c, const spiral_roll_options *o) {
    c->grid = o->grid;
    c->low = o->low;
    c->high = o->high;
    c->planes = o->onsets ? 2 : 1;
    c->drums = o->drums != 0;
    c->pedal = o->pedal != 0;
    c->out_of_range = o->out_of_range;
    c->drum_channels = (int)o->drum_channels;
}

static spiral_status check_range(const char *name, int value, int least, int most, spiral_error *err) {
    if (value >= least && value <= most) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s is %d, must be %d to %d", name, value, least, most);
}

spiral_status spiral__config_check(const spiral_model_config *c, spiral_error *err) {
    for (int i = 0; i < FIELDS; i++)
        if (applies(c, &fields[i]))
            SPIRAL_TRY(check_range(fields[i].field.name, get(c, &fields[i]), fields[i].field.least,
                                   fields[i].field.most, err));
    SPIRAL_TRY(check_range("high", c->high, c->low, 127, err));
    int cells = c->planes * c->frames * (c->high - c->low + 1);
    if (cells > MAX_CELLS)
        return spiral__fail(err, SPIRAL_TOO_BIG, -1, "a window of %d cells is above %d, the limit", cells,
                            MAX_CELLS);
    return SPIRAL_OK;
}

spiral_status spiral__config_read(const spiral_model_config *given, spiral_model_config *config,
                                  spiral_error *err) {
    *config = defaults();
    SPIRAL_TRY(spiral__sized_read("model config", given, FIRST_SIZE, config, sizeof *config, err));
    for (int i = 0; i < FIELDS; i++) /* any number but 0 sets a flag */
        if (fields[i].field.kind == SPIRAL_FIELD_FLAG) set(config, &fields[i], get(config, &fields[i]) != 0);
    return spiral__config_check(config, err);
}

/* ---- comparing ---- */

static void write_value(const struct field *f, int value, char *text, size_t size) {
    if (f->field.kind == SPIRAL_FIELD_CHOICE)
        snprintf(text, size, "%s", f->field.words[value]);
    else if (f->field.kind == SPIRAL_FIELD_FLAG)
        snprintf(text, size, "%s", value ? "true" : "false");
    else
        snprintf(text, size, "%d", value);
}

spiral_status spiral__config_compare(const spiral_model_config *config, const spiral_model_config *wanted,
                                     spiral_error *err) {
    for (int i = 0; i < FIELDS; i++) {
        char is[32], must_be[32];
        int value = get(config, &fields[i]), other = get(wanted, &fields[i]);
        if (value == other || !applies(config, &fields[i])) continue;
        write_value(&fields[i], value, is, sizeof is);
        write_value(&fields[i], other, must_be, sizeof must_be);
        return spiral__fail(err, SPIRAL_BAD_ARG, -1, "%s is %s, not %s", fields[i].field.name, is, must_be);
    }
    return SPIRAL_OK;
}

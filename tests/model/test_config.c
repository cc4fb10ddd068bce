/* SPDX-License-Identifier: MIT
 *
 * The config of a model and the table of its fields: defaults, ranges, other struct sizes, JSON and
 * comparison.
 */
#include "testing.h"
#include "model/config_json.h"

static spiral_model_config defaults(void) {
    spiral_model_config c;
    spiral_model_config_default(&c, sizeof c);
    return c;
}

/* Another valid value of a field. */
static json_t *other_value(const spiral_model_field *f, const spiral_model_config *c, size_t index) {
    int value = spiral_model_config_get_value(c, index);
    if (f->kind == SPIRAL_FIELD_FLAG) return json_boolean(!value);
    int other = value < f->most ? value + 1 : f->least;
    return f->kind == SPIRAL_FIELD_CHOICE ? json_string(f->words[other]) : json_integer(other);
}

static void defaults_are_those_of_the_table(void **state) {
    (void)state;
    spiral_model_config c = defaults(), checked;
    assert_int_equal(c.struct_size, sizeof c);
    assert_int_equal(spiral_model_field_count(), 16);
    for (size_t i = 0; i < spiral_model_field_count(); i++)
        assert_int_equal(spiral_model_config_get_value(&c, i), spiral_model_get_field(i)->initial);
    assert_null(spiral_model_get_field(spiral_model_field_count()));
    assert_true(c.grid.kind == SPIRAL_GRID_SECONDS && c.grid.frame_us == 10000 && c.low == 48 &&
                c.high == 83);
    assert_true(c.frames == 36 && c.planes == 1 && c.latent == 16 && c.hidden == 512 && c.layers == 1);
    assert_int_equal(spiral__config_read(&c, &checked, NULL), SPIRAL_OK);
    assert_memory_equal(&c, &checked, sizeof c);
}

/* Every number and word has both limits of the table, and the message names field and value. */
static void values_out_of_range_are_refused_by_name(void **state) {
    (void)state;
    for (size_t i = 0; i < spiral_model_field_count(); i++) {
        const spiral_model_field *f = spiral_model_get_field(i);
        if (f->kind == SPIRAL_FIELD_FLAG) continue;
        for (int side = 0; side < 2; side++) {
            spiral_model_config c = defaults(), out;
            spiral_error err;
            char value[16];
            json_t *json = spiral__config_to_json(&c);
            int bad = side ? f->most + 1 : f->least - 1;
            snprintf(value, sizeof value, "%d", bad);
            assert_int_equal(json_object_set_new(json, f->name, json_integer(bad)), 0);
            if (f->grid >= 0)
                assert_int_equal(
                    json_object_set_new(json, "grid", json_string(f->grid ? "beats" : "seconds")), 0);
            if (f->kind == SPIRAL_FIELD_INT)
                assert_fails(spiral__config_take_json(json, &out, &err), SPIRAL_BAD_ARG, &err, f->name,
                             value);
            else
                assert_fails(spiral__config_take_json(json, &out, &err), SPIRAL_FORMAT, &err, f->name);
            json_decref(json);
        }
    }
    spiral_model_config c = defaults(), out;
    spiral_error err;
    c.high = 47;
    assert_fails(spiral__config_read(&c, &out, &err), SPIRAL_BAD_ARG, &err, "high is 47, must be 48 to 127");
    c.high = 83, c.kind = (spiral_model_kind)2;
    assert_fails(spiral__config_read(&c, &out, &err), SPIRAL_BAD_ARG, &err, "kind", "2");
    c.kind = SPIRAL_MODEL_AE, c.pedal = 7; /* any number but 0 sets a flag */
    assert_int_equal(spiral__config_read(&c, &out, NULL), SPIRAL_OK);
    assert_int_equal(out.pedal, 1);
}

static void too_many_cells_are_refused(void **state) {
    (void)state;
    spiral_model_config c = defaults(), out;
    spiral_error err;
    c.low = 0, c.high = 127, c.frames = 512, c.planes = 2;
    assert_fails(spiral__config_read(&c, &out, &err), SPIRAL_TOO_BIG, &err, "131072", "65536");
    c.planes = 1; /* exactly the limit */
    assert_int_equal(spiral__config_read(&c, &out, NULL), SPIRAL_OK);
}

static void other_struct_sizes_are_refused_by_value(void **state) {
    (void)state;
    spiral_model_config c = defaults(), out;
    spiral_error err;
    c.struct_size = 8;
    assert_fails(spiral__config_read(&c, &out, &err), SPIRAL_BAD_ARG, &err, "struct_size", "8");
    c.struct_size = sizeof c + 8;
    assert_fails(spiral__config_read(&c, &out, &err), SPIRAL_BAD_ARG, &err, "struct_size");
    assert_fails(spiral__config_read(NULL, &out, &err), SPIRAL_BAD_ARG, &err, "NULL");
    /* Defaults fill the caller's struct and no byte after it. */
    struct {
        spiral_model_config config;
    } small;
    memset(&small, 0x5a, sizeof small);
    spiral_model_config_default(&small.config, offsetof(spiral_model_config, latent));
    assert_int_equal(small.config.struct_size, offsetof(spiral_model_config, latent));
    assert_int_equal(small.config.frames, 36);
    assert_int_equal(small.config.latent, 0x5a5a5a5a);
}

/* Each field is changed in turn. It is the same after writing and reading JSON, and comparing names it
 * alone. */
static void each_field_returns_from_json_and_is_compared(void **state) {
    (void)state;
    for (size_t i = 0; i < spiral_model_field_count(); i++) {
        const spiral_model_field *f = spiral_model_get_field(i);
        spiral_model_config c = defaults(), out, again;
        spiral_error err;
        if (f->grid >= 0) c.grid.kind = (spiral_grid_kind)f->grid;
        json_t *json = spiral__config_to_json(&c);
        assert_int_equal(json_object_set_new(json, f->name, other_value(f, &c, i)), 0);
        assert_int_equal(spiral__config_take_json(json, &out, NULL), SPIRAL_OK);
        assert_int_equal(json_object_size(json), 0); /* reading removed every field */
        json_decref(json);
        for (size_t k = 0; k < spiral_model_field_count(); k++)
            assert_int_equal(spiral_model_config_get_value(&c, k) != spiral_model_config_get_value(&out, k),
                             k == i);
        json = spiral__config_to_json(&out);
        assert_int_equal(spiral__config_take_json(json, &again, NULL), SPIRAL_OK);
        assert_memory_equal(&out, &again, sizeof out);
        json_decref(json);
        assert_int_equal(spiral__config_compare(&out, &again, NULL), SPIRAL_OK);
        assert_fails(spiral__config_compare(&c, &out, &err), SPIRAL_BAD_ARG, &err, f->name, " is ", ", not ");
        assert_int_equal(strncmp(err.text, f->name, strlen(f->name)), 0);
    }
}

/* The unit of the other grid is neither required nor compared. */
static void the_unit_of_the_other_grid_does_not_matter(void **state) {
    (void)state;
    spiral_model_config c = defaults(), out;
    c.grid = (spiral_grid){SPIRAL_GRID_BEATS, 77, 8};
    json_t *json = spiral__config_to_json(&c);
    assert_int_equal(json_object_del(json, "frame_us"), 0);
    assert_int_equal(spiral__config_take_json(json, &out, NULL), SPIRAL_OK);
    json_decref(json);
    assert_int_equal(out.grid.frame_us, 10000);
    assert_int_equal(out.grid.steps_per_quarter, 8);
    assert_int_equal(spiral__config_compare(&c, &out, NULL), SPIRAL_OK);
    assert_int_equal(spiral__config_read(&c, &out, NULL),
                     SPIRAL_OK); /* 77 us is no valid frame, but is not used */
}

static void missing_fields_are_refused_or_have_their_initial_value(void **state) {
    (void)state;
    for (size_t i = 0; i < spiral_model_field_count(); i++) {
        const spiral_model_field *f = spiral_model_get_field(i);
        spiral_model_config c = defaults(), out;
        spiral_error err;
        if (f->grid >= 0) c.grid.kind = (spiral_grid_kind)f->grid;
        json_t *json = spiral__config_to_json(&c);
        assert_int_equal(json_object_set_new(json, f->name, other_value(f, &c, i)), 0);
        assert_int_equal(json_object_del(json, f->name), 0);
        spiral_status status = spiral__config_take_json(json, &out, &err);
        json_decref(json);
        if (f->optional) {
            assert_int_equal(status, SPIRAL_OK);
            assert_int_equal(spiral_model_config_get_value(&out, i), f->initial);
        } else {
            assert_fails(status, SPIRAL_FORMAT, &err, f->name);
        }
    }
}

static void old_names_are_read_and_new_ones_win(void **state) {
    (void)state;
    static const char *const old[] = {"column_us", "columns", "code"};
    for (int both = 0; both < 2; both++) {
        spiral_model_config c = defaults(), out;
        json_t *json = spiral__config_to_json(&c);
        for (size_t i = 0; i < spiral_model_field_count(); i++) {
            const spiral_model_field *f = spiral_model_get_field(i);
            if (!f->old_name) continue;
            if (!both) assert_int_equal(json_object_del(json, f->name), 0);
            assert_int_equal(json_object_set_new(json, f->old_name, json_integer(f->least + 5)), 0);
        }
        assert_non_null(json_object_get(json, old[0]));
        assert_non_null(json_object_get(json, old[1]));
        assert_non_null(json_object_get(json, old[2]));
        assert_int_equal(spiral__config_take_json(json, &out, NULL), SPIRAL_OK);
        assert_int_equal(json_object_size(json), 0);
        assert_int_equal(out.grid.frame_us, both ? 10000 : 1005);
        assert_int_equal(out.frames, both ? 36 : 6);
        assert_int_equal(out.latent, both ? 16 : 6);
        json_decref(json);
    }
}

static void a_word_this_version_does_not_know_is_unsupported(void **state) {
    (void)state;
    for (size_t i = 0; i < spiral_model_field_count(); i++) {
        const spiral_model_field *f = spiral_model_get_field(i);
        spiral_model_config c = defaults(), out;
        spiral_error err;
        if (f->kind != SPIRAL_FIELD_CHOICE) continue;
        json_t *json = spiral__config_to_json(&c);
        assert_int_equal(json_object_set_new(json, f->name, json_string("fortnight")), 0);
        assert_fails(spiral__config_take_json(json, &out, &err), SPIRAL_UNSUPPORTED, &err, f->name,
                     "fortnight", f->words[0], f->words[f->most]);
        json_decref(json);
    }
}

static void roll_options_are_part_of_a_config(void **state) {
    (void)state;
    spiral_model_config c = defaults();
    spiral_roll_options o, back;
    spiral_roll_options_default(&o, sizeof o);
    back = o;
    spiral_model_config_get_roll(&c, &back); /* a default model has default roll options */
    assert_memory_equal(&o, &back, sizeof o);
    o.grid = (spiral_grid){SPIRAL_GRID_BEATS, 0, 6};
    o.low = 21, o.high = 108, o.onsets = 3, o.drums = 1, o.pedal = 1,
    o.out_of_range = SPIRAL_OUT_OF_RANGE_FIT;
    spiral_model_config_set_roll(&c, &o);
    assert_true(c.planes == 2 && c.low == 21 && c.frames == 36);
    spiral_model_config_get_roll(&c, &back);
    o.onsets = 1;
    assert_memory_equal(&o, &back, sizeof o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_table),
        cmocka_unit_test(values_out_of_range_are_refused_by_name),
        cmocka_unit_test(too_many_cells_are_refused),
        cmocka_unit_test(other_struct_sizes_are_refused_by_value),
        cmocka_unit_test(each_field_returns_from_json_and_is_compared),
        cmocka_unit_test(the_unit_of_the_other_grid_does_not_matter),
        cmocka_unit_test(missing_fields_are_refused_or_have_their_initial_value),
        cmocka_unit_test(old_names_are_read_and_new_ones_win),
        cmocka_unit_test(a_word_this_version_does_not_know_is_unsupported),
        cmocka_unit_test(roll_options_are_part_of_a_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

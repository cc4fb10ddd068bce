/* SPDX-License-Identifier: MIT
 *
 * Pictures: the format of the file, the same bytes on every run, coloured pixels where the music has notes,
 * and no file left after a failure. Whether they look right is not tested.
 */
#include <math.h>

#include "testing.h"

#include "base/file.h"
#include "spiral/plot.h"
#include "temporary_folder.h"
#include "spiral_config.h"

#ifdef SPIRAL_HAVE_CAIRO
#include <cairo.h>
#endif

/* A scale of eight notes, ten frames of 10 ms each. */
static spiral_roll scale(int first_key) {
    static const int steps[] = {0, 2, 4, 5, 7, 9, 11, 12};
    spiral_roll roll;
    assert_int_equal(spiral_roll_create((spiral_grid){SPIRAL_GRID_SECONDS, 10000, 0}, 80, 1, &roll, NULL),
                     SPIRAL_OK);
    for (int i = 0; i < 80; i++) spiral_keys_set(&roll.sounding[i], first_key + steps[i / 10], 1);
    for (int i = 0; i < 80; i += 10) spiral_keys_set(&roll.onsets[i], first_key + steps[i / 10], 1);
    return roll;
}

#ifdef SPIRAL_HAVE_CAIRO

typedef struct bytes {
    unsigned char *at;
    size_t size;
} bytes;

static bytes read_file(const char *path) {
    bytes b = {0};
    assert_int_equal(spiral__file_read(path, 1 << 28, &b.at, &b.size, NULL), SPIRAL_OK);
    return b;
}

static const struct {
    const char *ending, *magic;
} kinds[] = {{"png", "\x89PNG"}, {"svg", "<?xml"}, {"pdf", "%PDF-"}};

static spiral_status draw_scale(const char *path) {
    spiral_roll roll = scale(60), reference = scale(62);
    spiral_status status = spiral_plot_roll(&roll, &reference, "C D E \xc3\xa9", path, NULL);
    spiral_roll_clear(&roll);
    spiral_roll_clear(&reference);
    return status;
}

/* Removes the number from id="surface34", which cairo increments within a process. */
static void remove_surface_number(bytes *b) {
    static const char name[] = "id=\"surface";
    for (size_t i = 0; i + sizeof name < b->size; i++) {
        if (memcmp(b->at + i, name, sizeof name - 1)) continue;
        size_t from = i + sizeof name - 1, to = from;
        while (b->at[to] >= '0' && b->at[to] <= '9') to++;
        memmove(b->at + from, b->at + to, b->size - to);
        b->size -= to - from;
        return;
    }
}

static void test_each_ending_is_its_format_and_twice_the_same_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char a[16], b[16];
        snprintf(a, sizeof a, "a.%s", kinds[i].ending);
        snprintf(b, sizeof b, "b.%s", kinds[i].ending);
        assert_int_equal(draw_scale(in_folder(a)), SPIRAL_OK);
        assert_int_equal(draw_scale(in_folder(b)), SPIRAL_OK);
        bytes x = read_file(in_folder(a)), y = read_file(in_folder(b));
        assert_true(x.size > 1000);
        assert_memory_equal(x.at, kinds[i].magic, strlen(kinds[i].magic));
        remove_surface_number(&x);
        remove_surface_number(&y);
        assert_int_equal(x.size, y.size);
        assert_memory_equal(x.at, y.at, x.size);
        free(x.at);
        free(y.at);
    }
}

/* The number of pixels of a PNG with exactly this colour. */
static size_t pixels_of(const char *path, uint32_t rgb) {
    cairo_surface_t *s = cairo_image_surface_create_from_png(path);
    assert_int_equal(cairo_surface_status(s), CAIRO_STATUS_SUCCESS);
    size_t count = 0;
    for (int y = 0; y < cairo_image_surface_get_height(s); y++) {
        const uint32_t *row = (const uint32_t *)(const void *)(cairo_image_surface_get_data(s) +
                                                               y * cairo_image_surface_get_stride(s));
        for (int x = 0; x < cairo_image_surface_get_width(s); x++) count += (row[x] & 0xffffff) == rgb;
    }
    cairo_surface_destroy(s);
    return count;
}

enum { NOTE = 0x0072b2 }; /* the colour of a true positive, and of every note without a reference */

static void test_notes_are_drawn_where_they_sound(void **state) {
    (void)state;
    spiral_roll roll = scale(60), silent, other = scale(61);
    const char *path = in_folder("a.png");
    assert_int_equal(spiral_roll_create(roll.grid, 80, 0, &silent, NULL), SPIRAL_OK);
    assert_int_equal(spiral_plot_roll(&roll, NULL, NULL, path, NULL), SPIRAL_OK);
    size_t full = pixels_of(path, NOTE);
    for (int t = 0; t < 40; t++) roll.sounding[t] = (spiral_keys){{0, 0}}; /* removes half of the notes */
    assert_int_equal(spiral_plot_roll(&roll, NULL, NULL, path, NULL), SPIRAL_OK);
    size_t half = pixels_of(path, NOTE);
    assert_true(full > 500 && half > 0.3 * (double)full && half < 0.8 * (double)full);
    assert_int_equal(spiral_plot_roll(&silent, NULL, NULL, path, NULL), SPIRAL_OK);
    assert_int_equal(pixels_of(path, NOTE), 0);
    spiral_roll_clear(&roll);
    roll = scale(60);
    assert_int_equal(spiral_plot_roll(&roll, &roll, NULL, path, NULL), SPIRAL_OK);
    size_t equal = pixels_of(path, NOTE);
    assert_int_equal(spiral_plot_roll(&roll, &other, NULL, path, NULL), SPIRAL_OK);
    assert_true(pixels_of(path, NOTE) < equal / 4); /* only the colour sample of the legend */
    spiral_roll_clear(&roll);
    spiral_roll_clear(&other);
    spiral_roll_clear(&silent);
}

static void test_long_rolls_and_titles_that_are_not_utf_8(void **state) {
    (void)state;
    spiral_roll roll;
    assert_int_equal(spiral_roll_create((spiral_grid){SPIRAL_GRID_BEATS, 0, 4}, 20000, 1, &roll, NULL),
                     SPIRAL_OK);
    for (size_t t = 0; t < roll.frames; t++) spiral_keys_set(&roll.sounding[t], (int)(t * 7 % 128), 1);
    assert_int_equal(spiral_plot_roll(&roll, NULL, "\xff\xfe not UTF-8 \x01", in_folder("a.png"), NULL),
                     SPIRAL_OK);
    assert_true(pixels_of(in_folder("a.png"), NOTE) > roll.frames); /* the file has many chunks */
    spiral_roll_clear(&roll);
}

static void test_helix_is_drawn_or_refused(void **state) {
    (void)state;
    spiral_helix helix = spiral_helix_default();
    double costs[13] = {0, .4, .9, 1.2, 1.4, 1.4, 1.5, 1.4, 1.4, 1.2, .9, .5, .3};
    assert_int_equal(spiral_plot_helix(&helix, 48, 83, 13, costs, costs, in_folder("a.svg"), NULL),
                     SPIRAL_OK);
    assert_int_equal(spiral_plot_helix(&helix, 60, 60, 1, costs, costs, in_folder("a.png"), NULL), SPIRAL_OK);
    spiral_error err = {.text = ""};
    assert_fails(spiral_plot_helix(&helix, 60, 59, 13, costs, costs, in_folder("b.svg"), &err),
                 SPIRAL_BAD_ARG, &err, "keys 60 to 59 are not a range within 0..127");
    assert_fails(spiral_plot_helix(&helix, 48, 83, 129, costs, costs, in_folder("b.svg"), &err),
                 SPIRAL_BAD_ARG, &err, "129 intervals", "1..128");
    costs[3] = NAN;
    assert_fails(spiral_plot_helix(&helix, 48, 83, 13, costs, costs, in_folder("b.svg"), &err),
                 SPIRAL_NUMERIC, &err, "the cost of interval 3 is not finite");
}

static void test_curves_with_gaps_are_drawn(void **state) {
    (void)state;
    double x[] = {0, 1, 2, 3}, y[] = {5, 3, NAN, 1}, flat[] = {2, 2, 2, 2}, none[] = {NAN, NAN, NAN, NAN};
    spiral_plot_series series[] = {{"falls", 4, x, y}, {"flat", 4, x, flat}};
    assert_int_equal(spiral_plot_curves(series, 2, "loss", "step", "nats", in_folder("a.png"), NULL),
                     SPIRAL_OK);
    spiral_plot_series empty[] = {{"none", 4, x, none}};
    spiral_error err = {.text = ""};
    assert_fails(spiral_plot_curves(empty, 1, "loss", "step", "nats", in_folder("b.png"), &err),
                 SPIRAL_NO_DATA, &err, "b.png", "no curve has a finite point");
}

static void test_failures_leave_no_file(void **state) {
    (void)state;
    spiral_roll roll = scale(60), other = scale(60);
    spiral_error err = {.text = ""};
    const int files = files_in_folder();
    assert_fails(spiral_plot_roll(&roll, NULL, NULL, in_folder("c.bmp"), &err), SPIRAL_UNSUPPORTED, &err,
                 "c.bmp", "must end in .png, .svg or .pdf");
    assert_false(exists("c.bmp"));
    assert_fails(spiral_plot_roll(&roll, NULL, NULL, "/no/such/folder/a.png", &err), SPIRAL_IO, &err,
                 "/no/such/folder/a.png");
    other.grid.frame_us = 20000;
    assert_fails(spiral_plot_roll(&roll, &other, NULL, in_folder("c.png"), &err), SPIRAL_BAD_ARG, &err,
                 "grids");
    assert_false(exists("c.png"));
    assert_int_equal(files_in_folder(), files); /* no temporary file either */
    spiral_roll_clear(&roll);
    spiral_roll_clear(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_ending_is_its_format_and_twice_the_same_bytes),
        cmocka_unit_test(test_notes_are_drawn_where_they_sound),
        cmocka_unit_test(test_long_rolls_and_titles_that_are_not_utf_8),
        cmocka_unit_test(test_helix_is_drawn_or_refused),
        cmocka_unit_test(test_curves_with_gaps_are_drawn),
        cmocka_unit_test(test_failures_leave_no_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

#else

static void test_says_what_is_missing(void **state) {
    (void)state;
    spiral_roll roll = scale(60);
    spiral_error err = {.text = ""};
    assert_fails(spiral_plot_roll(&roll, NULL, NULL, in_folder("a.png"), &err), SPIRAL_UNSUPPORTED, &err,
                 "libcairo2-dev");
    spiral_roll_clear(&roll);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_says_what_is_missing)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * For 20 seeds of the shipped model, the library, the model of a pack (which the page's engine uses) and the
 * program write the same notes. tests/web/test_engine.py compares the page itself with the program.
 */
#include "testing.h"
#include "../temporary_folder.h"
#include "pack/pack.h"
#include "spiral/generate.h"
#include "spiral/midi.h"

enum { SEEDS = VALGRIND ? 1 : 20, FRAMES = 128 /* 8 bars of sixteenths */ };

static spiral_model *shipped_model(void) {
    char path[1024];
    spiral_model *model;
    assert_non_null(getenv("SPIRAL_SOURCE"));
    snprintf(path, sizeof path, "%s/models/chorales.safetensors", getenv("SPIRAL_SOURCE"));
    assert_int_equal(spiral_model_load(path, &model, NULL), SPIRAL_OK);
    return model;
}

static void write_seed(const spiral_model *model, uint64_t seed, spiral_midi *midi) {
    spiral_generate_request q;
    spiral_roll roll;
    spiral_generate_request_default(&q, sizeof q);
    q.frames = FRAMES;
    q.seed = seed;
    assert_int_equal(spiral_generate(model, &q, 1, &roll, NULL, NULL), SPIRAL_OK);
    assert_int_equal(spiral_midi_from_roll(&roll, midi, NULL), SPIRAL_OK);
    spiral_roll_clear(&roll);
}

static void assert_same_notes(const spiral_midi *a, const spiral_midi *b) {
    assert_int_equal(a->ticks_per_quarter, b->ticks_per_quarter);
    assert_int_equal(a->note_count, b->note_count);
    for (size_t i = 0; i < a->note_count; i++) {
        assert_int_equal(a->notes[i].on_ticks, b->notes[i].on_ticks);
        assert_int_equal(a->notes[i].off_ticks, b->notes[i].off_ticks);
        assert_int_equal(a->notes[i].pitch, b->notes[i].pitch);
        assert_int_equal(a->notes[i].velocity, b->notes[i].velocity);
    }
}

static void test_the_model_of_a_pack_writes_the_same_notes(void **state) {
    spiral_model *model = shipped_model();
    spiral_pack_options o;
    spiral__pack pack;
    unsigned char *bytes;
    size_t size, notes = 0;
    (void)state;
    spiral_pack_options_default(&o, sizeof o);
    assert_int_equal(spiral_pack_write(model, &o, &bytes, &size, NULL, NULL), SPIRAL_OK);
    assert_int_equal(spiral__pack_read(bytes, size, &pack, NULL), SPIRAL_OK);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        spiral_midi a, b;
        write_seed(model, seed, &a);
        write_seed(pack.model, seed, &b);
        assert_same_notes(&a, &b);
        notes += a.note_count;
        spiral_midi_clear(&a);
        spiral_midi_clear(&b);
    }
    assert_true(notes > SEEDS * 50);
    spiral__pack_clear(&pack);
    free(bytes);
    spiral_model_destroy(model);
}

static void test_the_program_writes_the_same_notes(void **state) {
    spiral_model *model = shipped_model();
    char command[2048], name[64];
    (void)state;
    assert_non_null(getenv("SPIRAL_BUILD"));
    snprintf(command, sizeof command,
             "\"%s/cli/spiral\" sample -n %d --seed 1 --length 8bars -o \"%s\" >/dev/null 2>&1",
             getenv("SPIRAL_BUILD"), SEEDS, folder);
    assert_int_equal(system(command), 0);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        spiral_midi library, file;
        write_seed(model, seed, &library);
        snprintf(name, sizeof name, "sample-%d.mid", (int)seed);
        assert_int_equal(spiral_midi_load(in_folder(name), &file, NULL), SPIRAL_OK);
        assert_same_notes(&library, &file);
        spiral_midi_clear(&library);
        spiral_midi_clear(&file);
    }
    spiral_model_destroy(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_model_of_a_pack_writes_the_same_notes),
        cmocka_unit_test(test_the_program_writes_the_same_notes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

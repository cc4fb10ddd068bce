/* SPDX-License-Identifier: MIT
 *
 * MIDI files that are compressed with gzip: a build with zlib reads them, one without it says what to do.
 */
#include "testing.h"
#include "spiral/data.h"
#include "spiral_config.h"

static const char *corpus(char path[static 4096], const char *name) {
    snprintf(path, 4096, "%s/tests/fuzz/corpus/gzip/%s", getenv("SPIRAL_SOURCE"), name);
    return path;
}

static void uncompressed_files_are_read_in_every_build(void **state) {
    (void)state;
    char path[4096];
    spiral_midi midi;
    spiral_error err = {0};
    assert_int_equal(spiral_midi_load_compressed(corpus(path, "plain.mid"), &midi, &err), SPIRAL_OK);
    assert_true(midi.note_count > 0);
    spiral_midi_clear(&midi);
}

static void compressed_files_are_read_or_refused_with_advice(void **state) {
    (void)state;
    static const char *const names[] = {"stored.mid.gz", "deflated.mid.gz", "two-members.mid.gz"};
    char path[4096];
    for (int i = 0; i < 3; i++) {
        spiral_midi midi;
        spiral_error err = {0};
        const spiral_status status = spiral_midi_load_compressed(corpus(path, names[i]), &midi, &err);
#ifdef SPIRAL_HAVE_ZLIB
        assert_int_equal(status, SPIRAL_OK);
        assert_true(midi.note_count > 0);
#else
        assert_fails(status, SPIRAL_UNSUPPORTED, &err, path, "this build has no zlib",
                     "gzip -d decompresses it");
        assert_int_equal(midi.note_count, 0);
#endif
        spiral_midi_clear(&midi);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uncompressed_files_are_read_in_every_build),
        cmocka_unit_test(compressed_files_are_read_or_refused_with_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

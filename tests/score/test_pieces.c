/* SPDX-License-Identifier: MIT
 *
 * The scores of data/scores: each can be read, played on a piano and written as MIDI.
 */
#include <dirent.h>

#include "testing.h"

#include "../midi/midi_text.h"
#include "score_testing.h"

/* After writing and reading as MIDI, the piece has the same notes. */
static void check_written(const spiral_midi *midi) {
    spiral_midi back = written_and_read(midi);
    assert_int_equal(back.note_count, midi->note_count);
    for (size_t i = 0; i < back.note_count; i++) {
        const spiral_note *a = &midi->notes[i], *b = &back.notes[i];
        assert_true(a->on_ticks == b->on_ticks && a->off_ticks == b->off_ticks && a->pitch == b->pitch);
        assert_true(a->track == b->track && a->channel == b->channel && a->velocity == b->velocity);
    }
    spiral_midi_clear(&back);
}

static void check_piece(const char *path) {
    spiral_midi midi;
    spiral_error err = {0};
    if (spiral_score_load(path, &midi, &err)) fail_msg("%s", err.text);
    if (midi.note_count <= 50) fail_msg("%s has only %zu notes", path, midi.note_count);
    assert_non_null(midi.name);
    if (!midi.text) fail_msg("%s does not say where it is from", path);
    for (size_t i = 0; i < midi.note_count; i++) {
        const spiral_note *n = &midi.notes[i];
        assert_true(n->on_ticks >= 0 && n->on_ticks < n->off_ticks && n->off_ticks <= midi.end_ticks);
        assert_true(n->pitch >= 21 && n->pitch <= 108); /* the keys of a piano */
        assert_true(n->velocity >= 1 && n->velocity <= 127);
        if (i) assert_true(n[-1].on_ticks <= n->on_ticks);
    }
    check_written(&midi);
    spiral_midi_clear(&midi);
}

static void test_all_pieces(void **state) {
    (void)state;
    const char *source = getenv("SPIRAL_SOURCE");
    char folder[1024], path[2048];
    snprintf(folder, sizeof folder, "%s/data/scores", source ? source : ".");
    DIR *open = opendir(folder);
    assert_non_null(open);
    int pieces = 0;
    for (struct dirent *entry; (entry = readdir(open));) {
        size_t size = strlen(entry->d_name);
        if (size < 4 || strcmp(entry->d_name + size - 4, ".txt")) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        check_piece(path);
        pieces++;
    }
    closedir(open);
    assert_true(pieces >= 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

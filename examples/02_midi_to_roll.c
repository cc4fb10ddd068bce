/* SPDX-License-Identifier: MIT
 *
 * A MIDI file as a piano roll in text: one line per sixteenth; O where a note begins, | where it goes on.
 *     cc examples/02_midi_to_roll.c $(pkg-config --cflags --libs spiral) && ./a.out tune.mid
 */
#include <spiral/spiral.h>
#include <stdio.h>

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "usage: 02_midi_to_roll FILE.mid\n"), 2;
    spiral_error err;
    spiral_midi midi;
    if (spiral_midi_load(argv[1], &midi, &err)) return fprintf(stderr, "%s\n", err.text), 1;

    spiral_roll_options options;
    spiral_roll_options_default(&options, sizeof options); /* keys 48..83 */
    options.grid.kind = SPIRAL_GRID_BEATS;
    options.grid.steps_per_quarter = 4;
    options.onsets =
        1; /* a second plane, which separates a note that is struck again from the note before it */
    spiral_roll roll;
    spiral_roll_report report = {.struct_size = sizeof report};
    spiral_status status = spiral_roll_from_midi(&midi, &options, &roll, &report, &err);
    spiral_midi_clear(&midi);
    if (status != SPIRAL_OK) return fprintf(stderr, "%s\n", err.text), 1;

    for (size_t t = 0; t < roll.frames; t++) {
        printf("%6zu ", t);
        for (int key = options.low; key <= options.high; key++)
            putchar(spiral_keys_get(&roll.onsets[t], key)     ? 'O'
                    : spiral_keys_get(&roll.sounding[t], key) ? '|'
                                                              : '.');
        putchar('\n');
    }
    printf("%zu of %zu notes, %zu below, %zu above\n", report.notes_kept, report.notes, report.notes_low,
           report.notes_high);
    spiral_roll_clear(&roll);
    return 0;
}

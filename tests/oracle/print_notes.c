/* SPDX-License-Identifier: MIT
 *
 * Prints what the library reads from MIDI files, for comparison with another reader:
 *
 *     file PATH
 *     error SENTENCE                                  or:
 *     warnings COUNT ...                              in the order of SPIRAL_MIDI_WARNING_LIST
 *     note TRACK CHANNEL PITCH VELOCITY ON OFF ON_S OFF_S     per note, in order
 *
 * print-notes PATH...    With --time as first argument: reads each file from memory 100 times, prints speeds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "spiral/midi.h"

static void print_file(const char *path) {
    spiral_midi midi;
    spiral_error err;
    printf("file %s\n", path);
    if (spiral_midi_load(path, &midi, &err) != SPIRAL_OK) {
        printf("error %s\n", err.text);
        return;
    }
    printf("warnings");
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++) printf(" %u", (unsigned)midi.warnings[i]);
    printf("\n");
    for (size_t i = 0; i < midi.note_count; i++) {
        const spiral_note *n = &midi.notes[i];
        printf("note %d %d %d %d %lld %lld %.17g %.17g\n", n->track, n->channel, n->pitch, n->velocity,
               (long long)n->on_ticks, (long long)n->off_ticks, spiral_midi_seconds(&midi, n->on_ticks),
               spiral_midi_seconds(&midi, n->off_ticks));
    }
    spiral_midi_clear(&midi);
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* All files in turn, many times over: the fastest and the median round. */
static int time_files(int count, char **paths) {
    enum { ROUNDS = 100 };
    unsigned char **bytes = calloc((size_t)count, sizeof *bytes);
    size_t *sizes = calloc((size_t)count, sizeof *sizes), total = 0, notes = 0;
    double seconds[ROUNDS];
    for (int i = 0; i < count; i++) {
        if (spiral__file_read(paths[i], (size_t)1 << 30, &bytes[i], &sizes[i], NULL) != SPIRAL_OK) return 1;
        total += sizes[i];
    }
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_s();
        notes = 0;
        for (int i = 0; i < count; i++) {
            spiral_midi midi;
            if (spiral_midi_read(bytes[i], sizes[i], &midi, NULL) != SPIRAL_OK) return 1;
            notes += midi.note_count;
            spiral_midi_clear(&midi);
        }
        double spent = now_s() - start;
        int j = round;
        for (; j > 0 && seconds[j - 1] > spent; j--) seconds[j] = seconds[j - 1];
        seconds[j] = spent;
    }
    for (int i = 0; i < 2; i++) {
        double s = seconds[i * ROUNDS / 2];
        printf("%s: %d files, %zu bytes, %zu notes in %.3f ms: %.0f MB/s, %.1f M notes/s, %.1f us a file\n",
               i ? "median" : "fastest", count, total, notes, 1e3 * s, 1e-6 * (double)total / s,
               1e-6 * (double)notes / s, 1e6 * s / count);
    }
    for (int i = 0; i < count; i++) free(bytes[i]);
    free(bytes);
    free(sizes);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--time")) return time_files(argc - 2, argv + 2);
    for (int i = 1; i < argc; i++) print_file(argv[i]);
    return 0;
}

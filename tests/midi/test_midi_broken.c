/* SPDX-License-Identifier: MIT
 *
 * The MIDI reader on bytes nobody meant: how much it still understands, and that no claim of a file costs
 * memory or time. That it breaks no promise whatever the bytes is for tests/fuzz; memory at its peak,
 * test_alloc.c.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../fuzz/damage.h"
#include "smf.h"
#include "spiral/midi.h"

/* A small file that has something of everything. */
static void make_rich_file(smf *f) {
    smf inner = {.size = 0};
    smf_header(&inner, 1, 3, 96);
    SMF_TRACK(
        &inner,
        "\x00\xff\x03\x04name\x00\xff\x01\x04text\x00\xff\x51\x03\x07\xa1\x20\x00\xff\x58\x04\x06\x03\x18\x08"
        "\x60\xff\x51\x03\x03\xd0\x90" SMF_EOT);
    smf_chunk(&inner, "XFIH", 3, "abc", 3);
    SMF_TRACK(&inner,
              "\x00\x90\x3c\x64\x10\x3c\x32\x81\x00\x3c\x00\x10\x3c\x00\x00\xf0\x05\x7e\x7f\x06\x01\xf7"
              "\x00\xc1\x05\x00\xe2\x01\x02\x83\xff\x7f\x99\x24\x40\x05\x24\x00\x00\xf8" SMF_EOT);
    SMF_TRACK(&inner, "\x00\x90\x40\x64\x00\x43\x64\x60\xff\x2f\x00");
    f->size = 0;
    SMF_ADD(f, "RIFF\0\0\0\0RMIDdata");
    for (int i = 0; i < 4; i++) f->bytes[f->size++] = (unsigned char)(inner.size >> 8 * i);
    smf_add(f, inner.bytes, inner.size);
}

static smf rich;

/* Notes of a file of faults: much is understood all the same. */
static void test_damage_costs_few_notes(void **state) {
    (void)state;
    const uint64_t seed = 20;
    print_message("# seed %llu\n", (unsigned long long)seed);
    size_t notes = 0;
    for (uint64_t round = 0; round < 2000; round++) {
        spiral__rng rng = spiral__rng_init(seed, round);
        spiral_midi midi;
        make_rich_file(&rich);
        rich.size = fuzz_damage(fuzz_attack_midi, &rng, rich.bytes, rich.size, sizeof rich.bytes);
        if (spiral_midi_read(rich.bytes, rich.size, &midi, NULL) != SPIRAL_OK) continue;
        notes += midi.note_count;
        spiral_midi_clear(&midi);
    }
    print_message("# %zu of %d notes\n", notes, 5 * 2000);
    assert_true(notes > 5 * 2000 / 2);
}

/* What the reader leaves allocated is in proportion to the notes, not to what the header or a chunk says. */
static void test_claims_cost_nothing(void **state) {
    (void)state;
    static const char events[] = "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT;
    spiral_midi midi;
    smf_header(&rich, 1, 65535, 96);
    smf_chunk(&rich, "MTrk", 0xffffffff, events, sizeof events - 1);
    assert_int_equal(spiral_midi_read(rich.bytes, rich.size, &midi, NULL), SPIRAL_OK);
    assert_int_equal(midi.note_count, 1);
    assert_true(malloc_usable_size(midi.notes) < 16 * rich.size);
    spiral_midi_clear(&midi);
}

/* Tracks whose lengths end in a tail of other bytes, each at another place: where the next one begins is
 * found for all of them in the time of one search. */
static void test_lengths_that_end_in_a_far_tail(void **state) {
    (void)state;
    enum { TRACKS = 65000, TRACK = 8 + 11, TAIL = 1 << 20, LAST = 4000 };
    static const char events[] = "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT;
    size_t size = 14 + TRACKS * TRACK + TAIL, from = 14 + TRACKS * TRACK;
    unsigned char *bytes = malloc(size), *at = bytes + 14;
    smf_header(&rich, 1, TRACKS + 1, 96);
    memcpy(bytes, rich.bytes, rich.size);
    for (size_t i = 0; i < TRACKS; i++, at += TRACK) {
        size_t target = from + (i * 7919 + 4) % (TAIL / 2), claim = target - (size_t)(at - bytes) - 8;
        memcpy(at, "MTrk", 4);
        for (int k = 0; k < 4; k++) at[4 + k] = (unsigned char)(claim >> (24 - 8 * k));
        memcpy(at + 8, events, TRACK - 8);
    }
    for (size_t i = from; i < size; i++) bytes[i] = i & 1 ? 'M' : 1;
    memcpy(bytes + size - LAST, "MTrk\0\0\0\x0b", 8);
    memcpy(bytes + size - LAST + 8, events, TRACK - 8);
    spiral_midi midi;
    clock_t begin = clock();
    assert_int_equal(spiral_midi_read(bytes, size, &midi, NULL), SPIRAL_OK);
    assert_true(clock() - begin < 20 * CLOCKS_PER_SEC); /* searched for each, it takes minutes */
    /* All but the last of these run into the next one; the last runs to the end of the tail. */
    assert_int_equal(midi.note_count, TRACKS + 1);
    assert_int_equal(midi.warnings[SPIRAL_MIDI_WARN_TRUNCATED], 2 * TRACKS - 1);
    spiral_midi_clear(&midi);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage_costs_few_notes),
        cmocka_unit_test(test_claims_cost_nothing),
        cmocka_unit_test(test_lengths_that_end_in_a_far_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

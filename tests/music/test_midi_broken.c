/* SPDX-License-Identifier: MIT
 *
 * The MIDI reader on bytes nobody meant: files cut at every byte, with random faults, and noise. It must come
 * back with something valid - which the writer, that checks all fields, is asked to confirm - and touch
 * nothing else; run it under a sanitizer. How much memory it takes is asked in test_alloc.c.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "smf.h"
#include "spiral/roll.h"

/* Reads a copy of exactly `size` bytes; what comes out can be written and rolled, unless it is refused. */
static size_t read_all_ways(const unsigned char *bytes, size_t size) {
    spiral_midi midi;
    spiral_error err = {0};
    unsigned char *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    spiral_status status = spiral_midi_read(copy, size, &midi, &err);
    free(copy);
    if (status != SPIRAL_OK) {
        assert_int_equal(status, SPIRAL_FORMAT);
        assert_true(err.text[0] && !midi.notes && !midi.note_count);
        return 0;
    }
    size_t written, notes = midi.note_count;
    if (spiral_midi_size(&midi, &written, &err) != SPIRAL_OK) fail_msg("not valid: %s", err.text);
    assert_true(written <= 16 * size + 4096 + 12 * (size_t)midi.tracks);
    spiral_roll_options options = {.grid = {SPIRAL_GRID_BEATS, 0, 1}, .high = 127, .onsets = 1, .drums = 1};
    spiral_roll roll;
    if (midi.end_ticks < 1000 * 1000) {
        assert_int_equal(spiral_roll_from_midi(&midi, &options, &roll, NULL, NULL), SPIRAL_OK);
        spiral_roll_clear(&roll);
    }
    spiral_midi_clear(&midi);
    return notes;
}

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

static void test_cut_at_every_byte(void **state) {
    (void)state;
    size_t notes = 0;
    make_rich_file(&rich);
    for (size_t size = 0; size <= rich.size; size++) {
        read_all_ways(rich.bytes, size);
        notes = read_all_ways(rich.bytes + 20, size < 20 ? 0 : size - 20); /* without the RIFF around it */
    }
    assert_int_equal(notes, 5);
}

static void test_every_byte_changed(void **state) {
    (void)state;
    static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0x90, 0xf0, 0xf7, 0xff};
    make_rich_file(&rich);
    for (size_t i = 0; i < rich.size; i++)
        for (size_t v = 0; v < sizeof values; v++) {
            unsigned char kept = rich.bytes[i];
            rich.bytes[i] = values[v];
            read_all_ways(rich.bytes, rich.size);
            rich.bytes[i] = kept;
        }
}

static void damage(smf *f, spiral__rng *rng) {
    size_t at = spiral__rng_below(rng, f->size), n = 1 + spiral__rng_below(rng, 8);
    if (n > f->size - at) n = f->size - at;
    switch (spiral__rng_below(rng, 4)) {
    case 0: f->bytes[at] ^= (unsigned char)(1 << spiral__rng_below(rng, 8)); break;
    case 1: /* random bytes */
        for (size_t i = 0; i < n; i++) f->bytes[at + i] = (unsigned char)spiral__rng_u64(rng);
        break;
    case 2: /* bytes lost */
        memmove(f->bytes + at, f->bytes + at + n, f->size - at - n);
        f->size -= n;
        break;
    default: /* bytes repeated */ memmove(f->bytes + at + n, f->bytes + at, f->size - at); f->size += n;
    }
}

static void test_random_damage(void **state) {
    (void)state;
    const uint64_t seed = 20;
    print_message("# seed %llu\n", (unsigned long long)seed);
    size_t notes = 0;
    for (uint64_t round = 0; round < 2000; round++) {
        spiral__rng rng = spiral__rng_init(seed, round);
        make_rich_file(&rich);
        for (uint64_t faults = 1 + round % 10; faults && rich.size > 30; faults--) damage(&rich, &rng);
        notes += read_all_ways(rich.bytes, rich.size);
    }
    assert_true(notes > 2000); /* much is understood all the same */
}

static void test_random_bytes_in_a_track(void **state) {
    (void)state;
    const uint64_t seed = 21;
    print_message("# seed %llu\n", (unsigned long long)seed);
    size_t notes = 0;
    for (uint64_t round = 0; round < 500; round++) {
        spiral__rng rng = spiral__rng_init(seed, round);
        smf track = {.size = spiral__rng_below(&rng, 2000)};
        for (size_t i = 0; i < track.size; i++) /* mostly data, or the first length would end it all */
            track.bytes[i] =
                (unsigned char)(spiral__rng_u64(&rng) & (spiral__rng_below(&rng, 8) ? 0x7f : 0x9f));
        smf_header(&rich, round % 3, 1, (unsigned)spiral__rng_below(&rng, 65536));
        smf_chunk(&rich, "MTrk", (uint32_t)track.size, track.bytes, track.size);
        notes += read_all_ways(rich.bytes, rich.size);
    }
    assert_true(notes > 500);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_at_every_byte),   cmocka_unit_test(test_every_byte_changed),
        cmocka_unit_test(test_random_damage),       cmocka_unit_test(test_random_bytes_in_a_track),
        cmocka_unit_test(test_claims_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

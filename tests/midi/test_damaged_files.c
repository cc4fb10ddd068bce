/* SPDX-License-Identifier: MIT
 *
 * How many notes the MIDI reader still finds in randomly damaged files. Safety with any bytes: tests/fuzz;
 * memory and work: test_resources.c.
 */
#include "testing.h"

#include "../fuzz/damage.h"
#include "smf.h"
#include "spiral/midi.h"

/* A small file with every kind of chunk and event, inside RIFF. Five notes. */
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

static void test_damaged_files_keep_most_notes(void **state) {
    (void)state;
    const uint64_t seed = 20;
    print_message("# seed %llu\n", (unsigned long long)seed);
    static smf rich;
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_files_keep_most_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT
 *
 * Memory and work, counted: every allocation that fails gives NO_MEMORY and no leak, and the reader's memory
 * stays within the limit of midi.h. Linked with malloc, calloc, realloc, free and memchr wrapped.
 */
#include <malloc.h>

#include "testing.h"

#include "smf.h"
#include "spiral/roll.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__real_memchr(const void *block, int byte, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
void *__wrap_memchr(const void *block, int byte, size_t size);

static long left = -1;      /* allocations still granted; negative: all */
static size_t in_use, peak; /* bytes */
static size_t searched;     /* bytes that memchr compared */

static int granted(void) {
    if (left == 0) return 0;
    if (left > 0) left--;
    return 1;
}

static void *counted(void *block) {
    in_use += malloc_usable_size(block);
    if (in_use > peak) peak = in_use;
    return block;
}

void *__wrap_malloc(size_t size) { return granted() ? counted(__real_malloc(size)) : NULL; }
void *__wrap_calloc(size_t n, size_t size) { return granted() ? counted(__real_calloc(n, size)) : NULL; }
void *__wrap_realloc(void *block, size_t size) {
    if (!granted()) return NULL;
    size_t before = malloc_usable_size(block);
    void *moved = counted(__real_realloc(block, size)); /* both at once, as when it has to move */
    in_use -= before;
    return moved;
}
void __wrap_free(void *block) {
    in_use -= malloc_usable_size(block);
    __real_free(block);
}

void *__wrap_memchr(const void *block, int byte, size_t size) {
    const char *found = __real_memchr(block, byte, size);
    searched += found ? (size_t)(found - (const char *)block) + 1 : size;
    return (void *)(uintptr_t)found;
}

static unsigned char *bytes;
static size_t bytes_size;

/* Reads `bytes`, writes them again, makes a roll of them, and MIDI of the roll. */
static spiral_status use_everything(void) {
    spiral_midi midi = {0}, back = {0};
    spiral_roll roll = {0};
    spiral_roll_options options;
    size_t size;
    spiral_roll_options_default(&options, sizeof options);
    void *written = NULL;
    options.onsets = options.pedal = options.unchanged_frames_max = 1;
    spiral_status status = spiral_midi_read(bytes, bytes_size, &midi, NULL);
    if (status == SPIRAL_OK) {
        spiral_note first = midi.notes[0]; /* out of order, so that the writer and the roll sort copies */
        midi.notes[0] = midi.notes[midi.note_count - 1];
        midi.notes[midi.note_count - 1] = first;
        status = spiral_midi_size(&midi, &size, NULL);
    }
    if (status == SPIRAL_OK) {
        written = malloc(size);
        status = written ? spiral_midi_write(&midi, written, size, NULL) : SPIRAL_NO_MEMORY;
    }
    if (status == SPIRAL_OK) status = spiral_roll_from_midi(&midi, &options, &roll, NULL, NULL);
    if (status == SPIRAL_OK) status = spiral_midi_from_roll(&roll, &back, NULL);
    free(written);
    spiral_midi_clear(&midi);
    spiral_midi_clear(&back);
    spiral_roll_clear(&roll);
    return status;
}

/* A file with the same events n times in one track. */
static void make_file(const char *events, size_t size, size_t n) {
    bytes_size = 22 + n * size + 4;
    bytes = malloc(bytes_size);
    memcpy(bytes, "MThd\0\0\0\6\0\0\0\1\0\x60MTrk", 18);
    for (int i = 0; i < 4; i++) bytes[18 + i] = (unsigned char)((n * size + 4) >> (24 - 8 * i));
    for (size_t i = 0; i < n; i++) memcpy(bytes + 22 + i * size, events, size);
    memcpy(bytes + 22 + n * size, SMF_EOT, 4);
}

static void test_every_failed_allocation_is_reported(void **state) {
    (void)state;
    static const char events[] =
        "\x00\xff\x01\x01x\x00\xff\x03\x01y\x00\xff\x51\x03\x07\xa1\x20\x00\xff\x58\x04\x06\x03\x18\x08"
        "\x10\x90\x40\x64\x00\x3c\x64\x00\xb0\x40\x7f\x10\x90\x40\x00\x00\x3c\x00\x10\xb0\x40\x00"
        /* a bank, a second port with the sostenuto pedal, a note without a note-off, a note-off without a
           note */
        "\x00\xb1\x00\x7f\x00\xff\x21\x01\x02\x00\x90\x43\x64\x00\xb0\x42\x7f\x00\x80\x45\x40\x00\xb0\x42\x00"
        "\x08\xb3\x7b\x00\x00\xff\x21\x01\x00\x00\xc0\x05\x00\xe0\x00\x40";
    make_file(events, sizeof events - 1, 40);
    size_t before = in_use;
    spiral_status status = SPIRAL_NO_MEMORY;
    long n = 0;
    for (; status != SPIRAL_OK; n++) {
        left = n;
        status = use_everything();
        left = -1;
        assert_true(status == SPIRAL_OK || status == SPIRAL_NO_MEMORY);
        assert_int_equal(in_use, before);
        assert_true(n < 100);
    }
    assert_true(n > 15); /* the number of allocations */
    free(bytes);
}

static void check_memory(const char *events, size_t size, size_t n) {
    spiral_midi midi;
    make_file(events, size, n);
    size_t before = in_use;
    peak = in_use;
    assert_int_equal(spiral_midi_read(bytes, bytes_size, &midi, NULL), SPIRAL_OK);
    assert_true(peak - before < 24 * bytes_size + 4096);
    spiral_midi_clear(&midi);
    assert_int_equal(in_use, before);
    free(bytes);
}
#define CHECK_MEMORY(events) check_memory(events, sizeof(events) - 1, VALGRIND ? 5000 : 100000)

/* A file of format 1 or 2 with n tracks of these events. In format 1 the tracks from `half` on end the notes
 * that the others begin: their status byte is 80. */
static void check_memory_of_format(int format, const char *events, size_t size, size_t n, size_t half) {
    unsigned char head[] = "MThd\0\0\0\6\0\0\xff\xff\0\x60";
    head[9] = (unsigned char)format;
    spiral_midi midi;
    bytes_size = 14 + n * (8 + size);
    bytes = malloc(bytes_size);
    memcpy(bytes, head, 14);
    for (size_t i = 0; i < n; i++) {
        unsigned char *at = bytes + 14 + i * (8 + size);
        memcpy(at, "MTrk\0\0", 6);
        at[6] = (unsigned char)(size >> 8);
        at[7] = (unsigned char)size;
        memcpy(at + 8, events, size);
        if (format == 1) at[9] = i < half ? 0x90 : 0x80;
    }
    size_t before = in_use;
    peak = in_use;
    assert_int_equal(spiral_midi_read(bytes, bytes_size, &midi, NULL), SPIRAL_OK);
    assert_int_equal(midi.tracks, n);
    assert_true(peak - before < 24 * bytes_size + 4096);
    spiral_midi_clear(&midi);
    free(bytes);
}

static void check_memory_of_sequences(const char *events, size_t size, size_t n) {
    check_memory_of_format(2, events, size, n, 0);
}

static void check_memory_of_tracks(const char *events, size_t size, size_t n) {
    for (size_t sixteenths = 1; sixteenths <= 16; sixteenths++)
        check_memory_of_format(1, events, size, n, n * sixteenths / 16);
}

/* These events and notes in any proportion, in either order. controller: its number, negative for a program,
 * which has one data byte. */
static void check_memory_of_notes_and(unsigned status, int controller) {
    enum { ALL = VALGRIND ? 4999 : 99999 };
    char *events = malloc(3 * ALL + 10);
    for (int first = 0; first < 2; first++) /* notes first, the others first */
        for (int sixteenths = 0; sixteenths <= 16; sixteenths++) {
            size_t notes = (size_t)ALL * (size_t)sixteenths / 16, n = 0;
            for (int part = 0; part < 2; part++) {
                int are_notes = part == first;
                size_t count = are_notes ? notes : ALL - notes;
                if (!count) continue;
                events[n++] = 0;
                events[n++] = (char)(are_notes ? 0x90 : status);
                for (size_t i = 0; i < count; i++) {
                    if (i) events[n++] = 0;
                    if (are_notes || controller >= 0) events[n++] = are_notes ? 0x40 : (char)controller;
                    events[n++] = are_notes || i % 2 == 0 ? 0x7f : 0;
                }
            }
            check_memory(events, n, 1);
        }
    free(events);
}

/* Pedals, programs, and bank selects, which may mean percussion. */
static void test_memory_of_channel_events(void **state) {
    (void)state;
    enum { SEQUENCES = VALGRIND ? 3000 : 60000, BANK = 0, SUSTAIN = 64 };
    check_memory_of_notes_and(0xb0, SUSTAIN);
    check_memory_of_notes_and(0xb0, BANK);
    check_memory_of_notes_and(0xc0, -1);
    CHECK_MEMORY("\x00\xb0\x40\x7f\x00\x40\x00"); /* each with a status byte */
    CHECK_MEMORY("\x00\xc0\x40\x00\x40\x00\xb0\x00\x7f");
    check_memory_of_sequences("\x00\xb0\x40\x7f", 4, SEQUENCES);
    check_memory_of_sequences("\x00\xb0\x40\x7f\x00\xff\x2f\x00", 8, SEQUENCES);
    check_memory_of_sequences("\x00\xc0\x40", 3, SEQUENCES);
    char all[16 * 4];
    for (int c = 0; c < 16; c++) memcpy(all + 4 * c, (char[]){0, (char)(0xb0 | c), 0x40, 0x7f}, 4);
    check_memory_of_sequences(all, sizeof all, SEQUENCES);
}

static void test_memory_of_notes_and_texts(void **state) {
    (void)state;
    CHECK_MEMORY("\x00\x90\x3c\x64\x10\x80\x3c\x00"); /* plain notes */
    CHECK_MEMORY("\x01\x3c\x64\x01\x3c\x00");         /* data without a status */
    CHECK_MEMORY("\x00\xff\x51\x03\x07\xa1\x20");     /* tempos at one tick */
    CHECK_MEMORY("\x01\xff\x51\x03\x07\xa1\x20");     /* tempos at different ticks */
    CHECK_MEMORY("\x01\xff\x58\x02\x03\x03");         /* the shortest metres */
    CHECK_MEMORY("\x00\xff\x01\x7f");                 /* texts in texts */
    static char burst[1 + 3 * 999]; /* as many notes as fit into the bytes, all at one tick */
    memset(burst, 0x40, sizeof burst);
    burst[0] = 0;
    burst[1] = (char)0x90;
    for (size_t i = 4; i < sizeof burst; i += 3) burst[i] = 0;
    check_memory(burst, sizeof burst, 100);
}

/* Notes without note-offs, note-offs without notes, and both on different tracks; banks; "all notes off". */
static void test_memory_of_unpaired_notes(void **state) {
    (void)state;
    CHECK_MEMORY("\x00\x90\x3c\x64\x00\x3e\x64");
    CHECK_MEMORY("\x00\x80\x3c\x64\x00\x3e\x64");
    CHECK_MEMORY("\x00\xb0\x00\x7f\x00\x00\x00");
    CHECK_MEMORY("\x00\xb0\x7b\x00\x00\x78\x00");
    CHECK_MEMORY("\x00\x90\x3c\x64\x00\xb0\x7b\x00");
    CHECK_MEMORY("\x00\x90\x3c\x64\x00\xb1\x00\x7f\x00\x80\x3e\x40");
    enum { EVENTS = 300, TRACKS = VALGRIND ? 60 : 1000 };
    char events[2 + 3 * EVENTS];
    for (int off = 0; off < 2; off++) { /* the tracks of the second round have note-offs only */
        events[0] = 0;
        events[1] = (char)(off ? 0x80 : 0x90);
        for (int i = 0; i < EVENTS; i++) {
            events[2 + 3 * i] = (char)(i % 128);
            events[3 + 3 * i] = 0x40;
            if (i + 1 < EVENTS) events[4 + 3 * i] = 0;
        }
        check_memory_of_sequences(events, 1 + 3 * EVENTS, TRACKS);
    }
    check_memory_of_tracks(events, 1 + 3 * EVENTS, TRACKS);
}

/* A table for each further port of a track, up to the limit. */
static void test_memory_of_ports(void **state) {
    (void)state;
    spiral_midi midi;
    char events[12 * 128];
    for (int port = 0; port < 128; port++)
        memcpy(events + 12 * port,
               (char[]){0, (char)0xff, 0x21, 1, (char)port, 0, (char)0x90, 60, 1, 0, 60, 0}, 12);
    make_file(events, sizeof events, 1);
    size_t before = in_use;
    peak = in_use;
    assert_int_equal(spiral_midi_read(bytes, bytes_size, &midi, NULL), SPIRAL_OK);
    assert_true(peak - before < 24 * bytes_size + 4096 + 17 * 1024 * (SPIRAL_MIDI_TRACK_PORTS_MAX - 1));
    spiral_midi_clear(&midi);
    assert_int_equal(in_use, before);
    free(bytes);
}

#define CLAIM(literal) \
    { literal, sizeof(literal) - 1 }

/* For files whose lengths claim more bytes than they have, memory stays proportional to the size of the
 * file. */
static void test_memory_of_claimed_lengths(void **state) {
    (void)state;
    static const struct {
        const char *at;
        size_t size;
    } claims[] = {
        CLAIM("MThd\xff\xff\xff\xff"), /* a header of 4 GiB */
        CLAIM("MThd\0\0\0\6\0\1\xff\xff\x7f\xff"
              "MTrk\xff\xff\xff\xff"), /* 65535 tracks, the first of 4 GiB */
        CLAIM("MThd\0\0\0\6\0\2\xff\xff\x7f\xff"
              "XFIH\xff\xff\xff\xff"),                                               /* an unknown chunk */
        CLAIM("MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\x10\0\0\xff\1\xff\xff\xff\x7f"),   /* a text of 256 MiB */
        CLAIM("MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\x10\0\0\xff\x51\xff\xff\xff\x7f"), /* a tempo */
        CLAIM("MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\x10\0\0\xf0\xff\xff\xff\x7f"),     /* a sysex message */
        CLAIM("RIFF\xff\xff\xff\xffRMIDdata\xff\xff\xff\xffMThd\0\0\0\6\0\1\xff\xff\0\x60MTrk\xff\xff\xff"
              "\xff")};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        for (size_t more = 0; more < 4096; more = 2 * more + 1) { /* followed by notes */
            static const char note[] = "\0\x90\x3c\x64\x10\x3c\0";
            bytes_size = claims[i].size + more;
            bytes = malloc(bytes_size);
            memcpy(bytes, claims[i].at, claims[i].size);
            for (size_t k = 0; k < more; k++)
                bytes[claims[i].size + k] = (unsigned char)note[k % (sizeof note - 1)];
            spiral_midi midi;
            size_t before = in_use;
            peak = in_use;
            if (spiral_midi_read(bytes, bytes_size, &midi, NULL) == SPIRAL_OK) spiral_midi_clear(&midi);
            assert_true(peak - before < 24 * bytes_size + 4096);
            assert_int_equal(in_use, before);
            free(bytes);
        }
}

/* Tracks whose lengths are far too large and end at different positions in a long tail of other bytes. The
 * beginnings of all next tracks must be found in one search: with a search for each track, about tracks *
 * tail bytes would be compared. */
static void test_wrong_lengths_need_one_search_of_the_file(void **state) {
    (void)state;
    enum { TRACKS = VALGRIND ? 3000 : 65000, TRACK = 8 + 11, TAIL = 1 << (VALGRIND ? 16 : 20), LAST = 4000 };
    static const char events[] = "\x00\x90\x3c\x64\x10\x3c\x00" SMF_EOT;
    static smf head;
    const size_t from = 14 + TRACKS * TRACK;
    bytes_size = from + TAIL;
    bytes = malloc(bytes_size);
    unsigned char *at = bytes + 14;
    smf_header(&head, 1, TRACKS + 1, 96);
    memcpy(bytes, head.bytes, head.size);
    for (size_t i = 0; i < TRACKS; i++, at += TRACK) {
        size_t target = from + (i * 7919 + 4) % (TAIL / 2), claim = target - (size_t)(at - bytes) - 8;
        memcpy(at, "MTrk", 4);
        for (int k = 0; k < 4; k++) at[4 + k] = (unsigned char)(claim >> (24 - 8 * k));
        memcpy(at + 8, events, TRACK - 8);
    }
    for (size_t i = from; i < bytes_size; i++) bytes[i] = i & 1 ? 'M' : 1;
    memcpy(bytes + bytes_size - LAST, "MTrk\0\0\0\x0b", 8);
    memcpy(bytes + bytes_size - LAST + 8, events, TRACK - 8);
    spiral_midi midi;
    searched = 0;
    assert_int_equal(spiral_midi_read(bytes, bytes_size, &midi, NULL), SPIRAL_OK);
    print_message("# %zu bytes, %zu searched\n", bytes_size, searched);
    assert_true(searched > 0 && searched < 100 * bytes_size);
    /* All but the last of these tracks include the next one; the last one includes the tail. */
    assert_int_equal(midi.note_count, TRACKS + 1);
    assert_int_equal(midi.warnings[SPIRAL_MIDI_WARN_TRUNCATED], 2 * TRACKS - 1);
    spiral_midi_clear(&midi);
    free(bytes);
}

/* A million notes in 24 MB, as in "black MIDI": chords of 200 keys on 16 tracks, with bends and controllers
 * between them. */
static void test_memory_of_a_million_notes(void **state) {
    (void)state;
    NOT_UNDER_VALGRIND();
    enum { TRACKS = 16, NOTES = 62500, NOTE = 24, TRACK = NOTES * NOTE + 4 };
    static const unsigned char head[] = "MThd\0\0\0\6\0\1\0\x10\1\xe0";
    bytes_size = 14 + TRACKS * (8 + TRACK);
    bytes = malloc(bytes_size);
    assert_non_null(bytes);
    memcpy(bytes, head, 14);
    for (size_t t = 0; t < TRACKS; t++) {
        unsigned char *at = bytes + 14 + t * (8 + TRACK);
        memcpy(at, "MTrk\0\x16\xe3\x64", 8); /* 1,500,004 */
        for (size_t i = 0; i < NOTES; i++) {
            unsigned char c = (unsigned char)t, key = (unsigned char)((i * 7 + t) % 128);
            const unsigned char events[NOTE] = {
                i % 200 == 0, 0x90 | c, key, 100, 0,        0xe0 | c, 3, 64, 0,        0xb0 | c, 11, key, 0,
                0xa0 | c,     key,      9,   0,   0xb0 | c, 1,        5, 1,  0x80 | c, key,      64};
            memcpy(at + 8 + i * NOTE, events, NOTE);
        }
        memcpy(at + 8 + NOTES * NOTE, SMF_EOT, 4);
    }
    spiral_midi midi;
    spiral_roll roll;
    spiral_roll_options options;
    size_t before = in_use, size;
    spiral_roll_options_default(&options, sizeof options);
    peak = in_use;
    assert_int_equal(spiral_midi_read(bytes, bytes_size, &midi, NULL), SPIRAL_OK);
    assert_int_equal(midi.note_count, 1000000);
    for (int i = 0; i < SPIRAL_MIDI_WARNING_COUNT; i++) assert_int_equal(midi.warnings[i], 0);
    assert_true(peak - before < 8 * bytes_size);
    print_message("# %zu bytes, %zu notes: %zu bytes of memory\n", bytes_size, midi.note_count,
                  peak - before);
    options.grid = (spiral_grid){SPIRAL_GRID_BEATS, 0, 24};
    assert_int_equal(spiral_roll_from_midi(&midi, &options, &roll, NULL, NULL), SPIRAL_OK);
    assert_int_equal(spiral_midi_size(&midi, &size, NULL), SPIRAL_OK);
    spiral_roll_clear(&roll);
    spiral_midi_clear(&midi);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_failed_allocation_is_reported),
        cmocka_unit_test(test_memory_of_notes_and_texts),
        cmocka_unit_test(test_memory_of_channel_events),
        cmocka_unit_test(test_memory_of_unpaired_notes),
        cmocka_unit_test(test_memory_of_ports),
        cmocka_unit_test(test_memory_of_claimed_lengths),
        cmocka_unit_test(test_wrong_lengths_need_one_search_of_the_file),
        cmocka_unit_test(test_memory_of_a_million_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

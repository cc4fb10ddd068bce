/* SPDX-License-Identifier: MIT
 *
 * Percussion by GS, XG and GM2 (see percussion.h). Sources: Roland SC-55mkII owner's manual ("USE FOR RHYTHM
 * PART", address 40 1x 15), Yamaha XG specification 1.26 (part mode, bank select), General MIDI 2 (RP-024).
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "midi/percussion.h"

enum { PORTS = SPIRAL_MIDI_PORT_MAX + 1, DRUM_CHANNELS = 1 << SPIRAL_DRUM_CHANNEL };

/* What a setting does. Its value is kind << 24 | port << 16 | channel << 8 | argument. */
typedef enum setting_kind {
    RESET_ALL_PORTS,
    RESET,   /* argument: a mode */
    BANK,    /* argument: the bank */
    GS_PART, /* argument: 1, the channel is percussion; 0, it is not */
    XG_PART  /* likewise */
} setting_kind;

/* How bank selects are understood: since the last reset message. */
typedef enum mode { MODE_OTHER, MODE_GS, MODE_XG, MODE_GM2 } mode;

void spiral__percussion_clear(spiral__percussion *p) { free(p->settings.items); }

static spiral_status add(spiral__percussion *p, size_t rest, int64_t at_ticks, setting_kind kind,
                         unsigned port, unsigned channel, unsigned argument, spiral_error *err) {
    uint32_t value = (uint32_t)kind << 24 | port << 16 | channel << 8 | argument;
    return spiral__timed_events_add(&p->settings, rest, at_ticks, value, err);
}

spiral_status spiral__percussion_bank(spiral__percussion *p, size_t rest, int64_t at_ticks, unsigned port,
                                      unsigned channel, unsigned bank, spiral_error *err) {
    return add(p, rest, at_ticks, BANK, port, channel, bank, err);
}

spiral_status spiral__percussion_reset(spiral__percussion *p, size_t rest, int64_t at_ticks,
                                       spiral_error *err) {
    return p->settings.count ? add(p, rest, at_ticks, RESET_ALL_PORTS, 0, 0, 0, err) : SPIRAL_OK;
}

/* ---- system exclusive messages ---- */

/* Whether the message begins with these bytes; -1 stands for any byte. */
static int begins(const unsigned char *message, size_t size, const short *bytes, size_t count) {
    if (size < count) return 0;
    for (size_t i = 0; i < count; i++)
        if (bytes[i] >= 0 && message[i] != bytes[i]) return 0;
    return 1;
}
#define BEGINS(...) \
    begins(m, size, (const short[]){__VA_ARGS__}, sizeof((const short[]){__VA_ARGS__}) / sizeof(short))

/* 7E device 09: General MIDI on, off, or 2 on. */
static int general_midi_mode(const unsigned char *m, size_t size) {
    if (!BEGINS(0x7e, -1, 0x09, -1)) return -1;
    return m[3] == 3 ? MODE_GM2 : MODE_OTHER;
}

/* 41 device 42 12 and an address: GS reset, or the mode of a module that has several. */
static int gs_mode(const unsigned char *m, size_t size) {
    return BEGINS(0x41, -1, 0x42, 0x12, 0x40, 0x00, 0x7f) || BEGINS(0x41, -1, 0x42, 0x12, 0x00, 0x00, 0x7f)
               ? MODE_GS
               : -1;
}

/* 43 1n 4C and an address: XG system on, or reset of all parameters. */
static int xg_mode(const unsigned char *m, size_t size) {
    return BEGINS(0x43, -1, 0x4c, 0x00, 0x00, 0x7e) || BEGINS(0x43, -1, 0x4c, 0x00, 0x00, 0x7f) ? MODE_XG
                                                                                                : -1;
}

/* GS: the parameters of part x are at 40 1x 00 and on, "use for rhythm part" at 15 (0: off, else a drum map).
 * Part 0 receives channel 10, parts 1..9 channels 1..9, and A..F channels 11..16. One message may set several
 * parameters that follow one another; a checksum follows them. Fills *channel; returns 0 or 1, or -1: another
 * message. */
static int gs_rhythm_part(const unsigned char *m, size_t size, unsigned *channel) {
    enum { ADDRESS = 6, DATA = 7, RHYTHM = 0x15 };
    if (!BEGINS(0x41, -1, 0x42, 0x12, 0x40, -1, -1, -1, -1) || m[5] >> 4 != 1) return -1;
    size_t count = size - DATA - 1 - (m[size - 1] == 0xf7);
    if (m[ADDRESS] > RHYTHM || (size_t)(RHYTHM - m[ADDRESS]) >= count) return -1;
    unsigned part = m[5] & 15;
    *channel = part == 0 ? SPIRAL_DRUM_CHANNEL : part <= SPIRAL_DRUM_CHANNEL ? part - 1 : part;
    return m[DATA + RHYTHM - m[ADDRESS]] != 0;
}

/* XG: the mode of part pp is at 08 pp 07 (0: normal, else drums). Part pp receives channel pp + 1. */
static int xg_part_mode(const unsigned char *m, size_t size, unsigned *channel) {
    if (!BEGINS(0x43, -1, 0x4c, 0x08, -1, 0x07, -1) || m[4] > 15) return -1;
    *channel = m[4];
    return m[6] != 0;
}

spiral_status spiral__percussion_sysex(spiral__percussion *p, size_t rest, int64_t at_ticks, unsigned port,
                                       const unsigned char *message, size_t size, spiral_error *err) {
    unsigned channel = 0;
    int reset = general_midi_mode(message, size);
    if (reset < 0) reset = gs_mode(message, size);
    if (reset < 0) reset = xg_mode(message, size);
    if (reset >= 0) return add(p, rest, at_ticks, RESET, port, 0, (unsigned)reset, err);
    setting_kind kind = GS_PART;
    int on = gs_rhythm_part(message, size, &channel);
    if (on < 0) {
        kind = XG_PART;
        on = xg_part_mode(message, size, &channel);
    }
    return on < 0 ? SPIRAL_OK : add(p, rest, at_ticks, kind, port, channel, (unsigned)on, err);
}

/* ---- applying the settings ---- */

typedef struct state {
    uint16_t drums[PORTS]; /* a bit per channel */
    uint8_t modes[PORTS];
} state;

static void reset_all(state *s) {
    for (int port = 0; port < PORTS; port++) s->drums[port] = DRUM_CHANNELS;
    memset(s->modes, MODE_OTHER, sizeof s->modes);
}

/* Whether a bank makes its channel percussion, 0 or 1, or changes nothing, -1. GS modules ignore the banks of
 * rhythm parts and have no others. Without a reset message the banks that are percussion in XG and GM2 count.
 */
static int bank_is_percussion(unsigned bank, unsigned channel, mode m) {
    enum { GM2_RHYTHM = 120, GM2_MELODY = 121, XG_SOUND_EFFECTS_KIT = 126, XG_DRUM_KIT = 127 };
    bool xg = bank == XG_SOUND_EFFECTS_KIT || bank == XG_DRUM_KIT;
    switch (m) {
    case MODE_GS: return -1;
    case MODE_XG: return xg;
    case MODE_GM2: return bank == GM2_RHYTHM ? 1 : bank == GM2_MELODY ? 0 : -1;
    default: break;
    }
    if (xg || bank == GM2_RHYTHM) return 1;
    return channel != SPIRAL_DRUM_CHANNEL || bank == GM2_MELODY ? 0 : -1;
}

static void apply(state *s, uint32_t value) {
    unsigned port = value >> 16 & 255, channel = value >> 8 & 255, argument = value & 255;
    uint8_t *m = &s->modes[port];
    int on = (int)argument;
    switch ((setting_kind)(value >> 24)) {
    case RESET_ALL_PORTS: reset_all(s); return;
    case RESET:
        *m = (uint8_t)argument;
        s->drums[port] = DRUM_CHANNELS;
        return;
    case BANK: on = bank_is_percussion(argument, channel, (mode)*m); break;
    case GS_PART: *m = MODE_GS; break; /* the file is for a GS module, though it has no reset message */
    case XG_PART: *m = MODE_XG; break;
    }
    if (on < 0) return;
    unsigned bit = 1u << channel;
    s->drums[port] = (uint16_t)(on ? s->drums[port] | bit : s->drums[port] & ~bit);
}

void spiral__percussion_mark(spiral__percussion *p, spiral_note *notes, size_t count) {
    spiral__timed_events *settings = &p->settings;
    if (settings->count == 0) return;
    state s;
    reset_all(&s);
    spiral__timed_events_sort(settings);
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        for (; next < settings->count && settings->items[next].at_ticks <= notes[i].on_ticks; next++)
            apply(&s, settings->items[next].value);
        int drum = s.drums[notes[i].port] >> notes[i].channel & 1;
        if (drum != (notes[i].channel == SPIRAL_DRUM_CHANNEL))
            notes[i].drum = drum ? SPIRAL_DRUM_YES : SPIRAL_DRUM_NO;
    }
}

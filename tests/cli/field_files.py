# SPDX-License-Identifier: MIT
"""MIDI files with the faults of real ones, each with a correct file that has the notes which the reader must give.

FAULTS is {name: (bytes, correct bytes)}. For faults of time, whose notes stay far apart, the correct bytes are None. Names
begin with the kind of fault, as in the table of test_field_cases.py, which tests them; bench/faulty_corpus.py puts one
of each into a corpus.
"""
FAR = 0x0FFFFFFF  # the longest delta time
END = b"\x00\xff\x2f\x00"


def vlq(n, size=1):
    """A variable-length number of at least `size` bytes."""
    out = [n & 127]
    while (n := n >> 7) or len(out) < size:
        out.insert(0, n & 127 | 128)
    return bytes(out)


def event(delta, *data):
    return vlq(delta) + bytes(data)


def meta(delta, kind, data=b""):
    return event(delta, 0xFF, kind) + vlq(len(data)) + data


def on(key, gap=0, channel=0, velocity=90):
    return event(gap, 0x90 | channel, key, velocity)


def off(key, gap=240, channel=0, velocity=64):
    return event(gap, 0x80 | channel, key, velocity)


def note(key, ticks=240, gap=0, channel=0):
    return on(key, gap, channel) + off(key, ticks, channel)


def sysex(*data):
    return event(0, 0xF0) + vlq(len(data) + 1) + bytes(data) + b"\xf7"


def roland(address, data):
    """Roland's message that sets a parameter."""
    body = [*address, data]
    return sysex(0x41, 0x10, 0x42, 0x12, *body, -sum(body) & 127)


def smf(*tracks, division=480, kind=None):
    kind = int(len(tracks) > 1) if kind is None else kind
    header = b"".join(n.to_bytes(2, "big") for n in (kind, len(tracks), division))
    return b"MThd\0\0\0\6" + header + b"".join(b"MTrk" + len(t).to_bytes(4, "big") + t for t in tracks)


TEMPO = meta(0, 0x51, b"\x07\xa1\x20")
MELODY = [note(60 + i % 12) for i in range(32)]
TUNE = b"".join(MELODY)
SOUND = smf(TUNE + END)


def in_tune(at, *bytes_):
    """The melody with these bytes, after a delta time of 0, before its note `at`."""
    return smf(b"".join(MELODY[:at]) + b"\0" + bytes(bytes_) + b"".join(MELODY[at:]) + END)


def time_faults():
    open_note = TUNE + on(72)
    far = note(60, gap=FAR)
    return {
        "before the first note": smf(event(FAR, 0x90, 60, 90) + off(60) + TUNE + END),
        "between notes": smf(TUNE + far + TUNE + END),
        "before a controller": smf(TUNE + event(FAR, 0xB0, 7, 100) + TUNE + END),
        "in a note": smf(TUNE + note(60, FAR) + TUNE + END),
        "three times": smf(TUNE + far + TUNE + far + TUNE + note(60, FAR) + END),
        "in another track": smf(TEMPO + END, TUNE + END, note(40, gap=FAR) + END),
        "before the end of the track": smf(TUNE + meta(FAR, 0x2F)),
        "before a tempo": smf(meta(FAR, 0x51, b"\x07\xa1\x20") + END, TUNE + END),
        "in a sequence of format 2": smf(TUNE + meta(FAR, 0x2F), TUNE + END, kind=2),
        "one tick a quarter": smf(note(60, 16_000_000) + note(62, 1, 16_000_000) + END, division=1),
        "open note, late end of track": smf(open_note + meta(480 * 3600, 0x2F)),
        "open note, late end of one track": smf(TEMPO + END, open_note + meta(480 * 3600, 0x2F), TUNE + END),
        "open note, late lyrics": smf(open_note + b"".join(meta(480 * 60, 5, b"la") for _ in range(60)) + END),
        "open note, late controller": smf(open_note + event(480 * 3600, 0xB0, 7, 1) + END),
        "tempos behind the music": smf(b"".join(meta(480 * 60, 0x51, b"\x07\xa1\x20") for _ in range(60)) + END, TUNE + END),
    }


def repeated(lost=(), off_twice=(), on_twice=(), channel=0, velocity_0=False, longer=()):
    """Forty notes of one key, with note-offs that are lost or doubled and note-ons that are doubled, by number."""
    end = (lambda gap: on(60, gap, channel, 0)) if velocity_0 else (lambda gap: off(60, gap, channel))
    body, gap = b"", 0
    for i in range(40):
        body += on(60, gap, channel) + (on(60, 0, channel) if i in on_twice else b"")
        body += b"" if i in lost else end(480 if i in longer else 240)
        body += end(0) if i in off_twice else b""
        gap = 480 if i in lost else 0 if i in longer else 240
    return body


def pairing_faults():
    plain = smf(repeated() + END)
    ons = b"".join(on(k, 480) for k in (60, 62, 64)) + meta(480 * 8, 0x2F)
    offs = b"".join(off(k, gap) for k, gap in ((60, 960), (62, 480), (64, 480))) + END
    across = smf(on(60, 480) + off(60, 480) + note(62, 480) + note(64, 480) + END)
    loud = smf(b"".join(note(k, 240) for k in range(60, 90)) + END)
    ended = [on(k) + event(240, 0xB0, 123, 0) for k in range(60, 68)]
    eight = smf(b"".join(note(k) for k in range(60, 68)) + END)
    found = {
        "on, on, off": (smf(on(60) + note(60, 480) + b"".join(note(72 if i % 4 else 60, 480) for i in range(112)) + END),
                        smf(note(60, 480) + b"".join(note(72 if i % 4 else 60, 480) for i in range(112)) + END)),
        "note-off twice": (smf(repeated(off_twice=(5, 20)) + END), plain),
        "note-on twice": (smf(repeated(on_twice=(0, 9, 30)) + END), plain),
        "all note-offs with velocity 200": (smf(b"".join(on(k) + off(k, velocity=200) for k in range(60, 90)) + END), loud),
        "all note-ons with velocity 200": (smf(b"".join(on(k, velocity=200) + off(k) for k in range(60, 90)) + END), loud),
        "note-off of a key above 127": (smf(on(60) + off(60 + 128) + TUNE + END), smf(note(60) + TUNE + END)),
        "controller 123, then a note-off": (smf(b"".join(ended) + off(67, 0) + END), eight),
        "controller 123 on all channels": (
            smf(on(60) + b"".join(event(0 if c else 240, 0xB0 | c, 123, 0) for c in range(16)) + TUNE + END),
            smf(note(60) + TUNE + END)),
        "controller 123 of another channel": (smf(on(60) + event(120, 0xB1, 123, 0) + off(60, 120) + END), smf(note(60) + END)),
        "controller 123 in another track": (smf(on(60) + meta(4800, 0x2F), event(240, 0xB0, 123, 0) + END), smf(note(60) + END)),
        "note-offs in the next track": (smf(ons, offs), across),
        "note-offs in the track before": (smf(offs, ons), across),
        "note-offs two tracks later": (smf(ons, TEMPO + END, offs), across),
        "note-offs in another track of the port": (smf(meta(0, 0x21, b"\1") + ons, meta(0, 0x21, b"\1") + offs), across),
    }  # fmt: skip
    for lost in (0,), (5,), (5, 6, 20), (38,):
        for channel, velocity_0 in (0, False), (6, True):
            broken = repeated(lost, channel=channel, velocity_0=velocity_0)
            longer = repeated(longer=lost)
            found[f"note-off lost of {lost}, channel {channel + 1}"] = smf(broken + END), smf(longer + END)
    for number in 120, 124, 125, 126, 127:
        body = b"".join(on(k, channel=3) + event(240, 0xB3, number, 0) for k in range(60, 68))
        found[f"controller {number}"] = smf(body + END), eight
    return found


def channel_faults():
    """A melody on channel 1, and a drum kit on another channel, with or without a message that makes it percussion."""
    gs, xg, gm2 = roland((0x40, 0, 0x7F), 0), sysex(0x43, 0x10, 0x4C, 0, 0, 0x7E, 0), sysex(0x7E, 0x7F, 9, 3)

    def kit(channel):
        return b"".join(note(key, channel=channel) for key in (36, 42, 38, 42))

    def bank(number, channel=10):
        return event(0, 0xB0 | channel, 0, number) + event(0, 0xC0 | channel, 0)

    drums, pitches = smf(TUNE + END, kit(9) + END), smf(TUNE + END, kit(10) + END)
    return {
        "GS rhythm part": (smf(roland((0x40, 0x1A, 0x15), 2) + END, TUNE + END, kit(10) + END), drums),
        "GS rhythm part in the track": (smf(TUNE + END, gs + roland((0x40, 0x13, 0x15), 1) + kit(2) + END), drums),
        "GS reset after a rhythm part": (smf(roland((0x40, 0x1A, 0x15), 2) + gs + END, TUNE + END, kit(10) + END), pitches),
        "GS melody on channel 10": (smf(gs + roland((0x40, 0x10, 0x15), 0) + END, TUNE + END, kit(9) + END), pitches),
        "XG bank 127": (smf(xg + END, TUNE + END, bank(127) + kit(10) + END), drums),
        "XG bank 126": (smf(xg + END, TUNE + END, bank(126) + kit(10) + END), drums),
        "XG bank 64": (smf(xg + END, TUNE + END, bank(64) + kit(10) + END), pitches),
        "XG bank 0 on channel 10": (smf(xg + END, TUNE + END, bank(0, 9) + kit(9) + END), pitches),
        "XG part mode": (smf(xg + sysex(0x43, 0x10, 0x4C, 8, 10, 7, 2) + END, TUNE + END, kit(10) + END), drums),
        "GM2 bank 120": (smf(gm2 + END, TUNE + END, bank(120) + kit(10) + END), drums),
        "GM2 bank 121 on channel 10": (smf(gm2 + END, TUNE + END, bank(121, 9) + kit(9) + END), pitches),
        "bank 127, no reset": (smf(TUNE + END, bank(127) + kit(10) + END), drums),
        "bank in another track": (smf(xg + TUNE + END, bank(127) + END, kit(10) + END), drums),
    }


def number_faults():
    found = {}
    for size in 5, 6, 8:
        found[f"delta times of {size} bytes"] = smf(b"".join(
            vlq(0, size) + bytes([0x90, 60 + i % 12, 90]) + vlq(240, size) + bytes([0x80, 60 + i % 12, 64])
            for i in range(32)) + END), SOUND
        found[f"length of a name of {size} bytes"] = in_tune(0, 0xFF, 3, *vlq(4, size), *b"name"), SOUND
        found[f"length of a tempo of {size} bytes"] = in_tune(0, 0xFF, 0x51, *vlq(3, size), 7, 0xA1, 0x20), SOUND
        found[f"length of a sysex of {size} bytes"] = in_tune(9, 0xF0, *vlq(5, size), 0x7E, 0x7F, 9, 1, 0xF7), SOUND
    message = [0x7E, 0x7F, 9, 1]
    for at in 0, 9:
        for name, size, end in ("without a length", [], [0xF7]), ("without length and end", [], []), ("without end", [5], []), (
                "of a length too small", [4], [0xF7]), ("of a length too large", [25], [0xF7]), (
                "of a length far too large", [0xFF, 0xFF, 0xFF, 0x7F], [0xF7]):
            found[f"sysex {name}, note {at}"] = in_tune(at, 0xF0, *size, *message, *end), SOUND
    for name, controller in ("controller", [0xB0, 7, 100]), ("program", [0xC0, 5]), ("pitch bend", [0xE0, 0, 64]):
        found[f"data byte of a {name} lost"] = in_tune(9, *controller[:-1]), SOUND
    found["velocity of a note-off lost"] = smf(b"".join(MELODY[:9]) + MELODY[9][:-1] + b"".join(MELODY[10:]) + END), SOUND
    return found


FAULTS = {f"time: {name}": (fault, None) for name, fault in time_faults().items()}
for kind, faults in ("pairing", pairing_faults()), ("channels", channel_faults()), ("numbers", number_faults()):
    FAULTS.update({f"{kind}: {name}": both for name, both in faults.items()})

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seed inputs of the fuzz targets to tests/fuzz/corpus/<target>/: small files of every format, valid and
faulty, from which fuzzing and the tests begin. With --check, says what differs.

    tools/make_corpus.py [--check]

Every file is made here, byte by byte. An input that once violated a guarantee becomes one of them, named after
the fault. Other files in those folders are not touched.
"""
import hashlib
import json
import pathlib
import random
import struct
import sys
import zlib

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "tests/fuzz/corpus"
files = {}


def add(target, name, content):
    assert (target, name) not in files
    files[target, name] = content if isinstance(content, bytes) else content.encode()


# ---- MIDI ----

END = b"\0\xff\x2f\0"


def header(form, tracks, division, extra=b"", length=None):
    return b"MThd" + struct.pack(">IHHH", 6 + len(extra) if length is None else length, form, tracks, division) + extra


def chunk(events, name=b"MTrk", length=None):
    return name + struct.pack(">I", len(events) if length is None else length) + events


def one(events, division=96):
    return header(0, 1, division) + chunk(events)


def meta(kind, data, delta=0):
    return bytes([delta, 0xFF, kind, len(data)]) + data


def tempo(us, delta=0):
    return meta(0x51, us.to_bytes(3, "big"), delta)


def meter(over, log2, delta=0):
    return meta(0x58, bytes([over, log2, 24, 8]), delta)


def sysex(message, delta=0):
    return bytes([delta, 0xF0, len(message) + 1]) + message + b"\xf7"


NOTE = b"\0\x90\x3c\x64\x60\x80\x3c\0"
SCALE = b"\0\x90\x3c\x64" + b"".join(bytes([96, k, 0, 0, k + 2, 100]) for k in (60, 62, 64, 66)) + b"\x60\x44\0"
RICH = [
    meta(3, b"name") + meta(1, b"text") + tempo(500000) + meter(6, 3) + tempo(250000, 96) + END,
    b"\0\x90\x3c\x64\x10\x3c\x32\x81\0\x3c\0\x10\x3c\0\0\xf0\5\x7e\x7f\6\1\xf7\0\xc1\5\0\xe2\1\2\x83\xff\x7f\x99\x24\x40"
    b"\5\x24\0\0\xf8" + END,
    b"\0\x90\x40\x64\0\x43\x64\x60\xff\x2f\0",
]
rich = header(1, 3, 96) + chunk(RICH[0]) + chunk(b"abc", b"XFIH") + chunk(RICH[1]) + chunk(RICH[2])


def riff(data, after=b""):
    return b"RIFF" + struct.pack("<I", len(data) + 12) + b"RMIDdata" + struct.pack("<I", len(data)) + data + after


def midi():
    def seed(name, content):
        add("midi", name + ".mid", content)

    seed("empty", b"")
    seed("header-only", header(0, 0, 96))
    seed("header-cut", header(0, 1, 96)[:11])
    seed("header-long", header(1, 1, 96, b"more") + chunk(NOTE + END))
    seed("header-short", header(0, 1, 96, length=2) + chunk(NOTE + END))
    seed("header-claims-more-tracks", header(1, 65535, 96) + chunk(NOTE + END) + chunk(SCALE + END))
    seed("note", one(NOTE + END))
    seed("scale", one(SCALE + END, 480))
    seed("rich", rich)
    seed("rich-in-riff", riff(rich, b"DISP\2\0\0\0ab"))
    seed("riff-without-midi", b"RIFF\x10\0\0\0WAVEfmt \4\0\0\0abcd")
    seed("junk-before-header", b"MIDI follows MThd, really: " + rich)
    seed("junk-after", rich + b"\0\1\2")
    seed("text", b"This is not a MIDI file.\n")
    seed("bare-sysex", b"\xf0\x7e\x7f\6\1\xf7")
    seed("format-0-of-two-tracks", header(0, 2, 96) + chunk(NOTE + END) + chunk(SCALE + END))
    seed("format-2", header(2, 3, 96) + chunk(tempo(300000) + NOTE + END) + chunk(SCALE + END) + chunk(NOTE + meter(3, 2)))
    seed("format-9", header(9, 1, 96) + chunk(NOTE + END))
    seed("division-0", one(NOTE + END, 0))
    for name, division in ("24", 0xE850), ("25", 0xE728), ("30-drop", 0xE304), ("30", 0xE2FF), ("bad", 0xE000):
        seed("smpte-" + name, one(SCALE + NOTE + END, division))
    seed("division-highest", one(NOTE + END, 32767))
    seed("unknown-chunks", header(1, 1, 96) + chunk(b"x", b"XFKM") + chunk(NOTE + END) + chunk(b"yy", b"\0\1\2\3"))
    seed("chunk-longer-than-file", header(0, 1, 96) + chunk(NOTE + END, length=0xFFFFFFFF))
    seed("chunk-over-next", header(1, 2, 96) + chunk(NOTE + END, length=20) + chunk(SCALE + END))
    seed("chunk-too-short", header(1, 2, 96) + chunk(NOTE + NOTE + END, length=9) + chunk(SCALE + END))
    seed("chunk-of-nothing", header(1, 3, 96) + chunk(b"") + chunk(b"", length=0) + chunk(NOTE))
    seed("no-end-of-track", one(NOTE))
    seed("after-end-of-track", one(NOTE + END + NOTE))
    seed("running-status", one(b"\0\x90\x3c\x64\0\x40\x64\0\x43\x64\x60\x3c\0\0\x40\0\0\x43\0" + END))
    seed("running-status-over-meta", one(b"\0\x90\x3c\x64" + meta(6, b"m") + b"\x10\x3c\0" + END))
    seed("running-status-over-sysex", one(b"\0\x90\x3c\x64\0\xf0\2\x7e\xf7\x10\x3c\0\0\x40\x64\5\x40\0" + END))
    seed("data-without-status", one(b"\0\x3c\x64\0\x90\x3c\x64\5\x3c\0" + END))
    seed("status-f1-to-fe", one(b"".join(bytes([0, s, 1]) for s in range(0xF1, 0xFF)) + NOTE + END))
    seed("data-above-127", one(b"\0\xb2\0\xa8\0\x90\xbc\x64" + NOTE + END))
    seed("vlq-five-bytes", one(b"\xff\xff\xff\xff\x7f\x90\x3c\x64\x60\x3c\0" + END))
    seed("vlq-longest", one(b"\xff\xff\xff\x7f\x90\x3c\x64\x60\x3c\0" + END))
    seed("vlq-padded", one(b"\x80\x80\x80\0\x90\x3c\x64\x80\x60\x3c\0" + END))
    seed("vlq-cut", one(NOTE + b"\xff\xff"))
    seed("ticks-beyond-limit", one(b"\xff\xff\xff\x7f\xff\6\0" * 1040 + NOTE + END))
    seed("text-longer-than-track", one(b"\0\xff\1\xff\xff\xff\x7fabc"))
    seed("text-length-five-bytes", one(NOTE + b"\0\xff\3\xff\xff\xff\xff\1abc" + END))
    seed("text-empty-then-not", one(meta(3, b"") + meta(3, b"\0x") + meta(3, b"\xc4\xe3\xba\xc3") + meta(1, b"a\0b") + END))
    seed("tempo-zero", one(tempo(0) + tempo(1) + NOTE + tempo(0xFFFFFF, 5) + meta(0x51, b"\7\xa1") + NOTE + END))
    seed("tempos-at-one-tick", one(tempo(100) + tempo(200) + NOTE + tempo(300) + tempo(400, 96) + END))
    seed("tempo-in-later-track", header(1, 2, 96) + chunk(SCALE + END) + chunk(tempo(250000, 100) + tempo(9, 100) + END))
    seed("meter-odd", one(meter(0, 2) + meter(5, 6, 3) + meter(5, 7, 3) + meta(0x58, b"\3\3", 4) + NOTE + END))
    seed("restruck", one(b"\0\x90\x3c\x64\x10\x3c\x50\x10\x3c\0\x10\x3c\0\0\x3c\x40\0\x3c\0" + END))
    seed("zero-length", one(b"\0\x90\x3c\x64\0\x3c\0\0\x3c\x64\0\x3c\x50\0\x3c\0\7\x3c\0" + END))
    seed("never-ends", one(b"\0\x90\x3c\x64\x10\x3c\x50\x10\x40\x50" + END))
    seed("never-starts", one(b"\0\x80\x3c\x64\x10\x90\x3c\0" + END))
    seed("drums", one(b"\0\x99\x24\x64\x30\x24\0\0\x26\x64\x30\x26\0" + NOTE + END))
    seed("keys-0-and-127", one(b"\0\x9f\0\1\0\x7f\x7f\x60\0\0\0\x7f\0" + END))
    seed("pedal", one(b"\0\xb0\x40\x7f\0\x90\x3c\x64\x10\x3c\0\x10\x3c\x50\x10\x3c\0\x20\xb0\x40\0\x10\x90\x40\x64\x10\x40\0" + END))
    seed("pedal-never-up", one(b"\0\x90\x3c\x64\0\x3e\x64\0\xb0\x40\x40\x10\x90\x3c\0\0\x3e\0" + meta(6, b"m", 99) + END))
    seed("pedal-reset", one(b"\0\xb3\x40\x7f\0\x93\x3c\x64\x10\x3c\0\x10\xb3\x79\0" + END))
    seed("pedal-on-another-track", header(1, 2, 96) + chunk(b"\0\xb0\x40\x7f\x60\x40\0" + END) + chunk(b"\0\x90\x3c\x64\x10\x3c\0" + END))
    seed("pedal-over-format-2", header(2, 2, 96) + chunk(b"\0\xb0\x40\x7f" + NOTE + END) + chunk(NOTE + END))
    seed("pedal-sostenuto", one(b"\0\x90\x3c\x64\x08\xb0\x42\x7f\x08\x90\x3c\0\0\x3e\x64\x10\x3e\0\x10\xb0\x42\0\0\x78\0" + END))
    seed("two-ports", header(1, 2, 96) + chunk(meta(0x21, b"\0") + b"\0\xb0\x40\x7f" + NOTE + b"\x60\xb0\x40\0" + END)
         + chunk(meta(0x21, b"\1") + NOTE + NOTE + END))
    seed("port-changes", one(b"\0\x90\x3c\1" + meta(0x21, b"\5") + b"\x08\x90\x3c\2" + meta(0x21, b"\0", 8) + b"\0\x90\x3c\0"
                             + meta(0x21, b"\5") + b"\x10\x90\x3c\0" + END))
    kit = b"\0\x9a\x24\x64\x10\x24\0\0\x99\x3c\x64\x10\x3c\0"
    seed("gs-rhythm", header(1, 2, 96) + chunk(sysex(b"\x41\x10\x42\x12\x40\x1a\x15\2\x0f")
                                               + sysex(b"\x41\x10\x42\x12\x40\x10\x15\0\x1b") + END) + chunk(kit + END))
    seed("xg-drum-bank", one(sysex(b"\x43\x10\x4c\0\0\x7e\0") + b"\0\xba\0\x7f\0\xb9\0\0" + kit + END))
    seed("gm2-rhythm-bank", one(sysex(b"\x7e\x7f\x09\3") + b"\0\xba\0\x78\0\xb9\0\x79" + kit + END))
    seed("all-notes-off", one(b"\0\x90\x3c\x64\0\x3e\x64\x10\xb0\x7b\0\x10\x90\x3c\x64\x10\xb0\x78\0" + END))
    seed("off-on-another-track", header(1, 2, 96) + chunk(b"\0\x90\x3c\x64\x60\x3e\x64" + END)
         + chunk(b"\x30\x80\x3c\0\x60\x3e\0\0\x40\0" + END))
    seed("unison-on-on-off", one(b"\0\x90\x3c\x64\0\x3c\x64\x10\x3c\0" + NOTE + NOTE + END))
    chain = sorted([(16 * i, 1) for i in range(12)] + [(16 * i + 24, 0) for i in range(12) if i != 5])
    seed("overlapping-chain", one(b"".join(bytes([t - b, 0x90, 60, 64 * on]) for (b, _), (t, on) in zip([(0, 0)] + chain, chain)) + END))
    tune = b"".join(bytes([0, 0x90, k, 90, 96, 0x80, k, 64]) for k in (60, 62, 64, 65, 67, 69, 71, 72))
    for name, data in ("key", tune[:34] + tune[35:]), ("velocity", tune[:35] + tune[36:]), ("velocity-off", tune[:39] + tune[40:]):
        seed("lost-" + name, one(data + END))
    seed("off-velocity-200", one(tune[:39] + b"\xc8" + tune[40:] + END))
    for name, event in (("sysex-without-length", b"\0\xf0\x7e\x7f\x09\1\xf7"), ("sysex-one-short", b"\0\xf0\4\x7e\x7f\x09\1\xf7"),
                        ("text-over-events", b"\0\xff\1\x14hello"), ("tempo-of-19-bytes", b"\0\xff\x51\x13\7\xa1\x20")):
        seed(name, one(tune[:16] + event + tune[16:] + END))
    seed("vlq-padded-to-five", one(b"\0\x90\x3c\x64\x80\x80\x80\x83\x60\x3c\0" + END))
    seed("wild-delta", one(tune + b"\xff\xff\xff\x7f\x90\x3c\x64\x60\x3c\0" + END))
    lines = header(1, 2, 480) + chunk(tempo(0x0A0D0A) + END) + chunk(tune + tune + END)
    seed("line-ends", lines.replace(b"\n", b"\r\n"))
    seed("as-utf8", lines.decode("latin-1").encode())
    noise = random.Random(21)
    for i in range(3):  # mostly data bytes, so that a length is rarely read from them
        events = bytes(noise.choices(range(128 if noise.random() < 0.9 else 256), k=1)[0] for _ in range(300))
        seed(f"noise-{i}", header(i, 1, noise.randrange(65536)) + chunk(events))
    seed("cut-in-event", one(NOTE + b"\0\x90\x3c"))


# ---- text scores ----

HEAD = "title T\nmeter 4/4\nkey C major\ntempo 4 = 120\n"


def score():
    def seed(name, text):
        add("score", name + ".txt", text)

    seed("empty", "")
    seed("smallest", HEAD + "voice a\na: 1c4")
    seed("rests-only", HEAD + "voice a\na: R | 1r")
    seed("two-voices", HEAD + "from F\nvoice a f\nvoice b pp\na: 4c4 d 8e f g3 r | %\nb: 2<c3 e g> <d f#~> | 2f# r\n")
    seed("sections", HEAD + "voice a\nplay A B A\nsection A\na: 1c4\nsection B\nmeter 3/4\nkey Eb minor\ntempo 8 = 99\na: 2.d4")
    seed("pickup", HEAD + "pickup 4\nvoice a\nplay A A\nsection A\na: 4c4 | 1d4 | 2.e4\n")
    seed("pickup-none", HEAD + "pickup 2+8\nlast 1\nvoice a\nsection A\npickup none\na: 1c4\nsection B\nlast 2\na: R | 2d4")
    seed("ties", HEAD + "voice a\na: 2c4 d~ | 4d~ d 2<e g>~ | 1<e g>\n")
    seed("triplets", HEAD + "voice a\na: 4c4 (3 8d e f ) (3 4g 8a) (3 4r 8b~) | 4b 2.c\n")
    seed("dots", HEAD + "voice a\na: 2..c4 16.d 32 e\n")
    seed("signs", HEAD.replace("C major", "Cb major") + "voice a\na: 8c#4 c##4 db4 dbb4 en4 fn4 g a | 1g9\n")
    seed("figures", HEAD + "figure mine 8:1 23 + * r / 4:1 2\nchords c mine f low g2\n"
         "chords d waltz\nchords e alberti pp\nc: 2Am7 2G/B | 4<c3 e> r C C\nd: C#dim | Gsus4 F\ne: C | %\n")
    seed("block", HEAD + "chords c block\nc: C G7 | Fmaj7 Bb/D | 2.E7b9 4r | R\n")
    seed("crlf-and-tabs", HEAD.replace("\n", "\r\n") + "\r\n# c\r\nvoice a\r\na:\t|1c4|\r\n")
    seed("wrong-bar", HEAD + "voice a\na: 2c4 4d | 1e")
    seed("wrong-tie", HEAD + "voice a\na: 2c4~ d")
    seed("wrong-word", HEAD + "voice a\nvoic b\na: 1c4")
    seed("wrong-bytes", HEAD.encode() + b"voice a\na: 1c4 \xff\x1b[2J\0")
    seed("no-title", "meter 4/4\nvoice a\na: 1c4")
    seed("not-a-score", "MThd\0\0\0\6\0\0\0\1\0\x60")


# ---- model files ----

CONFIG = {"format": "spiral-model-2", "networks": ["autoencoder"], "kind": "ae", "grid": "seconds", "frame_us": 10000,
          "steps_per_quarter": 4, "low": 60, "high": 61, "planes": 1, "drums": False, "frames": 2, "latent": 1, "hidden": 2,
          "layers": 1, "threshold": 0.25}
OLD_NAMES = {"frame_us": "column_us", "frames": "columns", "latent": "code"}  # of version 0.1


def old_config():
    config = {OLD_NAMES.get(name, name): value for name, value in CONFIG.items() if name != "networks"}
    return {**config, "format": "spiral-autoencoder-1"}


def safetensors(tensors, metadata=None, order=None):
    """tensors: name -> (dtype, shape, bytes)."""
    entries, data = {}, b""
    if metadata is not None:
        entries["__metadata__"] = metadata
    for name in order or tensors:
        kind, shape, content = tensors[name]
        entries[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(entries, separators=(",", ":"))
    text += " " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text.encode() + data


def raw(text, data=b"", length=None):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def floats(*shape):
    n = 1
    for side in shape:
        n *= side
    return "F32", list(shape), b"".join(struct.pack("<f", (i * 37 % 64 - 32) / 64) for i in range(n))


def model_tensors(c):
    D = c["planes"] * c["frames"] * (c["high"] - c["low"] + 1)
    H, Z, L = c["hidden"], c["latent"], c["layers"]
    O, N = (2 * Z if c["kind"] == "vae" else Z), H + Z
    t = {"encoder.0.weight": floats(D, N), "latent.weight": floats(H, O), "decoder.0.weight": floats(Z, H),
         "out.weight": floats(N, D), "latent.bias": floats(O), "out.bias": floats(D), "pca.mean": floats(D),
         "pca.basis": floats(Z, D), "latents.mean": floats(Z), "latents.factor": floats(Z, Z), "latents.step": floats(Z, Z),
         "latents.noise": floats(Z, Z), "latents.density": floats(1)}
    for side in "encoder", "decoder":
        for i in range(L):
            if i:
                t[f"{side}.{i}.weight"] = floats(H, H)
            t[f"{side}.{i}.norm.weight"] = floats(H)
            t[f"{side}.{i}.norm.bias"] = floats(H)
    return {name: (kind, shape[1:] if len(shape) == 2 and shape[0] == 1 else shape, content)
            for name, (kind, shape, content) in t.items()}


def model_file(config=(), said=None, data="", training="", change=lambda tensors: None):
    c = {**CONFIG, **dict(config)}
    tensors = model_tensors(c)
    change(tensors)
    texts = {"spiral": json.dumps({**c, **(said or {})}, separators=(",", ":")), "data": data, "training": training}
    return safetensors(tensors, texts)


DATA = '{"files":3,"files_held_out":1,"seconds":12.5}'
TRAINING = '{"loss":"spiral","step":3,"steps":3,"finished":true,"history":[{"step":3,"valid":0.5,"f1":0.9}]}'


def model():
    def seed(name, content):
        add("model", name + ".safetensors", content)

    seed("smallest", model_file())
    seed("vae-on-beats", model_file({"kind": "vae", "grid": "beats", "planes": 2, "latent": 2}, None, DATA, TRAINING))
    seed("three-layers", model_file({"layers": 3, "drums": True}))
    seed("more-tensors", model_file(change=lambda t: t.update({"resume.weights": floats(8), "half": ("F16", [3], b"abcdef")})))
    seed("missing-tensor", model_file(change=lambda t: t.pop("out.bias")))
    seed("wrong-shape", model_file(change=lambda t: t.update({"out.bias": floats(2, 2)})))
    seed("wrong-type", model_file(change=lambda t: t.update({"out.bias": ("I32", [4], bytes(16))})))
    seed("not-finite", model_file(change=lambda t: t.update({"out.bias": ("F32", [4], bytes(12) + b"\0\0\xc0\x7f")})))
    seed("huge-weights", model_file(change=lambda t: t.update({"encoder.0.weight": ("F32", [4, 3], b"\xff\xff\x7f\x7f" * 12)})))
    seed("boasting", model_file(said={"hidden": 4096, "layers": 8, "latent": 1024, "frames": 512}))
    seed("too-many-cells", model_file(said={"high": 127, "low": 0, "frames": 512, "planes": 2}))
    seed("other-format", model_file(said={"format": "spiral-model-9"}))
    seed("other-network", model_file(said={"networks": ["autoencoder", "oracle"]}))
    old = {"latent": "code", "latents": "codes"}
    seed("version-0.1", safetensors({".".join([old.get(first, first), *rest]): t for name, t in model_tensors(CONFIG).items()
                                     for first, *rest in [name.split(".")]}, {"spiral": json.dumps(old_config())}))
    seed("no-config", safetensors(model_tensors(CONFIG), {"format": "pt"}))
    seed("config-no-json", safetensors(model_tensors(CONFIG), {"spiral": "{"}))


def container():
    def seed(name, content):
        add("safetensors", name + ".safetensors", content)

    two = {"a": floats(2, 3), "b": floats(2)}
    seed("empty", b"")
    seed("no-tensors", raw("{}"))
    seed("two-arrays", safetensors(two, {"x": "y"}))
    seed("out-of-order", safetensors(two, None, ["b", "a"]))
    seed("kinds", safetensors({"h": ("F16", [3], b"abcdef"), "i": ("I8", [], b"x"), "s": floats(), "e": floats(0, 5)}))
    seed("not-finite", safetensors({"a": ("F32", [2], b"\0\0\x80\x7f\0\0\xc0\xff")}))
    seed("overlap", raw('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(8)))
    seed("hole", raw('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', bytes(8)))
    seed("tail", safetensors(two) + b"x")
    seed("cut", safetensors(two)[:-1])
    seed("negative", raw('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[-4,0]}}'))
    seed("huge-shape", raw('{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'))
    seed("huge-offsets", raw('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,9223372036854775807]}}'))
    seed("duplicate", raw('{"a":{},"a":{}}'))
    seed("metadata-no-text", raw('{"__metadata__":{"a":1}}'))
    seed("entry-no-object", raw('{"a":[0,4]}', bytes(4)))
    seed("deep", raw('{"a":' + "[" * 3000))
    seed("length-highest", raw("{}", length=2**64 - 1))
    seed("length-zero", raw("{}", length=0))
    seed("no-utf8", raw(b'{"\xff":1}'))
    seed("nul-in-name", raw('{"\\u0000":1}'))


def config():
    def seed(name, said=None, data="", training="", text=None):
        text = json.dumps({**CONFIG, **(said or {})}, separators=(",", ":")) if text is None else text
        add("config", name + ".json", text + "\0" + data + "\0" + training)

    # the target makes two layers of an input of odd length
    for layers in 1, 2:
        texts = json.dumps({**CONFIG, "layers": layers}, separators=(",", ":"))
        seed(f"sound-{layers}", None, DATA, TRAINING + " " * ((len(texts + DATA + TRAINING) + layers + 1) % 2), texts)
    seed("beats", {"grid": "beats", "steps_per_quarter": 4})
    seed("pedal-and-fold", {"pedal": True, "out_of_range": "fold"})
    seed("fit", {"out_of_range": "fit"})
    seed("out-of-range-unknown", {"out_of_range": "clip"})
    seed("grid-unknown", {"grid": "fortnight"})
    for name, said in {"frames": 0, "latent": 1025, "hidden": -1, "layers": 9, "low": 128, "high": 59, "planes": 3,
                       "frame_us": 999, "kind": "gan", "threshold": "0", "format": 1, "drums": 2}.items():
        seed("bad-" + name, {name: said})
    seed("threshold-1e39", text=json.dumps({**CONFIG, "threshold": 0.5}).replace("0.5", "1e39"))
    seed("integers-beyond", text=json.dumps(CONFIG).replace("10000", "4294977296").replace("61", "18446744073709551677"))
    seed("duplicate", text='{"format":"spiral-model-2","format":"x"}')
    seed("version-0.1", text=json.dumps(old_config()))
    seed("unknown-fields", {"tempo": 120, "names": ["a", {"b": None}]})
    seed("networks-no-list", {"networks": "autoencoder"})
    seed("array", text="[1]")
    seed("nothing", text="")


# ---- compressed MIDI ----

def gzip_member(content, deflated=None, flags=0, more=b""):
    """A member of a gzip file (RFC 1952): stored, if it is not given deflated. Made here, so that it does not depend on a
    version of zlib."""
    if deflated is None:
        deflated = b"\1" + struct.pack("<HH", len(content), len(content) ^ 0xFFFF) + content
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff" + more
    return head + deflated + struct.pack("<II", zlib.crc32(content), len(content))


def compressed():
    song = one(NOTE * 8 + END)
    deflated = bytes.fromhex("f30dc948616060600362468604df90a26c20cb8561824d4a42830d03d9f47f7d0600")
    assert zlib.decompress(deflated, -15) == song
    add("gzip", "stored.mid.gz", gzip_member(song))
    add("gzip", "deflated.mid.gz", gzip_member(song, deflated))
    add("gzip", "two-members.mid.gz", gzip_member(song[:20]) + gzip_member(song[20:]))
    add("gzip", "name-and-comment.mid.gz", gzip_member(song, deflated, 0x18, b"song.mid\0a tune\0"))
    add("gzip", "bytes-behind.mid.gz", gzip_member(song, deflated) + b"tail")
    add("gzip", "of-nothing.gz", gzip_member(b""))
    add("gzip", "of-a-text.gz", gzip_member(b"no music"))
    add("gzip", "of-gzip.gz", gzip_member(gzip_member(song)))
    add("gzip", "cut-off.mid.gz", gzip_member(song, deflated)[:-6])
    add("gzip", "wrong-sum.mid.gz", gzip_member(song, deflated)[:-8] + bytes(8))
    add("gzip", "plain.mid", song)


# ---- corpus packs ----

MIX, STEP, WORD = 0x9E3779B97F4A7C15, (0xBF58476D1CE4E5B9, 0x94D049BB133111EB), 2**64 - 1


def mix(x):
    for shift, factor in zip((30, 27), STEP):
        x = (x ^ x >> shift) * factor & WORD
    return x ^ x >> 31


def roll_hash(planes):
    value = mix(len(planes[0]))
    for keys in sum(planes, []):
        for word in keys & WORD, keys >> 64:
            value = mix(value ^ word) + MIX & WORD
    return value


def varint(value):
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def pack_text(text):
    return varint(len(text)) + text.encode()


def packed_file(at, planes, path="a.mid", faults=()):
    """The index entry of a file; planes: lists of key sets, as whole numbers; None: it was left out."""
    head = pack_text(path) + pack_text("" if planes else "it has no notes") + pack_text("") + struct.pack("<d", 1.5)
    head += varint(9) * 12 + varint(128) + varint(len(faults)) + b"".join(varint(k) + varint(n) for k, n in faults)
    if not planes:
        return head
    frames = len(planes[0])
    return (head + varint(at) + varint(frames) + struct.pack("<Qd", roll_hash(planes), 120.0)
            + varint(-(-frames // 4)) + varint(0))


def pack_of(rolls, low=60, high=71, extra=b"", **said):
    """A corpus pack of windows of 4 frames, on sixteenths."""
    data, entries = b"", b""
    for i, planes in enumerate(rolls):
        entries += packed_file(128 + len(data), planes, f"{i}.mid", [(2, 1)] if i == 1 else ())
        for plane in planes or ():
            data += b"".join(struct.pack("<QQ", keys & WORD, keys >> 64) for keys in plane)
    numbers = {"kind": 1, "us": 0, "steps": 4, "low": low, "high": high, "onsets": len(rolls[0] or [0]) - 1, "drums": 0,
               "pedal": 0, "out": 0, "channels": 0, "unchanged": 128, "frames": 4, "count": len(rolls), **said}
    index = b"".join(map(varint, numbers.values())) + entries + extra
    head = b"\x89SPCORP\n" + bytes(range(1, 9)) + struct.pack("<QQQ", 1, 128 + len(data), 128 + len(data) + len(index))
    sums = hashlib.sha256(head).hexdigest() + hashlib.sha256(index).hexdigest()
    return head + hashlib.sha256(sums.encode()).hexdigest().encode() + bytes(24) + data + index


def pack():
    one_plane = [[1 << (60 + t % 12) for t in range(9)]]
    two = [[7 << (60 + t // 3) for t in range(6)], [7 << 60 if t % 3 == 0 else 0 for t in range(6)]]
    for name, content in {
            "one-file": pack_of([one_plane]), "duplicates": pack_of([one_plane, one_plane]), "two-planes": pack_of([two, two[::-1], [p * 2 for p in two]]),
            "left-out": pack_of([one_plane, None, [[1 << 71] * 3]]), "only-left-out": pack_of([None], onsets=0),
            "keys-outside": pack_of([one_plane], low=62), "low-above-high": pack_of([one_plane], low=80),
            "no-window": pack_of([one_plane], frames=0), "bad-grid": pack_of([one_plane], steps=0),
            "count-too-large": pack_of([one_plane], count=3), "count-huge": pack_of([one_plane], count=2**63),
            "bytes-after": pack_of([one_plane], extra=b"\0"), "planes-outside": pack_of([one_plane], onsets=1),
            "head-alone": pack_of([one_plane])[:128], "nothing": b""}.items():
        add("pack", name + ".pack", content)


# ---- inputs that violated a guarantee ----

def regressions():
    add("score", "section-of-a-pickup-alone.txt", HEAD + "pickup 4\nvoice a\nplay A A\nsection A\na: 4c4")
    add("score", "title-of-a-zero-byte.txt", "title \0" + HEAD[7:] + "voice a\na: 1c4")
    add("score", "figure-strikes-a-held-key.txt", HEAD + "figure f 1:1 / 4:r 1 8:1 r 2:1 / 4:1\nchords c f\nc: C")
    add("score", "figure-of-rests.txt", HEAD + "figure f 64:r / 64:r\nchords c f\nc: C | D")
    far = header(1, 4, 96) + b"".join(chunk(NOTE + END, length=n) for n in (100, 60, 120, 16)) + b"M\1\2" * 40
    add("midi", "lengths-that-end-in-a-far-tail.mid", far + chunk(SCALE + END) + b"M\3" * 9)
    add("score", "tempos-whose-seconds-round.txt", HEAD.replace("120", "164") + "voice a\nplay A B A\nsection A\na: 1c4\n"
        "section B\nmeter 3/4\ntempo 8 = 99\na: 2.d4")
    feeds = b"\f" * 34 + b"\x8b" + b"\f" * 40 + b"-" + b"\f" * 43  # read back, the title was taken for damaged events
    add("score", "title-of-form-feeds.txt", b"title T" + feeds + b"\nmeter 1/4\nkey C major\ntempo 4 = 120\n"
        b"figure f 8:1 / 4:* 1 8:1 r 2:1 / 1..:1\nchords c f\nc: C")
    add("midi", "sysex-begins-at-the-end.mid", header(0, 1, 96) + chunk(NOTE + b"\0\xf0"))
    add("midi", "unpaired-notes-without-offs.mid", header(0, 1, 96) + chunk(
        bytes.fromhex("00903c64003e6410b07b0010903c6410b0") + b"\xff" * 15 + b"\x78\0" + END, length=23))
    chain = sorted([(16 * i, 1) for i in range(12)] + [(16 * i + 40, 0) for i in range(12) if i != 5])
    add("midi", "lost-off-while-three-notes-of-a-key-sound.mid", one(b"".join(
        bytes([t - b, 0x90, 60, 64 * on]) for (b, _), (t, on) in zip([(0, 0)] + chain, chain)) + END))
    add("pack", "silent-roll.pack", pack_of([[[1 << 60] * 8], [[0]], [[1 << 61] * 12]]))


def main():
    for make in midi, score, model, container, config, compressed, pack, regressions:
        make()
    wrong = 0
    for (target, name), content in files.items():
        path = CORPUS / target / name
        if path.exists() and path.read_bytes() == content:
            continue
        if "--check" in sys.argv[1:]:
            print(f"{path} is not what tools/make_corpus.py makes", file=sys.stderr)
            wrong = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return wrong


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""Computes log-frequency spectra of excerpts of pieces, rendered with one SoundFont for training and another for the test.

    audio.py PROGRAM DATA OUT

Writes OUT/NAME.npz for each excerpt, with its spectrum (frames, 225), and the excerpt itself as OUT/NAME.mid. NAME begins with
train, valid, test or near; near is the test set in the SoundFont of training.
"""
import dataclasses
import os
import pathlib
import subprocess
import sys
import wave

# The last bits of NumPy's matrix products depend on the number of threads, and the F1 of a trained network depends on them.
os.environ["OPENBLAS_NUM_THREADS"] = "2"

import numpy as np

from spiral_loss import midi

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from clean_chorales import files

FRAME_S, SECONDS = 0.064, 20.0
RATE, SIZE, BINS, PER_OCTAVE, LOWEST_HZ = 22050, 8192, 225, 36, 55.0
TRAIN_FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
TEST_FONT = "/usr/share/sounds/sf2/TimGM6mb.sf2"
COMPOSERS = ("Bach", "Beethoven", "Chopin", "Haydn", "Mozart", "Schubert", "Schumann", "Tchaikovsky")


def excerpts(data):
    """(part, name, path) of each excerpt: 11 minutes for training, 2 for validation, 3 for the test."""
    chorales = data / "jsb-chorales" / "midi"
    piano = [sorted((data / "piano-midi-de-ccbysa" / c).glob("*.mid")) for c in COMPOSERS]
    flat = [p for group in zip(*(g[:3] for g in piano)) for p in group]  # 24: the first three of each composer
    for part, names in (("train", sorted((chorales / "train").glob("*.mid"))[:30] + flat[:4]),
                        ("valid", sorted((chorales / "valid").glob("*.mid"))[:6] + flat[8:9]),
                        ("test", files(chorales / "test")[1][:8] + flat[9:11])):  # fmt: skip
        for path in names:
            for kind in (part, "near") if part == "test" else (part,):
                yield kind, f"{kind}-{path.stem}", path


def cut(path):
    """The first SECONDS of a piece. Without program changes all notes have program 0, a piano."""
    whole = midi.read(path)
    ticks = next(t for t in range(0, whole.end_ticks + 1, 60) if whole.seconds(t) >= min(SECONDS, whole.end))
    notes = whole.notes[whole.notes["start_ticks"] < ticks].copy()
    notes["end_ticks"] = np.minimum(notes["end_ticks"], ticks)
    pedals = whole.pedals[whole.pedals["at_ticks"] < ticks]
    return dataclasses.replace(whole, notes=notes, pedals=pedals, end_ticks=int(ticks))


def samples(path):
    with wave.open(str(path)) as file:
        channels, rate, width = file.getnchannels(), file.getframerate(), file.getsampwidth()
        raw = file.readframes(file.getnframes())
    if width != 2 or rate != 2 * RATE:
        raise SystemExit(f"{path}: {width} bytes a sample at {rate} Hz: must be 2 at {2 * RATE}")
    mono = np.frombuffer(raw, "<i2").astype(np.float32).reshape(-1, channels).mean(1) / 32768
    return (mono[0 : len(mono) // 2 * 2 : 2] + mono[1::2]) / 2


def filters():
    """Triangular filters, 36 per octave, (BINS, SIZE / 2 + 1)."""
    hz = np.fft.rfftfreq(SIZE, 1 / RATE)
    at = np.full(len(hz), -1e9)
    at[1:] = PER_OCTAVE * np.log2(hz[1:] / LOWEST_HZ)
    width = np.maximum(1.0, PER_OCTAVE * np.log2(1 + RATE / SIZE / np.maximum(hz, 1)))
    weights = np.maximum(0, 1 - np.abs(at[None] - np.arange(BINS)[:, None]) / width[None])
    return (weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)).astype(np.float32)


def spectrum(wave_, frames, bank):
    padded = np.pad(wave_, (SIZE // 2, SIZE))
    window = np.hanning(SIZE).astype(np.float32)
    rows = []
    for t in range(frames):
        begin = int((t + 0.5) * FRAME_S * RATE)
        rows.append(bank @ np.abs(np.fft.rfft(padded[begin : begin + SIZE] * window)))
    return np.log1p(10 * np.array(rows)).astype(np.float32)


def main():
    program, data, out = (pathlib.Path(p).resolve() for p in sys.argv[1:4])
    out.mkdir(parents=True, exist_ok=True)
    for font in (TRAIN_FONT, TEST_FONT):
        if not pathlib.Path(font).exists():
            raise SystemExit(f"{font}: no such SoundFont; Debian's packages are fluid-soundfont-gm and timgm6mb-soundfont")
    bank = filters()
    for part, name, path in excerpts(data):
        target = out / f"{name}.npz"
        if target.exists():
            continue
        piece = cut(path)
        piece.save(out / f"{name}.mid")
        wav = out / f"{name}.wav"
        font = TEST_FONT if part == "test" else TRAIN_FONT
        subprocess.run([program, "render", out / f"{name}.mid", "-o", wav, "--synth", "fluidsynth", "--soundfont", font,
                        "--threads", "1", "--quiet"], check=True)  # fmt: skip
        frames = piece.to_roll(FRAME_S, low=21, high=108, pedal=True).sounding.shape[1]
        partial = out / f"{name}.part.npz"
        np.savez(partial, spectrum=spectrum(samples(wav), frames, bank))
        partial.rename(target)
        wav.unlink()
        print(f"{name}: {frames} frames", file=sys.stderr)


if __name__ == "__main__":
    main()

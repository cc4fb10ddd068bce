# SPDX-License-Identifier: MIT
"""Prints how many sounding cells of the music are lost if no two keys a semitone apart may sound, however good the network is.

    neighbours.py DATA
"""
import pathlib
import sys

import numpy as np

from spiral_loss import midi

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from paired import table

FRAME_S, LOW, HIGH = 0.032, 21, 108
CORPORA = {"jsb": "jsb-chorales/midi", "nottingham": "nottingham-gpl3", "piano": "piano-midi-de-ccbysa"}


def least_lost(sounding):
    """How many cells must be removed so that no two neighbours sound: of n adjacent keys, n / 2 rounded down."""
    lost, run = 0, np.zeros(len(sounding), int)
    for key in range(sounding.shape[1]):
        on = sounding[:, key]
        lost += np.sum(run[~on] // 2)
        run = np.where(on, run + 1, 0)
    return lost + np.sum(run // 2)


def row(name, paths, pedal):
    frames = cells = with_neighbours = lost = 0
    for path in paths:
        sounding = midi.read(path).to_roll(FRAME_S, low=LOW, high=HIGH, pedal=pedal).sounding.T
        frames += len(sounding)
        cells += sounding.sum()
        with_neighbours += (sounding[:, 1:] & sounding[:, :-1]).any(1).sum()
        lost += least_lost(sounding)
    return [name, str(len(paths)), "yes" if pedal else "no", f"{cells / frames:.2f}", f"{100 * with_neighbours / frames:.2f}",
            f"{100 * lost / cells:.2f}"]  # fmt: skip


def main():
    data = pathlib.Path(sys.argv[1])
    found = {name: sorted((data / folder).rglob("*.mid")) for name, folder in CORPORA.items()}
    rows = [row(name, paths, pedal) for name, paths in found.items() for pedal in (False, True)]
    print(table(["music", "files", "pedal", "notes per frame", "frames with neighbours, %", "cells lost, %"], rows))


if __name__ == "__main__":
    main()

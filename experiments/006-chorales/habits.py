# SPDX-License-Identifier: MIT
"""Statistics of a piece on a grid of sixteenths, most of them of how it goes on from its past: what the network of the two-sample test
can see and `spiral compare` does not measure."""
import numpy as np

BEAT, BAR = 4, 16  # frames
FEW, MANY = 0.2, 0.8  # of the half beats so far
SETTLED = 4  # half beats from which that share is used
FOURTH = 5  # semitones


def highest_keys(sounding):
    """(T) of a roll (P, T): index of the highest key, -1 in silence."""
    return np.where(sounding.any(axis=0), sounding.shape[0] - 1 - sounding[::-1].argmax(axis=0), -1)


def reversals(roll):
    """Moves of the highest key whose direction is not that of the move before: (count, of)."""
    keys = highest_keys(roll.sounding)
    moves = np.sign(np.diff(keys[keys >= 0]))
    moves = moves[moves != 0]
    return np.sum(moves[1:] != moves[:-1]), max(len(moves) - 1, 0)


def fourths(roll):
    """Beats on which a key sounds a fourth, or a fourth and octaves, above the lowest one: (count, of those with a key)."""
    beats = [np.flatnonzero(b) for b in roll.sounding[:, ::BEAT].T if b.any()]
    return sum(np.any((keys - keys[0]) % 12 == FOURTH) for keys in beats), len(beats)


def half_beats(roll, low, high):
    """Half beats on which a key begins, of those before which the share of such half beats was low..high: (count, of)."""
    begins = roll.onsets.any(axis=0)[BEAT // 2::BEAT].astype(float)
    before = np.cumsum(begins)[:-1] / np.arange(1, len(begins)) if len(begins) > 1 else np.zeros(0)
    chosen = (before >= low) & (before <= high) & (np.arange(1, len(begins)) >= SETTLED)
    return begins[1:][chosen].sum(), chosen.sum()


def first_triad(roll):
    """Whether the first frame sounds the three pitch classes of a major or minor triad and no other: (0 or 1, 1)."""
    classes = {(key + roll.low) % 12 for key in np.flatnonzero(roll.sounding[:, 0])}
    triads = ({root, (root + third) % 12, (root + 7) % 12} for root in range(12) for third in (3, 4))
    return int(classes in triads), 1


def repeats(roll):
    """Beats on which the highest key is that of four bars before: (count, of)."""
    keys = highest_keys(roll.sounding)[::BEAT]
    lag = 4 * BAR // BEAT
    return np.sum(keys[lag:] == keys[:-lag]), max(len(keys) - lag, 0)


HABITS = {
    "highest voice reverses its direction, of its moves": reversals,
    "a fourth above the lowest key, of beats": fourths,
    "a key begins on a half beat, where under .2 so far had one": lambda roll: half_beats(roll, 0, np.nextafter(FEW, 0)),
    "a key begins on a half beat, where over .8 so far had one": lambda roll: half_beats(roll, np.nextafter(MANY, 1), 1),
    "the first frame is a triad, of pieces": first_triad,
    "highest key as four bars before, of beats": repeats,
}


def habits_of(rolls):
    """name -> share, over all rolls."""
    return {name: float(np.divide(*np.sum([count(roll) for roll in rolls], axis=0))) for name, count in HABITS.items()}

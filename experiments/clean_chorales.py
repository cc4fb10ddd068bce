# SPDX-License-Identifier: MIT
"""The 49 of the 77 test chorales whose soprano is not that of a training chorale, as numbers of the files jsb-test-NNN.mid.

The other 28 have the soprano of a training chorale with another harmonisation. The list is that of
github.com/takakhoo/transformer-melody-generation, in the order of Jsb16thSeparated.
"""
CLEAN = (
    1, 4, 5, 7, 9, 10, 12, 13, 14, 15, 17, 18, 19, 20, 23, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 38, 39, 46, 47, 48,
    52, 55, 56, 57, 58, 59, 60, 61, 62, 63, 66, 68, 69, 70, 71, 72, 74, 76)  # fmt: skip


def files(folder):
    """Paths of all test chorales and of the clean ones among them."""
    everything = sorted(folder.glob("*.mid"))
    names = {f"jsb-test-{n:03d}.mid" for n in CLEAN}
    clean = [path for path in everything if path.name in names]
    if len(everything) != 77 or len(clean) != 49:
        raise SystemExit(f"{folder}: {len(everything)} chorales, {len(clean)} of them clean: must be 77 and 49")
    return everything, clean

# SPDX-License-Identifier: MIT
"""Draws costs.svg: two octaves of keys on the helix, and the cost of each interval.

python examples/draw_costs.py > costs.svg
"""

from __future__ import annotations

import math

from spiral_loss.numpy import interval_costs

NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
STYLE = "text{font:11px sans-serif;fill:#333}.n{text-anchor:middle}.h{font-size:13px;font-weight:bold}"


def on_coil(key: float) -> tuple[float, float]:
    """The position of a key in the drawing: its pitch class gives the angle, its number the height."""
    angle = math.pi / 2 - math.tau * key / 12
    return 130 + 85 * math.cos(angle), 250 - 7.5 * key + 14 * math.sin(angle)


def coil() -> list[str]:
    wire = " ".join("{:.1f},{:.1f}".format(*on_coil(k / 8)) for k in range(24 * 8 + 1))
    parts = [f'<polyline points="{wire}" fill="none" stroke="#99b" stroke-width="1.5"/>']
    parts.append('<text class="n h" x="130" y="20">a key is a place on a coil</text>')
    for key in range(25):
        x, y = on_coil(key)
        colour = "#c33" if key % 12 == 0 else "#446"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if key % 12 == 0 else 3}" fill="{colour}"/>')
        if key in (0, 1, 6, 12, 18, 24):
            parts.append(f'<text x="{x + 8:.1f}" y="{y - 4:.1f}">{NAMES[key % 12]}{4 + key // 12}</text>')
    return parts


def bars() -> list[str]:
    substitute, insert = interval_costs(25)
    parts = ['<text class="n h" x="510" y="20">what it costs instead of C4 (dark), and added to it (light)</text>']
    for missed in (0.5, 1.0, 1.5):
        y = 260 - 140 * missed
        parts.append(f'<path d="M285 {y:g}H745" stroke="#ccc"/><text x="262" y="{y + 4:g}">{missed}</text>')
    for key in range(25):
        x, wrong, added = 290 + 18 * key, 140 * substitute[key], 140 * insert[key]
        parts.append(f'<rect x="{x}" y="{260 - wrong:.1f}" width="8" height="{wrong:.1f}" fill="#446"/>')
        if key:
            parts.append(f'<rect x="{x + 8}" y="{260 - added:.1f}" width="5" height="{added:.1f}" fill="#aac"/>')
        if "#" not in NAMES[key % 12]:
            parts.append(f'<text class="n" x="{x + 6}" y="276">{NAMES[key % 12]}</text>')
    return [*parts, '<text class="n" x="510" y="294">missed notes; the chromatic helix with its defaults</text>']


def main() -> None:
    print('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 304" width="760" height="304">')
    print(f'<style>{STYLE}</style><rect width="760" height="304" fill="#fff"/>')
    print("\n".join([*coil(), *bars(), "</svg>"]))


if __name__ == "__main__":
    main()

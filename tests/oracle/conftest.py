# SPDX-License-Identifier: MIT
"""Differences between this library and others: each comparison has a bound, and the largest difference is printed at the end."""
import pytest

worst = {}  # name of the comparison: (largest difference, bound, comparisons)


@pytest.fixture
def agree():
    def check(what, apart, bound):
        apart = float(apart)
        assert apart <= bound, f"{what}: {apart:.3g} apart, bound {bound:g}"
        most, _, count = worst.get(what, (0.0, bound, 0))
        worst[what] = max(most, apart), bound, count + 1
    return check


def pytest_terminal_summary(terminalreporter):
    for what, (most, bound, count) in worst.items():
        terminalreporter.write_line(f"{what}: {most:.2g} apart at most, bound {bound:g} ({count} compared)")

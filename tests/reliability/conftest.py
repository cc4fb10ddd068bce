# SPDX-License-Identifier: MIT
"""Shared by the tests of reliability. The short form takes some minutes. With SPIRAL_RELIABILITY=long everything is tried, which
takes hours; with SPIRAL_RELIABILITY=200 about 200 allocations of each command fail, evenly spread, instead of all or a dozen."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
pytest_plugins = ["reliability_fixtures"]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

WHICH = os.environ.get("SPIRAL_RELIABILITY", "")
LONG = WHICH == "long"
if not (LONG or WHICH == "" or WHICH.isdecimal() and int(WHICH)):
    raise pytest.UsageError(f"SPIRAL_RELIABILITY is {WHICH!r}, must be long or a number from 1 on")


@pytest.fixture(scope="session")
def long():
    return LONG


@pytest.fixture(scope="session")
def most_allocations():
    """The number of allocations of a command, evenly spread, at which failures are tried: of one, and of all from there on."""
    return 10**9 if LONG else int(WHICH or 12)

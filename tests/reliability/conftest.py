# SPDX-License-Identifier: MIT
"""What the trials share. The fast part takes some minutes; SPIRAL_RELIABILITY=long makes every trial, which takes hours;
SPIRAL_RELIABILITY=200 fails about 200 allocations of each command, evenly spread, instead of all or a dozen."""
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
    """How many allocations of a command fail, evenly spread, one at a time and all from one on."""
    return 10**9 if LONG else int(WHICH or 12)

# SPDX-License-Identifier: MIT
"""What the trials share. The fast part takes some minutes; SPIRAL_RELIABILITY=long makes every trial."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
pytest_plugins = ["reliability_fixtures"]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

LONG = os.environ.get("SPIRAL_RELIABILITY") == "long"


@pytest.fixture(scope="session")
def long():
    return LONG

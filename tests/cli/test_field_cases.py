# SPDX-License-Identifier: MIT
"""The files of field/make_cases.py, which stands beside the repository in a folder shared by its checkouts: what inspect
must give for each. Without that folder they are skipped; tests/midi has each kind as bytes of its own."""
import os
import subprocess
import sys

import pytest
from program import SOURCE, spiral

MAKER = SOURCE.parent / "shared" / "field" / "make_cases.py"
# file: notes, drums, seconds, windows of 16 sixteenths, kinds of repairs
CASES = {
    "drums_gs_channel_11.mid": (4, 4, 1, 1, set()),
    "drums_xg_bank_127.mid": (4, 4, 1, 1, set()),
    "melody_on_channel_10_by_gs.mid": (4, 0, 1, 1, set()),
    "note_off_velocity_200.mid": (8, 0, 4, 2, {"bad_data"}),
    "controller_123_ends_notes.mid": (4, 0, 2, 1, set()),
    "one_unison_on_on_off.mid": (113, 0, 56.5, 29, {"note_dropped"}),
    "open_note_late_end_of_track.mid": (9, 0, None, 3, {"note_never_ends"}),
    "wild_delta.mid": (65, 0, None, 9, set()),
    "sysex_without_length.mid": (64, 0, 16, 8, {"sysex"}),
    "off_in_other_track.mid": (3, 0, 2, 1, {"note_other_track"}),
    "two_ports_one_pedal.mid": (6, 0, 2.5, 2, set()),
    "padded_delta.mid": (2, 0, 1, 1, {"bad_delta"}),
    "program_and_lyrics.mid": (8, 0, 1, 1, set()),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if not os.path.exists(MAKER):
        pytest.skip(f"there is no {MAKER}")
    path = tmp_path_factory.mktemp("field")
    subprocess.run([sys.executable, MAKER, path], check=True)
    return path


def test_every_case_is_in_the_table(folder):
    assert {path.name for path in folder.iterdir()} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_case_gives_the_right_value(name, folder):
    done = spiral("inspect", folder / name, "--json")
    notes, drums, seconds, windows, repairs = CASES[name]
    assert done.status == 0, done.err
    found = done.json
    assert (found["notes"], found["notes_drums"], found["windows"], set(found["warnings"])) == (notes, drums, windows, repairs)
    if seconds is not None:
        assert found["seconds"] == pytest.approx(seconds)
    else:
        assert found["seconds"] < 60


def test_pedal_of_one_port_holds_no_notes_of_another(folder):
    done = spiral("inspect", folder / "two_ports_one_pedal.mid", "--pedal", "--json")
    assert done.json["notes_held"] == 1

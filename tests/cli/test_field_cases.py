# SPDX-License-Identifier: MIT
"""Faults of real files and scripts, and the result for each: the files of field_files.py, and those of field/make_cases.py,
which is outside the repository, in a folder shared by its checkouts; without it these are skipped. ROWS names the tests for
each row of the table of faults."""
import os
import re
import subprocess
import sys

import pytest
from field_files import FAULTS
from program import SOURCE, notes_of, spiral

# A row of the table of faults: the tests for it, in C ("test_name") or Python ("file.py: test_name").
ROWS = {
    # K1: one wrong time makes a corpus unusable
    "hours without a note in one file": ["test_field_cases.py: test_wrong_times_cost_eight_bars_at_most",
                                         "test_corpus_files.py: test_long_silence_is_cut_and_said",
                                         "test_corpus_files.py: test_a_file_with_a_wrong_time_changes_no_training",
                                         "windows_begin_where_one_has_a_note"],
    "small files with times of millions of quarters": [
        "test_corpus_files.py: test_small_files_with_wrong_times_take_no_memory"],
    "open note, late end of track": ["test_field_cases.py: test_wrong_times_cost_eight_bars_at_most",
                                     "test_open_note_does_not_last_until_a_late_end_of_track"],
    "tempos behind the music": ["test_field_cases.py: test_wrong_times_cost_eight_bars_at_most",
                                "test_tempos_behind_the_notes_are_no_music"],
    # K2: one lost or doubled event lengthens many notes
    "on, on, off of one key": ["test_field_cases.py: test_fault_gives_the_notes_of_the_correct_file",
                               "test_doubled_note_on_is_dropped_and_later_notes_keep_their_ends"],
    "note-off lost": ["test_field_cases.py: test_fault_gives_the_notes_of_the_correct_file",
                      "test_lost_or_doubled_event_changes_one_note"],
    "note-off with a velocity above 127": ["test_note_off_is_kept_whatever_its_velocity",
                                           "test_note_offs_are_kept_when_all_have_such_a_velocity"],
    "note-on with data above 127": ["test_data_above_127_is_clipped_in_notes"],
    "controllers 120 and 123 to 127": ["test_field_cases.py: test_fault_gives_the_notes_of_the_correct_file"],
    "note-offs in another track": ["test_field_cases.py: test_fault_gives_the_notes_of_the_correct_file"],
    # K3: the meaning of channels and ports
    "drums by GS, XG and GM2": ["test_field_cases.py: test_fault_gives_the_notes_of_the_correct_file"],
    "melody on channel 10 by GS": ["test_field_cases.py: test_fault_gives_the_notes_of_the_correct_file"],
    "two ports, one pedal": ["test_field_cases.py: test_pedal_of_one_port_holds_no_notes_of_another"],
    "sostenuto": ["test_pedal.c"],
    "a switch for drums": ["test_corpus_files.py: test_drums_are_kept_dropped_or_named"],
    # K4: a wrong number loses the rest of a track
    "sysex without a length": ["test_sysex_without_a_length_ends_with_f7",
                               "test_sysex_without_f7_ends_before_the_next_event"],
    "padded delta time": ["test_field_cases.py: test_fault_gives_the_notes_of_the_correct_file"],
    "padded length of a meta event": ["test_field_cases.py: test_fault_gives_the_notes_of_the_correct_file"],
    "data byte lost before a status byte": ["test_lost_data_byte_loses_one_note_at_most"],
    # K5: folders
    "unreadable subfolder": ["test_corpus_files.py: test_what_folders_hold_besides_is_skipped_and_counted"],
    "pipe with the name of a MIDI file": ["test_corpus_files.py: test_what_folders_hold_besides_is_skipped_and_counted"],
    "dangling link": ["test_corpus_files.py: test_what_folders_hold_besides_is_skipped_and_counted"],
    ".smf, .mid.gz and names without an ending": [
        "test_corpus_files.py: test_files_without_an_ending_and_compressed_ones_are_read_when_named"],
    "thousands of duplicates": ["test_corpus_files.py: test_many_faulty_files_are_told_in_a_dozen_lines"],
    # K6: losses in PyTorch
    "weight 0 over NaN or -100": ["test_odd_tensors.py: test_every_path_gives_the_same_answer"],
    "two-dimensional logits": ["test_odd_tensors.py: test_every_path_gives_the_same_answer"],
    "targets from 0 to 127": ["test_odd_tensors.py: test_every_path_gives_the_same_answer"],
    "a tensor for lambda": ["test_losses.py: test_arguments_are_checked_when_they_are_given"],
    "pos_weight": ["test_losses.py: test_pos_weight_is_that_of_torch"],
    "empty batch": ["test_odd_tensors.py: test_every_path_gives_the_same_answer"],
    # K7: content that is lost without a message
    "picture of drums only": ["test_corpus_files.py: test_pictures_of_drums_and_losses_of_midi_are_told"],
    "programs, volume, names and lyrics": ["test_corpus_files.py: test_what_is_not_written_or_played_is_counted",
                                           "test_events_that_are_not_kept_are_counted"],
    "a latent that says nothing": ["test_corpus_files.py: test_a_latent_that_says_nothing_is_told"],
    "texts in Shift-JIS and Latin-1": ["test_title_in_shift_jis_is_kept_as_bytes_and_read_as_japanese",
                                       "test_midi.py: test_texts_are_readable_whatever_their_encoding"],
    "file converted as text": ["test_converted_files_are_refused"],
}
# The result of inspect for files with faults of time: notes, seconds, windows of 16 sixteenths with and without a note.
# A stretch is cut to 8 bars, 16 s. Without the fault a tune has 32 notes, 8 s, 4 windows.
TIMES = {
    "before the first note": (33, 24.25, 5, 8),
    "between notes": (65, 32.25, 9, 8),
    "before a controller": (64, 32, 8, 8),
    "in a note": (65, 32, 16, 0),
    "three times": (99, 72.5, 22, 15),
    "in another track": (33, 24.25, 5, 8),
    "before the end of the track": (32, 8, 4, 0),
    "before a tempo": (32, 8, 4, 0),
    "in a sequence of format 2": (64, 32, 8, 8),
    "one tick a quarter": (2, 32.5, 9, 8),
    "open note, late end of track": (33, 10, 5, 0),
    "open note, late end of one track": (65, 10, 5, 0),
    "open note, late lyrics": (33, 10, 5, 0),
    "open note, late controller": (33, 10, 5, 0),
    "tempos behind the music": (32, 8, 4, 0),
}

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


def test_every_row_has_its_tests():
    """The tests that ROWS names exist."""
    defined = set()
    for path in [*(SOURCE / "tests").rglob("test_*.c"), *(SOURCE / "tests").rglob("test_*.py"), *(SOURCE / "python").rglob("test_*.py")]:
        text = path.read_text()
        pattern = r"^static void (\w+)\(void \*\*state\)" if path.suffix == ".c" else r"^def (test_\w+)\("
        defined |= {path.name} | {(f"{path.name}: " if path.suffix == ".py" else "") + name for name in re.findall(pattern, text, re.M)}
    assert [name for names in ROWS.values() for name in names if name not in defined] == []


@pytest.mark.parametrize("name", [name for name, (_, correct) in FAULTS.items() if correct])
def test_fault_gives_the_notes_of_the_correct_file(name, tmp_path):
    found = []
    for file, content in zip(("fault.mid", "correct.mid"), FAULTS[name], strict=True):
        path = tmp_path / file
        path.write_bytes(content)
        inspected = spiral("inspect", path, "--json").json
        assert spiral("render", path, "-o", tmp_path / f"out-{file}").status == 0
        found.append((inspected["notes"], inspected["notes_drums"], notes_of(tmp_path / f"out-{file}")))
    pairs = [(n, d, [(start, end, key) for start, end, key, _ in notes]) for n, d, notes in found]
    assert pairs[0] == pairs[1]


@pytest.mark.parametrize("name", [name for name, (_, correct) in FAULTS.items() if not correct])
def test_wrong_times_cost_eight_bars_at_most(name, tmp_path):
    path = tmp_path / "fault.mid"
    path.write_bytes(FAULTS[name][0])
    done = spiral("inspect", path, "--low", "0", "--high", "127", "--json")
    notes, seconds, windows, empty = TIMES[name.removeprefix("time: ")]
    assert (done.json["notes"], done.json["windows"], done.json["windows_empty"]) == (notes, windows, empty)
    assert done.json["seconds"] == pytest.approx(seconds, abs=0.1)
    for preset in [], ["--preset", "36x36"]:
        assert spiral("inspect", path, "--json", *preset).json["seconds"] < 130


def test_notes_out_of_range_make_a_file_no_longer(tmp_path):
    """The far note is not one of the model's keys: the roll ends before it."""
    path = tmp_path / "fault.mid"
    path.write_bytes(FAULTS["time: in another track"][0])
    done = spiral("inspect", path, "--low", "60", "--high", "71", "--json")
    assert done.json["notes_below"] == 1 and done.json["windows"] == 4
    assert done.json["seconds"] == pytest.approx(8 + 16)

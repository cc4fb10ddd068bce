# SPDX-License-Identifier: MIT
"""The package: what importing it loads and costs, its exceptions, and what its wheel holds."""

import importlib.metadata
import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import pytest

import spiral_loss
from spiral_loss import _plan, errors, helix, metrics, midi
from spiral_loss._library import Failure, library_path

SOURCE = pathlib.Path(__file__).resolve().parents[2]
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")

TIMED = """
import {before}
import sys, time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start, "torch" in sys.modules)
"""


def import_seconds(python, before, module):
    runs = [python(TIMED.format(before=before, module=module)).split() for _ in range(3)]
    return min(float(s) for s, _ in runs), runs[0][1] == "True"


@pytest.mark.parametrize("module", ["spiral_loss", "spiral_loss.numpy", "spiral_loss.midi", "spiral_loss.metrics"])
def test_these_do_not_import_torch(python, module):
    seconds, torch = import_seconds(python, "numpy", module)
    assert not torch
    assert seconds < 0.2


@needs_torch
def test_losses_import_in_a_fifth_of_a_second_beyond_torch(python):
    seconds, _ = import_seconds(python, "torch", "spiral_loss.losses, spiral_loss.model")
    assert seconds < 0.2


@needs_torch
def test_no_second_openmp_runtime_is_loaded(python):
    show = """
import re
print(sorted({p for p in re.findall(r"/\\S+", open("/proc/self/maps").read()) if re.search("(gomp|iomp|libomp)", p)}))
"""
    use = "import spiral_loss as s, torch\ns.SpiralLoss()(torch.zeros(2, 36, 36), torch.zeros(2, 36, 36))\n"
    assert python("import torch" + show) == python("import torch\n" + use + show) != "[]\n"


def test_library_needs_nothing_but_libc():
    out = subprocess.run(["readelf", "-d", library_path()], capture_output=True, text=True)
    if out.returncode:
        pytest.skip("no readelf")
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", out.stdout))
    assert needed <= {"libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2"}


def test_exceptions_come_from_the_list_of_statuses():
    text = (SOURCE / "include" / "spiral" / "status.h").read_text()
    listed = {int(n): words for n, words in re.findall(r'X\(\w+, (\d+), "(.*?)"\)', text)}
    made = {getattr(errors, n).status: getattr(errors, n) for n in dir(errors) if n != "Error"}
    assert len(listed) == 10
    assert {s: e.__doc__ for s, e in made.items()} == {s: w for s, w in listed.items() if s}
    assert issubclass(errors.BadArgument, ValueError)
    assert issubclass(errors.OutOfMemory, MemoryError)
    assert issubclass(errors.InputOutputError, OSError)
    with pytest.raises(AttributeError):
        errors.Nothing  # noqa: B018


def test_presets_are_the_list_of_the_header():
    text = (SOURCE / "include" / "spiral" / "helix.h").read_text()
    listed = re.findall(r'^    X\((\w+), "', text, re.MULTILINE)
    assert list(helix.PRESETS) == listed


def test_version_is_that_of_the_c_project():
    text = (SOURCE / "meson.build").read_text()
    assert re.search(r", version: '([\d.]+)'", text)[1] == spiral_loss.__version__
    assert importlib.metadata.version("spiral-loss") == spiral_loss.__version__


def test_every_module_is_installed():
    listed = set(re.findall(r"'spiral_loss/([\w.]+)'", (SOURCE / "python" / "meson.build").read_text()))
    assert listed == {p.name for p in (SOURCE / "python" / "spiral_loss").iterdir() if p.suffix in (".py", ".typed")}


def test_all_names_can_be_had():
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    for name in spiral_loss.__all__:
        assert getattr(spiral_loss, name) is not None
    assert set(spiral_loss.__all__) < set(dir(spiral_loss))
    with pytest.raises(AttributeError):
        spiral_loss.nothing  # noqa: B018


def test_helix():
    chromatic = spiral_loss.Helix.preset("chromatic")
    assert chromatic == spiral_loss.Helix()
    assert chromatic.distance(60, 72) == chromatic.distance(72, 60) == 0.5
    table = chromatic.table()
    assert table.shape == (128, 128)
    assert table[3, 10] == chromatic.distance(3, 10)
    made = spiral_loss.Helix.from_costs(0.8, 1.0)
    assert made.radii[0] == pytest.approx(2.673, abs=1e-3)
    assert made.octave == pytest.approx(1.022, abs=1e-3)


def fields_of(header, struct):
    """The names of a C struct's members, in order."""
    text = (SOURCE / "include" / "spiral" / header).read_text()
    body = re.search(rf"typedef struct {struct} {{(.*?)\n}} {struct};", text, re.DOTALL)[1]
    listed = re.search(r"^ +(SPIRAL_\w+_LIST)\(", body, re.MULTILINE)  # fields made from a list
    if listed:
        lines = re.search(rf"#define {listed[1]}\(X\)(.*?[^\\])\n", text, re.DOTALL)[1]
        return ["struct_size", *re.findall(r"X\((?:\w+, )?(\w+)\)", lines)]
    body = re.sub(r"/\*.*?\*/|\[.*?\]", "", body, flags=re.DOTALL)
    members = [line.split()[-1 - line.count(",") :] for line in body.split(";") if line.strip()]
    return [name.strip("*, ") for names in members for name in names]


@pytest.mark.parametrize(
    ("header", "struct", "ours"),
    [
        ("midi.h", "spiral_midi", midi._Midi),
        ("roll.h", "spiral_grid", midi._Grid),
        ("roll.h", "spiral_roll", midi._Roll),
        ("roll.h", "spiral_roll_options", midi._RollOptions),
        ("roll.h", "spiral_roll_report", midi._Report),
        ("metrics.h", "spiral_metrics_counts", metrics._Counts),
        ("metrics.h", "spiral_metrics", metrics._Measures),
        ("loss.h", "spiral_loss_options", _plan.OptionsStruct),
        ("loss.h", "spiral_strides", _plan.Strides),
        ("helix.h", "spiral_helix", helix.HelixStruct),
        ("status.h", "spiral_error", Failure),
    ],
)
def test_structs_are_those_of_the_headers(header, struct, ours):
    assert [name for name, *_ in ours._fields_] == fields_of(header, struct)


def test_tables_are_those_of_the_headers():
    renamed = {"on_ticks": "on", "off_ticks": "off"}
    for struct, dtype in (("note", midi._NOTE_C), ("tempo", midi.TEMPO), ("meter", midi.METER), ("pedal", midi.PEDAL)):
        assert list(dtype.names) == [renamed.get(n, n) for n in fields_of("midi.h", f"spiral_{struct}")]


def test_a_missing_library_is_said(python):
    result = subprocess.run(
        [sys.executable, "-c", "import spiral_loss.helix"],
        capture_output=True, text=True, env={**os.environ, "SPIRAL_LOSS_LIBRARY": "/no/such.so"},
    )  # fmt: skip
    assert result.returncode
    assert "/no/such.so" in result.stderr

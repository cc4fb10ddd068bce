# SPDX-License-Identifier: MIT
"""The package: what importing it loads, how long that takes, its exceptions, and the content of its wheel."""

import ctypes
import importlib.metadata
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import spiral_loss
from spiral_loss import _midi_structs, _plan, errors, helix, metrics, midi
from spiral_loss._library import Failure, call, declare, library_path

SOURCE = pathlib.Path(__file__).resolve().parents[2]
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")

TIMED = """
import {before}
import sys, time
start = time.process_time()
import {module}
print(time.process_time() - start, "torch" in sys.modules)
"""


def import_seconds(python, before, module):
    """Seconds of processor time, on which other programs have little effect; and whether torch was imported."""
    runs = [python(TIMED.format(before=before, module=module)).split() for _ in range(3)]
    return min(float(s) for s, _ in runs), runs[0][1] == "True"


@pytest.mark.parametrize("module", ["spiral_loss", "spiral_loss.numpy", "spiral_loss.midi", "spiral_loss.metrics"])
def test_these_do_not_import_torch(python, module):
    seconds, torch = import_seconds(python, "numpy", module)
    assert not torch
    assert seconds < 0.2


@pytest.mark.parametrize("name", ["SpiralLoss", "spiral_loss", "losses", "functional", "model", "decoder"])
def test_without_torch_the_error_says_what_to_install(python, name):
    code = f"""
import sys
sys.modules["torch"] = None  # as if it were not installed
try:
    from spiral_loss import {name}
except ModuleNotFoundError as error:
    print(error, error.name)
"""
    module = {"SpiralLoss": "losses", "spiral_loss": "functional"}.get(name, name)
    assert python(code) == f"spiral_loss.{module} needs PyTorch: pip install torch torch\n"


@needs_torch
def test_losses_import_in_a_fifth_of_a_second_of_processor_time_beyond_torch(python):
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


def test_there_is_an_exception_for_each_status():
    text = (SOURCE / "include" / "spiral" / "status.h").read_text()
    listed = {int(n): name for name, n in re.findall(r'X\((\w+), (\d+), ".*?"\)', text)}
    assert len(listed) == 10
    classes = [getattr(errors, name) for name in errors.__all__ if name != "Error"]
    assert {c.status: c.status_name for c in classes} == {s: n for s, n in listed.items() if s}
    assert all(issubclass(c, errors.Error) for c in classes)
    assert issubclass(errors.BadArgument, ValueError)
    assert issubclass(errors.OutOfMemory, MemoryError)
    assert issubclass(errors.InputOutputError, OSError)


def test_presets_are_the_list_of_the_header():
    text = (SOURCE / "include" / "spiral" / "helix.h").read_text()
    listed = re.findall(r'^    X\((\w+), "', text, re.MULTILINE)
    assert list(helix.PRESETS) == listed


def test_version_is_that_of_the_c_project():
    text = (SOURCE / "meson.build").read_text()
    assert re.search(r", version: '([\d.]+)'", text)[1] == spiral_loss.__version__
    try:
        installed = importlib.metadata.version("spiral-loss")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package is imported from its sources, not installed")
    assert installed == spiral_loss.__version__


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


STRUCTS = {
    "spiral_midi": _midi_structs.MidiStruct,
    "spiral_grid": _midi_structs.GridStruct,
    "spiral_roll": _midi_structs.RollStruct,
    "spiral_roll_options": _midi_structs.RollOptionsStruct,
    "spiral_roll_report": midi._Report,
    "spiral_metrics_counts": metrics._Counts,
    "spiral_metrics": metrics._Ratios,
    "spiral_loss_options": _plan.OptionsStruct,
    "spiral_strides": _plan.Strides,
    "spiral_helix": helix.HelixStruct,
    "spiral_error": Failure,
}
TABLES = {
    "spiral_note": midi._NOTE_C,
    "spiral_tempo": midi.TEMPO,
    "spiral_meter": midi.METER,
    "spiral_pedal": midi.PEDAL,
}
RENAMED = {"spiral_note": {"on": "on_ticks", "off": "off_ticks"}}


def layouts():
    """For each struct the (name, offset, size) of its members in Python, by the names of C."""
    found = {}
    for struct, ours in STRUCTS.items():
        members = [(name, getattr(ours, name).offset, getattr(ours, name).size) for name, *_ in ours._fields_]
        found[struct] = (ctypes.sizeof(ours), members)
    for struct, dtype in TABLES.items():
        names = RENAMED.get(struct, {})
        members = [(names.get(n, n), dtype.fields[n][1], dtype.fields[n][0].itemsize) for n in dtype.names]
        found[struct] = (dtype.itemsize, members)
    return found


def test_structs_have_the_layout_of_the_headers(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    lines, wanted = [], []
    for struct, (size, members) in layouts().items():
        lines.append(f'printf("{struct} %zu\\n", sizeof({struct}));')
        wanted.append(f"{struct} {size}")
        for name, offset, width in members:
            lines.append(f'printf("{struct}.{name} %zu %zu\\n", offsetof({struct}, {name}), sizeof s_{struct}.{name});')
            wanted.append(f"{struct}.{name} {offset} {width}")
    variables = "".join(f"static {struct} s_{struct};" for struct in layouts())
    headers = "".join(f"#include <spiral/{name}.h>\n" for name in ("loss", "metrics", "midi", "roll"))
    (tmp_path / "layout.c").write_text(
        f"#include <stdio.h>\n#include <stddef.h>\n{headers}{variables}int main(void) {{ {' '.join(lines)} return 0; }}"
    )
    command = [compiler, "-I", SOURCE / "include", tmp_path / "layout.c", "-o", tmp_path / "layout"]
    subprocess.run(command, check=True)
    out = subprocess.run([tmp_path / "layout"], capture_output=True, text=True, check=True).stdout
    assert out.splitlines() == wanted


def members_of(header, struct):
    """The names of a C struct's members, in order, from the text of the header."""
    text = (SOURCE / "include" / "spiral" / header).read_text()
    body = re.search(rf"typedef struct {struct} {{(.*?)\n}} {struct};", text, re.DOTALL)[1]
    listed = re.search(r"^ +(SPIRAL_\w+_LIST)\(", body, re.MULTILINE)  # members made from a list
    if listed:
        lines = re.search(rf"#define {listed[1]}\(X\)(.*?[^\\])\n", text, re.DOTALL)[1]
        return ["struct_size", *re.findall(r"X\((?:\w+, )?(\w+)\)", lines)]
    body = re.sub(r"/\*.*?\*/|\[.*?\]", "", body, flags=re.DOTALL)
    members = [line.split()[-1 - line.count(",") :] for line in body.split(";") if line.strip()]
    return [name.strip("*, ") for names in members for name in names]


@pytest.mark.parametrize("struct", [*STRUCTS, *TABLES])
def test_structs_have_all_members_of_the_headers(struct):
    headers = {"note": "midi", "tempo": "midi", "meter": "midi", "pedal": "midi", "grid": "roll", "strides": "loss",
               "error": "status"}  # fmt: skip
    first = struct.split("_")[1]
    assert [name for name, *_ in layouts()[struct][1]] == members_of(f"{headers.get(first, first)}.h", struct)


def test_options_of_an_older_header_are_accepted():
    """The library takes a smaller struct_size, and the fields beyond it keep their defaults."""
    options = _plan.Options(coil_radius=3.0).struct()
    whole = ctypes.sizeof(options)
    first = _plan.OptionsStruct.coil_radius.offset
    create, destroy = _plan._create, _plan._destroy

    def made(size):
        options.struct_size, handle = size, ctypes.c_void_p()
        call(create, ctypes.byref(options), 12, ctypes.byref(handle))
        get = declare("spiral_loss_get_options", ctypes.POINTER(_plan.OptionsStruct), ctypes.c_void_p)
        radius = get(handle).contents.coil_radius
        destroy(handle)
        return radius

    assert made(whole) == 3.0
    assert made(first) == 10.0
    for size in (0, first - 8, whole + 8):
        with pytest.raises(errors.BadArgument, match=f"struct_size is {size}"):
            made(size)


def test_a_missing_library_is_said(python):
    result = subprocess.run(
        [sys.executable, "-c", "import spiral_loss.helix"],
        capture_output=True, text=True, env={**os.environ, "SPIRAL_LOSS_LIBRARY": "/no/such.so"},
    )  # fmt: skip
    assert result.returncode
    assert "/no/such.so" in result.stderr

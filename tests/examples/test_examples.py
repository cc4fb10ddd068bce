# SPDX-License-Identifier: MIT
"""The examples and the documents: every example runs, every C block of README.md compiles, what pages point to exists.

SPIRAL_BUILD names the build folder. The example 00: test_autoencoder_in_one_file.py and .c.
"""
import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPIRAL_BUILD", SOURCE / "build"))
PAGES = [p for p in [*SOURCE.glob("*.md"), *SOURCE.glob("docs/*.md"), *SOURCE.glob("examples/*.md")]]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]
LINK = [f"-L{BUILD}", "-lspiral", f"-Wl,-rpath,{BUILD}"]


def run(*arguments, **options):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def table():
    """{semitones: cost of playing a note so far off} as docs/math.md prints it."""
    page = (SOURCE / "docs/math.md").read_text()
    rows = {r.split("|")[1].strip(): r.split("|")[2:-1] for r in page.splitlines() if r.startswith(("| semitones |", "| substitute |"))}
    return dict(zip(map(int, rows["semitones"]), map(float, rows["substitute"])))


def test_loss_prints_the_costs_of_the_page():
    out = run(BUILD / "examples/01_loss")
    semitone, octave, tritone = map(float, re.search(r"semitone off ([\d.]+), an octave ([\d.]+), a tritone ([\d.]+)", out).groups())
    costs = table()
    assert (semitone, octave, tritone) == (costs[1], costs[12], costs[6])
    c4, b3, fs4 = map(float, re.search(r"C4 ([-+\d.]+), B3 ([-+\d.]+), F#4 ([-+\d.]+)", out).groups())
    assert c4 < b3 < 0 < fs4


def test_midi_to_roll(tmp_path):
    run(BUILD / "examples/00_autoencoder_in_one_file", cwd=tmp_path)
    out = run(BUILD / "examples/02_midi_to_roll", tmp_path / "autoencoder.mid").splitlines()
    assert all(re.fullmatch(r" *\d+ [O|.]{36}", line) for line in out[:-1]) and len(out) > 100
    kept, notes = map(int, re.match(r"(\d+) of (\d+) notes, 0 below, 0 above", out[-1]).groups())
    assert kept == notes >= 60
    # a note begins with an O, two notes of one key in one sixteenth with one
    assert 60 <= sum(line.count("O") for line in out) <= kept


README = (SOURCE / "README.md").read_text()
BLOCKS = re.findall(r"```c\n(.*?)```", README, re.S)


def test_readme_program(tmp_path):
    program, = [b for b in BLOCKS if "main(void)" in b]
    (tmp_path / "table.c").write_text(program)
    line = re.search(r"^    (cc table.c -I.*)$", README, re.M)[1].split()
    assert line == "cc table.c -Iinclude -Lbuild -lspiral -Wl,-rpath,build".split()
    run("cc", "-std=c11", *WARNINGS, tmp_path / "table.c", f"-I{SOURCE}/include", *LINK, "-o", tmp_path / "table")
    costs = {int(d): float(c) for d, c in re.findall(r"(\d+) semitones off: ([\d.]+)", run(tmp_path / "table"))}
    assert costs == {d: c for d, c in table().items() if d <= 12}


def test_readme_call(tmp_path):
    call, = [b for b in BLOCKS if "main(void)" not in b]
    (tmp_path / "call.c").write_text(
        "#include <spiral/spiral.h>\n#include <stdio.h>\n"
        "int call(spiral_loss *loss, size_t B, const float *logits, const float *roll, float *dlogits, void *work) {\n"
        "enum { P = 36, T = 36 };\nspiral_error err;\nspiral_status status;\ndouble value;\n"
        f"{call}\nreturn (int)status + (value > 0);\n}}\n")
    run("cc", "-std=c11", *WARNINGS, "-fsyntax-only", f"-I{SOURCE}/include", tmp_path / "call.c")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in link:
            assert (page.parent / link).exists(), link
    for path in re.findall(r"`((?:src|tests|examples|docs|include|data|tools|cli)/[\w./-]*)`", page.read_text()):
        assert (SOURCE / path).exists(), path


COMMANDS = [(p, c) for p in PAGES for c in re.findall(r"(?:^|`)(spiral [a-z]+ [^`\n]*|spiral [a-z]+)(?=`|$)", p.read_text(), re.M)]


@pytest.mark.parametrize("page, command", COMMANDS, ids=[c for _, c in COMMANDS])
def test_commands_exist(page, command):
    program = BUILD / "cli/spiral"
    if not program.exists():
        pytest.skip("this build has no program")
    verb, *arguments = command.split()[1:]
    usage = run(program, verb, "--help")
    for flag in [a for a in arguments if a.startswith("-")]:
        assert re.search(rf"^  {flag} ", usage, re.M), f"{page.name}: spiral {verb} has no {flag}"

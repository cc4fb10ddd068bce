# SPDX-License-Identifier: MIT
"""The documents are right: snippets compile and run unchanged, links lead to files, commands and flags exist, and tables are those
of the program and of the build.

SPIRAL_BUILD names the build folder.
"""
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SPIRAL_BUILD", SOURCE / "build"))
PROGRAM = BUILD / "cli/spiral"
README = (SOURCE / "README.md").read_text()
PAGES = [p for pattern in ("*.md", "docs/*.md", "examples/*.md", "python/*.md", "experiments/*.md", "experiments/*/*.md")
         for p in sorted(SOURCE.glob(pattern))]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wpedantic", "-Werror"]


def run(*arguments, **options):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page, re.S)


def name(page):
    return str(page.relative_to(SOURCE))


# ---- snippets ----

def test_readme_has_one_c_program():
    assert len(blocks(README, "c")) == 1 and "int main(void)" in blocks(README, "c")[0]


@pytest.mark.parametrize("standard", ["c99", "c11"])
def test_c_snippet_compiles_as_it_stands_and_runs(standard, tmp_path):
    (tmp_path / "loss.c").write_text(blocks(README, "c")[0])
    line = re.search(r"^    cc loss\.c (-I.*)$", README, re.M)[1].replace("$PWD", str(SOURCE))
    flags = [re.sub(r"^(-[IL])(?!/)", rf"\g<1>{SOURCE}/", flag) for flag in line.split()]
    flags = [flag.replace(f"{SOURCE}/build", str(BUILD)) for flag in flags]
    run("cc", f"-std={standard}", *WARNINGS, tmp_path / "loss.c", *flags, "-o", tmp_path / "loss")
    value, slope = map(float, re.match(r"loss ([\d.]+), gradient of the first cell ([-\d.]+)", run(tmp_path / "loss")).groups())
    assert value > 0 and slope > 0  # a key that should be silent must become less likely


def test_c_snippet_compiles_as_cpp(tmp_path):
    if not shutil.which("c++"):
        pytest.skip("no C++ compiler")
    (tmp_path / "loss.cpp").write_text(blocks(README, "c")[0])
    run("c++", "-std=c++11", "-Wall", "-Werror", "-fsyntax-only", f"-I{SOURCE}/include", f"-I{BUILD}/include", tmp_path / "loss.cpp")


def test_python_snippet_runs(tmp_path):
    """Runs the snippet unchanged; needs an environment with PyTorch and the package (tools/test.sh torch)."""
    if not importlib.util.find_spec("torch") or not importlib.util.find_spec("spiral_loss"):
        pytest.skip("PyTorch and spiral_loss are not installed")
    snippet, = blocks(README, "python")
    run(sys.executable, "-c", snippet + "\nassert loss.item() > 0 and logits.grad.abs().sum() > 0\n", cwd=tmp_path)


# ---- the program ----

def needs_program():
    if not PROGRAM.exists():
        pytest.skip("this build has no program")


COMMANDS = [(page, command) for page in PAGES
            for command in re.findall(r"(?:^|`)(spiral [a-z]+ [^`\n]*|spiral [a-z]+)(?=`|$)", page.read_text(), re.M)]


@pytest.mark.parametrize("page, command", COMMANDS, ids=[f"{name(page)}: {command}" for page, command in COMMANDS])
def test_verb_and_flags_of_a_command_exist(page, command):
    needs_program()
    verb, *arguments = command.split()[1:]
    usage = run(PROGRAM, verb, "--help")
    for flag in [a for a in arguments if a.startswith("-") and a != "-"]:
        assert re.search(rf"^  {flag} ", usage, re.M), f"{page.name}: spiral {verb} has no {flag}"


def test_readme_lists_the_verbs_as_the_program_does():
    needs_program()
    listed = re.findall(r"^\| `spiral (\w+)` \| (.*) \|$", README, re.M)
    overview = re.findall(r"^  (\w+) +[A-Z\[][A-Z. \[\]]*?  +(\S.*)$", run(PROGRAM), re.M)
    assert len(overview) > 5 and listed == overview


# ---- the build ----

def make_targets():
    return set(re.findall(r"^([\w-]+):", (SOURCE / "Makefile").read_text(), re.M))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_of_a_page_exist(page):
    named = set(re.findall(r"(?:`|^    )make ([a-z][\w-]*)", page.read_text(), re.M))
    assert named <= make_targets()


def test_make_help_lists_every_target():
    listed = set(re.findall(r"^([\w-]+) ", run("make", "-s", "-C", SOURCE, "help"), re.M))
    assert listed == make_targets()


def modules():
    """{module: modules that it may include} of tools/modules.txt."""
    rows = [line.partition(":") for line in (SOURCE / "tools/modules.txt").read_text().splitlines()
            if line.strip() and not line.startswith("#")]
    return {module: others.split() for module, _, others in rows}


def test_architecture_has_the_table_of_modules():
    page = (SOURCE / "ARCHITECTURE.md").read_text()
    table = re.search(r"^\| module \| .*\n\|[-|]+\|\n((?:\|.*\n)+)", page, re.M)[1]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    shown = {row[0]: row[2].split() for row in rows}
    want = modules()
    del want["examples"]
    assert shown == want
    assert set(want) - {"cli"} == {p.name for p in (SOURCE / "src").iterdir() if p.is_dir()}


# ---- links and files ----

@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_paths_lead_to_files(page):
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in link:
            assert (page.parent / link).exists(), link
    for path in re.findall(r"`((?:src|tests|examples|docs|include|data|tools|cli|python|bench)/[\w./-]*)`", text):
        assert (SOURCE / path).exists() or (page.parent / path).exists(), path


HEADING = re.compile(r"^#+ (.*)$", re.M)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_to_headings_lead_to_headings(page):
    for link, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text()):
        if "://" not in link:
            target = (page.parent / link) if link else page
            anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(target.read_text())}
            assert anchor in anchors, f"{link}#{anchor}"

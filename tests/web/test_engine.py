# SPDX-License-Identifier: MIT
"""The engine of a page that `spiral explore` wrote, run in node: its answers, damaged files and packs, reproducible bytes."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from conftest import PROGRAM, ROOT, spiral

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")


def node(name, **variables):
    environment = {**os.environ, **{key: str(value) for key, value in variables.items()}}
    command = ["node", "--test", ROOT / "tests/web/engine" / name]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_engine_answers_as_the_terminal_does(real_page, model, tmp_path):
    spiral("sample", model[0], "-n", 20, "--seed", 1, "--length", "8bars", "-o", tmp_path)
    spiral("vary", model[0], tmp_path / "sample-1.mid", "-n", 4, "--seed", 1, "-o", tmp_path)
    exact = tmp_path / "exact.html"
    spiral("explore", model[0], "--exact", "-o", exact)
    node("engine.test.js", SPIRAL_PAGE=real_page, SPIRAL_EXACT_PAGE=exact, SPIRAL_TERMINAL=tmp_path)


def test_damaged_files_and_packs_get_sentences(real_page):
    node("damage.test.js", SPIRAL_PAGE=real_page, SPIRAL_CORPUS=ROOT / "tests/fuzz/corpus/midi")


def test_the_same_model_gives_the_same_page(real_page, model, tmp_path):
    again = tmp_path / "page.html"
    spiral("explore", model[0], "--against", model[1], "-o", again, "--threads", 1)
    assert again.read_bytes() == real_page.read_bytes()


def test_the_module_is_reproducible(tmp_path):
    build = ROOT / "web/engine/build.py"
    digests = set()
    for name in "ab":
        subprocess.run([sys.executable, build, "-o", tmp_path / name], check=True)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_explore_reports_the_page(model, tmp_path):
    page = tmp_path / "page.html"
    report = json.loads(spiral("explore", model[0], "-o", page, "--json", "--exact", "--name", "A & B"))
    assert report["bytes"] == page.stat().st_size
    assert report["sketch_error"] == 0 and report["music_bytes"] < 8
    assert len(report["axes"]) == 6 and all(axis["label"] for axis in report["axes"])
    small = json.loads(spiral("explore", model[0], "-o", page, "--json"))
    assert small["bytes"] < report["bytes"]
    assert 0 < small["sketch_error"] < 0.005


def test_without_model_it_is_the_page_of_the_shipped_one(real_page, tmp_path):
    report = json.loads(spiral("explore", "-o", tmp_path / "page.html", "--json"))
    assert 1_000_000 < report["bytes"] == (tmp_path / "page.html").stat().st_size < 3_500_000
    text = (tmp_path / "page.html").read_text(encoding="utf-8").split('id="model-pack">')[1].split("<")[0]
    assert b'"name":"chorales"' in base64.b64decode(text)


@pytest.mark.parametrize("arguments, words", [
    (["missing.safetensors"], ["missing.safetensors"]),
    (["MODEL", "-o", "/no/such/folder/page.html"], ["/no/such/folder"]),
    (["MODEL", "-o", "-"], ["must be a file"]),
    (["MODEL", "--tempo", "5"], ["tempo"]),
    (["MODEL", "--against", "/no/such/music"], ["/no/such/music"]),
])
def test_bad_input_is_refused(model, tmp_path, arguments, words):
    arguments = [str(model[0]) if word == "MODEL" else word for word in arguments]
    done = subprocess.run([PROGRAM, "explore", *arguments], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode in (1, 2) and done.stdout == ""
    for word in words:
        assert word in done.stderr
    assert list(tmp_path.iterdir()) == []

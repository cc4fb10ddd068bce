# SPDX-License-Identifier: MIT
"""The parts of the page that need no browser, in node's test runner; and the script that builds the page."""
import base64
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
SOURCES = sorted((WEB / "script").glob("*.js"))


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
@pytest.mark.parametrize("name", [path.name for path in sorted((ROOT / "tests/web/units").glob("*.test.js"))])
def test_units(name):
    command = ["node", "--experimental-default-type=module", "--test", ROOT / "tests/web/units" / name]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def assemble(tmp_path, *extra):
    page = tmp_path / "page.html"
    command = [sys.executable, WEB / "assemble.py", "--worker", ROOT / "tests/web/dev_engine.js", "-o", page, *extra]
    return subprocess.run(command, capture_output=True, text=True), page


def test_a_template_has_one_place_for_the_pack_and_serves_every_model(tmp_path):
    done, page = assemble(tmp_path)
    assert done.returncode == 0, done.stderr
    template = page.read_text(encoding="utf-8")
    assert template.count("@PACK@") == 1
    pack = tmp_path / "pack"
    pack.write_bytes(bytes(range(256)))
    done, page = assemble(tmp_path, "--pack", pack)
    assert page.read_text(encoding="utf-8") == template.replace("@PACK@", base64.b64encode(pack.read_bytes()).decode())
    assert not re.search(r"@[A-Z]+@", template.replace("@PACK@", ""))


def test_the_same_sources_give_the_same_bytes(tmp_path):
    first = assemble(tmp_path)[1].read_bytes()
    assert assemble(tmp_path)[1].read_bytes() == first


def test_the_policy_allows_the_pages_own_script_and_style_and_nothing_else(tmp_path):
    page = assemble(tmp_path)[1].read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    digest = lambda text: "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
    script = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)[1]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": f"{digest(script)} 'wasm-unsafe-eval'",
        "worker-src": "blob:",
        "style-src": digest(style),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_development_engine_is_not_in_the_shipped_sources():
    for path in [*SOURCES, WEB / "index.html", WEB / "assemble.py"]:
        assert "dev_engine" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_texts_never_become_markup_and_nothing_is_fetched(path):
    source = path.read_text(encoding="utf-8")
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function|fetch\(|XMLHttpRequest|WebSocket|importScripts|https?://(?!www\.w3\.org/2000/svg)"
    assert not re.findall(forbidden, source)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_files_and_lines_are_short(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "// SPDX-License-Identifier: MIT"
    assert len(lines) <= 600
    assert max(map(len, lines)) <= 120


def test_every_command_of_the_page_exists_once():
    table = (WEB / "script/commands.js").read_text(encoding="utf-8")
    ids = re.findall(r'\bid: "([a-z0-9-]+)"', table)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'data-command="([a-z0-9-]+)"', (WEB / "index.html").read_text(encoding="utf-8")))
    tools = {f"tool-{name}" for name in ("select", "draw", "erase", "lock")}
    assert used - tools <= set(ids)

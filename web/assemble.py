#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts the page together: one HTML file, with nothing fetched when it is opened.

    assemble.py --worker WORKER.js [--module ENGINE.wasm] [--pack PACK] -o PAGE.html

Without --pack the file is a template: the text @PACK@ stands once, alone in the element model-pack, and the program puts a
model pack there in base64. The hashes of the content security policy cover style and script, not the data blocks, so a
template serves every model.

The modules of script/ become one script: each in a function that returns what it exports, in the order of their imports.
For that only a small part of the language is accepted: imports at the top, by name, from "./file.js"; exports of functions,
classes and constants; no cycle of imports.
"""
import argparse
import base64
import hashlib
import pathlib
import re
import sys

WEB = pathlib.Path(__file__).resolve().parent
STYLES = ["base.css", "controls.css", "layout.css", "small.css"]
IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([a-z_]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) ([A-Za-z_]\w*))", re.MULTILINE)
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M6 26c0 2 4.5 3.4 10 3.4S26 28 26 26s-4.5-3.3-10-4.3S6 20 6 '
    '18s4.5-2.9 10-2.9S26 16.2 26 14.2s-4.5-3.2-10-4.2S7 8.3 7 6.4 11 3.6 16 3.6s9 1.1 9 2.9" fill="none" stroke="#4a4fc4" '
    'stroke-width="2.6" stroke-linecap="round"/></svg>'
)


def fail(text):
    sys.exit(f"assemble.py: {text}")


def read(path):
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror}")


def module_order(name, seen, path=()):
    """The modules that `name` needs, then itself; each once."""
    if name in path:
        fail(f"script/{name}: cycle of imports: {' -> '.join([*path, name])}")
    if name in seen:
        return seen
    for imported in IMPORT.findall(read(WEB / "script" / name)):
        module_order(imported[1], seen, (*path, name))
    seen.append(name)
    return seen


def variable(name):
    return "module_" + name.removesuffix(".js")


def wrap(name):
    """A module as a function that returns its exports."""
    text = read(WEB / "script" / name)
    exports = EXPORT.findall(text)
    body = EXPORT.sub("", IMPORT.sub("", text))
    if left := re.search(r"^(import|export)\b.*", body, re.MULTILINE):
        fail(f"script/{name}: not in the part of the language this script knows: {left.group()}")
    imports = [f"const {re.sub(' as ', ': ', names)} = {variable(source)};" for names, source in IMPORT.findall(text)]
    returns = f"return {{ {', '.join(exports)} }};\n" if exports else ""
    return f"const {variable(name)} = (() => {{\n" + "\n".join(imports) + f"\n{body}{returns}}})();\n"


def make_script():
    found = {path.name for path in (WEB / "script").glob("*.js")}
    order = module_order("main.js", [])
    if unused := found - set(order):
        fail(f"script/: not imported by anything: {', '.join(sorted(unused))}")
    return '"use strict";\n' + "".join(wrap(name) for name in order)


def block(text, what):
    """Text that can stand inside a script or style element."""
    if re.search(r"</(script|style)|<!--", text, re.IGNORECASE):
        fail(f"{what}: contains an end tag or a comment of HTML, and cannot stand inside the page")
    return text


def csp_hash(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def make_page(worker, module, pack):
    style = block("\n".join(read(WEB / "style" / name) for name in STYLES), "style")
    script = block(make_script(), "script")
    policy = (
        f"default-src 'none'; script-src {csp_hash(script)} 'wasm-unsafe-eval'; worker-src blob:; style-src {csp_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "@CSP@": policy,
        "@ICON@": "data:image/svg+xml;base64," + base64.b64encode(ICON.encode()).decode(),
        "@STYLE@": style,
        "@WORKER@": block(worker, "worker"),
        "@MODULE@": base64.b64encode(module).decode(),
        "@SCRIPT@": script,
    }
    if pack is not None:
        parts["@PACK@"] = base64.b64encode(pack).decode()
    page = read(WEB / "index.html")
    for place in {**parts, "@PACK@": ""}:
        if page.count(place) != 1:
            fail(f"index.html: {place} stands {page.count(place)} times, not once")
    return re.sub("|".join(parts), lambda match: parts[match.group()], page)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True, type=pathlib.Path, help="the worker's script")
    parser.add_argument("--module", type=pathlib.Path, help="the engine's WebAssembly module")
    parser.add_argument("--pack", type=pathlib.Path, help="a model pack; without it: a template")
    parser.add_argument("-o", required=True, type=pathlib.Path, dest="output", metavar="PAGE", help="the file to write")
    options = parser.parse_args()
    module = options.module.read_bytes() if options.module else b""
    pack = options.pack.read_bytes() if options.pack else None
    options.output.write_text(make_page(read(options.worker), module, pack), encoding="utf-8")


if __name__ == "__main__":
    main()

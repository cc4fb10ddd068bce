#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page's template as a C source for the program (cli/page.h).

    web/embed.py -o page.c --template template.html
    web/embed.py -o page.c --missing "what the build lacked"
"""
import argparse
import pathlib

PIECE = 2000  # bytes of a string; compilers need not accept more than 4095
ESCAPES = {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\t"): "\\t", ord("?"): "\\?"}


def literal(data):
    text = "".join(ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in data)
    return f'    "{text}",\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--template", type=pathlib.Path)
    parser.add_argument("--missing", default="")
    parser.add_argument("-o", required=True, type=pathlib.Path, dest="output")
    options = parser.parse_args()
    data = options.template.read_bytes() if options.template else b""
    pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
    with options.output.open("w", encoding="ascii") as file:
        file.write('/* Made by web/embed.py. */\n#include "page.h"\n\nconst char *const cli_page_pieces[] = {\n')
        file.writelines(literal(piece) for piece in pieces)
        file.write(f"    NULL}};\nconst size_t cli_page_count = {len(pieces)};\n")
        missing = literal(options.missing.encode()).strip().rstrip(",")
        file.write(f"const char *const cli_page_missing = {missing};\n")


if __name__ == "__main__":
    main()

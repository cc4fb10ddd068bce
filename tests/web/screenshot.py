#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes docs/page.png, the screenshot of README.md: the page of the shipped model with a melody locked and two bars filled.

    make page MUSIC=$SPIRAL_DATA/jsb-chorales/midi/train
    build/venv-web/bin/python tests/web/screenshot.py build/page.html docs/page.png
"""
import pathlib
import sys

from conftest import CHROMIUM, FLAGS, WATCH, Page, sync_api

SEED = "6"  # of the music in README.md


def main():
    page_file, picture = map(pathlib.Path, sys.argv[1:])
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light")
        context.add_init_script(WATCH)
        page = Page(context.new_page())
        page.goto(page_file.resolve().as_uri())
        page.ready()
        page.fill("#seed", SEED)
        page.press("#seed", "Enter")
        page.settled()
        page.command("keep")
        page.command("lock-melody")
        page.drag(page.point(64, 83), page.point(95, 36))
        page.command("fill")
        page.wait_for_selector("#choices button")
        page.wait_for_timeout(6000)  # until messages have disappeared
        page.mouse.move(0, 0)
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main()

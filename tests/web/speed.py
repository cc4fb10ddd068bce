#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The speed of the page: prints medians in milliseconds and the goals, and fails if one is missed. Not a test: run it on an idle
machine.

    build/venv-web/bin/python tests/web/speed.py [PAGE.html]

Without a page, one is made with the development engine, which answers almost at once: then only the interface is measured.
"""
import pathlib
import statistics
import subprocess
import sys
import tempfile

from conftest import CHROMIUM, FLAGS, ROOT, WATCH, Page, sync_api

ROUNDS = 25

# The page takes the time itself, because polling from the test would be late and slow the page down.
STARTED = """
const look = () => {
  if (document.querySelector("#title")?.value) window.started = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""

# Time from `act(i)` to the end of the task in which the roll was drawn next.
TIMED = """async ([rounds, act]) => {
  const roll = document.querySelector("#roll-base").getContext("2d");
  const canvas = document.querySelector("#roll");
  canvas.setPointerCapture = () => {};
  const box = canvas.getBoundingClientRect();
  const acts = {
    slider(i) {
      const slider = document.querySelector("#axis-0");
      slider.value = String((i % 14) / 5 + 0.2);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    },
    edit(i) {
      const place = { clientX: box.left + 80 + 23 * i, clientY: box.top + 60 + 7 * i, button: 0, pointerId: 1, bubbles: true };
      for (const type of ["pointerdown", "pointerup"]) canvas.dispatchEvent(new PointerEvent(type, place));
    },
    scroll(i) {
      const deltaX = i % 8 < 4 ? 300 : -300;
      canvas.dispatchEvent(new WheelEvent("wheel", { deltaX, clientX: box.left + 300, clientY: box.top + 90, bubbles: true, cancelable: true }));
    },
    new() {
      document.querySelector("[data-command=new]").click();
    },
  };
  const times = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    const drawn = new Promise((done) => {
      const clear = roll.clearRect;
      roll.clearRect = function (...area) {
        if (act === "new" && !document.querySelector("[data-context=busy]").hidden) return clear.apply(roll, area);
        roll.clearRect = clear;
        setTimeout(done);
        return clear.apply(roll, area);
      };
    });
    acts[act](i);
    await drawn;
    times.push(performance.now() - start);
    await new Promise((done) => setTimeout(done, 60));
  }
  return times;
}"""


def make_page(folder):
    page = pathlib.Path(folder) / "page.html"
    worker = ROOT / "tests/web/dev_engine.js"
    subprocess.run([sys.executable, ROOT / "web/assemble.py", "--worker", worker, "--pack", "/dev/null", "-o", page], check=True)
    return page


def open_page(browser, path):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(WATCH + STARTED)
    page = Page(context.new_page())
    page.goto(path.resolve().as_uri())
    page.wait_for_timeout(1500)
    page.ready()
    return page, page.evaluate("window.started")


def measure(browser, path):
    """[(what, median ms, goal ms)]"""
    rows = [("open from the disk, first piece shown", statistics.median(open_page(browser, path)[1] for _ in range(5)), 1000)]
    page, _ = open_page(browser, path)
    timed = lambda act: statistics.median(page.evaluate(TIMED, [ROUNDS, act]))
    rows.append(("a new piece of 8 bars", timed("new"), 1000))
    page.fill("#length", "1")
    page.command("new")
    page.settled()
    rows.append(("a slider, 1 bar", timed("slider"), 50))
    page.keyboard.press("Shift+N")
    page.settled()
    rows.append(("a note drawn", timed("edit"), 50))
    page.fill("#length", "64")
    page.command("new")
    page.settled()
    rows.append(("scrolling, 64 bars", timed("scroll"), 50))
    return rows


def main():
    with tempfile.TemporaryDirectory() as folder, sync_api.sync_playwright() as playwright:
        path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else make_page(folder)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        rows = measure(browser, path)
        browser.close()
    for what, median, goal in rows:
        print(f"{what:42} {median:7.1f} ms   goal {goal} ms{'' if median <= goal else '   MISSED'}")
    return any(median > goal for _, median, goal in rows)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""The page against its engine: stopping, failing, hostile texts, long pieces, other grids, and how fast it is."""
import statistics
import time

import pytest

SLOW = {"delayMs": 150}


@pytest.mark.parametrize("over", ["file", "http"])
def test_stop_ends_a_long_operation_and_the_engine_works_again(open_page, over):
    page = open_page(over, pack=SLOW)
    before = page.notes()
    page.fill("#length", "64")
    page.command("new")
    page.wait_for_selector("#progress[value]")
    first = page.evaluate("document.querySelector('#progress').value")
    page.wait_until(f"document.querySelector('#progress').value > {first}")
    assert not page.is_usable("fill")
    page.command("halt")
    page.wait_until("document.querySelector('[data-context=busy]').hidden", seconds=3)
    assert page.notes() == before
    page.fill("#length", "1")
    page.command("new")
    assert page.piece()["frames"] == 16


def test_escape_stops_too_and_a_second_request_waits_for_the_first(open_page):
    page = open_page(pack=SLOW)
    page.keyboard.press("f")
    page.wait_for_selector("[data-context=busy]:not([hidden])")
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    page.wait_until("document.querySelector('[data-context=busy]').hidden", seconds=3)
    assert page.locator("#choices button").count() == 0


def test_texts_of_the_model_are_shown_as_text(open_page):
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    page = open_page(pack={"card": {"name": evil, "rows": [[evil, evil]]}, "axes": [{"label": evil, "sd": 1}]})
    page.command("about")
    assert page.inner_text("#card dd >> nth=0") == evil
    assert evil in page.inner_text("#axes") or evil in page.locator("#axes").text_content()
    assert page.locator("#app img, #about-dialog img").count() == 0
    assert page.title() != "owned"
    assert page.locator("script").count() == 4


def test_a_page_whose_engine_does_not_start_says_so(open_page):
    page = open_page(pack={"preset": {"low": 36}}, ready=False)
    page.wait_for_selector("#app:not([hidden])")
    broken = open_page(ready=False)
    broken.route("**", lambda route: route.abort())
    broken.add_init_script("window.Worker = class { constructor() { throw new Error('no workers here'); } };")
    broken.unroute("**")
    broken.reload()
    broken.wait_for_selector("#failure:not([hidden])")
    assert broken.inner_text("#failure-text") == "The page could not start: no workers here"


def test_a_grid_in_seconds(open_page):
    grid = {"low": 48, "high": 83, "framesPerBar": 36, "stepsPerQuarter": 0, "secondsPerFrame": 0.01, "windowFrames": 36}
    page = open_page(pack={"preset": grid})
    assert page.inner_text("#length-label") == "Seconds"
    assert page.locator("#tempo-field").is_hidden()
    assert page.piece()["frames"] == 800
    assert page.inner_text("#position") == "0.0 s"
    page.command("play")
    page.wait_until("window.watch.level() > 0.003", seconds=5)
    page.wait_until("parseFloat(document.querySelector('#position').textContent) >= 0.5", seconds=4)
    page.command("play")
    page.drag(page.point(20, 80, low=48, bars=50), page.point(60, 50, low=48, bars=50))
    assert page.inner_text("#selection-text").startswith("0.")


def test_a_piece_with_notes_outside_the_models_range_is_shown_whole(open_page):
    page = open_page(pack={"preset": {"low": 60, "high": 72}})
    page.keyboard.press("Shift+N")
    page.settled()
    text = page.evaluate("localStorage.getItem('spiral.last')")
    assert text
    from test_page_files import drop, midi

    drop(page, "wide.mid", midi((0, b"\x90\x18\x50"), (0, b"\x90\x60\x50"), (480, b"\x80\x18\x40"), (0, b"\x80\x60\x40")))
    page.wait_until("document.querySelector('#title').value === 'wide'")
    assert [n[1] for n in page.notes()] == [24, 96]


def test_an_hour_of_music_scrolls_and_edits(open_page):
    """20,000 notes: drawing and one edit stay below what is noticed, on a slow machine."""
    from test_page_files import drop, midi

    events = []
    for i in range(20000):
        events += [(0, bytes([0x90, 40 + i * 7 % 40, 80])), (120, bytes([0x80, 40 + i * 7 % 40, 64]))]
    page = open_page()
    drop(page, "long.mid", midi(*events))
    page.wait_until("document.querySelector('#title').value === 'long'", seconds=20)
    assert page.piece()["frames"] == 20000
    page.mouse.move(*page.point(40, 60))
    for _ in range(10):
        page.mouse.wheel(0, 800)
    page.command("zoom-fit")
    page.wait_for_timeout(200)
    page.keyboard.press("m")
    page.settled()
    page.command("undo")
    times = page.evaluate(
        """async () => {
          const times = [];
          const canvas = document.querySelector("#roll");
          const box = canvas.getBoundingClientRect();
          for (let i = 0; i < 20; i++) {
            const start = performance.now();
            canvas.dispatchEvent(new WheelEvent("wheel", { deltaX: 300, clientX: box.left + 300, clientY: box.top + 100, bubbles: true, cancelable: true }));
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            times.push(performance.now() - start);
          }
          return times;
        }"""
    )
    assert statistics.median(times) < 250


def test_an_edit_is_on_the_screen_within_50_ms(open_page):
    """From the click to the end of the drawing, median; the development engine answers at once, so this is the page alone."""
    page = open_page()
    page.click("text=Options")
    page.command("empty")
    page.settled()
    times = []
    for i in range(15):
        x, y = page.point(4 * i, 50 + i)
        times.append(
            page.evaluate(
                """async ([x, y]) => {
                  const canvas = document.querySelector("#roll");
                  canvas.setPointerCapture = () => {};
                  const start = performance.now();
                  for (const type of ["pointerdown", "pointerup"])
                    canvas.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, button: 0, pointerId: 1, bubbles: true }));
                  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                  return performance.now() - start;
                }""",
                [x, y],
            )
        )
    assert len(page.notes()) == 15
    assert statistics.median(times) < 50, times


def test_a_slider_is_on_the_screen_within_50_ms(open_page):
    page = open_page()
    page.fill("#length", "1")
    page.command("new")
    page.settled()
    times = page.evaluate(
        """async () => {
          const slider = document.querySelector("#axis-0");
          const times = [];
          for (let i = 1; i <= 15; i++) {
            const start = performance.now();
            slider.value = String(i / 5);
            const shown = new Promise((done) => {
              const seen = document.querySelector("#roll-base").getContext("2d");
              const clear = seen.clearRect;
              seen.clearRect = function (...box) { seen.clearRect = clear; clear.apply(seen, box); setTimeout(done); };
            });
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            await shown;
            times.push(performance.now() - start);
          }
          return times;
        }"""
    )
    assert statistics.median(times) < 50, times


def test_the_page_is_usable_within_a_second(open_page):
    open_page()
    started = time.monotonic()
    page = open_page(ready=False)
    page.wait_for_selector("#app:not([hidden])")
    page.wait_until("document.querySelector('#title').value !== ''")
    assert page.evaluate("performance.now()") < 1000 or time.monotonic() - started < 1.5

# SPDX-License-Identifier: MIT
"""The page and its engine: stopping, failing, malicious texts, long pieces, other grids."""
import pytest
from test_page_files import drop, midi

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
    page.wait_until("document.querySelector('#position').textContent === '0.0 s'")
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
    drop(page, "wide.mid", midi((0, b"\x90\x18\x50"), (0, b"\x90\x60\x50"), (480, b"\x80\x18\x40"), (0, b"\x80\x60\x40")))
    page.wait_until("document.querySelector('#title').value === 'wide'")
    assert [n[1] for n in page.notes()] == [24, 96]


def test_an_hour_of_music_is_opened_scrolled_edited_and_undone(open_page):
    events = []
    for i in range(20000):
        events += [(0, bytes([0x90, 40 + i * 7 % 40, 80])), (120, bytes([0x80, 40 + i * 7 % 40, 64]))]
    page = open_page()
    drop(page, "long.mid", midi(*events))
    page.wait_until("document.querySelector('#title').value === 'long'", seconds=20)
    before = page.piece()
    assert before["frames"] == 20000 and len(before["notes"]) == 20000
    page.mouse.move(*page.point(40, 60))
    picture = page.locator("#roll-base").screenshot()
    page.mouse.wheel(0, 800)
    page.wait_for_timeout(200)
    assert page.locator("#roll-base").screenshot() != picture
    page.command("zoom-fit")
    page.keyboard.press("m")
    page.wait_for_timeout(300)
    assert any(n[3] for n in page.notes())
    page.command("undo")
    assert page.notes() == before["notes"]

# SPDX-License-Identifier: MIT
"""Playing: sound starts after a key or click, not before, and Stop ends it. The browser's rule that sound needs a gesture is
enabled (conftest.py)."""


def level(page):
    return page.evaluate("window.watch.level()")


def wait_for_sound(page):
    page.wait_until("window.watch.level() > 0.003", seconds=5)


def test_no_sound_and_no_audio_device_before_a_gesture(open_page):
    page = open_page(ready=False)
    page.wait_for_selector("#app:not([hidden])")
    page.wait_for_timeout(300)
    assert page.evaluate("window.watch.context === undefined")


def test_play_sounds_and_stop_is_silence(page):
    page.command("play")
    wait_for_sound(page)
    assert page.get_attribute("[data-command=play]", "aria-label") == "Stop"
    page.wait_for_timeout(400)
    page.command("play")
    page.wait_for_timeout(250)
    assert level(page) < 1e-4
    page.wait_for_timeout(700)
    assert page.evaluate("window.watch.context.state") == "suspended"
    page.keyboard.press("Space")
    wait_for_sound(page)
    page.keyboard.press("Space")
    page.wait_for_timeout(250)
    assert level(page) < 1e-4


def test_the_first_sound_comes_within_half_a_second(open_page):
    page = open_page()
    page.wait_for_timeout(1500)
    started = page.evaluate("performance.now()")
    page.keyboard.press("Space")
    wait_for_sound(page)
    assert page.evaluate("performance.now()") - started < 500


def test_the_playhead_moves_and_the_piece_ends_by_itself(open_page):
    page = open_page()
    page.fill("#tempo", "300")
    page.press("#tempo", "Enter")
    page.fill("#length", "1")
    page.command("new")
    page.settled()
    page.command("play")
    wait_for_sound(page)
    page.wait_until("document.querySelector('#position').textContent === '1.3'")
    page.wait_until("document.querySelector('[data-command=play]').getAttribute('aria-label') === 'Play'", seconds=5)
    page.wait_until("document.querySelector('#position').textContent === '1.1'")


def test_play_from_a_click_in_the_ruler_and_repeat_the_selection(open_page):
    page = open_page()
    page.fill("#tempo", "200")
    page.press("#tempo", "Enter")
    x, _ = page.point(64, 60)
    page.mouse.click(x, page.locator("#roll").bounding_box()["y"] + 12)
    page.wait_until("document.querySelector('#position').textContent === '5.1'")
    page.drag(page.point(32, 83), page.point(47, 36))
    page.command("loop")
    page.command("play")
    wait_for_sound(page)
    seen = set()
    for _ in range(30):
        page.wait_for_timeout(100)
        seen.add(page.inner_text("#position").split(".")[0])
    assert seen == {"3"}
    assert page.get_attribute("[data-command=play]", "aria-label") == "Stop"
    page.command("play")


def test_an_edit_while_playing_is_heard(open_page):
    page = open_page()
    page.click("text=Options")
    page.fill("#length", "2")
    page.command("empty")
    page.mouse.click(*page.point(0, 60, bars=2))
    page.command("play")
    page.mouse.click(*page.point(16, 64, bars=2))
    wait_for_sound(page)
    page.wait_until("document.querySelector('#position').textContent === '1.4'", seconds=6)
    assert level(page) < 0.002
    page.wait_until("document.querySelector('#position').textContent.startsWith('2.')", seconds=6)
    wait_for_sound(page)
    page.command("play")


def test_drawing_a_note_lets_it_be_heard_once(open_page):
    page = open_page()
    page.command("tool-draw")
    page.mouse.click(*page.point(3, 82))
    wait_for_sound(page)
    page.wait_for_timeout(1500)
    assert level(page) < 1e-3


def test_the_volume_slider(open_page):
    page = open_page()
    page.locator("#volume").fill("0")
    page.command("play")
    page.wait_for_timeout(800)
    assert level(page) < 1e-4
    page.locator("#volume").fill("1")
    wait_for_sound(page)
    page.command("play")

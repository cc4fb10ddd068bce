# SPDX-License-Identifier: MIT
"""All actions by keyboard, and the texts for screen readers."""
import re


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def live(page):
    page.wait_for_timeout(120)
    return page.inner_text("#live")


def focus_roll(page):
    """Moves the focus to the roll with the Tab key only."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "roll":
            return
    raise AssertionError("Tab does not reach the roll")


def test_a_piece_is_made_changed_kept_and_downloaded_by_keyboard_alone(open_page):
    page = open_page()
    first = page.notes()
    press(page, "n")
    page.settled()
    assert page.notes() != first
    press(page, "m")
    locked = [n for n in page.notes() if n[3]]
    assert locked
    press(page, "f")
    page.wait_for_selector("#choices button")
    press(page, "3")
    assert page.get_attribute("#choices button >> nth=2", "aria-pressed") == "true"
    press(page, ".", ",", "Enter")
    after = page.notes()
    assert [n for n in after if n[3]] == locked
    press(page, "Control+z")
    assert page.notes() != after
    press(page, "Control+Shift+z")
    assert page.notes() == after
    press(page, "p")
    assert page.locator("#kept li").count() == 1
    with page.expect_download() as caught:
        press(page, "Control+s")
    assert caught.value.suggested_filename.endswith(".mid")


def test_writing_moving_lengthening_locking_and_deleting_a_note(open_page):
    page = open_page()
    press(page, "Shift+N")
    page.settled()
    focus_roll(page)
    press(page, "ArrowRight", "ArrowRight", "ArrowUp")
    assert live(page) == "C 4, bar 1, beat 1 and 2/4" or re.match(r"C (sharp )?4, bar 1, beat 1 and 2/4", live(page))
    press(page, "Enter")
    (begin, key, length, locked), = page.notes()
    assert (begin, length, locked) == (2, 4, False)
    assert "note begins, 4 frames long" in live(page)
    press(page, "Alt+ArrowUp", "Alt+ArrowRight", "]", "]", "[", "l")
    assert page.notes() == [(begin + 1, key + 1, 5, True)]
    press(page, "Control+ArrowRight", "Control+ArrowLeft")
    assert "locked" in live(page)
    press(page, "Control+Alt+ArrowUp")
    assert page.notes() == [(begin + 1, key + 13, 5, True)]
    press(page, "Delete")
    assert page.notes() == []
    assert live(page) == "Deleted 1 note."


def test_selecting_with_shift_and_copying(open_page):
    page = open_page()
    press(page, "Shift+N")
    page.settled()
    focus_roll(page)
    press(page, "Enter", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowUp", "Enter")
    assert len(page.notes()) == 2
    press(page, "Shift+ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowDown")
    assert live(page).endswith("2 notes")
    press(page, "Control+c", "Control+ArrowRight", "Shift+Enter", "Control+v")
    first, second = [n for n in page.notes() if n[0] < 16]
    assert [n for n in page.notes() if n[0] >= 16] == [(n[0] + 17, *n[1:]) for n in (first, second)]
    press(page, "Escape")
    assert page.locator("[data-context=selection]").is_hidden()
    press(page, "Control+a", "Delete")
    assert page.notes() == []


def test_space_plays_and_buttons_keep_their_own_space(open_page):
    page = open_page()
    press(page, "Space")
    page.wait_until("window.watch.level() > 0.003", seconds=5)
    press(page, "Space")
    page.wait_until("document.querySelector('[data-command=play]').getAttribute('aria-label') === 'Play'")
    page.focus("[data-command=new]")
    before = page.notes()
    press(page, "Space")
    assert page.notes() != before
    assert page.get_attribute("[data-command=play]", "aria-label") == "Play"


def test_letters_are_letters_in_fields_and_can_be_switched_off(open_page):
    page = open_page()
    before = page.notes()
    page.focus("#title")
    page.keyboard.type("n f c")
    page.wait_for_timeout(200)
    assert page.notes() == before
    page.focus("#roll")
    press(page, "?")
    page.uncheck("#letters")
    press(page, "Escape")
    press(page, "n")
    assert page.notes() == before
    page.reload()
    page.ready()
    press(page, "n")
    assert page.notes() == before
    press(page, "F1")
    assert page.locator("#help-dialog").is_visible()


def test_the_list_of_shortcuts_names_every_command_with_keys(open_page):
    page = open_page()
    page.command("help")
    text = page.inner_text("#shortcuts")
    for words in ("Play, stop", "Fill: rewrite the selection, or all", "Undo", "Move the cursor", "Download MIDI", "List of shortcuts"):
        assert words in text
    press(page, "Escape")
    assert page.locator("#help-dialog").is_hidden()
    assert page.evaluate("document.activeElement.dataset.command") == "help"


def test_menus_open_move_and_close_by_keyboard(open_page):
    page = open_page()
    page.focus("[data-menu=share-menu]")
    press(page, "Enter", "ArrowDown")
    assert page.evaluate("document.activeElement.dataset.command") == "wav"
    press(page, "Escape")
    assert page.locator("#share-menu").is_hidden()
    assert page.evaluate("document.activeElement.dataset.menu") == "share-menu"


def test_every_visible_control_is_reached_by_tab_with_a_name_and_no_trap(open_page):
    page = open_page()
    page.command("keep")
    names, first = [], None
    for _ in range(150):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
              const e = document.activeElement;
              if (e === document.body) return null;
              const label = e.getAttribute("aria-label") || (e.labels && [...e.labels].map((l) => l.textContent).join(" ")) || e.textContent;
              return [e.id || e.dataset.command || e.dataset.menu || e.className || e.tagName, label.trim()];
            }"""
        )
        if found is None:
            continue  # after the end of the page come the browser's own controls, then the page again
        if first == found:
            break
        first = first or found
        names.append(found)
    assert all(name for _, name in names), [found for found in names if not found[1]]
    reached = {key for key, _ in names}
    wanted = {"undo", "open", "keep", "share-menu", "theme", "help", "fill", "continue", "harmonize", "roll", "play", "loop", "tempo",
              "volume", "new", "length", "key", "density", "temperature", "seed", "axis-0", "vary", "reconstruct", "blend-a", "blend-value"}
    assert wanted <= reached, wanted - reached


def test_what_happens_is_said(open_page):
    page = open_page()
    press(page, "n")
    page.settled()
    assert re.match(r"New piece: 8 bars, \d+ notes, seed \d+\.", page.inner_text("#live"))
    press(page, "f")
    page.wait_for_selector("#choices button")
    assert live(page).startswith("Fill the whole piece: 4 variations.")
    press(page, "2")
    assert live(page) == "Variation 2 of 4."
    press(page, "Escape")
    assert live(page) == "Discarded."
    press(page, "Control+z")
    assert live(page) == "Undone: new piece."
    press(page, "i")
    assert re.search(r"Seed \d+: 8 bars, \d+ notes from .* to .*\. At bar 1, beat 1: ", page.toast())

# SPDX-License-Identifier: MIT
"""A page that `spiral explore` wrote, with the real engine: each action, from the disk and over http. Details of the interface
are tested with the development engine, in the other files."""
import pytest
from conftest import spiral
from test_page_everybody import SCREENS, serious
from test_page_files import TUNE, drop
from test_page_sound import level, wait_for_sound

@pytest.fixture(params=["file", "http"])
def page(open_page, real_page, request):
    return open_page(request.param, page_file=real_page)


def accept(page):
    page.wait_for_selector("#choices button")
    page.command("accept")
    return page.notes()


def test_an_afternoon_with_the_page(page, shots):
    """Many steps on one page, as people do; it also saves starting the engine for each step."""
    first = page.piece()
    assert first["frames"] == 128 and first["notes"]
    page.command("new")
    assert page.notes() != first["notes"]
    page.fill("#seed", "7")
    page.press("#seed", "Enter")
    seven = page.notes()
    page.command("new")
    page.fill("#seed", "7")  # typed while the model writes, it must be kept
    page.settled()
    page.press("#seed", "Enter")
    assert page.notes() == seven

    page.command("lock-melody")
    before = page.notes()
    page.drag(page.point(16, 83), page.point(47, 36))
    page.command("fill")
    after = accept(page)
    assert [n for n in before if n[3]] == [n for n in after if n[3]]
    # Notes that cross the border of the selection are cut there, so cells are compared, not notes.
    outside = lambda notes: {(t, n[1]) for n in notes for t in range(n[0], n[0] + n[2]) if not 16 <= t < 48}
    assert outside(after) == outside(before)
    page.command("undo")
    assert page.notes() == before
    page.screenshot(path=shots / "real-start.png")

    page.keyboard.press("Escape")
    page.locator("#axis-0").fill("2")
    page.notes_after(before)
    page.command("undo")
    assert page.notes() == before

    page.command("continue")
    assert max(n[0] for n in accept(page)) >= 128
    page.command("vary")
    page.wait_for_selector("#choices button")
    page.command("discard")
    data, _ = page.download("midi")
    notes = page.notes()
    drop(page, "again.mid", data)
    page.wait_until("document.querySelector('#title').value === 'again'")
    assert [n[:3] for n in page.notes()] == [n[:3] for n in notes]
    wav, _ = page.download("wav")
    assert wav[:4] == b"RIFF" and len(wav) > 100000
    assert "missed notes" in page.inner_text("#distance") or page.inner_text("#distance") == "nothing"
    page.wait_until("/%|not known: the piece is too short/.test(document.querySelector('#nearest').textContent)", seconds=20)


def test_without_training_music_the_page_says_so(open_page, model, tmp_path):
    spiral("explore", model[0], "-o", tmp_path / "without-music.html")
    page = open_page(page_file=tmp_path / "without-music.html")
    page.wait_until("document.querySelector('#nearest').textContent.includes('without training music')")


def test_a_dropped_melody_is_harmonized_kept_and_back_after_a_reload(page):
    drop(page, "tune.mid", TUNE)
    page.wait_until("document.querySelector('#title').value === 'tune'")
    melody = [n[:3] for n in page.notes()]
    page.command("harmonize")
    notes = accept(page)
    assert set(melody) <= {n[:3] for n in notes} and len(notes) > len(melody)
    page.command("keep")
    page.command("new")
    page.settled()
    page.command("keep")
    page.select_option("#blend-a", index=1)
    page.select_option("#blend-b", index=2)
    page.locator("#blend-value").fill("0.5")
    page.wait_for_timeout(800)
    assert page.piece()["title"].startswith("Blend")
    page.reload()
    page.ready()
    assert page.locator("#kept li").count() == 2


def test_a_link_brings_back_notes_locks_sliders_and_seed(open_page, real_page):
    page = open_page(page_file=real_page)
    page.fill("#seed", "99")
    page.press("#seed", "Enter")
    page.settled()
    page.command("lock-melody")
    page.drag(page.point(32, 83), page.point(63, 36))
    before = page.notes()
    page.locator("#axis-1").fill("1.5")
    page.notes_after(before)
    page.command("link")
    piece = page.piece()
    assert any(n[3] for n in piece["notes"]) and piece["sliders"]
    fragment = page.evaluate("location.hash")
    assert fragment.startswith("#piece=") and len(fragment) < 8000
    other = open_page("http", path=fragment, page_file=real_page)
    assert {**other.piece(), "title": ""} == {**piece, "title": ""}
    assert other.input_value("#seed") == "99" and other.input_value("#axis-1") == "1.5"
    other.command("reset-sliders")
    page.command("reset-sliders")
    assert other.notes() == page.notes() != piece["notes"]


def test_play_sounds_and_stop_is_silence(open_page, real_page):
    page = open_page(page_file=real_page)
    page.command("play")
    wait_for_sound(page)
    page.command("play")
    page.wait_for_timeout(300)
    assert level(page) < 1e-4


def test_a_midi_file_that_is_none_gets_the_readers_sentence(open_page, real_page):
    page = open_page(page_file=real_page)
    before = page.notes()
    drop(page, "noise.mid", b"\x00\x01\x02")
    page.wait_for_selector(".toast.error")
    assert "MIDI" in page.toast() and "engine failed" not in page.toast()
    assert page.notes() == before


@pytest.mark.parametrize("screen, scheme", [("320", "dark"), ("phone", "light"), ("desktop", "light"), ("desktop", "dark")])
def test_axe_finds_nothing_serious_and_nothing_is_too_wide(open_page, real_page, shots, screen, scheme):
    page = open_page(page_file=real_page, color_scheme=scheme, **SCREENS[screen])
    page.settled()
    page.screenshot(path=shots / f"real-{screen}-{scheme}.png")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

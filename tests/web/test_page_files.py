# SPDX-License-Identifier: MIT
"""Files and links: MIDI dropped and downloaded, WAV, picture, the link, bad input."""
import json
import struct
import zlib

import pytest


def midi(*events, division=480, tempo=500000, ending=b"\x00\xff\x2f\x00"):
    """A file of format 0: events are (delta ticks, bytes)."""
    track = b"\x00\xff\x51\x03" + tempo.to_bytes(3, "big")
    for delta, data in events:
        groups = [delta & 127]
        while delta := delta >> 7:
            groups.insert(0, delta & 127 | 128)
        track += bytes(groups) + data
    track += ending
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, division) + b"MTrk" + struct.pack(">I", len(track)) + track


TUNE = midi((0, b"\x90\x3c\x50"), (480, b"\x80\x3c\x40"), (0, b"\x90\x40\x50"), (960, b"\x80\x40\x40"))


def drop(page, name, data):
    """What the browser does when a file is dropped on the page."""
    page.evaluate(
        """([name, bytes]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], name));
          for (const type of ["dragenter", "dragover", "drop"])
            document.querySelector("#roll").dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        [name, list(data)],
    )


def test_a_dropped_midi_file_is_opened(page):
    drop(page, "my tune.mid", TUNE)
    page.wait_until("document.querySelector('#title').value === 'my tune'")
    piece = page.piece()
    assert piece["notes"] == [(0, 60, 4, False), (4, 64, 8, False)]
    assert piece["frames"] == 12 and piece["tempo"] == 120
    assert "0.75 bars, 2 notes" in page.toast()
    page.command("undo")
    assert page.piece()["title"].startswith("Seed")


def test_a_file_is_opened_with_the_button(page):
    with page.expect_file_chooser() as chooser:
        page.command("open")
    chooser.value.set_files({"name": "a.mid", "mimeType": "audio/midi", "buffer": TUNE})
    page.wait_until("document.querySelector('#title').value === 'a'")
    assert len(page.notes()) == 2


def test_the_readers_warnings_are_shown_as_text(page):
    drop(page, "<img src=x onerror=alert(1)>.mid", midi((0, b"\x90\x3c\x50"), (480, b"\x90\x40\x50")))
    page.wait_for_selector(".toast li")
    assert "2 notes have no end" in page.toast()
    assert "<img src=x onerror=alert(1)>" in page.toast()
    assert page.locator("#toasts img").count() == 0


@pytest.mark.parametrize("name, data", [("noise.mid", b"\x00\x01\x02"), ("text.mid", b"Hello, this is no music at all."), ("empty.mid", b"")])
def test_a_file_that_is_no_midi_is_refused_with_the_readers_sentence(open_page, name, data):
    page = open_page()
    before = page.notes()
    drop(page, name, data)
    page.wait_for_selector(".toast.error")
    assert f'Open {name} failed: no MIDI file: the first bytes are not "MThd"' in page.toast()
    assert page.notes() == before
    page.command("new")
    assert page.notes() != before


def test_downloaded_midi_opens_as_the_same_piece(page):
    page.command("lock-melody")
    before = page.piece()
    data, name = page.download("midi")
    assert name == before["title"].lower().replace(" ", "-") + ".mid"
    drop(page, "again.mid", data)
    page.wait_until("document.querySelector('#title').value === 'again'")
    after = page.piece()
    assert [n[:3] for n in after["notes"]] == [n[:3] for n in before["notes"]]
    assert after["tempo"] == before["tempo"]


def test_downloaded_wav_is_sound(page):
    data, name = page.download("wav")
    assert name.endswith(".wav") and data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    samples = struct.unpack(f"<{(len(data) - 44) // 2}h", data[44:])
    assert max(samples) > 1000 and len(samples) > 22050 * 15


def png_size(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, pixels = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        pixels += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    assert len(set(zlib.decompress(pixels))) > 50  # more colours than an empty picture has
    return struct.unpack(">II", data[16:24])


def test_downloaded_picture_shows_the_whole_piece(open_page, shots):
    page = open_page()
    page.fill("#length", "24")
    page.command("new")
    page.settled()
    data, name = page.download("picture")
    width, height = png_size(data)
    assert name.endswith(".png") and width == 3200 and height > 1800
    (shots / "download.png").write_bytes(data)


@pytest.mark.parametrize("span", [False, True], ids=["whole", "span"])
def test_a_link_brings_back_notes_locks_sliders_and_seed(open_page, span):
    page = open_page()
    page.fill("#seed", "99")
    page.press("#seed", "Enter")
    page.settled()
    page.command("lock-melody")
    if span:
        page.drag(page.point(32, 83), page.point(63, 36))
    page.locator("#axis-1").fill("1.5")
    page.wait_for_timeout(300)
    page.fill("#tempo", "101")
    page.press("#tempo", "Enter")
    page.command("link")
    page.settled()
    piece = page.piece()
    fragment = page.evaluate("location.hash")
    assert fragment.startswith("#piece=") and len(fragment) < 4000
    other = open_page("file", path=fragment)
    assert {**other.piece(), "title": ""} == {**piece, "title": ""}
    assert other.input_value("#seed") == "99"
    assert other.input_value("#axis-1") == "1.5"
    assert other.input_value("#tempo") == "101"
    other.command("reset-sliders")
    unmoved = other.piece()
    page.command("reset-sliders")
    assert page.piece()["notes"] == unmoved["notes"]
    assert page.evaluate("location.hash") == ""


def test_a_link_put_into_the_address_of_an_open_page_is_opened(open_page):
    page = open_page("http")
    page.command("link")
    page.settled()
    first = page.piece()
    fragment = page.evaluate("location.hash")
    page.command("new")
    assert page.notes() != first["notes"]
    page.evaluate("(hash) => { location.hash = hash; }", fragment)
    page.wait_for_timeout(200)
    assert page.notes() == first["notes"]


@pytest.mark.parametrize("text", ["", "!!!", "AAAA", "AQ", "Af-_v7-_v78", "AYABAKA4AQAAAP__"])
def test_a_damaged_link_is_told_and_the_page_works(open_page, text):
    page = open_page("file", path=f"#piece={text}")
    assert "The link's piece was not opened" in page.toast()
    assert len(page.notes()) > 50


def test_the_page_without_storage_still_works(open_page, browser):
    page = open_page(ready=False)
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError'); } });")
    page.reload()
    page.ready()
    title = page.input_value("#title")
    page.command("new")
    page.wait_until(f"document.querySelector('#title').value !== '{title}'")
    page.command("keep")
    assert "The piece was not kept" in page.toast()
    page.command("play")
    page.wait_until("window.watch.level() > 0.003", seconds=5)
    page.command("play")


def test_full_storage_is_told(open_page):
    page = open_page()
    page.settled()
    page.evaluate("() => { let size = 1 << 22; while (size > 64) { try { localStorage.setItem('fill' + size + Math.random(), 'x'.repeat(size)); } catch { size >>= 1; } } }")
    page.command("new")
    page.wait_for_timeout(600)
    page.command("keep")
    assert "storage is full" in page.toast()


def test_pieces_kept_with_another_grid_are_counted_not_shown(open_page):
    page = open_page("http")
    page.command("keep")
    entries = json.loads(page.evaluate("localStorage.getItem('spiral.kept')"))
    entries.append({**entries[0], "id": "other", "grid": "0/100"})
    page.evaluate("(text) => localStorage.setItem('spiral.kept', text)", json.dumps(entries))
    page.reload()
    page.ready()
    assert page.locator("#kept li").count() == 1
    assert "1 piece of other models' pages is not shown" in page.inner_text("#kept-note")

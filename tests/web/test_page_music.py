# SPDX-License-Identifier: MIT
"""The actions of the page, by pointer, from the disk and over http."""


def test_a_new_piece_is_there_at_once_and_another_comes_with_a_click(page):
    first = page.piece()
    assert first["frames"] == 8 * 16 and len(first["notes"]) > 50
    page.command("new")
    second = page.piece()
    assert second["notes"] != first["notes"]
    assert second["title"] == f"Seed {page.input_value('#seed')}"


def test_the_same_seed_and_settings_give_the_same_piece(page):
    page.fill("#seed", "4711")
    page.fill("#length", "4")
    page.select_option("#key", "Eb major")
    page.click("text=Use seed")
    first = page.piece()
    assert first["frames"] == 4 * 16
    assert first["made"] == {"kind": "new", "seed": "4711", "temperature": 1, "frames": 64, "key": "Eb major", "density": 0}
    page.command("new")
    assert page.piece()["notes"] != first["notes"]
    page.fill("#seed", "4711")
    page.press("#seed", "Enter")
    assert page.piece()["notes"] == first["notes"]


def test_a_seed_that_is_no_number_is_refused_in_one_sentence(page):
    before = page.notes()
    page.fill("#seed", "abc")
    page.click("text=Use seed")
    assert 'the seed "abc" is not a whole number' in page.toast()
    page.fill("#seed", "18446744073709551616")
    page.click("text=Use seed")
    assert "the limit of 18446744073709551615" in page.toast()
    assert page.notes() == before


def test_drawing_moving_lengthening_and_deleting_notes(page):
    page.click("text=Options")
    page.command("empty")
    assert page.notes() == []
    page.mouse.click(*page.point(16, 60))
    assert page.notes() == [(16, 60, 4, False)]
    page.drag(page.point(32, 64), page.point(39, 64))
    assert page.notes() == [(16, 60, 4, False), (32, 64, 8, False)]
    page.command("tool-select")
    page.drag(page.point(17, 60), page.point(21, 65))
    assert page.notes() == [(20, 65, 4, False), (32, 64, 8, False)]
    end = page.point(39, 64)
    page.drag((end[0] + 2, end[1]), page.point(43, 64))
    assert page.notes() == [(20, 65, 4, False), (32, 64, 12, False)]
    page.mouse.dblclick(*page.point(22, 65))
    assert page.notes() == [(32, 64, 12, False)]
    page.command("tool-erase")
    page.mouse.click(*page.point(40, 64))
    assert page.notes() == []
    for _ in range(6):
        page.command("undo")
    assert not page.is_usable("redo") or page.notes() == []


def test_fill_rewrites_the_selection_and_leaves_the_rest_and_locked_notes(page):
    before = page.notes()
    inside = [n for n in before if n[0] < 48 and n[0] + n[2] > 16]
    melody = max(inside, key=lambda note: note[1])
    page.command("tool-lock")
    page.mouse.click(*page.point(max(16, melody[0]), melody[1]))
    page.command("tool-select")
    page.drag(page.point(16, 83), page.point(47, 36))
    assert page.inner_text("#selection-text").startswith("Bars 2–3, all keys")
    page.command("fill")
    page.wait_for_selector("#choices button")
    assert page.locator("#choices button").count() == 4
    page.click("#choices button >> nth=2")
    page.command("accept")
    after = page.notes()
    locked = [n for n in after if n[3]]
    assert locked == [(*melody[:3], True)]
    outside = [n[:3] for n in before if n[0] + n[2] <= 16 or n[0] >= 48]
    assert [n[:3] for n in after if n[0] + n[2] <= 16 or n[0] >= 48] == outside
    assert [n[:3] for n in after] != [n[:3] for n in before]


def test_variations_are_discarded_and_the_piece_is_as_before(page):
    before = page.notes()
    page.command("fill")
    page.wait_for_selector("#choices button")
    page.command("discard")
    assert page.notes() == before


def test_undo_and_redo_go_through_every_step(page):
    texts = [page.notes()]
    for _ in range(3):
        page.command("new")
        texts.append(page.notes())
    for expected in reversed(texts[:-1]):
        page.command("undo")
        assert page.notes() == expected
    assert not page.is_usable("undo")
    for expected in texts[1:]:
        page.command("redo")
        assert page.notes() == expected
    assert not page.is_usable("redo")


def test_continue_adds_bars_and_changes_nothing_before(page):
    before = page.piece()
    page.command("continue")
    page.wait_for_selector("#choices button")
    page.command("accept")
    after = page.piece()
    assert after["frames"] == before["frames"] + 4 * 16
    assert [n for n in after["notes"] if n[0] + n[2] <= before["frames"]] == before["notes"]
    assert any(n[0] >= before["frames"] for n in after["notes"])


def test_harmonize_keeps_the_drawn_melody(page):
    page.click("text=Options")
    page.command("empty")
    melody = [(0, 72), (16, 74), (32, 76), (48, 74), (64, 72)]
    for frame, key in melody:
        page.mouse.click(*page.point(frame, key))
    page.command("harmonize")
    page.wait_for_selector("#choices button")
    assert "Harmonize the melody" in page.inner_text("#review-text")
    page.command("accept")
    after = page.notes()
    assert {(f, k, 4, False) for f, k in melody} <= set(after)
    assert len(after) > 3 * len(melody)


def test_a_slider_changes_the_piece_and_undo_puts_it_back(page):
    before = page.piece()
    page.locator("#axis-0").fill("2")
    page.wait_for_timeout(300)
    after = page.piece()
    assert after["sliders"]["values"][0] == 2
    mean = lambda piece: sum(n[1] for n in piece["notes"]) / len(piece["notes"])
    assert mean(after) > mean(before) + 3
    page.command("undo")
    assert page.piece()["notes"] == before["notes"]
    assert page.input_value("#axis-0") == "0"
    page.command("redo")
    assert page.piece()["notes"] == after["notes"]
    assert page.input_value("#axis-0") == "2"
    page.command("reset-sliders")
    assert page.piece()["notes"] == before["notes"]


def test_sliders_leave_bars_outside_the_selection_and_locked_notes(page):
    page.command("lock-melody")
    before = page.notes()
    page.drag(page.point(32, 83), page.point(63, 36))
    page.locator("#axis-1").fill("3")
    after = page.notes_after(before)
    assert [n for n in before if n[3]] == [n for n in after if n[3]]
    outside = lambda notes: [n for n in notes if n[0] + n[2] <= 32 or n[0] >= 64]
    assert outside(after) == outside(before)


def test_sliders_of_one_span_keep_what_they_did_to_another(page):
    page.drag(page.point(0, 83), page.point(31, 36))
    page.locator("#axis-0").fill("2")
    page.wait_for_timeout(300)
    first = page.notes()
    page.drag(page.point(64, 83), page.point(95, 36))
    assert page.input_value("#axis-0") == "0"
    page.locator("#axis-0").fill("-2")
    page.wait_for_timeout(300)
    second = page.notes()
    early = lambda notes: [n for n in notes if n[0] < 32]
    assert early(second) == early(first)
    assert second != first


def test_an_edit_while_the_model_writes_is_not_lost(open_page):
    page = open_page(pack={"delayMs": 60})
    page.command("fill")
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    assert page.notes() == []
    assert page.locator("#choices button").count() == 0
    assert "the piece was changed meanwhile" in page.toast()


def test_locks_can_be_taken_back_beside_where_they_were_made(open_page):
    page = open_page()
    unlock = page.locator("[data-context=idle] [data-command=unlock-all]")
    assert unlock.is_hidden()
    page.command("lock-melody")
    assert any(n[3] for n in page.notes())
    unlock.press("Enter")
    assert not any(n[3] for n in page.notes()) and unlock.is_hidden()
    assert page.evaluate("document.activeElement.id") == "roll"


def test_vary_and_reconstruct_offer_variations(page):
    page.command("vary")
    page.wait_for_selector("#choices button")
    assert page.locator("#choices button").count() == 4
    page.command("discard")
    page.command("reconstruct")
    page.wait_for_selector("#choices button")
    assert page.locator("#choices button").count() == 1


def test_kept_pieces_survive_a_reload_and_blend(page):
    page.command("keep")
    first = page.piece()
    page.command("new")
    page.settled()
    page.command("keep")
    assert page.locator("#kept li").count() == 2
    page.reload()
    page.ready()
    assert "Your last piece is back" in page.toast()
    assert page.locator("#kept li").count() == 2
    page.click(f"#kept button:has-text('{first['title']}')")
    assert page.notes() == first["notes"]
    page.select_option("#blend-a", index=1)
    page.select_option("#blend-b", index=2)
    page.locator("#blend-value").fill("0.3")
    page.wait_for_timeout(300)
    blend = page.piece()
    assert blend["title"].startswith("Blend of Seed")
    assert blend["notes"] != first["notes"]
    page.locator("#kept li button[title=Remove]").first.click()
    assert page.locator("#kept li").count() == 1
    page.click("text=Put back")
    assert page.locator("#kept li").count() == 2

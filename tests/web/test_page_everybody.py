# SPDX-License-Identifier: MIT
"""Light and dark, small and large screens, touch, reduced motion, automatic checks of accessibility; screenshots are kept."""
import pytest

axe_module = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "device_scale_factor": 2}
SCREENS = {
    "320": {"viewport": {"width": 320, "height": 640}, "has_touch": True, "device_scale_factor": 2},
    "phone": PHONE,
    "landscape": {"viewport": {"width": 844, "height": 390}, "has_touch": True, "device_scale_factor": 2},
    "tablet": {"viewport": {"width": 1000, "height": 700}},
    "laptop": {"viewport": {"width": 1280, "height": 720}},
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "4k": {"viewport": {"width": 3840, "height": 2160}},
}


# During a transition of colours, the contrast would be measured wrongly.
AT_REST = """async () => {
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
  const ending = document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime < Infinity);
  await Promise.allSettled(ending.map((a) => a.finished));
}"""


def serious(page):
    page.page.evaluate(AT_REST)
    found = axe_module.Axe().run(page.page).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found if rule["impact"] in ("serious", "critical") for node in rule["nodes"]]


def show_states(page):
    """The page in several states, one after the other."""
    yield "start"
    page.focus("#roll")
    page.keyboard.press("m")
    page.command("keep")
    page.command("fill")
    page.wait_for_selector("#choices button")
    yield "variations"
    page.command("discard")
    page.keyboard.press("Control+a")
    yield "selection"
    for tab in page.locator("[data-panel]:visible").all():
        tab.click()
        yield tab.get_attribute("data-panel")
    page.command("help")
    yield "help"
    page.keyboard.press("Escape")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["320", "tablet", "desktop"])
def test_axe_finds_nothing_serious(open_page, screen, scheme):
    page = open_page(color_scheme=scheme, **SCREENS[screen])
    for state in show_states(page):
        assert serious(page) == [], state


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", list(SCREENS))
def test_nothing_is_wider_than_the_screen_and_the_roll_has_room(open_page, shots, screen, scheme):
    page = open_page(color_scheme=scheme, **SCREENS[screen])
    page.fill("#seed", "21")
    page.press("#seed", "Enter")
    page.settled()
    for state in show_states(page):
        page.wait_for_timeout(150)
        page.screenshot(path=shots / f"{screen}-{scheme}-{state}.png")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), state
        wide = page.evaluate(
            """() => [...document.querySelectorAll("#app button, #app input, #app select, #app p")].filter((e) => {
              const box = e.getBoundingClientRect();
              return box.width && (box.right > innerWidth + 1 || box.left < -1) && !e.closest(".unseen");
            }).map((e) => e.outerHTML.slice(0, 80))"""
        )
        assert wide == [], state
    assert page.locator("#stage").bounding_box()["height"] >= 120
    assert page.evaluate("document.querySelector('#roll').width") > 0


def test_dark_follows_the_system_and_the_choice(open_page):
    page = open_page(color_scheme="dark")
    dark, light = "rgb(14, 16, 22)", "rgb(244, 242, 237)"
    shows = lambda colour: page.wait_until(f"getComputedStyle(document.body).backgroundColor === '{colour}'")
    shows(dark)
    page.command("theme")
    shows(light)
    page.settled()  # the choice is stored
    page.reload()
    page.ready()
    shows(light)
    page.command("theme")
    page.emulate_media(color_scheme="light")
    shows(dark)
    page.command("theme")
    shows(light)


def test_reduced_motion_has_no_transitions(open_page):
    page = open_page(reduced_motion="reduce")
    assert page.evaluate("[...document.querySelectorAll('button')].every((b) => parseFloat(getComputedStyle(b).transitionDuration) === 0)")


def touch(page, kind, *points):
    """Sends a touch event, with any number of fingers, as input to the browser."""
    session = getattr(page, "session", None) or page.context.new_cdp_session(page.page)
    page.session = session
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]})


def test_fingers_draw_select_scroll_and_zoom(open_page):
    page = open_page(**PHONE)
    page.click("text=Options")
    page.fill("#length", "4")
    page.command("empty")
    page.settled()
    assert page.get_attribute("[data-command=tool-draw]", "aria-pressed") == "true"
    box = page.locator("#roll").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.touchscreen.tap(*middle)
    assert len(page.notes()) == 1
    page.command("tool-select")
    start = (box["x"] + 70, box["y"] + 60)
    touch(page, "touchStart", start)
    touch(page, "touchMove", middle)
    touch(page, "touchMove", (middle[0] + 60, middle[1] + 40))
    touch(page, "touchEnd")
    assert page.locator("[data-context=selection]").is_visible()
    assert "1 note" in page.inner_text("#selection-text")
    page.command("deselect")
    before = page.locator("#roll").screenshot()
    touch(page, "touchStart", middle, (middle[0] + 40, middle[1]))
    for spread in (60, 90, 130):
        touch(page, "touchMove", (middle[0] - spread / 2, middle[1]), (middle[0] + 40 + spread / 2, middle[1]))
    touch(page, "touchEnd")
    page.wait_for_timeout(100)
    assert page.locator("#roll-base").screenshot() != before
    assert len(page.notes()) == 1


def test_the_hint_comes_once(open_page):
    page = open_page(ready=False)
    page.wait_for_selector("#hint:not([hidden])")
    assert "Space" in page.inner_text("#hint")
    page.click("#hint-close")
    page.reload()
    page.ready()
    assert page.locator("#hint").is_hidden()


def test_a_selection_is_not_told_by_colour_alone(open_page):
    """Screen readers are told that a tool is pressed, a variation chosen, a button disabled."""
    page = open_page()
    says = lambda name, state, value: page.wait_until(
        f"document.querySelector('[data-command={name}]').getAttribute('aria-{state}') === '{value}'"
    )
    says("tool-select", "pressed", "true")
    says("tool-draw", "pressed", "false")
    page.command("tool-draw")
    says("tool-select", "pressed", "false")
    says("tool-draw", "pressed", "true")
    says("redo", "disabled", "true")

# SPDX-License-Identifier: MIT
"""The page in Debian's Chromium, from the disk and over http, with the development engine (dev_engine.js) instead of the model;
test_real_page.py uses the real engine.

Needs the packages of tests/web/requirements.txt and chromium (or CHROMIUM=/path/to/it); without them every test here is
skipped with the reason. Screenshots go to build/shots.
"""
import contextlib
import functools
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

import pytest

try:
    from playwright import sync_api
except ImportError:
    sync_api = None  # the fixture `browser` skips then

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=document-user-activation-required",
]
# Runs before the page's own script: an analyser of the sound output, and a list of what the content security policy forbade.
WATCH = """
window.watch = { violations: [], level: () => 0 };
document.addEventListener("securitypolicyviolation", (event) => watch.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target === this.context.destination && !this.context.analyser) {
    const analyser = (this.context.analyser = new AnalyserNode(this.context, { fftSize: 8192 }));
    connect.call(this, analyser);
    window.watch.context = this.context;
    window.watch.level = () => {
      const samples = new Float32Array(8192);
      analyser.getFloatTimeDomainData(samples);
      return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
    };
  }
  return connect.call(this, target, ...rest);
};
"""


@pytest.fixture(scope="session")
def shots():
    folder = ROOT / "build" / "shots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def make_page(tmp_path_factory):
    """make_page(**pack) -> path of a page with the development engine; dev_engine.js describes the fields of the pack."""
    folder = tmp_path_factory.mktemp("page")

    @functools.lru_cache(maxsize=None)
    def made(text):
        number = len(list(folder.glob("*.html")))
        pack = folder / f"{number}.json"
        pack.write_text(text, encoding="utf-8")
        page = folder / f"page-{number}.html"
        worker = ROOT / "tests" / "web" / "dev_engine.js"
        command = [sys.executable, ROOT / "web" / "assemble.py", "--worker", worker, "--pack", pack, "-o", page]
        subprocess.run(command, check=True)
        return page

    return lambda **pack: made(json.dumps(pack))


PROGRAM = pathlib.Path(os.environ.get("SPIRAL_PROGRAM", ROOT / "build" / "cli" / "spiral"))


def spiral(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """(path of a model, folder of its training music): SPIRAL_PAGE_MODEL and SPIRAL_PAGE_MUSIC, or a small one, trained on
    the scores of data/ in a few seconds. Its music is not good, but the engine must write the same."""
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is missing")
    if "SPIRAL_PAGE_MODEL" in os.environ:
        return pathlib.Path(os.environ["SPIRAL_PAGE_MODEL"]), pathlib.Path(os.environ["SPIRAL_PAGE_MUSIC"])
    folder = tmp_path_factory.mktemp("model")
    music = folder / "music"
    music.mkdir()
    for score in sorted((ROOT / "data" / "scores").glob("*.txt")):
        spiral("render", score, "-o", music / f"{score.stem}.mid")
    path = folder / "small.safetensors"
    sizes = ["--hidden", "64", "--latent", "16", "--decoder", "32", "--low", "36", "--high", "83"]
    spiral("train", music, "-o", path, "--steps", "60", "--decoder-steps", "300", *sizes)
    return path, music


@pytest.fixture(scope="session")
def real_page(model, tmp_path_factory):
    """The path of a page that `spiral explore` wrote: the real engine, with the model."""
    path, music = model
    page = tmp_path_factory.mktemp("explore") / "page.html"
    done = subprocess.run([PROGRAM, "explore", path, "--against", music, "-o", page], capture_output=True, text=True)
    if "this build has no page" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return page


@pytest.fixture(scope="session")
def server(make_page):
    """The address of a web server on the folder of the pages."""
    folder = make_page().parent
    log = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def log_message(self, _format, *args):
            log.append(args[0])

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        running.requests = log
        yield running
        running.shutdown()


@pytest.fixture(scope="session")
def browser():
    if sync_api is None:
        pytest.skip("playwright is not installed (tests/web/requirements.txt)")
    if not CHROMIUM:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


class Page:
    """A page with the actions of the tests. `errors` must stay empty, and `requests` may have only the page itself."""

    def __init__(self, page):
        self.page = page
        self.errors = []
        self.requests = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("request", lambda request: self.requests.append(request.url))

    def __getattr__(self, name):
        return getattr(self.page, name)

    def ready(self):
        """Waits for the first piece, and closes the hint."""
        self.page.wait_for_selector("#app:not([hidden])")
        self.wait_until("document.querySelector('#title').value !== ''")
        if self.page.locator("#hint").is_visible():
            self.page.click("#hint-close")
        return self

    def wait_until(self, condition, seconds=10):
        """Waits for a condition in the page. (playwright's wait_for_function needs eval, which the policy forbids.)"""
        end = time.monotonic() + seconds
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"not within {seconds} s: {condition}"
            self.page.wait_for_timeout(20)

    def command(self, name):
        """Presses the button of a command, in its menu or panel if it is hidden there."""
        button = self.page.locator(f"[data-command={name}]:visible").first
        if not button.count():
            menu = self.page.locator(f".menu:has([data-command={name}])").first
            self.page.click(f"[data-menu={menu.get_attribute('id')}]")
            button = menu.locator(f"[data-command={name}]")
        button.click()

    def is_usable(self, name):
        return self.page.locator(f"[data-command={name}]").first.get_attribute("aria-disabled") == "false"

    def settled(self):
        """Waits until the engine is idle and the piece is stored."""
        self.wait_until("document.querySelector('[data-context=busy]').hidden")
        self.page.wait_for_timeout(450)

    def notes(self):
        """The notes of the piece on the page, from its stored text: [(begin, key, length, locked)]."""
        self.settled()
        return parse_piece(json.loads(self.page.evaluate("localStorage.getItem('spiral.last')"))["text"])["notes"]

    def notes_after(self, before, seconds=10):
        """The notes after they differ from `before`: sliders and blends change them without showing that they work."""
        end = time.monotonic() + seconds
        while (after := self.notes()) == before:
            assert time.monotonic() < end, f"the notes did not change within {seconds} s"
        return after

    def piece(self):
        self.settled()
        return parse_piece(json.loads(self.page.evaluate("localStorage.getItem('spiral.last')"))["text"])

    def point(self, frame, key, low=36, high=83, bars=8):
        """The middle of a cell on the screen, when the whole piece is shown."""
        box = self.page.locator("#roll").bounding_box()
        left, top = 52, 26
        height = (box["height"] - top) / (high - low + 1)
        height = min(height, 26)
        offset = max(0, (box["height"] - top - height * (high - low + 1)) / 2)
        x = box["x"] + left + (frame + 0.5) * (box["width"] - left) / (16 * bars)
        return x, box["y"] + top + offset + (high - key + 0.5) * height

    def drag(self, start, end):
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        mouse.move(*end)
        mouse.up()

    def toast(self):
        return self.page.locator("#toasts").inner_text()

    def download(self, name):
        with self.page.expect_download() as caught:
            self.command(name)
        return pathlib.Path(caught.value.path()).read_bytes(), caught.value.suggested_filename


def parse_piece(text):
    """A piece from its text (web/script/piece_text.js), read independently of the page's own reader."""
    import base64

    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    assert number() == 1
    frames, tempo, count = number(), number() / 100, number()
    begin, notes = 0, []
    for _ in range(count):
        begin += number()
        key, length = number(), number()
        notes.append((begin, key, length // 2, bool(length % 2)))
    size = number()
    assert at + size == len(data)
    return {"frames": frames, "tempo": tempo, "notes": notes, **json.loads(data[at:])}


@pytest.fixture
def open_page(browser, make_page, server):
    """open_page(over="file" | "http", context options, pack=..., path="#..." ) -> Page, watched for errors and requests."""
    with contextlib.ExitStack() as stack:
        opened = []

        def opener(over="file", pack=None, path="", ready=True, page_file=None, **options):
            if page_file:
                linked = make_page().parent / page_file.name
                if not linked.exists():
                    shutil.copy(page_file, linked)
            page_file = linked if page_file else make_page(**(pack or {}))
            context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
            stack.callback(context.close)
            context.add_init_script(WATCH)
            page = Page(context.new_page())
            opened.append(page)
            port = server.server_address[1]
            page.address = page_file.as_uri() if over == "file" else f"http://127.0.0.1:{port}/{page_file.name}"
            page.goto(page.address + path)
            return page.ready() if ready else page

        yield opener
        for page in opened:
            assert page.errors == []
            assert page.evaluate("window.watch.violations") == []
            own = page.address.split("#")[0]
            foreign = [url for url in page.requests if not url.startswith(("blob:", "data:")) and url.split("#")[0] != own]
            assert foreign == []


@pytest.fixture(params=["file", "http"])
def page(open_page, request):
    """The page on a desktop, both from the disk and over http."""
    return open_page(request.param)

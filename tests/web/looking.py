"""A watched tab of a real browser, and what every page is asked: axe-core, width, layout shift."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: No host name resolves, and no address but the loopback's is reached.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip
DESKTOP, PHONE = (1280, 900), (360, 740)
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
#: What a browser says when a page that is left had something under way; nothing is wrong with that.
_LEFT = "net::ERR_ABORTED"
_SHIFTS = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const each of list.getEntries()) if (!each.hadRecentInput) sum += each.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 50);
})"""


class Tab:
    """A Playwright page of one server, with all that went wrong in it. Other names are the page's own."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.context = browser.new_context(
            viewport={"width": DESKTOP[0], "height": DESKTOP[1]}, locale="en-GB"
        )
        self.context.set_default_timeout(30_000)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.received = 0
        self._pardoned: list[str] = []
        self.page.on("console", lambda said: said.type == "error" and self._note(f"console: {said.text}"))
        self.page.on("pageerror", lambda error: self._note(f"script: {error}"))
        self.page.on("request", lambda asked: self._asked(asked.url))
        self.page.on("requestfailed", lambda asked: self._failed(asked.url, asked.failure))
        self.page.on("response", lambda got: got.status >= 400 and self._note(f"{got.status}: {got.url}"))

    def __getattr__(self, name: str):
        return getattr(self.page, name)

    def open(self, path: str) -> Page:
        """Go to a page of the server."""
        self.page.goto(self.url + path)
        return self.page

    def wait_for_function(self, expression: str, timeout: float = 30_000) -> None:
        """As the page's own, which the page's policy against `eval` stops. Milliseconds."""
        until(self.page, expression, timeout / 1000)

    def pardon(self, text: str) -> None:
        """Something that holds this text is provoked, and no fault."""
        self._pardoned.append(text)

    def faults(self) -> list[str]:
        """What went wrong and was not provoked."""
        return [each for each in self.complaints if not any(text in each for text in self._pardoned)]

    def _note(self, complaint: str) -> None:
        self.complaints.append(complaint)

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != urlsplit(self.url).netloc:
            self._note(f"foreign: {url}")

    def _failed(self, url: str, why: str | None) -> None:
        if why != _LEFT:
            self._note(f"failed: {url} ({why})")


def until(page: Page, expression: str, seconds: float = 30) -> None:
    """Wait until a script in the page says something true."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(100)


def violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # as a debugger would: the page's policy stays as it is
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    return [
        f"{each['id']} ({each['impact']}): {each['help']}; {json.dumps([n['html'][:160] for n in each['nodes'][:3]])}"
        for each in grave
    ]


def look(tab: Tab, path: str, until: str = "main h1") -> None:
    """A page on a desktop and on a phone, light and dark: usable by everybody, never wider than the screen."""
    for width, height in (DESKTOP, PHONE):
        tab.page.set_viewport_size({"width": width, "height": height})
        tab.page.emulate_media(color_scheme="light")
        tab.open(path)
        tab.page.wait_for_selector(until, state="attached")
        assert tab.page.evaluate(_SHIFTS) < 0.05, f"{path} moves while it loads at {width} pixels"
        wide = tab.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} pixels wide on a screen of {width}"
        for theme in ("light", "dark"):
            tab.page.emulate_media(color_scheme=theme)
            found = violations(tab.page)
            assert not found, f"{path}, {theme}, {width} pixels: {found}"

"""`/docs` and `/redoc` in a real browser that can reach no host but ours."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from litestar.testing import TestClient
from websockets.sync.client import ClientConnection, connect

from config.loader import ConfigurationLoader
from server import vendor
from server.app import create_app
from server.openapi.document import document
from tests.house import House, wait_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SUMMARIES = [each["summary"] for item in document()["paths"].values() for each in item.values()]
#: What a page shows once it is there.
SHOWN = "document.getElementById('api').innerText"


class Page:
    """One tab, watched: every request with its answer, everything the console says."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.numbers = count(1)
        self.requests: dict[str, str] = {}
        self.answers: dict[str, int] = {}
        self.complaints: list[str] = []
        for domain in ("Network", "Page", "Runtime", "Log", "Security"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> dict:
        """Send a command and wait for its result, noting what happens meanwhile."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.note(message.get("method"), message.get("params", {}))

    def note(self, event: str | None, said: dict) -> None:
        """Keep what a test asks about."""
        if event == "Network.requestWillBeSent":
            self.requests[said["requestId"]] = said["request"]["url"]
        elif event == "Network.responseReceived":
            self.answers[said["response"]["url"]] = said["response"]["status"]
        elif event == "Network.loadingFailed":
            self.complaints.append(f"{self.requests.get(said['requestId'])}: {said['errorText']}")
        elif event == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.complaints.append(said["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(said["exceptionDetails"])[:500])
        elif event == "Runtime.consoleAPICalled" and said["type"] == "error":
            self.complaints.append(json.dumps(said["args"])[:500])

    def value(self, expression: str) -> object:
        """What a script in the page says."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Page]:
    """A headless browser that knows no host name and no address but the loopback's."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium, which is not installed here")
    profile = tmp_path / "profile"
    running = subprocess.Popen(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={profile}",
            "--remote-debugging-port=0", "--window-size=1400,1200", "about:blank",
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = profile / "DevToolsActivePort"
        wait_for(lambda: port.exists() and port.read_text().count("\n"), seconds=60)
        tabs = httpx.get(f"http://127.0.0.1:{port.read_text().splitlines()[0]}/json/list", timeout=20).json()
        address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        with connect(address, max_size=None) as socket:
            yield Page(socket)
    finally:
        running.kill()
        running.wait()


def opened(browser: Page, house: House, path: str, until: str) -> str:
    """Open a page of a real server and wait for a text in it; all that it shows."""
    house.server()
    browser.call("Page.navigate", url=f"{house.url}{path}")
    try:
        wait_for(lambda: until in str(browser.value(SHOWN)), seconds=60)
    except AssertionError:
        raise AssertionError(
            f"{path} never showed {until!r}; the browser says: {browser.complaints}"
        ) from None
    return str(browser.value(SHOWN))


def kept_to_itself(browser: Page, house: House) -> None:
    """Every request went to our server and was answered with 200; the console has nothing to complain."""
    asked = [url for url in browser.requests.values() if not url.startswith(("data:", "blob:", "about:"))]
    host = urlsplit(house.url).netloc
    assert {urlsplit(url).netloc for url in asked} == {host}
    assert {browser.answers.get(url) for url in asked} == {200}, browser.answers
    assert f"{house.url}/openapi.json" in asked
    assert browser.complaints == []


@pytest.mark.slow
def test_swagger_ui_renders_every_operation(browser, house):
    """/docs shows each operation and the Authorize button, without another host."""
    shown = opened(browser, house, "/docs", SUMMARIES[-1])
    assert [each for each in SUMMARIES if each not in shown] == []
    assert "Authorize" in shown
    browser.call("Runtime.evaluate", expression="document.querySelector('.btn.authorize').click()")
    dialog = browser.value("document.querySelector('.auth-container').parentElement.innerText")
    assert "bearer" in str(dialog)
    kept_to_itself(browser, house)


@pytest.mark.slow
def test_swagger_ui_sends_requests(browser, house):
    """Try it out: the page's policy lets a request reach our server, and its answer is shown."""
    opened(browser, house, "/docs#/Server/health", SUMMARIES[-1])
    block = "document.querySelector('#operations-Server-health {}')"
    for button in (".try-out__btn", ".execute"):
        found = block.format(button)
        wait_for(lambda found=found: browser.value(f"!!{found}"), seconds=30)
        browser.value(f"{found}.click()")
    shown = block.format(".live-responses-table") + "?.innerText"
    wait_for(lambda: '"status": "ok"' in str(browser.value(shown)), seconds=30)
    assert browser.complaints == []


@pytest.mark.slow
def test_redoc_renders_every_operation(browser, house):
    """/redoc shows each operation, without another host, and its search runs."""
    shown = opened(browser, house, "/redoc", SUMMARIES[-1])
    assert [each for each in SUMMARIES if each not in shown] == []
    kept_to_itself(browser, house)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a running app."""
    with TestClient(create_app(ConfigurationLoader({"DASHCAM_HOME": str(tmp_path)}).load())) as running:
        yield running


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A vendor folder of our own in the server's place."""
    folder = tmp_path / "vendor"
    folder.mkdir()
    monkeypatch.setattr(vendor, "VENDOR", folder)
    return folder


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_pages_without_parts_say_how_to_get_them(client, parts, page):
    """A build without npm: 503, and plain words that name the way."""
    answer = client.get(page)
    assert answer.status_code == 503
    assert "DASHCAM_SKIP_WEB" in answer.text
    assert "/openapi.json" in answer.text


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_pages_allow_no_inline_script_and_no_other_host(client, parts, page):
    """The policy of both pages: scripts from us alone, nothing from elsewhere; and the page obeys it."""
    (parts / "VERSION").write_text("0123\n")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js"):
        (parts / name).write_text("")
    answer = client.get(page)
    assert answer.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["default-src"] == "'none'"
    assert ("worker-src" in policy) == (page == "/redoc")
    assert ("'unsafe-inline'" in policy["style-src"]) == (page == "/redoc")
    assert "://" not in answer.text
    assert not re.search(r"<script(?![^>]*src=)", answer.text)
    assert not re.search(r"\son\w+=", answer.text)
    for address in re.findall(r'(?:src|href)="(static/[^"]+)"', answer.text):
        assert client.get(f"/{address}").status_code == 200, address


def test_parts_are_kept_by_their_version(client, parts):
    """With its version a part may be kept for a year; without, it is asked for again and answered with 304."""
    (parts / "VERSION").write_text("0123\n")
    (parts / "swagger-ui.css").write_text("a {}")
    kept = client.get("/static/vendor/swagger-ui.css?v=0123")
    assert "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-type"] == "text/css; charset=utf-8"
    asked = client.get("/static/vendor/swagger-ui.css?v=old")
    assert asked.headers["cache-control"] == "no-cache"
    again = client.get("/static/vendor/swagger-ui.css", headers={"If-None-Match": asked.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name", ["VERSION", "..%2Fvendor%2Fsecret.js", "secret.js", "%2e%2e%2fdashcam.css", "redoc.standalone.js"]
)
def test_only_listed_parts_are_given_out(client, parts, name):
    """The vendor folder is not a folder of files to fetch: names come from a list, and must be there."""
    (parts / "VERSION").write_text("0123\n")
    (parts / "secret.js").write_text("secret")
    assert client.get(f"/static/vendor/{name}").status_code == 404

"""The map of everything: what is in view, by date and box; no host but ours is asked."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.web.conftest import served, watched
from tests.web.looking import look
from tests.web.tiles import write_world
from tests.web.waiting import until

READY = "body[data-ready=yes]"


def opened(tab, query=""):
    """The map, once it shows something."""
    tab.open(f"/map{query}")
    tab.wait_for_selector(READY)
    until(tab, "document.getElementById('shown').textContent.includes('in view')")
    return tab.inner_text("#shown")


def test_everybody_can_use_it(tab):
    """axe-core finds nothing serious, nothing is wider than the screen, nothing moves while it loads."""
    look(tab, "/map")


def test_all_is_in_view_at_first(tab, site):
    """It opens where the newest drives were, over a plain grid, with lists for who sees no map."""
    said = opened(tab)
    assert said.startswith("3 clips")
    assert tab.locator("#map .tile").count() > 3
    assert tab.locator("#map canvas").count() == 1
    assert tab.locator("#routes a").count() == 3
    tab.locator("#sightings a[href*='/videos/']").first.click()
    tab.wait_for_url("**/videos/**?t=*")


def test_dates(tab, site):
    """One day's clips, kept in the address; any time again."""
    opened(tab)
    tab.fill("[name=date_from]", "2026-06-02")
    tab.click("text=Show")
    until(tab, "document.getElementById('shown').textContent.startsWith('1 clip,')")
    assert parse_qs(urlsplit(tab.page.url).query)["date_from"] == ["2026-06-02"]
    assert opened(tab, f"?{urlsplit(tab.page.url).query}").startswith("1 clip,")
    tab.click("#anytime")
    until(tab, "document.getElementById('shown').textContent.startsWith('3 clips')")


def test_known_plates_are_left_out(own_tab, fresh):
    """One's own car is no news; a tick shows it, with its name."""
    said = opened(own_tab)
    plate = own_tab.inner_text("#sightings .plate >> nth=0")
    known = httpx.post(
        f"{fresh.url}/api/v1/plates/{plate}/name", json={"name": "<i>Ana</i>", "group": "family"}
    )
    assert known.is_success, known.text
    assert opened(own_tab) != said
    assert plate not in own_tab.inner_text("#sightings")
    own_tab.check("#known")
    until(own_tab, f"document.getElementById('sightings').textContent.includes('{plate}')")
    assert own_tab.inner_text("#shown") == said


def test_moving_asks_for_what_is_there(tab):
    """Elsewhere there is nothing."""
    assert opened(tab, "?bbox=10,10,11,11").startswith("0 clips, 0 sightings")
    assert "None." in tab.inner_text("#routes")


def test_a_drawn_box_leads_to_its_plates(tab):
    """Press, drag, let go: a link with the box and the dates."""
    opened(tab, "?date_from=2026-06-01")
    tab.click("#draw")
    box = tab.locator("#map").bounding_box()
    tab.mouse.move(box["x"] + 200, box["y"] + 100)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 400, box["y"] + 300, steps=4)
    tab.mouse.up()
    until(tab, "document.getElementById('plates').textContent === 'Plates in this box'")
    query = parse_qs(urlsplit(tab.get_attribute("#plates", "href")).query)
    south, west, north, east = (float(side) for side in query["bbox"][0].split(","))
    assert south < north
    assert west < east
    assert query["date_from"] == ["2026-06-01"]
    assert tab.get_attribute("#draw", "aria-pressed") == "false"
    tab.click("#plates")
    tab.wait_for_url("**/plates?**")


def test_a_click_on_a_route_opens_its_clip(tab):
    """Dates without a box show where their clips are; there a pop-up has the link."""
    assert opened(tab, "?date_from=2026-06-02").startswith("1 clip,")
    box = tab.locator("#map").bounding_box()  # one straight route: it goes through the middle
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert tab.get_attribute(".leaflet-popup a", "href").startswith(("/videos/20260602", "/plates/"))


#: Whether some tile of the map has a colour in its middle.
DRAWN = """() => [...document.querySelectorAll("#map .leaflet-tile-container canvas")].some(
  (tile) => tile.getContext("2d").getImageData(tile.width / 2, tile.height / 2, 1, 1).data[3] > 0)"""


@contextmanager
def before(chromium, processed, folder, settings):
    """A watched tab before a server with some settings."""
    sites = served(processed, folder / "site", settings)
    tabs = watched(chromium, next(sites).url)
    yield next(tabs)
    assert next(tabs, None) is None
    sites.close()


@pytest.fixture
def tiles():
    """A tile host of its own, which counts what it is asked for."""
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("Referer")))
            self.send_response(200)
            self.send_header("Content-Type", "image/svg+xml")
            self.end_headers()
            self.wfile.write(b'<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256"/>')

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()


def test_tiles_of_a_host_that_the_settings_name(chromium, processed, tmp_path, tiles):
    """Only that host is asked, without our address; the page says so; hostile attribution is text."""
    url, asked = tiles
    settings = f"[map]\ntile_url = '{url}/{{z}}/{{x}}/{{y}}.svg'\nattribution = '<b>maker</b>'\n"
    with before(chromium, processed, tmp_path, settings) as tab:
        tab.pardon(f"foreign: {url}")
        opened(tab)
        until(tab, "document.querySelectorAll('#map img.leaflet-tile-loaded').length > 0")
        assert "<b>maker</b>" in tab.inner_text("#map .leaflet-control-attribution")
        assert "127.0.0.1, which learns what you look at" in tab.inner_text("main")
        tab.click(".leaflet-control-zoom-in")
        tab.wait_for_timeout(500)
    assert asked
    assert {referer for _, referer in asked} == {None}


def test_a_map_file_of_our_own(chromium, processed, tmp_path):
    """Drawn from this server, by parts; nobody else is asked."""
    world = tmp_path / "world.pmtiles"
    write_world(world)
    parts = []
    with before(chromium, processed, tmp_path, f"[map]\npmtiles = '{world}'\n") as tab:
        tab.page.on("response", lambda got: got.url.endswith(".pmtiles") and parts.append(got.status))
        opened(tab)
        until(tab, DRAWN)
        assert "learns" not in tab.inner_text("main")
    assert parts
    assert set(parts) == {206}

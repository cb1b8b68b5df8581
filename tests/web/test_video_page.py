"""The page of a clip: found, played at the right second, jumped about in, and whole while its film is away."""

import io
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.web.looking import look
from tests.web.waiting import until

READY = "body[data-ready=yes]"
#: A picture of 32 × 18 of what the film shows now, as the sums of its channels.
SHOT = """() => {
  const film = document.getElementById("film");
  const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
  const pen = canvas.getContext("2d");
  pen.drawImage(film, 0, 0, 32, 18);
  return [...pen.getImageData(0, 0, 32, 18).data];
}"""


def watch(tab, video, query=""):
    """Open the page of a clip and wait until its film stands where it was asked for."""
    tab.open(f"/videos/{video}{query}")
    tab.wait_for_selector(READY)
    until(tab, "document.getElementById('film').readyState >= 2 && !document.getElementById('film').seeking")
    return tab


def at(tab):
    """Where the film stands, in seconds."""
    until(tab, "!document.getElementById('film').seeking")
    return tab.evaluate("document.getElementById('film').currentTime")


def clock(tab):
    """Where the page's clock stands."""
    return float(tab.get_attribute("#rail", "aria-valuenow"))


def sightings(site, video):
    """The confirmed sightings of a clip."""
    found = httpx.get(f"{site.url}/data/videos/{video}").json()["sightings"]
    return [each for each in found if each["confirmed"]]


def frame_of(site, seconds):
    """The archive's picture at a second, decoded here, as the page sees it."""
    av = pytest.importorskip("av", reason="needs the stages")
    body = httpx.get(f"{site.url}/media/videos/{site.video}/archive").content
    with av.open(io.BytesIO(body)) as film:
        for frame in film.decode(video=0):
            if frame.time is not None and frame.time >= seconds - 0.5 / 12:
                return frame.reformat(32, 18, "rgba").to_ndarray().flatten().tolist()
    raise AssertionError("the film is shorter")


def apart(one, other):
    """The mean difference of two pictures."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def test_everybody_can_use_it(tab, site):
    """axe-core finds nothing serious, nothing is wider than the screen, nothing moves while it loads."""
    look(tab, f"/videos/{site.video}")


def test_from_the_search_to_the_right_second(tab, site):
    """A plate is searched for, its clip is opened, and the film shows the picture in which it was read."""
    seen = sightings(site, site.video)[-1]
    tab.open(f"/plates?q={seen['plate'][1:5]}")
    tab.locator(f"a[href*='/videos/{site.video}?t=']").first.click()
    tab.wait_for_url("**/videos/**")
    tab.wait_for_selector(READY)
    wanted = float(parse_qs(urlsplit(tab.page.url).query)["t"][0])
    assert wanted == pytest.approx(seen["first"], abs=0.06)
    until(tab, "document.getElementById('film').readyState >= 2")
    assert at(tab) == pytest.approx(wanted, abs=0.06)
    shown = tab.evaluate(SHOT)
    assert apart(shown, frame_of(site, wanted)) < 6
    assert apart(shown, frame_of(site, 0)) > apart(shown, frame_of(site, wanted))


def test_it_plays(tab, site):
    """Pictures go on, the clock and the marker go with them."""
    watch(tab, site.video)
    tab.click("#play")
    until(tab, "document.getElementById('film').currentTime > 0.6")
    tab.keyboard.press("k")
    until(tab, "document.getElementById('film').paused")
    tab.wait_for_timeout(100)
    assert clock(tab) == pytest.approx(at(tab), abs=0.15)
    assert tab.get_attribute("#play", "aria-label") == "Play"


def test_opening_it_loads_no_whole_film(own_tab, fresh):
    """Only parts are asked for, and of a film of 400 MB a few; a jump to its end asks for another part."""
    archive = next(
        (fresh.house.folder / "hosts" / "server" / "files" / "archive" / fresh.video).glob("*.mp4")
    )
    size = 400_000_000
    with archive.open("r+b") as film:  # a box that players leave out, as large as a long clip
        film.seek(0, 2)
        end = film.tell()
        film.write((size - end).to_bytes(4, "big") + b"free")
        film.truncate(size)
    loaded, asked = [], []
    session = own_tab.context.new_cdp_session(own_tab.page)
    session.send("Network.enable")
    session.on("Network.dataReceived", lambda each: loaded.append(each["dataLength"]))
    own_tab.page.on(
        "response",
        lambda got: (
            "/media/videos/" in got.url and asked.append((got.status, got.request.headers.get("range")))
        ),
    )
    watch(own_tab, fresh.video)
    own_tab.wait_for_timeout(1500)
    assert asked
    assert all(status == 206 and text.startswith("bytes=") for status, text in asked)
    assert sum(loaded) < size / 10
    own_tab.keyboard.press("9")
    assert at(own_tab) == pytest.approx(7.2, abs=0.1)
    assert sum(loaded) < size / 10


def test_keys(tab, site):
    """Those that agree across viewers."""
    watch(tab, site.video, "?t=4")
    length = tab.evaluate("document.getElementById('film').duration")
    for key, wanted in (
        ("ArrowLeft", 0.0), ("5", 4.0), ("ArrowRight", length), ("j", 0.0), ("l", length), ("Home", 0.0), ("3", 2.4),
        ("Shift+ArrowRight", length), ("Shift+ArrowLeft", 0.0), ("5", 4.0), (".", 4 + 1 / 12), (".", 4 + 2 / 12), (",", 4 + 1 / 12),
    ):  # fmt: skip
        tab.keyboard.press(key)
        assert at(tab) == pytest.approx(wanted, abs=0.06), key
        assert clock(tab) == pytest.approx(wanted, abs=0.1), key
    tab.keyboard.press(">")
    assert tab.evaluate("document.getElementById('film').playbackRate") == 1.5
    tab.keyboard.press("<")
    tab.keyboard.press("<")
    assert tab.evaluate("document.getElementById('film').playbackRate") == 0.5
    for key, card in (("m", "#map-card"), ("c", "#chart-card")):
        tab.keyboard.press(key)
        assert tab.is_hidden(card)
        tab.keyboard.press(key)
        assert tab.is_visible(card)
    tab.keyboard.press(" ")
    until(tab, "!document.getElementById('film').paused")
    tab.keyboard.press("Space")
    until(tab, "document.getElementById('film').paused")
    tab.keyboard.press("a")
    assert tab.evaluate("document.getElementById('film').muted")
    tab.keyboard.press("f")
    until(tab, "document.fullscreenElement !== null")
    box = tab.locator("#film").bounding_box()
    assert box["y"] + box["height"] < tab.locator(".controls").bounding_box()["y"]
    tab.keyboard.press("f")
    until(tab, "document.fullscreenElement === null")


def test_a_list_of_keys(tab, site):
    """`?` shows them all, Escape closes it, and no key acts meanwhile."""
    watch(tab, site.video, "?t=4")
    tab.keyboard.press("?")
    text = tab.inner_text("dialog")
    for word in ("Play or pause", "Next channel", "Export from here", "One picture back"):
        assert word in text
    tab.keyboard.press("l")
    assert at(tab) == pytest.approx(4, abs=0.06)
    tab.keyboard.press("Escape")
    until(tab, "!document.querySelector('dialog')")
    tab.keyboard.press("Home")
    assert at(tab) == 0


def test_typing_is_no_key(tab, site):
    """A plate with K and L in it neither plays nor jumps."""
    watch(tab, site.video, "?t=4")
    tab.fill("#why input", "")
    tab.type("#why input", "KL5")
    assert at(tab) == pytest.approx(4, abs=0.06)
    assert tab.evaluate("document.getElementById('film').paused")


def test_a_click_anywhere_jumps(tab, site):
    """On a plate, its bit of the timeline, the rail, the chart and the route."""
    seen = sightings(site, site.video)[-1]
    watch(tab, site.video)
    tab.locator(f"[data-jump='{seen['first']}']").first.click()
    assert at(tab) == pytest.approx(seen["first"], abs=0.06)
    until(tab, f"new URL(location.href).searchParams.get('t') === '{seen['first']:.2f}'")
    first = sightings(site, site.video)[0]
    tab.locator(".lane[data-lane=plates] .bit", has_text=first["plate"]).first.click()
    assert at(tab) == pytest.approx(first["first"], abs=0.06)
    for place, half in (("#rail", 0.5), (".lane[data-lane=events] .track", 0.25), ("#chart .u-over", 0.75)):
        tab.locator(place).scroll_into_view_if_needed()
        box = tab.locator(place).bounding_box()
        tab.mouse.click(box["x"] + box["width"] * half, box["y"] + box["height"] / 2)
        assert at(tab) == pytest.approx(8 * half, abs=0.15), place
    tab.keyboard.press("Home")
    tab.locator("#map").scroll_into_view_if_needed()
    spot = tab.locator("#map .here").bounding_box()  # the marker lies where the route begins
    box = tab.locator("#map").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2  # a straight route lies in the middle
    begin = spot["x"] + spot["width"] / 2, spot["y"] + spot["height"] / 2
    assert abs(begin[0] - middle[0]) > 30
    tab.mouse.click(*(start + 0.24 * (half - start) for start, half in zip(begin, middle, strict=True)))
    assert at(tab) == pytest.approx(8 * 0.12, abs=0.3)
    moved = tab.locator("#map .here").bounding_box()
    assert begin[0] != moved["x"] + moved["width"] / 2


def test_other_channels_on_one_clock(tab, site):
    """The rear film stands where the front one stood."""
    watch(tab, site.video, "?t=3")
    front = tab.evaluate(SHOT)
    tab.click(f"[data-channel-of='{site.rear}']")
    until(
        tab,
        f"document.getElementById('film').src.includes('{site.rear}') && document.getElementById('film').readyState >= 2",
    )
    assert at(tab) == pytest.approx(3, abs=0.1)
    assert clock(tab) == pytest.approx(3, abs=0.1)
    assert apart(front, tab.evaluate(SHOT)) > 1
    tab.keyboard.press("v")
    until(tab, f"document.getElementById('film').src.includes('{site.video}')")
    assert tab.get_attribute(f"[data-channel-of='{site.video}']", "aria-pressed") == "true"


def test_the_original_instead_of_the_copy(tab, site):
    """Where browsers play it; the clock stays."""
    watch(tab, site.video, "?t=3")
    tab.select_option("#quality", "raw")
    until(
        tab,
        "document.getElementById('film').src.endsWith('/raw') && document.getElementById('film').readyState >= 2",
    )
    assert at(tab) == pytest.approx(3, abs=0.1)


def test_a_part_to_export(tab, site):
    """I and O give the command that does it; a frame is kept as a picture; the route is a file."""
    watch(tab, site.video, "?t=2")
    tab.keyboard.press("i")
    tab.keyboard.press("5")
    tab.keyboard.press("o")
    tab.check("#blur")
    assert tab.inner_text("#command") == f"dashcam export {site.video} --from 2.00 --to 4.00 --blur"
    tab.keyboard.press("Escape")
    tab.click("#mark-none")
    assert tab.inner_text("#command") == f"dashcam export {site.video} --blur"
    with tab.expect_download() as kept:
        tab.click("#shot")
    assert kept.value.suggested_filename == f"{site.video}_4.00s.jpg"
    with tab.expect_download() as route:
        tab.click("text=Route as GPX")
    assert route.value.suggested_filename == f"{site.video}.gpx"
    with tab.expect_download() as film:
        tab.click("[data-film=archive]")
    assert film.value.suggested_filename == f"{site.video}_video_lowres.mp4"


def test_the_command_of_the_channel_that_is_shown(tab, site, tmp_path):
    """It names that clip and its seconds, and runs as it is copied; evidence is whole and takes no blur."""
    watch(tab, site.video, "?t=1")
    tab.keyboard.press("i")
    tab.keyboard.press("5")
    tab.keyboard.press("o")
    tab.click(f"[data-channel-of='{site.rear}']")
    tab.check("#gpx")
    command = tab.inner_text("#command").split()
    assert command[:3] == ["dashcam", "export", site.rear]
    assert command[-1] == "--gpx"
    seconds = [float(command[command.index(name) + 1]) for name in ("--from", "--to")]
    assert seconds == pytest.approx([1, 4], abs=1.5)
    assert seconds[1] - seconds[0] == pytest.approx(3, abs=0.02)
    until(tab, f"document.querySelector('[data-film=raw]').href.includes('{site.rear}')")
    made = site.house.command("server", *command[1:], "--to-dir", str(tmp_path))
    assert made.returncode == 0, made.stdout + made.stderr
    assert [each.suffix for each in tmp_path.iterdir()].count(".mp4") == 1
    tab.check("#blur")
    tab.check("#evidence")
    assert tab.locator("#blur").is_disabled()
    assert tab.inner_text("#command").split()[3:] == [*command[3:-1], "--evidence"]


def test_why_nothing_was_read_here(tab, site):
    """The report answers in sentences, and its moments can be jumped to."""
    watch(tab, site.video, "?t=0")
    tab.click("#why-ask")
    tab.wait_for_selector("#why-says p >> text=frames were looked at")
    tab.fill("#why input", sightings(site, site.video)[0]["plate"])
    tab.click("#why-ask")
    tab.wait_for_selector("#why-says >> text=confirmed as")
    tab.locator("#why-says .card button").first.click()
    assert at(tab) > 0


def test_protecting(own_tab, fresh):
    """One press, kept by the server, and undone by another."""
    watch(own_tab, fresh.video)
    own_tab.click("#protect")
    own_tab.wait_for_selector("#protected:not([hidden])")
    own_tab.reload()
    own_tab.wait_for_selector("#protect[aria-pressed=true]")
    own_tab.click("#protect")
    own_tab.wait_for_selector("#protect[aria-pressed=false]")
    assert (
        httpx.get(f"{fresh.url}/api/v1/webui/videos/{fresh.video}?expand=protected").json()["protected"]
        is False
    )


def test_a_place_that_is_away(own_tab, fresh):
    """The page says which; route, speed, plates and their pictures still show, and the clock still goes."""
    files = fresh.house.folder / "hosts" / "server" / "files"
    files.rename(files.with_name("asleep"))
    own_tab.open(f"/videos/{fresh.video}?t=2")
    own_tab.wait_for_selector(READY)
    assert re.search(r"The place home is away", own_tab.inner_text("#away"))
    assert own_tab.locator("#play").is_disabled()
    assert "The place home is away" in own_tab.inner_text("#lanes-say")
    assert own_tab.locator("#plates .plate").count() == len(sightings(fresh, fresh.video))
    assert own_tab.locator("#chart canvas").count() == 1
    until(
        own_tab,
        "[...document.querySelectorAll('#plates img')].every((each) => each.complete && each.naturalWidth)",
    )
    own_tab.keyboard.press("ArrowRight")
    assert clock(own_tab) == pytest.approx(7, abs=0.1)
    assert own_tab.locator("[data-film]:visible").count() == 0
    files.with_name("asleep").rename(files)
    watch(own_tab, fresh.video, "?t=2")
    assert own_tab.is_hidden("#away")


def test_it_works_without_scripts(chromium, site):
    """Facts, plates and a film with the browser's own buttons."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/videos/{site.video}")
    assert page.locator("#plates .plate").count() == len(sightings(site, site.video))
    assert page.locator("noscript video, video[controls]").count() >= 1
    context.close()


def test_a_film_that_cannot_be_played(own_tab, fresh):
    """A damaged copy gives way to the original; where none plays the page says so, and all else goes on."""
    files = fresh.house.folder / "hosts" / "server" / "files"
    (files / "archive" / fresh.video / "video_lowres.mp4").write_bytes(
        b"\0\0\0\x18ftypmp42" + b"damaged" * 5000
    )
    watch(own_tab, fresh.video, "?t=2")
    assert own_tab.evaluate("document.getElementById('film').src").endswith("/raw")
    assert at(own_tab) == pytest.approx(2, abs=0.06)
    for clip in (files / "videos" / "raw").rglob("*F.MP4"):
        clip.write_bytes(b"damaged" * 5000)
    own_tab.open(f"/videos/{fresh.video}?t=2")
    own_tab.wait_for_selector("#away:not([hidden])")
    assert "cannot play" in own_tab.inner_text("#away")
    own_tab.keyboard.press("ArrowRight")
    assert clock(own_tab) == pytest.approx(7, abs=0.1)


def test_what_comes_while_it_is_open(own_tab, fresh):
    """A clip that still waits: a task that finishes is told at once, and shown when that is wanted."""
    api = f"{fresh.url}/api/v1/tasks"
    task = httpx.post(api, json={"task_type": "HEAVY_PROCESS_VIDEO", "video_id": "fresh-one"}).json()[
        "task_id"
    ]
    own_tab.open("/videos/fresh-one")
    own_tab.wait_for_selector(READY)
    assert "No file of this clip is known yet" in own_tab.inner_text("#away")
    own_tab.wait_for_timeout(500)
    seen = {"type": "sightings", "sightings": [{"plate": "NEW123", "confidence": 0.9, "first_seconds": 1.0}]}
    httpx.post(f"{api}/{task}/complete", json={"results": [seen]}).raise_for_status()
    own_tab.click("#news a")
    own_tab.wait_for_selector("#plates .plate >> text=NEW123")

"""Pages without a browser: what they list, how they are sent, and what nobody can put into them."""

import gzip
import random
import re
from html.parser import HTMLParser

import msgspec
import pytest

from config.settings import LimitSettings
from server import assets
from server.roles import PAGE, TABLE

PAGES = ["/", "/videos", "/plates", "/map", "/queue", "/devices", "/settings", "/login"]


@pytest.fixture
def settings(settings):
    """Settings without limits: these tests ask for more than a person does in a minute."""
    return msgspec.structs.replace(settings, limits=LimitSettings(requests_per_minute=0, connections=0))


def clip(api, name, start=None, **facts):
    """A clip that was ingested."""
    made = api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": name, "inputs": []}).json()
    said = {"type": "clip", "filename": f"{name}.mp4", "duration_seconds": 60.0} | facts
    if start is not None:
        said |= {"start_local": start, "start_utc": start + "Z", "camera": "cam"}
    assert api("POST", f"/tasks/{made['task_id']}/complete", {"results": [said]}).status_code == 200
    return made["task_id"]


def plates(api, name, *texts):
    """Confirmed plates of a clip."""
    made = api("POST", "/tasks", {"task_type": "HEAVY_PROCESS_VIDEO", "video_id": name}).json()
    seen = [{"plate": text, "confidence": 0.9, "confirmed": True} for text in texts]
    body = {"results": [{"type": "sightings", "sightings": seen}]}
    assert api("POST", f"/tasks/{made['task_id']}/complete", body).status_code == 200


def listed(client, query=""):
    """The clips that a page of the list leads to, in its order, and the address of the next page."""
    text = client.get(f"/videos{query}").text
    found = re.findall(r'<a href="/videos/([^"?]+)" class="over"', text)
    older = re.search(r'rel="next" href="([^"]+)"', text)
    return found, older and older[1].replace("&amp;", "&").removeprefix("/videos")


def walk(client, query=""):
    """All pages of the list, one after the other."""
    every = []
    while True:
        found, query = listed(client, query)
        every += found
        if not query:
            return every


def test_every_clip_is_listed_once(api, client):
    """Page after page, newest first, clips without a date last; equal starts do not confuse it."""
    dice = random.Random(3)
    starts = {
        f"c{n:03}": f"2024-01-{dice.randrange(1, 29):02}T10:{dice.randrange(0, 60, 20):02}:00"
        for n in range(130)
    }
    for name, start in starts.items():
        clip(api, name, start, camera=name)
    for n in range(70):
        clip(api, f"u{n:03}")
    every = walk(client)
    assert len(every) == len(set(every)) == 200
    dated = [name for name in every if name in starts]
    assert [starts[name] for name in dated] == sorted(starts.values(), reverse=True)
    assert [name for name in every if name not in starts] == [f"u{n:03}" for n in reversed(range(70))]
    assert every[:130] == dated


def test_list_is_narrowed(api, client):
    """By day, month, channel, mode, plates and place, and by several at once; what fits is counted."""
    clip(api, "a", "2024-01-15T10:00:00", channel="front", mode="normal")
    clip(api, "b", "2024-01-15T12:00:00", channel="rear", mode="normal", camera="other")
    clip(api, "c", "2024-02-29T10:00:00", channel="front", mode="parking")
    plates(api, "b", "AB123CD")
    task = api("POST", "/tasks", {"task_type": "INGEST_VIDEO", "video_id": "c"}).json()["task_id"]
    points = [{"seconds": 0, "lat": 52.5, "lon": 13.4}, {"seconds": 9, "lat": 52.6, "lon": 13.5}]
    api("POST", f"/tasks/{task}/complete", {"results": [{"type": "route", "points": points}]})
    for query, names in (
        ("?from=2024-01-15&to=2024-01-15", ["b", "a"]),
        ("?month=2024-02", ["c"]),
        ("?channel=front", ["c", "a"]),
        ("?mode=parking", ["c"]),
        ("?plates=yes", ["b"]),
        ("?plates=no&channel=front&to=2024-01-31", ["a"]),
        ("?bbox=52.55,13.4,52.7,13.6", ["c"]),
        ("?bbox=40,13.4,41,13.6", []),
        ("?channel=interior", []),
        ("?channel=rear&channel=front&to=2024-01-31", ["b", "a"]),
        ("?channel=rear&channel=interior", ["b"]),
    ):
        assert walk(client, query) == names, query
    assert "2 clips that fit" in client.get("/videos?channel=front").text
    assert '<option value="2024-02">February 2024' in client.get("/videos").text


def test_list_is_narrowed_by_state(api, client):
    """Each clip is in the state that its mark says, and in that list alone; with a place, too."""
    for name, start in (("q", "10"), ("r", "11"), ("p", "12"), ("f", "13"), ("a", "14"), ("b", "15")):
        task = {
            "task_type": "PREPROCESS_VIDEO",
            "video_id": name,
            "inputs": [{"device": "nas", "path": "/x"}],
        }
        api("POST", "/tasks", task)
        if name in "pab":
            clip(api, name, f"2024-01-15T{start}:00:00")
    held = {}
    for number in range(6):
        (task,) = api("POST", f"/tasks/pending?worker=w&session={number}", {"places": ["nas"]}).json()
        held[task["video_id"]] = task
    for name in "qpab":
        body = {"lease": held[name]["lease"]}
        assert api("POST", f"/tasks/{held[name]['task_id']}/release", body).status_code == 200
    lost = {"lease": held["f"]["lease"], "error": "gone", "retry": False}
    assert api("POST", f"/tasks/{held['f']['task_id']}/fail", lost).status_code == 200
    for name in "ab":
        made = api("POST", "/tasks", {"task_type": "ARCHIVE_VIDEO", "video_id": name}).json()
        assert api("POST", f"/tasks/{made['task_id']}/complete", {}).status_code == 200
    for state, names in (
        ("queued", ["q"]),
        ("processing", ["p", "r"]),
        ("processed", ["b", "a"]),
        ("failed", ["f"]),
    ):
        assert sorted(walk(client, f"?status={state}")) == sorted(names), state
        text = client.get(f"/videos?status={state}").text
        assert f"{len(names)} clip{'s' * (len(names) > 1)} that fit" in text
        marks = re.findall(r'<span class="mark (?:bad|now|)">(queued|processing|failed)</span>', text)
        assert marks == [state] * (len(names) if state != "processed" else 0)
    assert walk(client, "?status=processed&bbox=40,13.4,41,13.6") == []


@pytest.mark.parametrize(
    "query",
    ["from=x", "month=2024-13", "bbox=1,2,3", "before=x", "before=~9999999999999999999~a", "status=done"],
)
def test_wrong_filters_are_said(client, query):
    """What cannot be understood is said above the list, which is whole then."""
    answer = client.get(f"/videos?{query}")
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text


def test_corrections_count_in_the_list(api, client):
    """The facts of a later look replace those before: a clip that has no plates any more is not listed."""
    clip(api, "a", "2024-01-15T10:00:00")
    plates(api, "a", "AB123CD", "XY987ZZ")
    assert "2 plates" in client.get("/videos?plates=yes").text
    plates(api, "a")
    assert walk(client, "?plates=yes") == []


def test_channels_of_a_moment_are_one_picture(api, client):
    """Front and rear of one minute are one entry that leads to both; another minute is another."""
    clip(api, "f1", "2024-01-15T10:00:00", channel="front")
    clip(api, "r1", "2024-01-15T10:00:01", channel="rear")
    clip(api, "f2", "2024-01-15T10:01:00", channel="front")
    text = client.get("/videos").text
    assert listed(client)[0] == ["f2", "f1"]
    assert '<a class="mark" href="/videos/r1">rear</a>' in text
    assert text.count('class="drive"') == 1
    assert "Mon 15 Jan 2024" in text


class Parts(HTMLParser):
    """What a policy without inline parts forbids."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.found.append((tag, attrs))
        if tag == "script" and not (given.get("src") or given.get("type") == "application/json"):
            self.found.append((tag, attrs))
        for name in ("src", "href", "action"):
            if "//" in (given.get(name) or "") or "script:" in (given.get(name) or ""):
                self.found.append((tag, attrs))


HOSTILE = "\"><script>alert(1)</script><img src=//evil.example onerror=x> javascript:x' {{7*7}}"


@pytest.mark.parametrize("path", [*PAGES, "/videos/v", "/queue?video=v", "/queue?state=pending"])
def test_hostile_texts_are_only_texts(api, client, path):
    """Names, plates, errors and devices from anywhere become no markup; the policy would stop them as well."""
    clip(
        api,
        "v",
        "2024-01-15T10:00:00",
        filename=HOSTILE[:200],
        camera_name=HOSTILE[:120],
        channel="front",
        mode="parking",
    )
    plates(api, "v", "AB123CD")
    api(
        "POST",
        "/devices/heartbeat",
        {"hostname": "<b>'\"&", "device_type": HOSTILE, "capabilities": {HOSTILE: [HOSTILE]}},
    )
    task = api(
        "POST",
        "/tasks",
        {"task_type": "ARCHIVE_VIDEO", "video_id": "v", "inputs": [{"device": HOSTILE, "path": "/x"}]},
    ).json()
    held = api("POST", "/tasks/pending?worker=w&session=s", {"places": [HOSTILE]}).json()
    assert [each["task_id"] for each in held] == [task["task_id"]]
    api(
        "POST",
        f"/tasks/{task['task_id']}/fail",
        {"lease": held[0]["lease"], "error": HOSTILE + "\n" + HOSTILE, "retry": False},
    )
    answer = client.get(path)
    assert answer.status_code == 200
    parts = Parts()
    parts.feed(answer.text)
    assert parts.found == []
    assert "{{7*7}}" in answer.text or HOSTILE not in answer.text
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy)


def test_every_page_is_a_row(client):
    """The pages of the navigation are all there, and ask for what pages ask for."""
    home = client.get("/").text
    found = re.findall(r'<li><a href="([^"]+)"', home)
    assert found == [path for path in PAGES if path != "/login"]
    for path in found:
        assert TABLE[f"GET {path}"] is PAGE
        assert client.get(path).text.count('aria-current="page"') == 1


def test_pages_are_packed(client):
    """Gzip where the browser takes it, and nothing else; a cache is told what the answer depends on."""
    packed = client.get("/", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/", headers={"Accept-Encoding": "identity"})
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert "content-encoding" not in client.get("/", headers={"Accept-Encoding": "gzip;q=0"}).headers
    assert plain.headers["cache-control"] == "private, no-store"


def test_assets_are_kept_for_good(client):
    """By the version that stands; by another one they come too, and are asked for again."""
    for name, asset in assets.assets().items():
        answer = client.get(assets.address(name), headers={"Accept-Encoding": "gzip"})
        assert answer.content == asset.body
        assert "immutable" in answer.headers["cache-control"]
        if asset.packed is not None:
            assert gzip.decompress(asset.packed) == asset.body
    old = client.get("/static/000000000000/css/base.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "name", ["css/none.css", "css/..%2f..%2fpages.py", "js/%2e%2e", "vendor/VERSION", "templates/base.html"]
)
def test_only_listed_assets_are_given_out(client, name):
    """Names come from a list; nothing in an address becomes a path."""
    assert client.get(f"/static/{assets.version()}/{name}").status_code == 404


def test_modules_load_what_is_there():
    """Each script that another one imports is an asset; so is each that a template names."""
    scripts = {name for name in assets.assets() if name.endswith(".js")}
    for name in scripts:
        text = assets.assets()[name].body.decode()
        for wanted in re.findall(r'from "\./([^"]+)"|import "\./([^"]+)"', text):
            assert f"js/{''.join(wanted)}" in scripts, name
    templates = (assets.STATIC.parent / "templates").rglob("*.html")
    for path in templates:
        for wanted in re.findall(r"static\('([^']+)'\)", path.read_text()):
            assert wanted in assets.assets(), path


def test_what_is_not_there_is_said_on_a_page(client):
    """A clip or a clip's tasks that nobody knows: 404, in words, on a page."""
    for path in ("/videos/none", "/queue?video=none"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "<nav" in answer.text


BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nope", 404),
        ("/videos/a/b/c", 404),
        ("/videos/../secret", 404),
        ("/media/videos/none/raw", 404),
        ("/session/end", 405),
    ],
)
def test_a_browser_at_an_address_that_is_no_page(client, path, status):
    """It is shown a page of the site with ways on, and the status says the truth; programs get JSON."""
    got = client.get(path, headers=BROWSER)
    assert (got.status_code, got.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert '<a class="button main" href="/">Home</a>' in got.text
    assert "default-src 'none'" in got.headers["content-security-policy"]
    plain = client.get(path, headers={"accept": "*/*"})
    assert (plain.status_code, list(plain.json())) == (status, ["detail"])
    if status == 405:
        assert got.headers["allow"] == plain.headers["allow"] == "OPTIONS, POST"


def test_the_api_speaks_json_to_browsers_too(client):
    """Whoever opens an address of the API gets what it answers to programs; so does who sends something."""
    for path in ("/api/v1/tasks/999", "/api/nope"):
        assert list(client.get(path, headers=BROWSER).json()) == ["detail"]
    assert list(client.post("/nope", headers=BROWSER).json()) == ["detail"]


def test_a_strange_address_is_shown_as_text(client):
    """What somebody wrote into a link is not part of the page."""
    got = client.get("/<script>alert(1)</script>", headers=BROWSER)
    assert got.status_code == 404
    assert "<script>alert" not in got.text

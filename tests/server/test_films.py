"""Films from places: by byte ranges, confined, and what is said when they cannot be had."""

import asyncio
import os

import msgspec
import pytest
from litestar.testing import TestClient

from config.settings import PlaceSettings
from server.shelves import Shelves, host_places
from server.streaming import CHUNK, FileAnswer, Streams, open_file
from stages.errors import InputGone, PlaceAbsent
from stages.places import Place
from stages.task import FileRef

FILM = bytes(range(256)) * 4096  # a mebibyte: four chunks
VIDEO = "20260601T080000-F-0123abcd"
SMALL = f"/archive/{VIDEO}/video_lowres.mp4"


@pytest.fixture
def shed(homes, settings):
    """A kept place with an archive in it."""
    root = homes / "shed"
    (root / "archive" / VIDEO).mkdir(parents=True)
    (root / ".dashcam-place").write_text("shed\n")
    (root / SMALL.lstrip("/")).write_bytes(FILM)
    return root


@pytest.fixture
def client(settings, app_of, shed):
    """A server whose host has the place `shed`."""
    with TestClient(
        app_of(msgspec.structs.replace(settings, places={"shed": PlaceSettings(root=str(shed))}))
    ) as c:
        yield c


def tell(client, kind, place, left, **results):
    """A completed task that left a file."""
    made = client.post("/api/v1/tasks", json={"task_type": kind, "video_id": VIDEO}).json()
    body = {"outputs": [{"device": place, "path": left}], "results": [results] if results else []}
    answer = client.post(f"/api/v1/tasks/{made['task_id']}/complete", json=body)
    assert answer.status_code == 200, answer.text


@pytest.fixture
def archived(client):
    """A clip whose archive lies in `shed`."""
    tell(client, "ARCHIVE_VIDEO", "shed", SMALL, type="archive", device="shed", path=f"/archive/{VIDEO}/")
    return f"/media/videos/{VIDEO}/archive"


def films(client):
    """What the page is told of the films."""
    return client.get(f"/data/videos/{VIDEO}/films").json()


def test_whole_and_in_parts(client, archived):
    """The whole file, its middle, its end, and nothing beyond it."""
    whole = client.get(archived)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, FILM, "video/mp4")
    assert whole.headers["accept-ranges"] == "bytes"
    for text, wanted in (
        ("bytes=5-9", FILM[5:10]),
        (f"bytes={CHUNK - 1}-{CHUNK}", FILM[CHUNK - 1 : CHUNK + 1]),
        ("bytes=-7", FILM[-7:]),
        ("bytes=1000-", FILM[1000:]),
    ):
        part = client.get(archived, headers={"Range": text})
        assert (part.status_code, part.content) == (206, wanted), text
        assert part.headers["content-length"] == str(len(wanted))
    beyond = client.get(archived, headers={"Range": f"bytes={len(FILM)}-"})
    assert (beyond.status_code, beyond.content) == (416, b"")
    assert beyond.headers["content-range"] == f"bytes */{len(FILM)}"


@pytest.mark.parametrize(
    "text", ["bytes=9-5", "bytes=0-0,2-2", "bytes=" + "1-2," * 5000, "lines=1-2", "bytes=x\xff-"]
)
def test_hostile_ranges_get_the_whole(client, archived, text):
    """Never an error of ours, and never a part that was not asked for."""
    answer = client.get(archived, headers={"Range": text.encode("latin-1")})
    assert (answer.status_code, len(answer.content)) == (200, len(FILM))


def test_a_browser_that_has_it_gets_nothing(client, archived):
    """By its tag; a part after a change is the whole new file."""
    tag = client.get(archived, headers={"Range": "bytes=0-0"}).headers["etag"]
    assert client.get(archived, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(archived, headers={"Range": "bytes=0-9", "If-Range": tag}).status_code == 206
    assert client.get(archived, headers={"Range": "bytes=0-9", "If-Range": '"older"'}).status_code == 200


def test_head_reads_nothing(client, archived):
    """The headers of the whole file, without it."""
    answer = client.head(archived, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(FILM))


def test_a_download_has_a_harmless_name(client, archived):
    """Whatever a camera called it."""
    tell(client, "INGEST_VIDEO", "shed", SMALL, type="clip", filename='a/..\\b"\r\nX: ö.MP4')
    assert "attachment" not in str(client.get(archived).headers.get("content-disposition"))
    head = client.get(f"/media/videos/{VIDEO}/raw?download=1").headers["content-disposition"]
    assert head == "attachment; filename=\"b___X___.MP4\"; filename*=UTF-8''b%22%0D%0AX%3A%20%C3%B6.MP4"
    named = client.get(f"{archived}?download=1").headers["content-disposition"]
    assert f'filename="{VIDEO}_video_lowres.mp4"' in named


def test_nothing_a_page_shows_runs(client, archived):
    """A film that is no film is not taken for a page."""
    heads = client.get(archived).headers
    assert heads["x-content-type-options"] == "nosniff"
    assert heads["content-security-policy"] == "default-src 'none'; sandbox"
    assert "no-cache" in heads["cache-control"]
    assert "private" in heads["cache-control"]


def test_unknown_clips_and_kinds(client, archived):
    """404 and 400; the address never names a file."""
    assert client.get("/media/videos/nobody/archive").status_code == 404
    assert client.get(f"/media/videos/{VIDEO}/raw").status_code == 404
    assert client.get(f"/media/videos/{VIDEO}/secret").status_code == 400
    assert client.get(f"/media/videos/{VIDEO}/..%2f..%2fsecret").status_code in (400, 404)


def test_a_place_that_is_away(client, archived, shed):
    """503 that names the place; the page and all else still answer, and it comes back by itself."""
    shed.rename(shed.with_name("unplugged"))
    answer = client.get(archived)
    assert (answer.status_code, "shed" in answer.json()["detail"]) == (503, True)
    assert films(client)["films"][0]["state"] == "away"
    assert films(client)["films"][0]["says"] == "The place shed is away: wake its host, or mount it."
    assert client.get(f"/videos/{VIDEO}").status_code == 200
    assert client.get(f"/data/videos/{VIDEO}").status_code == 200
    assert "away" in client.get(f"/data/videos/{VIDEO}/tracks").json()["says"]
    shed.with_name("unplugged").rename(shed)
    assert client.get(archived).content == FILM


def test_an_empty_mount_point_is_no_place(client, archived, shed):
    """Without the marker nothing of it is believed."""
    (shed / ".dashcam-place").unlink()
    assert films(client)["films"][0]["state"] == "away"


def test_a_file_that_is_gone(client, archived, shed):
    """The place is there and the file is not: that is another sentence."""
    (shed / SMALL.lstrip("/")).unlink()
    assert client.get(archived).status_code == 404
    assert films(client)["films"][0]["state"] == "gone"


def test_a_place_that_the_server_does_not_know(client):
    """It says where to name it."""
    tell(client, "ARCHIVE_VIDEO", "loft", SMALL, type="archive", device="loft", path="/x/")
    assert "[places]" in films(client)["films"][0]["says"]
    assert client.get(f"/media/videos/{VIDEO}/archive").status_code == 503


@pytest.mark.parametrize(
    "path",
    [
        "/../outside/secret.mp4",
        "/archive/../../outside/secret.mp4",
        "/out/secret.mp4",
        "/loop.mp4",
        "/C:/secret.mp4",
    ],
)
def test_nothing_outside_the_place(client, homes, shed, path):
    """Neither by dots nor through links, whatever a worker said."""
    (homes / "outside").mkdir()
    (homes / "outside" / "secret.mp4").write_bytes(b"secret")
    (shed / "out").symlink_to(homes / "outside")
    (shed / "loop.mp4").symlink_to(shed / "loop.mp4")
    tell(client, "ARCHIVE_VIDEO", "shed", path)
    answer = client.get(f"/media/videos/{VIDEO}/archive")
    assert answer.status_code in (400, 404, 503)
    assert b"secret" not in answer.content.replace(b"secret.mp4", b"")
    assert all(film["state"] == "gone" for film in films(client)["films"])


def test_a_pipe_is_no_film(client, shed):
    """It would keep whoever opens it waiting."""
    os.mkfifo(shed / "pipe.mp4")
    tell(client, "ARCHIVE_VIDEO", "shed", "/pipe.mp4")
    assert client.get(f"/media/videos/{VIDEO}/archive").status_code == 404


def test_a_clip_without_archive_plays_its_original(client, shed):
    """Where browsers know its kind; what they do not know can be fetched."""
    for name, shown in (("a.MP4", True), ("b.ts", False)):
        (shed / name).write_bytes(FILM)
        tell(client, "INGEST_VIDEO", "shed", f"/{name}", type="clip", codec="hevc")
        found = films(client)["films"]
        assert [(f["kind"], f["shown"], f["surely"]) for f in found] == [("raw", shown, False)]
        assert client.get(f"/media/videos/{VIDEO}/raw").content == FILM


def test_who_may_see_it(settings, app_of, shed):
    """Films are asked for a token like all else."""
    places = {"shed": PlaceSettings(root=str(shed))}
    closed = msgspec.structs.replace(
        settings, places=places, auth=msgspec.structs.replace(settings.auth, required=True)
    )
    with TestClient(app_of(closed)) as client:
        for path in (
            f"/media/videos/{VIDEO}/archive",
            f"/data/videos/{VIDEO}",
            "/data/map",
            "/media/map/tiles.pmtiles",
        ):
            assert client.get(path).status_code == 401, path


def shelf(root, patience=5.0):
    """A place of that name, without a server."""
    return Shelves({"shed": Place(name="shed", root=str(root))}, patience)


def test_a_place_that_hangs_keeps_nobody(shed):
    """A dead mount: whoever asks hears so in time, then at once; other places answer meanwhile."""
    marker = shed / ".dashcam-place"
    marker.unlink()
    os.mkfifo(marker)  # reading it waits for a writer, as a dead mount waits for its server
    other = shed.with_name("other")
    other.mkdir()
    (other / ".dashcam-place").write_text("other")
    (other / "a.mp4").write_bytes(b"film")
    places = {name: Place(name=name, root=str(root)) for name, root in (("shed", shed), ("other", other))}
    shelves = Shelves(places, 0.2)

    async def ask():
        async def one():
            with pytest.raises(PlaceAbsent, match="does not answer"):
                await shelves.find(FileRef(device="shed", path=SMALL))

        await asyncio.gather(*(one() for _ in range(4)))
        await one()  # by then each of the four threads has been silent for too long
        for _ in range(20):  # refused at once: nobody waits for the hour that they would have
            with pytest.raises(PlaceAbsent, match="does not answer"):
                await asyncio.wait_for(shelves.ask("shed", list, patience=3600), 60)
        assert await shelves.find(FileRef(device="other", path="/a.mp4")) == other / "a.mp4"

    asyncio.run(ask())
    os.close(os.open(marker, os.O_RDWR))  # waits for no reader; those that wait get an end
    shelves.close()


def test_nothing_is_read_for_who_has_gone(shed):
    """A browser that leaves after the first chunk costs no other one; the file is closed."""
    (shed / SMALL.lstrip("/")).write_bytes(FILM * 16)
    shelves, streams = shelf(shed), Streams()

    async def play():
        file = await open_file(shelves, FileRef(device="shed", path=SMALL))
        gone, sent = asyncio.Event(), []

        async def receive():
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)
            if message["type"] == "http.response.body":
                gone.set()
            await asyncio.sleep(0.01)

        scope = {"headers": [(b"range", b"bytes=0-")], "state": {}}
        await FileAnswer(file, streams, "video/mp4")(scope, receive, send)
        return sent

    sent = asyncio.run(play())
    assert len([message for message in sent if message["type"] == "http.response.body"]) <= 3
    assert streams.open == 0
    shelves.close()


def test_a_file_that_shrinks_ends_early(shed):
    """What is missing is not made up; the answer stays unfinished, so that the browser sees it."""
    shelves = shelf(shed)

    async def play():
        file = await open_file(shelves, FileRef(device="shed", path=SMALL))
        sent = []

        async def send(message):
            sent.append(message)
            os.truncate(shed / SMALL.lstrip("/"), CHUNK + 5)

        async def receive():
            await asyncio.sleep(60)

        await FileAnswer(file, Streams(), "video/mp4")({"headers": [], "state": {}}, receive, send)
        return sent

    sent = asyncio.run(play())
    assert sum(len(message.get("body", b"")) for message in sent) == CHUNK + 5
    assert sent[-1]["more_body"]
    shelves.close()


def test_a_folder_is_no_film(shed):
    """Nor is anything else that is no file."""
    shelves = shelf(shed)

    async def ask():
        with pytest.raises(InputGone, match="is no file"):
            await open_file(shelves, FileRef(device="shed", path="/archive"))

    asyncio.run(ask())
    shelves.close()


def test_the_home_of_one_machine_is_a_place(settings, homes):
    """What `dashcam run` keeps in a home without places is found by the server of that home."""
    assert "home" not in host_places(settings)
    files = homes / "home" / "files"
    files.mkdir(parents=True)
    (files / ".dashcam-place").write_text("home\n")
    assert host_places(settings)["home"].present()

"""`dashcam pull`: a camera is read politely, whatever it answers, and its clips come over whole."""

from __future__ import annotations

import contextlib
import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from config.settings import PullSettings
from dashcam_cli.camera_http import BLOCK, CameraHttp
from dashcam_cli.card_run import Imported
from dashcam_cli.client import Client
from dashcam_cli.desk import Desk
from dashcam_cli.ledger import Ledger
from dashcam_cli.pull_blackvue import BlackVue
from dashcam_cli.pull_viofo import Viofo
from dashcam_cli.puller import Puller
from stages.errors import BadInput, Cancelled, PlaceFull, Refused
from stages.files import HostPlaces
from stages.footage.keeping import raw_folder
from tests.cards import START, clip_bytes, make_card
from tests.fake_cameras import BlackVueCamera, FakeCamera, ViofoCamera, running
from tests.house import House, wait_for
from tests.stages.work import kept_place

pytestmark = pytest.mark.slow  # real sockets and files, a fifth of a second each, and there are many

MIB = 1 << 20
KINDS = {"blackvue": (BlackVue, BlackVueCamera), "viofo": (Viofo, ViofoCamera)}


class Garage:
    """A camera on the air, and a host with a kept place whose server is away: tasks stay where they can be seen."""

    def __init__(self, folder: Path, kind: str, moments: int = 2) -> None:
        maker, stand_in = KINDS[kind]
        self.camera: FakeCamera = stand_in(folder / "card")
        self.clips = make_card(kind, folder / "card", moments, junk=False)
        self.nas = folder / "nas"
        self.home = folder / "home"
        self.places = HostPlaces({"indoor_nas": kept_place(self.nas, "indoor_nas")})
        self.raw = self.nas / "videos" / "raw"
        self.maker = maker()
        self.settings = PullSettings(retry_seconds=0, spare_gb=0, timeout_seconds=5)
        self.said: list[str] = []
        self.slept: list[float] = []

    def visit(self, tell=lambda *_: None) -> Imported | None:
        """One visit; what came of it, None when the camera was not there."""
        ledger = Ledger(self.home)
        client = Client("http://127.0.0.1:9", patience=0)
        http = CameraHttp(self.camera.address, self.maker.allowed, self.settings.timeout_seconds)
        try:
            desk = Desk(client, ledger, self.said.append, places=self.places)
            folder = raw_folder(self.places, "")
            done = Imported(self.said.append)
            puller = Puller(
                self.maker, http, folder, ledger, desk, self.home, self.settings,
                says={}, sleep=self.slept.append, tell=tell,
            )  # fmt: skip
            return done if puller.visit(done) else None
        finally:
            http.close()
            client.close()
            ledger.close()

    def kept(self) -> dict[str, bytes]:
        """What lies in the place under final names, and unfinished files as what they are."""
        return {path.name: path.read_bytes() for path in self.raw.rglob("*") if path.is_file()}

    def tasks(self) -> list[dict]:
        """What waits for the server."""
        ledger = Ledger(self.home)
        try:
            return [task for _, task in ledger.waiting(1000)]
        finally:
            ledger.close()

    def grow(self, clip: Path, size: int) -> bytes:
        """Make a clip large: zeros in a box of their own."""
        data = clip.read_bytes()
        filler = bytes(range(256)) * (size // 256)
        data += struct.pack(">I4s", len(filler) + 8, b"free") + filler
        clip.write_bytes(data)
        return data


@pytest.fixture
def blackvue(tmp_path: Path) -> Iterator[Garage]:
    """A BlackVue."""
    garage = Garage(tmp_path, "blackvue")
    with running(garage.camera):
        yield garage


@pytest.fixture
def viofo(tmp_path: Path) -> Iterator[Garage]:
    """A Viofo."""
    garage = Garage(tmp_path, "viofo")
    with running(garage.camera):
        yield garage


@pytest.fixture(params=KINDS)
def garage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Garage]:
    """Each of them."""
    garage = Garage(tmp_path, request.param)
    with running(garage.camera):
        yield garage


def test_everything_new_comes_over_once(garage: Garage) -> None:
    """Every clip byte by byte, locked and event ones first; a second visit only lists; one request at a time."""
    done = garage.visit()
    assert done is not None
    assert (done.copied, done.errors) == (len(garage.clips), [])
    kept = garage.kept()
    assert {clip.name: kept[clip.name] for clip in garage.clips} == {
        c.name: c.read_bytes() for c in garage.clips
    }
    assert not [name for name in kept if name.endswith(".part")]
    origins = [task["metadata"]["origin"] for task in garage.tasks()]
    assert sorted(origins) == sorted(clip.relative_to(garage.camera.card).as_posix() for clip in garage.clips)
    urgent = [task["metadata"]["priority"] == "high" for task in garage.tasks()]
    assert urgent == sorted(urgent, reverse=True)
    assert any(urgent)
    before = len(garage.camera.requests)
    again = garage.visit()
    assert again is not None
    assert (again.copied, again.known) == (0, len(garage.clips))
    assert len(garage.camera.requests) == before + 1
    assert garage.camera.most_at_once == 1


def test_nothing_but_harmless_gets_is_ever_sent(garage: Garage) -> None:
    """What reaches the camera in the course of a busy day: GET of the listing and of files."""
    garage.camera.drops = {garage.clips[0].name: [100, 0]}
    for _ in range(2):
        garage.visit()
    for request in garage.camera.requests:
        method, target = request.split(" ", 1)
        assert method == "GET"
        assert target in ("/blackvue_vod.cgi", "/?custom=1&cmd=3015&par=1") or target.rsplit(".", 1)[-1].lower() in (
            "mp4", "gps", "3gf", "thm",
        )  # fmt: skip
        assert "?" not in target or "cmd=3015" in target


@pytest.mark.parametrize(
    "target",
    [
        "/?custom=1&cmd=4003&str=A:/DCIM/Movie/a.MP4",
        "/?custom=1&cmd=3010&par=1",
        "/?custom=1&cmd=3011",
        "/?custom=1&cmd=3013",
        "/?custom=1&cmd=2001&par=0",
        "/?custom=1&cmd=3015&par=1&cmd=4003",
        "/?cmd=3015",
        "/DCIM/Movie/../../etc/passwd.mp4",
        "/DCIM/Movie/a.MP4?custom=1&cmd=4003",
        "/DCIM/Movie/a.MP4#",
        "/DCIM//a.MP4",
        "/DCIM/a.txt",
        "//evil.example/a.MP4",
        "http://evil.example/a.MP4",
        "/DCIM/a b.MP4",
        "/DCIM/a%2e%2e/b.MP4",
        "/DCIM/a.MP4\r\nX: y",
        "/Record/../blackvue_vod.cgi",
        "/Config/config.ini",
    ],
)
def test_what_is_not_on_the_list_is_never_sent(garage: Garage, target: str) -> None:
    """Delete, format, reset, update, record, other paths and hosts: refused before anything leaves this host."""
    http = CameraHttp(garage.camera.address, garage.maker.allowed, 5)
    with pytest.raises(Refused, match="nothing that a camera is asked for"), http.file(target):
        pass
    for ask in (http.length, lambda each: http.text(each, 100)):
        with pytest.raises(Refused):
            ask(target)
    http.close()
    assert garage.camera.requests == []


def test_goes_on_where_the_camera_hung_up(garage: Garage) -> None:
    """A file that breaks off is gone on with by Range in the same visit, and is whole at the end."""
    data = garage.grow(garage.clips[0], MIB)
    garage.camera.drops = {garage.clips[0].name: [4 * BLOCK + 5, 3 * BLOCK + 5]}
    done = garage.visit()
    assert done is not None
    assert done.copied == len(garage.clips)
    assert garage.camera.asked_from[garage.clips[0].name] == [0, 4 * BLOCK, 7 * BLOCK]
    assert garage.kept()[garage.clips[0].name] == data
    assert len(garage.slept) == 2


def test_camera_that_cannot_do_ranges(garage: Garage) -> None:
    """Without Range the file is begun again, and comes out right."""
    data = garage.grow(garage.clips[0], MIB)
    garage.camera.ranges = False
    garage.camera.drops = {garage.clips[0].name: [300_000]}
    done = garage.visit()
    assert done is not None
    assert done.copied == len(garage.clips)
    assert garage.kept()[garage.clips[0].name] == data


def test_goes_on_in_the_next_run(garage: Garage) -> None:
    """A run that was stopped in the middle is gone on with by the next, from the last bytes that are safe."""
    data = garage.grow(garage.clips[0], 12 * MIB)

    def stop(name: str, done: int, _size: int | None) -> None:
        if name == garage.clips[0].name and done > 10 * MIB:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        garage.visit(stop)
    assert garage.clips[0].name not in garage.kept()
    done = garage.visit()
    assert done is not None
    assert garage.kept()[garage.clips[0].name] == data
    assert garage.camera.asked_from[garage.clips[0].name] == [0, 8 * MIB]


def test_unfinished_part_of_another_clip_is_not_gone_on_with(viofo: Garage) -> None:
    """When the camera has another clip under the name, the old beginning is thrown away."""
    garage = viofo
    garage.grow(garage.clips[0], 12 * MIB)

    def stop(name: str, done: int, _size: int | None) -> None:
        if name == garage.clips[0].name and done > 10 * MIB:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        garage.visit(stop)
    data = (
        clip_bytes(".MP4", START, "another") + struct.pack(">I4s", 11 * MIB + 8, b"free") + b"z" * (11 * MIB)
    )
    garage.clips[0].write_bytes(data)
    garage.visit()
    assert garage.kept()[garage.clips[0].name] == data
    assert garage.camera.asked_from[garage.clips[0].name] == [0, 0]


def test_camera_that_drives_away(garage: Garage) -> None:
    """After some tries the visit ends without an error; nothing is half there under its name; later all is there."""
    garage.camera.drops = {clip.name: [50] * 3 for clip in garage.clips}
    done = garage.visit()
    assert done is not None
    assert (done.copied, done.errors) == (0, [])
    assert any("went away" in text for text in garage.said)
    assert not {clip.name for clip in garage.clips} & set(garage.kept())
    garage.camera.drops = {}
    assert garage.visit().copied == len(garage.clips)


def test_camera_that_is_not_there(garage: Garage) -> None:
    """Nothing answers at the address: no error, no word."""
    garage.camera.address = "127.0.0.1:9"
    assert garage.visit() is None
    assert garage.said == []


def test_busy_camera(garage: Garage) -> None:
    """503 to the listing is as if it was not there."""
    garage.camera.statuses = {"/blackvue_vod.cgi": 503, "/?custom=1&cmd=3015&par=1": 503}
    assert garage.visit() is None


def test_firmware_that_does_not_list(blackvue: Garage) -> None:
    """HTTP 415 is one sentence on an unsupported firmware, with what to do."""
    blackvue.camera.statuses = {"/blackvue_vod.cgi": 415}
    with pytest.raises(Refused, match=r"firmware.*dashcam import"):
        blackvue.visit()


def test_redirects_are_not_followed(garage: Garage) -> None:
    """A camera that points elsewhere is refused: for its listing, and for a file."""
    target = "/" + garage.clips[0].relative_to(garage.camera.card).as_posix().removeprefix("BlackVue/")
    garage.camera.statuses = {target: 302}
    done = garage.visit()
    assert done is not None
    assert [Path(error.clip).name for error in done.errors] == [garage.clips[0].name]
    assert "302" in done.errors[0].reason
    garage.camera.statuses = {"/blackvue_vod.cgi": 302, "/?custom=1&cmd=3015&par=1": 302}
    with pytest.raises(Refused, match="302"):
        garage.visit()


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>", b"\x00" * 100, b"<a", b"v:", b"{}"])
def test_something_else_at_the_address(garage: Garage, body: bytes) -> None:
    """What is no such camera is said, or lists nothing; never a crash."""
    garage.camera.body = body
    listing = None
    with contextlib.suppress(Refused):
        listing = garage.visit()
    assert listing is None or listing.found == 0
    assert garage.kept() == {}


def test_logs_that_are_missing(blackvue: Garage) -> None:
    """404 for a log is normal, one log serves both channels, and what is there lies beside the clip."""
    for log in (blackvue.camera.card / "BlackVue/Record").glob("*_N.3gf"):
        log.unlink()
    done = blackvue.visit()
    assert done is not None
    assert done.errors == []
    assert done.warnings == []
    kept = blackvue.kept()
    normal = "20240601_162734_N"
    assert kept[f"{normal}.gps"] == (blackvue.camera.card / f"BlackVue/Record/{normal}.gps").read_bytes()
    assert f"{normal}.3gf" not in kept
    assert blackvue.camera.got(f"{normal}.gps") == 1


def test_read_only_mark_becomes_a_lock(viofo: Garage) -> None:
    """Attribute 33 means locked, also where no folder says so."""
    name = viofo.clips[0].name
    viofo.camera.locked = {name}
    viofo.visit()
    tasks = {task["metadata"]["filename"]: task["metadata"] for task in viofo.tasks()}
    assert tasks[name]["locked"] is True
    assert tasks[name]["priority"] == "high"
    assert "locked" not in tasks[viofo.clips[1].name]


def test_sizes_that_the_listing_gets_wrong(viofo: Garage) -> None:
    """What the camera says when it sends counts more than its listing."""
    viofo.camera.sizes = {viofo.clips[0].name: 17, viofo.clips[1].name: 10**15}
    done = viofo.visit()
    assert done is not None
    assert done.copied == len(viofo.clips)
    assert viofo.kept()[viofo.clips[0].name] == viofo.clips[0].read_bytes()


def test_more_than_announced(viofo: Garage) -> None:
    """Without Content-Length the listing's size is the limit: a camera cannot fill the disk."""
    viofo.camera.lengths = False
    viofo.camera.sizes = {viofo.clips[-1].name: 1000}
    viofo.camera.locked = {viofo.clips[-1].name}
    done = viofo.visit()
    assert done is not None
    assert viofo.clips[-1].name not in viofo.kept()
    assert not [name for name in viofo.kept() if name.endswith(".part")]


def test_no_content_length(garage: Garage) -> None:
    """A camera that never says how long a file is: the container tells whether it is whole."""
    garage.camera.lengths = False
    done = garage.visit()
    assert done is not None
    assert done.copied == len(garage.clips)


def test_full_disk_stops_the_visit(garage: Garage) -> None:
    """Before a place is full the visit ends with a sentence, and nothing half fetched keeps it full."""
    garage.settings = msgspec.structs.replace(garage.settings, spare_gb=10**6)
    with pytest.raises(PlaceFull, match="no room"):
        garage.visit()
    assert garage.kept() == {}
    assert len(garage.camera.requests) == 2


def test_clip_that_is_still_recorded(garage: Garage) -> None:
    """A clip without its index is left for the next visit, and fetched when the camera has finished it."""
    clip = garage.clips[0]
    whole = clip.read_bytes()
    clip.write_bytes(whole[:9000])
    done = garage.visit()
    assert done is not None
    assert (done.copied, done.errors) == (len(garage.clips) - 1, [])
    assert clip.name not in garage.kept()
    clip.write_bytes(whole)
    assert garage.visit().copied == 1
    assert garage.kept()[clip.name] == whole
    assert len(garage.tasks()) == len(garage.clips)


def test_clip_that_stays_damaged(garage: Garage) -> None:
    """The same unfinished clip twice is damaged: kept, named, not handed in, and not fetched a third time."""
    clip = garage.clips[0]
    clip.write_bytes(clip.read_bytes()[:9000])
    garage.visit()
    done = garage.visit()
    assert done is not None
    assert done.copied == 1
    assert "cannot be worked on" in done.warnings[0].reason
    assert garage.kept()[clip.name] == clip.read_bytes()
    assert len(garage.tasks()) == len(garage.clips) - 1
    assert garage.visit().copied == 0
    assert garage.camera.got(clip.name) == 2


def test_clips_that_came_by_card(garage: Garage) -> None:
    """What lies in the place already is not fetched again, only logs that are missing; its task waits once more."""
    garage.raw.mkdir(parents=True)
    for clip in garage.clips:
        shutil.copy2(clip, garage.raw)
    done = garage.visit()
    assert done is not None
    assert (done.copied, done.known) == (0, len(garage.clips))
    assert len(garage.tasks()) == len(garage.clips)
    written = [path for path in garage.raw.iterdir() if path.suffix.lower() == ".mp4"]
    assert sorted(path.name for path in written) == sorted(clip.name for clip in garage.clips)


def test_clip_that_the_camera_overwrote_meanwhile(viofo: Garage) -> None:
    """Listed and gone a minute later: no error."""
    viofo.camera.more = ViofoCamera.entry("A:\\DCIM\\Movie\\2024_0601_170000_000009F.MP4")
    done = viofo.visit()
    assert done is not None
    assert (done.copied, done.errors, done.warnings) == (len(viofo.clips), [], [])


def test_what_was_begun_of_clips_that_are_gone_is_removed(garage: Garage) -> None:
    """An unfinished file whose clip the camera does not list any more goes."""
    garage.camera.drops = {clip.name: [5000] * 3 for clip in garage.clips}
    garage.visit()
    assert [name for name in garage.kept() if name.endswith(".part")]
    for clip in garage.clips:
        clip.unlink()
    garage.visit()
    assert garage.kept() == {}


HOSTILE = [
    "A:\\..\\..\\etc\\passwd.MP4",
    "A:\\DCIM\\Movie\\..\\..\\x.MP4",
    "/etc/shadow.MP4/..",
    "\\\\evil\\share\\x.MP4",
    "A:\\DCIM\\Movie\\x.MP4?custom=1&cmd=4003&str=all",
    "A:\\DCIM\\Movie\\x y;rm -rf.MP4",
    "A:\\DCIM\\Movie\\.hidden.MP4",
    "A:\\" + "a\\" * 50 + "x.MP4",
    "A:\\DCIM\\" + "x" * 5000 + ".MP4",
    "http://evil.example/x.MP4",
    "A:\\DCIM\\Movie\\x%00.MP4",
]


def test_hostile_names_on_a_viofo(viofo: Garage) -> None:
    """Paths that lead elsewhere are counted and left out; nothing is asked for or written because of them."""
    viofo.camera.more = "".join(ViofoCamera.entry(path) for path in HOSTILE)
    done = viofo.visit()
    assert done is not None
    assert done.copied == len(viofo.clips)
    assert "files were left out" in done.warnings[0].reason
    assert {clip.name for clip in viofo.clips} == viofo.kept().keys()
    asked = {request for request in viofo.camera.requests if "3015" not in request}
    assert len(asked) == len(viofo.clips)


def test_hostile_names_on_a_blackvue(blackvue: Garage) -> None:
    """The same for a text of names."""
    names = [
        "/Record/../../etc/passwd.mp4",
        "/etc/x.mp4",
        "/Record/a b.mp4",
        "/Record/x.mp4?a=1",
        "/Record/.x.mp4",
    ]
    blackvue.camera.more = "".join(f"n:{name},s:1000000\r\n" for name in names) + "n:\r\nrubbish\r\n"
    done = blackvue.visit()
    assert done is not None
    assert done.copied == len(blackvue.clips)
    assert "files were left out" in done.warnings[0].reason
    assert not [request for request in blackvue.camera.requests if ".." in request or "etc" in request]


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE LIST [<!ENTITY a "b">]><LIST>&a;</LIST>',
        b'<!DOCTYPE LIST SYSTEM "file:///etc/passwd"><LIST/>',
        b"<A>" * 50 + b"</A>" * 50,
    ],
)
def test_hostile_listing(viofo: Garage, body: bytes) -> None:
    """Entities, document types and deep nesting are refused."""
    viofo.camera.body = body
    with pytest.raises(Refused):
        viofo.visit()


def test_huge_listing(garage: Garage) -> None:
    """A listing that does not end is cut off; one with very many clips is read only so far."""
    garage.camera.body = b"v:1.00\r\n" + b"x" * (40 * MIB)
    with pytest.raises(Refused, match="longer than"):
        garage.visit()


@pytest.mark.parametrize(
    "address", ["", "https://cam", "http://cam/path", "user@cam", "cam:99999", "cam?x", "ftp://cam", "a b"]
)
def test_addresses_that_are_none(address: str) -> None:
    """Only a host, with a port at most."""
    with pytest.raises(BadInput):
        CameraHttp(address, (), 1)


# -- as people call it ----------------------------------------------------------------------------


def command(house: House, garage: Garage, *arguments: str, **environ: str):
    """`dashcam pull` on a host of its own."""
    place = ("--place", f"indoor_nas={garage.nas}")
    quick = {"DASHCAM_PULL__RETRY_SECONDS": "0"} | environ
    return house.command("car", "pull", garage.maker.kind, garage.camera.address, *arguments, *place, **quick)


def test_command(house: House, garage: Garage) -> None:
    """Pulled, handed in, said; again: nothing new; the camera gone: exit 0 and one line."""
    house.server()
    shown = command(house, garage, "--json", "--camera", "golf")
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert (found["reachable"], found["pulled"], found["waiting"]) == (True, len(garage.clips), 0)
    assert {task["metadata"]["camera"] for task in found["tasks"]} == {"golf"}
    shown = command(house, garage)
    assert shown.stdout == f"nothing new, {len(garage.clips)} known already\n"
    shutil.rmtree(garage.raw)  # a retention rule removed them, and this host forgot that it had them
    (house.folder / "hosts" / "car" / "intake.sqlite").unlink()
    shown = command(house, garage)
    assert shown.stdout == f"nothing new, {len(garage.clips)} known already\n"
    assert not [name for name in garage.kept() if name.lower().endswith((".mp4", ".part"))]
    garage.camera.address = "127.0.0.1:9"
    shown = command(house, garage)
    assert (shown.returncode, shown.stdout) == (0, "")
    assert shown.stderr.count("\n") == 1
    assert "that is normal" in shown.stderr


def test_again_and_again(house: House, garage: Garage) -> None:
    """`--every` waits for the camera, fetches when it comes, hands in when the server does, and ends cleanly."""
    pulling = house.start(
        "car", "pull", garage.maker.kind, garage.camera.address, "--every", "0.005",
        "--place", f"indoor_nas={garage.nas}",
    )  # fmt: skip
    wait_for(lambda: "clips fetched" in pulling.text(), pulling)
    house.server()
    url = house.url
    pulling.stop()
    assert pulling.process.returncode == 0
    assert pulling.text().count("no server answers") == 1
    assert {clip.name for clip in garage.clips} <= garage.kept().keys()
    again = house.start(
        "car", "pull", garage.maker.kind, garage.camera.address, "--every", "0.005", "--server", url,
        "--place", f"indoor_nas={garage.nas}",
    )  # fmt: skip
    wait_for(lambda: len(house.get("/tasks?limit=100")) == len(garage.clips), again)
    assert again.stop() == 0

"""`dashcam import`: whatever card goes in, its clips come over once, checked, and the card is not touched."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cards import CARDS, START, STEP, ZONE, Shot, clip_bytes, make_card
from tests.house import House, wait_for

CLIP = "20240601_162734.MP4"


class Host:
    """A host with a kept place and a card slot."""

    def __init__(self, house: House, name: str = "pc") -> None:
        self.house, self.name = house, name
        self.nas, self.card = house.folder / f"{name}-nas", house.folder / f"{name}-card"
        self.nas.mkdir()
        self.raw = self.nas / "videos" / "raw"

    def run(self, *arguments: str, **environ: str):
        """Run a command of this host."""
        return self.house.command(self.name, *arguments, "--place", f"indoor_nas={self.nas}", **environ)

    def imports(self, *arguments: str, expected: int = 0, **environ: str):
        """Import the card; what it printed as JSON."""
        shown = self.run("import", str(self.card), "--json", *arguments, **environ)
        assert shown.returncode == expected, shown.stderr
        assert "Traceback" not in shown.stderr
        return json.loads(shown.stdout)

    def kept(self) -> dict[str, bytes]:
        """What lies in the place, by name."""
        files = (path for path in self.nas.rglob("*") if path.is_file() and path.name != ".dashcam-place")
        return {path.relative_to(self.raw).as_posix(): path.read_bytes() for path in files}


def photo(card: Path) -> dict[str, tuple[int, int]]:
    """Sizes and times of everything on a card, folders too."""
    return {
        path.relative_to(card).as_posix(): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in [card, *card.rglob("*")]
    }


@pytest.fixture
def pc(house: House) -> Host:
    """A host, and a server that it can call."""
    house.server()
    return Host(house)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server for many hosts that have nothing else in common."""
    house = House(tmp_path_factory.mktemp("street"))
    house.server()
    yield house
    for running in house.running:
        running.kill()


@pytest.mark.slow
@pytest.mark.parametrize("kind", CARDS)
def test_card_of_each_layout(kind: str, street: House) -> None:
    """Every clip of every layout comes over once, with what its folders tell; the junk stays; the card is as it was."""
    pc = Host(street, kind)
    clips = make_card(kind, pc.card)
    before = photo(pc.card)
    encrypted = kind == "tesla"
    found = pc.imports("--camera", "golf", "--time-zone", ZONE, expected=1 if encrypted else 0)
    assert (found["copied"], found["known"]) == (len(clips), 0)
    assert found["ejectable"] is not encrypted
    assert photo(pc.card) == before
    kept = {
        Path(name).name: data
        for name, data in pc.kept().items()
        if Path(name).suffix.lower() in (".mp4", ".ts")
    }
    assert kept == {clip.name: clip.read_bytes() for clip in clips}
    tasks = found["tasks"]
    origins = {clip.relative_to(pc.card).as_posix() for clip in clips}
    assert {task["metadata"]["origin"] for task in tasks} == origins
    assert {task["metadata"]["camera"] for task in tasks} == {"golf"}
    assert {task["metadata"]["time_zone"] for task in tasks} == {ZONE}
    assert {task["inputs"][0]["device"] for task in tasks} == {"indoor_nas"}
    for task in tasks:
        assert (pc.nas / task["inputs"][0]["path"].lstrip("/")).is_file()
    kept_ones = Shot(3, START + timedelta(seconds=2 * STEP), kept=True)
    locked = [] if kind in ("gopro", "ford", "generic") else CARDS[kind].clips(kept_ones)
    urgent = {task["metadata"]["filename"] for task in tasks if task["metadata"]["priority"] == "high"}
    assert urgent == {Path(clip).name for clip in locked}
    again = pc.imports(expected=1 if encrypted else 0)
    assert (again["copied"], again["known"], again["tasks"]) == (0, len(clips), [])


def test_a_second_card_with_more_on_it(pc: Host) -> None:
    """Only what is new comes over; locked and event clips are handed in first, the newest first."""
    make_card("viofo", pc.card, 2)
    pc.imports()
    make_card("viofo", pc.card, 3)  # the second moment is not locked any more, and lies elsewhere
    found = pc.imports()
    assert found["copied"] == 3 + 3
    assert [Path(task["metadata"]["origin"]).parent.name for task in found["tasks"]] == ["RO"] * 3 + [
        "Movie"
    ] * 3


def test_clip_that_the_camera_locked_since(pc: Host) -> None:
    """A clip that was moved to RO is not copied again, and is locked from now on."""
    clips = make_card("viofo", pc.card, 2, junk=False)
    (normal,) = (clip for clip in clips if clip.name.endswith("F.MP4") and clip.parent.name == "Movie")
    first = pc.imports()
    (video,) = (t["video_id"] for t in first["tasks"] if t["metadata"]["filename"] == normal.name)
    normal.rename(normal.parent / "RO" / normal.name)
    again = pc.imports()
    assert (again["copied"], again["known"]) == (0, len(clips))
    facts = pc.house.get(f"/webui/videos/{video}?expand=facts")["facts"]
    assert facts["locked"] is True


def test_interrupted_by_hand(pc: Host) -> None:
    """Ctrl-C in the middle of a copy: 130, nothing half there; the next run ends it. One import of a card at a time."""
    clips = make_card("generic", pc.card, 3, junk=False)
    slow = {
        "PYTHONPATH": str(Path(__file__).parents[1] / "faults" / "unreadable"),
        "BAD_FILE": str(clips[1]),
        "BAD_AFTER": "999999999999",
        "BAD_SECONDS": "1.5",
    }
    place = ("--place", f"indoor_nas={pc.nas}")
    running = pc.house.start(pc.name, "import", str(pc.card), *place, **slow)
    wait_for(lambda: list(pc.raw.glob(f"{clips[1].name}.*.part")), running)
    shown = pc.run("import", str(pc.card))
    assert shown.returncode == 2
    assert "another dashcam works on" in shown.stderr
    assert running.stop(signal.SIGINT) == 130
    assert set(pc.kept()) == {clips[2].name}
    assert pc.imports()["copied"] == 2
    assert len(pc.house.get("/tasks")) == 3


def test_names_that_clash(pc: Host) -> None:
    """Another clip of the same name goes to its day's folder; none is overwritten."""
    make_card("viofo", pc.card, 1)
    pc.imports()
    first = pc.kept()
    shutil.rmtree(pc.card)
    (clip, *_) = make_card("viofo", pc.card, 1)
    clip.write_bytes(clip_bytes(".MP4", START, "another camera"))
    assert pc.imports()["copied"] == 1
    kept = pc.kept()
    assert {name: kept[name] for name in first} == first
    assert kept[f"{START:%Y-%m-%d}/{clip.name}"] == clip.read_bytes()


def test_same_content_twice_on_a_card(pc: Host) -> None:
    """A Tesla's saved minute that is still in the ring comes over once, as the saved one."""
    clips = make_card("tesla", pc.card, 1, junk=False)
    shutil.rmtree(pc.card / "TeslaCam/EncryptedClips")
    ring = pc.card / "TeslaCam/RecentClips"
    ring.mkdir()
    for clip in clips:
        shutil.copy2(clip, ring)
    found = pc.imports()
    assert (found["clips"], found["copied"], found["known"]) == (8, 4, 4)
    assert all("SavedClips" in task["metadata"]["origin"] for task in found["tasks"])


def test_damaged_clips_are_kept_and_named(pc: Host) -> None:
    """A clip without an index is copied with its reason, not handed in, and not said again; rubbish stays behind."""
    (good, *_) = make_card("generic", pc.card, 1, junk=False)
    cut = good.with_name("20240601_170000.MP4")
    cut.write_bytes(good.read_bytes()[:9000])
    (good.with_name("20240601_180000.MP4")).write_bytes(b"no video at all")
    found = pc.imports(expected=1)
    assert (found["copied"], len(found["tasks"])) == (2, 1)
    assert pc.kept()[cut.name] == cut.read_bytes()
    (warning,) = found["warnings"]
    assert warning["clip"].endswith(cut.name)
    assert "cannot be worked on" in warning["reason"]
    (error,) = found["errors"]
    assert error["clip"].endswith("20240601_180000.MP4")
    again = pc.imports(expected=1)
    assert (again["copied"], again["known"], again["warnings"]) == (0, 2, [])


@pytest.mark.parametrize("good_bytes", [0, 8192])
def test_file_with_bad_sectors(pc: Host, good_bytes: int) -> None:
    """A file that cannot be read, or only at its beginning, is named and the rest comes over; the card is kept."""
    clips = make_card("generic", pc.card, 3, junk=False)
    scratched = {
        "PYTHONPATH": str(Path(__file__).parents[1] / "faults" / "unreadable"),
        "BAD_FILE": str(clips[1]),
        "BAD_AFTER": str(good_bytes),
    }
    found = pc.imports(expected=1, **scratched)
    assert found["copied"] == 2
    assert found["ejectable"] is False
    (error,) = found["errors"]
    assert error["clip"] == str(clips[1])
    assert "cannot be read" in error["reason"]
    assert set(pc.kept()) == {clips[0].name, clips[2].name}
    assert pc.imports()["copied"] == 1


def test_hostile_card(pc: Host) -> None:
    """Links out of the card, pipes, names that nobody can spell, folders without end: said, and nothing follows."""
    (good,) = make_card("generic", pc.card, 1, junk=False)
    secret = pc.house.folder / "secret.mp4"
    secret.write_bytes(clip_bytes(".mp4", START, "secret"))
    (good.with_name("link.mp4")).symlink_to(secret)
    (pc.card / "DCIM/102LINK").symlink_to(pc.house.folder)
    os.mkfifo(good.with_name("pipe.mp4"))
    (good.parent / os.fsdecode(b"bad\xff.mp4")).touch()
    (good.with_name("esc\x1b[2J.mp4")).write_bytes(clip_bytes(".mp4", START, "escape"))
    deep = pc.card
    for _ in range(40):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "deep.mp4").write_bytes(clip_bytes(".mp4", START, "deep"))
    found = pc.imports(expected=1)
    assert found["copied"] == 2
    assert {Path(error["clip"]).name[:4] for error in found["errors"]} == {"link", "pipe", "bad?"}
    assert "secret.mp4" not in pc.kept()
    shown = pc.run("import", str(pc.card))
    assert "\x1b" not in shown.stderr + shown.stdout


def test_server_that_is_away(house: House) -> None:
    """Clips come over without a server; the next run hands them in, each once, and says so."""
    pc = Host(house)
    clips = make_card("thinkware", pc.card, 2)
    found = pc.imports(expected=3)
    assert (found["copied"], found["waiting"], found["ejectable"]) == (len(clips), len(clips), True)
    again = pc.imports(expected=3)
    assert (again["copied"], again["known"], again["waiting"]) == (0, len(clips), len(clips))
    house.server()
    last = pc.imports()
    assert (last["copied"], last["waiting"], len(last["tasks"])) == (0, 0, len(clips))
    assert len(house.get("/tasks?limit=100")) == len(clips)


def test_home_that_was_lost(pc: Host) -> None:
    """Without its ledger a host asks the server, and copies nothing twice."""
    clips = make_card("thinkware", pc.card, 2)
    pc.imports()
    shutil.rmtree(house_home(pc))
    again = pc.imports()
    assert (again["copied"], again["known"]) == (0, len(clips))


def house_home(host: Host) -> Path:
    """The home of a host."""
    return host.house.folder / "hosts" / host.name


def test_server_that_forgot(pc: Host) -> None:
    """A server with a new database gets the tasks again, and no clip is copied twice."""
    clips = make_card("thinkware", pc.card, 1)
    pc.imports()
    before = pc.kept()
    pc.house.running[-1].stop()
    pc.house.server("server2")
    found = pc.imports()
    assert len(found["tasks"]) == len(clips)
    assert pc.kept() == before


def test_clips_that_a_worker_has_yet_to_copy(pc: Host) -> None:
    """What was submitted from the card itself is known, and not safe: the card must stay in, and it is said."""
    make_card("generic", pc.card, 2)
    card = ("--place", f"dashcam={pc.card},removable")
    assert pc.run("submit", str(pc.card), *card).returncode == 0
    shown = pc.run("import", str(pc.card), *card)
    assert shown.returncode == 0
    assert "2 wait in the queue to be copied by a worker: leave the card in" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{nas}"], "dashcam submit"),
        (["{card}", "--to", "nowhere"], "nowhere"),
        (["{card}", "--time-zone", "Mars/Olympus"], "time zone"),
        (["{nas}/nothing"], "no folder"),
    ],
)
def test_refusals(pc: Host, arguments: list[str], says: str) -> None:
    """What cannot be meant is one line that says what to do."""
    make_card("generic", pc.card, 1)
    shown = pc.run("import", *(each.format(nas=pc.nas, card=pc.card) for each in arguments))
    assert shown.returncode in (1, 2)
    assert says in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1
    assert pc.kept() == {}


def test_words_for_people(pc: Host) -> None:
    """The last line says how many came over, that they were checked, and whether the card may be ejected."""
    make_card("viofo", pc.card, 1)
    shown = pc.run("import", str(pc.card), "--verify")
    assert shown.stdout == "3 clips copied and checked, the card may be ejected\n"
    assert "looks like a Viofo card" in shown.stderr
    odd = pc.house.folder / "odd"
    (odd / "stuff").mkdir(parents=True)
    (odd / "stuff" / CLIP).write_bytes(clip_bytes(".MP4", START, "odd"))
    shown = pc.run("import", str(odd))
    assert shown.returncode == 0, shown.stderr
    assert "by rule" in shown.stderr
    assert pc.run("import", str(odd)).stdout == "nothing new, 1 known already, the card may be ejected\n"

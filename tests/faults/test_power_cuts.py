"""The power goes in the middle of every step that copies, transcodes, archives or removes: nothing is by halves.

Each step is done once undisturbed, and its changes of files and folders are counted. Then it is done again from
the same start, and killed (SIGKILL) between two of those changes; at half of the points it also loses what no
fsync had made last, as a power cut does. After each kill nothing under a final name may be by halves, and the next run
must end in the same state. `DASHCAM_CUTS` (default 5: 40 in all, and some by the clock) is how many points each step is cut
at; 0 = at every one, in both ways. `DASHCAM_CUTS_SEED` chooses others.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import httpx
import msgspec
import pytest

from stages.files import RESULT, HostPlaces, Place, lacking, output_folder, read_finished, sweep_aside
from stages.runner import Done, Failed, FromChild, Job
from stages.settings import ArchiveSettings, IngestSettings, PreprocessSettings
from stages.stage import Result
from stages.task import FileRef, Task, TaskType
from tests.cards import START, ZONE, make_card
from tests.house import House
from tests.kept import Kept, tree
from tests.stages.films import passing, scene, write_film
from tests.stages.work import kept_place

HOOK = Path(__file__).with_name("hook")
CUTS = int(os.environ.get("DASHCAM_CUTS", "5"))
SEED = int(os.environ.get("DASHCAM_CUTS_SEED", "1"))
NAME = "2026_0601_162734_000001F.MP4"
RAW = FileRef(device="indoor_nas", path=f"/videos/raw/{NAME}", type="video")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to know what is flushed"),
]


class World:
    """One copy of the world: a card and two kept places below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.roots = {name: folder / name for name in ("card", "indoor_nas", "shed_nas")}
        self.places = {
            name: Place(name=name, root=str(root), removable=name == "card")
            for name, root in self.roots.items()
        }

    def make(self) -> None:
        """The empty places."""
        for name, root in self.roots.items():
            root.mkdir(parents=True)
            if name != "card":
                kept_place(root, name)

    def copy(self, folder: Path) -> World:
        """The same again elsewhere, times and all."""
        shutil.copytree(self.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("steps.log"))
        return World(folder)

    def state(self) -> dict[str, str]:
        """Every file with its hash; which lease made a result does not matter."""
        found = tree(*(self.roots[name] for name in ("indoor_nas", "shed_nas")))
        for name in found:
            if name.endswith(RESULT):
                record = json.loads((self.folder / name).read_bytes())
                found[name] = json.dumps(record | {"lease": 0}, sort_keys=True)
        return found

    def sources(self) -> dict[str, tuple[bytes, int]]:
        """What is never touched: the card, byte by byte with times."""
        card = self.roots["card"]
        return {
            path.relative_to(card).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in card.rglob("*")
            if path.is_file()
        }


class Step:
    """One stage's work on one task, in a process of its own as the worker starts it."""

    def __init__(self, task: Task, settings: Any, **environ: str) -> None:
        self.task, self.settings, self.environ = task, settings, environ

    def run(self, house: World, lease: int = 1, *, seconds: float = 0.0, **cut: str) -> Done | Failed | None:
        """The stage's last word; None when it was killed (`seconds`: by us, after so long)."""
        task = msgspec.structs.replace(self.task, lease=lease)
        job = Job(
            task=task,
            settings=msgspec.to_builtins(self.settings),
            places=house.places,
            scratch=str(house.folder / "scratch"),
            models=str(house.folder / "models"),
        )
        below = os.pathsep.join(str(house.roots[name]) for name in ("indoor_nas", "shed_nas"))
        log = str(house.folder / "steps.log")
        hook = {"PYTHONPATH": str(HOOK), "CUT_BELOW": below, "CUT_LOG": log} | self.environ | cut
        child = subprocess.Popen(
            [sys.executable, "-m", "stages.runner", self.task.task_type],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | hook,
        )  # fmt: skip
        with child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(msgspec.json.encode(job) + b"\n")
            child.stdin.flush()
            if seconds:
                killer = threading.Timer(seconds, child.kill)
                killer.start()
            for line in child.stdout:
                message = msgspec.json.decode(line, type=FromChild)
                if isinstance(message, Done):  # the worker tells the server, and then
                    sweep_aside(HostPlaces(house.places), message.result.outputs)
                if isinstance(message, (Done, Failed)):
                    return message
        return None


def steps_of(folder: Path) -> list[str]:
    """The changes that were made, one line each."""
    log = folder / "steps.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if not line.startswith(("cut", "lost"))]


class Cut(NamedTuple):
    """Before which change the process is gone, and whether the power goes with it."""

    number: int
    power: bool

    def environ(self) -> dict[str, str]:
        """For the hook."""
        return {"CUT_AT": str(self.number)} | ({"CUT_POWER": f"{SEED}-{self.number}"} if self.power else {})

    def said(self, steps: list[str], folder: Path) -> str:
        """What was cut, in a line."""
        what = "power cut" if self.power else "kill -9"
        return f"{self.number:3d} {what:9} before {steps[-1].replace(str(folder), '')}"


def cuts(count: int, seed: str) -> list[Cut]:
    """Where to cut: everywhere in both ways, or at some points spread over the whole in one of them."""
    if CUTS == 0:
        return [Cut(number, power) for number in range(1, count + 1) for power in (False, True)]
    dice = random.Random(seed)
    chosen = sorted(dice.sample(range(1, count + 1), min(count, CUTS)))
    return [Cut(number, dice.random() < 0.5) for number in chosen]


def nothing_by_halves(house: World, whole: dict[str, str], before: dict[str, str]) -> None:
    """Under a final name lies what lay there before, or what will in the end: each folder whole or not at all."""
    for name, content in house.state().items():
        if ".part" in name or ".aside" in name:
            continue
        assert content in (whole.get(name), before.get(name)), f"{name} is by halves"
    for root in (house.roots["indoor_nas"], house.roots["shed_nas"]):
        for result in root.rglob(RESULT):
            folder = result.parent
            if ".part" not in folder.name:
                assert lacking(folder, read_finished(folder)) == "", f"{folder} is by halves"
        for folder in [
            *root.glob("videos/preproc/*"),
            *root.glob("videos/heavy_output/*"),
            *root.glob("archive/*"),
        ]:
            if ".part" not in folder.name:
                assert (folder / RESULT).is_file(), f"{folder} has no result"


def cut_everywhere(step: Step, start: World, tmp_path: Path, what: str) -> int:
    """Cut a step at many points; how many."""
    calm = start.copy(tmp_path / "calm")
    before = start.state()
    done = step.run(calm)
    assert isinstance(done, Done), done
    whole, sources, every = calm.state(), start.sources(), steps_of(calm.folder)
    assert calm.sources() == sources
    assert not [name for name in whole if ".part" in name]

    def cut(point: Cut) -> str:
        house = start.copy(tmp_path / f"cut-{point.number}-{point.power}")
        assert step.run(house, **point.environ()) is None
        killed_at = point.said(steps_of(house.folder), house.folder)
        nothing_by_halves(house, whole, before)
        again = step.run(house, lease=2)
        assert isinstance(again, Done), (killed_at, again)
        assert house.state() == whole, killed_at
        assert house.sources() == sources, killed_at
        assert again.result == done.result, killed_at
        shutil.rmtree(house.folder)
        return killed_at

    chosen = cuts(len(every), f"{what}{SEED}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        print(f"\n{what}: {len(every)} steps, cut at {len(chosen)}")
        for line in pool.map(cut, chosen):
            print(line)
    return len(chosen)


def ingest_task(path: str = f"/DCIM/Movie/{NAME}") -> Task:
    """Bring a clip in from the card."""
    source = FileRef(device="card", path=path)
    return Task(task_id=7, task_type=TaskType.INGEST_VIDEO, video_id="v1", inputs=[source])


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A clip and its GPS log on a card, half an hour old; nothing is ingested yet."""
    house = World(tmp_path_factory.mktemp("start") / "world")
    house.make()
    clip = write_film(house.roots["card"] / "DCIM/Movie" / NAME, passing(scene(), 1))
    fix = '<trkpt lat="40.1" lon="-3.2"><time>2026-06-01T14:27:34Z</time></trkpt>'
    gpx = f'<gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{fix}</trkseg></trk></gpx>'
    clip.with_suffix(".gpx").write_text(gpx)
    for path in (clip, clip.with_suffix(".gpx")):
        os.utime(path, (time.time() - 1800,) * 2)
    return house


def test_ingest_with_a_log_for_all(tmp_path: Path) -> None:
    """A clip whose card keeps one log for all: the copy and the log made for it, cut anywhere."""
    world = World(tmp_path / "world")
    world.make()
    (clip, *_) = make_card("70mai", world.roots["card"], 1)
    task = ingest_task(f"/{clip.relative_to(world.roots['card']).as_posix()}")
    step = Step(task, IngestSettings(time_zone=ZONE))
    assert cut_everywhere(step, world, tmp_path, "ingest with a log for all") >= (CUTS or 7)


@pytest.mark.parametrize("links", [True, False], ids=["hard links", "none"])
def test_ingest_from_a_card(card: World, tmp_path: Path, links: bool) -> None:
    """A copy from a card, cut anywhere, with hard links or on a file system without: whole, or not there."""
    environ = {} if links else {"CUT_NO_LINKS": "1"}
    step = Step(ingest_task(), IngestSettings(time_zone="Europe/Madrid"), **environ)
    assert cut_everywhere(step, card, tmp_path, f"ingest {'with' if links else 'without'} hard links") >= (
        CUTS or 7
    )


@pytest.fixture(scope="module")
def stored(card: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The clip in its place, with what preprocess and heavy left of it."""
    house = card.copy(tmp_path_factory.mktemp("stored") / "world")
    shutil.copytree(house.roots["card"] / "DCIM/Movie", house.roots["indoor_nas"] / "videos/raw")
    publish(house, PREPROC, TaskType.PREPROCESS_VIDEO, {"metadata.json": b"{}", "thumbs/1.jpg": b"1"})
    crops = {"detections.json": b"{}", "plates/1234BCD.jpg": b"crop" * 99, "plates/1234BCD_thumb.jpg": b"s"}
    publish(house, HEAVY, TaskType.HEAVY_PROCESS_VIDEO, crops)
    return house


PREPROC = FileRef(device="indoor_nas", path="/videos/preproc/v1/", temporary=True)
HEAVY = FileRef(device="indoor_nas", path="/videos/heavy_output/v1/", temporary=True)


def publish(house: World, ref: FileRef, kind: TaskType, files: dict[str, bytes]) -> None:
    """Leave a finished folder as a stage does."""
    task = Task(task_id=1, task_type=kind, video_id="v1", lease=1)
    with output_folder(HostPlaces(house.places), ref, task, "k") as out:
        for name, data in files.items():
            (out.path / name).parent.mkdir(parents=True, exist_ok=True)
            (out.path / name).write_bytes(data)
        out.publish(Result())


def test_preprocess(stored: World, tmp_path: Path) -> None:
    """Thumbnails and moments in the place of older ones, cut anywhere: the old ones or the new ones."""
    task = Task(task_id=8, task_type=TaskType.PREPROCESS_VIDEO, video_id="v1", inputs=[RAW])
    step = Step(task, PreprocessSettings(detect=False, thumbnails=3))
    assert cut_everywhere(step, stored, tmp_path, "preprocess") >= (CUTS or 7)


def archive_task() -> Task:
    """Archive the clip; what was temporary may go then."""
    inputs = [RAW, HEAVY, PREPROC]
    return Task(task_id=9, task_type=TaskType.ARCHIVE_VIDEO, video_id="v1", inputs=inputs)


def test_archive(stored: World, tmp_path: Path) -> None:
    """Transcoding, copying, publishing, removing what is temporary: nothing goes before all is on the disk."""
    step = Step(archive_task(), ArchiveSettings(height=120))
    assert cut_everywhere(step, stored, tmp_path, "archive") >= (CUTS or 7)


def test_archive_again(stored: World, tmp_path: Path) -> None:
    """An archive in the place of an older one with other settings: one of them stands, or stood a moment ago."""
    lasting = msgspec.structs.replace(archive_task(), task_id=3, inputs=[RAW])
    old = stored.copy(tmp_path / "old")
    assert isinstance(Step(lasting, ArchiveSettings(height=144)).run(old), Done)
    step = Step(archive_task(), ArchiveSettings(height=120))
    assert cut_everywhere(step, old, tmp_path, "archive again") >= (CUTS or 7)


def test_killed_at_any_moment(card: World, stored: World, tmp_path: Path) -> None:
    """The same by the clock: also in the middle of native code, and of a block that is being written."""
    dice = random.Random(SEED)
    steps = [
        (Step(ingest_task(), IngestSettings(time_zone="Europe/Madrid")), card),
        (Step(archive_task(), ArchiveSettings(height=120)), stored),
    ]
    for number, (step, start) in enumerate(steps):
        calm = start.copy(tmp_path / f"calm-{number}")
        began = time.monotonic()
        done = step.run(calm)
        length, whole = time.monotonic() - began, calm.state()
        for turn in range(max(3, CUTS // 3)):
            house = start.copy(tmp_path / f"timed-{number}-{turn}")
            after = length * dice.uniform(0.2, 1.0)
            killed = step.run(house, seconds=after) is None
            nothing_by_halves(house, whole, start.state())
            again = step.run(house, lease=2)
            assert again == done
            assert house.state() == whole
            assert house.sources() == start.sources()
            print(f"{step.task.task_type} {'killed' if killed else 'was done'} after {after:.2f} s")


class Command:
    """A command on a host of its own, with folders that are watched; it may be cut."""

    def __init__(self, folder: Path, server: House, *arguments: str) -> None:
        self.folder, self.home, self.arguments = folder, folder / "home", arguments
        self.home.mkdir(parents=True)
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DASHCAM_")}
        self.environ = clean | {"DASHCAM_HOME": str(self.home), "DASHCAM_SERVER": server.url}

    def run(self, *watched: Path, **cut: str) -> int:
        """Its exit code: 0, or -9 when it was cut."""
        below = os.pathsep.join(map(str, watched))
        hook = {"PYTHONPATH": str(HOOK), "CUT_BELOW": below, "CUT_LOG": str(self.folder / "steps.log")} | cut
        command = [sys.executable, "-m", "dashcam_cli.main", *self.arguments]
        done = subprocess.run(command, env=self.environ | hook, capture_output=True, text=True, check=False)
        assert done.returncode in (0, -9), done.stderr + done.stdout
        return done.returncode


class Acted(Protocol):
    """A world in which a command is run, cut, and run again."""

    folder: Path

    def run(self, **cut: str) -> int:
        """Run the command."""

    def check_halves(self) -> None:
        """Nothing under a final name is by halves."""

    def check_end(self) -> None:
        """All is done."""


def cut_command(what: str, make: Callable[[str], Acted]) -> None:
    """Run a command undisturbed, then cut it at many points; `make` makes one with a number of its own."""
    calm = make("1")
    assert calm.run() == 0
    calm.check_end()
    every = steps_of(calm.folder)

    def cut(point: Cut) -> str:
        world = make(f"{2 * point.number + point.power}")
        assert world.run(**point.environ()) == -9
        killed_at = point.said(steps_of(world.folder), world.folder)
        world.check_halves()
        assert world.run() == 0, killed_at
        world.check_end()
        shutil.rmtree(world.folder)
        return killed_at

    chosen = cuts(len(every), f"{what}{SEED}")
    print(f"\n{what}: {len(every)} steps, cut at {len(chosen)}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for line in pool.map(cut, chosen):
            print(line)
    assert len(chosen) >= (CUTS or 7)


RULES = "".join(f"[retention.{kind}]\ndays = 30\n" for kind in ("raw", "preproc", "heavy"))


class Pruned:
    """Two clips of a server's catalogue in places of their own: one is due, one is not."""

    def __init__(self, folder: Path, server: House, tag: str) -> None:
        self.folder, self.tag = folder, tag
        self.command = Command(folder, server, "prune", "--json")
        self.kept = Kept(folder, server.url, server.folder / "hosts" / "server", tag)
        for name, days in (("old", 40.0), ("young", 20.0)):
            self.kept.tell(f"{name}-{tag}", self.kept.clip(f"{name}-{tag}"), days)
        (self.command.home / "dashcam.toml").write_text(self.kept.settings(RULES))
        self.start = tree(self.kept.nas, self.kept.shed)
        going = tuple(f"nas/videos/{where}/old-{tag}" for where in ("raw", "preproc", "heavy_output"))
        self.whole = {name: digest for name, digest in self.start.items() if not name.startswith(going)}

    def run(self, **cut: str) -> int:
        """Run `dashcam prune`; its log counts too."""
        return self.command.run(self.kept.nas, self.kept.shed, self.command.home, **cut)

    def check_halves(self) -> None:
        """Each folder of the old clip is whole or has lost its name; what is not due is as it was."""
        there = tree(self.kept.nas, self.kept.shed)
        assert self.whole.items() <= there.items()
        for name in set(there) - set(self.whole):
            if ".prune.part" not in name:
                assert there[name] == self.start[name]
                siblings = [
                    each for each in self.start if each.startswith(name.rsplit("/old-", 1)[0] + "/old-")
                ]
                assert set(siblings) <= set(there), f"{name} is by halves"

    def check_end(self) -> None:
        """All that was due is gone, here and in the catalogue, and is in the log once; nothing else is."""
        assert tree(self.kept.nas, self.kept.shed) == self.whole
        log = self.kept.get(f"/retention/removals?video_id=old-{self.tag}")
        assert sorted((row["kind"], row["how"]) for row in log) == [
            ("heavy", "removed"), ("preproc", "removed"), ("raw", "removed"),
        ]  # fmt: skip
        places = "&".join(f"place={name}" for name in self.kept.names)
        left = self.kept.get(f"/retention/candidates?{places}")["files"]
        assert {(row["video_id"].split("-")[0], row["kind"]) for row in left} == {
            ("old", "archive"), ("young", "raw"), ("young", "preproc"), ("young", "heavy"), ("young", "archive"),
        }  # fmt: skip


def test_prune(house: House, tmp_path: Path) -> None:
    """`dashcam prune`, cut anywhere: each folder is whole or gone, and the next run ends what was begun."""
    house.server()
    cut_command("prune", lambda tag: Pruned(tmp_path / tag, house, tag))


class Imported:
    """A card whose clips share one GPS log, and an empty place."""

    def __init__(self, folder: Path, server: House, tag: str) -> None:
        self.folder, self.card, self.nas, self.url = folder, folder / "card", folder / "nas", server.url
        kept_place(self.nas, "nas")
        # Each card has another content: the server knows the clips of the others.
        self.clips = make_card("70mai", self.card, 2, start=START + timedelta(hours=int(tag)))
        zone = ("--time-zone", ZONE, "--to", "nas", "--json")
        self.command = Command(folder, server, "import", str(self.card), *zone)
        (self.command.home / "dashcam.toml").write_text(f"[places]\nnas = '{self.nas}'\n")
        self.before = self.sources()

    def sources(self) -> dict[str, tuple[str, int]]:
        """The card: hashes and times."""
        return {
            name: (digest, (self.folder / name).stat().st_mtime_ns)
            for name, digest in tree(self.card).items()
            if digest != "folder"
        }

    def run(self, **cut: str) -> int:
        """Run `dashcam import`."""
        return self.command.run(self.nas, **cut)

    def check_halves(self) -> None:
        """What has a clip's name is that clip, whole; logs beside it hold all their lines."""
        hashes = {digest for digest, _ in self.before.values()}
        for name, digest in tree(self.nas).items():
            if name.endswith(".MP4"):
                assert digest in hashes, f"{name} is by halves"
            if name.endswith(".txt"):
                assert (self.folder / name).read_text().count("\n") > 60, f"{name} is by halves"
        assert self.sources() == self.before

    def check_end(self) -> None:
        """Every clip is there once, with its log, nothing is left over, and there is one task for each."""
        self.check_halves()
        raw = {path.name: path for path in (self.nas / "videos/raw").iterdir()}
        clips = {path.name for path in self.clips}
        assert {name for name in raw if name.endswith(".MP4")} == clips
        assert all(not name.endswith(".part") for name in raw)
        assert {Path(name).stem for name in raw} == {Path(name).stem for name in clips}
        answer = httpx.get(f"{self.url}/api/v1/tasks?limit=1000", timeout=20).json()
        named = [task["inputs"][0]["path"] for task in answer if task["inputs"]]
        assert sorted(path for path in named if path.rpartition("/")[2] in clips) == sorted(
            f"/videos/raw/{name}" for name in clips
        )


def test_import(house: House, tmp_path: Path) -> None:
    """`dashcam import`, cut anywhere: clips and their logs are whole or not there, and each is handed in once."""
    house.server()
    cut_command("import", lambda tag: Imported(tmp_path / tag, house, tag))

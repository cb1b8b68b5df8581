"""The power goes while a card is imported or a camera is pulled from: nothing is by halves, and the next run ends it.

Cut as in `test_power_cuts`: SIGKILL between two changes below the place, every second time with the loss of what
no fsync had made last. `DASHCAM_CUTS` (default 2 for each layout of card) says at how many points.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashcam_cli.ledger import Ledger
from tests.cards import make_card
from tests.fake_cameras import BlackVueCamera, running
from tests.stages.work import kept_place

HOOK = Path(__file__).with_name("hook")
CUTS = int(os.environ.get("DASHCAM_CUTS", "2"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to know what is flushed"),
]


def points(count: int, seed: str) -> list[int]:
    """Where to cut: at some points spread over the whole, 0 = everywhere."""
    every = list(range(1, count + 1))
    return every if not 0 < CUTS < count else sorted(random.Random(seed).sample(every, CUTS))


class World:
    """A card, a kept place and a home below one folder; no server, so that tasks stay where they can be seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.card, self.nas, self.home = folder / "card", folder / "nas", folder / "home"
        self.log = folder / "steps.log"

    def run(self, *command: str, **cut: str) -> int:
        """Run a command; its exit code."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DASHCAM_")}
        env = clean | {
            "DASHCAM_HOME": str(self.home), "DASHCAM_SERVER": "http://127.0.0.1:9", "PYTHONPATH": str(HOOK),
            "CUT_BELOW": str(self.nas), "CUT_LOG": str(self.log), "DASHCAM_PULL__RETRY_SECONDS": "0",
        } | cut  # fmt: skip
        place = ["--place", f"indoor_nas={self.nas}"]
        done = subprocess.run(
            [sys.executable, "-m", "dashcam_cli.main", *command, *place],
            env=env, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode

    def steps(self) -> int:
        """How many changes were made."""
        return sum(not line.startswith(("cut", "lost")) for line in self.log.read_text().splitlines())

    def files(self, *, finished: bool = False) -> dict[str, bytes]:
        """What lies in the place; `finished`: only under final names."""
        found = {
            path.relative_to(self.nas).as_posix(): path.read_bytes()
            for path in self.nas.rglob("*")
            if path.is_file()
        }
        return {name: data for name, data in found.items() if not (finished and ".part" in name)}

    def tasks(self) -> list[str]:
        """What waits for the server, without order."""
        ledger = Ledger(self.home)
        try:
            return sorted(json.dumps(task, sort_keys=True) for _, task in ledger.waiting(1000))
        finally:
            ledger.close()

    def photo(self) -> dict[str, tuple[int, bytes]]:
        """The card, byte by byte with times."""
        return {
            path.relative_to(self.card).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
            for path in self.card.rglob("*")
            if path.is_file()
        }

    def again(self, folder: Path) -> World:
        """The same as it was made, elsewhere; the card is shared."""
        other = World(folder)
        other.card = self.card
        kept_place(other.nas, "indoor_nas")
        return other


def cut_everywhere(first: World, command: tuple[str, ...], code: int, seed: str) -> None:
    """Run to the end once, then cut at many points and run again: the same end each time."""
    before = first.photo()
    assert first.run(*command) == code
    wanted, tasks, steps = first.files(), first.tasks(), first.steps()
    assert tasks
    assert first.photo() == before
    for point in points(steps, seed):
        world = first.again(first.folder.with_name(f"{seed}-{point}"))
        power = {"CUT_POWER": str(point)} if point % 2 else {}
        assert world.run(*command, CUT_AT=str(point), **power) == -9, point
        assert first.photo() == before, point
        for name, data in world.files(finished=True).items():
            assert wanted[name] == data, (point, name)
        assert world.run(*command) == code
        assert world.files() == wanted, point
        assert world.tasks() == tasks, point
        shutil.rmtree(world.folder)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A place that is marked, and nothing else."""
    made = World(tmp_path / "first")
    kept_place(made.nas, "indoor_nas")
    return made


@pytest.mark.parametrize("kind", ["blackvue", "70mai", "tesla"])
def test_import(kind: str, world: World) -> None:
    """Clips with logs beside them, with a log for the whole card, with folders of their own."""
    make_card(kind, world.card, 1, junk=False)
    shutil.rmtree(world.card / "TeslaCam/EncryptedClips", ignore_errors=True)
    cut_everywhere(world, ("import", str(world.card), "--verify"), 3, kind)


@pytest.fixture
def camera(world: World) -> Iterator[BlackVueCamera]:
    """A camera with a clip that takes several flushes."""
    clip, *_ = make_card("blackvue", world.card, 1, junk=False)
    filler = bytes(range(256)) * (9 << 12)
    clip.write_bytes(clip.read_bytes() + struct.pack(">I4s", len(filler) + 8, b"free") + filler)
    made = BlackVueCamera(world.card)
    with running(made):
        yield made


def test_pull(world: World, camera: BlackVueCamera) -> None:
    """A clip of 9 MiB, a small one, and their logs, from a camera that can go on in the middle."""
    cut_everywhere(world, ("pull", "blackvue", camera.address), 3, "pull")

"""The power goes in the middle of a backup or of its restoration: the home has one whole database at every moment.

Each is done once undisturbed and its steps (files opened, flushed, named, removed) are counted. Then it is done
again from the same start and killed (SIGKILL) before every other of them (each with `DASHCAM_CUTS=0`); at half of them the power goes too: bytes and
names that no fsync had made last are taken back.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from server.backup import examine, save
from server.opening import DATABASE, open_database
from server.sqlite import Database
from tests.faults.test_power_cuts import HOOK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to know what is flushed"),
]
#: Every step with `DASHCAM_CUTS=0`, else every fourth one.
EVERY = 1 if os.environ.get("DASHCAM_CUTS") == "0" else 4
#: Restored has this many clips, the former database that many.
SAVED, FORMER = 400, 7


def fill(home: Path, clips: int) -> None:
    """A home with so many clips and a picture."""
    database = open_database(home, home / "backups")
    rows = [(f"v{n}", 1, "x" * 300) for n in range(clips)]
    database.write(
        lambda c: c.executemany("INSERT INTO clip (video_id, created_at, filename) VALUES (?, ?, ?)", rows)
    ).result()
    database.close()


@pytest.fixture
def start(tmp_path):
    """A home that stopped hard (its journal is there), and a backup of another one."""
    fill(tmp_path / "other", SAVED)
    save(tmp_path / "other" / DATABASE, tmp_path / "saved.sqlite", None)
    home = tmp_path / "start"
    fill(home, FORMER - 1)
    database = Database(home / DATABASE)
    database.write(lambda c: c.execute("INSERT INTO clip (video_id, created_at) VALUES ('last', 1)")).result()
    stopped = tmp_path / "stopped"
    shutil.copytree(home, stopped)
    database.close()
    assert (stopped / f"{DATABASE}-wal").stat().st_size > 0
    return stopped


def cut(folder: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command on the home in a folder, perhaps killed before one of its steps."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("DASHCAM_")}
    env |= {"PYTHONPATH": str(HOOK), "CUT_BELOW": str(folder), "CUT_LOG": f"{folder}.log", **environ}
    return subprocess.run(
        [sys.executable, "-m", "dashcam_cli.main", *command, "--home", str(folder / "home")],
        env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def clips(home: Path) -> int:
    """How many clips the home's database has, opened as a server would; it must be whole."""
    database = open_database(home, home / "backups")
    try:
        assert database.read_now(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"
        return database.read_now(lambda c: c.execute("SELECT count(*) FROM clip").fetchone()[0])
    finally:
        database.close()


def counted(folder: Path) -> int:
    """The steps that were taken in a folder."""
    return len(Path(f"{folder}.log").read_text().splitlines()) if Path(f"{folder}.log").exists() else 0


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
def test_cut_restores_leave_the_old_or_the_new(start, tmp_path, tell, links):
    """Before each step: the home has the former database or the restored one, whole; the next try does it."""
    more = {} if links else {"CUT_NO_LINKS": "1"}
    whole = tmp_path / "whole"
    shutil.copytree(start, whole / "home")
    done = cut(whole, "restore", str(tmp_path / "saved.sqlite"), **more)
    assert done.returncode == 0, done.stderr
    steps = counted(whole)
    assert steps > 8
    seen = set()
    for number in range(steps, 0, -EVERY):
        folder = tmp_path / f"cut-{number}"
        shutil.copytree(start, folder / "home")
        power = {"CUT_POWER": str(number)} if (number // EVERY) % 2 else {}
        assert (
            cut(
                folder, "restore", str(tmp_path / "saved.sqlite"), CUT_AT=str(number), **power, **more
            ).returncode
            < 0
        )
        seen.add(found := clips(folder / "home"))
        assert found in (SAVED, FORMER)
        again = cut(folder, "restore", str(tmp_path / "saved.sqlite"), **more)
        assert again.returncode == 0, again.stderr
        assert clips(folder / "home") == SAVED
        former = [clips_of(each) for each in (folder / "home").glob("*before-restore*.sqlite")]
        assert FORMER in former, "the former database is gone"
        assert not list((folder / "home").glob("*.part"))
        shutil.rmtree(folder)
    tell(f"restore killed before {(steps + EVERY - 1) // EVERY} of its {steps} steps ({'hard links' if links else 'no hard links'}): "
         f"the home had {sorted(seen)} clips, never anything else, and the next try ended well")  # fmt: skip
    assert seen == {SAVED, FORMER}


def clips_of(path: Path) -> int:
    """How many clips a database that was set aside has."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        found = connection.execute("SELECT count(*) FROM clip").fetchone()[0]
    connection.close()
    return found


def test_cut_backups_are_not_there(start, tmp_path, tell):
    """Before each step: there is no backup of that name, or a whole one; the home is untouched."""
    whole = tmp_path / "whole"
    shutil.copytree(start, whole / "home")
    assert cut(whole, "backup", str(whole / "b.sqlite")).returncode == 0
    steps = counted(whole)
    assert steps > 3
    there = 0
    for number in range(steps, 0, -EVERY):
        folder = tmp_path / f"cut-{number}"
        shutil.copytree(start, folder / "home")
        power = {"CUT_POWER": str(number)} if (number // EVERY) % 2 else {}
        assert cut(folder, "backup", str(folder / "b.sqlite"), CUT_AT=str(number), **power).returncode < 0
        if (folder / "b.sqlite").exists():
            assert examine(folder / "b.sqlite").clips == FORMER
            there += 1
        else:
            assert cut(folder, "backup", str(folder / "b.sqlite")).returncode == 0
        assert clips(folder / "home") == FORMER
        assert not list(folder.glob("*.part")) or (folder / "b.sqlite").exists()
        shutil.rmtree(folder)
    tell(
        f"backup killed before {(steps + EVERY - 1) // EVERY} of its {steps} steps: {there} times it was there and whole, else not at all"
    )

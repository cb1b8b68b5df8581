"""`dashcam watch`, as a process beside others that write, rename, unmount and switch off."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from dashcam_cli import platform
from tests.cards import START, clip_bytes, make_card
from tests.house import House, Running, wait_for

QUICK = {
    "DASHCAM_WATCH__POLL_SECONDS": "0.1",
    "DASHCAM_WATCH__STABLE_SECONDS": "0.4",
    "DASHCAM_WATCH__DAMAGED_MINUTES": "0.05",
}


class Watched:
    """A host whose NAS gets clips from somewhere."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.nas = house.folder / "nas"
        self.sync = self.nas / "sync"
        self.sync.mkdir(parents=True)
        self.place = ("--place", f"indoor_nas={self.nas}")

    def start(self, *folders: Path, **environ: str) -> Running:
        """A watch over folders, the synced one if none is named."""
        return self.house.start(
            "pc", "watch", *map(str, folders or (self.sync,)), *self.place, **(QUICK | environ)
        )

    def once(self, *folders: Path, **environ: str):
        """`--once`, to its end."""
        named = map(str, folders or (self.sync,))
        return self.house.command("pc", "watch", "--once", *named, *self.place, **(QUICK | environ))

    def put(self, name: str, seed: str = "") -> Path:
        """A whole clip in the synced folder, by copying and renaming as sync tools do."""
        path = self.sync / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".syncthing.{name}.tmp")
        part.write_bytes(clip_bytes(path.suffix, START, seed or name))
        part.rename(path)
        return path

    def handed(self) -> list[str]:
        """The clips whose tasks the server has."""
        tasks = self.house.get("/tasks?task_type=INGEST_VIDEO&limit=1000")
        return sorted(task["metadata"]["filename"] for task in tasks)


@pytest.fixture
def watched(house: House) -> Watched:
    """With a server."""
    house.server()
    return Watched(house)


def test_clips_are_handed_in_where_they_lie(watched: Watched) -> None:
    """A clip that appears in a kept place gets its task, once, and is not moved; a restart changes nothing."""
    watched.put("2024_0601_162734_000001F.MP4")
    watch = watched.start()
    wait_for(lambda: len(watched.handed()) == 1, watch)
    watched.put("RO/2024_0601_162834_000002F.MP4".replace("/", "_"))
    wait_for(lambda: len(watched.handed()) == 2, watch)
    assert watch.stop(signal.SIGTERM) == 0
    assert len(list(watched.sync.iterdir())) == 2
    task = watched.house.get("/tasks?task_type=INGEST_VIDEO")[0]
    assert task["inputs"][0] == {
        "device": "indoor_nas",
        "path": "/sync/2024_0601_162734_000001F.MP4",
        "type": "video",
    }
    again = watched.once()
    assert again.returncode == 0
    assert "handed in" not in again.stderr
    assert len(watched.handed()) == 2


def test_file_that_is_still_written(watched: Watched) -> None:
    """A growing clip waits; a finished copy of it under another tool's name never counts."""
    data = clip_bytes(".MP4", START, "growing")
    path = watched.sync / "20240601_162734.MP4"
    watched.put("first.mp4")
    watch = watched.start()
    with path.open("wb") as file:
        for byte in range(0, len(data), 1000):
            file.write(data[byte : byte + 1000])
            file.flush()
            time.sleep(0.15)
            if byte < len(data) - 1000:
                assert watched.handed() in ([], ["first.mp4"])
    wait_for(lambda: path.name in watched.handed(), watch)
    for name in ("a.mp4.part", "~syncthing~b.mp4.tmp", ".syncthing.c.mp4.tmp", "d.mp4.crdownload"):
        (watched.sync / name).write_bytes(data)
    (watched.sync / "empty.mp4").touch()
    watched.put("last.mp4")
    wait_for(lambda: "last.mp4" in watched.handed(), watch)
    assert watched.handed() == [path.name, "first.mp4", "last.mp4"]
    assert "WARNING" not in watch.text()


def test_damaged_clip_is_said_once(watched: Watched) -> None:
    """A clip that stays without its index is reported once, kept, and not said again after a restart; a mended one goes in."""
    path = watched.sync / "broken.mp4"
    whole = clip_bytes(".mp4", START, "broken")
    path.write_bytes(whole[:9000])
    watch = watched.start()
    wait_for(lambda: "left alone until it changes" in watch.text(), watch)
    watched.put("other.mp4")
    wait_for(lambda: watched.handed() == ["other.mp4"], watch)
    assert watch.stop() == 0
    assert watch.text().count("left alone") == 1
    assert path.exists()
    again = watched.start()
    watched.put("third.mp4")
    wait_for(lambda: len(watched.handed()) == 2, again)
    assert "left alone" not in again.text()
    path.write_bytes(whole)
    wait_for(lambda: "broken.mp4" in watched.handed(), again)


def test_vanished_mount_is_no_deletion(watched: Watched) -> None:
    """The marker gone, the folder gone, the folder empty: said once each, and it goes on when all is back."""
    watched.put("a.mp4")
    watch = watched.start()
    wait_for(lambda: watched.handed() == ["a.mp4"], watch)
    hidden = watched.nas.with_name("unmounted")
    for number, (vanish, returns) in enumerate(
        [
            (
                lambda: (watched.nas / ".dashcam-place").rename(hidden),
                lambda: hidden.rename(watched.nas / ".dashcam-place"),
            ),
            (lambda: watched.sync.rename(hidden), lambda: hidden.rename(watched.sync)),
            (
                lambda: shutil.copytree(watched.sync, hidden) and _empty(watched.sync),
                lambda: _fill(hidden, watched.sync),
            ),
        ],
        1,
    ):
        vanish()
        wait_for(lambda n=number: watch.text().count("nothing is forgotten") == n, watch)
        returns()
        wait_for(lambda n=number: watch.text().count("is there again") == n, watch)
    watched.put("b.mp4")
    wait_for(lambda: watched.handed() == ["a.mp4", "b.mp4"], watch)
    assert watch.text().count("nothing is forgotten") == 3
    assert watch.stop() == 0


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _fill(source: Path, folder: Path) -> None:
    for path in source.iterdir():
        shutil.copy2(path, folder)
    shutil.rmtree(source)


def test_server_that_is_away(house: House) -> None:
    """Nothing is lost while no server answers: said once, handed in when it comes, over a restart too."""
    watched = Watched(house)
    watched.put("a.mp4")
    watch = watched.start()
    wait_for(lambda: "no server answers" in watch.text(), watch)
    watched.put("b.mp4")
    assert watch.stop() == 0
    assert watch.text().count("no server answers") == 1
    shown = watched.once()
    assert shown.returncode == 3
    house.server()
    assert watched.once().returncode == 0
    assert watched.handed() == ["a.mp4", "b.mp4"]


def test_server_that_comes_back(watched: Watched) -> None:
    """A watch that ran through a server's restart hands in what came meanwhile, and says both."""
    watched.put("a.mp4")
    watch = watched.start()
    wait_for(lambda: watched.handed() == ["a.mp4"], watch)
    server = watched.house.running[0]
    port = watched.house.url.rsplit(":", 1)[1]
    server.kill()
    watched.put("b.mp4")
    wait_for(lambda: "no server answers" in watch.text(), watch)
    back = watched.house.start("server", "server", "--port", port)
    wait_for(lambda: "answers again" in watch.text(), back)
    wait_for(lambda: watched.handed() == ["a.mp4", "b.mp4"], watch)
    assert watch.text().count("no server answers") == 1


def test_card_that_is_put_in(watched: Watched) -> None:
    """A card's mount point may be empty or missing; what is new on the card is copied, and the card not touched."""
    slot = watched.house.folder / "slot"
    watch = watched.start(slot)
    wait_for(lambda: "waiting for it" in watch.text(), watch)
    clips = make_card("70mai", slot, 2)
    before = {path: path.stat().st_mtime_ns for path in [slot, *slot.rglob("*")]}
    wait_for(lambda: len(watched.handed()) == len(clips), watch)
    assert {path: path.stat().st_mtime_ns for path in [slot, *slot.rglob("*")]} == before
    kept = {path.name: path.read_bytes() for path in (watched.nas / "videos/raw").glob("*.MP4")}
    assert kept == {clip.name: clip.read_bytes() for clip in clips}
    shutil.rmtree(slot)
    wait_for(lambda: watch.text().count("waiting for it") == 2, watch)
    make_card("70mai", slot, 3)
    wait_for(lambda: len(watched.handed()) == len(clips) + 4, watch)
    assert watch.stop() == 0


def test_killed_at_any_time(watched: Watched) -> None:
    """kill -9 again and again: at the end each clip was handed in once."""
    names = [f"2024_0601_1627{number:02d}_{number:06d}F.MP4" for number in range(20)]
    for number, name in enumerate(names):
        watched.put(name)
        if number % 4 == 0:
            watch = watched.start()
            time.sleep(0.5 + number * 0.05)
            watch.kill()
    shown = watched.once()
    assert shown.returncode == 0, shown.stderr
    assert watched.handed() == names


def test_living_beside_a_sync_tool(watched: Watched) -> None:
    """While files come, are renamed, moved to another folder and deleted, every clip that stays is handed in once."""
    watch = watched.start()
    stays = []
    for number in range(12):
        path = watched.put(f"clip{number:02d}.mp4")
        if number % 3 == 1:
            path.unlink()
        elif number % 3 == 2:
            (watched.sync / "RO").mkdir(exist_ok=True)
            stays.append(path.rename(watched.sync / "RO" / path.name).name)
        else:
            stays.append(path.name)
        time.sleep(0.05)
    wait_for(lambda: set(stays) <= set(watched.handed()), watch)
    handed = watched.handed()
    assert len(handed) == len(set(handed))
    assert "Traceback" not in watch.text()
    assert watch.stop() == 0


def test_folder_of_nobody(watched: Watched) -> None:
    """A folder in no place that is no card is refused with what to do, and a folder is watched by one at a time."""
    other = watched.house.folder / "other"
    other.mkdir()
    (other / "a.mp4").write_bytes(b"x")
    shown = watched.once(other)
    assert shown.returncode == 2
    assert "dashcam place add" in shown.stderr
    watch = watched.start()
    wait_for(lambda: "watching" in watch.text(), watch)
    shown = watched.once()
    assert shown.returncode == 2
    assert "another dashcam works on" in shown.stderr


def test_once_says_how_it_went(watched: Watched) -> None:
    """For cron: 0 when all is well, 1 when something is damaged or the place is away."""
    assert watched.once().returncode == 0
    watched.put("a.mp4")
    old = watched.sync / "old.mp4"
    old.write_bytes(clip_bytes(".mp4", START, "old")[:9000])
    os.utime(old, (1e9, 1e9))
    shown = watched.once()
    assert shown.returncode == 1
    assert watched.handed() == ["a.mp4"]
    assert watched.once().returncode == 0
    (watched.nas / ".dashcam-place").unlink()
    shown = watched.once()
    assert shown.returncode == 1
    assert "no marker" in shown.stderr


def test_lines_for_systemd(watched: Watched) -> None:
    """Under systemd each line has its priority and no time; elsewhere the time."""
    watched.put("a.mp4")
    shown = watched.once(JOURNAL_STREAM="8:1234")
    assert shown.stdout == ""
    lines = shown.stderr.splitlines()
    assert lines
    assert all(line.startswith(("<6>", "<4>")) for line in lines)
    watched.put("b.mp4")
    assert all(line[:2] == "20" for line in watched.once().stderr.splitlines())


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nas rw - nfs4 nas:/share rw
31 22 0:41 / /mnt/with\\040space rw - cifs //nas/share rw
32 22 8:17 / /media/card ro - exfat /dev/sdb1 ro
33 30 8:18 / /mnt/nas/local rw - ext4 /dev/sdc1 rw
rubbish
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/mnt/nas/videos", True),
        ("/mnt/with space/x", True),
        ("/media/card/DCIM", False),
        ("/mnt/nas/local/x", False),
        ("/mnt/nasty", False),
        ("/home", False),
    ],
)
def test_network_mounts_are_told_apart(tmp_path: Path, path: str, expected: bool) -> None:
    """The deepest mount above a folder decides, and names with blanks are read."""
    (tmp_path / "mounts").write_text(MOUNTS)
    assert platform.on_network(Path(path), tmp_path / "mounts") is expected
    assert not platform.on_network(Path(path), tmp_path / "none")

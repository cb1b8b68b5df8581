"""Ingest: from a card, a kept place or a bare name to a clip that is safe and described."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stages.errors import (
    Cancelled,
    ClipDamaged,
    InputGone,
    PlaceAbsent,
    PlaceFull,
    SettingsError,
    StageFailed,
)
from stages.files import HostPlaces, Place, hash_file
from stages.footage.identity import identify
from stages.ingest import IngestStage
from stages.settings import CameraSettings, IngestSettings
from stages.sighting import ClipFacts, Route
from stages.stage import Result
from stages.task import FileRef, Task, TaskType
from tests.stages.clips import block_t3, make_clip, novatek
from tests.stages.work import TestWork, kept_place

START = datetime(2024, 1, 15, 11, 34, 56)  # noqa: DTZ001
NAME = "2024_0115_123456_000001F.MP4"
OLD = datetime(2024, 1, 15, 12, 35, 56, tzinfo=UTC).timestamp()


class Clock:
    """Time that passes only by sleeping; `on_sleep` runs at each sleep."""

    def __init__(self, now: float, on_sleep: Callable[[float], None] = lambda _: None) -> None:
        self.now = now
        self.slept = 0.0
        self._on_sleep = on_sleep

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds
        self._on_sleep(self.slept)


def _age(path: Path, when: float = OLD) -> Path:
    os.utime(path, (when, when))
    return path


def _work(tmp_path: Path, *names: str, settings: IngestSettings | None = None, **more: Any) -> TestWork:
    """A card and the kept places `names` (`indoor_nas` when none is given)."""
    card = tmp_path / "card"
    (card / "DCIM/Movie").mkdir(parents=True, exist_ok=True)
    places = {"dashcam": Place(name="dashcam", root=str(card), removable=True)}
    for name in names or ("indoor_nas",):
        places[name] = kept_place(tmp_path / name, name)
    return TestWork(
        settings or IngestSettings(time_zone="Europe/Madrid"), places, tmp_path / "scratch", **more
    )


def _task(path: str | None = f"/DCIM/Movie/{NAME}", device: str = "dashcam", **more: Any) -> Task:
    inputs = [FileRef(device=device, path=path)] if path else []
    return Task(task_id=7, lease=3, task_type=TaskType.INGEST_VIDEO, inputs=inputs, **more)


def _clip(tmp_path: Path, below: str = f"card/DCIM/Movie/{NAME}", **more: Any) -> Path:
    return _age(make_clip(tmp_path / below, **more))


def _run(task: Task, work: TestWork, clock: Clock | None = None) -> Result:
    clock = clock or Clock(OLD + 1000)
    return IngestStage(clock=clock, sleep=clock.sleep).run(task, work)


def _tree(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file() and p.name[0] != ".")


def test_clip_from_a_card_is_copied_once_and_described(tmp_path: Path) -> None:
    """The copy is equal, keeps its time, and the result says what the clip is and what follows."""
    source = _clip(tmp_path)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "card").rglob("*")}
    work = _work(
        tmp_path, settings=IngestSettings(time_zone="Europe/Madrid", next_needs={"has_coral_tpu": True})
    )
    result = _run(_task(video_id="trip_1", metadata={"priority": "high"}), work)

    raw = FileRef(device="indoor_nas", path=f"/videos/raw/{NAME}", type="video")
    copy = work.places.existing(raw)
    assert result.outputs == [raw]
    assert copy.read_bytes() == source.read_bytes()
    assert copy.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert _tree(tmp_path / "indoor_nas") == [f"videos/raw/{NAME}"]
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "card").rglob("*")} == before

    metadata = result.metadata
    assert metadata["blake2"] == hash_file(source)
    assert (metadata["filename"], metadata["frame_count"], metadata["source"]) == (NAME, 10, "dashcam")
    assert (metadata["duration_seconds"], metadata["channel"]) == (pytest.approx(1.0), "front")
    assert metadata["fingerprint"] == identify(source).fingerprint
    (follow,) = result.new_tasks
    assert (follow.task_type, follow.video_id, follow.inputs) == (TaskType.PREPROCESS_VIDEO, "trip_1", [raw])
    assert follow.metadata == {
        "priority": "high", "filename": NAME, "blake2": metadata["blake2"], "channel": "front",
        "camera": "viofo@dashcam", "mode": "normal", "time_zone": "Europe/Madrid",
    }  # fmt: skip
    assert follow.device_capabilities_required == {"has_coral_tpu": True}
    facts, route = result.results
    assert isinstance(facts, ClipFacts)
    assert (facts.start_local, facts.start_utc) == ("2024-01-15T12:34:56", "2024-01-15T11:34:56Z")
    assert (facts.utc_offset_seconds, facts.time_source) == (3600, "name+time_zone")
    assert (facts.total_frames, facts.width, facts.height, facts.family) == (10, 64, 48, "viofo")
    assert facts.warnings is None
    assert isinstance(route, Route)
    assert (work.notes[-1][0] >= 0.9, msgspec.json.decode(msgspec.json.encode(result), type=Result)) == (
        True,
        result,
    )


def test_id_is_that_of_submit(tmp_path: Path) -> None:
    """Without a `video_id` the clip gets the one that `identify` gives on any host."""
    source = _clip(tmp_path)
    result = _run(_task(), _work(tmp_path))
    assert result.new_tasks[0].video_id == identify(source, relative=f"DCIM/Movie/{NAME}").video_id
    assert result.metadata["video_id"] == result.new_tasks[0].video_id


def test_clip_in_a_kept_place_stays_where_it_lies(tmp_path: Path) -> None:
    """A clip on the NAS is registered, not copied."""
    source = _clip(tmp_path, f"indoor_nas/sync/RO/{NAME}")
    result = _run(_task(f"/sync/RO/{NAME}", "indoor_nas"), _work(tmp_path))
    assert result.outputs == [FileRef(device="indoor_nas", path=f"/sync/RO/{NAME}", type="video")]
    assert _tree(tmp_path / "indoor_nas") == [f"sync/RO/{NAME}"]
    assert result.metadata["blake2"] == hash_file(source)
    facts = result.results[0]
    assert isinstance(facts, ClipFacts)
    assert facts.locked


def test_route_comes_with_the_clip(tmp_path: Path) -> None:
    """A log beside the clip is copied with it and gives the route."""
    clip = _clip(tmp_path, frames=30)
    lines = [
        f"$GPRMC,{START + timedelta(seconds=i):%H%M%S},A,4000.{i:03d},N,00330.0,W,9,0,150124,,*0"
        for i in range(3)
    ]
    clip.with_suffix(".nmea").write_text("\n".join(lines))
    result = _run(_task(), _work(tmp_path))
    route = result.results[1]
    assert isinstance(route, Route)
    assert (len(route.points), route.dialect) == (3, "NMEA beside the clip")
    assert _tree(tmp_path / "indoor_nas") == [f"videos/raw/{NAME}", f"videos/raw/{Path(NAME).stem}.nmea"]


def test_same_content_is_used_again(tmp_path: Path) -> None:
    """Ingesting a clip a second time makes no second file and gives the same result."""
    _clip(tmp_path)
    work = _work(tmp_path)
    first = _run(_task(), work)
    copy = work.places.existing(first.outputs[0])
    inode = copy.stat().st_ino
    assert _run(_task(), work) == first
    assert copy.stat().st_ino == inode
    assert _tree(tmp_path / "indoor_nas") == [f"videos/raw/{NAME}"]


def test_clash_of_names(tmp_path: Path) -> None:
    """Other clips of the same name are never overwritten: the date makes room, then the content."""
    work = _work(tmp_path)
    paths = []
    for seed in range(3):
        _clip(tmp_path, seed=seed)
        paths.append(_run(_task(), work).outputs[0].path)
    fingerprint = identify(tmp_path / "card/DCIM/Movie" / NAME).fingerprint
    assert paths == [
        f"/videos/raw/{NAME}",
        f"/videos/raw/2024-01-15/{NAME}",
        f"/videos/raw/2024-01-15/{Path(NAME).stem}-{fingerprint[:8]}.MP4",
    ]
    assert len({hash_file(p) for p in (tmp_path / "indoor_nas").rglob("*.MP4")}) == 3


def test_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hard links are not supported the name is claimed otherwise, and nothing is overwritten."""

    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    work = _work(tmp_path)
    _clip(tmp_path, seed=1)
    first = _run(_task(), work).outputs[0].path
    _clip(tmp_path, seed=2)
    second = _run(_task(), work).outputs[0].path
    assert (first, second) == (f"/videos/raw/{NAME}", f"/videos/raw/2024-01-15/{NAME}")
    assert not [name for name in _tree(tmp_path / "indoor_nas") if name.endswith(".part")]


def test_left_over_part_of_an_earlier_lease_is_removed(tmp_path: Path) -> None:
    """What a killed worker left of this task is cleared away; other tasks' parts are not touched."""
    _clip(tmp_path)
    raw = tmp_path / "indoor_nas/videos/raw"
    raw.mkdir(parents=True)
    (raw / f"{NAME}.7-2.part").write_bytes(b"half")
    (raw / f"{NAME}.71-2.part").write_bytes(b"another task")
    _run(_task(), _work(tmp_path))
    assert _tree(raw) == [NAME, f"{NAME}.71-2.part"]


def test_cancelled_copy_leaves_nothing(tmp_path: Path) -> None:
    """A task taken back while it copies leaves no part and no clip."""
    _clip(tmp_path)
    work = _work(tmp_path, cancel_after=1)
    with pytest.raises(Cancelled):
        _run(_task(), work)
    assert _tree(tmp_path / "indoor_nas") == []


def test_full_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place without room is waited for, and how much is missing is said."""
    _clip(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 0, 100))  # type: ignore[attr-defined]
    with pytest.raises(PlaceFull, match="missing"):
        _run(_task(), _work(tmp_path))


@pytest.mark.parametrize(
    ("places", "setting", "goes_to"),
    [
        (("a_disk", "indoor_nas"), "", "indoor_nas"),
        (("a_disk", "b_disk"), "", "a_disk"),
        (("indoor_nas", "b_disk"), "b_disk", "b_disk"),
    ],
)
def test_where_clips_go(tmp_path: Path, places: tuple[str, ...], setting: str, goes_to: str) -> None:
    """The set place, else the indoor NAS, else the first kept place."""
    _clip(tmp_path)
    work = _work(tmp_path, *places, settings=IngestSettings(place=setting))
    assert _run(_task(), work).outputs[0].device == goes_to


def test_nowhere_to_keep_clips(tmp_path: Path) -> None:
    """Without a kept place the task waits and says how to make one; a card is no place to keep clips."""
    _clip(tmp_path)
    work = _work(tmp_path)
    (tmp_path / "indoor_nas/.dashcam-place").unlink()
    with pytest.raises(PlaceAbsent, match="dashcam place add"):
        _run(_task(), work)
    with pytest.raises(SettingsError, match="removable"):
        _run(_task(), _work(tmp_path, settings=IngestSettings(place="dashcam")))


def test_waits_until_a_fresh_file_is_quiet(tmp_path: Path) -> None:
    """A file that was just written is watched until it has rested; one from long ago is taken at once."""
    clip = _clip(tmp_path)
    clock = Clock(OLD + 0.5)
    work = _work(tmp_path)
    _run(_task(), work, clock)
    assert 1.0 <= clock.slept <= 2.0
    assert "waiting" in work.notes[0][1]
    later = Clock(OLD + 10)
    _run(_task(), work, later)
    assert later.slept == 0
    _age(clip, OLD + 9999)  # a camera whose clock is ahead
    ahead = Clock(OLD + 10)
    _run(_task(), work, ahead)
    assert 2.0 <= ahead.slept <= 3.0


def test_waits_for_a_file_that_grows(tmp_path: Path) -> None:
    """A clip that is still being copied is taken when it is whole."""
    clip = _clip(tmp_path)
    data = clip.read_bytes()
    clip.write_bytes(data[:5000])
    clock = Clock(OLD)

    def grow(slept: float) -> None:
        if slept in (4.0, 8.0):
            clip.write_bytes(data[:9000] if slept == 4.0 else data)
        if slept <= 8.0:
            _age(clip, OLD + (4.0 if slept >= 4.0 else 0.0) + (4.0 if slept >= 8.0 else 0.0))

    _age(clip)
    clock._on_sleep = grow
    result = _run(_task(), _work(tmp_path), clock)
    assert clock.slept == 10.0
    assert result.metadata["blake2"] == hash_file(clip)
    assert result.metadata["frame_count"] == 10


def test_file_that_never_rests_goes_back(tmp_path: Path) -> None:
    """A file that keeps growing is given back to the queue after a while."""
    clip = _clip(tmp_path)
    clock = Clock(OLD)
    clock._on_sleep = lambda slept: _age(clip, OLD + slept) and None
    with pytest.raises(StageFailed, match="still being written") as caught:
        _run(_task(), _work(tmp_path), clock)
    assert caught.value.retry


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"a text\n" * 100, "no video"),
        (novatek([block_t3(START, None)]), "decode"),
    ],
)
def test_what_is_no_clip(tmp_path: Path, data: bytes, says: str) -> None:
    """Empty files, texts and containers without pictures are refused with the reason, without a retry."""
    clip = _clip(tmp_path)
    clip.write_bytes(data)
    _age(clip)
    with pytest.raises(ClipDamaged, match=says) as caught:
        _run(_task(), _work(tmp_path))
    assert not caught.value.retry
    assert "\n" not in str(caught.value)
    assert _tree(tmp_path / "indoor_nas") == []


def test_truncated_clip_without_index(tmp_path: Path) -> None:
    """A clip that lost its end with the index is damaged: the missing bytes are named, and it is kept."""
    clip = _clip(tmp_path)
    data = clip.read_bytes()
    clip.write_bytes(data[:9000])
    _age(clip)
    with pytest.raises(ClipDamaged, match=r"truncated by \d+ bytes.*moov.*kept as indoor_nas:/videos/raw"):
        _run(_task(), _work(tmp_path))
    assert (tmp_path / "indoor_nas" / "videos" / "raw" / clip.name).read_bytes() == data[:9000]


@pytest.mark.parametrize("kind", ["fragmented", "index_first"])
def test_truncated_clip_that_can_be_read(tmp_path: Path, kind: str) -> None:
    """A clip whose frames can be read up to the break is kept, with a warning and what is really there."""
    clip = _clip(tmp_path, frames=40, **{kind: True})
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 2 // 3])
    _age(clip)
    result = _run(_task(), _work(tmp_path))
    assert "truncated" in result.metadata["warnings"][0]
    assert 5 <= result.metadata["frame_count"] < 40
    assert result.metadata["duration_seconds"] < 4.0


def test_input_that_is_gone(tmp_path: Path) -> None:
    """The place is there and the file is not: that is said at once."""
    with pytest.raises(InputGone):
        _run(_task(), _work(tmp_path))


def test_card_that_is_out(tmp_path: Path) -> None:
    """An absent card is waited for."""
    work = _work(tmp_path)
    shutil.rmtree(tmp_path / "card")
    with pytest.raises(PlaceAbsent, match="dashcam"):
        _run(_task(), work)


def test_folder_is_no_clip(tmp_path: Path) -> None:
    """A folder as input is refused."""
    with pytest.raises(StageFailed, match="folder"):
        _run(_task("/DCIM/Movie/"), _work(tmp_path))


@pytest.mark.parametrize(
    "task",
    [
        {"metadata": {"filename": NAME, "source": "dashcam"}, "video_id": "trip_1"},
        {"metadata": {"filename": NAME.lower(), "source": "dashcam-1"}, "video_id": "trip_1"},
        {"metadata": {"filename": f"DCIM/Movie/{NAME}"}},
        {"video_id": NAME},
        {"video_id": Path(NAME).stem},
        {"video_id": "000001F"},
    ],
)
def test_clip_is_found_by_name(tmp_path: Path, task: dict[str, Any]) -> None:
    """Without inputs the clip is sought by file name, or by what the id says."""
    _clip(tmp_path)
    _clip(tmp_path, "card/DCIM/Movie/2024_0115_123556_000002F.MP4", seed=1)
    result = _run(_task(None, **task), _work(tmp_path))
    assert result.metadata["filename"] == NAME
    assert result.new_tasks[0].video_id == task.get("video_id", result.metadata["video_id"])


def test_clip_is_found_by_our_own_id(tmp_path: Path) -> None:
    """The id that we give leads back to the clip."""
    wanted = identify(_clip(tmp_path)).video_id
    _clip(tmp_path, "card/DCIM/Movie/2024_0115_123456_000002R.MP4", seed=1)
    assert _run(_task(None, video_id=wanted), _work(tmp_path)).metadata["filename"] == NAME


def test_the_named_source_comes_first(tmp_path: Path) -> None:
    """Where several places have the name, the source decides."""
    _clip(tmp_path, seed=1)
    on_nas = _clip(tmp_path, f"indoor_nas/{NAME}", seed=2)
    metadata = {"filename": NAME, "source": "indoor_nas"}
    assert _run(_task(None, metadata=metadata), _work(tmp_path)).metadata["blake2"] == hash_file(on_nas)


def test_clip_that_is_nowhere(tmp_path: Path) -> None:
    """A clip that is not found fails, naming the places searched."""
    (tmp_path / "card/DCIM").mkdir(parents=True)
    with pytest.raises(StageFailed, match=r"'x\.MP4'.*dashcam, indoor_nas") as caught:
        _run(_task(None, video_id="trip_1", metadata={"filename": "x.MP4"}), _work(tmp_path))
    assert not caught.value.retry
    with pytest.raises(StageFailed, match="trip_1"):
        _run(_task(None, video_id="trip_1"), _work(tmp_path))
    with pytest.raises(StageFailed, match="names no clip"):
        _run(_task(None), _work(tmp_path))


def test_source_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    """A source that this host knows and that is absent now: the clip is not lost."""
    work = _work(tmp_path)
    shutil.rmtree(tmp_path / "card")
    with pytest.raises(PlaceAbsent):
        _run(_task(None, metadata={"filename": NAME, "source": "dashcam"}), work)


def test_ambiguous_names_are_refused(tmp_path: Path) -> None:
    """Two different clips with an equal claim: nobody guesses. Two copies of one are fine."""
    _clip(tmp_path, seed=1)
    _clip(tmp_path, f"card/DCIM/Movie/RO/{NAME}", seed=2)
    with pytest.raises(StageFailed, match="several different files"):
        _run(_task(None, metadata={"filename": NAME}), _work(tmp_path))
    _clip(tmp_path, f"card/DCIM/Movie/RO/{NAME}", seed=1)
    _run(_task(None, metadata={"filename": NAME}), _work(tmp_path))


def test_id_is_matched_as_a_word(tmp_path: Path) -> None:
    """`trip_1` does not find `trip_12`."""
    _clip(tmp_path, "card/DCIM/trip_12.mp4")
    with pytest.raises(StageFailed, match="trip_1"):
        _run(_task(None, video_id="trip_1"), _work(tmp_path))


def test_links_out_of_the_place_are_not_followed(tmp_path: Path) -> None:
    """A name that leads out of the place is not searched."""
    outside = _clip(tmp_path, f"elsewhere/{NAME}")
    work = _work(tmp_path)
    (tmp_path / "card/DCIM/link").symlink_to(outside.parent)
    with pytest.raises(StageFailed, match="no file named"):
        _run(_task(None, metadata={"filename": NAME}), work)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "frames", "start"),
    [
        ("clips/spain-1741gwy.mp4", 259, "2020-10-23T12:18:41"),
        ("clips/street-426x240.mp4", 1384, "2021-09-08T11:39:47"),
        ("gps/dashcamigo/generic/20260511134011_073648A.TS", 150, "2026-05-11T13:40:11"),
    ],
)
def test_real_clips(shared: Path, tmp_path: Path, name: str, frames: int, start: str) -> None:
    """Real clips go through whole."""
    target = tmp_path / "card/DCIM/Movie" / Path(name).name
    target.parent.mkdir(parents=True)
    shutil.copy(shared / name, target)
    _age(target)
    result = _run(_task(f"/DCIM/Movie/{target.name}"), _work(tmp_path))
    facts = result.results[0]
    assert isinstance(facts, ClipFacts)
    assert (facts.total_frames, facts.start_local) == (frames, start)
    assert (
        hash_file(tmp_path / "indoor_nas/videos/raw" / target.name)
        == facts.blake2
        == hash_file(shared / name)
    )


def test_two_workers_at_once(tmp_path: Path) -> None:
    """Clips of one name from several cards at the same time: each is kept whole, and equal ones once."""
    works = []
    for number, seed in enumerate((1, 2, 1, 2)):
        _clip(tmp_path, f"card{number}/DCIM/{NAME}", seed=seed)
        work = _work(tmp_path)
        card = Place(name="dashcam", root=str(tmp_path / f"card{number}"), removable=True)
        nas = Place(name="indoor_nas", root=str(tmp_path / "indoor_nas"))
        work.places = HostPlaces({"dashcam": card, "indoor_nas": nas})
        works.append(work)

    def ingest(number: int) -> tuple[str, str]:
        task = msgspec.structs.replace(_task(f"/DCIM/{NAME}"), task_id=number)
        result = _run(task, works[number])
        return result.outputs[0].path, result.metadata["blake2"]

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(ingest, range(4)))
    assert kept[0] == kept[2]
    assert kept[1] == kept[3]
    assert kept[0] != kept[1]
    assert len(_tree(tmp_path / "indoor_nas")) == 2
    assert all(hash_file(tmp_path / "indoor_nas" / path.lstrip("/")) == blake2 for path, blake2 in kept)


class PulledCard(TestWork):
    """The card is gone at the first byte that was read."""

    def __init__(self, work: TestWork, card: Path) -> None:
        super().__init__(work.settings, {}, work.scratch)
        self.places = work.places
        self._card = card

    def progress(self, fraction: float, note: str = "") -> None:
        """Pull the card as soon as the copy begins."""
        super().progress(fraction, note)
        if note == "reading" and self._card.exists():
            shutil.rmtree(self._card)


def test_card_pulled_while_copying(tmp_path: Path) -> None:
    """A card that goes away in the middle is waited for; nothing half is left."""
    _clip(tmp_path)
    with pytest.raises(PlaceAbsent, match="dashcam"):
        _run(_task(), PulledCard(_work(tmp_path), tmp_path / "card"))
    assert _tree(tmp_path / "indoor_nas") == []


def test_imports_without_video_libraries() -> None:
    """A base install can import ingest and give a clip its id: nothing heavy is loaded."""
    code = (
        "import pathlib, sys\n"
        "for name in ('av', 'numpy', 'cv2', 'onnxruntime'): sys.modules[name] = None\n"
        "import stages.ingest, stages.footage.identity, stages.footage.clip\n"
        "print(stages.footage.identity.identify(pathlib.Path(sys.argv[1])).video_id)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, __file__], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("undated-X-"), done.stderr


def test_host_without_video_library_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a base install ingest fails with the name of the extra to install."""
    _clip(tmp_path)
    monkeypatch.delitem(sys.modules, "stages.video.probe", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(StageFailed, match=r"dashcam-processor\[cpu\]"):
        _run(_task(), _work(tmp_path))


# -- whose clip, and its clock -----------------------------------------------------------------------


def _facts(result: Result) -> ClipFacts:
    facts = result.results[0]
    assert isinstance(facts, ClipFacts)
    return facts


def _log(clip: Path, ahead: timedelta) -> None:
    """A GPS log beside a clip whose name is so far ahead of UTC."""
    start = datetime.strptime(clip.name[:16], "%Y_%m%d_%H%M%S") - ahead  # noqa: DTZ007
    lines = [
        f"$GPRMC,{start + timedelta(seconds=i):%H%M%S},A,4000.{i:03d},N,00330.0,W,9,0,{start:%d%m%y},,*0"
        for i in range(3)
    ]
    clip.with_suffix(".nmea").write_text("\n".join(lines))


def test_a_parking_clip_gets_the_offset_of_the_drives(tmp_path: Path) -> None:
    """Without GPS in a garage: the camera's other clips on the card tell the zone, and later stages are told."""
    for n in range(3):
        _log(
            _clip(tmp_path, f"card/DCIM/Movie/2024_0115_1230{n}0_00000{n}F.MP4", seed=n), timedelta(hours=-5)
        )
    _clip(tmp_path, f"card/DCIM/Movie/Parking/{NAME}", seed=9)
    work = _work(tmp_path, settings=IngestSettings(time_zone="Europe/Madrid"))
    result = _run(_task(f"/DCIM/Movie/Parking/{NAME}"), work)
    facts = _facts(result)
    assert (facts.time_source, facts.utc_offset_seconds, facts.time_doubt) == ("camera_offset", -18_000, None)
    assert (facts.start_local, facts.start_utc) == ("2024-01-15T12:34:56", "2024-01-15T17:34:56Z")
    assert (facts.camera, facts.sequence) == ("viofo@dashcam", 1)
    assert result.new_tasks[0].metadata["time_zone"] == "-05:00"
    assert any("clips beside it" in note for _, note in work.notes)


def test_one_stage_remembers_what_it_read(tmp_path: Path) -> None:
    """The second clip of a card asks no clip again that the first one asked."""
    for n in range(3):
        _log(_clip(tmp_path, f"card/DCIM/Movie/2024_0115_1230{n}0_00000{n}F.MP4", seed=n), timedelta(hours=1))
    _clip(tmp_path, seed=8)
    _clip(tmp_path, f"card/DCIM/Movie/{NAME.replace('F', 'R')}", seed=9)
    work, clock = _work(tmp_path), Clock(OLD + 1000)
    stage = IngestStage(clock=clock, sleep=clock.sleep)
    counts = []
    for name in (NAME, NAME.replace("F", "R")):
        stage.run(_task(f"/DCIM/Movie/{name}"), work)
        counts.append(sum("clips beside it" in note for _, note in work.notes))
    assert counts[0] == 4
    assert counts[1] - counts[0] == 1  # the first clip, which was not asked for itself


def test_the_owners_camera(tmp_path: Path) -> None:
    """`[cameras.NAME]` names the camera and its zone; what was said with the clip comes first."""
    _clip(tmp_path)
    cameras = {"golf": CameraSettings(name="The Golf", place="dashcam", time_zone="Asia/Tokyo")}
    settings = IngestSettings(time_zone="Europe/Madrid", cameras=cameras)
    result = _run(_task(), _work(tmp_path, settings=settings))
    facts = _facts(result)
    assert (facts.camera, facts.camera_name, facts.utc_offset_seconds) == ("golf", "The Golf", 32_400)
    assert result.new_tasks[0].metadata["time_zone"] == "Asia/Tokyo"
    said = {"camera": "van", "time_zone": "UTC"}
    facts = _facts(_run(_task(metadata=said), _work(tmp_path, settings=settings)))
    assert (facts.camera, facts.camera_name, facts.utc_offset_seconds) == ("van", None, 0)


def test_a_zone_that_is_none(tmp_path: Path) -> None:
    """A wrong zone is said with the place where it was set."""
    _clip(tmp_path)
    with pytest.raises(SettingsError, match="the task's time_zone"):
        _run(_task(metadata={"time_zone": "Mars/Base"}), _work(tmp_path))
    cameras = {"golf": CameraSettings(family="viofo", time_zone="Mars/Base")}
    with pytest.raises(SettingsError, match=r"cameras\.golf\.time_zone"):
        _run(_task(), _work(tmp_path, settings=IngestSettings(cameras=cameras)))


def test_the_camera_is_that_of_the_card(tmp_path: Path) -> None:
    """A clip that import copied before says where it came from: its camera is the card's, not the NAS's."""
    source = _clip(tmp_path, f"indoor_nas/videos/raw/{NAME}")
    metadata = {"source": "dashcam", "origin": f"DCIM/Movie/RO/{NAME}"}
    facts = _facts(_run(_task(f"/videos/raw/{NAME}", "indoor_nas", metadata=metadata), _work(tmp_path)))
    assert (facts.camera, facts.locked) == ("viofo@dashcam", True)
    assert source.exists()

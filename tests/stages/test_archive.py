"""The archive stage on real files: what it keeps, proves and removes."""

import os
from pathlib import Path

import av
import msgspec
import pytest

from stages.archive import ArchiveStage
from stages.errors import InputGone, PlaceAbsent, PlaceFull, StageFailed
from stages.files import HostPlaces, Place, hash_file, output_folder, read_finished
from stages.settings import ArchiveSettings
from stages.sighting import AnyResult, Archived, ClipFacts, Route, Sighting, Sightings
from stages.stage import Result
from stages.task import FileRef, NewTask, Task, TaskType
from tests.stages.films import passing, scene, write_film
from tests.stages.work import kept_place

NAME = "2026_0601_162734_000001F.MP4"
RAW = FileRef(device="indoor_nas", path=f"/videos/raw/{NAME}", type="video")
HEAVY = FileRef(device="indoor_nas", path="/videos/heavy_output/v1/", temporary=True)
PREPROC = FileRef(device="indoor_nas", path="/videos/preproc/v1/", temporary=True)
SEEN = Sightings(
    sightings=[Sighting(plate="1234BCD", confidence=0.9, confirmed=True, crop=b"\xff\xd8crop")], tracks=3
)


@pytest.fixture
def shed(tmp_path):
    """The folder of `shed_nas`, with two places on this host."""
    return tmp_path / "shed"


@pytest.fixture
def work(make_work, tmp_path, shed):
    """Two kept places; the raw clip, a finished heavy output and a finished preproc output are there."""
    work = make_work(ArchiveSettings(height=90), {"indoor_nas": tmp_path / "nas", "shed_nas": shed})
    write_film(tmp_path / "nas/videos/raw" / NAME, passing(scene(), 2))
    publish(
        work.places,
        HEAVY,
        TaskType.HEAVY_PROCESS_VIDEO,
        {"detections.json": b"{}", "plates/1234BCD.jpg": b"crop" * 99, "plates/1234BCD_thumb.jpg": b"small"},
        Result(
            results=[SEEN],
            new_tasks=[NewTask(task_type=TaskType.ARCHIVE_VIDEO, video_id="v1", inputs=[RAW, HEAVY])],
        ),
    )
    files = {"metadata.json": b"{}", "thumbs/0001.jpg": b"thumb"}
    publish(
        work.places, PREPROC, TaskType.PREPROCESS_VIDEO, files, Result(results=[ClipFacts(poster=b"poster")])
    )
    return work


def publish(places, ref, kind, files, result, key="k"):
    """Leave a finished folder as a stage does."""
    task = Task(task_id=1, task_type=kind, video_id="v1", lease=1)
    with output_folder(places, ref, task, key) as out:
        for name, data in files.items():
            (out.path / name).parent.mkdir(parents=True, exist_ok=True)
            (out.path / name).write_bytes(data)
        out.publish(result)


def archive_task(*inputs, lease=1, **metadata):
    """A task about video `v1`."""
    given = list(inputs or (RAW, HEAVY))
    kind = TaskType.ARCHIVE_VIDEO
    return Task(task_id=9, task_type=kind, video_id="v1", inputs=given, metadata=metadata, lease=lease)


def test_an_archive_holds_video_plates_and_proof(work, shed):
    """The archive stands in the shed with all that is needed, each file with its hash."""
    result = ArchiveStage().run(archive_task(), work)
    folder = shed / "archive/v1"
    assert [(ref.device, ref.path) for ref in result.outputs] == [
        ("shed_nas", "/archive/v1/video_lowres.mp4"),
        ("shed_nas", "/archive/v1/plates/"),
    ]
    assert result.new_tasks == []
    assert result.metadata["finalized"] is True
    archived = result.results[0]
    assert isinstance(archived, Archived)
    assert (archived.device, archived.path) == ("shed_nas", "/archive/v1/")
    assert result.metadata["archive_size_mb"] == round(archived.size_bytes / 1e6, 2)
    with av.open(str(folder / "video_lowres.mp4")) as low:
        assert low.streams.video[0].codec_context.height == 90
        assert sum(1 for _ in low.decode(video=0)) == 20
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())
    there = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    listed = {file["path"]: file for file in manifest["files"]}
    assert set(listed) == set(there) - {"manifest.json", "result.json"}
    assert {"plates/1234BCD.jpg", "plates/1234BCD_thumb.jpg", "detections.json"} < set(listed)
    for name, file in listed.items():
        assert file["blake2"] == hash_file(there[name])
        assert file["size_bytes"] == there[name].stat().st_size
    assert manifest["video_id"] == "v1"
    assert manifest["created_by"].startswith("dashcam-processor")


def test_the_catalogue_can_be_rebuilt_from_the_manifest(work, tmp_path, shed):
    """Clip facts, route and sightings in the manifest are results as the stages gave them."""
    fix = '<trkpt lat="40.1" lon="-3.2"><time>2026-06-01T14:27:{}Z</time></trkpt>'
    points = "".join(fix.format(second) for second in (34, 35, 36))
    gpx = f'<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{points}</trkseg></trk></gpx>'
    (tmp_path / "nas/videos/raw" / NAME).with_suffix(".gpx").write_text(gpx)
    proof = hash_file(tmp_path / "nas/videos/heavy_output/v1/result.json")
    task = archive_task()
    zoned = msgspec.structs.replace(task, metadata=task.metadata | {"time_zone": "Europe/Madrid"})
    ArchiveStage().run(zoned, work)
    manifest = msgspec.json.decode((shed / "archive/v1/manifest.json").read_bytes())
    clip, route, seen = (
        msgspec.convert(manifest[name], AnyResult) for name in ("clip", "route", "sightings")
    )
    raw = tmp_path / "nas/videos/raw" / NAME
    assert isinstance(clip, ClipFacts)
    assert (clip.filename, clip.size_bytes, clip.blake2) == (NAME, raw.stat().st_size, hash_file(raw))
    assert (clip.width, clip.height, clip.total_frames, clip.codec) == (320, 180, 20, "h264")
    assert (clip.start_local, clip.channel, clip.family) == ("2026-06-01T16:27:34", "front", "viofo")
    assert clip.poster == b"poster"
    assert isinstance(route, Route)
    assert [(p.lat, p.lon) for p in route.points][:1] == [(40.1, -3.2)]
    assert seen == SEEN
    sources = {(s["device"], s["path"]): s["blake2"] for s in manifest["sources"]}
    assert sources["indoor_nas", RAW.path] == clip.blake2
    assert sources["indoor_nas", HEAVY.path] == proof


def test_only_what_is_temporary_goes(work, tmp_path):
    """Temporary folders go once the archive stands; the clip stays even when a task calls it temporary."""
    greedy = msgspec.structs.replace(RAW, temporary=True)
    untyped = FileRef(device="indoor_nas", path=RAW.path, temporary=True)
    ArchiveStage().run(archive_task(greedy, HEAVY, PREPROC), work)
    assert not (tmp_path / "nas/videos/heavy_output/v1").exists()
    assert not (tmp_path / "nas/videos/preproc/v1").exists()
    assert (tmp_path / "nas/videos/raw" / NAME).is_file()
    ArchiveStage().run(archive_task(untyped, lease=2), work)
    assert (tmp_path / "nas/videos/raw" / NAME).is_file()


def test_what_is_not_temporary_stays(work, tmp_path):
    """Without the mark nothing is removed."""
    kept = [msgspec.structs.replace(ref, temporary=mark) for ref, mark in ((HEAVY, False), (PREPROC, None))]
    ArchiveStage().run(archive_task(RAW, *kept), work)
    assert (tmp_path / "nas/videos/heavy_output/v1/result.json").is_file()
    assert (tmp_path / "nas/videos/preproc/v1/result.json").is_file()


def test_what_the_archive_does_not_hold_is_not_removed(work, tmp_path):
    """A file that somebody laid into a temporary folder keeps the folder alive."""
    (tmp_path / "nas/videos/heavy_output/v1/notes.txt").write_text("mine")
    ArchiveStage().run(archive_task(), work)
    assert (tmp_path / "nas/videos/heavy_output/v1/notes.txt").read_text() == "mine"


def test_a_strangers_temporary_folder_is_kept_in_the_archive(work, tmp_path, shed):
    """Crops that another program wrote are copied before they go."""
    crops = tmp_path / "nas/temp/crops/v1"
    crops.mkdir(parents=True)
    (crops / "a.jpg").write_bytes(b"a crop")
    ref = FileRef(device="indoor_nas", path="/temp/crops/v1/", temporary=True)
    ArchiveStage().run(archive_task(RAW, HEAVY, ref), work)
    assert (shed / "archive/v1/extra/01-v1/a.jpg").read_bytes() == b"a crop"
    assert not crops.exists()


def test_a_place_is_never_removed(work, tmp_path):
    """A temporary reference to a place's root, or to a folder above the clip, is refused."""
    for path in ("/", "//", "/videos/", "/videos/raw/"):
        ref = FileRef(device="indoor_nas", path=path, temporary=True)
        with pytest.raises(StageFailed, match="holds the clip itself"):
            ArchiveStage().run(archive_task(RAW, HEAVY, ref), work)
        assert (tmp_path / "nas/videos/raw" / NAME).is_file()
        assert (tmp_path / "nas/.dashcam-place").is_file()
        assert (tmp_path / "nas/videos/heavy_output/v1").is_dir()


def test_a_changed_plate_is_refused(work, tmp_path, shed):
    """A crop that is not the one the heavy stage wrote stops the archive; nothing is removed."""
    (tmp_path / "nas/videos/heavy_output/v1/plates/1234BCD.jpg").write_bytes(b"other")
    with pytest.raises(StageFailed, match="was changed after its stage wrote it"):
        ArchiveStage().run(archive_task(), work)
    assert list((shed / "archive").iterdir()) == []
    assert (tmp_path / "nas/videos/heavy_output/v1").is_dir()


def test_a_missing_plate_is_refused(work, tmp_path):
    """A crop that is gone is noticed."""
    (tmp_path / "nas/videos/heavy_output/v1/plates/1234BCD.jpg").unlink()
    with pytest.raises(StageFailed, match="lacks files"):
        ArchiveStage().run(archive_task(), work)


def test_a_run_cut_off_after_publishing_is_finished_by_the_next(work, tmp_path):
    """When what was temporary is gone already, the archive that stands is the result."""
    first = ArchiveStage().run(archive_task(), work)
    assert not (tmp_path / "nas/videos/heavy_output/v1").exists()
    assert ArchiveStage().run(archive_task(lease=2), work) == first


def test_the_second_run_removes_what_the_first_could_not(work, tmp_path, shed):
    """A crash between publishing and removing costs no second transcode, and leaves nothing behind."""
    plain = msgspec.structs.replace(HEAVY, temporary=False)
    first = ArchiveStage().run(archive_task(RAW, plain), work)
    born = (shed / "archive/v1/video_lowres.mp4").stat().st_mtime_ns
    assert ArchiveStage().run(archive_task(lease=2), work) == first
    assert (shed / "archive/v1/video_lowres.mp4").stat().st_mtime_ns == born
    assert not (tmp_path / "nas/videos/heavy_output/v1").exists()


def test_the_heavy_folder_alone_is_enough(work, shed):
    """A task that names only the heavy output finds the clip that the heavy stage had read."""
    ArchiveStage().run(archive_task(HEAVY), work)
    assert (shed / "archive/v1/video_lowres.mp4").is_file()


def test_inputs_that_are_gone_fail(work, tmp_path):
    """Without its inputs, and without an archive that stands, the task fails and says what is missing."""
    with pytest.raises(StageFailed, match="names no clip"):
        ArchiveStage().run(archive_task(PREPROC), work)
    (tmp_path / "nas/videos/raw" / NAME).unlink()
    with pytest.raises(InputGone, match=NAME):
        ArchiveStage().run(archive_task(), work)


def test_a_clip_that_breaks_off_is_archived_that_far(work, tmp_path, shed):
    """A cut-off clip keeps what there is of it."""
    raw = tmp_path / "nas/videos/raw" / NAME
    from stages.video.transcode import transcode

    transcode(raw, tmp_path / "first.mp4", height=180, crf=1)
    raw.write_bytes(
        (tmp_path / "first.mp4").read_bytes()[: (tmp_path / "first.mp4").stat().st_size * 7 // 10]
    )
    ArchiveStage().run(archive_task(), work)
    with av.open(str(shed / "archive/v1/video_lowres.mp4")) as low:
        assert 5 < sum(1 for _ in low.decode(video=0)) < 20
    manifest = msgspec.json.decode((shed / "archive/v1/manifest.json").read_bytes())
    assert manifest["clip"]["warnings"]


@pytest.mark.parametrize("place", ["", "indoor_nas"])
def test_the_place_can_be_set(make_work, tmp_path, work, place):
    """Without a shed, or with another place set, the archive goes there."""
    roots = {"indoor_nas": tmp_path / "nas"} | ({"shed_nas": tmp_path / "shed"} if place else {})
    own = make_work(ArchiveSettings(height=90, place=place), roots)
    result = ArchiveStage().run(archive_task(), own)
    assert result.results[0].device == "indoor_nas"
    assert (tmp_path / "nas/archive/v1/manifest.json").is_file()


def test_an_absent_place_is_waited_for(work):
    """An archive place that is not mounted is no failure, and nothing goes elsewhere."""
    work.settings = ArchiveSettings(place="attic")
    with pytest.raises(PlaceAbsent, match="attic"):
        ArchiveStage().run(archive_task(), work)


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write anywhere")
def test_a_read_only_place_is_waited_for(work, shed):
    """A place that cannot be written is the place's trouble, not the task's."""
    shed.chmod(0o555)
    with pytest.raises(PlaceFull):
        ArchiveStage().run(archive_task(), work)


def test_links_out_of_a_temporary_folder_are_not_followed(work, tmp_path):
    """A link in a temporary folder does not take what it points to along."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    crops = tmp_path / "nas/temp/crops/v1"
    crops.mkdir(parents=True)
    (crops / "link.jpg").symlink_to(secret)
    ref = FileRef(device="indoor_nas", path="/temp/crops/v1/", temporary=True)
    ArchiveStage().run(archive_task(RAW, HEAVY, ref), work)
    assert secret.read_text() == "secret"
    assert not list((tmp_path / "shed/archive/v1").rglob("link.jpg"))


def test_the_result_can_be_read_back(work, shed, tmp_path):
    """`result.json` holds the result that was returned."""
    result = ArchiveStage().run(archive_task(), work)
    assert read_finished(shed / "archive/v1").result == result
    places = HostPlaces({"shed_nas": kept_place(shed, "shed_nas", prefix="//shed-nas/")})
    printed = FileRef(device="shed_nas", path="//shed-nas/archive/v1/video_lowres.mp4")
    assert places.existing(printed) == shed / "archive/v1/video_lowres.mp4"
    assert Place(name="x", root=str(shed)).present() is False


def test_a_damaged_archive_is_made_again(work, tmp_path, shed):
    """An archive with a wrong byte is not taken for done: nothing temporary goes for it, and it is built anew."""
    plain = [msgspec.structs.replace(ref, temporary=False) for ref in (HEAVY, PREPROC)]
    ArchiveStage().run(archive_task(RAW, *plain), work)
    video = shed / "archive/v1/video_lowres.mp4"
    good = video.read_bytes()
    video.write_bytes(good[:-1] + b"x")
    ArchiveStage().run(archive_task(lease=2), work)
    assert video.read_bytes() == good
    assert not (tmp_path / "nas/videos/heavy_output/v1").exists()


def test_nothing_goes_for_an_archive_that_does_not_stand(work, tmp_path, shed, monkeypatch):
    """What the disk holds counts: when it reads back differently, everything temporary stays."""
    real = os.fsync

    def bad_disk(handle):
        real(handle)
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path == shed / "archive":  # the folder has its name now
            (shed / "archive/v1/plates/1234BCD.jpg").write_bytes(b"rot" * 132)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    monkeypatch.setattr(os, "fsync", bad_disk)
    with pytest.raises(StageFailed, match=r"1234BCD\.jpg reads back differently") as failed:
        ArchiveStage().run(archive_task(RAW, HEAVY, PREPROC), work)
    assert failed.value.retry
    assert (tmp_path / "nas/videos/heavy_output/v1/result.json").is_file()
    assert (tmp_path / "nas/videos/preproc/v1/result.json").is_file()
    monkeypatch.undo()
    ArchiveStage().run(archive_task(RAW, HEAVY, PREPROC, lease=2), work)
    assert not (tmp_path / "nas/videos/heavy_output/v1").exists()


def test_a_removal_that_was_cut_off_is_ended(work, tmp_path):
    """A temporary folder that had lost its name already goes with the next run."""
    ArchiveStage().run(archive_task(), work)
    left = tmp_path / "nas/videos/heavy_output/v1.9-1.part/plates"
    left.mkdir(parents=True)
    (left / "1.jpg").write_bytes(b"1")
    ArchiveStage().run(archive_task(lease=2), work)
    assert list((tmp_path / "nas/videos/heavy_output").iterdir()) == []

"""Taking outputs and clips away: only what a stage left, whole or not at all."""

from pathlib import Path

import pytest

from stages.errors import StageFailed
from stages.files import HostPlaces, output_folder
from stages.footage.identity import fingerprint
from stages.proofs import Manifest, Proof, Source
from stages.removals import (
    Stays,
    check_clip,
    find_clip,
    find_output,
    finish,
    give_back,
    going,
    remove_clip,
    remove_output,
)
from stages.retention import Kind
from stages.sighting import ClipFacts
from stages.stage import Result
from stages.task import FileRef, Task, TaskType
from tests.stages.work import kept_place


@pytest.fixture
def root(tmp_path):
    """A place with the output of the heavy stage for `v1`."""
    places = HostPlaces({"nas": kept_place(tmp_path / "nas", "nas")})
    task = Task(task_id=1, task_type=TaskType.HEAVY_PROCESS_VIDEO, video_id="v1", lease=1)
    with output_folder(places, FileRef(device="nas", path="/videos/heavy_output/v1/"), task, "k") as out:
        (out.path / "plates").mkdir()
        (out.path / "plates/1.jpg").write_bytes(b"crop")
        (out.path / "detections.json").write_bytes(b"{}")
        out.publish(Result())
    return tmp_path / "nas"


def heavy(root: Path) -> Path:
    """The folder."""
    return root / "videos/heavy_output/v1"


@pytest.mark.parametrize("below", ["", "detections.json", "plates"])
def test_an_output_is_found_by_any_of_its_paths(root, below):
    """The catalogue names a folder, or files in it: both lead to the same folder and its size."""
    found = find_output(root, heavy(root) / below, Kind.HEAVY, "v1")
    assert found.path == heavy(root)
    assert found.size == sum(path.stat().st_size for path in heavy(root).rglob("*") if path.is_file())
    assert not found.begun


def test_it_goes_whole(root):
    """The folder goes, and nothing else beside it."""
    (heavy(root).parent / "v2").mkdir()
    remove_output(root, heavy(root), Kind.HEAVY, "v1")
    assert [path.name for path in heavy(root).parent.iterdir()] == ["v2"]
    assert find_output(root, heavy(root), Kind.HEAVY, "v1") is None


def test_other_folders_stay(root, tmp_path):
    """Another clip's, another stage's, one with a stranger's file or link, one behind a link, and the root stay."""
    with pytest.raises(Stays, match="of v1"):
        find_output(root, heavy(root), Kind.HEAVY, "v2")
    with pytest.raises(Stays, match="HEAVY_PROCESS_VIDEO"):
        find_output(root, heavy(root), Kind.PREPROC, "v1")
    (root / "photos").mkdir()
    with pytest.raises(Stays, match=r"no folder with the result\.json"):
        find_output(root, root / "photos", Kind.HEAVY, "v1")
    (tmp_path / "secret").write_text("s")
    (heavy(root) / "plates/link.jpg").symlink_to(tmp_path / "secret")
    with pytest.raises(Stays, match=r"link\.jpg"):
        remove_output(root, heavy(root), Kind.HEAVY, "v1")
    (heavy(root) / "plates/link.jpg").unlink()
    (root / "linked").symlink_to(heavy(root).parent)
    with pytest.raises(Stays, match="a link leads there"):
        find_output(root, root / "linked/v1", Kind.HEAVY, "v1")
    (root / "result.json").write_bytes((heavy(root) / "result.json").read_bytes())
    with pytest.raises(Stays):
        find_output(root, root, Kind.HEAVY, "v1")
    assert find_output(root, root / "detections.json", Kind.HEAVY, "v1") is None
    heavy(root).rename(root / "v1")
    with pytest.raises(Stays, match="top of its place"):
        find_output(root, root / "v1", Kind.HEAVY, "v1")
    assert (root / "v1/plates/1.jpg").is_file()


def test_what_was_begun_is_found_and_ended(root):
    """A folder that lost its name is found under the old one, and goes; what stands under that name stays."""
    heavy(root).rename(going(heavy(root)))
    assert find_output(root, heavy(root) / "plates", Kind.HEAVY, "v1").begun
    (going(heavy(root)) / "detections.json").unlink()
    heavy(root).mkdir()
    (heavy(root) / "new.txt").write_text("new")
    finish(root, heavy(root), Kind.HEAVY, "v1")
    assert not going(heavy(root)).exists()
    assert (heavy(root) / "new.txt").read_text() == "new"


def test_a_strangers_file_is_never_lost(root):
    """What was laid in before the name went gives the folder its name back; without result.json a person looks."""
    away = going(heavy(root))
    heavy(root).rename(away)
    (away / "mine.txt").write_text("mine")
    with pytest.raises(Stays, match=r"mine\.txt"):
        finish(root, heavy(root), Kind.HEAVY, "v1")
    assert (heavy(root) / "mine.txt").read_text() == "mine"
    heavy(root).rename(away)
    (away / "result.json").unlink()
    with pytest.raises(StageFailed, match="not empty"):
        finish(root, heavy(root), Kind.HEAVY, "v1")
    assert (away / "mine.txt").read_text() == "mine"


def test_a_whole_folder_can_be_given_back(root):
    """As long as nothing of it is lost; afterwards it can only be ended."""
    heavy(root).rename(going(heavy(root)))
    assert give_back(root, heavy(root))
    assert (heavy(root) / "plates/1.jpg").is_file()
    heavy(root).rename(going(heavy(root)))
    (going(heavy(root)) / "plates/1.jpg").write_bytes(b"other")
    assert not give_back(root, heavy(root))


def test_a_hostile_result_removes_nothing_outside(root, tmp_path):
    """Names in a result.json that lead out of the folder are no files in it."""
    (tmp_path / "secret").write_text("s")
    text = (heavy(root) / "result.json").read_text().replace("detections.json", "../../../../secret")
    (heavy(root) / "result.json").write_text(text)
    with pytest.raises(Stays, match=r"detections\.json"):
        remove_output(root, heavy(root), Kind.HEAVY, "v1")
    (heavy(root) / "detections.json").unlink()
    remove_output(root, heavy(root), Kind.HEAVY, "v1")
    assert (tmp_path / "secret").read_text() == "s"
    assert not heavy(root).exists()


def test_a_clip_goes_only_as_it_was_archived(root, tmp_path):
    """The archive must have been made from this path and these bytes; folders and links are no clips."""
    clip = root / "videos/raw/a.MP4"
    clip.parent.mkdir()
    clip.write_bytes(b"clip" * 1000)
    ref = FileRef(device="nas", path="/videos/raw/a.MP4")
    facts = ClipFacts(size_bytes=4000, fingerprint=fingerprint(clip))
    proof = Proof(Manifest(sources=[Source("nas", ref.path, "")], clip=facts), frozenset())
    check_clip(clip, ref, proof)
    with pytest.raises(Stays, match="another file"):
        check_clip(clip, FileRef(device="nas", path="/videos/raw/b.MP4"), proof)
    clip.write_bytes(b"clap" + b"clip" * 999)
    with pytest.raises(Stays, match="not the file any more"):
        check_clip(clip, ref, proof)
    with pytest.raises(Stays, match="not the file any more"):
        check_clip(clip, ref, Proof(Manifest(sources=proof.manifest.sources), frozenset()))
    with pytest.raises(Stays, match="no plain file"):
        find_clip(root, clip.parent)
    (clip.parent / "l.MP4").symlink_to(clip)
    with pytest.raises(Stays, match="no plain file"):
        find_clip(root, clip.parent / "l.MP4")
    assert find_clip(root, clip.parent / "none.MP4") is None
    assert find_clip(root, clip / "below.MP4") is None
    assert find_clip(root, clip).size == 4000
    remove_clip(clip)
    assert not clip.exists()

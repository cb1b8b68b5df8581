"""Places and outputs: confinement, absence, and folders that appear whole or not at all."""

import os
from pathlib import Path

import pytest

from stages.errors import BadInput, Cancelled, InputGone, PlaceAbsent
from stages.files import MARKER, HostPlaces, Place, output_folder, read_finished, result_key, sweep_aside
from stages.stage import Result
from stages.task import FileRef, Task, TaskType
from tests.stages.work import kept_place


@pytest.fixture
def nas(tmp_path):
    """A kept place with one file."""
    place = kept_place(tmp_path / "nas", "nas", prefix="//nas/")
    (tmp_path / "nas" / "a.txt").write_text("a")
    return place


def test_paths_are_joined_below_the_root(nas):
    """A leading slash is the root; the place's prefix is cut; backslashes are slashes."""
    places = HostPlaces({"nas": nas})
    for path in ("/a.txt", "a.txt", "//nas/a.txt", "\\a.txt"):
        assert places.existing(FileRef("nas", path)) == Path(nas.root) / "a.txt"


@pytest.mark.parametrize(
    "path", ["../x", "/a/../../x", "..", "C:/x", "C:\\x", "/a\\..\\..\\x", "a\x00b", "//nas/../x"]
)
def test_paths_that_leave_are_refused(nas, path):
    """No spelling of a path leads out of its place."""
    with pytest.raises(BadInput):
        HostPlaces({"nas": nas}).path(FileRef("nas", path))


def test_links_out_are_refused_and_inside_are_followed(nas, tmp_path):
    """A symbolic link may point inside its place, never out of it."""
    root = Path(nas.root)
    (tmp_path / "secret").write_text("s")
    (root / "out").symlink_to(tmp_path)
    (root / "in").symlink_to(root / "a.txt")
    places = HostPlaces({"nas": nas})
    with pytest.raises(BadInput, match="link"):
        places.path(FileRef("nas", "/out/secret"))
    assert places.existing(FileRef("nas", "/in")).read_text() == "a"


def test_absent_is_never_empty(nas, tmp_path):
    """A place without its marker is absent; a present place without the file says that the file is gone."""
    places = HostPlaces({"nas": nas, "card": Place(name="card", root=str(tmp_path / "card"), removable=True)})
    with pytest.raises(InputGone):
        places.existing(FileRef("nas", "/none"))
    with pytest.raises(InputGone):
        places.existing(FileRef("nas", "/a.txt/below"))
    for name in ("card", "unknown"):
        with pytest.raises(PlaceAbsent):
            places.path(FileRef(name, "/a"))
    (Path(nas.root) / MARKER).unlink()
    with pytest.raises(PlaceAbsent, match="dashcam place add nas"):
        places.path(FileRef("nas", "/a.txt"))
    (Path(nas.root) / MARKER).write_text("shed")
    with pytest.raises(PlaceAbsent, match="another place"):
        places.path(FileRef("nas", "/a.txt"))


def test_longest_root_names_a_file(nas, tmp_path):
    """A local path becomes a reference by the longest root above it."""
    inner = kept_place(tmp_path / "nas" / "inner", "inner")
    places = HostPlaces({"nas": nas, "inner": inner})
    assert places.reference(tmp_path / "nas" / "inner" / "b") == FileRef("inner", "/b")
    assert places.reference(tmp_path / "nas" / "a.txt") == FileRef("nas", "/a.txt")
    assert places.reference(tmp_path / "elsewhere") is None


def task(lease=1, number=7):
    """A heavy task under a lease."""
    return Task(task_id=number, task_type=TaskType.HEAVY_PROCESS_VIDEO, video_id="v", lease=lease)


REF = FileRef("nas", "/out/v/")


def publish(places, key, text="x", lease=1):
    """Build and publish a folder; the result that stands."""
    with output_folder(places, REF, task(lease), key) as out:
        if out.finished:
            return out.finished
        (out.path / "data.txt").write_text(text)
        return out.publish(Result(outputs=[REF], metadata={"text": text}))


def test_output_appears_whole(nas):
    """Before publishing nothing stands under the final name; afterwards everything, with hashes."""
    places = HostPlaces({"nas": nas})
    final = Path(nas.root) / "out" / "v"
    with pytest.raises(RuntimeError), output_folder(places, REF, task(), "k") as out:
        (out.path / "data.txt").write_text("half")
        assert not final.exists()
        raise RuntimeError
    assert list(final.parent.iterdir()) == []
    publish(places, "k")
    finished = read_finished(final)
    assert finished.key == "k"
    assert finished.files["data.txt"]
    assert [p.name for p in final.parent.iterdir()] == ["v"]


def test_same_key_publishes_what_stands(nas):
    """A second run with the same key changes no byte and returns the first one's result."""
    places = HostPlaces({"nas": nas})
    publish(places, "k", "first")
    before = (Path(nas.root) / "out" / "v" / "result.json").read_bytes()
    assert publish(places, "k", "second", lease=2).metadata == {"text": "first"}
    assert (Path(nas.root) / "out" / "v" / "result.json").read_bytes() == before


def test_zombie_that_finishes_late_changes_nothing(nas):
    """Two runs build at once; the later rename finds the earlier folder and drops its own."""
    places = HostPlaces({"nas": nas})
    with output_folder(places, REF, task(1), "k") as zombie:
        (zombie.path / "data.txt").write_text("zombie")
        part = zombie.path
        with output_folder(places, REF, task(2, number=8), "k") as heir:
            (heir.path / "data.txt").write_text("heir")
            heir.publish(Result(metadata={"text": "heir"}))
        assert part.exists()
        assert zombie.publish(Result(metadata={"text": "zombie"})).metadata == {"text": "heir"}
    assert (Path(nas.root) / "out" / "v" / "data.txt").read_text() == "heir"


def test_old_result_stands_aside_until_swept(nas):
    """Another key replaces the folder; the old one is kept aside until the new one is published."""
    places = HostPlaces({"nas": nas})
    publish(places, "old", "old")
    publish(places, "new", "new", lease=2)
    parent = Path(nas.root) / "out"
    assert (parent / "v" / "data.txt").read_text() == "new"
    aside = [p for p in parent.iterdir() if p.name != "v"]
    assert (aside[0] / "data.txt").read_text() == "old"
    sweep_aside(places, [REF])
    assert [p.name for p in parent.iterdir()] == ["v"]


def test_older_lease_neither_replaces_nor_removes_a_newer_ones_work(nas):
    """A zombie with other settings keeps its hands off what the newer lease builds and has published."""
    places = HostPlaces({"nas": nas})
    with output_folder(places, REF, task(2), "new") as heir:
        (heir.path / "data.txt").write_text("heir")
        with output_folder(places, REF, task(1), "old") as zombie:
            (zombie.path / "data.txt").write_text("zombie")
            heir.publish(Result(metadata={"text": "heir"}))
            with pytest.raises(Cancelled, match="too late"):
                zombie.publish(Result(metadata={"text": "zombie"}))
    assert (Path(nas.root) / "out" / "v" / "data.txt").read_text() == "heir"
    assert [p.name for p in (Path(nas.root) / "out").iterdir()] == ["v"]


def test_reference_survives_the_places_prefix(tmp_path):
    """A path that begins like the prefix is named so that it is found again."""
    place = kept_place(tmp_path / "p", "p", prefix="/videos/")
    clip = tmp_path / "p" / "videos" / "a.mp4"
    clip.parent.mkdir()
    clip.touch()
    places = HostPlaces({"p": place})
    assert places.existing(places.reference(clip)) == clip


def test_odd_names_are_no_drive_letters(nas):
    """A name with colons is a name; a link that leads to itself is refused, not followed."""
    (Path(nas.root) / "12:30:05.mp4").touch()
    (Path(nas.root) / "loop").symlink_to(Path(nas.root) / "loop")
    places = HostPlaces({"nas": nas})
    assert places.existing(FileRef("nas", "/12:30:05.mp4"))
    assert places.reference(Path(nas.root) / "loop") is None
    with pytest.raises((BadInput, InputGone)):
        places.existing(FileRef("nas", "/loop"))


def test_card_slot_with_only_hidden_files_is_absent(tmp_path):
    """A mount point that holds nothing but hidden files has no card in it."""
    (tmp_path / ".keep").touch()
    place = Place(name="card", root=str(tmp_path), removable=True)
    assert not place.present()
    (tmp_path / "DCIM").mkdir()
    assert place.present()


def test_next_lease_removes_the_last_ones_rest(nas):
    """What a killed run left half-built goes when the task is run again."""
    rest = Path(nas.root) / "out" / "v.7-1.part"
    rest.mkdir(parents=True)
    (rest / "half").write_text("h")
    publish(HostPlaces({"nas": nas}), "k", lease=2)
    assert [p.name for p in rest.parent.iterdir()] == ["v"]


def test_a_damaged_result_is_made_again(nas):
    """A finished folder that lost a file, or a byte of one, is no result: the next run builds it anew."""
    places = HostPlaces({"nas": nas})
    data = Path(nas.root) / "out" / "v" / "data.txt"
    for lease, spoil in enumerate((data.unlink, lambda: data.write_text("y")), start=2):
        publish(places, "k")
        spoil()
        assert publish(places, "k", lease=lease).metadata == {"text": "x"}
        assert data.read_text() == "x"
        sweep_aside(places, [REF])


def test_a_run_cut_off_between_its_renames_loses_nothing(nas):
    """What stood aside returns when the new folder never got its name; another clip's folders are not touched."""
    places = HostPlaces({"nas": nas})
    publish(places, "old", "old")
    parent = Path(nas.root) / "out"
    (parent / "v").rename(parent / "v.7-2.aside")
    (parent / "v.7-2.part").mkdir()
    (parent / "v.x.9-9.aside").mkdir()
    with output_folder(places, REF, task(3), "new") as out:
        assert (parent / "v" / "data.txt").read_text() == "old"
        (out.path / "data.txt").write_text("new")
        out.publish(Result())
    sweep_aside(places, [REF])
    assert sorted(p.name for p in parent.iterdir()) == ["v", "v.x.9-9.aside"]


def test_key_depends_on_every_part():
    """Equal parts make equal keys whatever their order; any change makes another."""
    assert result_key(a=1, b={"x": 1, "y": 2}) == result_key(b={"y": 2, "x": 1}, a=1)
    assert result_key(a=1) != result_key(a=2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_place_is_absent_not_failed(nas):
    """A place that cannot be written backs off instead of failing the task."""
    Path(nas.root).chmod(0o555)
    with pytest.raises(PlaceAbsent, match="cannot write"):
        publish(HostPlaces({"nas": nas}), "k")
    Path(nas.root).chmod(0o755)

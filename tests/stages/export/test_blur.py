"""After a blur our own reader reads no plate, but the one that was to stay."""

import pytest

from stages.errors import StageFailed
from stages.export.blur import Wanted, blur, same_size, upright_size
from stages.export.cut import Stretch
from stages.export.watching import find_leaks, find_trails
from stages.settings import HeavySettings
from stages.video.render import render_drive
from stages.vision.grammar import similarity
from stages.vision.spotter import load_spotter
from tests.stages.films import still, write_film

pytestmark = pytest.mark.slow
SETTINGS = HeavySettings(threads=2)


def read(film, spotter):
    """Every text that can be read in a film."""
    return {leak.plate for leak in find_leaks(film, spotter, lambda _: [], per_second=2)}


def shown(plate, texts):
    """Whether a text says that plate, or nearly."""
    return any(similarity(plate, text) > 0.7 for text in texts)


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    """Nine seconds behind two cars, with others beside and a burned-in date."""
    return render_drive(tmp_path_factory.mktemp("drive"), seed=11, seconds=9, width=800, height=450, fps=6)


@pytest.mark.shared
def test_no_plate_is_left(shared, drive, tmp_path):
    """With plate models: what was read before is not read after, whatever the heavy stage had told."""
    spotter = load_spotter(SETTINGS, shared / "models")
    plates = {planted.plate for planted in drive.planted}
    before = read(drive.clip, spotter)
    assert sum(shown(plate, before) for plate in plates) >= 2
    told: list[float] = []
    done = blur(
        [Stretch(drive.clip, 1.5, 6.5)],
        tmp_path / "out.mp4",
        spotter,
        Wanted(),
        progress=lambda share, _: told.append(share),
    )
    after = read(tmp_path / "out.mp4", spotter)
    assert not any(shown(plate, after) for plate in plates), after
    assert (done.frames, done.spared) == (30, [])
    assert done.followed >= 2
    assert 0 <= min(told) < max(told) <= 1


@pytest.mark.shared
def test_one_plate_stays(shared, drive, tmp_path):
    """The named plate is read as before; no other is."""
    spotter = load_spotter(SETTINGS, shared / "models")
    kept = max(drive.planted, key=lambda planted: planted.max_height_px)
    done = blur([Stretch(drive.clip, 1.5, 6.5)], tmp_path / "out.mp4", spotter, Wanted(spared=(kept.plate,)))
    after = read(tmp_path / "out.mp4", spotter)
    assert shown(kept.plate, after)
    assert done.spared == [kept.plate]
    others = [planted.plate for planted in drive.planted if similarity(planted.plate, kept.plate) < 0.7]
    assert others
    assert not any(shown(plate, after) for plate in others)


@pytest.mark.shared
def test_a_real_clip(shared, tmp_path):
    """The Spanish clip's plate is legible in its last two seconds, and not in the blurred film."""
    spotter = load_spotter(SETTINGS, shared / "models")
    clip = shared / "clips" / "spain-1741gwy.mp4"
    assert shown("1741GWY", read(clip, spotter))
    blur([Stretch(clip, 9.0)], tmp_path / "out.mp4", spotter, Wanted())
    assert not shown("1741GWY", read(tmp_path / "out.mp4", spotter))


def test_without_a_plate_model(tmp_path):
    """The text detector that is always there is enough: all text is covered."""
    drive = render_drive(tmp_path, seed=5, seconds=1.6, width=480, height=270)
    spotter = load_spotter(SETTINGS, tmp_path / "no-models")
    assert shown(drive.planted[0].plate, read(drive.clip, spotter))
    blur([Stretch(drive.clip)], tmp_path / "out.mp4", spotter, Wanted())
    assert not shown(drive.planted[0].plate, read(tmp_path / "out.mp4", spotter))


class Blind:
    """A spotter that finds nothing when it looks for plates, and everything when the film is read."""

    by_text = False

    def __init__(self, real):
        self._real, self.looking = real, 0

    def describe(self):
        """The real one's models."""
        return self._real.describe()

    def everywhere(self, image):
        """Nothing on the first pictures."""
        self.looking += 1
        return [] if self.looking <= 18 else self._real.everywhere(image)

    def texts(self, image, plates):
        """As the real one."""
        return self._real.texts(image, plates)


@pytest.mark.shared
def test_what_the_first_look_missed_is_blurred_after_all(shared, drive, tmp_path):
    """The film is read before it is handed over; what is legible in it is covered in another round."""
    real = load_spotter(SETTINGS, shared / "models")
    blind = Blind(real)
    done = blur([Stretch(drive.clip, 2.0, 3.5)], tmp_path / "out.mp4", blind, Wanted())
    assert done.rounds > 1
    plates = {planted.plate for planted in drive.planted}
    assert not any(shown(plate, read(tmp_path / "out.mp4", real)) for plate in plates)


class Stubborn(Blind):
    """A spotter that reads a plate wherever it looks."""

    def __init__(self, real, image):
        super().__init__(real)
        self._image = image

    def everywhere(self, image):
        """Always the plates of one picture."""
        del image
        return self._real.everywhere(self._image)

    def texts(self, image, plates):
        """Always what is on them."""
        del image
        return self._real.texts(self._image, plates)


@pytest.mark.shared
def test_what_stays_legible_is_not_handed_over(shared, drive, tmp_path):
    """When three rounds do not help, it fails and says what can still be read."""
    from stages.video.frames import frames_at

    frame = next(iter(frames_at(drive.clip, [3.0])))
    spotter = Stubborn(load_spotter(SETTINGS, shared / "models"), frame.image)
    with pytest.raises(StageFailed, match=r"can still be read .* --no-check"):
        blur([Stretch(drive.clip, 2.5, 2.8)], tmp_path / "out.mp4", spotter, Wanted())


@pytest.mark.shared
def test_looks_are_where_they_are_wanted(shared, drive):
    """So many pictures a second are looked at, from a little before to a little after."""
    spotter = load_spotter(SETTINGS, shared / "models")
    found = find_trails(drive.clip, spotter, begin=2.0, end=2.4, per_second=5)
    assert 7 <= found.pictures <= 9


def test_pictures_of_one_size_go_together(tmp_path):
    """A turned clip has the size that it is seen in."""
    wide = write_film(tmp_path / "a.mp4", still(1))
    tall = write_film(tmp_path / "b.mp4", still(1), rotation=90)
    assert upright_size(tall) == (180, 320)
    assert same_size([Stretch(path) for path in (wide, wide, tall)]) == [[0, 1], [2]]

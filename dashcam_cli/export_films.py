"""Films of `dashcam export`: cut without loss, or coded anew with plates blurred."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashcam_cli.bar import Bar
from dashcam_cli.export_wishes import Done, Piece, Wishes
from stages.errors import SettingsError
from stages.export.landing import check_room, free_name, landing

if TYPE_CHECKING:
    from config.settings import Settings
    from stages.export.blur import Blurred
    from stages.export.cut import Stretch
    from stages.export.zones import Spot
    from stages.vision.spotter import Spotter

_SPARE = 16 << 20


def cut_films(pieces: Sequence[Piece], target: Path, notes: list[str]) -> list[Done]:
    """Cut and join without loss; one file, or one for each run of clips whose streams are equal."""
    video = _video_tools()
    stretches = [_stretch(piece) for piece in pieces]
    groups = video.alike(stretches)
    if len(groups) > 1:
        notes.append(f"the clips' streams differ, so there are {len(groups)} files instead of one")
    container = video.container_for(target)
    check_room(target.parent, _size(pieces) + _SPARE)
    done = []
    for number, group in enumerate(groups):
        path = _numbered(target, number)
        with Bar("cutting") as bar, landing(path) as part:
            cut = video.cut(
                [stretches[i] for i in group],
                part,
                container=container,
                start_utc=_utc(pieces[group[0]]),
                progress=bar,
            )
        notes += [*cut.left_out, *cut.troubles]
        if cut.early > 0.05:
            notes.append(f"{path.name} begins {cut.early:.1f} s early, at the keyframe there")
        more = {
            "seconds": round(cut.seconds, 3),
            "begins_early_seconds": round(cut.early, 3),
            "pictures": cut.pictures,
            "original": not any(pieces[i].clip.small for i in group),
        }
        done.append(Done(path, "video", [pieces[i].clip.video_id for i in group], more))
    return done


def blurred_films(
    pieces: Sequence[Piece], target: Path, wishes: Wishes, settings: Settings, notes: list[str]
) -> list[Done]:
    """Code anew with every plate blurred but the named ones."""
    _video_tools()
    from stages.export.blur import Wanted, blur, same_size

    if target.suffix.lower() not in (".mp4", ".m4v"):
        raise SettingsError("a blurred film is written as .mp4; give -o a name with that ending")
    spotter = _spotter(settings, notes)
    stretches = [_stretch(piece) for piece in pieces]
    groups = same_size(stretches)
    if len(groups) > 1:
        notes.append(f"the clips' pictures differ in size, so there are {len(groups)} files instead of one")
    check_room(target.parent, _size(pieces) + _SPARE)
    done = []
    for number, group in enumerate(groups):
        path = _numbered(target, number)
        wanted = Wanted(
            spared=wishes.spared,
            every_frame=wishes.every_frame,
            check=wishes.check_film,
            sound=wishes.audio,
            start_utc=_utc(pieces[group[0]]) if wishes.keep_metadata else None,
            regions=settings.stage.heavy.regions,
        )
        with Bar("blurring") as bar, landing(path) as part:
            known = [_known(pieces[i], notes) for i in group]
            blurred = blur([stretches[i] for i in group], part, spotter, wanted, known=known, progress=bar)
        notes += blurred.left_out
        notes.append(_relied_on(path, blurred, wishes))
        lost = [plate for plate in wishes.spared if plate not in blurred.spared]
        if lost:
            notes.append(f"{', '.join(lost)} was not read surely enough to be left visible")
        more = {
            "seconds": round(blurred.seconds, 3),
            "pictures": blurred.frames,
            "followed": blurred.followed,
            "known_before": blurred.reported,
            "looked_at": blurred.looked_at,
            "visible": blurred.spared,
            "checked": wishes.check_film,
            "models": blurred.models,
            "original": not any(pieces[i].clip.small for i in group),
        }
        done.append(Done(path, "video", [pieces[i].clip.video_id for i in group], more))
    return done


def _relied_on(path: Path, blurred: Blurred, wishes: Wishes) -> str:
    """What the blur rests on, in a sentence."""
    checked = "; it was read again, and nothing else was legible" if wishes.check_film else ""
    return (
        f"{path.name}: {blurred.followed} plates, or what may be one, followed over {blurred.looked_at} "
        f"pictures by {', '.join(blurred.models)}; {blurred.reported} of them known from before{checked}"
    )


def suffix_of(piece: Piece) -> str:
    """The ending that a cut of a clip gets."""
    tools = _video_tools()
    assert piece.clip.path is not None
    return str(tools.suffix_for(piece.clip.path))


def _video_tools() -> Any:
    try:
        from stages.export import cut
    except ImportError as error:
        raise SettingsError(
            f"this install cannot write films ({error}); get what it takes with: "
            "pip install 'dashcam-processor[cpu]'"
        ) from error
    return cut


def _spotter(settings: Settings, notes: list[str]) -> Spotter:
    from stages.vision.spotter import load_spotter

    models = Path(settings.models.dir or Path(settings.home) / "models")
    spotter = load_spotter(settings.stage.heavy, models)
    if spotter.by_text:
        cure = "fetch one with: dashcam models pull"
        notes.append(f"no plate model is there, so all text is blurred and it takes long; {cure}")
    return spotter


def _stretch(piece: Piece) -> Stretch:
    from stages.export.cut import Stretch

    assert piece.clip.path is not None
    return Stretch(piece.clip.path, piece.begin, piece.end)


def _known(piece: Piece, notes: list[str]) -> list[list[Spot]]:
    """What the heavy stage saw, in pixels of the film at hand."""
    from stages.export.blur import upright_size
    from stages.export.known import read_known
    from stages.export.zones import scaled

    clip = piece.clip
    if clip.report is None or clip.path is None:
        notes.append(f"{clip.name}: what was seen in it before is not at hand; what is seen now has to do")
        return []
    try:
        found = read_known(clip.report)
    except (OSError, ValueError) as error:
        notes.append(f"{clip.name}: what was seen in it before cannot be read ({error})")
        return []
    if not clip.small or not clip.facts.width or not clip.facts.height:
        return found
    wide, high = upright_size(clip.path)
    across, down = clip.facts.width, clip.facts.height
    if (wide > high) != (across > down):  # the facts are those of the picture before it was turned
        across, down = down, across
    return scaled(found, wide / across, high / down)


def _utc(piece: Piece) -> datetime | None:
    start = piece.clip.start_utc
    return None if start is None else start + timedelta(seconds=piece.begin)


def _numbered(target: Path, number: int) -> Path:
    return target if number == 0 else free_name(target.parent, f"{target.stem}-{number + 1}", target.suffix)


def _size(pieces: Sequence[Piece]) -> int:
    """About how many bytes the pieces take, by their share of each file."""
    total = 0.0
    for piece in pieces:
        assert piece.clip.path is not None
        size, length = piece.clip.path.stat().st_size, piece.clip.facts.duration_seconds
        end = piece.end if piece.end is not None else length
        share = min(1.0, (end - piece.begin) / length) if length and end is not None else 1.0
        total += size * max(0.0, share)
    return round(total * 1.05)

"""`dashcam why`: why a plate was, or was not, found in a clip."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

from dashcam_cli import common
from dashcam_cli.output import print_json, printable, say, table
from dashcam_cli.shelf import reachable
from dashcam_cli.why_crops import MOST as MOST_CROPS
from dashcam_cli.why_crops import cut_crops
from dashcam_cli.why_sources import Sources, by_name, by_path, looks_like_a_path
from stages.errors import BadInput, PlaceAbsent
from stages.export.moments import read_moment
from stages.why.answer import Answer, Question, answer
from stages.why.files import Dropped, Filtered, Look, Read, Report, Track, read_filtered, read_report
from stages.why.tale import at_instant, conclusion, others, reads_of, reasons, seen, summary, weakest

_MOST_TOLD = 40  # tracks told one by one
_MOST_ROWS = 200  # tracks in the table
_MOST_READS = 12  # reads of one track
_MOST_TEXTS = 10  # texts that are no plates


class Wish(NamedTuple):
    """What was asked on the command line."""

    clip: str
    at: str | None
    plate: str
    crops: Path | None
    db: Path | None
    as_json: bool


def why(wish: Wish, place_flags: list[str], home: Path | None, url: str | None) -> None:
    """Print why; that something was not found is an answer, and no error."""
    settings = common.settings(home, url)
    if looks_like_a_path(wish.clip):
        sources = by_path(Path(wish.clip))
    else:
        sources = by_name(wish.clip, settings, place_flags, wish.db)
    report = read_report(sources.report)
    filtered = read_filtered(sources.metadata) if sources.metadata else None
    question = Question(_at(wish, sources), wish.plate.strip()[:64])
    found = answer(report, filtered, question)
    shown = found.tracks or ([found.nearest] if found.nearest else [])
    crops: dict[int, Path] = {}
    if wish.crops is not None and shown:
        if sources.clip is None:
            raise PlaceAbsent(f"the clip cannot be read here, so nothing can be cut from it: {sources.away}")
        _keep_off_cards(reachable(settings, place_flags), wish.crops)
        crops = cut_crops(sources.clip, shown, wish.crops)
        if len(shown) > MOST_CROPS:
            say(f"pictures of the first {MOST_CROPS} tracks were cut; narrow it with --at or --plate")
    if wish.as_json:
        print_json(_plain(sources, report, filtered, question, found, crops))
        return
    _print(sources, report, question, found, crops)


def _at(wish: Wish, sources: Sources) -> float | None:
    if wish.at is None:
        return None
    moment = read_moment(wish.at, sources.recording, "--at")
    if moment.note:
        say(printable(moment.note))
    if moment.seconds < 0:
        raise BadInput("--at lies before the clip's start")
    return moment.seconds


def _keep_off_cards(places: Any, folder: Path) -> None:
    where = places.reference(folder.absolute())
    if where is not None and not places.is_kept(where.device):
        raise BadInput(f"{folder} is on {where.device}, a card or camera; give another folder with --crops")


def _plain(
    sources: Sources,
    report: Report,
    filtered: Filtered | None,
    question: Question,
    found: Answer,
    crops: dict[int, Path],
) -> dict[str, Any]:
    looked = report.looked
    return {
        "video_id": sources.video_id,
        "report": str(sources.report),
        "at": question.at,
        "plate": question.plate or None,
        "says": found.says,
        "tracks": [_plain_track(track, report, sources, crops) for track in found.tracks],
        "nearest": _plain_track(found.nearest, report, sources, crops) if found.nearest else None,
        "texts_dropped": report.texts_dropped,
        "texts": [_plain_text(text) for text in found.texts],
        "looked": {
            "frames": report.frames_looked_at,
            "last_seconds": report.last_seconds,
            "second_looks": report.second_looks,
            "per_second": looked.per_second if looked else None,
            "moments": looked.moments if looked else None,
            "skipped_channel": looked.skipped_channel if looked else None,
            "models": looked.models if looked else [],
        },
        "left_out_before": [
            {"from": drop.begin, "to": drop.end, "reason": drop.reason} for drop in filtered.drops
        ]
        if filtered
        else None,
    }


def _plain_track(track: Track, report: Report, sources: Sources, crops: dict[int, Path]) -> dict[str, Any]:
    verdict = track.verdict
    cut = crops.get(track.track)
    kept = sources.crop(verdict.plate) if verdict else None
    return {
        "track": track.track,
        "label": track.label,
        "first_seconds": track.first_seconds,
        "last_seconds": track.last_seconds,
        "seen": seen(track),
        "outcomes": track.outcomes,
        "conclusion": conclusion(track),
        "reasons": reasons(track, report),
        "plate": verdict.plate if verdict else None,
        "confidence": verdict.confidence if verdict else None,
        "confirmed": bool(verdict and verdict.confirmed),
        "told": bool(verdict and verdict.told),
        "candidates": [{"plate": each.plate, "confidence": each.confidence} for each in verdict.candidates]
        if verdict
        else [],
        "reads": [_plain_read(look, read) for look, read in reads_of(track)],
        "crop": str(kept) if kept else None,
        "cut": str(cut) if cut else None,
    }


def _plain_read(look: Look, read: Read) -> dict[str, Any]:
    return {
        "seconds": look.seconds,
        "frame": look.frame,
        "text": read.text,
        "plate": read.plate,
        "characters": read.characters,
        "score": read.score,
        "height": read.height,
        "sharpness": read.sharpness,
        "cut": read.cut,
    }


def _plain_text(text: Dropped) -> dict[str, Any]:
    return {
        "text": text.text,
        "reason": text.reason,
        "count": text.count,
        "first_seconds": text.first_seconds,
        "last_seconds": text.last_seconds,
    }


def _line(text: str = "") -> None:
    sys.stdout.write(printable(text) + "\n")


def _print(
    sources: Sources, report: Report, question: Question, found: Answer, crops: dict[int, Path]
) -> None:
    _line(f"{sources.video_id}: {sources.report}")
    for text in found.says:
        _line(text)
    asked = question.at is not None or bool(question.plate)
    if not asked and found.tracks:
        _print_table(found.tracks)
    telling = found.tracks if asked else [track for track in found.tracks if reads_of(track)]
    for track in telling[:_MOST_TOLD]:
        _print_track(track, report, sources, crops, question.at)
    if len(telling) > _MOST_TOLD:
        _line(f"{len(telling) - _MOST_TOLD} more tracks: narrow it with --at or --plate, or see --json")
    if found.nearest:
        _print_track(found.nearest, report, sources, crops, question.at)
    _print_texts(found.texts)


def _print_table(tracks: list[Track]) -> None:
    rows = [
        [t.track, t.label, f"{t.first_seconds:.1f}-{t.last_seconds:.1f} s", summary(t), _said(t)]
        for t in tracks[:_MOST_ROWS]
    ]
    table("Tracks", ("track", "what", "when", "looks", "plate"), rows)
    if len(tracks) > _MOST_ROWS:
        _line(f"{len(tracks) - _MOST_ROWS} more tracks: narrow it with --at or --plate, or see --json")


def _said(track: Track) -> str:
    verdict = track.verdict
    if verdict is None:
        return ""
    if verdict.confirmed:
        return f"{verdict.plate}, confirmed"
    return f"{verdict.plate}, not confirmed" if verdict.told else f"({verdict.plate}?)"


def _print_track(
    track: Track, report: Report, sources: Sources, crops: dict[int, Path], at: float | None
) -> None:
    _line()
    span = f"{track.first_seconds:.1f} to {track.last_seconds:.1f} s"
    _line(f"track {track.track}, {track.label or 'unknown'}, {span}: {conclusion(track)}")
    _line(f"  {summary(track)}")
    if at is not None and (said := at_instant(track, at)):
        _line(f"  {said}")
    for reason in reasons(track, report):
        _line(f"  {reason}")
    verdict = track.verdict
    if verdict and verdict.candidates:
        _line(f"  the vote's other texts: {others(verdict)}")
    if verdict and len(verdict.tracks) > 1:
        numbers = ", ".join(str(number) for number in verdict.tracks[:20])
        _line(f"  the vote is that of the tracks {numbers}, taken for one plate")
    _print_reads(track)
    kept = sources.crop(verdict.plate) if verdict else None
    for path in (kept, crops.get(track.track)):
        if path:
            _line(f"  picture: {path}")


def _print_reads(track: Track) -> None:
    """The surest reads, in order of time."""
    reads = reads_of(track)
    chosen = sorted(reads, key=lambda each: -min(each[1].characters, default=0.0))[:_MOST_READS]
    for look, read in sorted(chosen, key=lambda each: each[0].seconds):
        _line(
            f"  {look.seconds:7.2f} s  {read.plate:<10}  read as {read.text!r}, weakest character "
            f"{weakest(read) or 'unknown'}, {read.height:.0f} pixels high"
            + (", at the picture's edge" if read.cut else "")
        )
    if len(reads) > _MOST_READS:
        _line(f"  and {len(reads) - _MOST_READS} less sure reads")


def _print_texts(texts: list[Dropped]) -> None:
    if not texts:
        return
    rows = [
        [text.text, text.count, f"{text.first_seconds:.1f}-{text.last_seconds:.1f} s", text.reason]
        for text in sorted(texts, key=lambda text: -text.count)[:_MOST_TEXTS]
    ]
    table("Texts taken for no plate", ("text", "times", "when", "reason"), rows)

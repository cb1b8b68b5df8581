"""Why a plate was, or was not, found: which tracks the question is about, and what to say of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from stages.why.files import Dropped, Filtered, Report, Track
from stages.why.tale import nearest as nearest_look
from stages.why.tale import seen, texts_of

_AROUND = 0.5  # seconds around an instant that still count as it
_NEAR = 2  # characters in which a text may differ from the plate that is asked for
_ALIKE = str.maketrans("OQDILZSGB", "000112568")
_LONGEST = 64


class Question(NamedTuple):
    """What is asked: all, an instant (seconds from the clip's start), a plate's text, or both."""

    at: float | None = None
    plate: str = ""


class Answer(NamedTuple):
    """The tracks that the question is about, what to say of it all, and the nearest track where none fits."""

    tracks: list[Track]
    says: list[str]
    texts: list[Dropped]
    nearest: Track | None = None


def answer(report: Report, filtered: Filtered | None, question: Question) -> Answer:
    """The answer to a question about one clip."""
    says = [*_overview(report), *_skipped(report)]
    tracks, texts = report.tracks, report.texts
    nearest: Track | None = None
    if question.at is not None:
        around = _around(report)
        tracks = [t for t in tracks if t.first_seconds - around <= question.at <= t.last_seconds + around]
        texts = [
            t for t in texts if t.first_seconds - around <= question.at <= t.last_seconds + around
        ]  # fmt: skip
        tracks = sorted(tracks, key=lambda t: (-_width(t, question.at or 0.0), t.track))
        says.append(_instant(report, filtered, question.at, len(tracks)))
        nearest = None if tracks else _nearest(report.tracks, question.at)
        if nearest is not None:
            says.append(_away(nearest, question.at))
    if question.plate:
        here = tracks
        tracks = _alike(tracks, question.plate)
        texts = [text for text in texts if _distance(text.text, question.plate) <= _NEAR]
        says += _sought(tracks, here, texts, question.plate)
    return Answer(tracks, says, texts, nearest)


def _overview(report: Report) -> list[str]:
    kinds = Counter(_kind(track) for track in report.tracks)
    said = ", ".join(f"{kinds[kind]} {kind}" for kind in _KINDS if kinds[kind])
    frames = f"{report.frames_looked_at} frames were looked at, up to {report.last_seconds:.1f} s"
    if report.second_looks:
        frames += f", and {report.second_looks} times once more at plates whose vote was open"
    out = [f"{frames}; {len(report.tracks)} tracks" + (f": {said}" if said else "")]
    if report.texts_dropped:
        dropped = ", ".join(f"{count} {reason}" for reason, count in sorted(report.texts_dropped.items()))
        out.append(f"texts taken for no plate: {dropped}")
    if gone := report.left_out:
        out.append(
            f"the report has a limit: {gone.tracks} tracks and {gone.looks} looks are only counted in it"
        )
    return out


_KINDS = ("confirmed", "not confirmed", "read, not told", "never read")


def _kind(track: Track) -> str:
    if track.verdict and track.verdict.confirmed:
        return _KINDS[0]
    if track.verdict and track.verdict.told:
        return _KINDS[1]
    return _KINDS[2] if any(look.read for look in track.looks) else _KINDS[3]


def _skipped(report: Report) -> list[str]:
    if report.looked and report.looked.skipped_channel:
        channel = report.looked.skipped_channel
        return [
            f"the channel {channel} was not looked at: it is in stage.heavy.skip_channels; "
            "take it out there and hand the clip in again"
        ]
    return []


def _around(report: Report) -> float:
    """Half a second, or a look and a half where looks are farther apart."""
    rate = report.looked.per_second if report.looked else None
    return max(_AROUND, 1.5 / rate) if rate else _AROUND


def _instant(report: Report, filtered: Filtered | None, at: float, tracks: int) -> str:
    """What was done at an instant."""
    if tracks:
        return f"at {at:.1f} s: {'1 track' if tracks == 1 else f'{tracks} tracks'}"
    moments = report.looked.moments if report.looked else None
    if moments is None and report.looked is None and filtered is not None:
        moments = filtered.moments  # an older report, which does not say
    if not report.frames_looked_at and moments is None:
        return f"at {at:.1f} s nothing was looked at"
    end = max([report.last_seconds, *([filtered.duration_seconds or 0.0] if filtered else [])])
    if at > end + 1:
        return f"at {at:.1f} s there is no picture: the clip ends at {end:.1f} s"
    if moments is not None and not any(begin <= at <= until for begin, until in moments):
        return _left_out(filtered, at)
    return f"at {at:.1f} s pictures were looked at in full resolution, and no vehicle and no plate was found"


def _left_out(filtered: Filtered | None, at: float) -> str:
    drop = next((d for d in filtered.drops if d.begin <= at <= d.end), None) if filtered else None
    why = f"as {drop.reason}, from {drop.begin:.1f} to {drop.end:.1f} s" if drop else "as showing nothing"
    return (
        f"at {at:.1f} s nothing was looked at in full resolution: the preprocess stage left this moment out "
        f"{why}; dashcam submit --thorough has every frame looked at"
    )


def _width(track: Track, at: float) -> float:
    """How wide it was then: what somebody saw was most likely near."""
    look = nearest_look(track, at)
    return look.box[2] - look.box[0] if look else 0.0


def _nearest(tracks: Iterable[Track], at: float) -> Track | None:
    return min(tracks, key=lambda track: (abs(_off(track, at)), track.track), default=None)


def _off(track: Track, at: float) -> float:
    """Seconds from an instant to a track; negative = it was before."""
    if track.last_seconds < at:
        return track.last_seconds - at
    return max(0.0, track.first_seconds - at)


def _away(track: Track, at: float) -> str:
    off = _off(track, at)
    when = f"{abs(off):.1f} s {'earlier' if off < 0 else 'later'}"
    span = f"{track.first_seconds:.1f} to {track.last_seconds:.1f} s"
    return f"the nearest track is {track.track}, a {track.label or 'thing'} seen {when} ({span})"


def fold(text: str) -> str:
    """Letters and digits with look-alikes made equal, as plate search does."""
    return "".join(c for c in text.upper() if c.isalnum()).translate(_ALIKE)


def _distance(text: str, plate: str) -> int:
    return Levenshtein.distance(fold(text[:_LONGEST]), fold(plate), score_cutoff=_NEAR)


def closeness(track: Track, plate: str) -> int:
    """In how many characters the nearest text of a track differs (look-alikes equal); 3 = in too many."""
    return min((_distance(text, plate) for text in texts_of(track)), default=_NEAR + 1)


def _alike(tracks: Iterable[Track], plate: str) -> list[Track]:
    near = [(closeness(track, plate), track) for track in tracks]
    return [t for n, t in sorted(near, key=lambda each: (each[0], each[1].track)) if n <= _NEAR]


def _sought(tracks: list[Track], among: list[Track], texts: list[Dropped], plate: str) -> list[str]:
    """What became of a plate that somebody looks for."""
    said = [
        f"{text.text!r} was read {text.count} times from {text.first_seconds:.1f} to "
        f"{text.last_seconds:.1f} s, and taken for no plate: {text.reason}"
        for text in texts[:10]
    ]
    if tracks or said:
        return said
    never = [track for track in among if not any(look.read for look in track.looks)]
    out = f"nothing was read that is like {plate} (but for look-alikes and {_NEAR} characters)"
    if not never:
        return [out]
    main = Counter(max(t.outcomes, key=lambda r: (t.outcomes[r], r)) for t in never if t.outcomes)
    why = ", ".join(f"{count} {reason}" for reason, count in main.most_common())
    longest = max(never, key=lambda track: (seen(track), -track.track))
    return [
        out,
        f"it may be one of the {len(never)} tracks that were never read ({why}); the one seen longest is "
        f"{longest.track}, {longest.first_seconds:.1f} to {longest.last_seconds:.1f} s; "
        "give the second at which you see the plate with --at",
    ]

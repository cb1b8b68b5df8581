"""What happened to one track, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from stages.why.files import Look, Read, Report, Track, Verdict

#: How a look can end (`stages.vision.looks`, which loads what a host for looking only need not have).
READ, NO_PLATE, TOO_SMALL, BLURRED, UNREADABLE, SETTLED = (
    "read", "no plate seen", "too small", "blurred", "not readable", "not read: vote was settled",
)  # fmt: skip
_SHORTEST, _LONGEST = 4, 10  # characters that a vote takes (`stages.vision.consensus`)
_TEXTS = 3
_SETTLED = "not read (vote was settled)"


def seen(track: Track) -> int:
    """How often it was looked at."""
    return sum(track.outcomes.values()) or len(track.looks)


def summary(track: Track) -> str:
    """`seen 14 times: 9 too small, 3 blurred, 2 read`."""
    outcomes = track.outcomes or Counter(look.outcome for look in track.looks)
    ranked = sorted(outcomes.items(), key=lambda each: (each[0] == READ, -each[1], each[0]))
    count = seen(track)
    times = "once" if count == 1 else f"{count} times"
    told = (f"{number} {reason.replace(SETTLED, _SETTLED)}" for reason, number in ranked)
    return f"seen {times}: {', '.join(told)}"


def reasons(track: Track, report: Report) -> list[str]:
    """Why looks gave no read, with what there is of figures."""
    found = (
        _too_small(track, report), _blurred(track), _unreadable(track), _no_plate(track), _settled(track)
    )  # fmt: skip
    said = [each for each in found if each]
    if track.looks_left_out:
        said.append(f"{track.looks_left_out} of its looks were left out of the report, which has a limit")
    return said


def at_instant(track: Track, at: float) -> str:
    """The look nearest to an instant: how it ended, and where in the picture it was."""
    look = nearest(track, at)
    if look is None:
        return ""
    x1, y1, x2, y2 = look.box
    return (
        f"at {look.seconds:.2f} s: {look.outcome}; from {x1:.0f}, {y1:.0f} to {x2:.0f}, {y2:.0f} "
        "in the picture (pixels from its upper left corner)"
    )


def nearest(track: Track, at: float) -> Look | None:
    """The look nearest to an instant."""
    return min(track.looks, key=lambda look: abs(look.seconds - at), default=None)


def _of(track: Track, outcome: str) -> list[Look]:
    return [look for look in track.looks if look.outcome == outcome]


def _too_small(track: Track, report: Report) -> str:
    looks = _of(track, TOO_SMALL)
    heights = [look.glimpse.height for look in looks if look.glimpse]
    least = report.looked.min_plate_height if report.looked else None
    if heights:
        wanted = f"; from {least:g} on a read is tried" if least is not None else ""
        return f"too small: its plate was {_range(heights)} pixels high{wanted}"
    if looks and track.label != "plate":
        widths = [look.box[2] - look.box[0] for look in looks]
        return f"too small: the {track.label} was {_range(widths)} pixels wide, too far away for its plate"
    return ""


def _blurred(track: Track) -> str:
    found = [look.glimpse.sharpness for look in _of(track, BLURRED) if look.glimpse]
    sharp = [each for each in found if each is not None]
    return f"blurred: sharpness {_range(sharp)} (variance of the Laplacian)" if sharp else ""


def _unreadable(track: Track) -> str:
    texts = Counter(look.glimpse.text for look in _of(track, UNREADABLE) if look.glimpse)
    said = ", ".join(repr(text) for text, _ in texts.most_common(_TEXTS) if text)
    return f"not readable: the reader made of it {said}" if said else ""


def _no_plate(track: Track) -> str:
    looks = _of(track, NO_PLATE)
    if not looks or track.label == "plate":
        return ""
    widths = _range([look.box[2] - look.box[0] for look in looks])
    return f"no plate seen: the {track.label} was {widths} pixels wide, and no plate was found on it"


def _settled(track: Track) -> str:
    looks = _of(track, SETTLED)
    if not looks:
        return ""
    since = min(look.seconds for look in looks)
    return (
        f"not read: from {since:.1f} s on its vote was settled; then only clearly better looks are read, and "
        "one a second"
    )


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.0f}", f"{max(values):.0f}"
    return low if low == high else f"{low} to {high}"


def conclusion(track: Track) -> str:
    """What came of it, and why."""
    verdict = track.verdict
    if verdict is None:
        return _without_verdict(track)
    agreed = f"exactly so in {verdict.agreeing} of {_reads(verdict.reads)}"
    share = f"confidence {verdict.confidence:.2f}"
    if verdict.confirmed:
        return f"confirmed as {verdict.plate}: {agreed}, {share}"
    if verdict.told:
        doubt = verdict.doubt or "too few looks agree"
        return f"found as {verdict.plate}, not confirmed: {doubt}; {agreed}, {share}"
    why = [each for each in (verdict.doubt, verdict.untold) if each]
    return f"read as {verdict.plate}, {agreed}, and not told: {'; '.join(why) or 'too unlikely'}"


def _without_verdict(track: Track) -> str:
    reads = reads_of(track)
    if not reads:
        return "never read"
    if all(not _SHORTEST <= len(read.plate) <= _LONGEST for _, read in reads):
        return f"read, and not told: no text has {_SHORTEST} to {_LONGEST} characters"
    return "read, and not told: the reads did not settle on a plate"


def _reads(count: int) -> str:
    return "1 read" if count == 1 else f"{count} reads"


def others(verdict: Verdict) -> str:
    """The runners-up of the vote."""
    said = (f"{each.plate} {each.confidence:.0%}" for each in verdict.candidates[:5])
    return ", ".join(said)


def reads_of(track: Track) -> list[tuple[Look, Read]]:
    """The looks that gave a read."""
    return [(look, look.read) for look in track.looks if look.read]


def weakest(read: Read) -> str:
    """The least certain character, as `D 0.41`."""
    if not read.characters:
        return ""
    place = min(range(len(read.characters)), key=lambda i: read.characters[i])
    plain = "".join(c for c in read.text.upper() if c.isascii() and c.isalnum())
    letter = f"{plain[place]} " if len(plain) == len(read.characters) else ""
    return f"{letter}{read.characters[place]:.2f}"


def texts_of(track: Track) -> Iterator[str]:
    """Every text that the track was, or might have been, taken for; the likeliest first."""
    if track.verdict:
        yield track.verdict.plate
        yield from (each.plate for each in track.verdict.candidates)
    for look in track.looks:
        if look.read:
            yield look.read.plate
            yield look.read.text
        elif look.glimpse and look.glimpse.text:
            yield look.glimpse.text

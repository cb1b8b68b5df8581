"""The page of an evidence folder: one file to read and print, without scripts or anything from elsewhere.

Every text may be hostile: plates come from the street, names from cards.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from stages.export.facts import Clip, Seen
from stages.export.gpx import clean
from stages.export.sketch import draw_route, metres

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
@page { size: A4; margin: 16mm }
body { font: 11pt/1.4 "Liberation Sans", Arial, sans-serif; color: #111; background: #fff;
  max-width: 180mm; margin: 8mm auto }
h1 { font-size: 18pt; margin: 0 0 2mm }
h2 { font-size: 13pt; margin: 7mm 0 2mm; break-after: avoid; border-bottom: .3mm solid #999 }
h3 { font-size: 11pt; margin: 4mm 0 1mm; break-after: avoid }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 1mm 2mm; border-bottom: .2mm solid #ccc }
th { font-weight: 600 }
thead { display: table-header-group }
tr, figure, svg, img { break-inside: avoid }
td.hash, code { font: 8.5pt "Liberation Mono", Consolas, monospace; overflow-wrap: anywhere }
.plate { font: 700 13pt "Liberation Mono", Consolas, monospace }
.crop { max-width: 50mm; max-height: 25mm }
.won { font-weight: 600 }
.note { color: #444; font-size: 9.5pt }
svg.route { width: 100%; border: .2mm solid #999; background: #fafafa }
svg.route text { font: 12px "Liberation Sans", Arial, sans-serif; fill: #222 }
.way { fill: none; stroke: #1f5fbf; stroke-width: 3; stroke-linejoin: round }
.start { fill: #1a7f37 } .end { fill: #b42318 } .mark { fill: #111 } .bar { stroke: #222; stroke-width: 2 }
"""
_EMBEDDED, _EMBEDDED_ALL = 64 << 10, 16 << 20  # bytes of one crop, and of all, that stand in the page itself


class Shown(NamedTuple):
    """A clip on the page: where its bytes lie in the folder, their hashes, and its pictures by sighting."""

    clip: Clip
    file: str
    size_bytes: int
    sha256: str
    blake2: str
    crops: Sequence[tuple[str, bytes] | None]


def write_page(title: str, about: Sequence[tuple[str, str]], clips: Sequence[Shown]) -> str:
    """The page; `about` are rows of (what, value) for its head."""
    body = [
        f"<h1>{_t(title)}</h1>",
        _table((), ((f"<th>{_t(what)}</th><td>{_t(value)}</td>") for what, value in about)),
        "<h2>Clips</h2>",
        *(_clip(shown) for shown in clips),
        "<h2>Route</h2>",
        _route(clips),
        "<h2>Plates</h2>",
        _plates(clips),
        "<h2>How to check this</h2>",
        _checking(),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_t(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _t(text: object) -> str:
    return escape(clean(str(text)))


def _table(heads: Sequence[str], rows: Iterable[str]) -> str:
    head = f"<thead><tr>{''.join(f'<th>{_t(each)}</th>' for each in heads)}</tr></thead>" if heads else ""
    return f"<table>{head}<tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _clip(shown: Shown) -> str:
    facts, clip = shown.clip.facts, shown.clip
    pairs = [
        ("file", shown.file),
        ("size", f"{shown.size_bytes:,} bytes"),
        ("camera's clock", facts.start_local or "not known"),
        ("UTC", facts.start_utc or "not known"),
        ("zone of the camera's clock", _zone(facts.utc_offset_seconds)),
        ("length", "not known" if facts.duration_seconds is None else f"{facts.duration_seconds:.1f} s"),
        (
            "camera",
            ", ".join(str(each) for each in (facts.family, facts.channel, facts.mode) if each) or "not known",
        ),
        ("picture", f"{facts.width}×{facts.height} {facts.codec or ''}" if facts.width else "not known"),
        ("taken from", f"{clip.place}:{clip.below}" if clip.place else "not known"),
    ]
    rows = [f"<th>{_t(name)}</th><td>{_t(value)}</td>" for name, value in pairs]
    rows += [f'<th>{name}</th><td class="hash">{_t(value)}</td>' for name, value in _hashes(shown)]
    warnings = "".join(f'<p class="note">{_t(each)}</p>' for each in facts.warnings or ())
    return f"<h3>{_t(clip.name)}</h3>{_table((), rows)}{_claims(shown.clip)}{warnings}"


def _zone(offset: int | None) -> str:
    if offset is None:
        return "not known"
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"UTC{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"


def _hashes(shown: Shown) -> list[tuple[str, str]]:
    known = shown.clip.facts.blake2
    same = "the same as when it was taken in" if known else "the catalogue has none to compare with"
    return [("SHA-256", shown.sha256), ("BLAKE2b-256", f"{shown.blake2} ({same})")]


def _claims(clip: Clip) -> str:
    """What each source says about the start, and which was believed."""
    facts = clip.facts
    if not facts.time_claims:
        return ""
    won = facts.time_source or ""
    rows = [
        f"<td{_won(claim.source, won)}>{_t(claim.source)}</td><td>{_t(claim.value)}</td>"
        for claim in facts.time_claims
    ]
    text = f'<p class="note">The time was settled by: {_t(won or "nothing")}.</p>'
    return f"<h3>What says when it began</h3>{_table(('source', 'its value'), rows)}{text}"


def _won(source: str, won: str) -> str:
    kind = {"name_local": "name", "mvhd": "header", "mvhd_minus_duration": "header"}.get(source, source)
    return ' class="won"' if won.split("+")[0] == kind else ""


def _route(clips: Sequence[Shown]) -> str:
    legs = [shown.clip.route for shown in clips]
    marks = [
        (seen.location.lat, seen.location.lon, seen.plate)
        for shown in clips
        for seen in shown.clip.seen
        if seen.location and seen.confirmed
    ]
    points = sum(len(leg) for leg in legs)
    if not points:
        return "<p>No position is known.</p>"
    sources = ", ".join(sorted({shown.clip.dialect or "unknown" for shown in clips if shown.clip.route}))
    length = sum(metres(leg) for leg in legs)
    text = (
        f"{points} fixes over {length / 1000:.2f} km, from: {sources}. All are in route.json and route.gpx."
    )
    return f"{draw_route(legs, marks)}<p>{_t(text)}</p>"


def _plates(clips: Sequence[Shown]) -> str:
    rows = []
    room = _EMBEDDED_ALL
    for shown in clips:
        for seen, crop in zip(shown.clip.seen, shown.crops, strict=True):
            picture = ""
            if crop is not None:
                fits = len(crop[1]) <= min(_EMBEDDED, room)
                room -= len(crop[1]) if fits else 0
                picture = _picture(crop[1]) if fits else f'<a href="{_t(crop[0])}">{_t(crop[0])}</a>'
            rows.append(_plate(seen, shown.clip, picture))
    if not rows:
        return "<p>No plate was read.</p>"
    return _table(("plate", "when and where", "how sure", "picture"), rows)


def _picture(jpeg: bytes) -> str:
    return f'<img class="crop" alt="" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">'


def _plate(seen: Seen, clip: Clip, picture: str) -> str:
    where = (
        "place not known" if seen.location is None else f"{seen.location.lat:.6f}, {seen.location.lon:.6f}"
    )
    first = (
        ""
        if seen.first_seconds is None
        else f"second {seen.first_seconds:.1f} to {seen.last_seconds or 0:.1f}, "
    )
    when = [seen.timestamp or "time not known", where, f"{clip.name}, {first}frame {seen.frame_number}"]
    sure = f"{seen.confidence:.0%}, {'confirmed' if seen.confirmed else 'not confirmed'}"
    looks = f"{seen.agreeing} of {seen.reads} reads agree"
    others = ", ".join(str(each.get("plate", "")) for each in seen.candidates[:5])
    more = f"<br>also read as {_t(others)}" if others else ""
    return (
        f'<td class="plate">{_t(seen.plate)}</td><td>{"<br>".join(_t(each) for each in when)}</td>'
        f"<td>{_t(sure)}<br>{_t(looks)}{more}</td><td>{picture}</td>"
    )


def _checking() -> str:
    return (
        "<p>The clips are byte for byte what the camera wrote. Every file of this folder is listed with its "
        "SHA-256 in <code>SHA256SUMS</code>, and with SHA-256 and BLAKE2b-256 in <code>manifest.json</code>. "
        "Check it in this folder with <code>sha256sum -c SHA256SUMS</code> (Linux), "
        "<code>shasum -a 256 -c SHA256SUMS</code> (macOS), <code>certutil -hashfile FILE SHA256</code> for "
        "one file (Windows), or <code>dashcam verify FOLDER</code>.</p>"
        "<p>These lists show that nothing has changed since they were written. That they are the first ones "
        "shows whoever noted down the SHA-256 of <code>SHA256SUMS</code> when this was made.</p>"
        '<p class="note">Plates, times and places were read by a program and may be wrong: the clips are '
        "what counts. They are personal data of the people in them.</p>"
    )

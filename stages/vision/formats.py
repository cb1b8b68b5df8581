"""Plate formats by country, as templates, and what may stand beside a plate's text.

A template is read place by place: `L` any letter, `D` any digit, `A` either, `[BCD]` one of these,
anything else itself; `x?` may be missing. Formats are facts; this table is a start and not complete.
"""

from __future__ import annotations

import math
import re
from functools import cache
from typing import NamedTuple

LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
DIGITS = frozenset("0123456789")

_FR = "[ABCDEFGHJKLMNPQRSTVWXYZ]"
_IT = "[ABCDEFGHJKLMNPRSTVWXYZ]"
_ES = "[BCDFGHJKLMNPRSTVWXYZ]"
_UK = "[ABCDEFGHJKLMNOPRSTUVWXY]"
_UK_LAST = "[ABCDEFGHJKLMNOPRSTUVWXYZ]"
_UK_YEAR = "[ABCDEFGHJKLMNPRSTVWXY]"
_NL = "[BDFGHJKLNPRSTVXZ]"
_NL_SERIES = (
    "LLDDLL",
    "LLLLDD",
    "DDLLLL",
    "DDLLLD",
    "DLLLDD",
    "LLDDDL",
    "LDDDLL",
    "LLLDDL",
    "LDDLLL",
    "DLLDDD",
    "DDDLLD",
)
_GR = "[ABEHIKMNOPTXYZ]"

#: Country (ISO 3166) to its templates.
FORMATS: dict[str, tuple[str, ...]] = {
    "GB": (
        f"{_UK}{_UK}DD{_UK_LAST}{_UK_LAST}{_UK_LAST}",
        f"{_UK_YEAR}DD?D?LLL",
        f"LLLDD?D?{_UK_YEAR}",
        "LLL?DD?D?D?",
    ),
    "DE": ("LL?L?LL?[123456789]D?D?D?[EH]?",),
    "AT": ("LL?[123456789]D?D?D?D?LL?L?",),
    "CH": ("LLDD?D?D?D?D?",),
    "FR": (f"{_FR}{_FR}DDD{_FR}{_FR}",),
    "IT": (f"{_IT}{_IT}DDD{_IT}{_IT}",),
    "ES": (f"DDDD{_ES}{_ES}{_ES}", "LL?DDDDLL?"),
    "PT": ("LLDDLL", "DDLLDD", "DDDDLL", "LLDDDD"),
    "NL": tuple(shape.replace("L", _NL) for shape in _NL_SERIES),
    "BE": ("[123456789]LLLDDD", "LLLDDD", "DDDLLL"),
    "PL": (
        "LLLDDDD",
        "LLLDDDDD",
        "LLDDDDD",
        "LLDDDDL",
        "LLDDDLL",
        "LLDLDDD",
        "LLDLLDD",
        "LLLLDDD",
        "LLLDDLL",
        "LLLDDLD",
    ),
    "CZ": ("DLDDDDD", "DLADDDD", "LLLDDDD"),
    "SK": ("LLDDDLL", "LLLDDDD"),
    "HU": ("LLLDDD", "LLLLDDD"),
    "RO": ("LL?DDD?LLL", "LL?DDDDDD?"),
    "BG": ("LL?DDDDLL",),
    "HR": ("LLDDDD?LL?",),
    "SI": ("LLDDDD?D", "LLDDDLL", "LLLLDDD"),
    "RS": ("LLDDDD?D?LL",),
    "SE": ("LLLDDD", "LLLDDL"),
    "NO": ("LLDDDDD", "LLDDDD"),
    "DK": ("LLDDDDD",),
    "FI": ("LL?LDD?D?",),
    "EE": ("DDDLLL", "DDLLL"),
    "LV": ("LLDD?D?D?",),
    "LT": ("LLLDDD",),
    "IE": ("DDD?LL?DD?D?D?D?",),
    "GR": (f"{_GR}{_GR}{_GR}DDDD",),
    "LU": ("LLDDDD",),
    "TR": ("DDLL?L?DDD?D?D?",),
    "UA": ("LLDDDDLL",),
    "RU": ("[ABEKMHOPCTYX]DDD[ABEKMHOPCTYX][ABEKMHOPCTYX]DDD?",),
    "US": (
        "LLLDDDD",
        "DLLLDDD",
        "LLLDDD",
        "DDDLLL",
        "DDDLLLL",
        "LDDDDD",
        "LDDDDDD",
        "DDDDLL",
        "LLDDDDD",
        "DDLDDDD",
        "LDDLLL",
        "LLDDLL",
        "DLLDDDD",
        "LDDDDL",
        "DDDLDD",
        "DDLDDDDD",
        "LLLDLDD",
        "LLLDDL",
        "DDDDLLL",
        "LLDLLD",
        "LLDLDL",
        "DDLDLL",
    ),
    "BR": ("LLLDDDD", "LLLDLDD"),
    "AR": ("LLDDDLL", "LLLDDD"),
    "MX": ("LLLDDDD", "LLLDDDL", "LDDLLL"),
    "AU": ("LLDDLL", "LLLDDL", "DLLDLL", "LLLDDD", "DDDLLL", "SDDDLLL"),
}

#: Letters of the band at a plate's edge and whose they are: read together with the plate, they stand
#: before its text.
BANDS: dict[str, str] = {
    "A": "AT",
    "B": "BE",
    "BG": "BG",
    "CH": "CH",
    "CZ": "CZ",
    "D": "DE",
    "DK": "DK",
    "E": "ES",
    "EST": "EE",
    "F": "FR",
    "FIN": "FI",
    "GB": "GB",
    "GR": "GR",
    "H": "HU",
    "HR": "HR",
    "I": "IT",
    "IRL": "IE",
    "L": "LU",
    "LT": "LT",
    "LV": "LV",
    "N": "NO",
    "NL": "NL",
    "P": "PT",
    "PL": "PL",
    "RO": "RO",
    "RUS": "RU",
    "S": "SE",
    "SK": "SK",
    "SLO": "SI",
    "SRB": "RS",
    "TR": "TR",
    "UA": "UA",
    "UK": "GB",
}


class Template(NamedTuple):
    """One shape a plate may have: the allowed characters of each place.

    `bits` is how much a fitting text speaks for this format: the rarer the shape, the more; a format of
    many shapes fits easily, so its shapes say less.
    """

    country: str
    places: tuple[frozenset[str], ...]
    bits: float

    def fits(self, text: str) -> bool:
        """Whether every character is allowed in its place."""
        return len(text) == len(self.places) and all(c in p for c, p in zip(text, self.places, strict=True))


@cache
def templates(regions: tuple[str, ...] = ()) -> dict[int, tuple[Template, ...]]:
    """All shapes of these countries (none given = all), by length; every shape holds a digit place."""
    by_length: dict[int, list[Template]] = {}
    for country, texts in FORMATS.items():
        if regions and country not in regions:
            continue
        for text in texts:
            shapes = _expand(text)
            for places in shapes:
                bits = sum(math.log2(36 / len(place)) for place in places) - math.log2(len(shapes))
                by_length.setdefault(len(places), []).append(Template(country, places, bits))
    return {length: tuple(group) for length, group in by_length.items()}


_TOKEN = re.compile(r"(\[[A-Z0-9]+\]|[A-Z0-9])(\?)?")


def _expand(text: str) -> list[tuple[frozenset[str], ...]]:
    """The lengths a template may have, each as allowed sets."""
    results: dict[tuple[frozenset[str], ...], None] = {(): None}
    for match in _TOKEN.finditer(text):
        place = _place(match[1])
        longer = {(*result, place): None for result in results}
        results = {**results, **longer} if match[2] else longer
    return list(results)


def _place(token: str) -> frozenset[str]:
    classes = {"L": LETTERS, "D": DIGITS, "A": LETTERS | DIGITS}
    return classes[token] if token in classes else frozenset(token.strip("[]"))

"""A calendar of the days on which something was."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import date

import msgspec


class Month(msgspec.Struct, frozen=True):
    """One month: `weeks` of seven days from Monday on, each with its number (0: none) and count."""

    name: str
    first: str
    weeks: list[list[tuple[int, int]]]


def months(days: Iterable[tuple[str, int]], most: int = 13) -> list[Month]:
    """The months of some days (`YYYY-MM-DD`, with counts) that have any, newest first."""
    counts: dict[tuple[int, int], dict[int, int]] = {}
    for text, count in days:
        try:
            found = date.fromisoformat(text)
        except ValueError:
            continue
        counts.setdefault((found.year, found.month), {})[found.day] = count
    return [_month(year, month, counts[year, month]) for year, month in sorted(counts, reverse=True)[:most]]


def _month(year: int, month: int, counts: dict[int, int]) -> Month:
    weeks = [
        [(number, counts.get(number, 0)) for number in week]
        for week in calendar.Calendar().monthdayscalendar(year, month)
    ]
    first = date(year, month, 1)
    return Month(f"{first:%B %Y}", f"{first:%Y-%m-}", weeks)

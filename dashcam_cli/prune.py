"""`dashcam prune`: removes what the owner's retention rules let go, and tells the server."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import msgspec

from config.settings import RetentionSettings, Settings
from dashcam_cli import common, platform
from dashcam_cli.output import FAILED, leave, print_json, printable, say, table
from dashcam_cli.places import host_places
from dashcam_cli.pruning import Pruning, Report
from stages.disk import amount
from stages.errors import Conflict, SettingsError, Unreachable
from stages.files import Place
from stages.retention import Kind, Policy, Rule

_GB = 10**9
#: A server that asks for a pause, or goes away in the middle, is waited for this long (seconds).
_PATIENCE = 120.0


def prune(
    dry_run: bool, named: list[str], believe: bool, home: Path | None, url: str | None, as_json: bool
) -> None:
    """Remove what is due; with `dry_run` only show it. `believe`: what is missing is gone, however much."""
    settings = common.settings(home, url)
    policy = policy_of(settings.retention)
    report = Report(dry_run=dry_run)
    here = _here(settings, named, report)
    lock = platform.try_lock(Path(settings.home) / "prune.lock")
    if lock is None:
        raise Conflict("another dashcam prune runs on this home; let it end")
    try:
        with contextlib.closing(common.client(settings, patience=_PATIENCE)) as client:
            if not client.healthy():
                raise Unreachable(
                    f"no server answers at {settings.server.url}; nothing is removed without it"
                )
            run = Pruning(client, settings, policy, here, report)
            run.finish_begun()
            if policy.kinds:
                run.files(believe)
            if not named:
                run.plates(settings.retention)
    finally:
        lock.release()
    _print(report, policy, settings, as_json)
    if report.troubles:
        leave(FAILED)


def policy_of(settings: RetentionSettings) -> Policy:
    """The owner's settings as the policy."""
    rules = {}
    for kind in Kind:
        keep = getattr(settings, kind)
        rules[kind] = Rule(days=keep.days, quota=int(keep.quota_gb * _GB), when_full=keep.when_full)
    return Policy(
        rules=rules,
        locked=settings.locked,
        free_bytes=int(settings.min_free_gb * _GB),
        free_share=settings.min_free_percent / 100,
    )


def _here(settings: Settings, named: list[str], report: Report) -> dict[str, Place]:
    """The kept places that are to be looked at and are there. Removable ones are nobody's to remove from."""
    places = host_places(settings)
    for name in named:
        if name not in places:
            known = ", ".join(places) or "none"
            raise SettingsError(f"this host has no place {name!r} (it has: {known})")
        if places[name].removable:
            raise SettingsError(f"the place {name} is removable; nothing is ever removed there")
    there = {}
    for name, place in places.items():
        if place.removable or (named and name not in named):
            continue
        if place.present():
            there[name] = place
        else:
            report.troubles.append(f"{place.why_absent()}; nothing in it was looked at")
            report.places.append({"place": name, "present": False, "total_bytes": None, "free_bytes": None})
    return there


def _print(report: Report, policy: Policy, settings: Settings, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(report))
    else:
        would = "Would be removed" if report.dry_run else "Removed"
        _table(would, report.going, "nothing")
        if report.staying:
            _table("Due, and stays", report.staying, "nothing")
        if report.gone:
            _table("Gone already", report.gone, "nothing")
    freed = sum(each["size_bytes"] for each in report.going)
    if not policy.kinds and settings.retention.unmarked_plates_days <= 0:
        say("nothing is set to be removed; see the table [retention] of the settings")
    elif report.going:
        say(f"{len(report.going)} {'would go' if report.dry_run else 'went'}, {amount(freed)}")
    if report.plates:
        word = "would be forgotten" if report.dry_run else "were forgotten"
        say(f"{report.plates['sightings']} sightings of {report.plates['plates']} unmarked plates {word}")
    for line in report.notes:
        say(printable(line))
    for line in report.troubles:
        say(f"warning: {printable(line)}")


def _table(title: str, rows: list[dict[str, Any]], empty: str) -> None:
    cells = [
        [
            row["class"],
            row["video_id"],
            f"{row['place']}:{row['path']}",
            f"{row['age_days']:.0f}",
            amount(row["size_bytes"]),
            row["reason"],
        ]
        for row in rows
    ]
    table(title, ("class", "clip", "where", "days", "size", "why"), cells, empty=empty)

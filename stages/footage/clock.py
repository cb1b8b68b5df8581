"""When a clip began. Every claim is kept; one wins, and the result says which.

Names are the camera's local time without a zone. A movie header's time is UTC by the standard and local
time in practice, often of the clip's end. GPS time is UTC, except where a maker writes local time there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from stages.errors import SettingsError
from stages.footage.container import Container
from stages.footage.fix import Fix
from stages.footage.names import NameFacts
from stages.sighting import TimeClaim

QUARTER = 900  # seconds; every zone's offset is a whole number of quarter hours
_DRIFT = 120  # seconds by which name and GPS may differ from a whole quarter hour
_EAST, _WEST = 14 * 3600, -12 * 3600
_ROLLOVER = 1024 * 7 * 86400  # old receivers fall back by 1024 weeks
#: Makers whose movie headers hold local time.
_LOCAL_HEADERS = frozenset({"viofo", "novatek", "gopro"})


class ClipTime(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a clip began.

    `start_local` (naive) is the camera's clock, `start_utc` (aware) the best UTC. `time_source`: `gps`,
    `name+time_zone`, `name+host_zone`, `header`, or None. `gps_to_utc_seconds` turns the clock of the GPS
    fixes into UTC. `doubt` says that UTC may be off by the zone's offset.
    """

    start_local: datetime | None = None
    start_utc: datetime | None = None
    utc_offset_seconds: int | None = None
    time_source: str | None = None
    claims: list[TimeClaim] = []
    gps_to_utc_seconds: int = 0
    doubt: bool = False
    warnings: list[str] = []


class _Zone(NamedTuple):
    """The camera's zone: set by the owner, or this host's for want of better."""

    zone: ZoneInfo | None

    def offset_at(self, local: datetime) -> int:
        """Seconds east of UTC when a clock of that zone shows `local`."""
        aware = local.replace(tzinfo=self.zone) if self.zone else local.astimezone()
        offset = aware.utcoffset()
        return int(offset.total_seconds()) if offset else 0

    def offset_at_utc(self, utc: datetime) -> int:
        """Seconds east of UTC at a moment (naive UTC)."""
        offset = utc.replace(tzinfo=UTC).astimezone(self.zone).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    @property
    def source(self) -> str:
        return "time_zone" if self.zone else "host_zone"


def settle(
    name: NameFacts,
    container: Container,
    fixes: Sequence[Fix] = (),
    *,
    modified: float | None = None,
    time_zone: str = "",
    gps_is_local: bool = False,
) -> ClipTime:
    """Weigh the claims. `fixes` carry `seconds`; `modified` is the file's mtime (Unix).

    Raises SettingsError for an unknown `time_zone`.
    """
    zone = _Zone(_zone(time_zone))
    gps = gps_start(fixes)
    base = ClipTime(claims=_claims(name, container, gps, modified))
    local = name.recorded_local
    if gps is not None and local is not None:
        return _by_both(base, local, gps, fixes, zone, gps_is_local=gps_is_local)
    if gps is not None:
        return _by_gps(base, gps, zone, gps_is_local=gps_is_local)
    if local is not None:
        return _by_local(base, local, zone.offset_at(local), f"name+{zone.source}")
    if container.created is not None:
        return _by_header(base, name, container, zone)
    return base


def gps_start(fixes: Sequence[Fix]) -> datetime | None:
    """The clip's start by the clock of its valid fixes (naive, as written), by their median."""
    starts = [
        fix.time.replace(tzinfo=UTC).timestamp() - fix.seconds
        for fix in fixes
        if fix.valid and fix.time is not None and fix.seconds is not None
    ]
    if not starts:
        return None
    return datetime.fromtimestamp(round(median(starts)), UTC).replace(tzinfo=None)


def jump_at_fix(fixes: Sequence[Fix]) -> int | None:
    """By how many seconds the clock jumps when the receiver gets its first fix, if by whole quarter hours.

    Such a camera wrote UTC before and writes its own local time afterwards.
    """
    for last, fix in pairwise(fixes):
        if last.valid or not fix.valid or last.time is None or fix.time is None:
            continue
        jump = (fix.time - last.time).total_seconds() - ((fix.seconds or 0) - (last.seconds or 0))
        quarters = round(jump / QUARTER)
        if quarters and abs(jump - quarters * QUARTER) <= 5 and _WEST <= jump <= _EAST:
            return quarters * QUARTER
    return None


def _zone(name: str) -> ZoneInfo | None:
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"stage.ingest.time_zone: {name[:80]!r} is no time zone known here; "
            "use a name such as Europe/Madrid"
        ) from None


def _claims(
    name: NameFacts, container: Container, gps: datetime | None, modified: float | None
) -> list[TimeClaim]:
    claims = []
    if name.recorded_local:
        claims.append(TimeClaim("name_local", name.recorded_local.isoformat()))
    if container.created:
        claims.append(TimeClaim("mvhd", container.created.isoformat() + "Z"))
        if container.duration_seconds:
            began = container.created - timedelta(seconds=round(container.duration_seconds))
            claims.append(TimeClaim("mvhd_minus_duration", began.isoformat() + "Z"))
    if gps:
        claims.append(TimeClaim("gps", gps.isoformat() + "Z"))
    if modified is not None and 0 < modified < 4_102_444_800:
        when = datetime.fromtimestamp(int(modified), UTC).replace(tzinfo=None)
        claims.append(TimeClaim("mtime", when.isoformat() + "Z"))
    return claims


def _by_both(
    base: ClipTime, local: datetime, gps: datetime, fixes: Sequence[Fix], zone: _Zone, *, gps_is_local: bool
) -> ClipTime:
    weeks = round((local - gps).total_seconds() / _ROLLOVER)
    rolled = weeks * _ROLLOVER if 0 < weeks <= 3 else 0
    gps += timedelta(seconds=rolled)
    base = msgspec.structs.replace(base, gps_to_utc_seconds=rolled)
    ahead = (local - gps).total_seconds()
    offset = round(ahead / QUARTER) * QUARTER
    if abs(ahead - offset) > _DRIFT or not _WEST <= offset <= _EAST:
        text = f"the camera's clock ({local}) and GPS ({gps}) disagree; GPS was believed: set the clock"
        found = _by_gps(base, gps, zone, gps_is_local=gps_is_local)
        return msgspec.structs.replace(found, start_local=local, warnings=[text])
    if offset == 0 and not gps_is_local:
        return _by_equal(base, local, gps, jump_at_fix(fixes), zone)
    if gps_is_local:
        return _gps_is_local(base, local, zone.offset_at(local), f"name+{zone.source}")
    return msgspec.structs.replace(
        base,
        start_local=local,
        start_utc=gps.replace(tzinfo=UTC),
        utc_offset_seconds=offset,
        time_source="gps",
    )


def _by_equal(base: ClipTime, local: datetime, gps: datetime, jump: int | None, zone: _Zone) -> ClipTime:
    """Name and GPS show the same: the camera runs on UTC, or writes its local time as if it were UTC."""
    if jump:
        return _gps_is_local(base, local, jump, "gps")
    legal = zone.offset_at(local)
    if legal:
        text = (
            "GPS time equals the camera's clock, so it is taken for local time and UTC comes from the time "
            f"zone ({zone.source}); if the camera is set to UTC, set stage.ingest.time_zone to UTC"
        )
        found = _gps_is_local(base, local, legal, f"name+{zone.source}")
        return msgspec.structs.replace(found, doubt=True, warnings=[text])
    found = msgspec.structs.replace(
        base, start_local=local, start_utc=gps.replace(tzinfo=UTC), utc_offset_seconds=0, time_source="gps"
    )
    if zone.zone is not None:
        return found
    text = (
        "GPS time equals the camera's clock, so it may be local time; UTC is in doubt: "
        "set stage.ingest.time_zone to the cameras' zone"
    )
    return msgspec.structs.replace(found, doubt=True, warnings=[text])


def _gps_is_local(base: ClipTime, local: datetime, offset: int, source: str) -> ClipTime:
    found = _by_local(base, local, offset, source)
    return msgspec.structs.replace(found, gps_to_utc_seconds=base.gps_to_utc_seconds - offset)


def _by_gps(base: ClipTime, gps: datetime, zone: _Zone, *, gps_is_local: bool) -> ClipTime:
    if gps_is_local:
        return _gps_is_local(base, gps, zone.offset_at(gps), f"gps+{zone.source}")
    return _by_utc(base, gps, zone, "gps")


def _by_local(base: ClipTime, local: datetime, offset: int, source: str) -> ClipTime:
    return msgspec.structs.replace(
        base,
        start_local=local,
        start_utc=(local - timedelta(seconds=offset)).replace(tzinfo=UTC),
        utc_offset_seconds=offset,
        time_source=source,
    )


def _by_utc(base: ClipTime, utc: datetime, zone: _Zone, source: str) -> ClipTime:
    offset = zone.offset_at_utc(utc)
    return msgspec.structs.replace(
        base,
        start_local=utc + timedelta(seconds=offset),
        start_utc=utc.replace(tzinfo=UTC),
        utc_offset_seconds=offset,
        time_source=source,
    )


def _by_header(base: ClipTime, name: NameFacts, container: Container, zone: _Zone) -> ClipTime:
    assert container.created is not None
    if name.family in _LOCAL_HEADERS:
        return _by_local(base, container.created, zone.offset_at(container.created), "header")
    return _by_utc(base, container.created, zone, "header")

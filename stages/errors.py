"""Every error of ours.

DashcamError                 says what happened and what to do about it
├── BadInput                 what was sent or given cannot be understood; carries `fields`
│   └── SettingsError        a setting is wrong; nothing was started
│       └── DatabaseDamaged  the server's database is not whole; says what puts it right
├── NotFound                 the named thing is not there
├── Conflict                 it is there, and in a state that forbids this
│   └── StaleLease           the caller's lease is not the current one: its work is no longer wanted
├── Unavailable              the server cannot answer now; trying again later can help
├── Unreachable              no server answers at the address
│   └── Busy                 it answers that it cannot now (5xx, 429)
├── Refused                  it answers, and will not
├── PlaceAbsent              a place is not mounted or not plugged in: wait; this is nobody's failure
│   └── PlaceFull            it is there and cannot be written: full or read-only
├── StageFailed              the work cannot be done; `retry` says whether trying again can help
│   ├── InputGone            the place is there and the file is not
│   ├── DetectorFailed       a detector worked, broke down, and does not come back
│   └── ClipDamaged          the clip cannot be read as a video; names the reason
└── Cancelled                a person or the server took the task back
"""

from __future__ import annotations


class DashcamError(Exception):
    """Base of all errors that a person is meant to read."""


class BadInput(DashcamError):
    """Input that cannot be understood; `fields` is a list of (field, message)."""

    def __init__(self, message: str, fields: list[tuple[str, str]] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or []


class SettingsError(BadInput):
    """A setting is unknown, of the wrong type or out of range."""


class DatabaseDamaged(SettingsError):
    """The server's database file is not whole."""


class NotFound(DashcamError):
    """The named task, device or video is not there."""


class Conflict(DashcamError):
    """The thing is in a state that forbids what was asked."""


class StaleLease(Conflict):
    """The caller's lease was given to somebody else, expired or revoked."""


class Unavailable(DashcamError):
    """The server cannot answer now."""


class Unreachable(DashcamError):
    """No server answers at the address."""


class Busy(Unreachable):
    """The server answers that it cannot now (5xx, 429); trying later can help."""


class Refused(DashcamError):
    """The server answered, and would not."""


class PlaceAbsent(DashcamError):
    """A place is not mounted, asleep or not plugged in."""


class PlaceFull(PlaceAbsent):
    """A place is there and nothing can be written to it."""


class StageFailed(DashcamError):
    """The stage could not do its work."""

    def __init__(self, message: str, *, retry: bool = False) -> None:
        super().__init__(message)
        self.retry = retry


class InputGone(StageFailed):
    """The place is reachable, the file is not in it."""


class DetectorFailed(StageFailed):
    """A detector that worked has broken down and cannot be started again."""


class ClipDamaged(StageFailed):
    """The clip cannot be read as a video."""


class Cancelled(DashcamError):
    """The task was taken back while it ran."""

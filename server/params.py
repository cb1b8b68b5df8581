"""What callers send, checked: query parameters and bodies become plain values or a `BadInput`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qs, parse_qsl

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException

from config.loader import plain
from server.face import PAGE_NUMBER, Face
from stages.errors import BadInput, NotFound
from stages.task import VIDEO_ID, VIDEO_ID_RULE, TaskType

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]

UNKNOWN = "X-Unknown-Parameters"
_DIGITS = 16
_SHORT = 512


class Query:
    """The query string of a request, by the names of its version. What was never asked for is `unknown`."""

    def __init__(self, request: AnyRequest) -> None:
        self.face = Face(request.scope["path"])
        self._values = asked_for(request.scope["query_string"])
        self._asked: set[str] = set()
        self.strangers: dict[str, str] = {}

    def text(self, name: str, *, bare: bool = False) -> str | None:
        """The last value given; an empty one counts as none."""
        return next(reversed(self.texts(name, bare=bare)), None)

    def texts(self, name: str, *, bare: bool = False) -> list[str]:
        """Every value given, in order. `bare`: the name is the same in every version."""
        spelled = name if bare else self.face.name(name)
        self._asked.add(spelled)
        return [value for value in self._values.get(spelled, []) if value != ""]

    def page(self, default: int, most: int) -> tuple[int, int]:
        """Limit and offset: `limit` and `offset` in v1, `page[limit]` and `page[number]` (from 1) in v2."""
        limit = self.integer("limit", default, 1, most)
        if not self.face.v2:
            return limit, self.integer("offset", 0, 0, 1 << 53)
        self._asked.add(PAGE_NUMBER)
        number = self._whole(PAGE_NUMBER, self.text(PAGE_NUMBER, bare=True), 1, 1, 1 << 40)
        return limit, (number - 1) * limit

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number in a range."""
        return self._whole(self.face.name(name), self.text(name), default, least, most)

    def _whole(self, name: str, text: str | None, default: int, least: int, most: int) -> int:
        if text is None:
            return default
        digits = text.removeprefix("-")
        whole = digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS
        if not (whole and least <= int(text) <= most):
            bad(name, f"must be a whole number from {least} to {most}, got {text[:40]!r}")
        return int(text)

    def number(self, name: str, least: float, most: float, *, bare: bool = False) -> float | None:
        """A number in a range, or None when absent."""
        text = self.text(name, bare=bare)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            bad(name, f"must be a number from {least:g} to {most:g}, got {text[:40]!r}")
        return value

    def choice(self, name: str, allowed: Iterable[str]) -> str | None:
        """One of a few words."""
        text = self.text(name)
        return None if text is None else one_of(name, text, allowed)

    def choices(self, name: str, allowed: Sequence[str]) -> tuple[str, ...]:
        """Some of a few words (the parameter may be repeated)."""
        return tuple(dict.fromkeys(one_of(name, text, allowed) for text in self.texts(name)))

    def unknown(self) -> dict[str, str]:
        """A header that names parameters nobody knows, with the nearest that somebody does; v2 refuses them.

        Call it before anything is changed, and after everything was asked for.
        """
        strangers: list[str] = []
        for name in self._values.keys() - self._asked:
            near = difflib.get_close_matches(name, self._asked, n=1)
            shown = "".join(c if "!" <= c <= "~" else "?" for c in name[:60])
            strangers.append(f"{shown} (did you mean {near[0]}?)" if near else shown)
        if strangers and self.face.v2:
            named = ", ".join(sorted(strangers)[:10])
            raise BadInput(
                f"unknown parameters: {named}", [(each, "is not known here") for each in strangers[:10]]
            )
        self.strangers = {UNKNOWN: ", ".join(sorted(strangers)[:10])} if strangers else {}
        return self.strangers


def asked_for(query: bytes) -> dict[str, list[str]]:
    """The values of each parameter, in order."""
    if not query:
        return {}
    # Workers ask the same again and again.
    return _parsed(query) if len(query) <= _SHORT else _parsed.__wrapped__(query)


@lru_cache(512)
def _parsed(query: bytes) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return values


def nothing_asked(request: AnyRequest) -> Query:
    """The query of a request that takes no parameters."""
    query = Query(request)
    query.unknown()
    return query


def bad(field: str, message: str) -> None:
    """Refuse one field."""
    raise BadInput(f"{field} {message}", [(field, message)])


def one_of(field: str, text: str, allowed: Iterable[str]) -> str:
    """`text` when it is allowed."""
    if text not in (words := list(allowed)):
        near = difflib.get_close_matches(text, words, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        bad(field, f"must be one of {', '.join(words)}, got {text[:40]!r}{hint}")
    return text


def number_in_path(text: str, what: str) -> int:
    """A number from a path. Raises NotFound when it can be nobody's (not a number, beyond 64 bits)."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) < 1 << 63):
        raise NotFound(f"{what} {text[:40]} not found")
    return int(text)


async def body(request: AnyRequest) -> Any:
    """The decoded body, or None when there is none. JSON by its first character, else form fields."""
    kind = header(request, b"content-type").partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        raise HTTPException(status_code=415, detail="multipart bodies are not taken; send JSON")
    raw = (await _whole_body(request)).strip()
    if not raw:
        return None
    if kind == "application/x-www-form-urlencoded" and raw[:1] not in b"{[" and raw != b"null":
        return _form(raw)
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"the body is not valid JSON: {error}", [("body", str(error))]) from None


def header(request: AnyRequest, name: bytes) -> str:
    """A header's value; "" when it was not sent."""
    return next((value.decode("latin-1") for key, value in request.scope["headers"] if key == name), "")


async def _whole_body(request: AnyRequest) -> bytes:
    """What was sent; `edge` has bounded it. Each body is read once, so nothing is kept of it."""
    message: Any = await request.receive()
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
        message = await request.receive()
    raise HTTPException(status_code=400, detail="the caller went away before the body had come")


def _form(raw: bytes) -> dict[str, Any]:
    try:
        fields = parse_qs(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise BadInput(f"the form could not be read: {error}", [("body", str(error))]) from None
    return {name: values[-1] for name, values in fields.items()}


async def object_body(request: AnyRequest, *, required: bool = True) -> dict[str, Any]:
    """A body that is a JSON object; `{}` for none when it is not required."""
    value = await body(request)
    if value is None and not required:
        return {}
    if not isinstance(value, dict):
        found = "nothing" if value is None else type(value).__name__
        raise BadInput(f"the body must be a JSON object, got {found}", [("body", "not an object")])
    return value


def convert(value: Any, kind: type[T], field: str = "") -> T:
    """`value` as `kind`, or a `BadInput` naming the field."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        path, _, message = plain(str(error)).rpartition(": ")
        name = ".".join(part for part in (field, path) if part) or "body"
        raise BadInput(f"{name}: {message}", [(name, message)]) from None


def video_id(value: Any, field: str = "video_id") -> str | None:
    """A clip's name, checked: it becomes a path."""
    if value is None:
        return None
    if not isinstance(value, str) or not VIDEO_ID.match(value):
        bad(field, f"must be {VIDEO_ID_RULE}")
    return str(value)


TASK_TYPES = tuple(TaskType)

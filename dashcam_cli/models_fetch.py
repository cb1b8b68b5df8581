"""Where a model's bytes come from: its repository or a mirror over HTTPS, or a folder at hand.

Whoever sends them is not believed: not more is taken than the model has, and the caller hashes it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

import httpx

from stages.disk import remove
from stages.errors import BadInput, Busy, NotFound, Refused, SettingsError, Unreachable
from stages.vision.models import Model

_BLOCK = 64 << 10
_REDIRECTS = 5
#: A line that breaks off is gone on with, after pauses of so many seconds; what came in between forgives all.
_PAUSES = (1.0, 2.0, 4.0)
_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", re.ASCII)
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)

Tell = Callable[[int], None]


class Source(Protocol):
    """Somewhere that has models."""

    def fetch(self, model: Model, part: Path, tell: Tell) -> None:
        """Bring a model's bytes into `part`, going on with what is there; `tell` hears the bytes done.

        Raises `NotFound`, `Refused`, `Unreachable`, `OSError`. The bytes are not checked.
        """

    def close(self) -> None:
        """Let go of it."""


class Shelf:
    """A folder at hand; `found`: files by SHA-256."""

    def __init__(self, folder: Path, found: dict[str, Path]) -> None:
        self._folder = folder
        self._found = found

    def fetch(self, model: Model, part: Path, tell: Tell) -> None:
        """Copy the file."""
        if model.sha256 not in self._found:
            raise NotFound(
                f"{model.name}: no file below {self._folder} has its bytes "
                f"({model.bytes} bytes, SHA-256 {model.sha256[:16]}...)"
            )
        with self._found[model.sha256].open("rb") as file, part.open("wb") as out:
            while block := file.read(_BLOCK):
                out.write(block)
                tell(out.tell())

    def close(self) -> None:
        """Nothing is held."""


class Web:
    """The models' repositories; with `mirror` an address under which the files lie side by side.

    Proxies come from the usual variables (HTTPS_PROXY, NO_PROXY), authorities from SSL_CERT_FILE.
    """

    def __init__(
        self, mirror: str = "", *, timeout: float = 30.0, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._mirror = _checked(mirror) if mirror else ""
        self._sleep = sleep
        try:
            self._http = httpx.Client(
                timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
                follow_redirects=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "dashcam"},
            )
        except (ValueError, ImportError, OSError) as error:
            raise SettingsError(f"the proxy or certificate variables cannot be used: {error}") from error

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def fetch(self, model: Model, part: Path, tell: Tell) -> None:
        """Ask until the file is whole, going on where it broke off."""
        names = [f"{self._mirror}/{quote(name)}" for name in (model.file, model.origin)]
        urls = names if self._mirror else [origin(model)]
        for number, url in enumerate(urls, start=1):
            try:
                self._patiently(model, url, part, tell)
                return
            except NotFound:
                if number == len(urls):
                    raise

    def _patiently(self, model: Model, url: str, part: Path, tell: Tell) -> None:
        tried = 0
        while True:
            before = _size(part)
            try:
                self._once(model, url, part, tell)
                return
            except (BrokenOff, Busy) as error:
                tried = 0 if _size(part) >= before + _BLOCK else tried + 1
                if tried > len(_PAUSES):
                    raise Unreachable(
                        f"{model.name}: {error}; run the same again, it goes on where it broke off"
                    ) from error
                self._sleep(_PAUSES[max(0, tried - 1)])

    def _once(self, model: Model, url: str, part: Path, tell: Tell) -> None:
        if _size(part) >= model.bytes:
            remove(part)  # an earlier run left it, and its bytes were wrong
        have = _size(part)
        with self._ask(url, {"Range": f"bytes={have}-"} if have else {}) as answer:
            if answer.status_code == 416:  # what is there is no beginning of that file
                remove(part)
            start = _begin(answer, model, have)
            try:
                done = _write(answer, part, start, model.bytes, tell)
            except httpx.TransportError as error:
                raise BrokenOff(f"{_shown(url)} broke off ({error or type(error).__name__})") from error
        if done > model.bytes:
            remove(part)
            raise Refused(
                f"{model.name}: {_shown(url)} sends more than the {model.bytes} bytes that the model has; "
                "it is another file and was not kept"
            )
        if done < model.bytes:
            raise BrokenOff(f"{_shown(url)} broke off after {done} of {model.bytes} bytes")

    @contextmanager
    def _ask(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """GET, following redirects to https alone."""
        for _ in range(_REDIRECTS + 1):
            request = self._http.build_request("GET", url, headers=headers)
            try:
                answer = self._http.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
                raise Unreachable(
                    f"{_shown(url)} cannot be reached ({error or type(error).__name__}); on a host without "
                    "internet use --from with a folder of files that were fetched elsewhere"
                ) from error
            except (httpx.TransportError, httpx.InvalidURL) as error:
                raise BrokenOff(f"{_shown(url)} broke off ({error or type(error).__name__})") from error
            try:
                if answer.next_request is None:
                    yield answer
                    return
                url = str(answer.next_request.url)
            finally:
                answer.close()
            if urlsplit(url).scheme != "https":
                raise Refused(f"{_shown(str(request.url))} leads to {_shown(url)}, which is not https")
        raise Refused(f"{_shown(url)}: more than {_REDIRECTS} redirects")


class BrokenOff(Unreachable):
    """The line broke in the middle; what came is kept."""


def origin(model: Model) -> str:
    """The address of a model's bytes in its repository on GitHub."""
    return f"https://raw.githubusercontent.com/{model.repository}/{model.commit}/{quote(model.path)}"


def _begin(answer: httpx.Response, model: Model, have: int) -> int:
    """The byte that an answer begins with; what does not fit the model is refused before it is read."""
    url, status = _shown(str(answer.url)), answer.status_code
    if status == 404:
        raise NotFound(f"{model.name}: {url} is not there (404); get the file elsewhere and use --from DIR")
    if status in (408, 416, 429) or status >= 500:
        raise Busy(f"{url} answers {status}")
    found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if status == 206 and have and found and int(found[1]) == have:
        start, total = have, found[2]
    elif status == 200:
        length = answer.headers.get("content-length", "")
        start, total = 0, length if _LENGTH.fullmatch(length) else "*"
    else:
        raise Refused(f"{model.name}: {url} answers {status} to a request for a file")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Refused(f"{model.name}: {url} sends the file packed, which was not asked for")
    if total not in ("*", str(model.bytes)):
        raise Refused(
            f"{model.name}: {url} has {total} bytes instead of {model.bytes}; it is another file and was not "
            "fetched"
        )
    return start


def _write(answer: httpx.Response, part: Path, start: int, limit: int, tell: Tell) -> int:
    """Write what comes behind `start`; stops once it is more than `limit`. The size reached."""
    done = start
    with part.open("r+b" if start else "wb") as out:
        out.seek(start)
        for block in answer.iter_raw():  # as it comes: what a cut leaves is kept
            done += len(block)
            if done > limit:
                break
            out.write(block)
            tell(done)
    return done


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _checked(mirror: str) -> str:
    """A mirror's address without its last slash. Raises BadInput."""
    try:
        parts = urlsplit(mirror)
        httpx.URL(mirror)
        good = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
        if not good:
            raise ValueError(mirror)
    except (ValueError, httpx.InvalidURL) as error:
        raise BadInput(
            f"{_shown(mirror)!r} is no address of a mirror; give one like https://nas.home/models"
        ) from error
    return mirror.rstrip("/")


def _shown(url: str) -> str:
    """An address without a password."""
    return re.sub(r"//[^/@]*@", "//", url)[:200]

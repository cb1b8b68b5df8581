"""The typed client: the only place that knows the server's addresses."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from dashcam_cli.homekey import HomeKey, on_this_host
from stages.device import HeldLease, Orders
from stages.errors import BadInput, Busy, Conflict, DashcamError, NotFound, Refused, Unreachable
from stages.stage import Result
from stages.task import Task

T = TypeVar("T")
_API = "/api/v1"
_RETRIED = {429, 500, 502, 503, 504}
_LONGEST_PAUSE = 30.0
#: Calls in a row that found no server, after which the next are refused at once for so many seconds.
_TOO_MANY, _OPEN_SECONDS = 5, 10.0


class Claimed(Task, frozen=True, kw_only=True):
    """A task as a named worker gets it."""

    failures: int = 0


class Circuit:
    """Opens after repeated failure: for a while nobody waits for a server that is known to be away."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._opened = 0.0

    def open_for(self) -> float:
        """Seconds for which calls are refused at once; 0 = go on. One call is let through after that."""
        if self._failures < _TOO_MANY:
            return 0.0
        return max(0.0, self._opened + _OPEN_SECONDS - self._clock())

    def note(self, reached: bool) -> None:
        """What came of a call."""
        self._failures = 0 if reached else self._failures + 1
        if not reached:
            self._opened = self._clock()


class Client:
    """One server. `patience`: seconds to go on trying when it is away or busy; 0 = once.

    `key`: the file of the home's key; it signs when there is no token and the server is on this host.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        key: Path | None = None,
        patience: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        if not token.isascii() or not token.isprintable():
            raise BadInput("the token has characters that no token has; look at server.token (DASHCAM_TOKEN)")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        auth = HomeKey(key) if key is not None and not token and on_this_host(url) else None
        try:
            if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
                raise ValueError(url)
            self._http = httpx.Client(
                base_url=self.url, headers=headers, auth=auth, timeout=httpx.Timeout(30.0, connect=5.0)
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise BadInput(
                f"{url!r} is not a server address; give one like http://main-server:8000"
            ) from error
        self._patience = patience
        self._sleep = sleep
        self._circuit = Circuit()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # -- tasks ---------------------------------------------------------------------------------

    def create(self, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Create up to 1,000 tasks, all or none."""
        # A reply that is lost on the way must not make the tasks twice.
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return self._call(
            "POST", "/tasks/batch", {"tasks": tasks}, kind=list[dict[str, Any]], headers=headers
        )

    def task(self, task_id: int) -> dict[str, Any]:
        """One task, with its phase and error."""
        return self._call(
            "GET",
            f"/tasks/{task_id}",
            params={"expand": "phase,error,device,failures,crashes"},
            kind=dict[str, Any],
        )

    def tasks(self, **filters: Any) -> list[dict[str, Any]]:
        """Tasks by `task_type`, `state`, `video_id`, `limit`, `offset`."""
        params = {name: value for name, value in filters.items() if value is not None}
        params["expand"] = "phase,error,device,failures,crashes"
        return self._call("GET", "/tasks", params=params, kind=list[dict[str, Any]])

    def claim(
        self, worker: str, session: str, types: Iterable[str], capabilities: dict[str, Any], wait: float
    ) -> Claimed | None:
        """Ask for one task, waiting for it up to `wait` seconds."""
        params = [("worker", worker), ("session", session), ("wait", str(wait))]
        params += [("task_type", task_type) for task_type in types]
        body = {"device_capabilities": capabilities, "held": []}
        found = self._call(
            "POST", "/tasks/pending", body, params=params, kind=list[Claimed], timeout=wait + 30
        )
        return found[0] if found else None

    def complete(self, task: Task, result: Result) -> dict[str, Any]:
        """Publish a result under the task's lease."""
        body = msgspec.to_builtins(result) | {"lease": task.lease}
        return self._call("POST", f"/tasks/{task.task_id}/complete", body, kind=dict[str, Any])

    def fail(self, task: Task, kind: str, error: str, *, retry: bool, log: str = "") -> None:
        """Say that a task could not be done; `log`: what the stage's process printed last."""
        body = {"lease": task.lease, "kind": kind, "error": error, "retry": retry}
        if log:
            body["log"] = log
        self._call("POST", f"/tasks/{task.task_id}/fail", body, kind=dict[str, Any])

    def retry(self, task_id: int) -> dict[str, Any]:
        """Put a task that was given up or cancelled back into the queue."""
        return self._call("POST", f"/tasks/{task_id}/retry", kind=dict[str, Any])

    def cancel(self, task_id: int) -> dict[str, Any]:
        """Take a task out of the queue; who holds it is told with the next heartbeat."""
        return self._call("POST", f"/tasks/{task_id}/cancel", kind=dict[str, Any])

    def amend(self, task_id: int, **changes: dict[str, Any]) -> dict[str, Any]:
        """Change a task's `metadata` or `device_capabilities_required`."""
        return self._call("PATCH", f"/tasks/{task_id}", changes, kind=dict[str, Any])

    def pending(
        self, capabilities: dict[str, Any], *, limit: int = 1, **filters: Any
    ) -> list[dict[str, Any]]:
        """What a device with these capabilities could be given; leases nothing."""
        params = {"limit": limit, **filters}
        return self._call("GET", "/tasks/pending", capabilities, params=params, kind=list[dict[str, Any]])

    def release(self, task: Task) -> None:
        """Give a task back unharmed."""
        self._call("POST", f"/tasks/{task.task_id}/release", {"lease": task.lease}, kind=dict[str, Any])

    # -- devices -------------------------------------------------------------------------------

    def heartbeat(self, body: dict[str, Any], held: list[HeldLease]) -> Orders:
        """Say that this device is alive and what it holds."""
        answer = self._call("POST", "/devices/heartbeat", body | {"held": held}, kind=dict[str, Any])
        try:
            return msgspec.convert(answer["orders"], Orders)
        except (KeyError, msgspec.ValidationError) as error:
            raise Refused(f"{self.url} did not answer like a dashcam server: {error}") from error

    def devices(self) -> list[dict[str, Any]]:
        """Every device, with the types of which it gets no tasks (`quarantine`)."""
        more = {"expand": "quarantine,draining"}
        return self._call("GET", "/devices", params=more, kind=list[dict[str, Any]])

    def clear_device(self, hostname: str) -> dict[str, Any]:
        """Let a device in quarantine have tasks again."""
        return self._call("POST", f"/devices/{quote(hostname, safe='')}/clear", kind=dict[str, Any])

    def drain_device(self, hostname: str, drain: bool) -> dict[str, Any]:
        """Give a device nothing more, or tasks again."""
        path = f"/devices/{quote(hostname, safe='')}/drain"
        return self._call("POST", path, {"drain": drain}, kind=dict[str, Any])

    # -- tokens --------------------------------------------------------------------------------

    def tokens(self) -> list[dict[str, Any]]:
        """Every token that was given out."""
        return self._call("GET", "/tokens", kind=list[dict[str, Any]])

    def create_token(self, name: str, role: str, days: float | None = None) -> dict[str, Any]:
        """A new token; its text is in `token`, and in no later answer."""
        return self._call("POST", "/tokens", {"name": name, "role": role, "days": days}, kind=dict[str, Any])

    def revoke_token(self, jti: str) -> dict[str, Any]:
        """End a token."""
        return self._call("DELETE", f"/tokens/{quote(jti, safe='')}", kind=dict[str, Any])

    def device(self, hostname: str) -> dict[str, Any]:
        """One device."""
        return self._call("GET", f"/devices/{quote(hostname, safe='')}", kind=dict[str, Any])

    def forget_device(self, hostname: str) -> None:
        """Forget a device that is gone for good."""
        self._call("DELETE", f"/devices/{quote(hostname, safe='')}", kind=dict[str, Any])

    # -- what is known -------------------------------------------------------------------------

    def known(self, fingerprints: list[str]) -> dict[str, str]:
        """Which of these contents the server knows, with the clip's name."""
        answer = self._call("POST", "/clips/known", {"fingerprints": fingerprints}, kind=dict[str, Any])
        return dict(answer["known"])

    def moved(self, clips: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Tell where known contents were seen; what the catalogue has now of each that it knows."""
        answer = self._call("POST", "/clips/moved", {"clips": clips}, kind=dict[str, Any])
        return list(answer["clips"])

    def video(self, video_id: str) -> dict[str, Any]:
        """One clip with everything that is known of it."""
        params = {"expand": "facts,media,sightings"}
        return self._call(
            "GET", f"/webui/videos/{quote(video_id, safe='')}", params=params, kind=dict[str, Any]
        )

    def whole(self, video_id: str) -> dict[str, Any]:
        """One clip with all that is needed to export it: facts, files, fixes and sightings."""
        params = {"expand": "facts,files,media,route,sightings"}
        return self._call(
            "GET", f"/webui/videos/{quote(video_id, safe='')}", params=params, kind=dict[str, Any]
        )

    def trip(self, trip_id: str) -> dict[str, Any]:
        """One trip with its clips, by its name or that of any of its clips."""
        return self._call("GET", f"/trips/{quote(trip_id, safe='')}", kind=dict[str, Any])

    def picture(self, address: str, most: int = 1 << 20) -> bytes | None:
        """A small picture by its address on this server (`/media/...`); None when it has none there."""
        if not address.startswith("/media/"):
            return None
        try:
            answer = self._http.get(address)
        except (httpx.TransportError, httpx.InvalidURL):
            return None
        fits = answer.status_code == 200 and len(answer.content) <= most
        return answer.content if fits else None

    def videos(self, **filters: Any) -> list[dict[str, Any]]:
        """Clips by `status`, `date_from`, `date_to`, `limit`, `offset`."""
        params = {name: value for name, value in filters.items() if value is not None}
        return self._call("GET", "/webui/videos", params=params, kind=list[dict[str, Any]])

    # -- trips ---------------------------------------------------------------------------------

    def trips(self, **filters: Any) -> list[dict[str, Any]]:
        """Trips by `camera`, `date_from`, `date_to`, `limit`, `offset`."""
        params = {name: value for name, value in filters.items() if value is not None}
        return self._call("GET", "/trips", params=params, kind=list[dict[str, Any]])

    def merge_trips(self, trip_ids: list[str]) -> dict[str, Any]:
        """Make trips one; the `trip` and the `edit`."""
        return self._call("POST", "/trips/merge", {"trip_ids": trip_ids}, kind=dict[str, Any])

    def split_trip(self, trip_id: str, video_id: str) -> dict[str, Any]:
        """Begin another trip with a clip of one; the `trips` and the `edit`."""
        path = f"/trips/{quote(trip_id, safe='')}/split"
        return self._call("POST", path, {"video_id": video_id}, kind=dict[str, Any])

    def trip_edits(self, limit: int = 100) -> list[dict[str, Any]]:
        """What people said of trips, newest first."""
        return self._call("GET", "/trips/edits", params={"limit": limit}, kind=list[dict[str, Any]])

    def undo_trip_edit(self, edit_id: int) -> dict[str, Any]:
        """Take a merge or a split back."""
        return self._call("DELETE", f"/trips/edits/{edit_id}", kind=dict[str, Any])

    # -- retention -----------------------------------------------------------------------------

    def candidates(
        self, places: list[str], kinds: Iterable[str], *, videos: Iterable[str] = (), after: int = 0
    ) -> dict[str, Any]:
        """A page of catalogued files, with whatever keeps them from being removed; `next` goes on."""
        params: list[tuple[str, Any]] = [("place", place) for place in places]
        params += [("kind", kind) for kind in kinds] + [("video_id", video_id) for video_id in videos]
        params += [("after", after), ("limit", 1000)]
        return self._call("GET", "/retention/candidates", params=params, kind=dict[str, Any])

    def removed(self, files: list[dict[str, Any]], host: str) -> int:
        """Tell that files are no longer there; how many of them the catalogue knew."""
        answer = self._call("POST", "/files/removed", {"files": files, "host": host}, kind=dict[str, Any])
        return int(answer["forgotten"])

    def forget_plates(self, days: float, *, locked: bool, dry_run: bool, host: str) -> dict[str, Any]:
        """Forget old sightings of plates that nobody marked, or count them."""
        body = {"days": days, "locked": locked, "dry_run": dry_run, "host": host}
        return self._call("POST", "/retention/plates", body, kind=dict[str, Any], timeout=600)

    def protect(self, video_id: str, *, on: bool = True) -> dict[str, Any]:
        """Keep a clip from every retention rule, or no longer."""
        path = f"/videos/{quote(video_id, safe='')}/protect"
        return self._call("POST", path, {"protected": on}, kind=dict[str, Any])

    def backup(self, part: Path, *, pictures: bool) -> None:
        """A copy of the server's database, written to `part`. Raises what every call does, and OSError."""
        body = msgspec.json.encode({"pictures": pictures})
        head = {"Content-Type": "application/json"}
        patient = httpx.Timeout(30.0, connect=5.0, read=3600.0)  # it is made before its first byte is sent
        try:
            with self._http.stream(
                "POST", f"{_API}/backup", content=body, headers=head, timeout=patient
            ) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise _error(answer)
                with part.open("wb") as file:
                    for block in answer.iter_bytes(1 << 20):
                        file.write(block)
        except httpx.TransportError as error:
            raise Unreachable(
                f"the copy from {self.url} broke off: {error or type(error).__name__}"
            ) from error

    def rebuild(self, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Tell up to 100 results of stages anew; what became of each."""
        answer = self._call(
            "POST", "/catalogue/rebuild", {"results": results}, kind=dict[str, Any], timeout=120
        )
        return list(answer["results"])

    def metrics(self) -> dict[str, Any]:
        """How the server fares."""
        return self._call("GET", "/metrics", kind=dict[str, Any])

    def plates(self, **filters: Any) -> list[dict[str, Any]]:
        """Sightings by `plate_query`, `date_from`, `date_to`, `confirmed`, `limit`, `offset`, `expand`."""
        params = {name: value for name, value in filters.items() if value is not None}
        return self._call("GET", "/webui/plates", params=params, kind=list[dict[str, Any]])

    def encounters(self, **filters: Any) -> list[dict[str, Any]]:
        """Sightings of one plate that belong together, by the filters of `plates`."""
        params = {name: value for name, value in filters.items() if value is not None}
        return self._call("GET", "/webui/encounters", params=params, kind=list[dict[str, Any]])

    def queue(self) -> dict[str, Any]:
        """What waits, and why."""
        return self._call("GET", "/queue", kind=dict[str, Any])

    def failures(self) -> list[dict[str, Any]]:
        """Tasks that were given up."""
        return self._call("GET", "/failures", kind=list[dict[str, Any]])

    def healthy(self) -> bool:
        """Whether a dashcam server answers there."""
        try:
            return self._http.get("/health", timeout=3).status_code == 200
        except httpx.HTTPError:
            return False

    # -- one call ------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, *, kind: type[T], params: Any = None) -> T:
        """One call below the API's address, for the files `client_*.py`."""
        return self._call(method, path, body, params=params, kind=kind)

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Any = None,
        kind: type[T],
        timeout: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> T:
        if (seconds := self._circuit.open_for()) > 0:
            raise Unreachable(
                f"no server answered at {self.url} lately; it is tried again in {seconds:.0f} s"
            )
        content = None if body is None else msgspec.json.encode(body)
        end = time.monotonic() + self._patience
        for attempt in range(100):
            answer, trouble, pause = self._once(method, path, content, params, timeout, headers or {})
            if answer is not None and answer.status_code not in _RETRIED:
                break
            pause = pause or min(0.2 * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)
            if time.monotonic() + pause > end:
                break
            self._sleep(pause)
        self._circuit.note(answer is not None)
        if answer is None:
            raise Unreachable(f"no server answers at {self.url} ({trouble}); start one with: dashcam server")
        if answer.status_code >= 400:
            raise _error(answer)
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError as error:
            raise Refused(f"{self.url} did not answer like a dashcam server: {error}") from error

    def _once(
        self,
        method: str,
        path: str,
        content: bytes | None,
        params: Any,
        timeout: float | None,
        more: dict[str, str],
    ) -> tuple[httpx.Response | None, str, float]:
        headers = ({"Content-Type": "application/json"} if content is not None else {}) | more
        try:
            answer = self._http.request(
                method,
                _API + path,
                content=content,
                params=params,
                headers=headers,
                timeout=httpx.USE_CLIENT_DEFAULT if timeout is None else httpx.Timeout(timeout, connect=5.0),
            )
        except httpx.TransportError as error:
            return None, str(error) or type(error).__name__, 0.0
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise BadInput(f"{self.url!r} is not a server address: {error}") from error
        return answer, "", _retry_after(answer)


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), 60.0) if answer.status_code == 429 and text.isdigit() else 0.0


def _error(answer: httpx.Response) -> DashcamError:
    try:
        message = str(msgspec.json.decode(answer.content)["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        message = f"the server answered {answer.status_code}"
    if answer.status_code in _RETRIED - {500}:
        return Busy(message)
    kinds: dict[int, type[DashcamError]] = {400: BadInput, 404: NotFound, 409: Conflict, 413: BadInput}
    return kinds.get(answer.status_code, Refused)(message)

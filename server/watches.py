"""Watches: which plates somebody wants to be told of, and what is said of them."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec
from rapidfuzz.distance import Levenshtein

from server.folding import WILD, far, fold, normal, pattern
from stages.errors import BadInput

EXACT, PARTIAL, SIMILAR = "exact", "partial", "similar"
MATCHES = (EXACT, PARTIAL, SIMILAR)
WEBHOOK, MQTT, PAGE = "webhook", "mqtt", "page"
#: What a notification is about.
SEEN, PAST, TEST = "plate.seen", "plate.past", "test"
#: Two letters or digits that a text must have: a watch for everything would tell of everything.
TEXT = r"[A-Za-z0-9][\s\S]*[A-Za-z0-9]"
LONGEST = 64
#: Watches at most; each is compared with each plate that comes in.
MOST = 500
_STARS = re.compile(r"\*+")


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """A watch. Times in microseconds; `past_count`: sightings that were there before it was made."""

    watch_id: int
    name: str
    text: str
    match: str
    active: bool
    webhook: str | None
    topic: str | None
    made_at: int
    past_at: int | None
    past_count: int | None

    @property
    def ways(self) -> list[str]:
        """How it tells; the page lists what is told in no other way."""
        given = ((WEBHOOK, self.webhook), (MQTT, self.topic))
        return [way for way, where in given if where] or [PAGE]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One notification on one way. `state`: waiting, delivered, gave_up or listed (shown on the page only).

    `answer`: what the last attempt ended with.
    """

    delivery_id: int
    watch_id: int
    event_id: str
    event: str
    way: str
    plate: str | None
    video_id: str | None
    state: str
    made_at: int
    attempts: int
    next_at: int | None
    last_at: int | None
    answer: str | None


def watched_text(text: str, match: str) -> tuple[str, str]:
    """A watch's text as it is kept, and what plates are compared with. Raises `BadInput`."""
    if len(text) > LONGEST or not re.search(TEXT, text):
        raise BadInput(
            f"text must have two letters or digits at least and {LONGEST} characters at most, "
            f"got {text[:70]!r}",
            [("text", "is too short or too long")],
        )
    kept = _STARS.sub("*", pattern(text)) if match != SIMILAR else normal(text)
    if match == SIMILAR:
        return kept, fold(kept)
    wild = any(each in kept for each in WILD)
    return kept, kept if wild or match == EXACT else f"*{kept}*"


def alike(folded: str, watched: str) -> bool:
    """Whether a plate is like a watched one, both folded: as a search for similar ones finds it."""
    return Levenshtein.distance(folded, watched, score_cutoff=far(watched)) <= far(watched)


def event_id(*parts: object) -> str:
    """The same for the same event, however often it is told."""
    return hashlib.blake2b("\n".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def told(event: str, event_id: str, watch: Watch, made_at: str, **more: Any) -> str:
    """What is sent, as JSON."""
    said = {"watch_id": watch.watch_id, "name": watch.name, "text": watch.text, "match": watch.match}
    return msgspec.json.encode(
        {"id": event_id, "event": event, "made_at": made_at, "watch": said, **more}
    ).decode()

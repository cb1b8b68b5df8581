"""Who may do what, in one table. A route that is in no row needs an admin.

A viewer looks and searches; a worker also claims, finishes and publishes tasks; an admin may do everything.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec


class Need(msgspec.Struct, frozen=True):
    """What a route asks of its caller. `role` None: nothing. `token`: one even in open mode.

    `page`: who may not see it is shown the form to sign in.
    """

    role: str | None
    token: bool = False
    page: bool = False


PUBLIC, VIEWER, WORKER, ADMIN = Need(None), Need("viewer"), Need("worker"), Need("admin")
PAGE = Need("viewer", page=True)
#: Whoever could make tokens in open mode would keep them when it ends.
KEYS = Need("admin", token=True)

#: Method and address to need. Below /api/v2 the same rows hold as below /api/v1, always with a token.
TABLE: dict[str, Need] = {
    "GET /health": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /redoc": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /static/vendor/{}": PUBLIC,
    "GET /static/{}/{}/{}": PUBLIC,
    "GET /static/docs-swagger.js": PUBLIC,
    "GET /static/docs-redoc.js": PUBLIC,
    "GET /login": PUBLIC,
    "GET /session": PUBLIC,
    "POST /session": PUBLIC,
    "DELETE /session": PUBLIC,
    "POST /session/end": PUBLIC,
    "GET /": PAGE,
    "GET /videos": PAGE,
    "GET /videos/{}": PAGE,
    "GET /plates": PAGE,
    "GET /plates/{}": PAGE,
    "GET /known": PAGE,
    "GET /watchlist": Need("admin", page=True),
    "GET /data/plates/{}/points": VIEWER,
    "GET /map": PAGE,
    "GET /queue": PAGE,
    "GET /devices": PAGE,
    "GET /settings": PAGE,
    "GET /media/{}": VIEWER,
    "GET /media/videos/{}/{}": VIEWER,
    "GET /media/map/tiles.pmtiles": VIEWER,
    "GET /data/videos/{}": VIEWER,
    "GET /data/videos/{}/films": VIEWER,
    "GET /data/videos/{}/tracks": VIEWER,
    "GET /data/videos/{}/why": VIEWER,
    "GET /data/videos/{}/route.gpx": VIEWER,
    "GET /data/videos/{}/route.csv": VIEWER,
    "GET /data/map": VIEWER,
    "GET /metrics": VIEWER,
    "GET /api/v1/tasks": VIEWER,
    "GET /api/v1/tasks/{}": VIEWER,
    "GET /api/v1/tasks/pending": VIEWER,
    "GET /api/v1/devices": VIEWER,
    "GET /api/v1/devices/{}": VIEWER,
    "GET /api/v1/webui/videos": VIEWER,
    "GET /api/v1/webui/videos/{}": VIEWER,
    "GET /api/v1/webui/plates": VIEWER,
    "GET /api/v1/webui/encounters": VIEWER,
    "GET /api/v1/trips": VIEWER,
    "GET /api/v1/trips/{}": VIEWER,
    "GET /api/v1/trips/edits": VIEWER,
    "GET /api/v1/plates/{}": VIEWER,
    "GET /api/v1/known-plates": VIEWER,
    "GET /api/v1/corrections": VIEWER,
    "GET /api/v1/queue": VIEWER,
    "GET /api/v1/failures": VIEWER,
    "GET /api/v1/metrics": VIEWER,
    "GET /api/v1/ws/tasks": VIEWER,
    "WEBSOCKET /api/v1/ws/tasks": VIEWER,
    "POST /api/v1/clips/known": VIEWER,
    "GET /api/v1/retention/removals": VIEWER,
    "POST /api/v1/clips/moved": WORKER,
    "POST /api/v1/tasks": WORKER,
    "POST /api/v1/tasks/batch": WORKER,
    "POST /api/v1/tasks/pending": WORKER,
    "POST /api/v1/tasks/{}/complete": WORKER,
    "POST /api/v1/tasks/{}/fail": WORKER,
    "POST /api/v1/tasks/{}/release": WORKER,
    "POST /api/v1/devices/heartbeat": WORKER,
    "POST /api/v1/tasks/{}/cancel": ADMIN,
    "POST /api/v1/tasks/{}/retry": ADMIN,
    "PATCH /api/v1/tasks/{}": ADMIN,
    "DELETE /api/v1/tasks/{}": ADMIN,
    "DELETE /api/v1/devices/{}": ADMIN,
    "POST /api/v1/devices/{}/clear": ADMIN,
    "POST /api/v1/devices/{}/drain": ADMIN,
    "POST /api/v1/catalogue/rebuild": ADMIN,
    "POST /api/v1/videos/{}/protect": ADMIN,
    "GET /api/v1/retention/candidates": ADMIN,
    "POST /api/v1/files/removed": ADMIN,
    "POST /api/v1/retention/plates": KEYS,
    "POST /api/v1/trips/merge": ADMIN,
    "POST /api/v1/trips/{}/split": ADMIN,
    "DELETE /api/v1/trips/edits/{}": ADMIN,
    "POST /api/v1/plates/{}/correct": ADMIN,
    "POST /api/v1/plates/{}/merge": ADMIN,
    "POST /api/v1/plates/{}/dismiss": ADMIN,
    "POST /api/v1/plates/{}/note": ADMIN,
    "POST /api/v1/plates/{}/name": ADMIN,
    "DELETE /api/v1/plates/{}/name": ADMIN,
    "POST /api/v1/sightings/{}/correct": ADMIN,
    "POST /api/v1/sightings/{}/dismiss": ADMIN,
    "DELETE /api/v1/corrections/{}": ADMIN,
    # What a watch tells goes to an address that may be a secret.
    "GET /api/v1/watches": ADMIN,
    "POST /api/v1/watches": ADMIN,
    "GET /api/v1/watches/{}": ADMIN,
    "PATCH /api/v1/watches/{}": ADMIN,
    "DELETE /api/v1/watches/{}": ADMIN,
    "POST /api/v1/watches/{}/test": ADMIN,
    "GET /api/v1/deliveries": ADMIN,
    "POST /api/v1/deliveries/{}/retry": ADMIN,
    "POST /api/v1/backup": KEYS,
    "GET /api/v1/tokens": KEYS,
    "POST /api/v1/tokens": KEYS,
    "DELETE /api/v1/tokens/{}": KEYS,
}


@lru_cache(1024)
def need(method: str, template: str) -> Need:
    """What a route asks, by its method ("WEBSOCKET" for those) and the router's template of its address."""
    path = re.sub(r"{[^}]*}", "{}", template)
    if method == "OPTIONS":  # says which methods there are, and nothing else
        return PUBLIC
    found = TABLE.get(f"{method} {path}", ADMIN)
    if path.startswith("/api/v2/"):
        found = TABLE.get(f"{method} /api/v1/{path.removeprefix('/api/v2/')}", ADMIN)
        return Need(found.role, token=True)
    return found

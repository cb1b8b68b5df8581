"""`/`: what a person sees first after a drive."""

from __future__ import annotations

from litestar import Response, get

from server.catalogue import Found, PlateFilter, TripFilter
from server.overview import overview
from server.pages import page
from server.params import AnyRequest
from server.services import Services, of

_TRIPS, _PLATES, _CLIPS = 6, 12, 8
#: Sightings that are looked at to find so many plates: one plate is often seen in every clip of a drive.
_LOOKED_AT = 200


@get("/")
async def home(request: AnyRequest) -> Response[bytes]:
    """The newest trips and plates, what is worked on, what waits and why."""
    services = of(request)
    trips = await services.trips.trips(TripFilter(limit=_TRIPS))
    posters = await services.clips.trip_posters([trip.trip_id for trip in trips])
    return page(
        request,
        "home.html",
        trips=trips,
        posters=posters,
        plates=await _plates(services),
        now=await overview(services),
    )


async def _plates(services: Services) -> list[Found]:
    """The newest sighting of each of the plates that were seen last; those with a name are left out."""
    which = PlateFilter(limit=_LOOKED_AT, known="hide")
    newest: dict[str, Found] = {}
    for seen in await services.library.plates(which):
        newest.setdefault(seen.plate, seen)
    return list(newest.values())[:_PLATES]


ROUTES = [home]

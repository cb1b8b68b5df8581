"""The pages, one file each, with the data that their scripts ask for (below `/data`).

What a page changes goes through the API, like anybody else's changes.
"""

from server.routes.pages import (
    devices,
    home,
    map,
    plate,
    plates,
    queue,
    settings,
    static,
    video,
    videos,
    watchlist,
)

ROUTES = [
    *home.ROUTES,
    *videos.ROUTES,
    *video.ROUTES,
    *plates.ROUTES,
    *plate.ROUTES,
    *watchlist.ROUTES,
    *map.ROUTES,
    *queue.ROUTES,
    *devices.ROUTES,
    *settings.ROUTES,
    *static.ROUTES,
]

// The route of one clip: coloured by speed, with a marker that moves with the clock; a click on it jumps.
/* global L */
import { makeMap } from "./basemap.js";
import { band, colour, fixAt, said, scale } from "./speeds.js";

const near = 30; // pixels around the route that still count as it

export function routeMap(place, clock, { route, gaps, sightings }) {
  const map = makeMap(place);
  const lines = L.layerGroup().addTo(map);
  const draw = () => {
    lines.clearLayers();
    for (const [number, points] of runs(route)) {
      lines.addLayer(L.polyline(points, { color: colour(number), weight: 5, interactive: false, smoothFactor: 1 }));
    }
  };
  draw();
  const end = (fix, text) => L.circleMarker([fix[1], fix[2]], { radius: 4, weight: 2, color: colour(0), fillOpacity: 1 })
    .bindTooltip(words(text)).addTo(map);
  end(route[0], "Start");
  end(route[route.length - 1], "End");
  for (const seen of sightings) dot(map, seen, clock);
  const icon = L.divIcon({ className: "here", iconSize: [18, 18] });
  const marker = L.marker([route[0][1], route[0][2]], { icon, keyboard: false, interactive: false }).addTo(map);
  clock.on("tick", (seconds) => {
    const fix = fixAt(route, gaps, seconds);
    marker.setOpacity(fix ? 1 : 0);
    if (!fix) return;
    marker.setLatLng([fix.lat, fix.lon]);
    if (!map.getBounds().pad(-0.05).contains(marker.getLatLng())) map.panTo(marker.getLatLng(), { animate: false });
  });
  map.on("click", (event) => {
    const at = nearest(map, route, event.containerPoint);
    if (at !== null) clock.seek(at);
  });
  fit(map, route.map((fix) => [fix[1], fix[2]]));
  return { map, redraw: draw };
}

// Stretches of one colour; neighbours share their end.
function* runs(route) {
  let number = band(route[0][3]);
  let points = [[route[0][1], route[0][2]]];
  for (const fix of route.slice(1)) {
    points.push([fix[1], fix[2]]);
    if (band(fix[3]) !== number) {
      yield [number, points];
      number = band(fix[3]);
      points = [[fix[1], fix[2]]];
    }
  }
  if (points.length > 1) yield [number, points];
}

function dot(map, seen, clock) {
  if (seen.lat === null) return;
  const marker = L.circleMarker([seen.lat, seen.lon], {
    radius: 6, weight: 2, color: colour(0), fillColor: getComputedStyle(document.documentElement).getPropertyValue("--lane-plate").trim(), fillOpacity: seen.confirmed ? 0.9 : 0.3,
  });
  marker.bindTooltip(words(seen.plate));
  marker.on("click", (event) => {
    L.DomEvent.stopPropagation(event);
    if (seen.first !== null) clock.seek(seen.first);
  });
  marker.addTo(map);
}

function words(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span;
}

// Seconds at the point of the route that lies nearest to a click; null when none lies near.
function nearest(map, route, point) {
  let best = null;
  let least = near;
  for (let i = 0; i + 1 < route.length; i += 1) {
    const a = map.latLngToContainerPoint([route[i][1], route[i][2]]);
    const b = map.latLngToContainerPoint([route[i + 1][1], route[i + 1][2]]);
    const length = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
    const share = length ? Math.min(1, Math.max(0, ((point.x - a.x) * (b.x - a.x) + (point.y - a.y) * (b.y - a.y)) / length)) : 0;
    const away = Math.hypot(a.x + share * (b.x - a.x) - point.x, a.y + share * (b.y - a.y) - point.y);
    if (away < least) {
      least = away;
      best = route[i][0] + share * (route[i + 1][0] - route[i][0]);
    }
  }
  return best;
}

function fit(map, points) {
  if (points.length) map.fitBounds(L.latLngBounds(points), { padding: [24, 24], maxZoom: 17, animate: false });
}

export function tell(place, legend, { route, route_fixes: points, speed_computed: computed }) {
  const fastest = Math.max(...route.map((fix) => fix[3] ?? -1));
  place.textContent = `${points} fixes${fastest >= 0 ? `, up to ${said(fastest)}` : ""}${computed ? " (by the places)" : ""}`;
  scale(legend);
}

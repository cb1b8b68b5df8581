// The page of one plate: where it was seen, and what a person says of it.
/* global L */
import "./sending.js";
import { get } from "./api.js";
import { makeMap } from "./basemap.js";
import { say } from "./say.js";

const place = document.getElementById("map");

function said([, , when, clip, at]) {
  const link = document.createElement("a");
  link.textContent = when ? when.replace("T", ", ") : "time unknown";
  link.href = `/videos/${encodeURIComponent(clip)}${at === null ? "" : `?t=${at.toFixed(1)}`}`;
  return link;
}

async function showMap() {
  const points = await get(place.dataset.points);
  if (!points.length) { place.hidden = true; document.getElementById("nowhere").hidden = false; return; }
  const map = makeMap(place);
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--lane-plate").trim();
  for (const point of points) {
    L.circleMarker([point[0], point[1]], { radius: 6, weight: 2, color: colour, fillColor: colour, fillOpacity: 0.5 })
      .bindPopup(() => said(point)).addTo(map);
  }
  map.fitBounds(points.map((point) => [point[0], point[1]]), { padding: [24, 24], maxZoom: 16, animate: false });
}

if (place) showMap().catch((error) => say(error.message, 10));
// What was said changes what the whole page shows; a plate that became another one is looked at there.
document.addEventListener("acted", (event) => {
  const { text, video_id: clip, undone_at: undone, plate_text: plate } = event.detail || {};
  const whole = text && !clip && !undone && plate !== undefined && event.target.closest("[data-moves]");
  location.assign(whole ? `/plates/${encodeURIComponent(text)}` : location.href);
});

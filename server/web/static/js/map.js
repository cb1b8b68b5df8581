// The map of everything: routes and sightings of what is in view, by date; a drawn box leads to its plates.
/* global L */
import { get } from "./api.js";
import { makeMap } from "./basemap.js";
import { say } from "./say.js";
import { spoken } from "./clock.js";
import { token } from "./speeds.js";

const listed = 100;
const part = (name) => document.getElementById(name);
const form = part("ask");
const place = part("map");
const map = makeMap(place);
const routes = L.layerGroup().addTo(map);
const dots = L.layerGroup().addTo(map);
let box = null; // the box that was drawn
let asked = 0;

const dates = () => {
  const data = new FormData(form);
  return Object.fromEntries(["date_from", "date_to"].map((name) => [name, data.get(name)]).filter(([, day]) => day));
};

function sides(bounds) {
  const wrapped = bounds.getEast() - bounds.getWest() >= 360;
  const clip = (value, most) => Math.max(-most, Math.min(most, value)).toFixed(5);
  return [
    clip(bounds.getSouth(), 90), clip(wrapped ? -180 : bounds.getWest(), 180),
    clip(bounds.getNorth(), 90), clip(wrapped ? 180 : bounds.getEast(), 180),
  ].join(",");
}

const when = (text) => (text ? text.replace("T", ", ").slice(0, 17) : "time unknown");

function link(text, href, kind = "") {
  const made = document.createElement("a");
  made.textContent = text;
  made.href = href;
  if (kind) made.className = kind;
  return made;
}

const clipOf = (id, seconds) => `/videos/${encodeURIComponent(id)}${seconds === null || seconds === undefined ? "" : `?t=${seconds.toFixed(2)}`}`;
const plateOf = (text) => link(text, `/plates/${encodeURIComponent(text)}`, "plate");

function row(...parts) {
  const made = document.createElement("p");
  made.append(...parts);
  return made;
}

function popup(...rows) {
  const made = document.createElement("div");
  made.append(...rows);
  return made;
}

function drawRoute(each) {
  const line = L.polyline(each.line, { color: token("--accent"), weight: 4, opacity: 0.65 });
  line.bindPopup(() => popup(row(link(when(each.start), clipOf(each.video_id))), row(each.channel || "")));
  routes.addLayer(line);
}

function drawSighting(each) {
  const dot = L.circleMarker(each.at, {
    radius: 6, weight: 2, color: token("--lane-event"), fillColor: token("--lane-event"), fillOpacity: each.confirmed ? 0.8 : 0.15,
  });
  dot.bindPopup(() => {
    const rows = [row(plateOf(each.plate), each.name ? ` ${each.name}` : ""), row(link(`${when(each.time)}, at ${spoken(each.seconds ?? 0, false)}`, clipOf(each.video_id, each.seconds)))];
    if (each.crop) {
      const picture = document.createElement("img");
      Object.assign(picture, { src: each.crop, alt: `Picture of ${each.plate}`, width: 192, height: 64 });
      rows.unshift(picture);
    }
    return popup(...rows);
  });
  dots.addLayer(dot);
}

function fill(list, items, none) {
  list.replaceChildren(...items.map((parts) => {
    const item = document.createElement("li");
    item.append(...parts);
    return item;
  }));
  if (!items.length) list.append(Object.assign(document.createElement("li"), { textContent: none, className: "soft" }));
}

const count = (number, more, one, many) => `${more ? "the newest " : ""}${number} ${number === 1 ? one : many}`;

let last = null; // what was shown, for when known plates are wanted too

function show(all) {
  last = all;
  const found = { ...all, sightings: all.sightings.filter((each) => part("known").checked || !each.name) };
  routes.clearLayers();
  dots.clearLayers();
  found.routes.forEach(drawRoute);
  found.sightings.forEach(drawSighting);
  part("shown").textContent = `${count(found.routes.length, found.more_routes, "clip", "clips")}, ${count(found.sightings.length, found.more_sightings, "sighting", "sightings")} in view`
    + (found.more_routes || found.more_sightings ? "; come nearer for more" : "");
  fill(part("sightings"), found.sightings.slice(0, listed).map((each) => [plateOf(each.plate), link(when(each.time), clipOf(each.video_id, each.seconds))]), "None.");
  fill(part("routes"), found.routes.slice(0, listed).map((each) => [link(when(each.start), clipOf(each.video_id)), each.channel || ""]), "None.");
}

// Dates without a box: where the clips of those days are, wherever that is.
async function findDates() {
  const { routes: lines, sightings } = await get(`/data/map?${new URLSearchParams(dates())}`);
  const points = [...lines.flatMap((each) => each.line), ...sightings.map((each) => each.at)];
  if (points.length) fit(L.latLngBounds(points));
}

function fit(bounds) {
  map.fitBounds(bounds, { padding: [20, 20], maxZoom: 17, animate: false });
}

async function refresh() {
  const turn = ++asked;
  const bbox = sides(map.getBounds());
  links(bbox);
  try {
    const found = await get(`/data/map?${new URLSearchParams({ bbox, ...dates() })}`);
    if (turn === asked) show(found);
  } catch (error) {
    if (turn === asked) say(error.message, 10);
  }
  document.body.dataset.ready = "yes";
}

function links(bbox) {
  const area = box ? sides(box.getBounds()) : bbox;
  const query = new URLSearchParams({ bbox: area, ...dates() });
  part("plates").href = `/plates?${query}`;
  part("plates").textContent = box ? "Plates in this box" : "Plates in this view";
  form.elements.bbox.value = bbox;
  history.replaceState(null, "", `?${new URLSearchParams({ ...dates(), bbox })}`);
}

// -- a box by hand: press, drag, let go -------------------------------------------------------------------

function drawing(on) {
  part("draw").setAttribute("aria-pressed", String(on));
  place.classList.toggle("drawing", on);
  if (on) map.dragging.disable(); else map.dragging.enable();
}

place.addEventListener("pointerdown", (event) => {
  if (part("draw").getAttribute("aria-pressed") !== "true" || event.target.closest(".leaflet-control")) return;
  event.preventDefault();
  const at = (moved) => map.mouseEventToLatLng(moved);
  const first = at(event);
  box?.remove();
  box = L.rectangle([first, first], { color: token("--text"), weight: 2, dashArray: "6 4", fillOpacity: 0.08, interactive: false }).addTo(map);
  const move = (moved) => box.setBounds(L.latLngBounds(first, at(moved)));
  const up = () => {
    window.removeEventListener("pointermove", move);
    drawing(false);
    links(sides(map.getBounds()));
    part("plates").focus();
  };
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", up, { once: true });
  window.addEventListener("pointercancel", up, { once: true });
});

part("draw").disabled = false;
part("draw").addEventListener("click", () => {
  const on = part("draw").getAttribute("aria-pressed") !== "true";
  if (on) { box?.remove(); box = null; }
  drawing(on);
  if (on) say("Press on the map and draw over the area.", 4);
});
part("anytime").addEventListener("click", () => {
  form.elements.date_from.value = "";
  form.elements.date_to.value = "";
  refresh();
});
part("known").addEventListener("change", () => { if (last) show(last); });
form.addEventListener("submit", (event) => { event.preventDefault(); refresh(); });

let timer = 0;
map.on("moveend", () => { clearTimeout(timer); timer = setTimeout(refresh, 150); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);

async function begin() {
  const [south, west, north, east] = place.dataset.extent.split(",").map(Number);
  if (place.dataset.extent) fit([[south, west], [north, east]]);
  if (Object.keys(dates()).length && !form.elements.bbox.value) await findDates().catch((error) => say(error.message, 10));
  clearTimeout(timer);
  await refresh();
}

begin();

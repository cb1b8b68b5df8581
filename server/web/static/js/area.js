// A field "south,west,north,east" that may also be drawn on a map.
/* global L */
import { makeMap } from "./basemap.js";

export function areaOf(field, { button, panel, place, clear, changed }) {
  let map = null;
  let box = null;

  const show = () => {
    const sides = field.value.split(",").map(Number);
    box?.remove();
    box = null;
    if (sides.length !== 4 || sides.some(Number.isNaN)) return;
    const colour = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
    box = L.rectangle([[sides[0], sides[1]], [sides[2], sides[3]]], { color: colour, weight: 2, interactive: false }).addTo(map);
    map.fitBounds(box.getBounds(), { padding: [20, 20], maxZoom: 17, animate: false });
  };

  const open = () => {
    panel.hidden = false;
    button.setAttribute("aria-expanded", "true");
    if (!map) {
      map = makeMap(place);
      const [south, west, north, east] = (place.dataset.extent || "").split(",").map(Number);
      if (east !== undefined) map.fitBounds([[south, west], [north, east]], { animate: false, maxZoom: 16 });
      map.dragging.disable();
      map.boxZoom.disable();
      place.classList.add("drawing");
      draw(map, (bounds) => {
        field.value = [bounds.getSouth(), bounds.getWest(), bounds.getNorth(), bounds.getEast()].map((side) => side.toFixed(5)).join(",");
        show();
        changed();
      });
    }
    map.invalidateSize();
    show();
  };

  button.hidden = false;
  button.addEventListener("click", () => {
    if (panel.hidden) { open(); return; }
    panel.hidden = true;
    button.setAttribute("aria-expanded", "false");
  });
  clear.addEventListener("click", () => { field.value = ""; box?.remove(); box = null; changed(); });
  field.addEventListener("change", () => { if (map) show(); });
}

// Press, move, let go, with a mouse, a pen or a finger: `done` gets the box.
function draw(map, done) {
  const place = map.getContainer();
  let from = null;
  let shape = null;
  place.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".leaflet-control")) return;
    from = map.mouseEventToLatLng(event);
    shape = L.rectangle([from, from], { weight: 2, interactive: false }).addTo(map);
    place.setPointerCapture(event.pointerId);
  });
  place.addEventListener("pointermove", (event) => {
    if (from) shape.setBounds(L.latLngBounds(from, map.mouseEventToLatLng(event)));
  });
  const end = () => {
    if (!from) return;
    const bounds = shape.getBounds();
    shape.remove();
    from = null;
    if (bounds.getNorth() > bounds.getSouth() && bounds.getEast() > bounds.getWest()) done(bounds);
  };
  place.addEventListener("pointerup", end);
  place.addEventListener("pointercancel", end);
}

// A Leaflet map over a plain grid, over tiles of a host that the settings name, or over a file of the server's.
/* global L, protomapsL */

const fixed = 5; // decimals of a grid line

const Grid = L.GridLayer.extend({
  createTile(coords) {
    const tile = document.createElement("div");
    tile.className = "tile";
    const corner = this._map.unproject(coords.scaleBy(this.getTileSize()), coords.z);
    const decimals = Math.min(fixed, Math.max(0, Math.round(coords.z / 3) - 1));
    tile.textContent = `${corner.lat.toFixed(decimals)}, ${corner.lng.toFixed(decimals)}`;
    return tile;
  },
});

// What Leaflet takes for HTML must be none.
function plain(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span.innerHTML;
}

export function makeMap(place) {
  const map = L.map(place, {
    preferCanvas: true,
    zoomSnap: 0.5,
    maxZoom: 19,
    worldCopyJump: true,
    fadeAnimation: false,
    zoomAnimation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
  });
  map.attributionControl.setPrefix(false);
  L.control.scale({ imperial: document.documentElement.dataset.units === "imperial", metric: document.documentElement.dataset.units !== "imperial" }).addTo(map);
  const { tiles, vector, attribution } = place.dataset;
  const options = { attribution: plain(attribution || ""), maxZoom: 19 };
  if (vector && window.protomapsL) {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
    protomapsL.leafletLayer({ url: vector, flavor: dark ? "dark" : "light", lang: "en", ...options }).addTo(map);
  } else if (tiles) {
    L.tileLayer(tiles, { ...options, referrerPolicy: "no-referrer" }).addTo(map);
  } else {
    new Grid(options).addTo(map);
  }
  map.setView([0, 0], 2);
  return map;
}

// Speeds as people read them, and their colours.
const steps = [30, 50, 80, 110]; // km/h between the five colours

export const imperial = () => document.documentElement.dataset.units === "imperial";
export const shown = (kmh) => (imperial() ? kmh / 1.609344 : kmh);
export const unit = () => (imperial() ? "mph" : "km/h");

export function said(kmh) {
  return kmh === null || kmh === undefined ? "speed unknown" : `${shown(kmh).toFixed(0)} ${unit()}`;
}

export function band(kmh) {
  if (kmh === null || kmh === undefined) return 0;
  return 1 + steps.filter((step) => kmh >= step).length;
}

export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function colour(number) {
  return token(number ? `--speed-${number}` : "--soft");
}

// A legend: what each colour means.
export function scale(place) {
  place.replaceChildren();
  for (let number = 1; number <= 5; number += 1) {
    const swatch = document.createElement("i");
    swatch.style.background = colour(number);
    place.append(swatch, number === 1 ? "0" : shown(steps[number - 2]).toFixed(0));
  }
  place.append(` ${unit()}`);
}

const farthest = 10; // seconds before the first and after the last fix for which it still speaks

// The fix at a moment, between its neighbours: { lat, lon, speed, index }; null in a gap and where there is none.
export function fixAt(route, gaps, seconds) {
  if (!route.length || gaps.some(([from, to]) => seconds > from && seconds < to)) return null;
  let low = 0;
  let high = route.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (route[middle][0] <= seconds) low = middle; else high = middle - 1;
  }
  const before = route[low];
  const after = route[low + 1];
  if (!after || seconds <= before[0]) {
    return Math.abs(seconds - before[0]) > farthest ? null : { lat: before[1], lon: before[2], speed: before[3], index: low };
  }
  const gap = after[0] - before[0];
  const share = gap > 0 ? (seconds - before[0]) / gap : 0;
  const between = (i) => before[i] + (after[i] - before[i]) * share;
  const speed = before[3] === null || after[3] === null ? before[3] : between(3);
  return { lat: between(1), lon: between(2), speed, index: low };
}

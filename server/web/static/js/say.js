// One short sentence at the foot of the page, read out by screen readers.
let timer;

export function say(text, seconds = 6) {
  const place = document.getElementById("said");
  if (!place) return;
  place.textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => { place.textContent = ""; }, seconds * 1000);
}

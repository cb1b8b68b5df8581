// The search of plates, while one types: the server renders what it finds, and only the last answer counts.
import { areaOf } from "./area.js";
import { bind } from "./keys.js";

const pause = 120; // milliseconds after a keystroke
const form = document.getElementById("search");
const field = form.elements.q;
let running = null;
let timer = 0;

function address() {
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value && !(name === "match" && value === "partial")) asked.append(name, value);
  }
  return `/plates${asked.size ? "?" : ""}${asked}`;
}

async function search() {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const path = address();
  const found = document.getElementById("found");
  found.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(path, { signal: mine.signal, headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (answer.status === 401) { location.assign(path); return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("found");
    if (mine.signal.aborted || !fresh) return;
    document.getElementById("count").textContent = fresh.querySelector("h2").textContent;
    document.getElementById("found").replaceWith(document.adoptNode(fresh));
    history.replaceState(null, "", path);
    document.title = page.title;
  } catch (error) {
    if (error.name !== "AbortError") document.getElementById("found").setAttribute("aria-busy", "false");
  }
}

const soon = () => { clearTimeout(timer); timer = setTimeout(search, pause); };
const now = () => { clearTimeout(timer); search(); };

field.addEventListener("input", soon);
form.addEventListener("change", (event) => { if (event.target !== field) now(); });
form.addEventListener("submit", (event) => { event.preventDefault(); now(); });
// A phone's keyboard covers what is found; the key that searches puts it away.
field.addEventListener("search", () => { if (matchMedia("(pointer: coarse)").matches) field.blur(); });

areaOf(form.elements.bbox, {
  button: document.getElementById("draw"),
  panel: document.getElementById("where"),
  place: document.getElementById("area"),
  clear: document.getElementById("anywhere"),
  changed: now,
});
bind("j", "Next plate", () => step(1));
bind("k", "Plate before", () => step(-1));

function step(by) {
  const links = [...document.querySelectorAll("#found a.plate")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, at + by))].focus();
}

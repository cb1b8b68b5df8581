// Parts of a page that the server renders, brought up to date: the page is asked for again, and elements with
// `data-part="name"` are exchanged where they changed. Nothing that a person types or has opened is lost.
import { localTimes } from "./times.js";

const least = 1500; // milliseconds between two

let running = false;
let again = false;
let last = 0;
let timer = null;

export function refresh() {
  if (document.hidden) return; // when it is looked at again, `keepFresh` asks
  if (running) { again = true; return; }
  clearTimeout(timer);
  timer = setTimeout(now, Math.max(0, last + least - Date.now()));
}

async function now() {
  running = true;
  last = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The server is away for a moment; the next change or the clock asks again.
  } finally {
    running = false;
    if (again) { again = false; refresh(); }
  }
}

// Details that a person opened or closed stay as they are.
function opened(part) {
  return new Map([...part.querySelectorAll("details[id]")].map((each) => [each.id, each.open]));
}

function exchange(fresh) {
  localTimes(fresh);
  for (const part of document.querySelectorAll("[data-part]")) {
    const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!other || part.querySelector("input:focus, select:focus, textarea:focus")) continue;
    for (const [id, open] of opened(part)) {
      const same = [...other.querySelectorAll("details[id]")].find((each) => each.id === id);
      if (same) same.open = open;
    }
    if (part.isEqualNode(other)) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.replaceWith(document.adoptNode(other));
    if (focused) document.getElementById(focused)?.focus();
  }
  document.dispatchEvent(new CustomEvent("refreshed"));
}

// Also without a change of a task: heartbeats, clocks and what another program did.
export function keepFresh(seconds) {
  setInterval(refresh, seconds * 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  document.addEventListener("acted", refresh);
}

// "Why was nothing read here?": asks the report on the clip that is shown, and tells it in sentences.
import { get } from "./api.js";
import { spoken } from "./clock.js";

const add = (to, kind, text) => {
  const part = document.createElement(kind);
  part.textContent = text;
  to.append(part);
  return part;
};

export function askWhy(form, place, clock, player) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const plate = new FormData(form).get("plate").trim();
    const { id, offset } = player; // another channel has a clock of its own
    const query = new URLSearchParams(plate ? { plate } : { at: Math.max(0, clock.now - offset).toFixed(2) });
    place.replaceChildren();
    add(place, "p", "Asking …");
    try {
      tell(place, await get(`/data/videos/${id}/why?${query}`), (seconds) => clock.seek(seconds + offset));
    } catch (error) {
      place.replaceChildren();
      add(place, "p", error.message).className = "trouble";
    }
  });
}

function tell(place, found, seek) {
  place.replaceChildren();
  for (const sentence of found.says) add(place, "p", sentence);
  for (const track of [...found.tracks, ...(found.nearest ? [found.nearest] : [])]) place.append(told(track, seek));
  if (found.more) add(place, "p", `and ${found.more} more; name the plate to narrow it`).className = "soft";
  if (found.texts?.length) {
    add(place, "p", "Texts taken for no plate:");
    const list = add(place, "ul", "");
    for (const text of found.texts) add(list, "li", `${text.text}: ${text.reason}, ${text.count} times`);
  }
}

function told(track, seek) {
  const box = document.createElement("div");
  box.className = "card";
  const head = add(box, "p", "");
  add(head, "strong", `${track.label} `);
  const jump = add(head, "button", `${spoken(track.first)} to ${spoken(track.last)}`);
  jump.type = "button";
  jump.className = "small";
  jump.addEventListener("click", () => seek(track.first));
  add(box, "p", track.conclusion);
  const list = add(box, "ul", "");
  for (const reason of [track.summary, ...track.reasons]) add(list, "li", reason);
  for (const read of track.reads) add(list, "li", `${spoken(read.seconds)}: ${read.plate}, weakest character ${read.weakest || "unknown"}`);
  return box;
}

// Trips are joined and cut, and both is taken back. Cutting and taking back are buttons of `act.js`.
import { post } from "./api.js";
import { keepFresh } from "./refresh.js";
import { say } from "./say.js";

const part = (name) => document.getElementById(name);
const boxes = () => [...document.querySelectorAll("input.choose")];
// A trip over midnight stands under two days.
const chosen = () => [...new Set(boxes().filter((box) => box.checked).map((box) => box.value))];
let acted = false;

function show() {
  const count = chosen().length;
  part("chosen").textContent = count === 0 ? "No trip is chosen" : count === 1 ? "1 trip is chosen; choose another" : `${count} trips are chosen`;
  part("join-them").disabled = count < 2;
  part("choose-none").disabled = count === 0;
}

document.addEventListener("change", ({ target }) => {
  if (!target.matches("input.choose")) return;
  for (const box of boxes()) if (box.value === target.value) box.checked = target.checked;
  part("join-trouble").hidden = true;
  show();
});

part("choose-none").addEventListener("click", () => {
  for (const box of boxes()) box.checked = false;
  show();
  part("edits-title").focus();
});

part("join-them").addEventListener("click", async ({ target }) => {
  target.disabled = true;
  part("join-trouble").hidden = true;
  try {
    await post("/api/v1/trips/merge", { trip_ids: chosen() });
    say("They are one trip now.");
    target.dispatchEvent(new CustomEvent("acted", { bubbles: true }));
  } catch (error) {
    part("join-trouble").textContent = error.message;
    part("join-trouble").hidden = false;
  } finally {
    show();
  }
});

// The button that was pressed may be gone with what it did: the way back is next.
document.addEventListener("acted", () => { acted = true; });
document.addEventListener("refreshed", () => {
  show();
  if (acted && document.activeElement === document.body) (document.querySelector("#edits .undo") ?? part("edits-title")).focus();
  acted = false;
});

keepFresh(60);
show();

// The list of videos: its place can be drawn on a map; a choice is followed at once.
import { areaOf } from "./area.js";

const form = document.getElementById("filter");

areaOf(form.elements.bbox, {
  button: document.getElementById("draw"),
  panel: document.getElementById("where"),
  place: document.getElementById("area"),
  clear: document.getElementById("anywhere"),
  changed: () => form.requestSubmit(),
});

// The page that comes next goes on where this one was.
const kept = "videos-choice";
const named = (field) => `${field.name}=${field.type === "checkbox" ? field.value : ""}`;
const before = sessionStorage.getItem(kept);
sessionStorage.removeItem(kept);
[...form.elements].find((field) => named(field) === before)?.focus({ preventScroll: true });

for (const choice of form.querySelectorAll("select, input[type=checkbox]")) {
  choice.addEventListener("change", () => {
    sessionStorage.setItem(kept, named(choice));
    if (choice.name === "month" && choice.value) { form.elements.from.value = ""; form.elements.to.value = ""; }
    form.requestSubmit();
  });
}

// What was not filled in has no business in the address.
form.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});

// Forms that call the API: <form data-send="POST /api/v1/x" data-done="Saved" data-then="/plates/{text}">.
// Fields become JSON: a checkbox true or false, an empty field of `data-null` null. `{name}` in `data-then` is
// the answer's.
import { call } from "./api.js";
import { say } from "./say.js";

function body(form) {
  const said = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled) continue;
    if (field.type === "checkbox") said[field.name] = field.checked;
    else if (field.value !== "" || !("null" in field.dataset)) said[field.name] = field.value;
    else said[field.name] = null;
  }
  return said;
}

function told(form) {
  let place = form.querySelector(".trouble");
  if (!place) {
    place = document.createElement("p");
    place.className = "trouble";
    place.setAttribute("role", "alert");
    form.append(place);
  }
  return place;
}

async function send(form) {
  // `{name}` in the address is a field's value.
  const [method, path] = form.dataset.send.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(form.elements[name].value)).split(" ");
  const button = form.querySelector("button:not([type=button])");
  button.disabled = true;
  form.querySelector(".trouble")?.remove();
  try {
    const answer = await call(method, path, body(form));
    say(form.dataset.done || "Done.");
    if (form.dataset.then !== undefined) {
      location.assign(form.dataset.then.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(answer[name] ?? "")) || location.href);
      return;
    }
    form.dispatchEvent(new CustomEvent("acted", { bubbles: true, detail: answer }));
  } catch (error) {
    told(form).textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-send]");
  if (!form) return;
  event.preventDefault();
  if (!form.dataset.sure || window.confirm(form.dataset.sure)) send(form);
});

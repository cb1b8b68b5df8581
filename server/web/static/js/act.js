// Buttons that call the API:
//   <button data-act="POST /api/v1/tasks/7/retry" data-sure="Really?" data-body='{"x": 1}' data-done="Retried">
// Afterwards the element "acted" event bubbles from the button, so that a page can refresh what it shows.
import { call } from "./api.js";
import { say } from "./say.js";

export async function act(button) {
  if (button.disabled || (button.dataset.sure && !window.confirm(button.dataset.sure))) return;
  const [method, path] = button.dataset.act.split(" ");
  button.disabled = true;
  try {
    const said = await call(method, path, button.dataset.body ? JSON.parse(button.dataset.body) : undefined);
    say(button.dataset.done || said.message || "Done.");
    button.dispatchEvent(new CustomEvent("acted", { bubbles: true, detail: said }));
  } catch (error) {
    say(error.message, 10);
  } finally {
    button.disabled = false;
  }
}

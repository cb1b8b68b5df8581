// What every page has: the keys of the whole site, times in the reader's zone, buttons that act.
import { bind, showKeys } from "./keys.js";
import { act } from "./act.js";
import { localTimes } from "./times.js";

bind("/", "Go to the search field", () => {
  const field = document.querySelector("[data-search]");
  if (field) { field.focus(); field.select(); } else { location.assign("/plates"); }
});
bind("?", "Show these keys", showKeys);

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (button) act(button);
});

localTimes(document);

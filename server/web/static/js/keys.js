// Keys of a page. `bind("k", "Play or pause", act)`; a key is `event.key`, with "Shift+" or "Ctrl+" before it
// where that matters. Typing in a field is never taken for a key.
const bound = new Map();

export function bind(keys, meaning, act) {
  const several = [].concat(keys);
  for (const key of several) bound.set(key, { act, several, meaning });
}

function named(event) {
  const shifted = event.shiftKey && event.key.length > 1 ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${shifted}${event.key}`;
}

function typing(target) {
  return target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
}

// Space and Enter belong to the button or link that has the focus.
function pressing(event) {
  return (event.key === " " || event.key === "Enter") && event.target.closest("button, a, summary, [role=slider]");
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey || typing(event.target) || pressing(event)) return;
  if (document.querySelector("dialog[open]")) return;
  const found = bound.get(named(event)) || bound.get(named(event).toLowerCase());
  if (!found) return;
  event.preventDefault();
  found.act(event);
});

const spoken = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

function word(key) {
  return key.split("+").map((part) => spoken[part] || part).join(" ");
}

// A list of all keys, in a dialog; Escape closes it.
export function showKeys() {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Keys");
  const title = document.createElement("h2");
  title.textContent = "Keys";
  const list = document.createElement("dl");
  list.className = "facts keys";
  for (const each of new Set([...bound.values()].map((one) => one.several))) {
    const term = document.createElement("dt");
    for (const key of each) {
      const cap = document.createElement("kbd");
      cap.textContent = word(key);
      term.append(cap, " ");
    }
    const meaning = document.createElement("dd");
    meaning.textContent = bound.get(each[0]).meaning;
    list.append(term, meaning);
  }
  const close = document.createElement("button");
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(title, list, close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

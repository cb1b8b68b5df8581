// Choices of this browser, kept in cookies so that pages come in the right colours at once; and making tokens.
import { post } from "./api.js";
import { refresh, keepFresh } from "./refresh.js";
import { say } from "./say.js";

const year = 365 * 86400;

for (const choice of document.querySelectorAll("select[data-cookie]")) {
  choice.addEventListener("change", () => {
    const age = choice.value ? year : 0;
    document.cookie = `${choice.dataset.cookie}=${choice.value}; Path=/; Max-Age=${age}; SameSite=Lax`;
    location.reload();
  });
}

const form = document.getElementById("new-token");
if (form) {
  const made = document.getElementById("made");
  const shown = document.getElementById("made-token");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { name, role, days } = Object.fromEntries(new FormData(form));
    try {
      const token = await post("/api/v1/tokens", { name, role, days: days ? Number(days) : null });
      shown.value = token.token;
      made.hidden = false;
      form.reset();
      shown.focus();
      shown.select();
      refresh();
    } catch (error) {
      say(error.message, 10);
    }
  });
  document.getElementById("copy-token").addEventListener("click", async () => {
    shown.select();
    try {
      await navigator.clipboard.writeText(shown.value);
      say("Copied.");
    } catch {
      say("This browser does not copy here; the text is selected, copy it yourself.");
    }
  });
  keepFresh(60);
}

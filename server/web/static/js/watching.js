// A page that follows the queue: refreshed when a task changes, and every 15 seconds. <p class="live"> says
// whether the server's voice is heard. An element with `data-video` narrows
// it to one clip.
import { listen } from "./live.js";
import { keepFresh, refresh } from "./refresh.js";

function show(live) {
  const sign = document.querySelector(".live");
  if (!sign) return;
  sign.dataset.live = live ? "yes" : "no";
  sign.textContent = live ? "live" : "not connected";
}

const since = Number(document.querySelector(".live")?.dataset.seq);

listen({
  since: since || null, // nothing that happens between the page and the connection is missed
  video: document.querySelector("[data-video]")?.dataset.video,
  changed: refresh,
  gap: refresh,
  state: show,
});
keepFresh(15);

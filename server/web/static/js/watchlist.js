// The watchlist: forms and buttons act through the API, and the lists follow what happens.
import "./sending.js";
import "./watching.js";
import { refresh } from "./refresh.js";

const form = document.getElementById("watch");
const place = document.getElementById("secret");

form.addEventListener("acted", (event) => {
  place.hidden = !event.detail.secret;
  place.querySelector("code").textContent = event.detail.secret || "";
  form.reset();
  form.elements.text.value = "";
});
setInterval(refresh, 5000);

// The page of one clip: film, timeline, chart, map and lists on one clock.
import { get } from "./api.js";
import { bind } from "./keys.js";
import { listen } from "./live.js";
import { say } from "./say.js";
import { Clock, cameraTime, spoken } from "./clock.js";
import { Marks } from "./marks.js";
import { Player } from "./player.js";
import { Timeline } from "./timeline.js";
import { askWhy } from "./why.js";
import { fixAt } from "./speeds.js";
import { routeMap, tell } from "./routemap.js";
import { speedChart } from "./chart.js";

const rates = [0.25, 0.5, 1, 1.5, 2, 4];
const part = (name) => document.getElementById(name);
const watch = part("watch");
const id = watch.dataset.video;
const film = part("film");
const clock = new Clock(Number(watch.dataset.length));
const player = new Player(film, clock, part("away"));
const timeline = new Timeline(part("timeline"), clock);
const marks = new Marks(clock, id);
let frame = 1 / 30;
let channels = [];

// -- where the clock is -----------------------------------------------------------------------------

clock.on("tick", (seconds) => {
  part("time").textContent = `${spoken(seconds)} / ${spoken(clock.length)}`;
  part("clock").textContent = watch.dataset.start ? cameraTime(watch.dataset.start, seconds) : "";
  for (const row of document.querySelectorAll("#plates li")) {
    const from = Number(row.dataset.at || NaN);
    row.classList.toggle("current", seconds >= from - 0.25 && seconds <= Number(row.dataset.until || from) + 0.25);
  }
});

let later = 0;
clock.on("seek", (seconds) => {
  clearTimeout(later);
  later = setTimeout(() => {
    const address = new URL(location.href);
    address.searchParams.set("t", seconds.toFixed(2));
    history.replaceState(null, "", address);
  }, 300);
});

document.addEventListener("click", (event) => {
  const jump = event.target.closest("[data-jump]");
  if (!jump || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  clock.seek(Number(jump.dataset.jump));
  part("screen").scrollIntoView({ block: "nearest" });
});

// -- the film and its buttons -------------------------------------------------------------------------

const press = (name, act) => part(name).addEventListener("click", act);
const by = (seconds) => clock.seek(clock.now + seconds);

player.addEventListener("state", () => {
  part("play").textContent = film.paused ? "▶" : "❚❚";
  part("play").setAttribute("aria-label", film.paused ? "Play" : "Pause");
  part("mute").setAttribute("aria-pressed", String(film.muted));
  part("mute").textContent = film.muted ? "Silent" : "Sound";
});

player.addEventListener("film", ({ detail }) => {
  const can = detail.films.filter((each) => each.state === "here" && each.shown);
  if (part("quality")) {
    part("quality").disabled = can.length < 2;
    if (detail.kind) part("quality").value = detail.kind;
  }
  for (const name of ["play", "shot"]) part(name).disabled = !detail.kind;
  for (const link of document.querySelectorAll("[data-film]")) {
    const its = detail.films.find((each) => each.kind === link.dataset.film);
    link.hidden = its?.state !== "here";
    link.href = `/media/videos/${player.id}/${link.dataset.film}?download=1`;
  }
});

function step(pictures) {
  film.pause();
  by(pictures * frame);
}

function faster(by) {
  const place = rates.indexOf(Number(part("rate").value)) + by;
  part("rate").value = String(rates[Math.min(rates.length - 1, Math.max(0, place))]);
  player.speed(Number(part("rate").value));
  say(`${part("rate").value} times`, 2);
}

function whole() {
  if (document.fullscreenElement) document.exitFullscreen();
  else part("stage").requestFullscreen?.().catch(() => say("This browser shows no whole screen."));
}

function snapshot() {
  if (!player.here || film.readyState < 2) { say("There is no picture to keep."); return; }
  const canvas = document.createElement("canvas");
  canvas.width = film.videoWidth;
  canvas.height = film.videoHeight;
  canvas.getContext("2d").drawImage(film, 0, 0);
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${player.id}_${clock.now.toFixed(2)}s.jpg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }, "image/jpeg", 0.92);
}

function show(name) {
  const card = part(name);
  if (!card) { say("This clip has no route."); return; }
  card.hidden = !card.hidden;
  window.dispatchEvent(new Event("resize"));
}

function mute() {
  film.muted = !film.muted;
}

function channel(button) {
  const its = channels.find((each) => each.video_id === button.dataset.channelOf);
  if (!its) return;
  for (const each of document.querySelectorAll("[data-channel-of]")) each.setAttribute("aria-pressed", String(each === button));
  marks.of(its.video_id, its.offset);
  player.open(its.video_id, its.offset).catch((error) => say(error.message, 10));
}

function nextChannel() {
  const all = [...document.querySelectorAll("[data-channel-of]")];
  const place = all.findIndex((each) => each.getAttribute("aria-pressed") === "true");
  if (all.length > 1) channel(all[(place + 1) % all.length]);
}

press("play", () => player.toggle());
press("back", () => by(-10));
press("on", () => by(10));
press("mute", mute);
press("shot", snapshot);
press("full", whole);
film.addEventListener("click", () => player.toggle());
part("rate").addEventListener("change", () => player.speed(Number(part("rate").value)));
part("quality")?.addEventListener("change", () => player.choose(part("quality").value, !film.paused));
for (const button of document.querySelectorAll("[data-channel-of]")) button.addEventListener("click", () => channel(button));

// -- keys ---------------------------------------------------------------------------------------------

const go = (name) => { const link = part(name); if (link) location.assign(link.href); else say("There is no such clip."); };
bind([" ", "k"], "Play or pause", () => player.toggle());
bind("j", "Back 10 seconds", () => by(-10));
bind("l", "On 10 seconds", () => by(10));
bind("ArrowLeft", "Back 5 seconds", () => by(-5));
bind("ArrowRight", "On 5 seconds", () => by(5));
bind("Shift+ArrowLeft", "Back 30 seconds", () => by(-30));
bind("Shift+ArrowRight", "On 30 seconds", () => by(30));
bind(",", "One picture back", () => step(-1));
bind(".", "One picture on", () => step(1));
bind("<", "Slower", () => faster(-1));
bind(">", "Faster", () => faster(1));
bind([..."0123456789"], "Jump to 0 %, 10 %, … 90 % of the clip", (event) => clock.seek((Number(event.key) / 10) * clock.length));
bind("Home", "To the beginning", () => clock.seek(0));
bind("End", "To the end", () => clock.seek(clock.length));
bind("f", "Whole screen", whole);
bind("m", "Show or hide the map", () => show("map-card"));
bind("c", "Show or hide the speed chart", () => show("chart-card"));
bind("v", "Next channel", nextChannel);
bind("a", "Sound on or off", mute);
bind("i", "Export from here", () => marks.begin());
bind("o", "Export to here", () => marks.end());
bind("e", "Go to export", () => marks.visit());
bind("s", "Keep this frame as a picture", snapshot);
bind("p", "Earlier clip", () => go("before"));
bind("n", "Later clip", () => go("after"));

// -- what is known of the clip --------------------------------------------------------------------------

part("protect")?.addEventListener("acted", ({ detail, target }) => {
  target.setAttribute("aria-pressed", String(detail.protected));
  target.textContent = detail.protected ? "Protected" : "Protect";
  target.dataset.body = JSON.stringify({ protected: !detail.protected });
  part("protected").hidden = !detail.protected;
});

const words = (seen) => `${seen.plate}, ${spoken(seen.first)}, ${seen.confirmed ? "confirmed" : "not confirmed"}`;

function lanes(known) {
  const seen = known.sightings.filter((each) => each.first !== null);
  timeline.fill("plates", seen.map((each) => ({
    from: each.first, to: each.last ?? each.first, text: each.plate, says: words(each), kind: each.confirmed ? "" : "unsure",
  })));
  timeline.fill("events", known.events.map((each) => ({
    from: each.seconds, to: each.until, text: each.kind, says: `${each.says}, ${spoken(each.seconds)}`, kind: "event",
  })));
}

async function vehicles() {
  try {
    const { tracks, says } = await get(`/data/videos/${id}/tracks`);
    timeline.vehicles(tracks);
    part("lanes-say").textContent = says && `No vehicles are shown: ${says}`;
  } catch (error) {
    part("lanes-say").textContent = `No vehicles are shown: ${error.message}`;
  }
}

function paint(known) {
  if (!part("map")) return;
  const chart = speedChart(part("chart"), part("speed-now"), clock, known);
  if (!chart) part("chart").textContent = "Its route has no speed.";
  const map = routeMap(part("map"), clock, known);
  tell(part("route-say"), part("speed-scale"), known);
  clock.on("tick", (seconds) => chart?.tell(fixAt(known.route, known.gaps, seconds)));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { chart?.redraw(); map.redraw(); timeline.draw(); });
  new ResizeObserver(() => map.map.invalidateSize()).observe(part("map"));
}

// A clip that is still worked on: what comes of it is told, and shown when the reader wants it.
function follow() {
  if (["processed", "failed"].includes(watch.dataset.status)) return;
  listen({ video: id, changed: (task) => {
    if (task.event !== "completed" && task.state !== "complete") return;
    const again = document.createElement("a");
    Object.assign(again, { href: location.href, textContent: "There is more now: show it" });
    again.addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
    part("news").replaceChildren(again);
  } });
}

async function begin() {
  const asked = Number(new URLSearchParams(location.search).get("t"));
  clock.tick(Number.isFinite(asked) ? asked : 0);
  follow();
  const opening = player.open(id, 0).catch((error) => say(error.message, 10));
  askWhy(part("why"), part("why-says"), clock, player);
  const known = await get(`/data/videos/${id}`);
  channels = known.channels;
  if (known.fps > 0) frame = 1 / known.fps;
  clock.stretch(known.duration ?? 0);
  lanes(known);
  paint(known);
  vehicles();
  clock.tick(clock.now);
  await opening;
  document.body.dataset.ready = "yes";
}

begin().catch((error) => say(error.message, 20));

// The film of one clip, or of another channel of the same moment, on the page's clock. It asks which films can
// be had now, takes the first that this browser plays, and says what is away.
import { get } from "./api.js";

export class Player extends EventTarget {
  constructor(video, clock, notice) {
    super();
    Object.assign(this, { video, clock, notice, offset: 0, films: {}, id: null, kind: null, moving: false, tried: new Set() });
    clock.on("seek", (seconds) => this.follow(seconds));
    for (const name of ["timeupdate", "seeked"]) video.addEventListener(name, () => { if (this.video.paused || document.hidden) this.told(); });
    video.addEventListener("loadedmetadata", () => this.opened());
    video.addEventListener("play", () => this.run());
    video.addEventListener("error", () => this.failed());
    for (const name of ["play", "pause", "ratechange", "volumechange"]) video.addEventListener(name, () => this.dispatchEvent(new Event("state")));
  }

  get here() {
    return this.kind !== null;
  }

  // Show a clip whose second 0 is second `offset` of the page's clock.
  async open(id, offset) {
    const going = this.here && !this.video.paused;
    Object.assign(this, { id, offset, tried: new Set() });
    this.films[id] ??= await get(`/data/videos/${id}/films`);
    if (this.id !== id) return;
    this.choose(null, going);
  }

  // The best film that was not tried yet; `wanted`: archive or raw.
  choose(wanted, going) {
    const { films, says } = this.films[this.id];
    const can = films.filter((film) => film.state === "here" && film.shown && !this.tried.has(film.kind));
    const film = can.find((each) => each.kind === wanted) ?? can[0];
    this.say(film, films, says);
    this.kind = film?.kind ?? null;
    this.going = going;
    if (film) {
      this.video.src = `/media/videos/${this.id}/${film.kind}`;
    } else if (this.video.getAttribute("src")) {
      this.video.removeAttribute("src");
      this.video.load();
    }
    this.dispatchEvent(new CustomEvent("film", { detail: { films, kind: this.kind } }));
  }

  // What keeps the films that are not shown.
  say(film, films, says) {
    const reasons = films.filter((each) => each.state !== "here").map((each) => each.says);
    if (this.tried.size) reasons.push("This browser cannot play its coding; fetch it with “Original clip”.");
    if (!film && !reasons.length) reasons.push(says || "Its file is of a kind that browsers do not play; fetch it with “Original clip”.");
    this.notice.textContent = film ? "" : [...new Set(reasons)].join(" ");
    this.notice.hidden = Boolean(film);
  }

  opened() {
    this.video.playbackRate = this.rate ?? 1;
    if (this.offset === 0) this.clock.stretch(this.video.duration);
    this.follow(this.clock.now);
    if (this.going) this.play();
  }

  follow(seconds) {
    if (!this.here || this.video.readyState < 1) return;
    const at = Math.min(Math.max(0, seconds - this.offset), this.video.duration || 0);
    if (Math.abs(this.video.currentTime - at) > 0.001) this.video.currentTime = at;
  }

  told() {
    if (this.here && this.video.readyState >= 1 && !this.video.seeking) this.clock.tick(this.video.currentTime + this.offset);
  }

  // While it plays the clock goes with every picture.
  run() {
    if (this.moving) return;
    this.moving = true;
    const step = () => {
      this.told();
      if (this.video.paused || this.video.ended) this.moving = false;
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  failed() {
    if (!this.kind || !this.video.getAttribute("src")) return;
    this.tried.add(this.kind);
    this.choose(null, this.going);
  }

  async play() {
    try {
      await this.video.play();
    } catch {
      // Another film came meanwhile, or the browser wants a click first: the button shows that it stands.
    }
  }

  toggle() {
    if (!this.here) return;
    if (this.video.paused) this.play(); else this.video.pause();
  }

  speed(rate) {
    this.rate = rate;
    this.video.playbackRate = rate;
  }
}

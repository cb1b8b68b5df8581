// The rail and the lanes below the film: plates, vehicles and events on one clock. A click anywhere jumps.
import { spoken } from "./clock.js";
import { token } from "./speeds.js";

const most = 300; // elements in a lane
const rows = 3; // in which those lie that overlap

export class Timeline {
  constructor(place, clock) {
    this.clock = clock;
    this.rail = place.querySelector("#rail");
    this.done = place.querySelector("#done");
    this.lanes = place.querySelector("#lanes");
    this.now = place.querySelector("#now");
    this.canvas = place.querySelector("#vehicles");
    this.tracks = [];
    this.bits = [];
    for (const part of [this.rail, this.lanes]) this.dragged(part);
    clock.on("tick", (seconds) => this.tick(seconds));
    clock.on("length", () => { this.place(); this.draw(); this.tick(clock.now); });
    new ResizeObserver(() => { this.draw(); this.tick(clock.now); }).observe(this.lanes);
    this.tick(0);
  }

  track(name) {
    return this.lanes.querySelector(`[data-lane="${name}"] .track`);
  }

  // Pressing and moving on the rail or a lane takes the clock along.
  dragged(part) {
    const go = (event) => {
      const box = this.track("plates").getBoundingClientRect();
      if (event.clientX >= box.left - 8) this.clock.seek(((event.clientX - box.left) / box.width) * this.clock.length);
    };
    part.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.target.closest(".bit")) return;
      go(event);
      part.setPointerCapture(event.pointerId);
      const move = (moved) => go(moved);
      part.addEventListener("pointermove", move);
      part.addEventListener("pointerup", () => part.removeEventListener("pointermove", move), { once: true });
      part.addEventListener("pointercancel", () => part.removeEventListener("pointermove", move), { once: true });
    });
  }

  tick(seconds) {
    const share = this.clock.length ? seconds / this.clock.length : 0;
    this.done.style.width = `${share * 100}%`;
    const box = this.track("plates");
    this.now.style.left = `${box.offsetLeft + share * box.clientWidth}px`;
    this.rail.setAttribute("aria-valuenow", seconds.toFixed(1));
    this.rail.setAttribute("aria-valuemax", this.clock.length.toFixed(1));
    this.rail.setAttribute("aria-valuetext", `${spoken(seconds)} of ${spoken(this.clock.length)}`);
  }

  // `all`: [{ from, to, text, says, kind }]
  fill(name, all) {
    this.bits = this.bits.filter((each) => each.lane !== name);
    const track = this.track(name);
    track.querySelectorAll(".bit").forEach((old) => old.remove());
    const ends = [];
    for (const each of all.slice(0, most).sort((a, b) => a.from - b.from)) {
      let row = ends.findIndex((end) => end <= each.from);
      if (row < 0) row = ends.length < rows ? ends.length : ends.indexOf(Math.min(...ends));
      ends[row] = each.to;
      const bit = document.createElement("button");
      bit.className = `bit ${each.kind}`;
      bit.textContent = each.text;
      bit.title = each.says;
      bit.setAttribute("aria-label", each.says);
      bit.addEventListener("click", () => this.clock.seek(each.from));
      track.append(bit);
      this.bits.push({ lane: name, bit, row, from: each.from, to: each.to });
    }
    for (const { bit, row } of this.bits.filter((each) => each.lane === name)) {
      bit.style.top = `${(row / ends.length) * 100}%`;
      bit.style.height = `calc(${100 / ends.length}% - 1px)`;
    }
    this.place();
  }

  place() {
    const length = this.clock.length || 1;
    for (const { bit, from, to } of this.bits) {
      bit.style.left = `${Math.min(99, (Math.max(0, from) / length) * 100)}%`;
      bit.style.width = `${Math.max(0, (Math.min(to, length) - Math.max(0, from)) / length) * 100}%`;
    }
  }

  // What was followed, in as many rows as overlap.
  vehicles(tracks) {
    this.tracks = tracks;
    this.draw();
  }

  draw() {
    const { canvas, tracks } = this;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const ends = [];
    const set = tracks.map((each) => {
      let row = ends.findIndex((end) => end <= each.first);
      if (row < 0) row = ends.length < 8 ? ends.length : ends.indexOf(Math.min(...ends));
      ends[row] = each.last;
      return { each, row };
    });
    const high = height / Math.max(2, ends.length);
    const unread = token("--lane-vehicle");
    const read = token("--lane-plate");
    for (const { each, row } of set) {
      pen.fillStyle = each.plate ? read : unread;
      pen.globalAlpha = each.told ? 1 : 0.55;
      const from = (each.first / (this.clock.length || 1)) * width;
      const to = (each.last / (this.clock.length || 1)) * width;
      pen.fillRect(from, row * high, Math.max(2, to - from), Math.max(1, high - 1));
    }
  }
}

// From here, to here: the part of a clip to export, and the command that does it.
import { spoken } from "./clock.js";
import { say } from "./say.js";

export class Marks {
  constructor(clock, id) {
    Object.assign(this, { clock, id, offset: 0, from: null, to: null });
    this.part = (name) => document.getElementById(name);
    this.part("mark-in").addEventListener("click", () => this.begin());
    this.part("mark-out").addEventListener("click", () => this.end());
    this.part("mark-none").addEventListener("click", () => this.none());
    for (const name of ["blur", "gpx", "evidence"]) this.part(name).addEventListener("change", () => this.show());
    this.part("copy").addEventListener("click", () => this.copy());
  }

  // The clip that is shown now; its second 0 is second `offset` of the page's clock.
  of(id, offset) {
    Object.assign(this, { id, offset });
    this.show();
  }

  begin() {
    if (this.clock.length && this.clock.now >= this.clock.length - 0.05) { say("This is the end; go back to where the export begins."); return; }
    this.from = this.clock.now;
    if (this.to !== null && this.to <= this.from) this.to = null;
    this.show();
  }

  end() {
    if (this.clock.now <= 0) { say("This is the beginning; go on to where the export ends."); return; }
    this.to = this.clock.now;
    if (this.from !== null && this.from >= this.to) this.from = null;
    this.show();
  }

  none() {
    Object.assign(this, { from: null, to: null });
    this.show();
  }

  command() {
    const words = ["dashcam", "export", this.id];
    const seconds = (at) => Math.max(0, at - this.offset).toFixed(2);
    if (this.from !== null) words.push("--from", seconds(this.from));
    if (this.to !== null) words.push("--to", seconds(this.to));
    for (const name of ["blur", "gpx", "evidence"]) {
      if (this.part(name).checked && !this.part(name).disabled) words.push(`--${name}`);
    }
    return words.join(" ");
  }

  show() {
    const whole = this.from === null && this.to === null;
    const from = this.from === null ? "the beginning" : spoken(this.from);
    const to = this.to === null ? "the end" : spoken(this.to);
    this.part("marks").textContent = whole ? "The whole clip" : `From ${from} to ${to}`;
    this.part("mark-none").hidden = whole;
    // Evidence is the originals, and its route is in it.
    for (const name of ["blur", "gpx"]) this.part(name).disabled = this.part("evidence").checked;
    this.part("command").textContent = this.command();
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.command());
      say("The command is in the clipboard.");
    } catch {
      window.getSelection().selectAllChildren(this.part("command"));
      say("The command is selected; copy it with Ctrl+C.");
    }
  }

  visit() {
    this.part("export").scrollIntoView({ block: "nearest" });
    this.part("mark-in").focus();
  }
}

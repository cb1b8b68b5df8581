// From here, to here: the part of a clip to export, and the command that does it.
import { spoken } from "./clock.js";
import { say } from "./say.js";

export class Marks {
  constructor(clock, id) {
    Object.assign(this, { clock, id, from: null, to: null });
    this.part = (name) => document.getElementById(name);
    this.part("mark-in").addEventListener("click", () => this.begin());
    this.part("mark-out").addEventListener("click", () => this.end());
    this.part("mark-none").addEventListener("click", () => this.none());
    this.part("blur").addEventListener("change", () => this.show());
    this.part("copy").addEventListener("click", () => this.copy());
  }

  begin() {
    this.from = this.clock.now;
    if (this.to !== null && this.to <= this.from) this.to = null;
    this.show();
  }

  end() {
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
    if (this.from !== null) words.push("--from", this.from.toFixed(2));
    if (this.to !== null) words.push("--to", this.to.toFixed(2));
    if (this.part("blur").checked) words.push("--blur");
    return words.join(" ");
  }

  show() {
    const whole = this.from === null && this.to === null;
    const from = this.from === null ? "the beginning" : spoken(this.from);
    const to = this.to === null ? "the end" : spoken(this.to);
    this.part("marks").textContent = whole ? "The whole clip" : `From ${from} to ${to}`;
    this.part("mark-none").hidden = whole;
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

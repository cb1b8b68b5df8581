// The one clock of a clip's page, in seconds of that clip. Everything that shows a position listens to it, and
// everything that can be clicked moves it; whether a film is there does not matter to it.
export class Clock extends EventTarget {
  constructor(length) {
    super();
    this.length = length || 0;
    this.now = 0;
  }

  // Go somewhere: the film follows.
  seek(seconds) {
    this.now = this.within(seconds);
    this.dispatchEvent(new CustomEvent("seek", { detail: this.now }));
    this.dispatchEvent(new CustomEvent("tick", { detail: this.now }));
  }

  // The film has gone on.
  tick(seconds) {
    this.now = this.within(seconds);
    this.dispatchEvent(new CustomEvent("tick", { detail: this.now }));
  }

  // The length is known better now.
  stretch(length) {
    if (!Number.isFinite(length) || length <= 0 || Math.abs(length - this.length) < 0.05) return;
    this.length = length;
    this.dispatchEvent(new CustomEvent("length", { detail: length }));
  }

  within(seconds) {
    const latest = this.length > 0 ? this.length : Infinity;
    return Number.isFinite(seconds) ? Math.min(latest, Math.max(0, seconds)) : 0;
  }

  on(name, act) {
    this.addEventListener(name, (event) => act(event.detail));
    return this;
  }
}

// 67.25 as 1:07.2, or 1:07 without `tenths`.
export function spoken(seconds, tenths = true) {
  const whole = Math.max(0, tenths ? Math.floor(seconds * 10) / 10 : Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = (whole % 60).toFixed(tenths ? 1 : 0).padStart(tenths ? 4 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// What the camera's clock showed, which has no zone: "16:27:41".
export function cameraTime(start, seconds) {
  const began = Date.parse(`${start}Z`);
  if (!Number.isFinite(began)) return "";
  return new Date(began + seconds * 1000).toISOString().slice(11, 19);
}

// <time datetime="...Z" data-ago> says "3 minutes ago", as the server wrote it, and stays true; its title is the
// time in the reader's zone. Times of footage are the camera's own and are never touched.
const steps = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });

function ago(seconds) {
  const [step, unit] = steps.find(([each]) => seconds >= 2 * each) || steps[3];
  return relative.format(-Math.floor(seconds / step), unit);
}

export function localTimes(root) {
  for (const each of root.querySelectorAll("time[data-ago]")) {
    const then = new Date(each.dateTime);
    if (Number.isNaN(then.valueOf())) continue;
    const text = ago(Math.max(0, (Date.now() - then) / 1000));
    if (each.textContent !== text) each.textContent = text;
    each.title = then.toLocaleString();
  }
}

setInterval(() => localTimes(document), 15000);

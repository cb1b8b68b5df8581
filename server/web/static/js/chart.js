// Speed over the length of the clip; a click jumps.
/* global uPlot */
import { said, shown, token, unit } from "./speeds.js";
import { spoken } from "./clock.js";

export function speedChart(place, now, clock, { route, gaps }) {
  const begins = new Set(gaps.map(([from]) => from));
  const points = [];
  for (const fix of route.filter((one) => one[3] !== null)) {
    points.push([fix[0], shown(fix[3])]);
    if (begins.has(fix[0])) points.push([fix[0] + 0.01, null]);
  }
  if (points.length < 2) return null;
  let chart = null;
  const draw = () => {
    chart?.destroy();
    const axis = { stroke: token("--soft"), grid: { stroke: token("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    chart = new uPlot({
      width: place.clientWidth,
      height: place.clientHeight,
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false, x: false } },
      scales: { x: { time: false, range: () => [0, Math.max(clock.length, 1)] }, y: { range: (_, low, high) => [0, Math.max(10, high * 1.1)] } },
      axes: [
        { ...axis, values: (_, marks) => marks.map((each) => spoken(each, false)), size: 24 },
        { ...axis, size: 44, values: (_, marks) => marks.map((each) => String(each)) },
      ],
      series: [{}, { label: unit(), stroke: token("--accent"), width: 2, fill: token("--accent-wash"), spanGaps: false }],
      hooks: { draw: [mark] },
    }, [points.map((one) => one[0]), points.map((one) => one[1])], place);
    chart.over.addEventListener("click", (event) => {
      clock.seek(chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, "x"));
    });
  };
  const mark = (self) => {
    const x = self.valToPos(clock.now, "x", true);
    self.ctx.save();
    self.ctx.strokeStyle = token("--text");
    self.ctx.lineWidth = 2 * devicePixelRatio;
    self.ctx.beginPath();
    self.ctx.moveTo(x, self.bbox.top);
    self.ctx.lineTo(x, self.bbox.top + self.bbox.height);
    self.ctx.stroke();
    self.ctx.restore();
  };
  draw();
  new ResizeObserver(() => {
    if (place.clientWidth && place.clientHeight) chart.setSize({ width: place.clientWidth, height: place.clientHeight });
  }).observe(place);
  clock.on("tick", () => chart.redraw(false));
  clock.on("length", () => chart.redraw());
  return { redraw: draw, tell: (fix) => { now.textContent = fix ? said(fix.speed) : ""; } };
}

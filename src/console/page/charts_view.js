import { chart } from "./chart.js";
import { bytes, digits, h } from "./dom.js";

const whole = (value) => digits(Math.round(value));

const CHARTS = [
  ["sent", "Records sent a second", whole],
  ["produced", "Records produced a second", whole],
  ["lag", "Records behind, all sessions", whole],
  ["sockets", "Sockets", whole],
  ["delay", "Event-loop delay, p99", (value) => `${value.toFixed(1)} ms`],
  ["buffered", "Buffered for sockets", (value) => bytes(Math.round(value))],
];

/** The server's figures over the last minutes. */
export function chartsView({ figures, signal }) {
  const charts = CHARTS.map(([key, name, format]) => ({ key, ...chart(name, format) }));
  const show = () => {
    for (const { key, show } of charts) show(figures.series[key]);
  };
  requestAnimationFrame(() => figures.watch(show, signal));
  return h(
    "div",
    {},
    h("h2", {}, "Charts"),
    h("p", { className: "quiet" }, "Since this page was opened, one point a second, five minutes."),
    h("div", { className: "charts" }, charts.map(({ element }) => element)),
  );
}

import { h } from "./dom.js";

/** Points a chart remembers. */
export const MOST_POINTS = 300;

/** A series of numbers, the oldest forgotten; undefined is a hole. */
export class Series {
  values = [];

  add(value) {
    this.values.push(value);
    if (this.values.length > MOST_POINTS) this.values.shift();
  }
}

/**
 * Draws a series over the whole of a canvas, from zero to its largest value.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {readonly (number | undefined)[]} values
 * @param {{ points?: number, isSpark?: boolean, format?: (value: number) => string }} options
 */
export function draw(
  canvas,
  values,
  { points = MOST_POINTS, isSpark = false, format = String } = {},
) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0) return;
  const scale = globalThis.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const shown = values.slice(-points);
  const most = Math.max(1e-9, ...shown.filter((value) => value !== undefined));
  const top = isSpark ? 2 : 18;
  const place = (value) => height - 2 - (value / most) * (height - 2 - top);
  if (!isSpark) {
    context.strokeStyle = style.getPropertyValue("--line");
    context.fillStyle = style.getPropertyValue("--quiet");
    context.font = "12px system-ui, sans-serif";
    for (const part of [0, 0.5, 1]) {
      const y = Math.round(place(most * part)) + 0.5;
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(width, y);
      context.stroke();
      if (part > 0 && most > 1e-9) context.fillText(format(most * part), 4, y - 4);
    }
  }
  context.strokeStyle = style.getPropertyValue("--accent");
  context.lineWidth = isSpark ? 1.5 : 2;
  context.lineJoin = "round";
  context.beginPath();
  const step = width / Math.max(points - 1, 1);
  let isDown = false;
  shown.forEach((value, i) => {
    if (value === undefined) {
      isDown = false;
      return;
    }
    const x = width - (shown.length - 1 - i) * step;
    if (isDown) context.lineTo(x, place(value));
    else context.moveTo(x, place(value));
    isDown = true;
  });
  context.stroke();
}

/** A chart with its name and its last value as text, for those who cannot see the line. */
export function chart(name, format) {
  const last = h("b", {}, "–");
  const canvas = h("canvas", { role: "img", "aria-label": name });
  const element = h("figure", { className: "chart" }, h("figcaption", {}, name, last), canvas);
  return {
    element,
    show: (series) => {
      const value = series.values.findLast((each) => each !== undefined);
      last.textContent = value === undefined ? "–" : format(value);
      canvas.setAttribute("aria-label", `${name}, now ${last.textContent}`);
      draw(canvas, series.values, { format, points: Math.max(series.values.length, 60) });
    },
  };
}

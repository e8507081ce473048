/** What all pictures share: they are as wide as their place, and have an axis of time. */

import { fill, h, svg } from "../app/dom.js";
import { tick } from "../app/format.js";

/** Steps between ticks, in milliseconds. */
const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500]
  .concat([1, 2, 5, 10, 15, 30].map((s) => s * 1e3))
  .concat([1, 2, 5, 10, 15, 30].map((m) => m * 60e3))
  .concat([1, 2, 3, 6, 12].map((x) => x * 3600e3))
  .concat([1, 2, 7, 14, 30, 90, 365].map((d) => d * 86400e3));

/**
 * Returns the places of ticks in a span, at most about one in 110 pixels.
 *
 * @param {number} from
 * @param {number} until
 * @param {number} width
 */
export function ticks(from, until, width) {
  const wanted = ((until - from) / Math.max(1, width)) * 110;
  const step = steps.find((s) => s >= wanted) ?? steps[steps.length - 1];
  // A day begins with the viewer's midnight.
  const zone = new Date(from).getTimezoneOffset() * 60e3;
  const all = [];
  for (let at = Math.ceil((from - zone) / step) * step + zone; at <= until; at += step) all.push(at);
  return all;
}

/**
 * Returns the lines and labels of an axis of time.
 *
 * @param {{from: number, until: number, x: (at: number) => number, width: number, left: number, top: number, bottom: number, labels?: number}} axis
 *   labels is the line of the labels, which are below the picture without it
 */
export function axis({ from, until, x, width, left, top, bottom, labels = bottom + 12 }) {
  return ticks(from, until, width - left).map((at) =>
    // A label that would not fit at the right end is left out.
    svg("g", { class: "tick" }, svg("line", { x1: x(at), x2: x(at), y1: top, y2: bottom }), x(at) > width - 44 ? null : svg("text", { x: x(at) + 3, y: labels }, tick(at, until - from))),
  );
}

/** A picture that is drawn again when its width changes. */
export class Picture {
  /**
   * @param {string} label
   * @param {(width: number) => {height: number, content: (Node | null)[], label?: string}} draw
   */
  constructor(label, draw) {
    this.draw = draw;
    this.root = svg("svg", { role: "img", "aria-label": label });
    this.element = h("div", { class: "picture" }, this.root);
    this.watch = new ResizeObserver(() => this.redraw());
    this.watch.observe(this.element);
  }

  redraw() {
    const width = this.element.clientWidth;
    if (width < 40) return;
    const { height, content, label } = this.draw(width);
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.setAttribute("width", String(width));
    this.root.setAttribute("height", String(height));
    if (label) this.root.setAttribute("aria-label", label);
    fill(this.root, content);
  }

  close() {
    this.watch.disconnect();
  }
}

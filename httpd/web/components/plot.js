/** Counters over time, a line for each connection, with the moments of high and low water. */

import { h, svg } from "../app/dom.js";
import { moment } from "../app/format.js";
import { Picture, axis } from "./picture.js";

const height = 120;
const left = 64;

/**
 * @typedef {object} Point
 * @property {number} at
 * @property {import("../app/types.js").Counters} counters
 *
 * @typedef {{name: string, points: Point[]}} Series
 */

/**
 * Returns the spans between two samples in which queues crossed a mark. The counters say how
 * often, and not when exactly.
 *
 * @param {Series} series
 */
export function waterMoments(series) {
  const all = [];
  for (let i = 1; i < series.points.length; i++) {
    const [a, b] = [series.points[i - 1], series.points[i]];
    const high = b.counters.high_water_events - a.counters.high_water_events;
    const low = b.counters.low_water_events - a.counters.low_water_events;
    if (high > 0) all.push({ kind: "high", n: high, from: a.at, until: b.at, name: series.name });
    if (low > 0) all.push({ kind: "low", n: low, from: a.at, until: b.at, name: series.name });
  }
  return all;
}

export class Plot {
  /** @type {Series[]} */
  #series = [];
  #from = 0;
  #until = 0;
  #picture;

  /**
   * @param {string} title
   * @param {keyof import("../app/types.js").Counters} counter
   * @param {(n: number) => string} text
   */
  constructor(title, counter, text) {
    this.title = title;
    this.counter = counter;
    this.text = text;
    this.#picture = new Picture(title, (width) => this.#draw(width));
    this.element = h("figure", { class: "plot" }, h("figcaption", {}, title), this.#picture.element);
  }

  /**
   * @param {Series[]} series
   * @param {number} from
   * @param {number} until
   */
  show(series, from, until) {
    this.#series = series;
    this.#from = from;
    this.#until = Math.max(until, from + 50);
    this.#picture.redraw();
  }

  close() {
    this.#picture.close();
  }

  /** @param {number} width */
  #draw(width) {
    const value = (/** @type {Point} */ p) => p.counters[this.counter];
    const most = Math.max(1, ...this.#series.flatMap((s) => s.points.map(value)));
    const x = (/** @type {number} */ at) => left + ((at - this.#from) / (this.#until - this.#from)) * (width - left - 10);
    const y = (/** @type {number} */ v) => height - 4 - (v / (most * 1.05)) * (height - 12);
    const grid = (most > 1 ? [0, 0.5, 1] : [0, 1]).map((share) =>
      svg("g", { class: "tick" }, svg("line", { x1: left, x2: width - 8, y1: y(most * share), y2: y(most * share) }), svg("text", { x: left - 8, y: y(most * share) + 4, "text-anchor": "end" }, this.text(most * share))),
    );
    const water = this.#series.flatMap(waterMoments).map((w) =>
      svg(
        "g",
        { class: `water ${w.kind}` },
        svg("rect", { x: x(w.from), y: 4, width: Math.max(2, x(w.until) - x(w.from)), height: height - 8 }),
        svg("path", { d: w.kind === "high" ? `M${x(w.until) - 5},14h10l-5,-9z` : `M${x(w.until) - 5},5h10l-5,9z` }),
        svg("title", {}, `${w.name}: ${w.kind} water reached ${w.n} times between ${moment(w.from)} and ${moment(w.until)}`),
      ),
    );
    const lines = this.#series.map((s, i) =>
      svg(
        "g",
        { class: `series s${i % 6}` },
        svg("path", { d: s.points.map((p, j) => `${j ? "L" : "M"}${x(p.at).toFixed(1)},${y(value(p)).toFixed(1)}`).join("") }),
        s.points.length < 80 ? s.points.slice(1).map((p) => svg("circle", { cx: x(p.at), cy: y(value(p)), r: 2.4 }, svg("title", {}, `${s.name}, ${moment(p.at)}: ${this.text(value(p))}`))) : null,
      ),
    );
    const last = this.#series.map((s) => `${s.name} ${this.text(value(s.points[s.points.length - 1]))}`).join(", ");
    return {
      height: height + 16,
      content: [...axis({ from: this.#from, until: this.#until, x, width, left, top: 4, bottom: height - 4 }), ...grid, ...water, ...lines],
      label: `${this.title}: ${last}`,
    };
  }
}

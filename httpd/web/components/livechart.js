/** Sessions, openings and throughput of the last five minutes. */

import { h, svg, write } from "../app/dom.js";
import { count, moment, rate } from "../app/format.js";
import { window } from "../app/recent.js";

const width = 300;
const height = 44;

/**
 * @typedef {import("../app/recent.js").Second} Second
 * @typedef {object} Lane
 * @property {string} title
 * @property {(s: Second) => number} value -1 where it is not known
 * @property {(n: number) => string} text
 * @property {boolean} bars
 */

/** @type {Lane[]} */
const lanes = [
  { title: "Sessions", value: (s) => s.live, text: count, bars: false },
  { title: "Openings a second", value: (s) => (s.live < 0 ? -1 : s.opened), text: count, bars: true },
  { title: "Throughput", value: (s) => (s.watched ? s.bytes : -1), text: rate, bars: false },
];

export class LiveChart {
  /** @type {Second[]} */
  #seconds = [];
  #pointed = -1;

  constructor() {
    this.parts = lanes.map((lane) => {
      const area = svg("path", { class: lane.bars ? "bars" : "area" });
      const line = svg("path", { class: "line" });
      const unknown = svg("path", { class: "unknown" });
      const cursor = svg("line", { class: "cursor", y1: 0, y2: height, x1: -9, x2: -9 });
      const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img" }, unknown, area, lane.bars ? null : line, cursor);
      const now = h("strong");
      const most = h("span", { class: "faint most" });
      const element = h("figure", { class: "spark" }, h("figcaption", {}, h("span", {}, lane.title), now, most), picture);
      picture.addEventListener("pointermove", (e) => this.#point(e.offsetX / picture.clientWidth));
      picture.addEventListener("pointerleave", () => this.#point(-1));
      return { lane, area, line, unknown, cursor, picture, now, most, element };
    });
    this.element = h("section", { class: "sparks", "aria-label": "The last five minutes" }, this.parts.map((p) => p.element));
  }

  /** @param {number} share of the width, negative for none */
  #point(share) {
    this.#pointed = share < 0 ? -1 : Math.max(0, Math.min(window - 1, Math.floor(share * window)));
    this.show(this.#seconds);
  }

  /** @param {Second[]} seconds */
  show(seconds) {
    this.#seconds = seconds;
    if (seconds.length === 0) return;
    for (const part of this.parts) this.#draw(part, seconds);
  }

  /**
   * @param {LiveChart["parts"][number]} part
   * @param {Second[]} seconds
   */
  #draw(part, seconds) {
    const { lane } = part;
    const values = seconds.map(lane.value);
    const top = Math.max(1, ...values) * 1.08;
    const step = width / seconds.length;
    const known = values.findIndex((v) => v >= 0);
    const x = (/** @type {number} */ i) => (i * step).toFixed(1);
    const y = (/** @type {number} */ v) => (height - (Math.max(0, v) / top) * height).toFixed(1);
    if (lane.bars) {
      part.area.setAttribute("d", values.map((v, i) => (v > 0 ? `M${x(i)},${height}V${y(v)}h${Math.max(0.8, step * 0.8).toFixed(1)}V${height}z` : "")).join(""));
    } else {
      const runs = knownRuns(values);
      const points = (/** @type {number[]} */ run) => run.map((i) => `${x(i)},${y(values[i])}`).join("L");
      const right = (/** @type {number[]} */ run) => Math.min(width, (run[run.length - 1] + 1) * step).toFixed(1);
      part.line.setAttribute("d", runs.map((run) => `M${points(run)}H${right(run)}`).join(""));
      part.area.setAttribute("d", runs.map((run) => `M${x(run[0])},${height}L${points(run)}H${right(run)}V${height}z`).join(""));
    }
    part.unknown.setAttribute("d", values.map((v, i) => (v < 0 ? `M${x(i)},0H${x(i + 1)}V${height}H${x(i)}z` : "")).join(""));
    const at = this.#pointed < 0 ? values.length - 1 : this.#pointed;
    part.cursor.setAttribute("x1", this.#pointed < 0 ? "-9" : x(at));
    part.cursor.setAttribute("x2", this.#pointed < 0 ? "-9" : x(at));
    const shown = values[at] < 0 ? "not known" : lane.text(values[at]);
    write(part.now, values[at] < 0 ? "–" : shown);
    const most = lane.text(Math.max(0, ...values));
    write(part.most, known < 0 ? "since this page was opened" : this.#pointed < 0 ? `max ${most} / 5 min` : `at ${moment(seconds[at].at * 1000)}`);
    part.picture.setAttribute("aria-label", `${lane.title}: ${shown} now, at most ${most} in the last five minutes`);
  }
}

/**
 * Returns the indexes of values that are known, those beside each other together.
 *
 * @param {number[]} values -1 where one is not known
 */
function knownRuns(values) {
  /** @type {number[][]} */
  const runs = [];
  for (const [i, v] of values.entries()) {
    if (v < 0) continue;
    const last = runs[runs.length - 1];
    if (last?.[last.length - 1] === i - 1) last.push(i);
    else runs.push([i]);
  }
  return runs;
}

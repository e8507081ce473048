/** A slider over time, with the openings and ends around it. */

import { h, svg } from "../app/dom.js";
import { moment, plural, utc } from "../app/format.js";
import { Picture, axis } from "./picture.js";

const height = 66;
const buckets = 160;

export class Slider {
  #from = 0;
  #until = 1;
  #at = 0;
  /** @type {{opened: number[], ended: number[]}} */
  #changes = { opened: [], ended: [] };
  /** @type {[number, number][]} times at which no registry ran */
  #gaps = [];
  /** Before it changes are not marked. */
  #known = 0;

  /** @param {(at: number, settled: boolean) => void} moved */
  constructor(moved) {
    this.moved = moved;
    this.picture = new Picture("", (width) => this.#draw(width));
    this.picture.root.setAttribute("aria-hidden", "true");
    this.element = h("div", { class: "timeslider", role: "slider", tabindex: 0, "aria-label": "The moment that is shown", onkeydown: (/** @type {KeyboardEvent} */ e) => this.#key(e) }, this.picture.element);
    let down = false;
    this.element.addEventListener("pointerdown", (e) => {
      down = true;
      this.element.setPointerCapture(e.pointerId);
      this.#point(e, false);
    });
    this.element.addEventListener("pointermove", (e) => down && this.#point(e, false));
    this.element.addEventListener("pointerup", (e) => {
      down = false;
      this.#point(e, true);
    });
    this.element.addEventListener("pointercancel", () => {
      down = false;
    });
  }

  close() {
    this.picture.close();
  }

  /**
   * @param {number} from
   * @param {number} until
   * @param {{opened: number[], ended: number[]}} changes
   * @param {number} [known] before it changes are not marked
   */
  range(from, until, changes, known = from) {
    this.#known = known;
    this.#from = from;
    this.#until = until;
    this.#changes = changes;
    this.element.setAttribute("aria-valuemin", String(Math.round(from / 1000)));
    this.element.setAttribute("aria-valuemax", String(Math.round(until / 1000)));
    this.picture.redraw();
  }

  /** @param {number} from @param {number} until */
  gap(from, until) {
    if (this.#gaps.some(([a, b]) => a === from && b === until)) return;
    this.#gaps.push([from, until]);
    this.picture.redraw();
  }

  /** @param {number} at */
  set(at) {
    this.#at = at;
    this.element.setAttribute("aria-valuenow", String(Math.round(at / 1000)));
    this.element.setAttribute("aria-valuetext", `${moment(at)}, ${utc(at)}`);
    this.picture.redraw();
  }

  /** @param {PointerEvent} e @param {boolean} settled */
  #point(e, settled) {
    const share = (e.clientX - this.element.getBoundingClientRect().left) / this.element.clientWidth;
    this.#go(this.#from + share * (this.#until - this.#from), settled);
  }

  /** @param {number} at @param {boolean} settled */
  #go(at, settled) {
    const to = Math.max(this.#from, Math.min(this.#until, at));
    this.set(to);
    this.moved(to, settled);
  }

  /** @param {KeyboardEvent} e */
  #key(e) {
    const step = (this.#until - this.#from) / (e.shiftKey ? 20 : 200);
    /** @type {Record<string, number>} */
    const to = { ArrowLeft: this.#at - step, ArrowDown: this.#at - step, ArrowRight: this.#at + step, ArrowUp: this.#at + step, PageDown: this.#at - step * 10, PageUp: this.#at + step * 10, Home: this.#from, End: this.#until };
    if (!(e.key in to)) return;
    e.preventDefault();
    this.#go(to[e.key], true);
  }

  /** @param {number} width */
  #draw(width) {
    const x = (/** @type {number} */ at) => ((at - this.#from) / (this.#until - this.#from)) * width;
    const middle = height / 2;
    const tally = (/** @type {number[]} */ times) => {
      const all = new Array(buckets).fill(0);
      for (const at of times) {
        const i = Math.floor(((at - this.#from) / (this.#until - this.#from)) * buckets);
        if (i >= 0 && i < buckets) all[i]++;
      }
      return all;
    };
    const [opened, ended] = [tally(this.#changes.opened), tally(this.#changes.ended)];
    const most = Math.max(1, ...opened, ...ended);
    const tall = (/** @type {number} */ n) => (n ? Math.max(2, (Math.sqrt(n) / Math.sqrt(most)) * (middle - 6)) : 0);
    const step = width / buckets;
    const bars = (/** @type {number[]} */ all, /** @type {boolean} */ up) => all.map((n, i) => (n ? `M${(i * step).toFixed(1)},${middle}v${up ? -tall(n) : tall(n)}h${Math.max(1, step - 1).toFixed(1)}V${middle}z` : "")).join("");
    const at = x(this.#at);
    const title = (/** @type {number[]} */ times, /** @type {string} */ what) => svg("title", {}, plural(times.length, what));
    return {
      height: height + 18,
      content: [
        svg("rect", { class: "track", x: 0, y: 0, width, height, rx: 8 }),
        this.#known > this.#from ? svg("rect", { class: "unmarked", x: 0, y: 0, width: x(this.#known), height, rx: 8 }, svg("title", {}, "changes are not marked here")) : null,
        ...this.#gaps.map(([a, b]) => svg("rect", { class: "gap", x: Math.max(0, x(a)), y: 0, width: Math.max(2, Math.min(width, x(b)) - Math.max(0, x(a))), height }, svg("title", {}, "no registry ran"))),
        svg("g", {}, axis({ from: this.#from, until: this.#until, x, width, left: 0, top: 0, bottom: height })),
        svg("path", { class: "opened", d: bars(opened, true) }, title(this.#changes.opened, "opening")),
        svg("path", { class: "ended", d: bars(ended, false) }, title(this.#changes.ended, "end")),
        svg("rect", { class: "after", x: at, y: 0, width: Math.max(0, width - at), height, rx: 8 }),
        svg("line", { class: "thumb", x1: at, x2: at, y1: -2, y2: height + 4 }),
        svg("circle", { class: "thumb", cx: Math.max(8, Math.min(width - 8, at)), cy: middle, r: 8 }),
      ],
    };
  }
}

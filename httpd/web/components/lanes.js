/** Who was there when: a bar for each session, in lanes by user, server or address. */

import { h, svg } from "../app/dom.js";
import { count, moment, ms, nameOf, plural, span } from "../app/format.js";
import { reasonText } from "../app/records.js";
import { href } from "../app/router.js";
import { icon } from "./icon.js";
import { Picture, axis } from "./picture.js";

/** How many lanes are shown, and how many bars stand above each other in one. */
const mostLanes = 30;
const mostDeep = 10;
const thick = 7;
const axisHeight = 20;

/**
 * @typedef {import("../app/types.js").SessionAnswer} SessionAnswer
 * @typedef {{s: SessionAnswer, from: number, until: number, deep: number}} Bar
 * @typedef {{name: string, bars: Bar[]}} Lane
 */

/** @type {Record<string, (s: SessionAnswer) => string[]>} */
export const lanesBy = {
  user: (s) => [s.user || "not logged in"],
  server: (s) => (s.servers.length ? s.servers.map(nameOf) : ["no server"]),
  address: (s) => [s.address ?? "?"],
  service: (s) => [nameOf(s.service)],
};

/**
 * Puts sessions into lanes, those with the most first.
 *
 * @param {SessionAnswer[]} sessions
 * @param {(s: SessionAnswer) => string[]} by
 * @param {number} now
 * @returns {Lane[]}
 */
function arrange(sessions, by, now) {
  /** @type {Map<string, Lane>} */
  const lanes = new Map();
  for (const s of sessions) {
    for (const name of by(s)) {
      const lane = lanes.get(name) ?? { name, bars: [] };
      lanes.set(name, lane);
      lane.bars.push({ s, from: ms(s.opened), until: s.ended ? ms(s.ended) : now, deep: 0 });
    }
  }
  for (const lane of lanes.values()) lane.bars.sort((a, b) => a.from - b.from);
  return [...lanes.values()].sort((a, b) => b.bars.length - a.bars.length || a.name.localeCompare(b.name));
}

/**
 * Puts bars that overlap above each other, and returns how many lie above each other at most.
 *
 * @param {Bar[]} bars in the order in which they begin
 */
function stack(bars) {
  /** @type {number[]} */
  const ends = [];
  for (const bar of bars) {
    const free = ends.findIndex((end) => end <= bar.from);
    bar.deep = free < 0 ? ends.length : free;
    ends[bar.deep] = bar.until;
  }
  return Math.max(1, ends.length);
}

/**
 * Returns the outline of how many bars there are at a time, where they are too many to lie
 * above each other.
 *
 * @param {Bar[]} bars
 * @param {(at: number) => number} x
 * @param {(n: number) => number} y
 */
function outline(bars, x, y) {
  const changes = bars.flatMap((bar) => [
    { at: bar.from, by: 1 },
    { at: bar.until, by: -1 },
  ]);
  changes.sort((a, b) => a.at - b.at);
  let n = 0;
  const steps = changes.map(({ at, by }) => {
    n += by;
    return `H${x(at).toFixed(1)}V${y(n).toFixed(1)}`;
  });
  return `M${x(changes[0].at).toFixed(1)},${y(0).toFixed(1)}${steps.join("")}z`;
}

export class Lanes {
  /** @type {Lane[]} */
  #lanes = [];
  /** What is in the window, and the part of it that is seen. */
  #from = 0;
  #until = 1;
  #a = 0;
  #b = 1;
  #left = 120;
  /** @type {{x: number, a: number, b: number} | null} */
  #drag = null;
  #moved = false;

  /** @param {(from: number, until: number) => void} zoomed is called when another part is seen */
  constructor(zoomed) {
    this.zoomed = zoomed;
    this.picture = new Picture("Who was there when", (width) => this.#draw(width));
    this.picture.root.setAttribute("tabindex", "0");
    const button = (/** @type {"less" | "more" | "whole"} */ name, /** @type {string} */ label, /** @type {() => void} */ act) => h("button", { type: "button", class: "quiet small", "aria-label": label, title: label, onclick: act }, icon(name));
    this.note = h("span", { class: "faint" });
    this.element = h(
      "div",
      { class: "lanes" },
      h("div", { class: "line" }, this.note, h("span", { class: "right" }, button("less", "See more time", () => this.#zoom(1.6, 0.5)), button("more", "See less time", () => this.#zoom(1 / 1.6, 0.5)), button("whole", "See the whole window", () => this.#see(this.#from, this.#until)))),
      this.picture.element,
      h("p", { class: "faint marks" }, h("span", { class: "key stayed" }, "ended"), h("span", { class: "key there" }, "is open"), h("span", { class: "key turned" }, "ended on request, or its login failed"), h("span", { class: "key lost" }, "lost (outlined)")),
    );
    const { root } = this.picture;
    root.addEventListener("wheel", (e) => this.#wheel(e), { passive: false });
    root.addEventListener("pointerdown", (e) => this.#down(e));
    root.addEventListener("pointermove", (e) => this.#move(e));
    root.addEventListener("pointerup", () => this.#up());
    root.addEventListener("pointercancel", () => this.#up());
    root.addEventListener("click", (e) => this.#click(e));
    root.addEventListener("keydown", (e) => this.#key(e));
  }

  close() {
    this.picture.close();
  }

  /**
   * @param {SessionAnswer[]} sessions
   * @param {string} by
   * @param {number} from
   * @param {number} until
   * @param {number} there how many there are in the window
   */
  show(sessions, by, from, until, there) {
    this.#lanes = arrange(sessions, lanesBy[by] ?? lanesBy.user, until);
    this.#from = this.#a = from;
    this.#until = this.#b = until;
    const more = this.#lanes.length > mostLanes ? `, the ${mostLanes} busiest of ${count(this.#lanes.length)} lanes` : "";
    this.note.textContent = `${sessions.length < there ? `The newest ${count(sessions.length)} of ` : ""}${plural(Math.max(there, sessions.length), "session")}${more}. ${matchMedia("(pointer: coarse)").matches ? "Drag to move." : "Drag to move, Ctrl and the wheel to zoom."}`;
    this.picture.redraw();
  }

  /** @param {number} width */
  #draw(width) {
    this.#left = width < 560 ? 84 : 150;
    const left = this.#left;
    const [a, b] = [this.#a, this.#b];
    const x = (/** @type {number} */ at) => left + ((at - a) / (b - a)) * (width - left);
    const lanes = this.#lanes.slice(0, mostLanes);
    let y = axisHeight;
    const content = lanes.map((lane, i) => {
      const seen = lane.bars.filter((bar) => bar.until >= a && bar.from <= b);
      const deep = stack(seen);
      const height = Math.max(20, Math.min(deep, mostDeep) * (thick + 1) + 6);
      const g = svg(
        "g",
        { class: "lane" },
        svg("rect", { class: i % 2 ? "band odd" : "band", x: 0, y, width, height }),
        svg("text", { class: "name", x: left - 8, y: y + height / 2 + 4, "text-anchor": "end" }, cut(lane.name, left), svg("title", {}, `${lane.name}: ${plural(lane.bars.length, "session")}`)),
        deep > mostDeep ? crowd(seen, deep, y, height, (at) => Math.max(left, Math.min(width, x(at)))) : seen.map((bar) => stay(bar, left, width, y, x)),
      );
      y += height;
      return g;
    });
    const bottom = Math.max(30, y);
    return { height: bottom + 2, content: [...content, svg("g", {}, axis({ from: a, until: b, x, width, left, top: 0, bottom, labels: 12 }))], label: `Who was there when: ${plural(lanes.length, "lane")} from ${moment(a)} to ${moment(b)}` };
  }

  /** @param {number} a @param {number} b */
  #see(a, b) {
    this.#a = a;
    this.#b = Math.max(b, a + 100);
    this.picture.redraw();
    this.zoomed(this.#a, this.#b);
  }

  /**
   * @param {number} by
   * @param {number} at the share of the width that stays where it is
   */
  #zoom(by, at) {
    const [a, b] = [this.#a, this.#b];
    const still = a + (b - a) * at;
    this.#see(still - (still - a) * by, still + (b - still) * by);
  }

  /** @param {WheelEvent} e */
  #wheel(e) {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    const width = this.picture.element.clientWidth;
    this.#zoom(Math.exp(e.deltaY / 300), Math.max(0, Math.min(1, (e.offsetX - this.#left) / (width - this.#left))));
  }

  /** @param {PointerEvent} e */
  #down(e) {
    this.#drag = { x: e.clientX, a: this.#a, b: this.#b };
    this.#moved = false;
  }

  /** @param {PointerEvent} e */
  #move(e) {
    if (!this.#drag) return;
    const { x, a, b } = this.#drag;
    if (!this.#moved && Math.abs(e.clientX - x) < 4) return;
    if (!this.#moved) this.picture.root.setPointerCapture(e.pointerId);
    this.#moved = true;
    const by = ((x - e.clientX) / (this.picture.element.clientWidth - this.#left)) * (b - a);
    this.#see(a + by, b + by);
  }

  #up() {
    this.#drag = null;
  }

  /** @param {MouseEvent} e */
  #click(e) {
    const id = /** @type {Element} */ (e.target).closest("[data-id]")?.getAttribute("data-id");
    if (id && !this.#moved) location.hash = href(`session/${id}`);
  }

  /** @param {KeyboardEvent} e */
  #key(e) {
    const width = this.#b - this.#a;
    if (e.key === "ArrowLeft") this.#see(this.#a - width / 8, this.#b - width / 8);
    else if (e.key === "ArrowRight") this.#see(this.#a + width / 8, this.#b + width / 8);
    else if (e.key === "+" || e.key === "=") this.#zoom(1 / 1.6, 0.5);
    else if (e.key === "-") this.#zoom(1.6, 0.5);
    else if (e.key === "0") this.#see(this.#from, this.#until);
    else return;
    e.preventDefault();
  }
}

/**
 * @param {Bar} bar
 * @param {number} left
 * @param {number} width
 * @param {number} y of its lane
 * @param {(at: number) => number} x
 */
function stay({ s, from, until, deep }, left, width, y, x) {
  const begin = Math.max(left, x(from));
  return svg(
    "rect",
    { class: `stay ${s.status} ${s.reason ?? ""}`, x: begin, y: y + 3 + deep * (thick + 1), width: Math.max(1.5, Math.min(width, x(until)) - begin), height: thick, rx: 2, "data-id": s.id },
    svg("title", {}, `${s.id} ${s.user} from ${s.address ?? "?"} to ${nameOf(s.service)}\n${moment(from)}, ${span((until - from) / 1000)}\n${s.reason ? reasonText(s.reason) : "is open"}`),
  );
}

/**
 * @param {Bar[]} bars
 * @param {number} deep
 * @param {number} y of their lane
 * @param {number} height
 * @param {(at: number) => number} x
 */
function crowd(bars, deep, y, height, x) {
  const bottom = y + height - 3;
  const text = `${count(deep)} at a time`;
  return [
    svg("path", { class: "many", d: outline(bars, x, (n) => bottom - (n / deep) * (height - 6)) }, svg("title", {}, `at most ${text}; nearer, each has a bar`)),
    svg("text", { class: "deep", x: x(bars[0].from) + 8, y: bottom - 6 }, `up to ${text}`),
  ];
}

/** @param {string} name @param {number} left */
const cut = (name, left) => (name.length > left / 7.4 ? `${name.slice(0, Math.floor(left / 7.4) - 1)}…` : name);

/** Who was there when: a bar for each session, in lanes by user, server or address. */

import { h, svg } from "../app/dom.js";
import { count, moment, ms, nameOf, plural, span } from "../app/format.js";
import { reasonText } from "../app/records.js";
import { href } from "../app/router.js";
import { Picture, axis } from "./picture.js";

/** How many lanes are shown, and how many bars stand above each other in one. */
const mostLanes = 30;
const mostDeep = 10;
const thick = 7;

/**
 * @typedef {import("../app/types.js").SessionAnswer} SessionAnswer
 * @typedef {{name: string, bars: {s: SessionAnswer, from: number, until: number, deep: number}[], deep: number}} Lane
 */

/** @type {Record<string, (s: SessionAnswer) => string[]>} */
export const lanesBy = {
  user: (s) => [s.user || "not logged in"],
  server: (s) => (s.servers.length ? s.servers.map(nameOf) : ["no server"]),
  address: (s) => [s.address ?? "?"],
  service: (s) => [nameOf(s.service)],
};

/**
 * Puts sessions into lanes, those with the most first; sessions that overlap lie above each
 * other.
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
      const lane = lanes.get(name) ?? { name, bars: [], deep: 1 };
      lanes.set(name, lane);
      lane.bars.push({ s, from: ms(s.opened), until: s.ended ? ms(s.ended) : now, deep: 0 });
    }
  }
  for (const lane of lanes.values()) {
    lane.bars.sort((a, b) => a.from - b.from);
    /** @type {number[]} */
    const ends = [];
    for (const bar of lane.bars) {
      let deep = ends.findIndex((end) => end <= bar.from);
      if (deep < 0) deep = ends.length < mostDeep ? ends.length : mostDeep - 1;
      ends[deep] = bar.until;
      bar.deep = deep;
    }
    lane.deep = Math.max(1, ends.length);
  }
  return [...lanes.values()].sort((a, b) => b.bars.length - a.bars.length || a.name.localeCompare(b.name));
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
    const button = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => void} */ act) => h("button", { type: "button", class: "quiet small", "aria-label": label, title: label, onclick: act }, text);
    this.note = h("span", { class: "faint" });
    this.element = h(
      "div",
      { class: "lanes" },
      h("div", { class: "line" }, this.note, h("span", { class: "right" }, button("−", "See more time", () => this.#zoom(1.6, 0.5)), button("+", "See less time", () => this.#zoom(1 / 1.6, 0.5)), button("⟲", "See the whole window", () => this.#see(this.#from, this.#until)))),
      this.picture.element,
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
   * @param {boolean} all there are no more in the window
   */
  show(sessions, by, from, until, all) {
    this.#lanes = arrange(sessions, lanesBy[by] ?? lanesBy.user, until);
    this.#from = this.#a = from;
    this.#until = this.#b = until;
    const more = this.#lanes.length > mostLanes ? `, the ${mostLanes} busiest of ${count(this.#lanes.length)} lanes` : "";
    this.note.textContent = `${plural(sessions.length, "session")}${all ? "" : ", the newest of more"}${more}. Drag to move, Ctrl and the wheel to zoom.`;
    this.picture.redraw();
  }

  /** @param {number} width */
  #draw(width) {
    this.#left = width < 560 ? 84 : 150;
    const left = this.#left;
    const [a, b] = [this.#a, this.#b];
    const x = (/** @type {number} */ at) => left + ((at - a) / (b - a)) * (width - left);
    const lanes = this.#lanes.slice(0, mostLanes);
    let y = 4;
    const content = lanes.map((lane, i) => {
      const height = Math.max(20, lane.deep * (thick + 1) + 6);
      const seen = lane.bars.filter((bar) => bar.until >= a && bar.from <= b);
      const g = svg(
        "g",
        { class: "lane" },
        svg("rect", { class: i % 2 ? "band odd" : "band", x: 0, y, width, height }),
        svg("text", { class: "name", x: left - 8, y: y + height / 2 + 4, "text-anchor": "end" }, cut(lane.name, left), svg("title", {}, `${lane.name}: ${plural(lane.bars.length, "session")}`)),
        seen.map((bar) => {
          const from = Math.max(left, x(bar.from));
          return svg(
            "rect",
            { class: `stay ${bar.s.status} ${bar.s.reason ?? ""}`, x: from, y: y + 3 + bar.deep * (thick + 1), width: Math.max(1.5, Math.min(width, x(bar.until)) - from), height: thick, rx: 2, "data-id": bar.s.id },
            svg("title", {}, `${bar.s.id} ${bar.s.user} from ${bar.s.address ?? "?"} to ${nameOf(bar.s.service)}\n${moment(bar.from)}, ${span((bar.until - bar.from) / 1000)}\n${bar.s.reason ? reasonText(bar.s.reason) : "is open"}`),
          );
        }),
      );
      y += height;
      return g;
    });
    const bottom = Math.max(30, y);
    return { height: bottom + 18, content: [...content, svg("g", {}, axis({ from: a, until: b, x, width, left, top: 0, bottom }))], label: `Who was there when: ${lanes.length} lanes from ${moment(a)} to ${moment(b)}` };
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

/** @param {string} name @param {number} left */
const cut = (name, left) => (name.length > left / 7.4 ? `${name.slice(0, Math.floor(left / 7.4) - 1)}…` : name);

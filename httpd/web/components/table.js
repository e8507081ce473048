/**
 * A table of any length, of which only the rows that are seen are elements. It is a grid for
 * screen readers and the keyboard: arrows move, Enter opens, the space bar chooses.
 */

import { fill, h, oncePerFrame, visible, write } from "../app/dom.js";

/**
 * @template T
 * @typedef {object} Column
 * @property {string} name also the name of its order
 * @property {string} title
 * @property {(row: T, now: number) => string} text
 * @property {(row: T) => string} [hint] shown when pointed at
 * @property {(a: T, b: T) => number} [compare] there is an order by the column
 * @property {string} [kind] a class of its cells
 */

/**
 * @template T
 * @typedef {object} Options
 * @property {string} label
 * @property {Column<T>[]} columns
 * @property {(row: T) => number} id
 * @property {(row: T) => string} [state] a class of the row
 * @property {(row: T) => void} open
 * @property {(name: string) => void} order
 * @property {((chosen: Set<number>) => void) | null} choose null where rows cannot be chosen
 * @property {(event: KeyboardEvent, row: T | undefined) => void} [key]
 */

/** @typedef {{element: HTMLElement, cells: HTMLElement[], box: HTMLInputElement | null, id: number, place: number, hints: string[]}} Line */

/** @template T */
export class Table {
  /** @type {T[]} */
  #rows = [];
  #active = 0;
  #order = "";
  /** @type {Set<number>} the ids of the rows that are chosen */
  chosen = new Set();
  /** @type {Line[]} */
  #pool = [];
  #height = 0;
  /** When it was last scrolled. */
  #scrolled = -Infinity;
  #draw = oncePerFrame(() => this.#render());

  /** @param {Options<T>} options */
  constructor(options) {
    this.options = options;
    const { columns, label } = options;
    this.all = options.choose
      ? h("input", { type: "checkbox", "aria-label": "Choose all that are listed", onchange: () => this.#chooseAll() })
      : null;
    this.head = h(
      "div",
      { class: "row head", role: "row", "aria-rowindex": 1 },
      this.all && h("span", { class: "cell pick", role: "columnheader" }, this.all),
      columns.map((c) => this.#header(c)),
    );
    this.body = h("div", { class: "rows", role: "rowgroup" });
    this.scroller = h(
      "div",
      { class: "scroller", role: "grid", tabindex: 0, "aria-label": label, "aria-multiselectable": Boolean(options.choose), onkeydown: (/** @type {KeyboardEvent} */ e) => this.#key(e) },
      h("div", { class: "headgroup", role: "rowgroup" }, this.head),
      this.body,
    );
    this.scroller.addEventListener(
      "scroll",
      () => {
        this.#scrolled = performance.now();
        this.#draw();
      },
      { passive: true },
    );
    this.element = h("div", { class: `table ${options.choose ? "picks" : ""}` }, this.scroller);
    this.#watch = new ResizeObserver(() => {
      this.#height = 0;
      this.#draw();
    });
    this.#watch.observe(this.scroller);
  }
  #watch;

  close() {
    this.#watch.disconnect();
  }

  /** @param {Column<T>} c */
  #header(c) {
    return h(
      "span",
      { class: `cell ${c.name} ${c.kind ?? ""}`, role: "columnheader", "aria-sort": "none", "data-name": c.name },
      c.compare ? h("button", { type: "button", onclick: () => this.options.order(c.name) }, c.title) : c.title,
    );
  }

  /**
   * Shows rows, which are in order already.
   *
   * @param {T[]} rows
   * @param {string} order a column's name, with "-" before it for the opposite
   */
  show(rows, order) {
    this.#rows = rows;
    if (order !== this.#order) {
      this.#order = order;
      for (const cell of this.head.querySelectorAll("[data-name]")) {
        const name = cell.getAttribute("data-name");
        cell.setAttribute("aria-sort", order === name ? "ascending" : order === `-${name}` ? "descending" : "none");
      }
    }
    this.#active = Math.max(0, Math.min(this.#active, rows.length - 1));
    this.#draw();
  }

  /** Reports whether it is being scrolled: what can wait does, so that frames are not late. */
  get scrolling() {
    return performance.now() - this.#scrolled < 150;
  }

  #render() {
    const { options } = this;
    if (!this.element.isConnected) return;
    if (!this.#height) {
      if (this.#pool.length === 0) this.#add();
      this.#height = this.#pool[0].element.offsetHeight || 36;
    }
    const height = this.#height;
    // The layout is read before anything is written, which would have it computed twice a frame.
    const whole = this.#rows.length * height;
    const seen = Math.min(this.scroller.clientHeight, innerHeight);
    const top = Math.max(0, Math.min(this.scroller.scrollTop, whole - seen));
    const first = Math.max(0, Math.min(Math.floor(top / height) - 4, this.#rows.length - 1));
    const last = Math.min(this.#rows.length, Math.ceil((top + seen) / height) + 4);
    this.body.style.height = `${whole}px`;
    this.scroller.setAttribute("aria-rowcount", String(this.#rows.length + 1));
    while (this.#pool.length < last - first) this.#add();
    const now = Date.now();
    for (const [i, line] of this.#pool.entries()) {
      // A row keeps its element while it is seen, so that scrolling changes few of them.
      const at = first + ((((i - first) % this.#pool.length) + this.#pool.length) % this.#pool.length);
      line.element.hidden = at >= last;
      if (at < last) this.#fill(line, at, now);
      else if (line.id) {
        // Another line may show its row now: no two have one id.
        line.id = 0;
        line.element.removeAttribute("id");
      }
    }
    if (this.all) {
      this.all.checked = this.chosen.size > 0 && this.#rows.every((row) => this.chosen.has(options.id(row)));
      this.all.indeterminate = this.chosen.size > 0 && !this.all.checked;
    }
    const active = this.#rows[this.#active];
    if (active) this.scroller.setAttribute("aria-activedescendant", `row-${options.id(active)}`);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  /**
   * @param {Line} line
   * @param {number} at
   * @param {number} now
   */
  #fill(line, at, now) {
    const { options } = this;
    const row = this.#rows[at];
    const id = options.id(row);
    const { element } = line;
    const place = at * this.#height;
    if (line.place !== place) {
      line.place = place;
      element.style.transform = `translateY(${place}px)`;
      element.setAttribute("aria-rowindex", String(at + 2));
    }
    if (line.id !== id) {
      line.id = id;
      element.id = `row-${id}`;
      if (line.box) line.box.setAttribute("aria-label", `Choose session ${id}`);
    }
    const chosen = this.chosen.has(id);
    const name = `row ${options.state?.(row) ?? ""} ${at === this.#active ? "active" : ""} ${chosen ? "chosen" : ""} ${at % 2 ? "odd" : ""}`;
    if (element.className !== name) element.className = name;
    if (line.box) {
      line.box.checked = chosen;
      element.setAttribute("aria-selected", String(chosen));
    }
    for (const [i, column] of options.columns.entries()) {
      write(line.cells[i], column.text(row, now));
      const hint = column.hint?.(row) ?? "";
      if (line.hints[i] === hint) continue;
      line.hints[i] = hint;
      line.cells[i].title = visible(hint);
    }
  }

  #add() {
    const { options } = this;
    const box = options.choose ? h("input", { type: "checkbox", tabindex: -1 }) : null;
    const cells = options.columns.map((c) => h("span", { class: `cell ${c.name} ${c.kind ?? ""}`, role: "gridcell", "data-title": c.title }));
    const element = h("div", { class: "row", role: "row" }, box && h("span", { class: "cell pick", role: "gridcell" }, box), cells);
    const line = { element, cells, box, id: 0, place: -1, hints: options.columns.map(() => "") };
    box?.addEventListener("click", (event) => {
      event.stopPropagation();
      this.#toggle(line.id);
    });
    element.addEventListener("click", () => {
      const at = this.#rows.findIndex((row) => options.id(row) === line.id);
      if (at < 0) return;
      this.#active = at;
      options.open(this.#rows[at]);
    });
    this.#pool.push(line);
    this.body.append(element);
  }

  /** @param {number} id */
  #toggle(id) {
    if (!this.options.choose) return;
    if (!this.chosen.delete(id)) this.chosen.add(id);
    this.options.choose(this.chosen);
    this.#draw();
  }

  #chooseAll() {
    const ids = this.#rows.map((row) => this.options.id(row));
    this.chosen = this.all?.checked ? new Set(ids) : new Set();
    this.options.choose?.(this.chosen);
    this.#draw();
  }

  /** Forgets what is chosen. */
  clear() {
    this.chosen = new Set();
    this.options.choose?.(this.chosen);
    this.#draw();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.target !== this.scroller) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / (this.#height || 36)) - 2);
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const row = this.#rows[this.#active];
    if (event.key in moves) this.#move(moves[event.key]);
    else if (event.key === "Enter" && row) this.options.open(row);
    else if (event.key === " " && row) this.#toggle(this.options.id(row));
    else {
      this.options.key?.(event, row);
      return;
    }
    event.preventDefault();
  }

  /** @param {number} by */
  #move(by) {
    this.#active = Math.max(0, Math.min(this.#active + by, this.#rows.length - 1));
    const height = this.#height || 36;
    const top = this.#active * height;
    const seen = this.scroller.clientHeight - this.head.offsetHeight - height;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top > this.scroller.scrollTop + seen) this.scroller.scrollTop = top - seen;
    this.#draw();
  }
}

/**
 * Returns a small table that is shown whole.
 *
 * @param {string} label
 * @param {string[]} titles
 * @param {(import("../app/dom.js").Child)[][]} rows
 */
export function plainTable(label, titles, rows) {
  const body = h("tbody");
  fill(
    body,
    rows.map((row) => h("tr", {}, row.map((cell, i) => h("td", { "data-title": titles[i] }, cell)))),
  );
  return h(
    "div",
    { class: "plain", tabindex: 0, role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, titles.map((t) => h("th", { scope: "col" }, t)))), body),
  );
}

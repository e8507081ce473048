/** Time: the registry as it was at any moment. */

import { get, otherServices, query, request } from "../app/api.js";
import { fill, h, write } from "../app/dom.js";
import { count, moment, ms, nameOf, ownService, plural, span, time, utc } from "../app/format.js";
import { MomentReader } from "../app/moment.js";
import { reasonText } from "../app/records.js";
import { adjust, href } from "../app/router.js";
import { matcher } from "../app/select.js";
import { Facets } from "../components/facets.js";
import { FilterBar } from "../components/filterbar.js";
import { icon } from "../components/icon.js";
import { failure, notice } from "../components/notice.js";
import { Slider } from "../components/slider.js";
import { Table } from "../components/table.js";

/**
 * @typedef {import("../app/types.js").Session} Session
 * @typedef {{id: number, user: string, service: string, opened: number, ended: number, reason: string}} Stay
 */

const filters = /** @type {const} */ (["service", "server", "user", "address"]);
const spans = /** @type {const} */ ([
  ["10m", "10 minutes", 600],
  ["1h", "an hour", 3600],
  ["24h", "a day", 86400],
  ["7d", "a week", 7 * 86400],
  ["30d", "30 days", 30 * 86400],
]);
const speeds = [1, 10, 60, 600, 3600];
/** How many changes of a span are marked. */
const mostMarked = 5000;
/** How many restarts of a span are marked. */
const mostGaps = 20;
/** How much later than it happens a change is on the record, at most, mostly; in milliseconds. */
const recording = 25;
/** How often a registry notes that it is alive, and a little more; in milliseconds. */
const heartbeat = 2100;
/** How often playing shows another moment, in milliseconds. */
const beat = 400;

/** @typedef {import("../app/types.js").View} View */

/** @implements {View} */
export class PastView {
  #at = Date.now();
  #from = 0;
  #until = 0;
  #params = new URLSearchParams();
  /** @type {Stay[]} */
  #stays = [];
  #shown = false;
  #player = 0;
  /** The services that are shown: all but that of the API's own clients. @type {Promise<string[]>} */
  #services = otherServices().then((names) => names ?? [], () => []);

  /** @param {import("../app/types.js").Context} context */
  constructor(context) {
    this.context = context;
    this.reader = new MomentReader({
      services: this.#services,
      read: () => this.#draw(),
      gap: (header, at) => this.#showGap(header, at),
      failed: (error) => {
        fill(this.place, failure(error, () => this.#read()));
        this.table.element.hidden = true;
      },
    });
    this.slider = new Slider((at, settled) => this.#go(at, settled));
    this.clock = h("div", { class: "clock" });
    this.play = h("button", { type: "button", class: "primary", onclick: () => this.#toggle() }, icon("play"), "Play");
    this.speed = h("select", { "aria-label": "Speed" }, speeds.map((s) => h("option", { value: s, selected: s === 60 }, `${s} ×`)));
    this.span = h("select", { "aria-label": "The time that the slider spans", onchange: () => adjust((p) => p.set("span", this.span.value)) }, spans.map(([v, label]) => h("option", { value: v }, label)));
    this.unmarked = h("span", { class: "key unmarked", hidden: true }, `not marked: only the newest ${count(mostMarked)} sessions of this span are`);
    this.gap = h("p", { class: "gapnote", role: "status", hidden: true });
    this.around = h("div", { class: "around" });
    this.total = h("p", { class: "total" });
    this.facets = new Facets();
    this.bar = new FilterBar({ label: "Find in user, address, service, server, database and program", names: filters, placeholder: "Find a user, address, database …" });
    this.place = h("div", {}, notice("loading", "Reading that moment"));
    this.table = new Table({ label: "Sessions at that moment", columns: this.#columns(), id: (s) => s.id, state: (s) => (s.stage === "open" ? "open" : "new"), open: (s) => this.#open(s), order: () => {}, choose: null });
    this.table.element.hidden = true;
    const step = (/** @type {"before" | "after"} */ name, /** @type {string} */ label, /** @type {number} */ by) => h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: () => this.#jump(by) }, icon(name));
    this.element = h(
      "div",
      { class: "view past" },
      h("div", { class: "line" }, h("h1", {}, "As it was"), this.clock, h("span", { class: "right controls" }, step("before", "To the change before", -1), this.play, step("after", "To the next change", 1), this.speed, this.span, h("button", { type: "button", class: "quiet", onclick: () => this.#see(Date.now(), true) }, "Now"))),
      this.slider.element,
      h("p", { class: "faint marks" }, h("span", { class: "key up" }, "opened"), h("span", { class: "key down" }, "ended"), h("span", { class: "key none" }, "no registry ran"), this.unmarked),
      this.gap,
      this.bar.element,
      h("div", { class: "columns" }, h("div", { class: "beside" }, this.around, h("details", { open: matchMedia("(min-width: 60rem)").matches }, h("summary", {}, "Counts"), this.facets.element)), h("div", { class: "main" }, h("div", { class: "line" }, this.total), this.place, this.table.element)),
    );
  }

  close() {
    clearInterval(this.#player);
    this.reader.close();
    this.slider.close();
    this.table.close();
  }

  /** @returns {import("../components/table.js").Column<Session>[]} */
  #columns() {
    return [
      { name: "id", title: "Session", kind: "number", text: (s) => String(s.id) },
      { name: "user", title: "User", text: (s) => s.user || "–" },
      { name: "address", title: "From", kind: "code", text: (s) => s.address },
      { name: "service", title: "Service", text: (s) => s.service },
      { name: "server", title: "Server", text: (s) => s.servers.join(", ") || "–" },
      { name: "database", title: "Database", text: (s) => s.database || "–" },
      { name: "program", title: "Program", text: (s) => s.program || "–" },
      { name: "state", title: "State then", text: (s) => s.stage },
      { name: "opened", title: "Open for", kind: "number", text: (s) => span((this.#at - s.opened) / 1000), hint: (s) => `since ${moment(s.opened)} (${utc(s.opened)})` },
    ];
  }

  /** @param {Session} s */
  #open(s) {
    location.hash = href(`session/${s.id}`);
  }

  /** @param {URLSearchParams} params */
  show(params) {
    this.#params = params;
    this.bar.show(params);
    const wanted = spans.find(([v]) => v === params.get("span")) ?? spans[1];
    this.span.value = wanted[0];
    const at = params.get("t") ? Date.parse(params.get("t") ?? "") : this.#at;
    const length = wanted[2] * 1000;
    if (this.#until - this.#from !== length || at < this.#from || at > this.#until) {
      this.#until = Math.min(Date.now(), at + length / 2);
      this.#from = this.#until - length;
      this.#loadChanges();
    }
    if (at !== this.#at || !this.#shown) this.#see(at, false);
    else if (this.reader.crowded) this.#read();
    else this.#draw();
  }

  /** @param {number} at @param {boolean} settled */
  #go(at, settled) {
    clearInterval(this.#player);
    this.#playing(false);
    this.#see(at, settled);
  }

  /**
   * Shows a moment; the address has it once it has settled.
   *
   * @param {number} at
   * @param {boolean} settled
   */
  #see(at, settled) {
    this.#at = Math.min(at, Date.now());
    this.slider.set(this.#at);
    fill(this.clock, h("b", {}, moment(this.#at)), h("span", { class: "faint" }, utc(this.#at)));
    this.#drawAround();
    this.#read();
    if (settled) adjust((p) => p.set("t", new Date(this.#at).toISOString()));
  }

  #read() {
    this.#shown = true;
    this.reader.see(this.#at, Object.fromEntries(filters.map((f) => [f, this.#params.getAll(f)])));
  }

  /** @param {string | null} header @param {number} at */
  #showGap(header, at) {
    this.gap.hidden = !header;
    if (!header) return;
    const [from, until] = this.#markGap(header, at);
    fill(this.gap, from ? ["No registry ran at this moment: the last record before it is of ", time(from), ", the first after it of ", time(until), ". Below is what was on the record by then."] : "This is before the first record of the book.");
  }

  /**
   * Marks a time without a registry on the slider, and returns it; from is 0 before the book.
   *
   * @param {string} header
   * @param {number} at
   */
  #markGap(header, at) {
    const [from, until] = header.split("/").map((t) => (t === ".." ? 0 : Date.parse(t)));
    this.slider.gap(from || Math.min(at, this.#from), until);
    return [from, until];
  }

  /** Marks the times without a registry: before the first record, and before each start. */
  async #findGaps() {
    const from = this.#from;
    const look = async (/** @type {number} */ at) => {
      const answer = await request(`sessions${query({ at: new Date(at).toISOString(), limit: 1, fields: "id" })}`);
      const header = answer.headers.get("Gatebook-Gap");
      if (header && from === this.#from) this.#markGap(header, at);
      return Number(answer.headers.get("Gatebook-Sequence"));
    };
    const after = await look(from);
    /** @type {import("../app/types.js").LogRecord[]} */
    const runs = await get(`events${query({ kind: "source_started,source_lost", source: ownService, after, limit: 1000 })}`);
    for (const r of runs.slice(-mostGaps).reverse()) {
      if (from !== this.#from) return;
      // After a crash the first records are of what it has ended, and come before the start.
      const seen = ms(r.last_seen);
      for (const at of r.kind === "source_started" ? [ms(r.time) - 2] : [seen + 1, seen + heartbeat]) if (at < Math.min(this.#until, ms(r.time))) await look(at);
    }
  }

  async #loadChanges() {
    const [from, until] = [this.#from, this.#until];
    this.slider.range(from, until, { opened: [], ended: [] });
    try {
      const all = await get(`sessions${query({ status: "all", since: new Date(from).toISOString(), until: new Date(until).toISOString(), sort: "-id", limit: mostMarked, fields: "id,user,service,opened,ended,reason", service: await this.#services })}`);
      if (from !== this.#from) return;
      this.#stays = all.map((/** @type {any} */ s) => ({ id: s.id, user: s.user, service: nameOf(s.service), opened: ms(s.opened), ended: ms(s.ended), reason: s.reason }));
      // Of more sessions the newest are known: those that were opened before them are not marked.
      const known = this.#stays.length < mostMarked ? from : Math.min(...this.#stays.map((s) => s.opened));
      this.slider.range(from, until, { opened: this.#stays.map((s) => s.opened), ended: this.#stays.map((s) => s.ended).filter(Boolean) }, known);
      this.unmarked.hidden = known <= from;
      this.slider.set(this.#at);
      this.#drawAround();
      await this.#findGaps();
    } catch {
      // The moment itself says what is wrong.
    }
  }

  /** The changes of the span, in their order. */
  #changes() {
    return this.#stays
      .flatMap((s) => [{ at: s.opened, s, up: true }, ...(s.ended ? [{ at: s.ended, s, up: false }] : [])])
      .sort((a, b) => a.at - b.at);
  }

  #drawAround() {
    const all = this.#changes();
    const next = all.findIndex((c) => c.at > this.#at);
    const split = next < 0 ? all.length : next;
    const item = (/** @type {typeof all[number]} */ c) =>
      h("li", { class: c.up ? "up" : "down" }, h("a", { href: href(`session/${c.s.id}`) }, `${c.s.id} ${c.s.user || "–"}`), h("span", { class: "faint" }, c.up ? ` to ${c.s.service}` : ` ${reasonText(c.s.reason)}`), time(c.at, `${c.at > this.#at ? "+" : "−"}${span(Math.abs(c.at - this.#at) / 1000)}`));
    fill(this.around, h("h2", {}, "Around then"), h("ol", {}, all.slice(Math.max(0, split - 4), split).map(item), h("li", { class: "here" }, "this moment"), all.slice(split, split + 4).map(item)));
  }

  #draw() {
    const { sessions, total, rest, crowded } = this.reader;
    const { rows, groups } = matcher(this.#params).select(sessions);
    this.facets.show(groups);
    this.table.show(rows, "id");
    const all = Math.max(total, sessions.length);
    const why = { reading: "the others are on their way", failed: "the others could not be read", "": "choose a user, service, server or address to see others" }[rest];
    const more = sessions.length < all ? `; the first ${count(sessions.length)} are listed and counted, ${why}` : "";
    write(this.total, `${rows.length === sessions.length ? "" : `${count(rows.length)} of `}${crowded && filters.some((f) => this.#params.has(f)) ? plural(all, "such session") : plural(all, "session")} at that moment${more}`);
    this.table.element.hidden = rows.length === 0;
    fill(this.place, rows.length === 0 ? notice("empty", sessions.length || crowded ? "No session matches" : "Nobody was connected", sessions.length || crowded ? "Others were there at this moment." : "Nobody was there at this moment, as far as the book knows.") : null);
  }

  /** @param {number} by */
  #jump(by) {
    const all = this.#changes();
    const to = by > 0 ? all.find((c) => c.at > this.#at) : all.findLast((c) => c.at < this.#at - 2 * recording);
    if (to) this.#go(to.at + recording, true);
  }

  /** @param {boolean} on */
  #playing(on) {
    this.play.setAttribute("aria-pressed", String(on));
    fill(this.play, icon(on ? "pause" : "play"), on ? "Pause" : "Play");
  }

  #toggle() {
    clearInterval(this.#player);
    if (this.play.getAttribute("aria-pressed") === "true") {
      this.#playing(false);
      this.#see(this.#at, true);
      return;
    }
    if (this.#at >= this.#until - 1000) this.#see(this.#from, false);
    this.#playing(true);
    this.#player = setInterval(() => {
      const to = this.#at + beat * Number(this.speed.value);
      this.#see(Math.min(to, this.#until), false);
      if (to < this.#until) return;
      clearInterval(this.#player);
      this.#playing(false);
    }, beat);
  }
}

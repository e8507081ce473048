/** Now: the live sessions, kept up as they change. */

import { fill, h, write } from "../app/dom.js";
import { count, moment, plural, rate, span, utc } from "../app/format.js";
import { adjust, href } from "../app/router.js";
import { matcher } from "../app/select.js";
import { Facets } from "../components/facets.js";
import { FilterBar } from "../components/filterbar.js";
import { LiveChart } from "../components/livechart.js";
import { failure, notice } from "../components/notice.js";
import { Table } from "../components/table.js";

/**
 * @typedef {import("../app/types.js").Session} Session
 * @typedef {import("../app/types.js").Context} Context
 */

const filters = /** @type {const} */ (["service", "server", "user", "address", "source", "state"]);
/** How often what is shown changes at most, in milliseconds, and how often while it is scrolled. */
const pace = 250;
const scrollingPace = 1000;

/** @param {number} at @param {number} now */
const rateOf = (at, now) => now - at < 3000;

/** @type {import("../components/table.js").Column<Session>[]} */
const columns = [
  { name: "id", title: "Session", kind: "number", text: (s) => String(s.id), compare: (a, b) => a.id - b.id },
  { name: "user", title: "User", text: (s) => s.user || "–", compare: (a, b) => a.user.localeCompare(b.user), hint: (s) => (s.user ? `user ${s.user}` : "not known yet") },
  { name: "address", title: "From", kind: "code", text: (s) => s.address, compare: (a, b) => a.address.localeCompare(b.address), hint: (s) => (s.port ? `port ${s.port}${s.tls ? `, ${s.tls}` : ""}` : "") },
  { name: "service", title: "Service", text: (s) => s.service, compare: (a, b) => a.service.localeCompare(b.service) },
  { name: "server", title: "Server", text: (s) => s.servers.join(", ") || "–", compare: (a, b) => (a.servers[0] ?? "").localeCompare(b.servers[0] ?? "") },
  { name: "database", title: "Database", text: (s) => s.database || "–", compare: (a, b) => a.database.localeCompare(b.database) },
  { name: "program", title: "Program", text: (s) => s.program || "–", compare: (a, b) => a.program.localeCompare(b.program), hint: (s) => s.program },
  { name: "state", title: "State", text: (s, now) => stateOf(s, now), hint: (s) => (s.due ? `ends at ${utc(s.due)}` : "") },
  { name: "opened", title: "Open for", kind: "number", text: (s, now) => span(Math.floor(((s.gone || now) - s.opened) / 1000)), compare: (a, b) => b.opened - a.opened, hint: (s) => `since ${moment(s.opened)} (${utc(s.opened)})` },
  { name: "idle", title: "Idle", kind: "number", text: (s, now) => idle(s, now), compare: (a, b) => b.active - a.active },
  { name: "rate", title: "Traffic", kind: "number", text: (s, now) => (rateOf(s.rateAt, now) && s.rate > 0 ? rate(s.rate) : "–"), compare: (a, b) => trafficOf(a) - trafficOf(b), hint: (s) => `${count(s.read)} B from the client, ${count(s.written)} B to it` },
];

/** @param {Session} s */
const trafficOf = (s) => (rateOf(s.rateAt, Date.now()) ? s.rate : 0);

/** @param {Session} s @param {number} now */
function idle(s, now) {
  const seconds = Math.floor(((s.gone || now) - s.active) / 1000);
  return seconds < 2 ? "–" : span(seconds);
}

/** @param {Session} s @param {number} now */
function stateOf(s, now) {
  if (s.gone) return s.reason.replaceAll("_", " ");
  if (s.due > now && s.stage !== "ending") return `ends in ${span(Math.ceil((s.due - now) / 1000))}`;
  return s.stage;
}

/** @param {Session} s */
function rowClass(s) {
  if (s.gone) return "gone";
  if (s.stage === "ending" || s.due > Date.now()) return "ending";
  return s.stage === "open" ? "open" : "new";
}

/** @typedef {import("../app/types.js").View} View */

/** @implements {View} */
export class NowView {
  #params = new URLSearchParams();
  #drawn = 0;
  #timer = 0;

  /** @param {Context} context */
  constructor(context) {
    this.context = context;
    const admin = context.viewer.role === "admin";
    this.chart = new LiveChart();
    this.facets = new Facets();
    this.bar = new FilterBar({ label: "Find in user, address, service, server, database and program", names: filters, placeholder: "Find a user, address, database …" });
    this.table = new Table({
      label: "Live sessions",
      columns,
      id: (s) => s.id,
      state: rowClass,
      open: (s) => {
        location.hash = href(`session/${s.id}`);
      },
      order: (name) => this.#order(name),
      choose: admin ? () => this.#showActions() : null,
      key: (event, row) => {
        if (admin && row && (event.key === "Delete" || event.key === "k")) this.#end([row]);
      },
    });
    this.place = h("div", { class: "place" });
    this.total = h("p", { class: "total", "aria-live": "off" });
    this.own = h("button", { type: "button", class: "link", onclick: () => adjust((p) => (p.has("own") ? p.delete("own") : p.set("own", "1"))) });
    this.actions = h("div", { class: "actions" });
    const beside = h("details", { class: "beside", open: matchMedia("(min-width: 60rem)").matches }, h("summary", {}, "Counts"), this.facets.element);
    this.element = h(
      "div",
      { class: "view now" },
      h("h1", { class: "hidden" }, "Now"),
      this.chart.element,
      this.bar.element,
      h("div", { class: "columns" }, beside, h("div", { class: "main" }, h("div", { class: "line" }, this.total, this.own, this.actions), this.place, this.table.element)),
    );
    this.unwatch = context.store.watch(() => this.#changed());
    this.ticker = setInterval(() => this.#draw(), 1000);
    this.#showActions();
  }

  close() {
    this.unwatch();
    this.table.close();
    clearInterval(this.ticker);
    clearTimeout(this.#timer);
  }

  /** @param {URLSearchParams} params */
  show(params) {
    this.#params = params;
    this.bar.show(params);
    this.#draw();
  }

  #changed() {
    if (this.#timer) return;
    const wait = this.table.scrolling ? scrollingPace : pace;
    this.#timer = setTimeout(() => this.#draw(), Math.max(0, this.#drawn + wait - Date.now()));
  }

  /** @param {string} name */
  #order(name) {
    adjust((params) => {
      const before = params.get("sort") ?? "id";
      params.set("sort", before === name ? `-${name}` : name);
    });
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#drawn = Date.now();
    const { store } = this.context;
    this.chart.show(store.recent.last(Date.now(), store.live));
    const params = this.#params;
    const { rows, groups } = matcher(params).select(store.sessions.values());
    const order = params.get("sort") ?? "id";
    const name = order.replace(/^-/, "");
    const compare = columns.find((c) => c.name === name)?.compare;
    if (compare && order !== "id") rows.sort(order === name ? compare : (a, b) => compare(b, a));
    this.facets.show(groups);
    this.table.show(rows, order);
    for (const id of this.table.chosen) if (!store.sessions.has(id)) this.table.chosen.delete(id);
    const all = store.live + (params.has("own") ? store.own : 0);
    const living = rows.filter((s) => !s.gone).length;
    write(this.total, living === all ? plural(living, "live session") : `${count(living)} of ${plural(all, "live session")}`);
    this.#showOwn(params.has("own"));
    this.#place(rows.length);
    this.#showActions();
  }

  /** @param {boolean} listed */
  #showOwn(listed) {
    const n = this.context.store.own;
    this.own.hidden = n === 0;
    write(this.own, listed ? "without this API's own clients" : `and ${plural(n, "client")} of this API`);
    this.own.title = listed ? "" : "Who looks at the book is in the book, too: this page is one of them";
  }

  /** @param {number} listed */
  #place(listed) {
    const { store } = this.context;
    const kind = listed > 0 ? "rows" : store.state !== "ready" ? store.state : store.live > 0 ? "filtered" : "empty";
    if (this.place.dataset.kind === kind) return;
    this.place.dataset.kind = kind;
    this.element.dataset.kind = kind;
    this.table.element.hidden = kind !== "rows";
    const content = {
      rows: () => null,
      loading: () => notice("loading", "Reading the book", "Who is connected is on its way."),
      failed: () => failure(store.error, () => store.load()),
      filtered: () => notice("empty", "No session matches", "Others are connected; the filters above leave none of them."),
      empty: () => notice("empty", "Nobody is connected", "A session appears here the moment its client connects. Those that have ended are in the history."),
    }[kind]();
    fill(this.place, content);
  }

  #showActions() {
    const { viewer } = this.context;
    const n = this.table.chosen.size;
    const key = `${n} ${viewer.role}`;
    if (this.actions.dataset.key === key) return;
    this.actions.dataset.key = key;
    if (viewer.role !== "admin") {
      fill(this.actions, h("span", { class: "tag", title: "An administrator can end sessions" }, "read only"));
      return;
    }
    fill(
      this.actions,
      n > 0 ? h("button", { type: "button", class: "quiet small", onclick: () => this.table.clear() }, "Choose none") : null,
      h("button", { type: "button", class: "danger small", disabled: n === 0, onclick: () => this.#endChosen() }, n > 0 ? `End ${plural(n, "session")} …` : "End …"),
    );
  }

  #endChosen() {
    this.#end([...this.table.chosen].flatMap((id) => this.context.store.sessions.get(id) ?? []));
  }

  /** @param {Session[]} sessions */
  async #end(sessions) {
    const living = sessions.filter((s) => !s.gone);
    if (living.length === 0) return;
    const labels = living.map((s) => ({ id: s.id, label: `${s.id} · ${s.user || "not logged in"} from ${s.address} · ${s.service}` }));
    if (await this.context.pending.end(labels)) this.table.clear();
  }
}

/** A session: its life, its counters, its trail, and what ended it. */

import { get } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { bytes, count, moment, ms, nameOf, span, time, utc } from "../app/format.js";
import { describe, reasonText, when } from "../app/records.js";
import { href } from "../app/router.js";
import { failure, notice } from "../components/notice.js";
import { Plot } from "../components/plot.js";
import { Proof } from "../components/proof.js";
import { plainTable } from "../components/table.js";
import { Timeline } from "../components/timeline.js";

/**
 * @typedef {import("../app/types.js").SessionAnswer} SessionAnswer
 * @typedef {import("../app/types.js").ConnectionAnswer} ConnectionAnswer
 * @typedef {import("../app/types.js").LogRecord} LogRecord
 * @typedef {import("../components/plot.js").Series} Series
 */

/** How many samples are kept of one connection while the view is open. */
const mostPoints = 1200;
/** How many records of a trail are shown as text. */
const mostRecords = 500;

/** @type {import("../app/types.js").Counters} */
const zero = { reads: 0, writes: 0, buffered_writes: 0, high_water_events: 0, low_water_events: 0, bytes_read: 0, bytes_written: 0 };

/** @typedef {import("../app/types.js").View} View */

/** @implements {View} */
export class SessionView {
  /** @type {SessionAnswer | null} */
  #session = null;
  /** @type {Map<number, Series>} by connection; 0 is the client's */
  #series = new Map();
  #timer = 0;
  #timeline = new Timeline();
  #proof = new Proof();
  #plots = [
    new Plot("Bytes read", "bytes_read", bytes),
    new Plot("Bytes written", "bytes_written", bytes),
    new Plot("Reads", "reads", (n) => count(Math.round(n))),
    new Plot("Writes that had to wait", "buffered_writes", (n) => count(Math.round(n))),
  ];

  /**
   * @param {import("../app/types.js").Context} context
   * @param {string} id
   */
  constructor(context, id) {
    this.context = context;
    this.id = id;
    this.head = h("div", { class: "sessionhead" });
    this.facts = h("dl", { class: "facts" });
    this.legend = h("p", { class: "legend" });
    this.trail = h("div");
    this.body = h(
      "div",
      { hidden: true },
      this.facts,
      h("section", { "aria-label": "Life" }, h("h2", {}, "Life"), this.#timeline.element),
      h("section", { "aria-label": "Counters" }, h("h2", {}, "Counters over time"), this.legend, h("div", { class: "plots" }, this.#plots.map((p) => p.element))),
      h("section", { "aria-label": "Trail" }, h("h2", {}, "Trail"), this.trail),
      this.#proof.element,
    );
    this.place = h("div", {}, notice("loading", `Reading session ${id}`));
    this.element = h("div", { class: "view session" }, this.head, this.place, this.body);
    this.unread = context.feed.read((batch) => this.#take(batch));
    this.ticker = setInterval(() => this.#tick(), 1000);
    this.#load();
  }

  close() {
    this.unread();
    clearInterval(this.ticker);
    clearTimeout(this.#timer);
    this.#timeline.close();
    for (const plot of this.#plots) plot.close();
  }

  /** @param {import("../app/feed.js").Batch} batch */
  #take(batch) {
    const id = Number(this.id);
    for (const seen of batch.observations) if (seen.session === id) this.#point(seen.connection, Date.now(), seen.statistics);
    if (!batch.records.some((r) => r.session === id) || this.#timer) return;
    this.#timer = setTimeout(() => this.#load(), 300);
  }

  #tick() {
    this.#timeline.tick();
    if (this.#session?.status === "live") {
      this.#showFacts(this.#session);
      this.#showPlots();
    }
  }

  async #load() {
    this.#timer = 0;
    try {
      const [session, connections, trail] = await Promise.all([
        get(`sessions/${this.id}?fields=*`),
        get(`sessions/${this.id}/connections?role=all&fields=*`),
        get(`sessions/${this.id}/events`),
      ]);
      this.#session = session;
      this.#show(session, connections, trail);
    } catch (error) {
      if (this.#session && /** @type {any} */ (error).status === 0) return; // what was shown is of before
      this.body.hidden = true;
      const e = /** @type {import("../app/api.js").ApiError} */ (error);
      fill(this.place, e.status === 404 ? notice("empty", `No session ${this.id}`, e.message) : failure(error, () => this.#load()));
    }
  }

  /**
   * @param {SessionAnswer} s
   * @param {ConnectionAnswer[]} connections
   * @param {LogRecord[]} trail
   */
  #show(s, connections, trail) {
    fill(this.place);
    this.body.hidden = false;
    this.#showHead(s, trail);
    this.#showFacts(s);
    const backends = connections.filter((c) => c.server);
    this.#timeline.show(s, backends, trail);
    this.#collect(s, connections, trail);
    this.#showPlots();
    this.#showTrail(trail);
    this.#proof.show(trail);
  }

  /**
   * @param {SessionAnswer} s
   * @param {LogRecord[]} trail
   */
  #showHead(s, trail) {
    const live = s.status === "live";
    const scheduled = trail.reduce((due, r) => (r.kind === "kill_scheduled" ? ms(r.due) : r.kind === "kill_withdrawn" ? 0 : due), 0);
    const label = { id: s.id, label: `${s.id} · ${s.user || "not logged in"} from ${s.address} · ${nameOf(s.service)}` };
    const admin = this.context.viewer.role === "admin";
    fill(
      this.head,
      h("div", {}, h("p", { class: "crumb" }, h("a", { href: href("now") }, "Now"), " / session"), h("h1", {}, `Session ${s.id}`, h("span", { class: `pill ${s.status}` }, live && scheduled > Date.now() ? "ends soon" : s.status))),
      h("p", { class: "lead" }, h("b", {}, s.user || "somebody who has not logged in"), " from ", h("code", {}, s.address ?? "an unknown address"), " to ", h("b", {}, nameOf(s.service)), ended(s)),
      live && admin ? h("button", { type: "button", class: "danger", onclick: () => this.context.pending.end([label]) }, "End session …") : null,
      live && !admin ? h("span", { class: "tag", title: "An administrator can end sessions" }, "read only") : null,
    );
  }

  /** @param {SessionAnswer} s */
  #showFacts(s) {
    const from = ms(s.opened);
    const until = s.ended ? ms(s.ended) : Date.now();
    /** @type {[string, import("../app/dom.js").Child][]} */
    const facts = [
      ["Connected", time(from)],
      ["Logged in", s.ready ? time(ms(s.ready)) : "not yet"],
      [s.status === "lost" ? "Last seen" : "Ended", s.ended ? time(until) : null],
      [s.ended ? "Lasted" : "Open for", span((until - from) / 1000)],
      ["Database", s.database],
      ["Program", s.program],
      ["Client", `${s.address ?? "?"}${s.port ? `:${s.port}` : ""}`],
      ["TLS", s.tls ?? "none"],
      ["Certificate", s.subject],
      ["Listener", s.listener],
      ["Protocol", s.protocol],
      ["Source", nameOf(s.source)],
      ["Doing", s.activity],
    ];
    fill(this.facts, facts.filter(([, v]) => v).map(([k, v]) => h("div", {}, h("dt", {}, k), h("dd", {}, v))));
  }

  /**
   * Gathers the samples that are on the record, and the newest counters.
   *
   * @param {SessionAnswer} s
   * @param {ConnectionAnswer[]} connections
   * @param {LogRecord[]} trail
   */
  #collect(s, connections, trail) {
    const seen = this.#series;
    this.#series = new Map();
    for (const c of connections) {
      const id = c.server ? c.id : 0;
      this.#series.set(id, { name: id ? nameOf(c.server) : "client", points: [{ at: ms(c.opened) || ms(s.opened), counters: zero }] });
    }
    for (const r of trail) {
      if (r.statistics) this.#point(r.connection ?? 0, when(r), r.statistics);
      for (const final of r.connections ?? []) this.#point(final.connection, when(r), final.statistics);
    }
    for (const [id, old] of seen) {
      const now = this.#series.get(id);
      if (!now) continue;
      const recorded = new Set(now.points.map((p) => p.at));
      now.points = [...now.points, ...old.points.filter((p) => !recorded.has(p.at) && p.at > now.points[0].at)].sort((a, b) => a.at - b.at);
    }
    if (s.status === "live") for (const c of connections) if (!c.ended) this.#point(c.server ? c.id : 0, Date.now(), c.statistics);
  }

  /**
   * @param {number} connection
   * @param {number} at
   * @param {import("../app/types.js").Counters} counters
   */
  #point(connection, at, counters) {
    const series = this.#series.get(connection);
    if (!series) return;
    series.points.push({ at, counters });
    if (series.points.length > mostPoints) series.points.splice(1, series.points.length - mostPoints);
  }

  #showPlots() {
    const s = this.#session;
    if (!s) return;
    const until = s.ended ? ms(s.ended) : Date.now();
    const all = [...this.#series.values()];
    for (const plot of this.#plots) plot.show(all, ms(s.opened), until);
    const note = "Counters are recorded 5 s after a connection became busy, then at growing intervals; between two samples (dots) the line is a guess. Shaded: a queue crossed its high (▲) or low (▼) mark in that time.";
    const key = all.map((one) => one.name).join();
    if (this.legend.dataset.key === key) return;
    this.legend.dataset.key = key;
    fill(this.legend, all.map((one, i) => h("span", { class: `key s${i % 6}` }, one.name)), h("span", { class: "faint" }, note));
  }

  /** @param {LogRecord[]} trail */
  #showTrail(trail) {
    const shown = trail.length > mostRecords ? [...trail.slice(0, mostRecords / 2), ...trail.slice(-mostRecords / 2)] : trail;
    const rows = shown.map((r) => {
      const [what, details] = describe(r);
      return [h("span", { class: "faint" }, count(r.sequence)), time(ms(r.time)), what, details];
    });
    fill(
      this.trail,
      shown.length < trail.length ? h("p", { class: "faint" }, `${count(trail.length - shown.length)} records in the middle are left out here; the API has all.`) : null,
      plainTable("Trail", ["Record", "Recorded", "What", "Details"], rows),
    );
  }
}

/** @param {SessionAnswer} s */
function ended(s) {
  if (s.status === "live") return ".";
  const at = ms(s.ended);
  const how = s.status === "lost" ? "It was lost; last seen " : "It ended ";
  return [`. ${how}`, h("time", { title: utc(at) }, moment(at)), `: ${reasonText(s.reason)}`, s.by ? [" by ", h("b", {}, s.by)] : "", s.description ? ` (${s.description})` : "", "."].flat();
}

/** The book: whether it records, how large it is, and who reports to it. */

import { get, query, request } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { bytes, count, ms, nameOf, plural, span, time } from "../app/format.js";
import { describe, when } from "../app/records.js";
import { failure, notice } from "../components/notice.js";
import { ServerDay } from "../components/serverday.js";
import { plainTable } from "../components/table.js";

const day = 86400e3;
const every = 5000;
/** How many gaps and changes are listed. */
const mostTold = 40;

/**
 * Returns the values of metrics in Prometheus' text format, by name and labels.
 *
 * @param {string} text
 */
function parseMetrics(text) {
  /** @type {Map<string, number>} */
  const all = new Map();
  for (const line of text.split("\n")) {
    const cut = line.lastIndexOf(" ");
    if (cut > 0 && !line.startsWith("#")) all.set(line.slice(0, cut), Number(line.slice(cut + 1)));
  }
  return all;
}

/** @typedef {import("../app/types.js").View} View */

/** @implements {View} */
export class BookView {
  /** @type {ServerDay[]} */
  #days = [];
  #since = Date.now() - day;
  #first = 0;

  /** @param {import("../app/types.js").Context} context */
  constructor(context) {
    this.context = context;
    this.content = h("div", {}, notice("loading", "Looking at the book"));
    this.element = h("div", { class: "view book" }, h("h1", {}, "The book"), this.content);
    this.tiles = h("div", { class: "tiles" });
    this.servers = h("div");
    this.sources = h("div");
    this.gaps = h("div");
    this.timer = setInterval(() => this.#load(), every);
    this.#load();
  }

  close() {
    clearInterval(this.timer);
    for (const d of this.#days) d.close();
  }

  async #load() {
    try {
      if (!this.#first) {
        const then = await request(`sessions${query({ at: new Date(this.#since).toISOString(), limit: 1, fields: "id" })}`).catch((e) => {
          if (e.status === 0) throw e;
          return null;
        });
        this.#first = Number(then?.headers.get("Gatebook-Sequence") ?? 0);
      }
      const [ready, metrics, version, sources, servers, events] = await Promise.all([
        get("ready").then(() => "", (/** @type {Error} */ e) => e.message),
        request("metrics", { accept: "text/plain" }).then((a) => a.text()),
        get("version"),
        request("sources?fields=*").then(async (a) => ({ all: await a.json(), head: Number(a.headers.get("Gatebook-Sequence")) })),
        get("servers?fields=*"),
        get(`events${query({ kind: "server_changed,recording_gap,source_started,source_stopped,source_lost,account_changed,key_rotated,log_restored", after: this.#first })}`),
      ]);
      this.#show(ready, parseMetrics(metrics), version, sources, servers, events);
    } catch (error) {
      fill(this.content, failure(error, () => this.#load()));
    }
  }

  /**
   * @param {string} ready why it is not, "" when it is
   * @param {Map<string, number>} m
   * @param {any} version
   * @param {{all: any[], head: number}} sources
   * @param {any[]} servers
   * @param {import("../app/types.js").LogRecord[]} events
   */
  #show(ready, m, version, sources, servers, events) {
    if (!this.tiles.isConnected) {
      fill(
        this.content,
        this.tiles,
        h("section", { "aria-label": "Servers" }, h("h2", {}, "Servers over the last day"), this.servers),
        h("section", { "aria-label": "Sources" }, h("h2", {}, "Sources"), this.sources),
        h("section", { "aria-label": "Gaps and changes" }, h("h2", {}, "Gaps and changes of the last day"), this.gaps),
      );
    }
    this.#showTiles(ready, m, version, sources, events);
    this.#showServers(servers, events);
    this.#showSources(sources.all);
    this.#showGaps(events);
  }

  /**
   * @param {string} ready
   * @param {Map<string, number>} m
   * @param {any} version
   * @param {{all: any[], head: number}} sources
   * @param {import("../app/types.js").LogRecord[]} events
   */
  #showTiles(ready, m, version, { all, head }, events) {
    const own = all.find((s) => s.name === "gatebook") ?? all[0];
    const started = own ? ms(own.started) : 0;
    const log = m.get("gatebook_log_bytes") ?? 0;
    const archive = m.get("gatebook_archive_bytes") ?? 0;
    const free = m.get("gatebook_disk_free_bytes") ?? 0;
    const signed = m.get("gatebook_head_records");
    const unsigned = m.get("gatebook_head_failing") === 1 || [...m].some(([name, value]) => name.startsWith("gatebook_anchor_failing{") && value === 1);
    const grown = head - this.#first;
    const daily = head > 0 ? (log / head) * grown : 0;
    const starts = events.filter((e) => e.kind === "source_started" && e.source === own?.name).length;
    const tile = (/** @type {string} */ title, /** @type {import("../app/dom.js").Child} */ value, /** @type {(import("../app/dom.js").Child)[]} */ below, kind = "") => h("div", { class: `tile ${kind}` }, h("h2", {}, title), h("p", { class: "value" }, value), h("p", { class: "faint" }, below));
    fill(
      this.tiles,
      tile("Recording", ready ? "not ready" : "ready", ready ? [ready] : ["since ", time(started), starts > 1 ? `, started ${starts} times in a day` : ""], ready ? "bad" : "good"),
      tile("Head", count(head), [`the last record; ${count(grown)} in the last day`]),
      tile("Signed", signed === undefined ? "no" : count(signed), [signed === undefined ? "the log is not kept in files" : unsigned ? "the newest head cannot be written: the server's log says why" : "records under the newest signed head"], unsigned ? "bad" : ""),
      tile("Size", bytes(log + archive), [`log ${bytes(log)}, archive ${bytes(archive)}`]),
      tile("Growth", this.#first ? `${bytes(daily)} a day` : "not known yet", [!this.#first ? "the book is younger than a day" : daily > 0 && free > 0 ? `${bytes(free)} free: enough for ${span(Math.min(3650, free / daily) * 86400)} at this pace` : `${bytes(free)} free`]),
      tile("Program", version.version ?? "unknown", [version.revision ? `revision ${String(version.revision).slice(0, 10)}, ` : "", version.go ?? ""]),
    );
  }

  /**
   * @param {any[]} servers
   * @param {import("../app/types.js").LogRecord[]} events
   */
  #showServers(servers, events) {
    if (servers.length === 0) {
      fill(this.servers, notice("empty", "No servers", "Servers appear when the gateway is given some, or when a source reports them."));
      return;
    }
    if (this.#days.length !== servers.length) {
      for (const d of this.#days) d.close();
      this.#days = servers.map((_, i) => new ServerDay(i === servers.length - 1));
      fill(this.servers, this.#days.map((d) => d.element));
    }
    for (const [i, server] of servers.entries()) this.#days[i].show(server, events.filter((e) => e.kind === "server_changed" && nameOf(`/${encodeURIComponent(e.name ?? "")}`).toLowerCase() === server.name.toLowerCase()), Date.now() - day, Date.now());
  }

  /**
   * @param {any[]} sources
   */
  #showSources(sources) {
    fill(
      this.sources,
      plainTable(
        "Sources",
        ["Source", "State", "Started", "Last seen", "Lease", "Host", "Version", "Not recorded"],
        sources.map((s) => [s.name, h("span", { class: `state ${s.state}` }, s.state ?? "unknown"), time(ms(s.started)), time(ms(s.last_seen)), s.lease ?? "–", s.host ?? "–", s.version ?? "–", s.unrecorded || s.unrecorded_events ? `${plural(s.unrecorded, "session")}, ${plural(s.unrecorded_events, "event")}` : "nothing"]),
      ),
      h("p", { class: "faint" }, "A source outside that is silent for longer than its lease is lost, and its sessions with it. Those without a lease are parts of this server."),
    );
  }

  /** @param {import("../app/types.js").LogRecord[]} events */
  #showGaps(events) {
    const all = events.filter((e) => e.kind !== "server_changed").reverse();
    const told = all.slice(0, mostTold);
    if (told.length === 0) {
      fill(this.gaps, notice("empty", "No gap", "Everything was recorded, and no source came or went."));
      return;
    }
    fill(
      this.gaps,
      plainTable("Gaps and changes", ["When", "What", "Details"], told.map((r) => {
        const [what, details] = describe(r);
        return [time(when(r)), h("span", { class: r.kind === "recording_gap" || r.kind === "source_lost" ? "bad" : "" }, what), details];
      })),
      told.length < all.length ? h("p", { class: "faint" }, `The newest ${told.length} of ${count(all.length)}; the API has all.`) : null,
    );
  }
}

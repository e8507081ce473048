/** History: the sessions that have ended, who was there when, and what went wrong. */

import { get, nextPage, otherServices, query, request, save } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { count, moment, ms, nameOf, ownService, plural, span, time } from "../app/format.js";
import { reasons, reasonText } from "../app/records.js";
import { adjust, href } from "../app/router.js";
import { chips } from "../components/filterbar.js";
import { Lanes, lanesBy } from "../components/lanes.js";
import { failure, notice } from "../components/notice.js";
import { plainTable } from "../components/table.js";
import { incidentsOf, incidentView } from "../components/incidents.js";

/** @typedef {import("../app/types.js").SessionAnswer} SessionAnswer */

const filters = /** @type {const} */ (["user", "service", "server", "address", "reason", "by", "source"]);
const fields = "id,user,address,service,servers,database,program,source,opened,ended,last_seen,lost_at,status,reason,by,description";
const page = 100;
const mostBars = 1500;
const mostAddresses = 10;
const mostIncidents = 12;
/** How many lost sessions are looked at for incidents. */
const mostLost = 2000;
/** How many sessions an export has at most. */
const mostExported = 1_000_000;
const windows = [
  ["1h", "the last hour"],
  ["24h", "the last 24 hours"],
  ["7d", "the last 7 days"],
  ["30d", "the last 30 days"],
  ["", "all time"],
  ["custom", "from … to …"],
];

/** @typedef {import("../app/types.js").View} View */

/** @implements {View} */
export class HistoryView {
  #params = new URLSearchParams();
  #shown = "";
  #seen = { from: 0, until: 0 };
  /** @type {SessionAnswer[]} */
  #bars = [];
  /** How many sessions were there, of which the newest are bars. */
  #there = 0;
  /** @type {SessionAnswer[]} */
  #list = [];
  #next = "";
  #total = -1;
  /** Ends the export that is running. @type {AbortController | null} */
  #exported = null;
  /** The services that are searched where none is chosen: all but that of the API's own clients. @type {string[]} */
  #others = [];

  /** @param {import("../app/types.js").Context} context */
  constructor(context) {
    this.context = context;
    this.window = h("select", { name: "window", onchange: () => this.#custom() }, windows.map(([value, label]) => h("option", { value }, label)));
    this.from = h("input", { name: "from", type: "datetime-local", step: 1 });
    this.until = h("input", { name: "until", type: "datetime-local", step: 1 });
    this.edges = h("span", { class: "edges", hidden: true }, h("label", {}, "From", this.from), h("label", {}, "To", this.until));
    this.own = h("input", { type: "checkbox", onchange: () => adjust((p) => (this.own.checked ? p.set("own", "1") : p.delete("own"))) });
    this.form = this.#makeForm();
    this.chips = h("span", { class: "chips" });
    this.narrow = h("button", { type: "button", class: "quiet small", hidden: true, onclick: () => this.#narrow() }, "Search in this part");
    this.lanes = new Lanes((from, until) => {
      this.#seen = { from, until };
      this.narrow.hidden = false;
    });
    this.by = h("select", { "aria-label": "Lanes by", onchange: () => adjust((p) => p.set("lanes", this.by.value)) }, Object.keys(lanesBy).map((k) => h("option", { value: k }, `by ${k}`)));
    this.picture = h("div");
    this.list = h("div");
    this.tooMany = h("p", { class: "faint", hidden: true }, "There are more services than one search can name, so that this API's own clients are among the sessions. Choose a service to leave them out.");
    this.failed = h("div");
    this.incidents = h("div");
    this.exporting = h("button", { type: "button", class: "quiet small", onclick: () => this.#export() }, "Export CSV");
    this.summary = h("span", { class: "total", role: "status" });
    this.element = h(
      "div",
      { class: "view history" },
      h("h1", {}, "History"),
      this.form,
      this.chips,
      this.tooMany,
      h("section", { "aria-label": "Who was there when" }, h("div", { class: "line" }, h("h2", {}, "Who was there when"), h("span", { class: "right" }, this.narrow, this.by)), this.picture),
      h(
        "div",
        { class: "halves" },
        h("section", { "aria-label": "Lost sessions" }, h("h2", {}, "Restarts and losses"), this.incidents),
        h("section", { "aria-label": "Failed logins by address" }, h("h2", {}, "Failed logins by address"), this.failed),
      ),
      h("section", { "aria-label": "Ended sessions" }, h("div", { class: "line" }, h("h2", {}, "Ended sessions"), this.summary, h("span", { class: "right" }, this.exporting)), this.list),
    );
  }

  close() {
    this.#exported?.abort();
    this.lanes.close();
  }

  #makeForm() {
    const text = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ hint) => h("label", {}, label, h("input", { name, placeholder: hint, autocomplete: "off", spellcheck: "false" }));
    return h(
      "form",
      { class: "search", role: "search", onsubmit: (/** @type {Event} */ e) => this.#search(e) },
      text("user", "User", "any"),
      text("service", "Service", "any"),
      text("address", "Address", "10.0.0.0/8"),
      h("label", {}, "Ended because", h("select", { name: "reason" }, h("option", { value: "" }, "any reason"), Object.entries(reasons).map(([value, label]) => h("option", { value }, label)))),
      text("by", "Ended by", "anybody"),
      h("label", {}, "When", this.window),
      this.edges,
      h("label", { class: "check" }, this.own, "this API's own clients too"),
      h("button", { type: "submit", class: "primary" }, "Search"),
    );
  }

  #custom() {
    this.edges.hidden = this.window.value !== "custom";
  }

  /** @param {Event} event */
  #search(event) {
    event.preventDefault();
    const data = new FormData(this.form);
    adjust(
      (p) => {
        for (const name of ["user", "service", "address", "reason", "by"]) {
          const value = String(data.get(name) ?? "").trim();
          if (value && !p.getAll(name).includes(value)) p.append(name, value);
        }
        p.delete("since");
        p.delete("until");
        const window = String(data.get("window"));
        if (window !== "custom") p.set("since", window || "all");
        else {
          if (this.from.value) p.set("since", new Date(this.from.value).toISOString());
          if (this.until.value) p.set("until", new Date(this.until.value).toISOString());
        }
      },
      { keep: true },
    );
    this.form.reset();
  }

  /** @param {URLSearchParams} params */
  show(params) {
    this.#params = new URLSearchParams(params);
    fill(this.chips, chips(params, filters));
    const since = params.get("since") ?? "24h";
    const relative = windows.find(([v]) => v === (since === "all" ? "" : since));
    this.window.value = relative && !params.get("until") ? relative[0] : "custom";
    this.#custom();
    this.by.value = params.get("lanes") ?? "user";
    const key = JSON.stringify([filters.map((f) => params.getAll(f)), since, params.get("until"), params.has("own")]);
    this.own.checked = params.has("own");
    if (key === this.#shown) this.#drawLanes();
    else {
      this.#shown = key;
      this.#load();
    }
  }

  /** The filters and the window, as the API takes them. */
  #asked() {
    const p = this.#params;
    const since = p.get("since") ?? "24h";
    const chosen = Object.fromEntries(filters.map((f) => [f, p.getAll(f)]));
    if (chosen.service.length === 0) chosen.service = this.#others;
    return { ...chosen, since: since === "all" ? "" : since, until: p.get("until") ?? "" };
  }

  async #load() {
    this.narrow.hidden = true;
    const mine = this.#shown;
    fill(this.picture, notice("loading", "Reading the past"));
    for (const part of [this.list, this.incidents, this.failed]) fill(part, notice("loading", "Searching"));
    this.element.dataset.kind = "";
    try {
      const others = this.#params.has("own") || this.#params.has("service") ? [] : await otherServices();
      this.#others = others ?? [];
      this.tooMany.hidden = others !== null;
      const asked = this.#asked();
      this.#loadBeside(asked);
      const [bars, list] = await Promise.all([this.#readBars(asked), this.#page("", asked)]);
      if (mine !== this.#shown) return;
      this.#bars = bars;
      this.#list = list;
      this.#drawLanes();
      this.#drawList();
    } catch (error) {
      if (mine !== this.#shown) return;
      this.element.dataset.kind = "failed";
      fill(this.picture, failure(error, () => this.#load()));
      fill(this.list);
    }
  }

  /** @param {Record<string, string | string[]>} asked */
  async #readBars(asked) {
    const answer = await request(`sessions${query({ ...asked, status: "all", sort: "-id", limit: mostBars, count: "true", fields })}`);
    this.#there = Number(answer.headers.get("X-Total-Count") ?? 0);
    return answer.json();
  }

  /**
   * @param {string} next the address of the page, "" for the first
   * @param {Record<string, string | string[]>} asked
   * @returns {Promise<SessionAnswer[]>}
   */
  async #page(next, asked) {
    const answer = await request(next || `sessions${query({ ...asked, status: "closed,lost", sort: "-ended", limit: page, count: "true", fields })}`);
    this.#next = nextPage(answer);
    const total = answer.headers.get("X-Total-Count");
    if (total) this.#total = Number(total);
    return answer.json();
  }

  #drawLanes() {
    const now = Date.now();
    if (this.#bars.length === 0) {
      fill(this.picture, notice("empty", "Nobody was there", "In this window no session matches. A wider one may have some."));
      return;
    }
    const opened = this.#bars.map((s) => ms(s.opened));
    const since = this.#params.get("since") ?? "24h";
    const relative = /^(\d+)([hd])$/.exec(since);
    let from = relative ? now - Number(relative[1]) * (relative[2] === "h" ? 3600e3 : 86400e3) : Date.parse(since);
    const first = Math.min(...opened);
    const until = this.#params.get("until") ? Date.parse(this.#params.get("until") ?? "") : now;
    if (Number.isNaN(from) || this.#bars.length >= mostBars || first > from) from = first - (until - first) * 0.02;
    if (this.picture.firstChild !== this.lanes.element) fill(this.picture, this.lanes.element);
    this.lanes.show(this.#bars, this.by.value, from, until, this.#there);
  }

  #drawList() {
    this.summary.textContent = this.#total >= 0 ? plural(this.#total, "session") : "";
    if (this.#list.length === 0) {
      fill(this.list, notice("empty", "No ended session matches", "Sessions that are still open are under Now."));
      return;
    }
    const rows = this.#list.map((s) => [
      h("a", { href: href(`session/${s.id}`) }, s.id),
      s.user || "–",
      h("code", {}, s.address ?? ""),
      nameOf(s.service),
      s.servers.map(nameOf).join(", ") || "–",
      time(ms(s.opened)),
      time(ms(s.ended)),
      span((ms(s.ended) - ms(s.opened)) / 1000),
      h("span", { class: `why ${s.status}`, title: s.description ?? "" }, reasonText(s.reason)),
      s.by ?? "–",
    ]);
    const more = h("button", { type: "button", class: "quiet", onclick: () => this.#more(more) }, "Show more");
    fill(this.list, plainTable("Ended sessions", ["Session", "User", "From", "Service", "Server", "Opened", "Ended", "Lasted", "Because", "By"], rows), this.#next ? more : null);
  }

  /** @param {HTMLButtonElement} button */
  async #more(button) {
    button.disabled = true;
    try {
      this.#list = [...this.#list, ...(await this.#page(this.#next, {}))];
      this.#drawList();
    } catch (error) {
      this.context.pending.say(/** @type {Error} */ (error).message, true);
      button.disabled = false;
    }
  }

  #narrow() {
    adjust(
      (p) => {
        p.set("since", new Date(this.#seen.from).toISOString());
        p.set("until", new Date(Math.min(this.#seen.until, Date.now())).toISOString());
      },
      { keep: true },
    );
  }

  /** Saves all sessions that match, or stops doing so. */
  async #export() {
    if (this.#exported) {
      this.#exported.abort();
      return;
    }
    const stop = new AbortController();
    this.#exported = stop;
    fill(this.exporting, "Stop the export");
    const { pending } = this.context;
    try {
      const answer = await request(`sessions${query({ ...this.#asked(), status: "closed,lost", sort: "-ended", limit: mostExported, count: "true", fields })}`, { accept: "text/csv", signal: stop.signal });
      const total = Number(answer.headers.get("X-Total-Count") ?? 0);
      if (total > 10_000) pending.say(`${plural(total, "session")} are on their way.`);
      save(`gatebook-history-${new Date().toISOString().slice(0, 10)}.csv`, await answer.blob());
      if (total <= mostExported) pending.say(`${plural(total, "session")} exported.`);
      else pending.say(`The file has the ${count(mostExported)} sessions of ${count(total)} that ended last. Search in a narrower window for the others.`, true);
    } catch (error) {
      if (stop.signal.aborted) pending.say("The export was stopped: nothing was saved.");
      else pending.say(`Nothing was saved: ${/** @type {Error} */ (error).message}`, true);
    } finally {
      this.#exported = null;
      fill(this.exporting, "Export CSV");
    }
  }

  /** @param {Record<string, string | string[]>} asked */
  async #loadBeside(asked) {
    const { since, until } = asked;
    const mine = this.#shown;
    try {
      const [failed, lost] = await Promise.all([
        request(`sessions/counts${query({ group: "address", reason: "auth_failed", status: "all", since, until, limit: mostAddresses })}`),
        get(`sessions${query({ since, until, status: "lost", sort: "-ended", limit: mostLost, fields })}`),
      ]);
      if (mine !== this.#shown) return;
      this.#drawFailed(await failed.json(), Number(failed.headers.get("X-Total-Count") ?? 0));
      const all = incidentsOf(this.#params.has("own") ? lost : lost.filter((/** @type {SessionAnswer} */ s) => nameOf(s.service) !== ownService));
      fill(this.incidents, all.length === 0 ? notice("empty", "Nothing was lost", "No session ended without being seen to end.") : all.slice(0, mostIncidents).map(incidentView), all.length > mostIncidents ? h("p", { class: "faint" }, `The newest ${mostIncidents} of ${count(all.length)} incidents. A narrower window shows others.`) : null, lost.length >= mostLost ? h("p", { class: "faint" }, `Only the newest ${count(mostLost)} lost sessions are looked at here.`) : null);
    } catch (error) {
      fill(this.failed, failure(error, () => this.#loadBeside(asked)));
      fill(this.incidents);
    }
  }

  /**
   * @param {{group: string | null, sessions: number}[]} failed
   * @param {number} addresses from which there were any
   */
  #drawFailed(failed, addresses) {
    if (failed.length === 0) {
      fill(this.failed, notice("empty", "No login has failed", `None in this window, as of ${moment(Date.now())}.`));
      return;
    }
    const most = failed[0].sessions;
    fill(
      this.failed,
      h(
        "ul",
        { class: "counts" },
        failed.map((f) =>
          h("li", {}, h("a", { href: href("history", { address: f.group ?? "", reason: "auth_failed", since: this.#params.get("since") ?? "24h" }) }, h("span", { class: "bar", "style:width": `${(f.sessions / most) * 100}%` }), h("code", {}, f.group ?? "unknown"), h("span", { class: "n" }, count(f.sessions)))),
        ),
      ),
      addresses > failed.length ? h("p", { class: "faint" }, `The ${failed.length} addresses with the most, of ${count(addresses)}.`) : null,
    );
  }
}

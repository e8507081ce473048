/** Ends sessions, and shows for how long that can be taken back. It stays over a reload. */

import { base, get, query } from "../app/api.js";
import { fill, h } from "../app/dom.js";
import { plural, span } from "../app/format.js";
import { icon } from "./icon.js";
import { askToEnd } from "./killdialog.js";

/**
 * @typedef {object} Job
 * @property {number[]} ids
 * @property {string} reason
 * @property {number} due in milliseconds
 */

/** How many requests are made at a time. */
const abreast = 4;
/** Where they are kept: a tab may show two books of one site. */
const place = `gatebook-pending ${base.pathname}`;

export class Pending {
  element = h("div", { class: "toasts", role: "region", "aria-label": "Ends that are pending" });
  /** @type {{job: Job, left: HTMLElement, element: HTMLElement}[]} */
  #shown = [];

  /** @param {(message: string) => void} announce */
  constructor(announce) {
    this.announce = announce;
    this.ticker = setInterval(() => this.#tick(), 250);
    for (const job of /** @type {Job[]} */ (JSON.parse(sessionStorage.getItem(place) ?? "[]"))) if (job.due > Date.now()) this.#show(job);
  }

  close() {
    clearInterval(this.ticker);
  }

  /**
   * Asks, and then ends sessions. It returns whether that was decided.
   *
   * @param {{id: number, label: string}[]} sessions
   */
  async end(sessions) {
    const decided = await askToEnd(sessions);
    if (!decided) return false;
    const ids = sessions.map((s) => s.id);
    const failures = await each(ids, (id) => get(`sessions/${id}${query(decided)}`, { method: "DELETE" }));
    const done = ids.filter((id) => !failures.has(id));
    if (done.length > 0 && decided.ttl) {
      const seconds = Number.parseInt(decided.ttl, 10) * (decided.ttl.endsWith("m") ? 60 : 1);
      this.#show({ ids: done, reason: decided.reason, due: Date.now() + seconds * 1000 });
      this.announce(`${plural(done.length, "session")} will be ended in ${span(seconds)}. That can be undone.`);
    } else if (done.length > 0) {
      this.say(`${plural(done.length, "session")} ended.`);
    }
    this.#complain(failures);
    return true;
  }

  /** @param {Job} job */
  #show(job) {
    const left = h("span", { class: "left" });
    const element = h(
      "div",
      { class: "toast" },
      h("span", {}, job.ids.length === 1 ? `Session ${job.ids[0]} ends in ` : `${plural(job.ids.length, "session")} end in `, left, job.reason ? h("span", { class: "faint" }, ` · ${job.reason}`) : null),
      h("button", { type: "button", onclick: () => this.#undo(job) }, "Undo"),
    );
    this.element.append(element);
    this.#shown.push({ job, left, element });
    this.#keep();
    this.#tick();
  }

  /** @param {Job} job */
  async #undo(job) {
    this.#drop(job);
    const failures = await each(job.ids, (id) => get(`sessions/${id}?cancel=true`, { method: "DELETE" }));
    const kept = job.ids.length - failures.size;
    if (kept > 0) this.say(kept === 1 ? `Session ${job.ids.find((id) => !failures.has(id))} goes on.` : `${plural(kept, "session")} go on.`);
    this.#complain(failures);
  }

  /** @param {Job} job */
  #drop(job) {
    for (const one of this.#shown) if (one.job === job) one.element.remove();
    this.#shown = this.#shown.filter((one) => one.job !== job);
    this.#keep();
  }

  #keep() {
    sessionStorage.setItem(place, JSON.stringify(this.#shown.map((one) => one.job)));
  }

  #tick() {
    const now = Date.now();
    for (const { job, left } of [...this.#shown]) {
      if (job.due <= now) this.#drop(job);
      else left.textContent = span(Math.ceil((job.due - now) / 1000));
    }
  }

  /** @param {Map<number, Error>} failures */
  #complain(failures) {
    if (failures.size === 0) return;
    const [[id, error]] = failures;
    const more = failures.size > 1 ? ` And ${failures.size - 1} more could not be done.` : "";
    this.say(`Session ${id}: ${error.message}${more}`, true);
  }

  /**
   * Shows a message for a while.
   *
   * @param {string} text
   * @param {boolean} [bad]
   */
  say(text, bad = false) {
    const element = h("div", { class: `toast ${bad ? "bad" : ""}` });
    fill(element, h("span", {}, text), h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", onclick: () => element.remove() }, icon("cross")));
    this.element.append(element);
    this.announce(text);
    setTimeout(() => element.remove(), bad ? 12_000 : 5000);
  }
}

/**
 * Does something for each id, a few at a time, and returns what has failed.
 *
 * @param {number[]} ids
 * @param {(id: number) => Promise<unknown>} act
 */
async function each(ids, act) {
  /** @type {Map<number, Error>} */
  const failures = new Map();
  const left = [...ids];
  const worker = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      try {
        await act(id);
      } catch (error) {
        failures.set(id, /** @type {Error} */ (error));
      }
    }
  };
  await Promise.all(Array.from({ length: abreast }, worker));
  return failures;
}

/** The sessions of a moment in the past: the first of them at once, all of them when one stays there. */

import { lines, query, request } from "./api.js";
import { fromAnswer } from "./fold.js";

/** @typedef {import("./types.js").Session} Session */

const fields = "id,state,user,address,service,idle,source,protocol,port,database,program,tls,opened,servers";
/** How many sessions are read at once, and how many when one stays at a moment. */
const first = 5000;
export const mostListed = 100_000;
/** How long one has to stay for that, in milliseconds. */
const stay = 400;

/** @typedef {Record<string, string[]>} Filters */

export class MomentReader {
  /** @type {Session[]} */
  sessions = [];
  /** How many there were. */
  total = 0;
  /** What becomes of those that are not among the sessions. @type {"" | "reading" | "failed"} */
  rest = "";
  /**
   * There are more than can be listed, so that the filters have to find them in the book. That
   * is known from an answer without filters.
   */
  crowded = false;
  #wanted = 0;
  #busy = false;
  /** @type {Filters} */
  #filters = {};
  #staying = 0;
  #left = new AbortController();

  /**
   * @param {{services: Promise<string[]>, read: () => void, gap: (header: string | null, at: number) => void, failed: (error: unknown) => void}} on
   *   services are those that are read where none is chosen; read is called when the sessions
   *   have changed, gap with the times between which no registry ran
   */
  constructor(on) {
    this.on = on;
  }

  close() {
    clearTimeout(this.#staying);
    this.#left.abort();
  }

  /**
   * Reads the newest moment that is wanted, one after the other.
   *
   * @param {number} at
   * @param {Filters} filters
   */
  async see(at, filters) {
    this.close();
    this.#wanted = at;
    this.#filters = filters;
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (await this.#readFirst());
    } catch (error) {
      this.on.failed(error);
    } finally {
      this.#busy = false;
    }
  }

  /** Reads the first sessions of a moment, and returns whether something else is wanted meanwhile. */
  async #readFirst() {
    const [at, filters] = [this.#wanted, this.#filters];
    const chosen = Object.values(filters).some((all) => all.length > 0);
    const filtered = this.crowded && chosen;
    const answer = await request(`sessions${query({ ...(await this.#asked(at, filtered)), limit: first, count: "true" })}`);
    this.on.gap(answer.headers.get("Gatebook-Gap"), at);
    this.total = Number(answer.headers.get("X-Total-Count") ?? 0);
    this.sessions = (await answer.json()).map((/** @type {any} */ a) => fromAnswer(a, at));
    if (!filtered) this.crowded = this.total > mostListed;
    if (at !== this.#wanted || filters !== this.#filters || (this.crowded && chosen && !filtered)) return true;
    const more = this.total > this.sessions.length;
    this.rest = more ? "reading" : "";
    this.on.read();
    this.close();
    this.#left = new AbortController();
    if (more) this.#staying = setTimeout(() => this.#readAll(at, filtered, this.#left.signal), stay);
    return false;
  }

  /**
   * @param {number} at
   * @param {boolean} filtered
   */
  async #asked(at, filtered) {
    const chosen = filtered ? this.#filters : {};
    return { ...chosen, at: new Date(at).toISOString(), fields, service: chosen.service?.length ? chosen.service : await this.on.services };
  }

  /**
   * @param {number} at
   * @param {boolean} filtered
   * @param {AbortSignal} signal
   */
  async #readAll(at, filtered, signal) {
    /** @type {Session[]} */
    const all = [];
    try {
      const answer = await request(`sessions${query({ ...(await this.#asked(at, filtered)), limit: mostListed })}`, { accept: "application/x-ndjson", signal });
      for await (const part of lines(answer)) for (const line of part) if (line) all.push(fromAnswer(JSON.parse(line), at));
      if (signal.aborted) return;
      this.sessions = all;
      this.rest = "";
    } catch {
      if (signal.aborted) return;
      this.rest = "failed";
    }
    this.on.read();
  }
}

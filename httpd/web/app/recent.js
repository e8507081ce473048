/** What happened in the last five minutes, a second at a time, for the live chart. */

import { get, query } from "./api.js";
import { ms, nameOf, ownService } from "./format.js";

/**
 * @typedef {object} Second
 * @property {number} at
 * @property {number} live how many sessions there were; -1 where that is not known
 * @property {number} opened
 * @property {number} ended
 * @property {number} bytes
 * @property {boolean} watched the page was there, so that bytes are known
 */

/** How many seconds are shown. */
export const window = 300;
/** Of how many sessions that ended before the page was opened it asks; what was before them is not known. */
const mostEnded = 5000;

export class History {
  /** @type {Map<number, Second>} */
  #seconds = new Map();

  /**
   * Returns the second of a time, in milliseconds.
   *
   * @param {number} time
   */
  at(time) {
    const at = Math.floor(time / 1000);
    let found = this.#seconds.get(at);
    if (!found) {
      found = { at, live: -1, opened: 0, ended: 0, bytes: 0, watched: true };
      this.#seconds.set(at, found);
      this.#seconds.delete(at - window - 30);
    }
    return found;
  }

  /**
   * Notes that the page was not there for a time: what happened is told later, how much was
   * moved is not.
   *
   * @param {number} from
   * @param {number} until
   */
  missed(from, until) {
    for (let at = Math.max(Math.floor(from / 1000), Math.floor(until / 1000) - window); at <= Math.floor(until / 1000); at++) this.at(at * 1000).watched = false;
  }

  /**
   * Returns the seconds up to a time, the oldest first. A second in which nothing was heard has
   * as many sessions as the one before.
   *
   * @param {number} time
   * @param {number} live how many sessions there are now
   * @returns {Second[]}
   */
  last(time, live) {
    const until = Math.floor(time / 1000) - 1;
    const all = [];
    let before = -1;
    for (let at = until - window + 1; at <= until; at++) {
      const found = this.#seconds.get(at);
      if (found && found.live >= 0) before = found.live;
      all.push({ at, live: before, opened: found?.opened ?? 0, ended: found?.ended ?? 0, bytes: found?.bytes ?? 0, watched: found?.watched ?? before >= 0 });
    }
    if (all.length > 0 && all[all.length - 1].live < 0) all[all.length - 1].live = live;
    return all;
  }

  /**
   * Fills the minutes before the page was opened: the book knows who was there, and not how busy
   * they were. What happened after a record is not counted, because the feed tells of it.
   *
   * @param {number[]} opened when the sessions were opened that lived at that record
   * @param {number} position of the record
   */
  async backfill(opened, position) {
    const now = Date.now();
    const began = Math.floor(now / 1000);
    let from = began - window + 1;
    let ended = [];
    try {
      const all = await get(`sessions${query({ status: "closed,lost", since: `${window}s`, sort: "-ended", limit: mostEnded, fields: "service,opened,ended,version" })}`);
      if (all.length >= mostEnded) from = Math.floor(ms(all[all.length - 1].ended) / 1000) + 1;
      ended = all.filter((/** @type {any} */ s) => s.version <= position);
    } catch {
      return; // the chart begins now
    }
    const changes = new Map();
    const change = (/** @type {number} */ time, /** @type {"opened" | "ended"} */ what) => {
      const at = Math.floor(time / 1000);
      const c = changes.get(at) ?? { opened: 0, ended: 0 };
      c[what]++;
      changes.set(at, c);
    };
    for (const at of opened) change(at, "opened");
    for (const s of ended) {
      if (nameOf(s.service) === ownService) continue;
      change(ms(s.opened), "opened");
      change(ms(s.ended), "ended");
    }
    let live = opened.length;
    for (let at = began; at >= from; at--) {
      const c = changes.get(at) ?? { opened: 0, ended: 0 };
      const found = this.#seconds.get(at) ?? { at, live: -1, opened: 0, ended: 0, bytes: 0, watched: at === began };
      this.#seconds.set(at, found);
      found.opened += c.opened;
      found.ended += c.ended;
      if (found.live < 0) found.live = live;
      live += c.ended - c.opened;
    }
  }
}

/** The live sessions: read once, and then kept up by the feed. */

import { lines, request } from "./api.js";
import { apply, fromAnswer } from "./fold.js";
import { ms, ownService } from "./format.js";
import { History } from "./recent.js";

/**
 * @typedef {import("./types.js").Session} Session
 * @typedef {import("./feed.js").Batch} Batch
 */

/** The members that the table shows. */
const fields =
  "id,state,user,address,service,idle,source,protocol,port,database,program,tls,opened,servers,statistics.bytes_read,statistics.bytes_written";
/** How long a session that has ended stays in the table, and how many of them do, at most. */
const lingering = 2500;
const mostLingering = 40;

export class Store {
  /** @type {Map<number, Session>} */
  sessions = new Map();
  /** What happened in the last minutes. */
  recent = new History();
  /** @type {"loading" | "ready" | "failed"} */
  state = "loading";
  /** @type {Error | null} */
  error = null;
  /** Of the sessions in the table, how many have ended, in all and of the API's own clients. */
  #gone = 0;
  #goneOwn = 0;
  /** How many sessions in the table are of the API's own clients. */
  #own = 0;
  #position = 0;
  /** How much later than the server's clock records are heard of, at least: that and the difference of the clocks. */
  #behind = Infinity;
  /** Since when the stream is cut, 0 while it is not. */
  #cutSince = 0;
  /** @type {Batch[] | null} gathered while the list is read */
  #early = [];
  /** @type {Set<() => void>} */
  #watchers = new Set();

  /** @param {import("./feed.js").Feed} feed */
  constructor(feed) {
    this.feed = feed;
    feed.read((batch) => this.#take(batch));
    feed.watch((state) => this.#watchFeed(state));
    feed.onreset = () => this.load();
  }

  /** How many sessions live, without the API's own clients. */
  get live() {
    return this.sessions.size - this.#own - (this.#gone - this.#goneOwn);
  }

  /** How many of the API's own clients are connected, of which this page is one. */
  get own() {
    return this.#own - this.#goneOwn;
  }

  /** @param {Session} session */
  #add(session) {
    this.sessions.set(session.id, session);
    if (session.service === ownService) this.#own++;
  }

  /** @param {Session} session */
  #remove(session) {
    this.sessions.delete(session.id);
    if (session.service === ownService) this.#own--;
  }

  /** @param {() => void} watcher @returns {() => void} stops it */
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** @param {import("./types.js").FeedState} state */
  #watchFeed(state) {
    if (state.name === "waiting") this.#cutSince ||= state.since;
    if (state.name !== "live" || !this.#cutSince) return;
    this.recent.missed(this.#cutSince, Date.now());
    this.#cutSince = 0;
  }

  #changed() {
    for (const watcher of this.#watchers) watcher();
  }

  /** Reads the list, and follows the log from there. */
  async load() {
    this.state = "loading";
    this.error = null;
    this.#early ??= [];
    this.sessions.clear();
    this.recent = new History();
    this.#gone = this.#own = this.#goneOwn = 0;
    this.#changed();
    try {
      const answer = await request(`sessions?fields=${fields}`, { accept: "application/x-ndjson" });
      const position = Number(answer.headers.get("Gatebook-Sequence"));
      const now = Date.now();
      for await (const part of lines(answer)) {
        for (const line of part) {
          if (!line) continue;
          this.#add(fromAnswer(JSON.parse(line), now));
        }
        this.#changed();
      }
      this.#position = position;
      const opened = [...this.sessions.values()].filter((s) => s.service !== ownService).map((s) => s.opened);
      const early = this.#early ?? [];
      this.#early = null;
      for (const batch of early) this.#take(batch);
      this.state = "ready";
      this.feed.start(position);
      this.recent.backfill(opened, position);
    } catch (error) {
      this.state = "failed";
      this.error = /** @type {Error} */ (error);
    }
    this.#changed();
  }

  /** @param {Batch} batch */
  #take(batch) {
    if (this.#early) {
      this.#early.push(batch);
      return;
    }
    const now = Date.now();
    for (const record of batch.records) this.#behind = Math.min(this.#behind, now - ms(record.time));
    for (const record of batch.records) {
      if (record.sequence <= this.#position) continue;
      this.#position = record.sequence;
      // After the stream was cut records come late: they are counted when they happened.
      this.#apply(record, now, Math.min(now, ms(record.time) + this.#behind));
    }
    for (const seen of batch.observations) this.#observe(seen, now);
    this.recent.at(now).live = this.live;
    if (batch.records.length + batch.observations.length > 0) this.#changed();
  }

  /**
   * @param {import("./types.js").LogRecord} record
   * @param {number} now
   * @param {number} at when it happened, by the browser's clock
   */
  #apply(record, now, at) {
    if (!record.session) return;
    const before = this.sessions.get(record.session);
    if (record.kind === "session_recovered" && (!before || before.gone)) {
      this.#fetch(record.session);
      return;
    }
    const moved = before ? before.read + before.written : 0;
    const session = apply(before, record);
    if (!session) return;
    if (!before) {
      this.#add(session);
      if (session.service === ownService) return;
      const second = this.recent.at(at);
      second.opened++;
      second.live = this.live;
      return;
    }
    if (session.service !== ownService) this.recent.at(now).bytes += Math.max(0, session.read + session.written - moved);
    if (session.gone && this.sessions.has(session.id)) this.#end(session, now, at);
  }

  /**
   * @param {Session} session
   * @param {number} now
   * @param {number} at when it ended
   */
  #end(session, now, at) {
    const own = session.service === ownService ? 1 : 0;
    session.gone = now;
    const lingers = this.#gone < mostLingering;
    if (lingers) {
      this.#gone++;
      this.#goneOwn += own;
    } else this.#remove(session);
    if (!own) {
      const second = this.recent.at(at);
      second.ended++;
      second.live = this.live;
    }
    if (!lingers) return;
    setTimeout(() => {
      if (this.sessions.get(session.id) !== session) return;
      this.#remove(session);
      this.#gone--;
      this.#goneOwn -= own;
      this.#changed();
    }, lingering);
  }

  /**
   * @param {import("./types.js").Observation} seen
   * @param {number} now
   */
  #observe(seen, now) {
    const session = this.sessions.get(seen.session);
    if (!session || seen.connection !== 0) return;
    const total = seen.statistics.bytes_read + seen.statistics.bytes_written;
    const grown = Math.max(0, total - session.read - session.written);
    const since = Math.max(0.5, Math.min(5, (now - (session.rateAt || now - 1000)) / 1000));
    session.read = seen.statistics.bytes_read;
    session.written = seen.statistics.bytes_written;
    session.rate = grown / since;
    session.rateAt = now;
    if (seen.active) session.active = Math.max(session.active, Date.parse(seen.active));
    if (session.service !== ownService) this.recent.at(now).bytes += grown;
  }

  /** @param {number} id */
  async #fetch(id) {
    try {
      const answer = await request(`sessions/${id}?fields=${fields}`);
      const session = fromAnswer(await answer.json(), Date.now());
      const before = this.sessions.get(id);
      if (before) this.#remove(before);
      if (before?.gone) this.#gone--;
      this.#add(session);
      this.#changed();
    } catch {
      // It has ended meanwhile, or the connection is gone, and then the list is read again.
    }
  }
}
